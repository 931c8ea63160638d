// All events of one workflow: one line each, or with all that they carry; those with a text are found in the whole history.

import { useEffect, useState } from 'preact/hooks';
import { get, path, withQuery, type ApiError } from '../api';
import { useLive } from '../live';
import type { History, HistoryEvent, Instance } from '../model';
import { route, setQuery } from '../route';
import { grouped } from '../time';
import { Refusal } from '../ui/basics';
import { EventFields, EventLine, EventMore, isBad, namesOf, RerunButton } from './events';
import { InstanceEvents } from './window';

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
      {word ? (
        <Found key={`${word} ${full}`} instance={instance} word={word} full={full} readOnly={readOnly} />
      ) : full ? (
        <FullPages instance={instance} readOnly={readOnly} />
      ) : (
        <InstanceEvents instance={instance} readOnly={readOnly} />
      )}
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

function FullPages({ instance, readOnly }: Omit<Of, 'full'>) {
  const [from, setFrom] = useState(0);
  const where = withQuery(path('instances', instance.id, 'events'), { from, n: FULL, full: 1 });
  const { value, error } = useLive<History & { at: number }>(where, instance.ended !== undefined ? 10000 : 1000, instance.id);
  const history = value.value;
  useEffect(() => setFrom(0), [instance.id]);
  return (
    <>
      <Refusal error={error.value} />
      {history && history.total > FULL && (
        <p>
          <button type="button" disabled={from === 0} onClick={() => setFrom(Math.max(0, from - FULL))}>
            earlier
          </button>{' '}
          {grouped(from + 1)}–{grouped(Math.min(from + FULL, history.total))} of {grouped(history.total)}{' '}
          <button type="button" disabled={from + FULL >= history.total} onClick={() => setFrom(from + FULL)}>
            later
          </button>
        </p>
      )}
      <Events events={history?.events ?? []} instance={instance} full readOnly={readOnly} />
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
        {grouped(events.length)} {events.length === 1 ? 'event has' : 'events have'} “{word}”{next !== undefined && events.length < wanted && '; searching …'}
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
  const names = namesOf(events);
  return (
    <ol class="events">
      {events.map((event) => (
        <li key={event.number} class={isBad(event) ? 'bad' : ''}>
          <EventLine number={event.number} event={event} names={names} open={full || opened === event.number} onClick={() => setOpened(opened === event.number ? undefined : event.number)} brief={full} />
          {full ? (
            <>
              <EventFields event={event} />
              <RerunButton instance={instance} event={event} readOnly={readOnly} />
            </>
          ) : (
            opened === event.number && <EventMore instance={instance} event={event} readOnly={readOnly} />
          )}
        </li>
      ))}
    </ol>
  );
}
