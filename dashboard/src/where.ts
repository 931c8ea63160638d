// Where one is, as the part of the URL after '#' says it. The script of the first paint has it too: nothing here needs the page.

export interface Route {
  app?: string;
  segments: string[];
  query: URLSearchParams;
}

export function parse(hash: string): Route {
  const [where = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const segments = where.split('/').filter(Boolean);
  try {
    const words = segments.map(decodeURIComponent);
    const app = words[0]?.startsWith('@') ? words.shift()!.slice(1) : undefined;
    return { ...(app !== undefined && { app }), segments: words, query: new URLSearchParams(query) };
  } catch {
    return { segments: [], query: new URLSearchParams() };
  }
}

// What the bar on top leads to, as index.html has it, too.
export const PAGES: readonly (readonly [string, string])[] = [
  ['', 'Overview'],
  ['instances', 'Workflows'],
  ['workers', 'Workers'],
  ['store', 'Store'],
  ['log', 'Log'],
];

// Which of them a view belongs to.
export function pageOf({ segments: [page = ''] }: Route): string {
  return page === 'instance' || page === 'compare' ? 'instances' : page;
}

// Whether 'pawl dashboard' serves this page; else a daemon does, and it is of that one's app.
export const ofAll = 'apps' in document.documentElement.dataset;

// Whether a view is of an app, and so has the pages of one: the list of all apps, and a history from a file there, are of none.
export const isOfApp = (route: Route): boolean => !ofAll || route.app !== undefined;
