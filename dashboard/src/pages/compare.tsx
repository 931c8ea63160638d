// Two runs side by side: where do they part ways, and which step took longer?

import { useState } from 'preact/hooks';
import { path, withQuery } from '../api';
import { align, type Pair } from '../compare';
import { useLive } from '../live';
import type { Group, Instance, List, Timeline } from '../model';
import { go, link } from '../route';
import { duration, grouped, now } from '../time';
import { endOf, isRetried, titleOf } from '../timeline/rows';
import { Badge, Dialog, Refusal, Time } from '../ui/basics';

const SHOWN = 1000; // rows

export function ComparePage({ a, b }: { a: string; b: string }) {
  const first = useRun(a);
  const second = useRun(b);
  const [onlyDiffering, setOnlyDiffering] = useState(false);
  const pairs = first.timeline && second.timeline ? align(first.timeline.groups, second.timeline.groups) : undefined;
  const differing = pairs?.filter((pair) => pair.differs);
  const shown = (onlyDiffering ? differing : pairs)?.slice(0, SHOWN);
  return (
    <main>
      <div class="page-head">
        <h1>Two runs</h1>
        <button type="button" onClick={() => go(link(['compare', b, a]))}>
          The other way round
        </button>
      </div>
      <Refusal error={first.error ?? second.error} />
      {pairs && differing && (
        <p class="sentence">
          {differing.length === 0
            ? `They did the same ${grouped(pairs.length)} ${pairs.length === 1 ? 'step' : 'steps'}.`
            : `They differ in ${grouped(differing.length)} of ${grouped(pairs.length)} steps, first at step ${grouped(pairs.indexOf(differing[0]!) + 1)}: ${nameOf(differing[0]!)}, ${differing[0]!.differs}.`}
          {first.instance && second.instance && first.instance.input !== second.instance.input && ' Their inputs differ.'}
        </p>
      )}
      {pairs && (
        <label class="only">
          <input type="checkbox" checked={onlyDiffering} onChange={(changed) => setOnlyDiffering(changed.currentTarget.checked)} /> only what differs
        </label>
      )}
      {shown && (
        <div class="scroll">
          <table class="compare" aria-label="Steps of both runs">
            <thead>
              <tr>
                <th class="number">Step</th>
                <th>What</th>
                <Head run={first.instance} id={a} />
                <Head run={second.instance} id={b} />
                <th class="number">Longer by</th>
                <th>Differs</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((pair) => (
                <tr key={pairs!.indexOf(pair)} class={pair.differs ? 'differs' : ''}>
                  <td class="number">{grouped(pairs!.indexOf(pair) + 1)}</td>
                  <td>{nameOf(pair)}</td>
                  <Side group={pair.a} />
                  <Side group={pair.b} />
                  <td class="number">{pair.a && pair.b ? longer(took(pair.b) - took(pair.a)) : ''}</td>
                  <td class="why">{pair.differs}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {(onlyDiffering ? differing! : (pairs ?? [])).length > SHOWN && <p class="quiet">The first {grouped(SHOWN)} are shown.</p>}
    </main>
  );
}

function useRun(id: string) {
  const instance = useLive<Instance & { at: number }>(path('instances', id), 3000, id, (one) => one.ended !== undefined);
  const timeline = useLive<Timeline>(path('instances', id, 'timeline'), 3000, id, (one) => one.end !== undefined);
  return { instance: instance.value.value, timeline: timeline.value.value, error: instance.error.value ?? timeline.error.value };
}

const nameOf = ({ a, b }: Pair): string => titleOf((a ?? b)!);
const took = (group: Group): number => (endOf(group) ?? now()) - group.start;
const longer = (by: number): string => (Math.abs(by) < 1 ? '' : `${by > 0 ? '+' : '−'}${duration(Math.abs(by))}`);

function Head({ run, id }: { run: Instance | undefined; id: string }) {
  return (
    <th>
      <a href={link(['instance', id])}>{id}</a> {run && <Badge status={run.status} />}{' '}
      {run && <span class="quiet">{duration((run.ended ?? now()) - run.created)}</span>}
    </th>
  );
}

function Side({ group }: { group: Group | undefined }) {
  if (!group) return <td class="quiet">–</td>;
  const says = isRetried(group) ? 'waits for its next attempt' : { open: group.kind === 'event' || group.kind === 'timer' ? 'waits' : 'running', done: 'done', failed: 'failed', dropped: 'not waited for' }[group.outcome];
  return (
    <td class={group.outcome === 'failed' ? 'why' : ''}>
      {says}, {duration(took(group))}
      {group.attempts > 1 && `, ${group.attempts} attempts`}
    </td>
  );
}

// Asks with which other run.
export function CompareDialog({ instance, onClose }: { instance: Instance; onClose: () => void }) {
  const [other, setOther] = useState('');
  const word = /^[^\s"]+$/.test(instance.name) ? instance.name : JSON.stringify(instance.name);
  const alike = useLive<List>(withQuery('instances', { q: `name:${word}`, limit: 20 }), 1e8).value.value;
  const rows = (alike?.rows ?? []).filter((row) => row.id !== instance.id);
  return (
    <Dialog title={`Compare ${instance.id}`} onClose={onClose}>
      <form
        onSubmit={(submitted) => {
          submitted.preventDefault();
          onClose();
          go(link(['compare', instance.id, other.trim()]));
        }}
      >
        <label>
          With the instance
          <input list="alike" required autofocus value={other} onInput={(typed) => setOther(typed.currentTarget.value)} />
        </label>
        <datalist id="alike">
          {rows.map((row) => (
            <option key={row.id} value={row.id}>
              {row.status.toLowerCase()}
            </option>
          ))}
        </datalist>
        {rows.length > 0 && (
          <>
            <p class="quiet">The last of {instance.name}:</p>
            <ul class="short">
              {rows.slice(0, 5).map((row) => (
                <li key={row.id} class="pair">
                  <a href={link(['compare', instance.id, row.id])}>{row.id}</a>
                  <span>
                    <Badge status={row.status} />{' '}
                    <span class="quiet">
                      <Time at={row.created} relative />
                    </span>
                  </span>
                </li>
              ))}
            </ul>
          </>
        )}
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Compare
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
