// Is anything wrong, and where?

import { withQuery } from '../api';
import { ANY, useLive } from '../live';
import { STATUSES, type App, type Counts, type List, type Status } from '../model';
import { link } from '../route';
import { Badge, Command, Refusal, Time } from '../ui/basics';

export function OverviewPage({ app }: { app: App | undefined }) {
  const counts = useLive<Counts>(withQuery('instances/count', { by: 'status,name' }), 2000, ANY);
  const failed = useLive<List>(withQuery('instances', { q: 'status:failed', sort: '-created', limit: 8 }), 3000, ANY).value.value;
  const stuck = useLive<List>(withQuery('instances', { q: 'status:stalled', sort: 'created', limit: 8 }), 3000, ANY).value.value;
  const oldest = useLive<List>(withQuery('instances', { q: 'status:running,pending,suspended', sort: 'created', limit: 8 }), 3000, ANY).value.value;
  const groups = counts.value.value?.groups ?? [];
  const sum = (wanted: (status: Status) => boolean): number => groups.reduce((n, group) => n + (wanted(group.status) ? group.n : 0), 0);
  const waiting = sum((status) => status === 'RUNNING' || status === 'PENDING');
  const names = [...new Set(groups.map((group) => group.name))].sort();

  return (
    <main>
      <h1>{app?.appId ?? ''}</h1>
      <Refusal error={counts.error.value} />
      <Headline app={app} failed={sum((status) => status === 'FAILED')} stalled={sum((status) => status === 'STALLED')} waiting={waiting} />
      <ul class="tiles">
        {STATUSES.map((status) => (
          <li key={status}>
            <a href={link(['instances'], { q: `status:${status.toLowerCase()}` })}>
              <b>{sum((one) => one === status).toLocaleString()}</b>
              <Badge status={status} />
            </a>
          </li>
        ))}
      </ul>
      {groups.length === 0 && counts.value.value && (
        <div class="empty">
          <p>No workflow has been started yet. Start one from your app, or from a shell:</p>
          <Command line="pawl workflow run NAME --input '{}'" />
        </div>
      )}
      <div class="columns">
        <Short title="Stalled" list={stuck} empty="Nothing is stalled." more="status:stalled" />
        <Short title="Failed last" list={failed} empty="Nothing has failed." more="status:failed" />
        <Short title="Open for longest" list={oldest} empty="Nothing is open." more="status:running,pending,suspended" />
      </div>
      {names.length > 0 && (
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
                          {n && <a href={link(['instances'], { q: `name:${name} status:${status.toLowerCase()}` })}>{n.toLocaleString()}</a>}
                        </td>
                      );
                    })}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
    </main>
  );
}

function Headline({ app, failed, stalled, waiting }: { app: App | undefined; failed: number; stalled: number; waiting: number }) {
  if (!app) return null;
  const parts: string[] = [];
  if (!app.ready) parts.push(`The daemon does not serve: ${app.reason ?? 'it is starting'}.`);
  if (app.workers === 0 && waiting > 0) parts.push(`No worker is connected; ${waiting.toLocaleString()} workflows wait.`);
  if (stalled > 0) parts.push(`${stalled.toLocaleString()} cannot go on.`);
  if (failed > 0) parts.push(`${failed.toLocaleString()} have failed.`);
  const calm = parts.length === 0;
  return <p class={`headline${calm ? '' : ' attention'}`}>{calm ? 'Nothing needs attention.' : parts.join(' ')}</p>;
}

function Short({ title, list, empty, more }: { title: string; list: List | undefined; empty: string; more: string }) {
  return (
    <section>
      <h2>
        <a href={link(['instances'], { q: more })}>{title}</a>
      </h2>
      {list?.rows.length === 0 && <p class="quiet">{empty}</p>}
      <ul class="short">
        {list?.rows.map((row) => (
          <li key={row.id}>
            <a href={link(['instance', row.id])} title={row.id}>
              {row.id}
            </a>
            <span class="quiet">
              {row.name} · <Time at={row.ended ?? row.created} relative />
            </span>
            {row.failure && <span class="why">{row.failure}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
