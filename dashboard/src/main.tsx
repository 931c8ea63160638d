// The shell of the page: where one is, the keys, and what is always seen.

import './theme.css';
import { locked } from './token'; // first, as it takes a token out of the address
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { gone, useLive } from './live';
import { ofAll } from './api';
import { ownApp } from './commands';
import type { App } from './model';
import { AppsPage } from './pages/apps';
import { ComparePage } from './pages/compare';
import { FilePage } from './pages/file';
import { HelpDialog } from './pages/help';
import { InstancePage } from './pages/instance';
import { ListPage } from './pages/list';
import { LogPage } from './pages/log';
import { OverviewPage } from './pages/overview';
import { StorePage } from './pages/store';
import { TokenPage } from './pages/token';
import { WorkersPage } from './pages/workers';
import { go, link, route, searching } from './route';
import * as theme from './theme';
import { Toasts } from './ui/basics';

function Root() {
  if (locked.value) return <TokenPage />;
  return ofAll && route.value.app === undefined && route.value.segments[0] !== 'file' ? <AppsPage /> : <Shell key={route.value.app} hub={ofAll} />;
}

function Shell({ hub }: { hub: boolean }) {
  const app = useLive<App>(hub && route.value.app === undefined ? undefined : 'app', 5000).value.value;
  if (app) ownApp.value = app.appId;
  const [help, setHelp] = useState(false);
  useKeys(() => setHelp(true));
  const [page = '', id, other] = route.value.segments;

  useEffect(() => {
    document.title = [id ?? page, app?.appId, 'Pawl'].filter(Boolean).join(' · ');
  }, [id, page, app?.appId]);

  return (
    <>
      <header class="top">
        <a class="brand" href={hub ? '#/' : link([])}>
          pawl
        </a>
        {hub && (
          <a href="#/" title="all apps">
            Apps
          </a>
        )}
        <nav aria-label="Pages">
          <a href={link([])} aria-current={page === '' ? 'page' : undefined}>
            Overview
          </a>
          <a href={link(['instances'])} aria-current={page === 'instances' || page === 'instance' || page === 'compare' ? 'page' : undefined}>
            Workflows
          </a>
          <a href={link(['workers'])} aria-current={page === 'workers' ? 'page' : undefined}>
            Workers
          </a>
          <a href={link(['store'])} aria-current={page === 'store' ? 'page' : undefined}>
            Store
          </a>
          <a href={link(['log'])} aria-current={page === 'log' ? 'page' : undefined}>
            Log
          </a>
        </nav>
        <span class="spacer" />
        {app && (
          <span class="state">
            <span class={`dot ${app.ready ? 'status-completed' : 'status-failed'}`} /> {app.appId} · {app.workers}{' '}
            {app.workers === 1 ? 'worker' : 'workers'}
            {app.readOnly && ' · read-only'}
          </span>
        )}
        <button type="button" class="plain" aria-label="light or dark" title="light or dark (t)" onClick={theme.next}>
          ◐
        </button>
        <button type="button" class="plain" aria-label="keys" title="keys (?)" onClick={() => setHelp(true)}>
          ?
        </button>
      </header>
      {gone.value && (
        <p class="gone" role="alert">
          The daemon does not answer. What you see is the last that it told; the page asks again.
        </p>
      )}
      <Page page={page} id={id} other={other} app={app} />
      {help && <HelpDialog onClose={() => setHelp(false)} />}
      <Toasts />
    </>
  );
}

function Page({ page, id, other, app }: { page: string; id: string | undefined; other: string | undefined; app: App | undefined }) {
  if (page === 'instance' && id) return <InstancePage key={id} id={id} app={app} />;
  if (page === 'compare' && id && other) return <ComparePage key={`${id}\n${other}`} a={id} b={other} />;
  if (page === 'instances') return <ListPage app={app} />;
  if (page === 'workers') return <WorkersPage app={app} />;
  if (page === 'store') return <StorePage />;
  if (page === 'log') return <LogPage />;
  if (page === 'file') return <FilePage />;
  return <OverviewPage app={app} />;
}

function useKeys(showHelp: () => void): void {
  useEffect(() => {
    let before = '';
    const onKey = (event: KeyboardEvent): void => {
      const at = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || at.closest('input, textarea, select, dialog')) return;
      const keys: Record<string, () => void> = {
        '/': () => {
          if (route.value.segments[0] !== 'instances') go(link(['instances']));
          searching.value = true;
        },
        '?': showHelp,
        t: theme.next,
        'g o': () => go(link([])),
        'g l': () => go(link(['instances'])),
        'g w': () => go(link(['workers'])),
        'g s': () => go(link(['store'])),
        'g e': () => go(link(['log'])),
        'g f': () => go(link(['file'])),
      };
      const action = keys[before ? `${before} ${event.key}` : event.key];
      before = !before && event.key === 'g' ? 'g' : '';
      if (!action) return;
      event.preventDefault();
      action();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}

theme.begin();
render(<Root />, document.getElementById('root')!);
