// Which rows the timeline has: one a group, but a crowd of siblings (a fan-out of one name, at the same time) is one row that opens.

import type { Group } from '../model';

const CROWD = 20; // more siblings than this are folded into one row

export interface GroupRow {
  type: 'group';
  group: Group;
  index: number; // in the timeline's groups
  inCrowd: boolean;
}

export interface CrowdRow {
  type: 'crowd';
  key: string;
  name: string;
  kind: Group['kind'];
  members: number[];
  failed: number;
  running: number;
  start: number;
  end: number;
  open: boolean;
}

export type Row = GroupRow | CrowdRow;

export function rows(groups: readonly Group[], opened: ReadonlySet<string>, now: number): Row[] {
  const out: Row[] = [];
  for (let at = 0; at < groups.length; ) {
    const first = groups[at]!;
    let end = at + 1;
    let last = endOf(first) ?? now;
    while (end < groups.length && groups[end]!.kind === first.kind && groups[end]!.name === first.name && groups[end]!.start <= last) {
      last = Math.max(last, endOf(groups[end]!) ?? now);
      end++;
    }
    if (end - at > CROWD) {
      const members = Array.from({ length: end - at }, (_, i) => at + i);
      const key = `${first.kind} ${first.name} ${at}`;
      const open = opened.has(key);
      out.push({
        type: 'crowd',
        key,
        name: first.name,
        kind: first.kind,
        members,
        failed: members.filter((i) => groups[i]!.outcome === 'failed').length,
        running: members.filter((i) => groups[i]!.outcome === 'open').length,
        start: first.start,
        end: last,
        open,
      });
      if (open) {
        // Those that failed come first: they are what one opens a crowd for.
        const order = [...members].sort((a, b) => Number(groups[b]!.outcome === 'failed') - Number(groups[a]!.outcome === 'failed') || a - b);
        for (const index of order) out.push({ type: 'group', group: groups[index]!, index, inCrowd: true });
      }
    } else {
      for (let index = at; index < end; index++) out.push({ type: 'group', group: groups[index]!, index, inCrowd: false });
    }
    at = end;
  }
  return out;
}

// Its last attempt has failed, and the next one is on the way.
export const isRetried = (group: Group): boolean => group.outcome === 'failed' && group.segments[group.segments.length - 1]?.end === undefined;

// When it ended; undefined: it goes on.
export const endOf = (group: Group): number | undefined => (isRetried(group) ? undefined : group.end);

// Timers of most SDKs have no name.
export const titleOf = (group: Group): string => [group.kind, group.name].filter(Boolean).join(' ');

// What a screen reader says of a row, and what hovering shows.
export function describe(group: Group, took: string): string {
  const how = { open: 'running', done: 'done', failed: 'failed', dropped: 'not waited for any more' }[group.outcome];
  const tries = group.attempts > 1 ? ` after ${group.attempts} attempts` : '';
  if (isRetried(group)) return `${titleOf(group)}, waits for attempt ${group.attempts + 1}, ${took}`;
  return `${titleOf(group)}, ${how}${tries}, ${took}`;
}
