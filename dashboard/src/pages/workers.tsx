// Who does the work, and who is missing?

import { useLive } from '../live';
import type { App, Workers } from '../model';
import { formatTerms } from '../query';
import { link } from '../route';
import { duration, grouped, now } from '../time';
import { Command, Refusal, Time } from '../ui/basics';

export function WorkersPage({ app }: { app: App | undefined }) {
  const { value, error } = useLive<Workers>('workers', 2000);
  const workers = value.value;
  const silent = workers !== undefined && !workers.workers.some((worker) => worker.saysNames);
  return (
    <main>
      <h1>Workers</h1>
      <Refusal error={error.value} />
      {workers && workers.workers.length === 0 && (
        <div class="empty">
          <p>
            No worker is connected here{workers.elsewhere > 0 && `; ${workers.elsewhere} are, to other daemons of this app`}. A worker is your app,
            when it has started its workflow runtime and reaches this daemon:
          </p>
          <Command line={`pawl run --app-id ${app?.appId ?? 'APP'} -- python3 app.py`} />
        </div>
      )}
      {workers && (workers.waiting.length ? <Waiting workers={workers} /> : <p class="sentence">Nothing waits for a worker.</p>)}
      {workers && workers.workers.length > 0 && (
        <section>
          <h2>Connected</h2>
          {silent && (
            <p class="quiet">
              Workers of this SDK do not say what they can do: they are given all, and refuse what they lack; the workflow then fails and says so.
            </p>
          )}
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>Worker</th>
                  <th>Since</th>
                  <th class="number">In flight</th>
                  <th>Works on</th>
                  {!silent && (
                    <>
                      <th>Workflows</th>
                      <th>Activities</th>
                    </>
                  )}
                </tr>
              </thead>
              <tbody>
                {workers.workers.map((worker) => (
                  <tr key={`${worker.loop ?? 0} ${worker.number}`}>
                    <td>
                      {worker.agent || 'says no name'}
                      {worker.foreign && ' (for another app)'}
                      {worker.paused && ' (does not read what it is sent)'}
                    </td>
                    <td>
                      <Time at={worker.since} />
                    </td>
                    <td class="number">
                      {grouped(worker.inFlight)}
                      {worker.limit !== undefined && ` of ${grouped(worker.limit)}`}
                    </td>
                    <td class="wraps">
                      {worker.items.map((item) => (
                        <span key={`${item.instance} ${item.kind} ${item.name} ${item.since}`} class="item">
                          {item.kind === 'turn' ? 'next step of ' : `${item.name} for `}
                          <a href={link(['instance', item.instance])}>{item.instance}</a> <span class="quiet">{duration(now() - item.since)}</span>
                        </span>
                      ))}
                      {worker.inFlight === 0 && <span class="quiet">nothing now</span>}
                      {worker.inFlight > worker.items.length && <span class="quiet">and {grouped(worker.inFlight - worker.items.length)} more</span>}
                    </td>
                    {!silent && (
                      <>
                        <Names names={worker.workflows} says={worker.saysNames} />
                        <Names names={worker.activities} says={worker.saysNames} />
                      </>
                    )}
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

// Most SDKs do not tell what they have: they are given all, and refuse what they lack.
function Names({ names, says }: { names: string[]; says: boolean }) {
  return <td class="wraps">{says ? names.join(', ') : <span class="quiet">does not say</span>}</td>;
}

function Waiting({ workers }: { workers: Workers }) {
  return (
    <section>
      <h2>Waiting for a worker</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>What</th>
              <th class="number">How many</th>
              <th>Why</th>
            </tr>
          </thead>
          <tbody>
            {workers.waiting.map((row) => (
              <tr key={`${row.kind} ${row.name} ${row.hasWorker}`}>
                <td>
                  {row.kind} {row.hasWorker || !row.name ? row.name || '(without a name)' : <a href={link(['instances'], { q: formatTerms([{ not: false, key: 'wait', value: `worker:${row.name}` }]) })}>{row.name}</a>}
                </td>
                <td class="number">{grouped(row.n)}</td>
                <td class={row.hasWorker ? '' : 'why'}>{row.hasWorker ? 'its workers are busy' : 'no worker that is connected has it'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
