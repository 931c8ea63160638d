// Saved views of the list: a name for a filter, an order and columns. They are kept in this browser; the address of a view is the view, so
// that a link gives it to somebody else.

import { useState } from 'preact/hooks';
import { keep, kept } from '../kept';
import { link, route } from '../route';
import { Copy, toast } from '../ui/basics';

export interface View {
  name: string;
  query: Record<string, string>;
}

const MOST = 50;

function isViews(value: unknown): value is View[] {
  const isView = (one: unknown): boolean => {
    const { name, query } = (one ?? {}) as Partial<View>;
    return typeof name === 'string' && typeof query === 'object' && query !== null && Object.values(query).every((part) => typeof part === 'string');
  };
  return Array.isArray(value) && value.every(isView);
}

const READY: readonly View[] = [
  { name: 'Failed within a day', query: { q: 'status:failed ended<1d' } },
  { name: 'Open for longest', query: { q: 'status:running,pending,suspended,stalled', sort: 'created', cols: 'name,created,took,waits' } },
  { name: 'Cannot go on', query: { q: 'status:stalled,suspended' } },
];

const same = (a: Record<string, string>, b: Record<string, string>): boolean => {
  const text = (one: Record<string, string>): string => JSON.stringify(Object.entries(one).filter(([, value]) => value).sort());
  return text(a) === text(b);
};

export function Views() {
  const [views, setViews] = useState<View[]>(() => kept('views', isViews, []));
  const [naming, setNaming] = useState<string | undefined>(undefined);
  const here = Object.fromEntries(route.value.query);
  const current = [...views, ...READY].find((view) => same(view.query, here));
  const own = current && views.includes(current);

  const store = (next: View[]): void => {
    setViews(next);
    if (!keep('views', next)) toast('This browser keeps nothing: the view is gone with the page.', true);
  };
  const save = (event: Event): void => {
    event.preventDefault();
    const name = naming!.trim();
    if (!name) return;
    store([...views.filter((view) => view.name !== name), { name, query: here }].slice(-MOST));
    setNaming(undefined);
  };

  return (
    <nav class="views" aria-label="Views">
      {[...views, ...READY].map((view) => (
        <a key={view.name} href={link(['instances'], view.query)} aria-current={view === current ? 'true' : undefined}>
          {view.name}
        </a>
      ))}
      {naming !== undefined ? (
        <form onSubmit={save}>
          <input aria-label="Name of the view" autofocus placeholder="name of the view" value={naming} onInput={(typed) => setNaming(typed.currentTarget.value)} />
          <button type="submit">Save</button>
          <button type="button" onClick={() => setNaming(undefined)}>
            Cancel
          </button>
        </form>
      ) : own ? (
        <button type="button" class="plain" onClick={() => store(views.filter((view) => view !== current))}>
          forget “{current.name}”
        </button>
      ) : (
        !current &&
        Object.keys(here).length > 0 && (
          <button type="button" class="plain" onClick={() => setNaming('')}>
            save this view …
          </button>
        )
      )}
      {Object.keys(here).length > 0 && <Copy text={location.href} what="link to this view" label="copy link" />}
    </nav>
  );
}
