// The token that a daemon may want of whoever looks. It is kept for this tab only, and sent in a header of its own, which no other site can
// make a browser send. A link may bring it behind '#', which no server gets to see: #token=SECRET. Where one page shows all apps, each has
// its own: what one wants is shown to no other.

import { signal } from '@preact/signals';

const KEY = 'pawl-token';

// Apps whose daemons refuse what they were shown; '': of the daemon that serves this page.
export const locked = signal<ReadonlySet<string>>(new Set());

const given = new Map<string, string>(); // where nothing is kept
const keyOf = (app: string): string => (app ? `${KEY}@${app}` : KEY);

function keep(app: string, token: string): void {
  given.set(app, token);
  try {
    sessionStorage.setItem(keyOf(app), token);
  } catch {
    // Then it holds until the page is loaded again.
  }
}

function tokenOf(app: string): string {
  try {
    return given.get(app) ?? sessionStorage.getItem(keyOf(app)) ?? '';
  } catch {
    return '';
  }
}

// Some write a token into a link as it is.
function plain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const brought = /^#token=(.*)$/.exec(location.hash)?.[1];
if (brought !== undefined) {
  keep('', plain(brought));
  history.replaceState(null, '', '#/');
}

// Of headers browsers take bytes only, one a character.
const bytes = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text));

export function tokenHeader(app = ''): Record<string, string> {
  const token = tokenOf(app) || tokenOf('');
  return token ? { 'pawl-dashboard-token': bytes(token) } : {};
}

export const hasToken = (app = ''): boolean => (tokenOf(app) || tokenOf('')) !== '';

export function lock(app = ''): void {
  if (!locked.value.has(app)) locked.value = new Set([...locked.value, app]);
}

export function unlock(token: string, app = ''): void {
  keep(app, token);
  locked.value = new Set([...locked.value].filter((one) => one !== app));
}
