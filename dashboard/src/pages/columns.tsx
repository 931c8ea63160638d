// The columns of the list, and which of them are shown.

import { effect, signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { get, path } from '../api';
import { ENDED, type Instance, type Row } from '../model';
import { link, route, setQuery } from '../route';
import { withTerm } from '../query';
import { duration, now } from '../time';
import { Time } from '../ui/basics';
import { visible } from '../ui/json';

export interface Column {
  key: string;
  label: string;
  kind?: 'number' | 'says';
  sort?: string; // what the daemon calls it
  show: (row: Row, q: string) => ComponentChildren;
}

export const COLUMNS: readonly Column[] = [
  {
    key: 'name',
    label: 'Workflow',
    show: (row, q) => (
      <a class="quiet-link" href={link(['instances'], { q: withTerm(q, 'name', row.name) })} title="only this workflow">
        {row.name}
      </a>
    ),
  },
  { key: 'created', label: 'Created', sort: 'created', show: (row) => <Time at={row.created} /> },
  { key: 'updated', label: 'Changed', show: (row) => <Time at={row.updated} relative /> },
  { key: 'ended', label: 'Ended', show: (row) => <Time at={row.ended} /> },
  { key: 'took', label: 'Took', kind: 'number', show: (row) => duration((row.ended ?? now()) - row.created) },
  { key: 'waits', label: 'Does now', kind: 'says', show: (row) => <Sentence row={row} /> },
  { key: 'says', label: 'Says', kind: 'says', show: (row) => visible(row.failure ?? row.customStatus ?? '') },
  { key: 'failure', label: 'Failure', kind: 'says', show: (row) => visible(row.failure ?? '') },
  { key: 'custom', label: 'Custom status', kind: 'says', show: (row) => visible(row.customStatus ?? '') },
  { key: 'parent', label: 'Parent', show: (row) => row.parent && <a href={link(['instance', row.parent])}>{row.parent}</a> },
  {
    key: 'tags',
    label: 'Tags',
    kind: 'says',
    show: (row) =>
      Object.entries(row.tags ?? {})
        .map(([key, value]) => visible(`${key}: ${value}`))
        .join(', '),
  },
];

const USUAL = ['name', 'created', 'ended', 'took', 'waits', 'says'];

export function chosen(): readonly Column[] {
  const keys = route.value.query.get('cols')?.split(',') ?? USUAL;
  return COLUMNS.filter((column) => keys.includes(column.key));
}

export function ColumnChooser() {
  const shown = chosen().map((column) => column.key);
  const toggle = (key: string): void => {
    const next = COLUMNS.map((column) => column.key).filter((one) => (one === key) !== shown.includes(one));
    setQuery({ cols: next.join() === COLUMNS.map((column) => column.key).filter((one) => USUAL.includes(one)).join() ? undefined : next.join() || 'none' });
  };
  return (
    <details class="chooser">
      <summary>Columns</summary>
      <fieldset>
        <legend class="sr-only">Columns that are shown</legend>
        {COLUMNS.map((column) => (
          <label key={column.key}>
            <input type="checkbox" checked={shown.includes(column.key)} onChange={() => toggle(column.key)} /> {column.label}
          </label>
        ))}
      </fieldset>
    </details>
  );
}

// --- what a workflow does now --------------------------------------------------------------------

const PAUSE = 250; // milliseconds between two questions: a list of many must not ask the daemon for all at once
const MOST = 60; // rows of a list that are asked for
const STANDS = 2000; // milliseconds without a change after which it is worth asking what a workflow waits for

// By id, with the change after which it was asked.
const sentences = signal<ReadonlyMap<string, { updated: number; text: string }>>(new Map());
const wanted = new Map<string, number>();
let asking = 0;

async function ask(): Promise<void> {
  const [id, updated] = [...wanted][0] ?? [];
  asking = 0;
  if (id === undefined || document.hidden) return;
  wanted.delete(id);
  try {
    const { sentence } = await get<Instance>(path('instances', id));
    const next = new Map([...sentences.value].slice(-MOST));
    next.delete(id);
    sentences.value = next.set(id, { updated: updated!, text: sentence });
  } catch {
    // It has gone, or the daemon: the row says nothing then.
  }
  again();
}

function again(): void {
  if (!asking && wanted.size) asking = setTimeout(() => void ask(), PAUSE) as unknown as number;
}

// Another app has other instances of the same names.
let of: string | undefined;
effect(() => {
  if (route.value.app === of) return;
  of = route.value.app;
  sentences.value = new Map();
  wanted.clear();
});

function Sentence({ row }: { row: Row }) {
  const [seen, setSeen] = useState<HTMLElement | null>(null);
  const open = !ENDED.has(row.status);
  const known = sentences.value.get(row.id);
  useEffect(() => {
    if (!open || !seen || known?.updated === row.updated) return undefined;
    const observer = new IntersectionObserver(([entry]) => {
      if (!entry?.isIntersecting || wanted.size >= MOST) return;
      wanted.set(row.id, row.updated);
      again();
    });
    const timer = setTimeout(() => observer.observe(seen), Math.max(0, row.updated + STANDS - now()));
    return () => {
      clearTimeout(timer);
      observer.disconnect();
      wanted.delete(row.id);
    };
  }, [row.id, row.updated, open, seen, known?.updated === row.updated]);
  const text = open ? visible(known?.text ?? '') : '';
  return (
    <span ref={setSeen} title={text}>
      {text}
    </span>
  );
}
