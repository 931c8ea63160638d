// How many there are. The daemon counts many in parts, each for a moment, so that no count keeps it busy: what is told before the last part
// is "at least". The first time it is shown as it grows.

import type { Counts } from './model';

function sum(a: Counts, b: Counts): Counts {
  const groups = a.groups.map((group) => ({ ...group }));
  for (const group of b.groups) {
    const known = groups.find((one) => one.status === group.status && one.name === group.name);
    if (known) known.n += group.n;
    else groups.push(group);
  }
  const looked = (a.looked ?? 0) + (b.looked ?? 0);
  return { groups, at: b.at, ...(b.next !== undefined && { next: b.next }), ...(looked && { looked }) };
}

export async function countAll(where: string, tell: (part: Counts) => boolean, ask: (path: string) => Promise<Counts>): Promise<Counts> {
  let all = await ask(where);
  while (all.next !== undefined && tell(all)) all = sum(all, await ask(`${where}&after=${encodeURIComponent(all.next)}`));
  return all;
}

// What stands before a number that may be too low.
export const least = (counts: Counts | undefined): string => (counts?.next === undefined ? '' : 'at least ');
