// Pages of the list after the first, which stay as they were read. The daemon looks at a bounded number of instances for each, so one may
// have few rows, or none, and more follow: then it is searched on until there are as many as were asked for.

import { useEffect, useState } from 'preact/hooks';
import { get, withQuery, type ApiError } from '../api';
import type { List, Row } from '../model';

export const PAGE = 100;

interface Rest {
  of: string; // the list that the pages are of
  pages: List[];
  wanted: number; // rows, of all pages
  error?: ApiError;
}

export interface Searched {
  rows: Row[];
  pages: number; // that they are of
  looked: number; // instances, at least, where a page ended before it was full
  searching: boolean;
  error: ApiError | undefined;
  more: (() => void) | undefined; // undefined: there is nothing more
}

export function useRest(q: string, sort: string, first: List | undefined): Searched {
  const of = JSON.stringify([q, sort]);
  const [known, setRest] = useState<Rest>({ of, pages: [], wanted: PAGE });
  const rest: Rest = known.of === of ? known : { of, pages: [], wanted: PAGE };
  const pages = first ? [first, ...rest.pages] : [];
  const after = pages[pages.length - 1]?.next;
  const count = pages.reduce((n, page) => n + page.rows.length, 0);
  const searching = after !== undefined && count < rest.wanted && !rest.error;

  useEffect(() => {
    if (!searching) return undefined;
    let stopped = false;
    get<List>(withQuery('instances', { q, sort, after, limit: PAGE })).then(
      (page) => !stopped && setRest({ ...rest, pages: [...rest.pages, page] }),
      (error) => !stopped && setRest({ ...rest, error: error as ApiError }),
    );
    return () => {
      stopped = true;
    };
  }, [of, after, searching]);

  const seen = new Set<string>(); // what moved between two pages is in both
  return {
    rows: pages.flatMap((page) => page.rows).filter((row) => !seen.has(row.id) && seen.add(row.id)),
    pages: pages.length,
    looked: pages.reduce((n, page) => n + (page.looked ?? 0), 0),
    searching,
    error: rest.error,
    more: after === undefined || searching ? undefined : () => setRest({ of, pages: rest.pages, wanted: rest.error ? rest.wanted : count + PAGE }),
  };
}
