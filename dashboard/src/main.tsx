// The shell of the page: where one is, the keys, and what is always seen.

import './theme.css'; // which stands in index.html
import { locked } from './token'; // first, as it takes a token out of the address
import { render, type ComponentChildren } from 'preact';
import { useEffect, useErrorBoundary } from 'preact/hooks';
import { gone, useLive } from './live';
import { ownApp } from './commands';
import type { App } from './model';
import { AppsPage } from './pages/apps';
import { ComparePage } from './pages/compare';
import { Stack } from './pages/failure';
import { FilePage } from './pages/file';
import { HelpDialog } from './pages/help';
import { InstancePage } from './pages/instance';
import { ListPage } from './pages/list';
import { LogPage } from './pages/log';
import { OverviewPage } from './pages/overview';
import { StorePage } from './pages/store';
import { TokenPage } from './pages/token';
import { Top } from './pages/top';
import { WorkersPage } from './pages/workers';
import { go, helping, link, route, searching } from './route';
import * as theme from './theme';
import { toast, Toasts } from './ui/basics';
import { isTyping, toList } from './ui/keys';
import { isOfApp, ofAll, pageOf, PAGES } from './where';

function Root() {
  useKeys();
  const { app, segments } = route.value;
  return (
    <>
      {locked.value.has(app ?? '') ? <TokenPage app={app} /> : ofAll && app === undefined && segments[0] !== 'file' ? <AppsPage /> : <Shell key={app} />}
      {helping.value && <HelpDialog onClose={() => (helping.value = false)} />}
      <Toasts />
    </>
  );
}

function Shell() {
  const isFile = !isOfApp(route.value);
  const app = useLive<App>(isFile ? undefined : 'app', 5000).value.value;
  ownApp.value = app?.appId;
  const [page = '', id, other] = route.value.segments;
  const shown = pageOf(route.value);

  useEffect(() => {
    document.title = [id ?? page, app?.appId, 'Pawl'].filter(Boolean).join(' · ');
  }, [id, page, app?.appId]);

  return (
    <>
      <Top>
        {!isFile && (
          <nav aria-label="Pages">
            {PAGES.map(([where, label]) => (
              <a key={where} href={link(where ? [where] : [])} aria-current={where === shown ? 'page' : undefined}>
                {label}
              </a>
            ))}
          </nav>
        )}
        {app ? (
          <span class="state">
            <span class={`dot ${app.ready ? 'status-completed' : 'status-failed'}`} />
            <span class="app-id" title={app.appId}>
              {app.appId}
            </span>{' '}
            <span>
              · {app.workers} {app.workers === 1 ? 'worker' : 'workers'}
              {app.readOnly && ' · read-only'}
            </span>
          </span>
        ) : (
          <span class="spacer" />
        )}
      </Top>
      {gone.value !== undefined && (
        <p class="gone" role="alert">
          {gone.value.replace(/\.?$/, '.')} What you see is the last that it told; the page asks again.
        </p>
      )}
      <Guarded>
        <Page page={page} id={id} other={other} app={app} />
      </Guarded>
    </>
  );
}

// A fault of ours in one view leaves the others, and says what it was.
function Guarded({ children }: { children: ComponentChildren }) {
  const [error, reset] = useErrorBoundary((caught) => console.error(caught)) as [Error | undefined, () => void];
  const where = route.value.segments.join('/');
  useEffect(() => {
    if (error) reset();
  }, [where]);
  if (!error) return <>{children}</>;
  return (
    <main>
      <h1>This view has failed</h1>
      <p class="sentence">It is a fault of this page, not of your workflows: they go on. Other views may well work, or this one when it is loaded again.</p>
      <p>
        <button type="button" class="primary" onClick={() => location.reload()}>
          Load again
        </button>
      </p>
      <p class="refusal">{String(error)}</p>
      <Stack text={`${location.hash}\n${error.stack ?? ''}`} />
    </main>
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

function useKeys(): void {
  useEffect(() => {
    let before = '';
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      const keys: Record<string, () => void> = {
        '/': () => {
          if (route.value.segments[0] !== 'instances') go(link(['instances']));
          searching.value = true;
        },
        '?': () => (helping.value = true),
        t: theme.next,
        'g a': () => go('#/'),
        'g o': () => go(link([])),
        'g l': () => go(link(['instances'])),
        'g w': () => go(link(['workers'])),
        'g s': () => go(link(['store'])),
        'g e': () => go(link(['log'])),
        'g f': () => go(link(['file'])),
      };
      if (!before && toList(event)) {
        event.preventDefault();
        return;
      }
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

// What fails outside of a view, such as an answer that nobody waits for.
addEventListener('unhandledrejection', (event) => toast(`Something on this page has failed: ${event.reason}`, true));

theme.begin();
render(<Root />, document.getElementById('root')!);
