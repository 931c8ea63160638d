// What a workflow of a list does now, or why it failed: asked for as far as they are seen, all in one question.

import { effect, signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { get, withQuery } from '../api';
import { busy } from '../live';
import { ENDED, type Row, type Sentences } from '../model';
import { route } from '../route';
import { clock, now, UTC } from '../time';
import { visible } from '../ui/json';

const PAUSE = 100; // milliseconds between two questions at most: a list of many must not keep the daemon busy,
const SHARE = 4; // but after four times what the last one took
const MOST = 60; // rows of a list that are asked for at once
const KEPT = 300; // sentences
const STANDS = 2000; // milliseconds without a change after which it is worth asking what a workflow waits for

// By id, with the change after which it was asked.
const sentences = signal<ReadonlyMap<string, { updated: number; text: string }>>(new Map());
const wanted = new Map<string, { updated: number; seen: HTMLElement }>();
let asking = false;

// The uppermost first, as one reads from there, and the daemon tells as many as it can in a moment.
function next(): [string, number][] {
  const top = new Map([...wanted].map(([id, { seen }]) => [id, seen.getBoundingClientRect().top]));
  return [...wanted]
    .sort(([a], [b]) => top.get(a)! - top.get(b)!)
    .slice(0, MOST)
    .map(([id, { updated }]) => [id, updated]);
}

async function ask(): Promise<void> {
  const many = document.hidden || busy.value ? [] : next();
  if (!many.length) {
    asking = false;
    return;
  }
  const began = performance.now();
  const app = route.value.app;
  try {
    const { sentences: told } = await get<Sentences>(withQuery('sentences', { ids: JSON.stringify(many.map(([id]) => id)) }));
    const known = new Map([...sentences.value].slice(-KEPT));
    for (const [id, updated] of app === route.value.app ? many : []) {
      if (!(id in told)) continue; // it is asked for again
      if (wanted.get(id)?.updated === updated) wanted.delete(id);
      known.delete(id);
      const text = told[id];
      if (text) known.set(id, { updated, text });
    }
    sentences.value = known;
  } catch {
    for (const [id] of many) wanted.delete(id); // the daemon has gone: the rows say nothing then
  }
  setTimeout(() => void ask(), Math.min(PAUSE, SHARE * (performance.now() - began)));
}

function again(): void {
  if (asking || !wanted.size) return;
  asking = true;
  setTimeout(() => void ask(), 0); // with all rows that come into view together
}

document.addEventListener('visibilitychange', again);

// Another app has other instances of the same names.
let of: string | undefined;
effect(() => {
  if (route.value.app === of) return;
  of = route.value.app;
  sentences.value = new Map();
  wanted.clear();
});

// What Dapr puts before a message, and a reader knows already.
export const plain = (text: string): string => text.replace(/ \(sequence number \d+\) of workflow '[^']*'/, '');

// Without what stands elsewhere in the row, and with times as people here have them.
const brief = (text: string, row: Row): string =>
  plain(text)
    .replace(/^Failed after [^:]*: /, '')
    .replace(`${row.id}: `, '')
    .replace(UTC, (at) => clock(Date.parse(at)));

// Of one that ended well there is nothing to tell.
export function Sentence({ row }: { row: Row }) {
  const [seen, setSeen] = useState<HTMLElement | null>(null);
  const open = !ENDED.has(row.status) || row.status === 'FAILED';
  const known = sentences.value.get(row.id);
  useEffect(() => {
    if (!open || !seen || known?.updated === row.updated) return undefined;
    const observer = new IntersectionObserver(([entry]) => {
      if (!entry?.isIntersecting) return;
      wanted.set(row.id, { updated: row.updated, seen });
      again();
    });
    const timer = setTimeout(() => observer.observe(seen), row.status === 'FAILED' ? 0 : Math.max(0, row.updated + STANDS - now()));
    return () => {
      clearTimeout(timer);
      observer.disconnect();
      wanted.delete(row.id);
    };
  }, [row.id, row.updated, open, seen, known?.updated === row.updated]);
  const text = open ? visible(known ? brief(known.text, row) : (row.failure ?? '')) : '';
  return (
    <span ref={setSeen} title={text}>
      {text}
    </span>
  );
}
