// What happens to instances, as the daemon tells it: one stream for a page that is looked at. While it runs nobody has to ask again and
// again. Where there is none, or one of a daemon that serves a part of its app only, views ask by the clock.

import { signal } from '@preact/signals';
import { stream } from './api';

// True while every change is told.
export const told = signal(false);

type Listener = (id: string | undefined) => void; // undefined: of any number of instances

const AT_ONCE = '50'; // changes that are told by name; more come as one
const AGAIN = 3000; // milliseconds until the next try

const listeners = new Map<Listener, string | undefined>();
let open: AbortController | undefined;
let about: string | undefined; // the instance that the stream is of
let where: string | undefined; // whose stream it is
let last: string | undefined;
let retry = 0;

// Calls |listener| at each change of the instance |id|, or of all; gives what ends it.
export function listen(id: string | undefined, listener: Listener): () => void {
  listeners.set(listener, id);
  schedule();
  return () => {
    listeners.delete(listener);
    schedule();
  };
}

// The one instance that all look at, if there is one.
function wanted(): string | undefined {
  const ids = new Set(listeners.values());
  return ids.size === 1 ? [...ids][0] : undefined;
}

let scheduled = false;
function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    const needed = listeners.size > 0 && !document.hidden;
    if (open && (!needed || about !== wanted() || where !== stream.home())) close();
    if (needed && !open) void run();
  });
}

function close(): void {
  open?.abort();
  open = undefined;
  told.value = false;
  clearTimeout(retry);
}

function tell(id: string | undefined): void {
  for (const [listener, of] of [...listeners]) if (id === undefined || of === undefined || of === id) listener(id);
}

function take(event: string, data: string): void {
  const value = JSON.parse(data) as { id?: string; covers?: string };
  if (event === 'change') {
    tell(value.id);
    return;
  }
  // The beginning, or something was missed.
  told.value = value.covers === 'all';
  tell(undefined);
}

async function run(): Promise<void> {
  const mine = new AbortController();
  open = mine;
  if (about !== wanted() || where !== stream.home()) last = undefined;
  about = wanted();
  where = stream.home();
  try {
    for await (const { event, id, data } of stream.events({ id: about, most: AT_ONCE, after: last }, mine.signal)) {
      if (id !== undefined) last = id;
      if (event !== undefined && data !== undefined) take(event, data);
    }
  } catch {
    // It broke, or there is none.
  }
  if (open !== mine) return;
  open = undefined;
  const was = told.value;
  told.value = false;
  if (was) tell(undefined); // from now on they ask by the clock
  retry = setTimeout(schedule, AGAIN) as unknown as number;
}

document.addEventListener('visibilitychange', schedule);
