// Where one is, kept in the part of the URL after '#', so that a link leads a colleague to the same view and no proxy has to know our
// paths: #/instances?q=status:failed, #/instance/ID/history. With several apps the first part names one: #/@orders/instances.

import { signal } from '@preact/signals';
import { parse, type Route } from './where';

// A link within the present app.
export function link(segments: string[], query: Record<string, string | undefined> = {}): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value) params.set(key, value);
  const text = params.toString();
  const app = route.value.app === undefined ? [] : [`@${route.value.app}`];
  return `#/${[...app, ...segments].map(encodeURIComponent).join('/')}${text ? `?${text}` : ''}`;
}

export const route = signal<Route>(parse(location.hash));
addEventListener('hashchange', () => (route.value = parse(location.hash)));

// Set while the filter is to get the focus: its view may still be on the way when the key is pressed.
export const searching = signal(false);

// True while the keys are explained.
export const helping = signal(false);

export const appLink = (app: string): string => `#/${encodeURIComponent(`@${app}`)}`;

export function go(to: string): void {
  location.hash = to;
}

// Changes the query of the present view without a step in the browser's history.
export function setQuery(changes: Record<string, string | undefined>): void {
  const query = new URLSearchParams(route.value.query);
  for (const [key, value] of Object.entries(changes)) {
    if (value) query.set(key, value);
    else query.delete(key);
  }
  history.replaceState(null, '', link(route.value.segments, Object.fromEntries(query)));
  route.value = parse(location.hash);
}
