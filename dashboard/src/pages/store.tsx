// Is what happened safe, how big is it, and who serves which part?

import { useLive } from '../live';
import type { Numbers, Stores } from '../model';
import { duration, grouped } from '../time';
import { Refusal, Time } from '../ui/basics';

export function bytes(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  for (; n >= 1024 && unit + 1 < units.length; unit++) n /= 1024;
  return `${n < 10 && unit ? n.toFixed(1) : Math.round(n)} ${units[unit]}`;
}

const milliseconds = (value: number): string => (value < 0 ? '–' : duration(value));

export function StorePage() {
  const { value, error } = useLive<Stores>('store', 3000);
  const numbers = useLive<Numbers>('numbers', 3000).value.value;
  const all = value.value;
  return (
    <main>
      <h1>Store and daemons</h1>
      <Refusal error={error.value} />
      {all?.stores.map((store) => (
        <section key={store.name}>
          <h2>
            {store.name} <span class="quiet">{store.type}</span>
          </h2>
          {store.failing && (
            <p class="refusal" role="alert">
              Fails for {duration(store.failingSeconds * 1000)}: {store.failing}
            </p>
          )}
          <p class="sentence">{saysOf(store)}</p>
          <dl class="facts">
            {store.path && <Fact name="File" text={store.path} />}
            {store.bytes !== undefined && <Fact name="Size" text={bytes(store.bytes)} />}
            {store.logBytes !== undefined && <Fact name="Its write-ahead log" text={bytes(store.logBytes)} />}
            <Fact name="Commits" text={grouped(store.commits)} />
            <Fact name="Commit, median" text={milliseconds(store.commitP50)} />
            <Fact name="Commit, 99 %" text={milliseconds(store.commitP99)} />
            <Fact name="Snapshots written" text={grouped(store.snapshots)} />
            <Fact name="Tried again" text={grouped(store.nothing)} />
            <Fact name="Outcome unknown" text={grouped(store.unknown)} />
            <Fact name="Refused" text={grouped(store.refused)} />
          </dl>
        </section>
      ))}
      {all && all.stores.length === 0 && <p class="empty">This daemon has no store: nothing is kept.</p>}
      {all && all.shards.length > 0 && <Shards all={all} />}
      {all && all.daemons.length > 0 && <Daemons all={all} />}
      {numbers && (
        <section>
          <h2>This daemon</h2>
          <dl class="facts">
            <Fact name="Processor time" text={duration(numbers.cpuSeconds * 1000)} />
            <Fact name="Memory" text={bytes(numbers.residentBytes)} />
            <Fact name="Instances in memory" text={grouped(numbers.inMemory)} />
            <Fact name="Instances asleep" text={grouped(numbers.asleep)} />
          </dl>
        </section>
      )}
    </main>
  );
}

// Whether it is safe, in one line.
function saysOf(store: Stores['stores'][number]): string {
  if (store.failing) return 'What is asked for now waits until the store answers again; nothing that was acknowledged is lost.';
  if (store.unknown > 0) return `Of ${count(store.commits, 'commit')} it was not known at once whether ${count(store.unknown, 'one', 'ones')} had happened; it was found out before anything went on.`;
  if (store.commits === 0) return 'Nothing has been written yet.';
  return `All of ${count(store.commits, 'commit')} went well: half within ${milliseconds(store.commitP50)}, 99 % within ${milliseconds(store.commitP99)}.`;
}

const count = (n: number, one: string, many = `${one}s`): string => `${grouped(n)} ${n === 1 ? one : many}`;

function Fact({ name, text }: { name: string; text: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{text}</dd>
    </div>
  );
}

function Shards({ all }: { all: Stores }) {
  return (
    <section>
      <h2>Shards of the app</h2>
      <p class="quiet">A shard is a part of the app’s workflows with a log of its own. The daemon that has its lease runs them; another one takes over when that one is gone.</p>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th class="number">Shard</th>
              <th>Here</th>
              <th>Lease of</th>
              <th class="number" title="each lease has a higher one than all before it">
                Epoch
              </th>
              <th class="number">Log position</th>
              <th class="number" title="batches that are to be read after a crash">
                Not in snapshots
              </th>
              <th class="number">In memory</th>
              <th class="number">Asleep</th>
            </tr>
          </thead>
          <tbody>
            {all.shards.map((shard) => (
              <tr key={shard.number}>
                <td class="number">{shard.number}</td>
                <td>{shard.state}</td>
                <td>{holderOf(shard, all.daemons)}</td>
                <td class="number">{grouped(shard.epoch)}</td>
                <td class="number">{grouped(shard.position)}</td>
                <td class="number">
                  {grouped(shard.lag)} ({bytes(shard.logBytes)})
                </td>
                <td class="number">{grouped(shard.inMemory)}</td>
                <td class="number">{grouped(shard.asleep)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function holderOf({ holder, state }: Stores['shards'][number], daemons: Stores['daemons']): string {
  if (holder === undefined) return state === 'serving' ? 'this daemon' : 'none';
  const own = daemons.find((daemon) => daemon.self && daemon.id === holder);
  if (!own) return holder;
  return own.loop === undefined ? 'this daemon' : `loop ${own.loop} of this daemon`;
}

function Daemons({ all }: { all: Stores }) {
  return (
    <section>
      <h2>Daemons of the app</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>Daemon</th>
              <th>Address</th>
              <th class="number">Workers</th>
              <th>Since</th>
            </tr>
          </thead>
          <tbody>
            {all.daemons.map((daemon) => (
              <tr key={daemon.id}>
                <td>
                  {daemon.self && <b>{daemon.loop === undefined ? 'this one' : `loop ${daemon.loop} of this one`}: </b>}
                  {daemon.id}
                </td>
                <td>{daemon.address || '–'}</td>
                <td class="number">{daemon.workers}</td>
                <td>
                  <Time at={daemon.since} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
