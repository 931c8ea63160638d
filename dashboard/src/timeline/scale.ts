// Where a moment stands on the timeline. Stretches in which nothing ran can be folded: a workflow that waited three days for a click
// shows its minutes of work, not its days of rest.
//
//   time    |--work--|..........rest..........|--work--|
//   place   |--work--|//|--work--|

import { clockOf, duration, exactClock } from '../time';

export interface Stretch {
  start: number;
  end: number;
  idle: boolean;
  folded: boolean;
}

const FOLD_SHARE = 0.1; // an idle stretch longer than this part of the whole is folded,
const FOLD_LEAST = 1000; // and longer than this, in milliseconds
const FOLD_PIXELS = 44; // what a folded one takes

// Cuts [start, end] into stretches with and without work. |bars| may be in any order.
export function stretches(bars: Iterable<{ start: number; end: number }>, start: number, end: number): Stretch[] {
  const sorted = [...bars].filter((bar) => bar.end >= start && bar.start <= end).sort((a, b) => a.start - b.start);
  const busy: { start: number; end: number }[] = [];
  for (const bar of sorted) {
    const last = busy[busy.length - 1];
    if (last && bar.start <= last.end) last.end = Math.max(last.end, bar.end);
    else busy.push({ start: Math.max(start, bar.start), end: Math.min(end, bar.end) });
  }
  const out: Stretch[] = [];
  let at = start;
  const least = Math.max(FOLD_LEAST, (end - start) * FOLD_SHARE);
  const rest = (to: number): void => {
    if (to > at) out.push({ start: at, end: to, idle: true, folded: to - at > least });
  };
  for (const one of busy) {
    rest(one.start);
    out.push({ ...one, idle: false, folded: false });
    at = Math.max(at, one.end);
  }
  rest(end);
  return out.length ? out : [{ start, end, idle: true, folded: false }];
}

export class Scale {
  private readonly places: number[] = []; // of each stretch's start, in pixels
  private readonly rate: number; // pixels a millisecond

  constructor(
    readonly parts: readonly Stretch[],
    readonly width: number,
  ) {
    const folds = parts.filter((part) => part.folded).length;
    const shown = parts.reduce((sum, part) => sum + (part.folded ? 0 : part.end - part.start), 0);
    this.rate = Math.max(1, width - folds * FOLD_PIXELS) / Math.max(1e-6, shown);
    let place = 0;
    for (const part of parts) {
      this.places.push(place);
      place += part.folded ? FOLD_PIXELS : (part.end - part.start) * this.rate;
    }
  }

  x(time: number): number {
    const { index, part } = this.find((one) => time <= one.end);
    const place = this.places[index]!;
    const into = Math.min(Math.max(time, part.start), part.end) - part.start;
    return place + (part.folded ? (into / (part.end - part.start)) * FOLD_PIXELS : into * this.rate);
  }

  time(x: number): number {
    let index = this.places.length - 1;
    while (index > 0 && this.places[index]! > x) index--;
    const part = this.parts[index]!;
    const into = x - this.places[index]!;
    const share = part.folded ? (into / FOLD_PIXELS) * (part.end - part.start) : into / this.rate;
    return Math.min(part.end, part.start + Math.max(0, share));
  }

  // Where to write times, counted from |origin|: not closer than |gap| pixels, and not within a fold.
  ticks(gap: number, origin: number): { x: number; time: number }[] {
    const out: { x: number; time: number }[] = [];
    let free = 0;
    this.parts.forEach((part, index) => {
      if (part.folded) {
        free = this.places[index]! + FOLD_PIXELS;
        return;
      }
      const step = niceStep(gap / this.rate);
      for (let n = Math.ceil((part.start - origin) / step); origin + n * step <= part.end; n++) {
        const time = origin + n * step;
        const x = this.x(time);
        if (x >= free && x < this.width - gap / 2) {
          out.push({ x, time });
          free = x + gap;
        }
      }
    });
    return out;
  }

  private find(ends: (part: Stretch) => boolean): { index: number; part: Stretch } {
    let low = 0;
    let high = this.parts.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends(this.parts[middle]!)) high = middle;
      else low = middle + 1;
    }
    return { index: low, part: this.parts[low]! };
  }
}

// What stands at ticks: the time since |start|, or, where a fold of days leaves them alike, the time of the day, as exactly as it takes.
export function tickTexts(times: readonly number[], start: number): string[] {
  const differ = (texts: readonly string[]): boolean => new Set(texts).size === texts.length;
  const since = times.map((time) => (time === start ? '0' : `+${duration(time - start).replace(/(?:\.0+|(\.\d*?)0+) s$/, '$1 s')}`));
  if (differ(since)) return since;
  const clocks = times.map((time) => clockOf(new Date(time)));
  return differ(clocks) ? clocks : times.map(exactClock);
}

const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 216e5, 432e5, 864e5];

function niceStep(least: number): number {
  return STEPS.find((step) => step >= least) ?? Math.ceil(least / 864e5) * 864e5;
}
