// The same for many: one verb for all workflows that the list's filter finds, with a count before, progress, and a summary.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiError } from '../api';
import { begin, bulk, type Progress } from '../bulk';
import { bulkLine, type Said } from '../commands';
import { least } from '../counts';
import { busy } from '../live';
import { grouped } from '../time';
import { Command, Dialog, Refusal } from '../ui/basics';
import { useCounts } from './count';
import { bodyOf, SaidFields, VERBS, type VerbRow } from './actions';

// One of these is offered first: the first that concerns any.
const HARMLESS = VERBS.filter((one) => !one.destroys && one.verb !== 'raise');

const many = (n: number): string => `${grouped(n)} ${n === 1 ? 'workflow' : 'workflows'}`;

export function BulkDialog({ q, onClose }: { q: string; onClose: () => void }) {
  const counts = useCounts(q, 'status');
  const [wanted, setRow] = useState<VerbRow | undefined>(undefined);
  const [said, setSaid] = useState<Said>({ event: '', data: '', reason: '', id: '-again' });
  const [progress, setProgress] = useState<Progress | undefined>(undefined);
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const [state, setState] = useState<'asks' | 'runs' | 'broken' | 'ended'>('asks');
  const stopped = useRef(false);
  const place = useRef(begin());
  const fits = useRef(0); // how many there were at the start

  // Nobody sees what is done once the view has gone.
  useEffect(() => () => void (stopped.current = true), []);

  const known = counts.value.value;
  const groups = known?.groups ?? [];
  const more = least(known);
  const found = groups.reduce((n, group) => n + group.n, 0);
  const row = wanted ?? HARMLESS.find((one) => groups.some(one.fits)) ?? HARMLESS[0]!;
  const concerned = groups.reduce((n, group) => n + (row.fits(group) ? group.n : 0), 0);

  const submit = async (submitted: Event): Promise<void> => {
    submitted.preventDefault();
    setRow(row);
    setError(undefined);
    if (state === 'asks') fits.current = concerned;
    setState('runs');
    busy.value = true;
    let ends: typeof state = 'ended';
    try {
      await bulk({ q, verb: row.verb, body: (one) => bodyOf(row.verb, row.verb === 'rerun' ? { ...said, id: one.id + said.id } : said), fits: row.fits }, place.current, () => stopped.current, setProgress);
    } catch (caught) {
      setError(caught as ApiError);
      ends = 'broken';
    }
    busy.value = false;
    setState(ends);
  };
  const close = (): void => {
    stopped.current = true;
    onClose();
  };

  const done = progress?.done ?? 0;
  const failed = progress?.failed ?? 0;
  const shell = bulkLine(row.verb, q, said);
  return (
    <Dialog title="All of these" onClose={close}>
      <form onSubmit={submit}>
        <p>
          {q ? (
            <>
              <code>{q}</code> finds {more}
              {many(found)}
              {more && known?.looked !== undefined && `; looked at ${grouped(known.looked)} so far …`}
              {!more && '.'}
            </>
          ) : (
            <>Without a filter these are all of the app: {many(found)}.</>
          )}
        </p>
        <label>
          What happens to them
          <select
            value={row.verb}
            disabled={state !== 'asks'}
            onChange={(changed) => setRow(VERBS.find((one) => one.verb === changed.currentTarget.value)!)}
          >
            {VERBS.map((one) => (
              <option key={one.verb} value={one.verb}>
                {one.label}
              </option>
            ))}
          </select>
        </label>
        <p>{row.asks}</p>
        {state === 'asks' && <SaidFields verb={row.verb} said={said} many onChange={setSaid} />}
        {state === 'asks' ? (
          <p>
            It concerns {more}
            {many(concerned)}.{found > concerned && ' The others are passed over.'}
          </p>
        ) : (
          <div role="status">
            <progress max={Math.max(1, fits.current)} value={done + failed} aria-label="progress" />
            <p>
              {state === 'ended'
                ? `${stopped.current ? 'Stopped' : 'Ended'}. ${many(done)}`
                : `${state === 'broken' ? 'Broken off: ' : ''}${grouped(done)} of ${many(fits.current)}`}{' '}
              {row.done}
              {failed > 0 && `, ${grouped(failed)} refused`}.
            </p>
            {state === 'broken' && error?.trouble === 'gone' && <p class="refusal">{error.message}</p>}
            {progress?.failures.map((one) => (
              <p key={one} class="refusal">
                {one}
              </p>
            ))}
          </div>
        )}
        <Refusal error={error ?? counts.error.value} />
        {shell && <Command line={shell} />}
        <footer>
          {state === 'asks' ? (
            <>
              <button type="button" onClick={close}>
                Cancel
              </button>
              <button type="submit" class={row.destroys ? 'danger' : 'primary'} disabled={concerned === 0}>
                {row.label} {more}
                {grouped(concerned)}
              </button>
            </>
          ) : state === 'runs' ? (
            <button type="button" onClick={() => (stopped.current = true)}>
              Stop
            </button>
          ) : (
            <>
              <button type="button" class={state === 'broken' ? '' : 'primary'} onClick={close}>
                Done
              </button>
              {state === 'broken' && (
                <button type="submit" class="primary">
                  Go on
                </button>
              )}
            </>
          )}
        </footer>
      </form>
    </Dialog>
  );
}
