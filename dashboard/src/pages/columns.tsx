// The columns of the list, and which of them are shown.

import type { ComponentChildren } from 'preact';
import type { Row } from '../model';
import { link, route, setQuery } from '../route';
import { withTerm } from '../query';
import { duration, now } from '../time';
import { Time } from '../ui/basics';
import { visible } from '../ui/json';
import { Sentence } from './sentence';

export interface Column {
  key: string;
  label: string;
  kind?: 'number' | 'says';
  sort?: string; // what the daemon calls it
  show: (row: Row, q: string) => ComponentChildren;
}

// A text without the quotes of JSON.
export function saysOf(status: string | undefined): string {
  try {
    const value: unknown = JSON.parse(status ?? '""');
    return typeof value === 'string' ? value : status!;
  } catch {
    return status ?? '';
  }
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
  { key: 'waits', label: 'Why', kind: 'says', show: (row) => <Sentence row={row} /> },
  { key: 'says', label: 'Says', kind: 'says', show: (row) => visible(saysOf(row.customStatus)) },
  { key: 'failure', label: 'Failure', kind: 'says', show: (row) => visible(row.failure ?? '') },
  { key: 'custom', label: 'Custom status', kind: 'says', show: (row) => visible(saysOf(row.customStatus)) },
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
