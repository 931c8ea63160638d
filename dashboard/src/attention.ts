// What needs attention first, as sentences: what stops work stands before what slows it, and that before what has gone wrong.

import type { App, Numbers, Row, Workers } from './model';
import { duration, grouped } from './time';

export interface Need {
  text: string;
  q?: string; // the filter that finds what it is about
  page?: 'workers' | 'store';
  row?: Row; // one of them
}

export interface Seen {
  app: App | undefined;
  open: number; // instances that run or are to
  stalled: number;
  workers: Workers | undefined;
  numbers: Numbers | undefined;
  failedLately: readonly Row[]; // within LATELY
  isMore?: boolean; // more have failed than these
  oldest: readonly Row[]; // that have not ended
  now: number;
}

export const LATELY = '1h';
const LONG = 5; // times what most take is longer than usual,
const LONG_LEAST = 10000; // and more than this, in milliseconds
const TOLD = 3; // of one kind

const n = (count: number): string => grouped(count);
const are = (count: number, one: string, many: string): string => `${n(count)} ${count === 1 ? one : many}`;
const word = (text: string): string => (/^[^\s"]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`);

function waiting({ app, open, workers }: Seen): Need[] {
  if (app && app.workers === 0 && !workers?.elsewhere && open > 0)
    return [{ text: `No worker is connected; ${are(open, 'workflow waits', 'workflows wait')}. Start your app, or look why it does not reach the daemon.`, page: 'workers' }];
  return (workers?.waiting ?? [])
    .filter((row) => !row.hasWorker)
    .slice(0, TOLD)
    .map((row) => ({
      text: `No worker has ${row.kind} ${row.name || '(without a name)'}: ${are(row.n, 'call waits', 'calls wait')} for one.`,
      q: row.name ? `wait:${word(`worker:${row.name}`)}` : 'wait:worker',
    }));
}

function slow({ numbers, oldest, now }: Seen): Need[] {
  const usual = new Map((numbers?.workflows ?? []).filter((one) => one.p95Seconds > 0).map((one) => [one.name, one.p95Seconds * 1000]));
  const told = new Set<string>();
  const out: Need[] = [];
  for (const row of oldest) {
    const most = usual.get(row.name);
    const age = now - row.created;
    if (most === undefined || told.has(row.name) || row.status === 'SUSPENDED' || age < Math.max(LONG_LEAST, LONG * most)) continue;
    told.add(row.name);
    const seconds = Math.ceil(Math.max(LONG_LEAST, LONG * most) / 1000);
    out.push({
      text: `${row.id} has been open for ${duration(age)}; of those of ${row.name} that ended well, 95 % took less than ${duration(most)}.`,
      q: `name:${word(row.name)} status:running,pending age>${seconds}s`,
    });
  }
  return out.slice(0, TOLD);
}

function failures({ failedLately, isMore }: Seen): Need[] {
  const groups = new Map<string, { name: string; type: string; count: number; row: Row }>();
  for (const row of failedLately) {
    const type = row.failure ?? '';
    const key = `${row.name}\n${type}`;
    const group = groups.get(key) ?? { name: row.name, type, count: 0, row };
    group.count++;
    groups.set(key, group);
  }
  return [...groups.values()]
    .sort((a, b) => b.count - a.count)
    .slice(0, TOLD)
    .map(({ name, type, count, row }) => ({
      text: `${isMore ? 'At least ' : ''}${n(count)} of ${name} failed within the last hour${type ? `: ${type}` : ''}.`,
      q: `name:${word(name)} status:failed${type ? ` failure:${word(type)}` : ''} ended<${LATELY}`,
      row,
    }));
}

export function attention(seen: Seen): Need[] {
  const { app, numbers, stalled } = seen;
  const out: Need[] = [];
  const row = seen.oldest.find((one) => one.status === 'STALLED');
  if (app && !app.ready) out.push({ text: `The daemon does not serve: ${app.reason ?? 'it is starting'}.`, page: 'store' });
  if (numbers && numbers.failingSeconds > 1) out.push({ text: `Nothing has been written for ${duration(numbers.failingSeconds * 1000)}: the store fails.`, page: 'store' });
  out.push(...waiting(seen));
  if (stalled > 0) out.push({ text: `${are(stalled, 'workflow cannot', 'workflows cannot')} go on with the code of today.`, q: 'status:stalled', ...(row && { row }) });
  return [...out, ...slow(seen), ...failures(seen)];
}
