// Two runs side by side: which step of one is which of the other, and where they differ.

import type { Group } from './model';

export interface Pair {
  a?: Group;
  b?: Group;
  differs: string; // how; '' when not
}

const MOST = 4e6; // cells of the table that finds what is common; more is paired in order

const key = (group: Group): string => `${group.kind}\n${group.name}`;

// The longest list of steps that both have, in order, is taken for the same steps; the rest is of one run only.
export function align(a: readonly Group[], b: readonly Group[]): Pair[] {
  let start = 0;
  while (start < a.length && start < b.length && key(a[start]!) === key(b[start]!)) start++;
  let endA = a.length;
  let endB = b.length;
  while (endA > start && endB > start && key(a[endA - 1]!) === key(b[endB - 1]!)) {
    endA--;
    endB--;
  }
  const both = (i: number, j: number): Pair => ({ a: a[i]!, b: b[j]!, differs: difference(a[i]!, b[j]!) });
  const out: Pair[] = [];
  for (let i = 0; i < start; i++) out.push(both(i, i));
  out.push(...middle(a.slice(start, endA), b.slice(start, endB)));
  for (let i = endA; i < a.length; i++) out.push(both(i, i - endA + endB));
  return out;
}

function middle(a: readonly Group[], b: readonly Group[]): Pair[] {
  const left = (one: Group): Pair => ({ a: one, differs: 'only in the first' });
  const right = (one: Group): Pair => ({ b: one, differs: 'only in the second' });
  if (a.length * b.length > MOST) return [...a.map(left), ...b.map(right)];
  // common[i][j]: how many steps a from i on and b from j on have in common.
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] =
        key(a[i]!) === key(b[j]!) ? common[(i + 1) * width + j + 1]! + 1 : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
  const out: Pair[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (key(a[i]!) === key(b[j]!)) {
      out.push({ a: a[i]!, b: b[j]!, differs: difference(a[i]!, b[j]!) });
      i++;
      j++;
    } else if (common[(i + 1) * width + j]! >= common[i * width + j + 1]!) out.push(left(a[i++]!));
    else out.push(right(b[j++]!));
  }
  return [...out, ...a.slice(i).map(left), ...b.slice(j).map(right)];
}

const SAYS = { open: 'running', done: 'done', failed: 'failed', dropped: 'not waited for' };

function difference(a: Group, b: Group): string {
  if (a.outcome !== b.outcome) return `${SAYS[a.outcome]}, then ${SAYS[b.outcome]}`;
  if (a.attempts !== b.attempts) return `${a.attempts} ${a.attempts === 1 ? 'attempt' : 'attempts'}, then ${b.attempts}`;
  return '';
}
