// How many fit a filter, as long as that is shown.

import { get, withQuery } from '../api';
import { countAll } from '../counts';
import { useLive, type ANY, type Live } from '../live';
import type { Counts } from '../model';

const whole = (path: string, tell: (part: Counts) => boolean): Promise<Counts> => countAll(path, tell, get<Counts>);

export function useCounts(q: string | undefined, by: string, every?: number, of?: typeof ANY): Live<Counts> {
  return useLive<Counts>(withQuery('instances/count', { q, by, parts: 1 }), every, of, undefined, whole);
}
