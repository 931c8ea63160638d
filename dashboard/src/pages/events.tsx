// One event of a history, with all that it carries.

import { useState } from 'preact/hooks';
import { path } from '../api';
import { useLive } from '../live';
import type { Failure, HistoryEvent, Instance } from '../model';
import { go, link } from '../route';
import { clock } from '../time';
import { Refusal } from '../ui/basics';
import { Payload, visible } from '../ui/json';
import { RerunDialog } from './actions';
import { FailureView } from './failure';

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

export function EventFields({ event }: { event: HistoryEvent }) {
  return (
    <div class="event-full">
      <h3>
        {event.type} <span class="quiet">{clock(event.at)}</span>
      </h3>
      {Object.entries(event.fields ?? {}).map(([key, field]) =>
        key === 'failureDetails' && field !== null && typeof field === 'object' ? (
          <FailureView key={key} failure={failureOf(field as WireFailure)} />
        ) : field !== null && typeof field === 'object' ? (
          <Payload key={key} label={key} text={JSON.stringify(field)} />
        ) : String(field).length > 60 || /^[[{"]/.test(String(field)) ? (
          <Payload key={key} label={key} text={String(field)} />
        ) : (
          <p key={key}>
            <span class="quiet">{key}</span> {visible(String(field))}
          </p>
        ),
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
