// Which apps run on this machine, and does one of them need me?

import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, apps as findApps, get } from '../api';
import { countAll } from '../counts';
import type { App, Apps, Counts, Found } from '../model';
import { appLink } from '../route';
import { grouped, heard, now } from '../time';
import { Command, Time } from '../ui/basics';
import { Top } from './top';

const EVERY = 3000; // milliseconds
const ASKED_EVERY = 5000; // the same, of each app

// The daemons of one app, the oldest first.
interface Group {
  appId: string;
  daemons: Found[];
  gone?: number; // when it was missed first
}

interface About {
  app?: App;
  counts?: Counts;
  trouble?: ApiError;
}

function groupsOf(found: readonly Found[]): Group[] {
  const groups = new Map<string, Group>();
  for (const daemon of [...found].sort((a, b) => a.started - b.started)) {
    const group = groups.get(daemon.appId) ?? { appId: daemon.appId, daemons: [] };
    group.daemons.push(daemon);
    groups.set(daemon.appId, group);
  }
  return [...groups.values()];
}

// What runs, and, as long as the page is open, what ran before.
function useGroups(): { groups: Group[] | undefined; gone: boolean } {
  const [groups, setGroups] = useState<Group[] | undefined>(undefined);
  const [gone, setGone] = useState(false);
  const known = useRef<Group[]>([]);
  useEffect(() => {
    const ask = async (): Promise<void> => {
      if (document.hidden) return;
      try {
        const answer: Apps = await findApps();
        heard(answer.at);
        const here = groupsOf(answer.apps);
        const missing = known.current.filter((group) => !here.some((one) => one.appId === group.appId)).map((group) => ({ ...group, gone: group.gone ?? answer.at }));
        known.current = [...here, ...missing].sort((a, b) => a.appId.localeCompare(b.appId));
        setGroups(known.current);
        setGone(false);
      } catch {
        setGone(true);
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), EVERY);
    document.addEventListener('visibilitychange', ask);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', ask);
    };
  }, []);
  return { groups, gone };
}

function useAbout(appId: string, asks: boolean): About {
  const [about, setAbout] = useState<About>({});
  useEffect(() => {
    if (!asks) return undefined;
    let stopped = false;
    const ask = async (): Promise<void> => {
      if (document.hidden) return;
      try {
        const [app, counts] = await Promise.all([get<App>('app', appId), countAll('instances/count?by=status&parts=1', () => !stopped, (path) => get<Counts>(path, appId))]);
        if (!stopped) setAbout({ app, counts });
      } catch (caught) {
        if (stopped || !(caught instanceof ApiError)) return;
        setAbout({ trouble: caught });
        if (caught.trouble === 'forbidden') clearInterval(timer); // it is asked again once somebody has shown a token
      }
    };
    const timer = setInterval(() => void ask(), ASKED_EVERY);
    void ask();
    return () => {
      stopped = true;
      clearInterval(timer);
    };
  }, [appId, asks]);
  return about;
}

export function AppsPage() {
  const { groups, gone } = useGroups();
  const runs = (groups ?? []).some((group) => group.daemons.some((daemon) => daemon.command));
  useEffect(() => {
    document.title = 'Apps · Pawl';
  }, []);
  return (
    <>
      <Top />
      {gone && (
        <p class="gone" role="alert">
          'pawl dashboard' does not answer. What you see is the last that it told; the page asks again.
        </p>
      )}
      <main>
        <div class="page-head">
          <h1>Apps on this machine</h1>
          <a href="#/file">history in a file …</a>
        </div>
        {groups?.length === 0 && (
          <div class="empty">
            <p>No app runs here. Start one beside its sidecar:</p>
            <Command line="pawl run --app-id orders -- python3 app.py" />
          </div>
        )}
        {groups && groups.length > 0 && (
          <div class="scroll">
            <table class="apps">
              <thead>
                <tr>
                  <th>App</th>
                  <th>State</th>
                  <th class="number">Workers</th>
                  <th class="number">Open</th>
                  <th class="number">Failed</th>
                  <th>Since</th>
                  {runs && <th class="ports">Runs</th>}
                  <th class="number ports">HTTP port</th>
                  <th class="number ports">gRPC port</th>
                </tr>
              </thead>
              <tbody>
                {groups.map((group) => (
                  <AppRow key={group.appId} group={group} runs={runs} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </main>
    </>
  );
}

// In a few words; the class is a status's, for its colour.
function stateOf({ gone }: Group, { app, trouble }: About, open: number): [string, string] {
  if (gone !== undefined) return ['ended', 'status-terminated'];
  if (trouble) return trouble.trouble === 'forbidden' ? ['wants a token', 'status-suspended'] : ['does not answer', 'status-failed'];
  if (!app) return ['', 'status-pending'];
  if (!app.ready) return [app.reason ?? 'not ready', 'status-failed'];
  if (app.workers === 0 && open > 0) return ['no worker', 'status-stalled'];
  return ['serves', 'status-completed'];
}

// |runs|: whether there is a column for what the apps' commands are.
function AppRow({ group, runs }: { group: Group; runs: boolean }) {
  const { appId, daemons, gone } = group;
  const about = useAbout(appId, gone === undefined);
  const sum = (...wanted: string[]): number => (about.counts?.groups ?? []).reduce((n, one) => n + (wanted.includes(one.status) ? one.n : 0), 0);
  const open = sum('RUNNING', 'PENDING', 'SUSPENDED', 'STALLED');
  const failed = sum('FAILED');
  const [state, tone] = stateOf(group, about, open);
  const filtered = (status: string): string => `${appLink(appId)}/instances?q=${encodeURIComponent(`status:${status}`)}`;
  const first = daemons[0]!;
  return (
    <>
      <tr class={gone === undefined ? '' : 'ended'}>
        <td>{gone === undefined ? <a href={appLink(appId)}>{appId}</a> : appId}</td>
        <td>{state && <span class={`badge ${tone}`}>{state}</span>}</td>
        <td class="number">{about.app?.workers ?? '–'}</td>
        <td class="number">{open > 0 ? <a href={filtered('running,pending,suspended,stalled')}>{grouped(open)}</a> : about.counts ? 0 : '–'}</td>
        <td class="number">{failed > 0 ? <a href={filtered('failed')}>{grouped(failed)}</a> : about.counts ? 0 : '–'}</td>
        <td>{gone === undefined ? <Time at={first.started} relative /> : <>until <Time at={gone} relative /></>}</td>
        {runs && <td class="ports">{first.command}</td>}
        {daemons.length === 1 ? <Ports daemon={first} /> : <td colSpan={2} class="number ports">{daemons.length} daemons</td>}
      </tr>
      {gone === undefined &&
        daemons.length > 1 &&
        daemons.map((daemon) => (
          <tr key={daemon.pid} class="one-of">
            <td>
              <a href={appLink(`${appId}:${daemon.httpPort}`)}>daemon at {daemon.httpPort}</a>
            </td>
            <td colSpan={4} class="quiet">process {daemon.pid}</td>
            <td>
              <Time at={Math.min(daemon.started, now())} relative />
            </td>
            {runs && <td class="ports">{daemon.command}</td>}
            <Ports daemon={daemon} />
          </tr>
        ))}
    </>
  );
}

function Ports({ daemon }: { daemon: Found }) {
  return (
    <>
      <td class="number ports">{daemon.httpPort || '–'}</td>
      <td class="number ports">{daemon.grpcPort || '–'}</td>
    </>
  );
}
