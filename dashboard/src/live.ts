// A view that stays current: asks again while the page is looked at, when something has happened or, where nobody tells that, by the clock.
// It shows what is known meanwhile, and says how old it is when the daemon does not answer.

import { signal, type Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { ApiError, get } from './api';
import { listen, told } from './changes';
import { heard } from './time';

export interface Live<T> {
  value: Signal<T | undefined>;
  error: Signal<ApiError | undefined>;
  refresh: () => void;
}

// Whether anything has come, be it a refusal.
export const isAnswered = ({ value, error }: { value: Signal<unknown>; error: Signal<unknown> }): boolean => value.value !== undefined || error.value !== undefined;

const FASTEST = 1000; // milliseconds between two questions
const SLOWEST = 5000; // the same at most, while the daemon is gone
const QUICKEST = 100; // the same, when what is shown has changed,
const QUICK = 250; // or a list that is asked for as often as may be, unless so much changes that nobody could follow
const UNTOLD = 30000; // the same, when nothing was told to have changed
const SHARE = 100; // an answer about many is asked for after a hundred times what it took at the soonest,
const SHARE_ONE = 20; // and one about one instance after twenty times: to be looked at must cost the daemon next to nothing
const LONGEST = 6000; // milliseconds, for either,
const SHARE_LONG = 10; // but never more often than after ten times
const UNTOLD_ONE = 3000; // the same, of one instance: which worker has what is in no log

// Why the daemon does not answer, while it does not: the bar on top says so.
export const gone = signal<string | undefined>(undefined);

// True while the page does so much that its views do not ask meanwhile.
export const busy = signal(false);

// |of|: the instance whose changes change the answer; ANY: all of them do; undefined: the clock alone says when to ask.
export const ANY = Symbol('any');

// |rests|: whether an answer changes only when something happens, not as time goes by.
// |fetch|: how it is asked for, where that takes several questions: what it tells meanwhile is shown unless more is known already; false: stop.
export function useLive<T extends { at?: number }>(
  path: string | undefined,
  every = FASTEST,
  of?: string | typeof ANY,
  rests?: (answer: T) => boolean,
  fetch: (path: string, tell: (part: T) => boolean) => Promise<T> = (path) => get<T>(path),
): Live<T> {
  const live = useMemo(() => {
    const value = signal<T | undefined>(undefined);
    const error = signal<ApiError | undefined>(undefined);
    return { value, error, wake: () => {} };
  }, [path]);

  useEffect(() => {
    if (path === undefined) return undefined;
    let timer = 0;
    let stopped = false;
    let asking = false;
    let delay = every;
    let last = 0; // when it was asked, and how long that took
    let took = 0;
    let changed = false;
    let failures = 0; // since the last answer
    let whole = false; // there was one
    let pace = every; // milliseconds from one question to the next, while things happen
    // undefined: more happens than is told one by one.
    const paceOf = (id: string | undefined): number => {
      if (of !== ANY) return id === of ? QUICKEST : Math.min(every, FASTEST);
      return id === undefined || every > FASTEST ? every : QUICK;
    };
    const share = typeof of === 'string' ? SHARE_ONE : SHARE;
    const rest = (): number => Math.max(Math.min(LONGEST, share * took), SHARE_LONG * took);
    const tell = (part: T): boolean => {
      if (!stopped && !whole) live.value.value = part;
      return !stopped && !document.hidden;
    };
    const ask = async (): Promise<void> => {
      clearTimeout(timer);
      if (asking || stopped) return;
      if (busy.value) {
        timer = setTimeout(ask, every) as unknown as number;
        return;
      }
      asking = true;
      changed = false;
      const asked = performance.now();
      last = asked;
      try {
        const answer = await fetch(path, tell);
        // An event has the time at which it happened; what was asked for earlier came earlier.
        if (answer.at && !('number' in answer)) heard(answer.at);
        if (!stopped) {
          live.value.value = answer;
          live.error.value = undefined;
          whole = true;
        }
        gone.value = undefined;
        failures = 0;
        // An answer that took long is asked for less often.
        took = performance.now() - asked;
        const unasked = of === undefined || !told.value ? every : of === ANY || rests?.(answer) ? UNTOLD : UNTOLD_ONE;
        delay = Math.max(every, unasked, rest());
      } catch (caught) {
        const error = caught instanceof ApiError ? caught : new ApiError('refused', String(caught));
        if (!stopped) live.error.value = error;
        if (error.trouble === 'gone') gone.value = error.message;
        // One that comes back is to be seen soon, however slowly it answered before.
        took = 0;
        delay = Math.min(SLOWEST, FASTEST * 2 ** failures++);
      }
      asking = false;
      if (stopped || document.hidden) return;
      if (changed) again(pace);
      else timer = setTimeout(ask, delay) as unknown as number;
    };
    // Something has happened: asks soon, though not more often than that is worth.
    const again = (wanted: number): void => {
      changed = true;
      pace = wanted;
      if (asking) return;
      clearTimeout(timer);
      const wait = Math.max(pace, rest()) - (performance.now() - last);
      timer = setTimeout(ask, Math.max(0, wait)) as unknown as number;
    };
    const unlisten = of === undefined ? undefined : listen(of === ANY ? undefined : of, (id) => again(paceOf(id)));
    const seen = (): void => {
      if (!document.hidden) void ask();
    };
    live.wake = () => void ask();
    document.addEventListener('visibilitychange', seen);
    void ask();
    return () => {
      stopped = true;
      unlisten?.();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [path, every, live, of]);

  return { value: live.value, error: live.error, refresh: () => live.wake() };
}
