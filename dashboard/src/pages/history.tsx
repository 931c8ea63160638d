// All events of one workflow: one line each, or with all that they carry; those with a text are found in the whole history.

import { useEffect, useState } from 'preact/hooks';
import { get, path, withQuery, type ApiError } from '../api';
import { useLive } from '../live';
import type { History, HistoryEvent, Instance } from '../model';
import { route, setQuery } from '../route';
import { clock } from '../time';
import { Refusal } from '../ui/basics';
import { visible } from '../ui/json';
import { EventFields, EventView, RerunButton } from './events';

const EVENTS = 200; // a page
const FULL = 50; // the same, with all that they carry
const TYPING = 300; // milliseconds after the last key until it is searched

export function HistoryTab({ instance, readOnly }: { instance: Instance; readOnly: boolean }) {
  const word = route.value.query.get('find') ?? '';
  const full = route.value.query.get('view') === 'full';
  return (
    <section aria-label="History">
      <div class="history-tools">
        <Find word={word} />
        <label>
          <input type="checkbox" checked={full} onChange={(changed) => setQuery({ view: changed.currentTarget.checked ? 'full' : undefined })} /> with all
          that they carry
        </label>
      </div>
      {word ? <Found key={`${word} ${full}`} instance={instance} word={word} full={full} readOnly={readOnly} /> : <Pages instance={instance} full={full} readOnly={readOnly} />}
    </section>
  );
}

function Find({ word }: { word: string }) {
  const [text, setText] = useState(word);
  useEffect(() => {
    const timer = setTimeout(() => setQuery({ find: text.trim() || undefined }), TYPING);
    return () => clearTimeout(timer);
  }, [text]);
  return <input type="search" placeholder="find in all events" aria-label="Find in all events" value={text} onInput={(typed) => setText(typed.currentTarget.value)} />;
}

interface Of {
  instance: Instance;
  full: boolean;
  readOnly: boolean;
}

function Pages({ instance, full, readOnly }: Of) {
  const [from, setFrom] = useState(0);
  const most = full ? FULL : EVENTS;
  const where = withQuery(path('instances', instance.id, 'events'), { from, n: most, full: full ? 1 : undefined });
  const { value, error } = useLive<History & { at: number }>(where, instance.ended !== undefined ? 10000 : 1000, instance.id);
  const history = value.value;
  useEffect(() => setFrom(0), [instance.id]);
  return (
    <>
      <Refusal error={error.value} />
      {history && history.total > most && (
        <p>
          <button type="button" disabled={from === 0} onClick={() => setFrom(Math.max(0, from - most))}>
            earlier
          </button>{' '}
          {(from + 1).toLocaleString()}–{Math.min(from + most, history.total).toLocaleString()} of {history.total.toLocaleString()}{' '}
          <button type="button" disabled={from + most >= history.total} onClick={() => setFrom(from + most)}>
            later
          </button>
        </p>
      )}
      <Events events={history?.events ?? []} instance={instance} full={full} readOnly={readOnly} />
    </>
  );
}

// The daemon searches some thousand events with each answer.
function Found({ instance, word, full, readOnly }: Of & { word: string }) {
  const [events, setEvents] = useState<HistoryEvent[]>([]);
  const [next, setNext] = useState<number | undefined>(0);
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const [wanted, setWanted] = useState(EVENTS);
  useEffect(() => {
    if (next === undefined || events.length >= wanted || error) return undefined;
    let stopped = false;
    const where = withQuery(path('instances', instance.id, 'events'), { from: next, n: full ? FULL : EVENTS, find: word, full: full ? 1 : undefined });
    get<History>(where).then(
      (answer) => {
        if (stopped) return;
        setEvents([...events, ...answer.events]);
        setNext(answer.next);
      },
      (caught) => !stopped && setError(caught as ApiError),
    );
    return () => {
      stopped = true;
    };
  }, [next, wanted]);
  return (
    <>
      <Refusal error={error} />
      <p class="quiet" role="status">
        {events.length.toLocaleString()} {events.length === 1 ? 'event has' : 'events have'} “{word}”{next !== undefined && events.length < wanted && '; searching …'}
      </p>
      <Events events={events} instance={instance} full={full} readOnly={readOnly} />
      {next !== undefined && events.length >= wanted && (
        <button type="button" onClick={() => setWanted(wanted + EVENTS)}>
          Search on
        </button>
      )}
    </>
  );
}

function Events({ events, instance, full, readOnly }: Of & { events: readonly HistoryEvent[] }) {
  const [opened, setOpened] = useState<number | undefined>(undefined);
  return (
    <ol class="events">
      {events.map((event) => (
        <li key={event.number} class={/Failed|Terminated|Stalled/.test(event.type) ? 'bad' : ''}>
          <button type="button" class="plain event" aria-expanded={full || opened === event.number} onClick={() => setOpened(opened === event.number ? undefined : event.number)}>
            <span class="number">{event.number + 1}</span>
            <span class="at">{clock(event.at)}</span>
            <span class="type">{event.type}</span>
            <span class="of">{event.name ?? ''}</span>
            <span class="preview">{full ? '' : preview(event)}</span>
          </button>
          {full ? <EventFields event={event} /> : opened === event.number && <EventView id={instance.id} number={event.number} />}
          {(full || opened === event.number) && <RerunButton instance={instance} event={event} readOnly={readOnly} />}
        </li>
      ))}
    </ol>
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
