// One verb for all workflows that fit a filter: page by page from the oldest, some calls at a time. What is done stays done when it is
// stopped, and the same filter then goes on with the rest. Workflows that begin meanwhile are left alone, and so are other apps, when one
// of them is looked at meanwhile.

import { ApiError, get, path, post, withQuery } from './api';
import type { List, Row } from './model';
import { route } from './route';

const PAGE = 200;
const AT_ONCE = 8;
const TOLD = 10; // failures that are told one by one

export interface Progress {
  done: number;
  passed: number; // over, as the verb means nothing for them
  failed: number;
  failures: string[];
}

// How far it has come, to go on from there when it was broken off.
export interface Place {
  began: number;
  after?: string | undefined;
  did: Set<string>; // of the page that begins there
  progress: Progress;
}

export const begin = (): Place => ({ began: 0, did: new Set(), progress: { done: 0, passed: 0, failed: 0, failures: [] } });

interface Wanted {
  q: string;
  verb: string;
  body: (row: Row) => unknown;
  fits: (row: Row) => boolean;
}

// Ends when all are through or |stopped| says so. Throws when the daemon is gone, or refuses the filter; called with the same |place| it goes
// on.
export async function bulk(wanted: Wanted, place: Place, stopped: () => boolean, tell: (progress: Progress) => void): Promise<void> {
  const app = route.value.app;
  do {
    const page: List = await get<List>(withQuery('instances', { q: wanted.q, sort: 'created', after: place.after, limit: PAGE }), app);
    place.began ||= page.at;
    const rows = page.rows.filter((row) => row.created <= place.began && !place.did.has(row.id));
    const act = async (): Promise<void> => {
      for (let row = rows.shift(); row && !stopped(); row = rows.shift()) {
        await one(wanted, row, place.progress, app);
        place.did.add(row.id);
        tell({ ...place.progress });
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, act));
    const trouble = ended.find((result) => result.status === 'rejected');
    if (trouble) throw trouble.reason;
    place.after = page.next;
    place.did.clear();
  } while (place.after && !stopped());
}

async function one(wanted: Wanted, row: Row, progress: Progress, app: string | undefined): Promise<void> {
  if (!wanted.fits(row)) {
    progress.passed++;
    return;
  }
  try {
    await post(path('instances', row.id, wanted.verb), wanted.body(row), app);
    progress.done++;
  } catch (error) {
    if (!(error instanceof ApiError) || error.trouble !== 'refused') throw error;
    // It was done before, by this hand or another.
    if (wanted.verb === 'rerun' && error.status === 409) {
      progress.passed++;
      return;
    }
    progress.failed++;
    if (progress.failures.length < TOLD) progress.failures.push(`${row.id}: ${error.message}`);
  }
}
