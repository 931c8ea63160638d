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

interface Wanted {
  q: string;
  verb: string;
  body: (row: Row) => unknown;
  fits: (row: Row) => boolean;
}

// Ends when all are through or |stopped| says so. Throws when the daemon is gone, or refuses the filter.
export async function bulk(wanted: Wanted, stopped: () => boolean, tell: (progress: Progress) => void): Promise<void> {
  const progress: Progress = { done: 0, passed: 0, failed: 0, failures: [] };
  const app = route.value.app;
  let began = 0;
  let after: string | undefined;
  do {
    const page: List = await get<List>(withQuery('instances', { q: wanted.q, sort: 'created', after, limit: PAGE }), app);
    began ||= page.at;
    const rows = page.rows.filter((row) => row.created <= began);
    const act = async (): Promise<void> => {
      for (let row = rows.shift(); row && !stopped(); row = rows.shift()) {
        await one(wanted, row, progress, app);
        tell({ ...progress });
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, act));
    const trouble = ended.find((result) => result.status === 'rejected');
    if (trouble) throw trouble.reason;
    after = page.next;
  } while (after && !stopped());
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
    progress.failed++;
    if (progress.failures.length < TOLD) progress.failures.push(`${row.id}: ${error.message}`);
  }
}
