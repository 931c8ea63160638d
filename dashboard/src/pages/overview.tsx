// Is anything wrong, and where?

import { withQuery } from '../api';
import { attention, LATELY } from '../attention';
import { startLine } from '../commands';
import { least } from '../counts';
import { ANY, isAnswered, useLive } from '../live';
import { STATUSES, type App, type Counts, type List, type Numbers, type Past, type Status, type Workers } from '../model';
import { link } from '../route';
import { duration, grouped, now } from '../time';
import { Badge, Command, Refusal, Time } from '../ui/basics';
import { Chart, type Series } from '../ui/chart';
import { useCounts } from './count';
import { Sentence } from './sentence';

const FAILED = 200; // of the last hour, that are looked at

export function OverviewPage({ app }: { app: App | undefined }) {
  const counts = useCounts(undefined, 'status,name', 2000, ANY);
  const failedOnes = useLive<List>(withQuery('instances', { q: `status:failed ended<${LATELY}`, sort: '-created', limit: FAILED }), 5000, ANY);
  const oldestOnes = useLive<List>(withQuery('instances', { q: 'status:running,pending,suspended,stalled', sort: 'created', limit: 8 }), 3000, ANY);
  const ofNumbers = useLive<Numbers>('numbers', 5000);
  const ofWorkers = useLive<Workers>('workers', 5000);
  const ofPast = useLive<Past>('past', 10000);
  const [failed, oldest, numbers, workers, past] = [failedOnes.value.value, oldestOnes.value.value, ofNumbers.value.value, ofWorkers.value.value, ofPast.value.value];
  // What stands further down waits for what stands above it, which would push it away.
  const isTop = [counts, failedOnes, oldestOnes, ofNumbers, ofWorkers].every(isAnswered);
  const isAll = isTop && isAnswered(ofPast);
  const groups = counts.value.value?.groups ?? [];
  const sum = (wanted: (status: Status) => boolean): number => groups.reduce((n, group) => n + (wanted(group.status) ? group.n : 0), 0);
  const needs = attention({
    app,
    open: sum((status) => status === 'RUNNING' || status === 'PENDING'),
    stalled: sum((status) => status === 'STALLED'),
    workers,
    numbers,
    failedLately: failed?.rows ?? [],
    isMore: failed?.next !== undefined,
    oldest: oldest?.rows ?? [],
    now: now(),
  });
  const known = app !== undefined && counts.value.value !== undefined && failed !== undefined && workers !== undefined;

  return (
    <main>
      <h1>{app?.appId ?? ''}</h1>
      <Refusal error={counts.error.value} />
      <section aria-label="What needs attention">
        {isTop && known && needs.length === 0 && groups.length > 0 && <p class="headline">Nothing needs attention.</p>}
        <ol class="needs">
          {(isTop ? needs : []).map((need, index) => (
            <li key={`${index} ${need.page ?? need.q}`}>
              {need.text} <a href={need.page ? link([need.page]) : link(['instances'], { q: need.q })}>Look</a>
              {need.row && (
                <span class="says">
                  <a href={link(['instance', need.row.id])}>{need.row.id}</a>: <Sentence row={need.row} />
                </span>
              )}
            </li>
          ))}
        </ol>
      </section>
      {!isTop ? null : counts.value.value && groups.length === 0 ? <Nothing app={app} /> : <Tiles counts={counts.value.value} />}
      {isAll && past && isTold(past) && <Charts past={past} />}
      {isAll && groups.length > 0 && (
        <div class="columns">
          <Short title="Failed within the hour" list={failed} empty="Nothing has failed." more="status:failed" />
          <Short title="Open for longest" list={oldest} empty="Nothing is open." more="status:running,pending,suspended,stalled" sort="created" />
        </div>
      )}
      {isAll && <Names groups={groups} numbers={numbers} />}
    </main>
  );
}

// What a new app needs next.
function Nothing({ app }: { app: App | undefined }) {
  return (
    <div class="empty">
      {app?.workers === 0 && (
        <>
          <p>No worker is connected. It is your app, once it has started its workflow runtime and reaches this daemon:</p>
          <Command line={`pawl run --app-id ${app.appId} -- python3 app.py`} />
        </>
      )}
      <p>No workflow has been started yet. Start one from your app, or from a shell:</p>
      <Command line={startLine('', '', '{}')} />
    </div>
  );
}

function Tiles({ counts }: { counts: Counts | undefined }) {
  const groups = counts?.groups ?? [];
  return (
    <ul class="tiles">
      {STATUSES.map((status) => {
        const n = groups.reduce((sum, group) => sum + (group.status === status ? group.n : 0), 0);
        return (
          <li key={status}>
            <a href={link(['instances'], { q: `status:${status.toLowerCase()}` })} class={n ? '' : 'none'} title={counts?.next === undefined ? undefined : `${least(counts)}${grouped(n)}: it counts`}>
              <b>{grouped(n)}</b>
              <Badge status={status} />
            </a>
          </li>
        );
      })}
    </ul>
  );
}

// --- over time -----------------------------------------------------------------------------------

const known = (values: readonly number[], scale = 1): (number | undefined)[] => values.map((value) => (value < 0 ? undefined : value * scale));

// Whether anything has happened that a chart could show.
const isTold = (past: Past): boolean =>
  [past.started, past.completed, past.failed, past.terminated, past.activities, past.running, past.pending, past.suspended, past.stalled].some((values) => values.some((value) => value > 0));

function Charts({ past }: { past: Past }) {
  const rate = 60000 / past.step; // of a step, in a minute
  const count = (value: number): string => (value < 10 && value % 1 ? value.toFixed(1) : grouped(Math.round(value)));
  const perMinute = (values: readonly number[]): (number | undefined)[] => known(values, rate);
  // How many there are by status is counted less often than the rest.
  const open = (['running', 'pending', 'suspended', 'stalled'] as const).map((status): Series => {
    let before: number | undefined;
    const values = past[status].map((value) => (before = value < 0 ? before : value));
    return { name: status, tone: `status-${status}`, values };
  });
  const times = (kind: 'workflow' | 'activity' | 'begin'): Series[] =>
    (['P50', 'P95', 'P99'] as const).map((quantile) => ({
      name: quantile.toLowerCase(),
      tone: `tone-${quantile.toLowerCase()}`,
      values: known(past[`${kind}${quantile}`], 0.001),
    }));
  return (
    <section class="charts" aria-label="The last hour">
      <Chart title="Open, by status" step={past.step} times={past.times} stacked series={open} format={count} />
      <Chart
        title="Ended, a minute"
        step={past.step}
        times={past.times}
        stacked
        series={[
          { name: 'completed', tone: 'status-completed', values: perMinute(past.completed) },
          { name: 'failed', tone: 'status-failed', values: perMinute(past.failed) },
          { name: 'terminated', tone: 'status-terminated', values: perMinute(past.terminated) },
        ]}
        format={count}
      />
      <Chart
        title="Started, and activities, a minute"
        step={past.step}
        times={past.times}
        series={[
          { name: 'started', tone: 'status-running', values: perMinute(past.started) },
          { name: 'activities', tone: 'status-completed', values: perMinute(past.activities) },
          { name: 'attempts that failed', tone: 'status-failed', values: perMinute(past.activitiesFailed) },
        ]}
        format={count}
      />
      <Chart title="A workflow takes" step={past.step} times={past.times} series={times('workflow')} format={duration} />
      <Chart title="An activity takes" step={past.step} times={past.times} series={times('activity')} format={duration} />
      <Chart title="A workflow waits to begin" step={past.step} times={past.times} series={times('begin')} format={duration} />
    </section>
  );
}

// --- lists ---------------------------------------------------------------------------------------

function Names({ groups, numbers }: { groups: Counts['groups']; numbers: Numbers | undefined }) {
  const names = [...new Set(groups.map((group) => group.name))].sort();
  const usual = new Map((numbers?.workflows ?? []).map((one) => [one.name, one.p95Seconds]));
  if (!names.length) return null;
  return (
    <section>
      <h2>Workflows</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>Name</th>
              {STATUSES.map((status) => (
                <th key={status} class="number">
                  {status.toLowerCase()}
                </th>
              ))}
              <th class="number" title="of those that ended well since the daemon began">
                95 % took less than
              </th>
            </tr>
          </thead>
          <tbody>
            {names.map((name) => (
              <tr key={name}>
                <td>
                  <a href={link(['instances'], { q: `name:${name}` })}>{name}</a>
                </td>
                {STATUSES.map((status) => {
                  const n = groups.find((group) => group.name === name && group.status === status)?.n;
                  return (
                    <td key={status} class="number">
                      {n && <a href={link(['instances'], { q: `name:${name} status:${status.toLowerCase()}` })}>{grouped(n)}</a>}
                    </td>
                  );
                })}
                <td class="number">{(usual.get(name) ?? -1) > 0 ? duration(usual.get(name)! * 1000) : ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const SHORT = 8; // rows

function Short({ title, list, empty, more, sort }: { title: string; list: List | undefined; empty: string; more: string; sort?: string }) {
  return (
    <section>
      <h2>
        <a href={link(['instances'], { q: more, sort })}>{title}</a>
      </h2>
      {list?.rows.length === 0 && (
        <p class="quiet">
          {list.next === undefined ? empty : <>None among the {sort === 'created' ? 'oldest' : 'newest'} {grouped(list.looked ?? 0)}. <a href={link(['instances'], { q: more, sort })}>Look through all</a></>}
        </p>
      )}
      <ul class="short">
        {list?.rows.slice(0, SHORT).map((row) => (
          <li key={row.id}>
            <span class="pair">
              <a href={link(['instance', row.id])} title={row.id}>
                {row.id}
              </a>
              <span class="quiet">
                <Time at={row.ended ?? row.created} relative />
              </span>
            </span>
            <span class="pair">
              <span class={row.failure === undefined ? 'says' : 'why says'}>
                <Sentence row={row} />
              </span>
              <span class="quiet">{row.name}</span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
