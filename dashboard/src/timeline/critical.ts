// What the time of a workflow was spent on: from its end backwards, always the step that ended last before the one after it began. To be
// quicker, one of these has to be. (A workflow decides what comes next when a step ends, so the one that ended last is what it waited for.)

import type { Group } from '../model';
import { endOf } from './rows';

const SLACK = 1; // milliseconds that a turn may take between two steps of the path, and that clocks may differ

// Indices into |groups|, in the order of time.
export function criticalPath(groups: readonly Group[], now: number): number[] {
  const end = (group: Group): number => endOf(group) ?? now;
  const steps = groups
    .map((_, index) => index)
    .filter((index) => !['sent', 'detached'].includes(groups[index]!.kind) && groups[index]!.outcome !== 'dropped')
    .sort((a, b) => end(groups[a]!) - end(groups[b]!) || groups[a]!.start - groups[b]!.start);
  const path: number[] = [];
  let before = Infinity;
  for (let index = steps.pop(); index !== undefined; index = steps.pop()) {
    if (end(groups[index]!) > before + SLACK) continue;
    path.unshift(index);
    before = groups[index]!.start;
  }
  return path;
}
