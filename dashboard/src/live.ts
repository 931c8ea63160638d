// A view that stays current: asks again while the page is looked at, shows what is known meanwhile, and says how old it is when the
// daemon does not answer.

import { signal, type Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { ApiError, get } from './api';
import { heard } from './time';

export interface Live<T> {
  value: Signal<T | undefined>;
  error: Signal<ApiError | undefined>;
  refresh: () => void;
}

const FASTEST = 1000; // milliseconds between two questions
const SLOWEST = 15000; // the same, when the daemon is gone

// True while the daemon does not answer: the bar on top says so.
export const gone = signal(false);

export function useLive<T extends { at?: number }>(path: string | undefined, every = FASTEST): Live<T> {
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
    const ask = async (): Promise<void> => {
      clearTimeout(timer);
      if (asking || stopped) return;
      asking = true;
      const asked = performance.now();
      try {
        const answer = await get<T>(path);
        if (answer.at) heard(answer.at);
        if (!stopped) {
          live.value.value = answer;
          live.error.value = undefined;
        }
        gone.value = false;
        // An answer that took long is asked for less often.
        delay = Math.max(every, 10 * (performance.now() - asked));
      } catch (caught) {
        const error = caught instanceof ApiError ? caught : new ApiError('refused', String(caught));
        if (!stopped) live.error.value = error;
        if (error.trouble === 'gone') gone.value = true;
        delay = Math.min(SLOWEST, 2 * delay);
      }
      asking = false;
      if (!stopped && !document.hidden) timer = setTimeout(ask, delay) as unknown as number;
    };
    const seen = (): void => {
      if (!document.hidden) void ask();
    };
    live.wake = () => void ask();
    document.addEventListener('visibilitychange', seen);
    void ask();
    return () => {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [path, every, live]);

  return { value: live.value, error: live.error, refresh: () => live.wake() };
}
