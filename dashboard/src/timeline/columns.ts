// The rows of a timeline, from the columns in which they come: a history of fifty thousand events has a seventh of the bytes so.

import type { Columns, Group, Kind, Outcome, SegmentState, Timeline } from '../model';

function stateOf(kind: Kind, outcome: Outcome): SegmentState {
  if (kind === 'timer' || kind === 'event') return 'wait';
  return outcome === 'failed' ? 'fail' : 'run';
}

export function timelineOf(told: Columns): Timeline {
  const { columns, names } = told;
  const groups = columns.kind.map((kindAt, i): Group => {
    const kind = names[kindAt] as Kind;
    const outcome = names[columns.outcome[i]!] as Outcome;
    const start = told.start + columns.start[i]!;
    const span = outcome === 'open' ? { start } : { start, end: start + columns.took[i]! };
    const more = told.more[i] ?? { attempts: 1, segments: [{ state: stateOf(kind, outcome), ...span }] };
    return { kind, outcome, name: names[columns.name[i]!]!, events: columns.events[i]!, ...span, ...more };
  });
  return { start: told.start, ...(told.end !== undefined && { end: told.end }), groups, suspended: told.suspended, at: told.at };
}
