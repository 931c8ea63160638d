// What a workflow of a list does now, or why it failed: asked for one after the other, as far as they are seen.

import { effect, signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { get, path } from '../api';
import { busy } from '../live';
import { ENDED, type Instance, type Row } from '../model';
import { route } from '../route';
import { clock, now, UTC } from '../time';
import { visible } from '../ui/json';

const PAUSE = 100; // milliseconds between two questions at most: a list of many must not ask the daemon for all at once,
const SHARE = 4; // but after four times what the last one took,
const AT_ONCE = 3; // of so many
const MOST = 60; // rows of a list that are asked for
const KEPT = 300; // sentences
const STANDS = 2000; // milliseconds without a change after which it is worth asking what a workflow waits for

// By id, with the change after which it was asked.
const sentences = signal<ReadonlyMap<string, { updated: number; text: string }>>(new Map());
const wanted = new Map<string, { updated: number; seen: HTMLElement }>();
let asking = 0; // questions on their way, or about to be asked

// The uppermost, as one reads from there.
function next(): [string, number] | undefined {
  let least = Infinity;
  let found: [string, number] | undefined;
  for (const [id, { updated, seen }] of wanted) {
    const { top } = seen.getBoundingClientRect();
    if (top < least) [least, found] = [top, [id, updated]];
  }
  return found;
}

async function ask(): Promise<void> {
  const one = document.hidden || busy.value ? undefined : next();
  if (!one) {
    asking--;
    return;
  }
  const [id, updated] = one;
  wanted.delete(id);
  const began = performance.now();
  try {
    const { sentence } = await get<Instance>(path('instances', id));
    const known = new Map([...sentences.value].slice(-KEPT));
    known.delete(id);
    sentences.value = known.set(id, { updated, text: sentence });
  } catch {
    // It has gone, or the daemon: the row says nothing then.
  }
  setTimeout(() => void ask(), Math.min(PAUSE, SHARE * (performance.now() - began)));
}

function again(): void {
  for (; asking < Math.min(AT_ONCE, wanted.size); asking++) setTimeout(() => void ask(), 0);
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
      if (!entry?.isIntersecting || wanted.size >= MOST) return;
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
