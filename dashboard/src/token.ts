// The token that a daemon may want of whoever looks. It is kept for this tab only, and sent in a header of its own, which no other site can
// make a browser send. A link may bring it behind '#', which no server gets to see: #token=SECRET.

import { signal } from '@preact/signals';

const KEY = 'pawl-token';

// True while a daemon refuses what it was shown.
export const locked = signal(false);

let token = read();

function read(): string {
  const brought = /^#token=(.*)$/.exec(location.hash)?.[1];
  try {
    if (brought !== undefined) {
      sessionStorage.setItem(KEY, decodeURIComponent(brought));
      history.replaceState(null, '', '#/');
    }
    return sessionStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}

// Of headers browsers take bytes only, one a character.
const bytes = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text));

export const tokenHeader = (): Record<string, string> => (token ? { 'pawl-dashboard-token': bytes(token) } : {});
export const hasToken = (): boolean => token !== '';

export function unlock(given: string): void {
  token = given;
  try {
    sessionStorage.setItem(KEY, given);
  } catch {
    // Then it holds until the page is loaded again.
  }
  locked.value = false;
}
