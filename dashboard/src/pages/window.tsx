// A history of any length that one scrolls through: only the events that are seen are on the page, and they are asked for when they come
// into sight.

import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { get, path, withQuery, type ApiError } from '../api';
import type { History, HistoryEvent, Instance } from '../model';
import { grouped } from '../time';
import { Refusal } from '../ui/basics';
import { isTyping } from '../ui/keys';
import { EventLine, EventMore, isBad, namesOf } from './events';

const ROW = 28; // pixels
const OVERSCAN = 10; // rows above and below what is seen
const PAGE = 200; // events of one question
const KEPT = 100; // pages
const SETTLED = 60; // milliseconds without scrolling after which it is asked

interface Props {
  events: ReadonlyMap<number, HistoryEvent>; // those that are known, by number
  total: number;
  more: (event: HistoryEvent) => ComponentChildren; // of an event that was opened
  onSight?: (first: number, last: number) => void;
}

// All events of an instance.
export function InstanceEvents({ instance, readOnly }: { instance: Instance; readOnly: boolean }) {
  const [sight, setSight] = useState({ first: 0, last: PAGE });
  const { events, total, error } = usePages(instance, sight.first, sight.last);
  return (
    <>
      <Refusal error={error} />
      <EventsWindow
        events={events}
        total={total}
        onSight={(first, last) => setSight({ first, last })}
        more={(event) => <EventMore instance={instance} event={event} readOnly={readOnly} />}
      />
    </>
  );
}

export function EventsWindow({ events, total, more, onSight }: Props) {
  const body = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [opened, setOpened] = useState<number | undefined>(undefined);
  const [chosen, setChosen] = useState<number | undefined>(undefined);
  const [extra, setExtra] = useState(0); // what the opened event takes below its line, in pixels
  const names = useMemo(() => namesOf(events.values()), [events]);
  const from = Math.floor(indexAt(top, opened, extra));
  const to = Math.ceil(indexAt(top + height, opened, extra));

  useEffect(() => onSight?.(from, to), [from, to]);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => setHeight(body.current!.clientHeight));
    observer.observe(body.current!);
    return () => observer.disconnect();
  }, []);

  const first = Math.max(0, from - OVERSCAN);
  const last = Math.min(total, to + OVERSCAN);
  const numbers = Array.from({ length: Math.max(0, last - first) }, (_, at) => first + at);

  const show = (number: number): void => {
    setChosen(number);
    const place = placeOf(number, opened, extra);
    const view = body.current!;
    if (place < view.scrollTop || place + ROW > view.scrollTop + view.clientHeight) view.scrollTop = place - view.clientHeight / 2;
  };
  const open = (number: number): void => {
    setChosen(number);
    setOpened(number === opened ? undefined : number);
  };
  const down = (): void => show(Math.min(total - 1, (chosen ?? first - 1) + 1));
  const up = (): void => show(Math.max(0, (chosen ?? first + 1) - 1));
  const onKey = (event: KeyboardEvent): void => {
    const keys: Record<string, () => void> = {
      j: down,
      ArrowDown: down,
      k: up,
      ArrowUp: up,
      Enter: () => chosen !== undefined && open(chosen),
      Home: () => show(0),
      End: () => show(total - 1),
    };
    const onButton = event.key === 'Enter' && event.target !== body.current;
    const action = event.ctrlKey || event.metaKey || event.altKey || onButton || isTyping(event) ? undefined : keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };

  return (
    <>
      <p class="quiet ends">
        {grouped(total)} {total === 1 ? 'event' : 'events'} · <button type="button" class="plain" onClick={() => show(0)}>first</button> ·{' '}
        <button type="button" class="plain" onClick={() => show(total - 1)}>last</button>
      </p>
      <div class="events events-window" ref={body} data-rows tabIndex={0} aria-label="Events" role="region" onKeyDown={onKey} onScroll={(event) => setTop(event.currentTarget.scrollTop)}>
        <ol style={{ height: `${placeOf(total, opened, extra)}px` }}>
          {numbers.map((number) => (
            <li
              key={number}
              aria-setsize={total}
              aria-posinset={number + 1}
              class={`${isBad(events.get(number)) ? 'bad' : ''}${number === chosen ? ' chosen' : ''}`}
              style={{ transform: `translateY(${placeOf(number, opened, extra)}px)` }}
            >
              <EventLine number={number} event={events.get(number)} names={names} open={number === opened} onClick={() => open(number)} />
              {number === opened && events.get(number) && (
                <Measured onHeight={setExtra}>{more(events.get(number)!)}</Measured>
              )}
            </li>
          ))}
        </ol>
      </div>
    </>
  );
}

// Where the line of an event begins, in pixels, and the other way round.
function placeOf(number: number, opened: number | undefined, extra: number): number {
  return number * ROW + (opened !== undefined && number > opened ? extra : 0);
}

function indexAt(place: number, opened: number | undefined, extra: number): number {
  if (opened === undefined || place < (opened + 1) * ROW) return place / ROW;
  return Math.max(opened, (place - extra) / ROW);
}

function Measured({ onHeight, children }: { onHeight: (height: number) => void; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => onHeight(box.current!.offsetHeight));
    observer.observe(box.current!);
    return () => {
      observer.disconnect();
      onHeight(0);
    };
  }, []);
  return (
    <div class="event-more" ref={box}>
      {children}
    </div>
  );
}

// The events from |first| to before |last|, and what else is known.
function usePages(instance: Instance, first: number, last: number): { events: ReadonlyMap<number, HistoryEvent>; total: number; error: ApiError | undefined } {
  const [known, setKnown] = useState<ReadonlyMap<number, HistoryEvent>>(new Map());
  const [total, setTotal] = useState(instance.events);
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const run = useRef<number | undefined>(undefined); // when the run began that the events are of
  if (run.current !== instance.started) {
    run.current = instance.started; // it continued as new: another history
    if (known.size) setKnown(new Map());
  }
  const most = Math.max(total, instance.events);
  let missing: number | undefined;
  for (let number = Math.max(0, first); number < Math.min(last, most) && missing === undefined; number++) if (!known.has(number)) missing = number;

  useEffect(() => {
    if (missing === undefined) return undefined;
    let stopped = false;
    const from = missing - (missing % PAGE);
    const ask = async (): Promise<void> => {
      try {
        const answer = await get<History>(withQuery(path('instances', instance.id, 'events'), { from, n: PAGE }));
        if (stopped) return;
        const next = new Map([...known].slice(-KEPT * PAGE));
        for (const event of answer.events) next.set(event.number, event);
        setKnown(next);
        setTotal(answer.total);
        setError(undefined);
      } catch (caught) {
        if (!stopped) setError(caught as ApiError);
      }
    };
    const timer = setTimeout(() => void ask(), known.size ? SETTLED : 0);
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [instance.id, instance.started, missing, instance.events]);
  return { events: known, total: most, error };
}
