// One event of a history, with all that it carries.

import { useState } from 'preact/hooks';
import { path } from '../api';
import { useLive } from '../live';
import type { Failure, HistoryEvent, Instance } from '../model';
import { go, link } from '../route';
import { exactClock, UTC, utc } from '../time';
import { Refusal, Time } from '../ui/basics';
import { Payload, visible } from '../ui/json';
import { RerunDialog } from './actions';
import { FailureView } from './failure';

// What an answer is of, by the number of the action: the name of the activity, child or timer.
export function namesOf(events: Iterable<HistoryEvent>): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const event of events) if (event.name && /Scheduled$|Created$/.test(event.type)) names.set(event.id, event.name);
  return names;
}

function nameOf(event: HistoryEvent, names: ReadonlyMap<number, string> | undefined): string {
  const of = event.fields['taskScheduledId'] ?? event.fields['timerId'];
  return event.name ?? (typeof of === 'number' ? names?.get(of) : undefined) ?? '';
}

export const isBad = (event: HistoryEvent | undefined): boolean =>
  event !== undefined && (/Failed|Terminated|Stalled/.test(event.type) || Boolean(event.fields['failureDetails']));

interface LineProps {
  number: number;
  event: HistoryEvent | undefined; // undefined: it is still on its way
  open: boolean;
  names?: ReadonlyMap<number, string>;
  brief?: boolean; // without what it carries, which stands below
  onClick: () => void;
}

// One line of a list of events.
export function EventLine({ number, event, open, names, brief = false, onClick }: LineProps) {
  return (
    <button type="button" class="plain event" aria-expanded={open} onClick={onClick}>
      <span class="number">{number + 1}</span>
      <span class="at" title={event && utc(event.at)}>
        {event ? exactClock(event.at) : ''}
      </span>
      <span class="type">{event?.type ?? '…'}</span>
      <span class="of">{event ? visible(nameOf(event, names)) : ''}</span>
      <span class="preview">{event && !brief ? preview(event) : ''}</span>
    </button>
  );
}

// What stands below the line of an event that was opened.
export function EventMore({ instance, event, readOnly }: { instance: Instance; event: HistoryEvent; readOnly: boolean }) {
  return (
    <>
      <EventView id={instance.id} number={event.number} />
      <RerunButton instance={instance} event={event} readOnly={readOnly} />
    </>
  );
}

// What an event carries, in one line: its result or input or failure.
function preview(event: HistoryEvent): string {
  const { result, input, failureDetails, reason } = event.fields as Record<string, unknown>;
  const failure = failureDetails as { errorType?: string; errorMessage?: string } | undefined;
  if (failure) return visible(`${failure.errorType ?? ''}: ${failure.errorMessage ?? ''}`);
  const value = result ?? input ?? reason;
  return value === undefined ? '' : visible(typeof value === 'string' ? value : JSON.stringify(value));
}

// Fetched when it is looked at.
export function EventView({ id, number }: { id: string; number: number }) {
  const { value, error } = useLive<HistoryEvent & { at: number }>(path('instances', id, 'events', String(number)), 1e8);
  return value.value ? <EventFields event={value.value} /> : <Refusal error={error.value} />;
}

interface WireFailure {
  errorType?: string;
  errorMessage?: string;
  stackTrace?: string;
  innerFailure?: WireFailure;
}

function failureOf(wire: WireFailure): Failure {
  return {
    type: wire.errorType ?? '',
    message: wire.errorMessage ?? '',
    ...(wire.stackTrace && { stack: wire.stackTrace }),
    ...(wire.innerFailure && { cause: failureOf(wire.innerFailure) }),
  };
}

const SHORT = 80; // characters that stand in one line with others
const MOMENT = new RegExp(`^${UTC.source}$`);

const textOf = (field: unknown): string => (field !== null && typeof field === 'object' ? JSON.stringify(field) : String(field));
const isLong = (key: string, field: unknown): boolean => key === 'failureDetails' || textOf(field).length > SHORT || (typeof field === 'string' && /^[[{"]/.test(field));

// What it carries for people first, then the numbers by which the engine knows it.
export function EventFields({ event }: { event: HistoryEvent }) {
  const fields = Object.entries(event.fields ?? {});
  const short = fields.filter(([key, field]) => !isLong(key, field));
  return (
    <div class="event-full">
      <p class="event-title">
        {event.type}{' '}
        <span class="quiet">
          <Time at={event.at} exact />
        </span>
      </p>
      {fields
        .filter(([key, field]) => isLong(key, field))
        .map(([key, field]) =>
          key === 'failureDetails' && field !== null && typeof field === 'object' ? (
            <FailureView key={key} failure={failureOf(field as WireFailure)} />
          ) : (
            <Payload key={key} label={key} text={textOf(field)} />
          ),
        )}
      {short.length > 0 && (
        <p class="event-facts">
          {short.map(([key, field]) => (
            <span key={key}>
              <span class="quiet">{key}</span> {MOMENT.test(textOf(field)) ? <Time at={Date.parse(textOf(field))} exact /> : visible(textOf(field))}
            </span>
          ))}
        </p>
      )}
    </div>
  );
}

// From these a workflow that has ended can be run again.
const AGAIN = /^(taskScheduled|timerCreated|childWorkflowInstanceCreated)$/i;

// |kept|: what is taken over, and |again|: what is done again, as far as the caller knows it.
export function RerunButton({ instance, event, readOnly, kept, again }: { instance: Instance; event: HistoryEvent; readOnly: boolean; kept?: string[]; again?: string[] }) {
  const [asks, setAsks] = useState(false);
  if (!AGAIN.test(event.type)) return null;
  const why = readOnly
    ? 'this dashboard only reads'
    : instance.ended === undefined
      ? 'only a workflow that has ended can be run again: terminate it first'
      : instance.parent
        ? 'a child cannot be run again by itself; its parent can'
        : undefined;
  return (
    <>
      <button type="button" disabled={why !== undefined} title={why ?? 'a new workflow goes on from this event'} onClick={() => setAsks(true)}>
        Rerun from here …
      </button>
      {why !== undefined && <span class="quiet"> {why}</span>}
      {asks && (
        <RerunDialog
          id={instance.id}
          event={event}
          kept={kept}
          again={again}
          onClose={() => setAsks(false)}
          onStarted={(started) => {
            setAsks(false);
            go(link(['instance', started]));
          }}
        />
      )}
    </>
  );
}
