// Rows that stay where they are while somebody is about to click one: what is known of them changes in place, new ones wait.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Row } from '../model';

const HELD = 3000; // milliseconds after the pointer moved last

export interface Steady {
  rows: Row[];
  waiting: number; // new ones that are not shown yet
  onPointerMove: () => void;
  onPointerLeave: () => void;
}

// |shown|: in their order; rows that are no longer among |rows| stay as they were.
export function arrange(shown: readonly Row[], rows: readonly Row[]): { rows: Row[]; waiting: number } {
  const fresh = new Map(rows.map((row) => [row.id, row]));
  const known = new Set(shown.map((row) => row.id));
  return { rows: shown.map((row) => fresh.get(row.id) ?? row), waiting: rows.reduce((n, row) => n + (known.has(row.id) ? 0 : 1), 0) };
}

// |of|: what the rows are of; other rows are shown at once.
export function useSteady(of: string, rows: Row[]): Steady {
  const [held, setHeld] = useState(false);
  const timer = useRef(0);
  const shown = useRef<{ of: string; rows: Row[] }>({ of, rows });
  const letGo = (): void => {
    clearTimeout(timer.current);
    setHeld(false);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  const isHeld = held && shown.current.of === of && shown.current.rows.length > 0;
  const next = isHeld ? arrange(shown.current.rows, rows) : { rows, waiting: 0 };
  shown.current = { of, rows: next.rows };
  return {
    ...next,
    onPointerMove: () => {
      clearTimeout(timer.current);
      timer.current = setTimeout(() => setHeld(false), HELD) as unknown as number;
      setHeld(true);
    },
    onPointerLeave: letGo,
  };
}
