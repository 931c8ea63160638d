// Draws the timeline. Rows are a fixed pool of elements that are pointed at other rows while one scrolls, so fifty thousand rows cost as
// much as fifty; nothing here is painted at the height of the whole.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Group, Timeline } from '../model';
import { clock, duration, grouped, now } from '../time';
import { criticalPath } from './critical';
import { describe, endOf, rows as makeRows, type Row } from './rows';
import { Scale, stretches, tickTexts, type Stretch } from './scale';

const ROW = 26; // pixels
const OVERSCAN = 12; // rows above and below what is seen
const LABEL = 220; // pixels of the column of names
const NARROW = 110; // the same on a phone
const LEAST_BAR = 3; // pixels
const AFTER = 80; // pixels after the last bar, for how long it took,
const AFTER_MORE = 150; // and, where some did it, after how many attempts
const LETTER = 6.7; // pixels that one takes of what stands beside a bar, about

interface Props {
  timeline: Timeline;
  selected: number | undefined; // index of a group
  onSelect: (index: number | undefined) => void;
  onOpen: (child: string) => void;
}

interface Window {
  start: number;
  end: number;
}

export function TimelineView({ timeline, selected, onSelect, onOpen }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const [folding, setFolding] = useState(true);
  const [critical, setCritical] = useState(false);
  const [zoom, setZoom] = useState<Window | undefined>(undefined);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);
  const [drag, setDrag] = useState<{ from: number; to: number } | undefined>(undefined);
  const [tick, setTick] = useState(0);

  const running = timeline.end === undefined;
  useEffect(() => {
    if (!running) return undefined;
    const timer = setInterval(() => setTick((n) => n + 1), 500);
    return () => clearInterval(timer);
  }, [running]);

  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setWidth(entry.contentRect.width);
      if (body.current) setHeight(body.current.clientHeight);
    });
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);

  const present = running ? now() : timeline.end!;
  const rows = useMemo(() => makeRows(timeline.groups, opened, present), [timeline, opened]);
  const isMore = useMemo(() => rows.some((row) => (row.type === 'crowd' ? row.failed > 0 : row.group.attempts > 1)), [rows]);
  const path = useMemo(() => (critical ? new Set(criticalPath(timeline.groups, present)) : undefined), [timeline, critical]);
  const label = width < 560 ? NARROW : LABEL;
  const scale = useMemo(() => {
    const start = zoom?.start ?? timeline.start;
    const end = zoom?.end ?? Math.max(present, timeline.start + 1);
    if (!width) return new Scale([{ start, end, idle: false, folded: false }], 100); // nothing is laid out yet
    const bars = timeline.groups.flatMap(workOf(present));
    // The moments of start and end are worth seeing although nothing runs in them.
    const all = [...bars, { start: timeline.start, end: timeline.start + 1 }, { start: present - 1, end: present }];
    const parts: Stretch[] = folding ? stretches(all, start, end) : [{ start, end, idle: false, folded: false }];
    return new Scale(parts, Math.max(100, width - label - (label === NARROW ? 12 : isMore ? AFTER_MORE : AFTER)));
  }, [timeline, zoom, folding, width, label, isMore, tick]);

  const ticks = scale.ticks(label === NARROW ? 70 : 90, timeline.start);
  const says = tickTexts(ticks.map(({ time }) => time), timeline.start);
  const first = Math.max(0, Math.floor(top / ROW) - OVERSCAN);
  const last = Math.min(rows.length, Math.ceil((top + height) / ROW) + OVERSCAN);

  const shows = rows.slice(first, last).some((row) => row.type === 'group' && row.index === selected); // the chosen one

  const toggle = (key: string): void => {
    const next = new Set(opened);
    if (!next.delete(key)) next.add(key);
    setOpened(next);
  };

  const step = (by: number, wanted: (group: Group) => boolean = () => true): void => {
    const groups = rows.flatMap((row) => (row.type === 'group' ? [row] : []));
    let at = groups.findIndex((row) => row.index === selected);
    if (at < 0 && by < 0) at = groups.length;
    for (at += by; at >= 0 && at < groups.length; at += by) {
      if (!wanted(groups[at]!.group)) continue;
      onSelect(groups[at]!.index);
      const place = rows.indexOf(groups[at]!) * ROW;
      const view = body.current!;
      if (place < view.scrollTop || place + ROW > view.scrollTop + view.clientHeight)
        view.scrollTop = place - view.clientHeight / 2;
      return;
    }
  };

  const onKey = (event: KeyboardEvent): void => {
    const failed = (group: Group): boolean => group.outcome === 'failed';
    const keys: Record<string, () => void> = {
      j: () => step(1),
      ArrowDown: () => step(1),
      k: () => step(-1),
      ArrowUp: () => step(-1),
      f: () => step(1, failed),
      b: () => step(-1, failed),
      '0': () => setZoom(undefined),
      '+': () => setZoom(zoomed(0.5)),
      '-': () => setZoom(zoomed(2)),
      Escape: () => onSelect(undefined),
      Enter: () => {
        const child = selected === undefined ? undefined : timeline.groups[selected]?.child;
        if (child) onOpen(child);
      },
    };
    const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };

  const zoomed = (by: number): Window | undefined => {
    const chosen = selected === undefined ? undefined : timeline.groups[selected];
    const start = zoom?.start ?? timeline.start;
    const end = zoom?.end ?? present;
    const middle = chosen ? (chosen.start + (endOf(chosen) ?? present)) / 2 : (start + end) / 2;
    const half = Math.max(0.5, ((end - start) / 2) * by);
    if (half * 2 >= present - timeline.start) return undefined;
    return { start: Math.max(timeline.start, middle - half), end: Math.min(present, middle + half) };
  };

  const placeOf = (event: PointerEvent): number => event.clientX - box.current!.getBoundingClientRect().left - label;
  const onDown = (event: PointerEvent): void => {
    if (event.button !== 0 || placeOf(event) < 0) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    setDrag({ from: placeOf(event), to: placeOf(event) });
  };
  const onMove = (event: PointerEvent): void => {
    if (drag) setDrag({ from: drag.from, to: placeOf(event) });
  };
  const onUp = (): void => {
    if (drag && Math.abs(drag.to - drag.from) > 6) {
      const [from, to] = drag.from < drag.to ? [drag.from, drag.to] : [drag.to, drag.from];
      setZoom({ start: scale.time(from), end: Math.max(scale.time(to), scale.time(from) + 1) });
    }
    setDrag(undefined);
  };

  return (
    <section class="timeline" ref={box} aria-label="Timeline">
      <div class="timeline-tools">
        <label>
          <input type="checkbox" checked={folding} onChange={(event) => setFolding(event.currentTarget.checked)} /> fold idle time
        </label>
        <label title="from the end backwards, what the workflow waited for">
          <input type="checkbox" checked={critical} onChange={(event) => setCritical(event.currentTarget.checked)} /> critical path
        </label>
        <button type="button" disabled={!zoom} onClick={() => setZoom(undefined)}>
          whole time
        </button>
        <span class="quiet for-keys">drag over the times to zoom · j k rows · f next failure · Enter opens a child</span>
      </div>
      <div class="timeline-axis" onPointerDown={onDown} onPointerMove={onMove} onPointerUp={onUp} onPointerCancel={() => setDrag(undefined)}>
        {ticks.map(({ x, time }, index) => (
          <span class="tick" key={time} style={{ left: `${label + x}px` }} title={clock(time)}>
            {(ticks[index + 1]?.x ?? Infinity) - x > says[index]!.length * LETTER ? says[index] : ''}
          </span>
        ))}
        {drag && (
          <span class="drag" style={{ left: `${label + Math.min(drag.from, drag.to)}px`, width: `${Math.abs(drag.to - drag.from)}px` }} />
        )}
      </div>
      <div
        class="timeline-body"
        ref={body}
        data-rows
        tabIndex={0}
        aria-activedescendant={shows ? 'chosen-row' : undefined}
        role="listbox"
        aria-label="What the workflow did"
        onKeyDown={onKey}
        onScroll={(event) => {
          setTop(event.currentTarget.scrollTop);
          setHeight(event.currentTarget.clientHeight);
        }}
      >
        <div class="timeline-space" style={{ height: `${rows.length * ROW}px` }}>
          {scale.parts.map((part) => {
            const fold = part.folded && (
              <span
                class="fold"
                key={part.start}
                style={{ left: `${label + scale.x(part.start)}px`, top: `${first * ROW}px`, width: `${scale.x(part.end) - scale.x(part.start)}px`, height: `${(last - first) * ROW}px` }}
                title={`nothing ran for ${duration(part.end - part.start)}`}
              />
            );
            return fold || null;
          })}
          {timeline.suspended.map((one) => (
            <span
              class="suspended"
              key={one.start}
              style={{ left: `${label + scale.x(one.start)}px`, top: `${first * ROW}px`, width: `${Math.max(1, scale.x(one.end ?? present) - scale.x(one.start))}px`, height: `${(last - first) * ROW}px` }}
              title="suspended"
            />
          ))}
          {rows.slice(first, last).map((row, offset) => (
            <RowView
              key={offset}
              row={row}
              top={(first + offset) * ROW}
              scale={scale}
              label={label}
              width={width}
              present={present}
              selected={row.type === 'group' && row.index === selected}
              aside={path !== undefined && !(row.type === 'group' ? path.has(row.index) : row.members.some((index) => path.has(index)))}
              onSelect={() => (row.type === 'crowd' ? toggle(row.key) : onSelect(row.index === selected ? undefined : row.index))}
              onOpen={onOpen}
            />
          ))}
        </div>
      </div>
      {rows.length === 0 && <p class="empty">It has not done anything yet.</p>}
    </section>
  );
}

// When a group was at work: not while it slept, waited for an event or for its next attempt.
function workOf(present: number): (group: Group) => { start: number; end: number }[] {
  return (group) => {
    const [only] = group.segments;
    if (only && group.segments.length === 1 && only.state !== 'wait') return [{ start: only.start, end: Math.max(only.end ?? present, only.start + 1) }];
    const working = group.segments.filter((segment) => segment.state !== 'wait');
    const spans = working.map((segment) => ({ start: segment.start, end: segment.end ?? present }));
    const moments = [group.start, endOf(group) ?? group.start].map((time) => ({ start: time, end: time + 1 }));
    return [...spans, ...moments];
  };
}

interface RowProps {
  row: Row;
  top: number;
  scale: Scale;
  label: number;
  width: number; // of the whole
  present: number;
  selected: boolean;
  aside: boolean; // not on the critical path, which is shown
  onSelect: () => void;
  onOpen: (child: string) => void;
}

function RowView({ row, top, scale, label, width, present, selected, aside, onSelect, onOpen }: RowProps) {
  const start = row.type === 'crowd' ? row.start : row.group.start;
  const end = row.type === 'crowd' ? row.end : (endOf(row.group) ?? present);
  const took = duration(end - start);
  const kind = row.type === 'crowd' ? row.kind : row.group.kind;
  const name = row.type === 'crowd' ? `${grouped(row.members.length)} × ${row.name}` : row.group.name || row.group.kind;
  const says =
    row.type === 'crowd'
      ? `${name}: ${row.failed} failed, ${row.running} running, ${took}; ${row.open ? 'opened' : 'closed'}`
      : describe(row.group, took);
  const left = scale.x(start);
  const right = Math.max(scale.x(end), left + LEAST_BAR);
  const more = row.type === 'crowd' ? row.failed > 0 && `${row.failed} failed` : row.group.attempts > 1 && `${row.group.attempts} attempts`;
  const beside = placeBeside(more ? [`${took} · ${more}`, took] : [took], label, label + left, label + right, width);
  return (
    <div
      class={`timeline-row${selected ? ' selected' : ''}${aside ? ' aside' : ''}${row.type === 'group' && row.inCrowd ? ' in-crowd' : ''}`}
      style={{ transform: `translateY(${top}px)` }}
      id={selected ? 'chosen-row' : undefined}
      role="option"
      aria-selected={selected}
      title={says}
      onClick={onSelect}
      onDblClick={() => row.type === 'group' && row.group.child && onOpen(row.group.child)}
    >
      <span class="sr-only">{says}</span>
      <span class="name" aria-hidden="true" style={{ width: `${label}px` }}>
        <span class={`kind kind-${kind}`} />
        {row.type === 'crowd' && <span>{row.open ? '▾ ' : '▸ '}</span>}
        {name}
      </span>
      {row.type === 'crowd' ? (
        <span class={`bar crowd${row.failed ? ' failed' : ''}`} style={bar(label, scale, row.start, row.end)} />
      ) : (
        row.group.segments.map((segment, index) => (
          <span
            key={index}
            class={`bar ${segment.state} ${row.group.kind} ${segment.end === undefined ? 'open' : ''} ${index === row.group.segments.length - 1 ? row.group.outcome : ''}`}
            style={bar(label, scale, segment.start, segment.end ?? present)}
          />
        ))
      )}
      {beside && (
        <span class="took" aria-hidden="true" style={beside.style}>
          {beside.text}
        </span>
      )}
    </div>
  );
}

// After the bar, or, where there is no room, at the end within it, or before it, but never over the name: the first of |texts| that fits.
function placeBeside(texts: readonly string[], label: number, left: number, right: number, width: number): { text: string; style: { left: string } | { right: string } } | undefined {
  for (const text of texts) {
    const size = text.length * LETTER;
    if (right + 6 + size <= width) return { text, style: { left: `${right + 6}px` } };
    if (right - left > size + 12) return { text, style: { right: `${width - right + 4}px` } };
    if (left - 3 - size > label) return { text, style: { right: `${width - left + 3}px` } };
  }
  return undefined;
}

function bar(label: number, scale: Scale, start: number, end: number): { left: string; width: string } {
  const left = scale.x(start);
  return { left: `${label + left}px`, width: `${Math.max(LEAST_BAR, scale.x(end) - left)}px` };
}
