// Times and durations for people. The daemon's clock counts, not the browser's: every answer brings the time at which it was made.

let ahead = 0; // milliseconds by which the daemon's clock is ahead of ours

export function heard(at: number): void {
  ahead = at - Date.now();
}

export function now(): number {
  return Date.now() + ahead;
}

// 0.45 ms, 1.2 s, 3 min 4 s, 2 h 5 min, 3 d 4 h: two units, no more.
export function duration(ms: number): string {
  if (ms < 0) return `-${duration(-ms)}`;
  if (ms < 0.005) return '0 ms';
  if (ms < 10) return `${Number(ms.toPrecision(2))} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const units: [number, string][] = [
    [86400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  const parts: string[] = [];
  let rest = whole;
  for (const [size, unit] of units) {
    const count = Math.floor(rest / size);
    if (count || parts.length) parts.push(count ? `${count} ${unit}` : '');
    rest -= count * size;
    if (parts.length === 2) break;
  }
  return parts.filter(Boolean).join(' ');
}

// 50,000: a browser's own way takes tens of milliseconds when it is used first.
export const grouped = (n: number): string => String(n).replace(/\B(?=(?:\d{3})+$)/g, ',');

const two = (n: number): string => String(n).padStart(2, '0');

export const clockOf = (date: Date): string => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;

// Local time; the day only when it is not today.
export function clock(at: number): string {
  const date = new Date(at);
  const time = clockOf(date);
  const today = new Date(now());
  return date.toDateString() === today.toDateString()
    ? time
    : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

// The same to the millisecond, for what happens within one second.
export const exactClock = (at: number): string => `${clock(at)}.${String(Math.floor(at) % 1000).padStart(3, '0')}`;

// What the daemon writes into sentences.
export const UTC = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/;

export function utc(at: number): string {
  return `${new Date(at).toISOString()} (UTC)`;
}

// In one unit, as nobody needs the seconds of what was hours ago.
export function ago(at: number): string {
  const ms = Math.max(0, now() - at);
  if (ms < 1000) return 'just now';
  return `${ms < 60000 ? `${Math.floor(ms / 1000)} s` : duration(ms).replace(/ (h|d|min) .*/, ' $1')} ago`;
}
