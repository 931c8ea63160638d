// Calls of a daemon: of the one that serves this page, or, where 'pawl dashboard' serves it, of the one that the route names. Three kinds
// of failure, since they look different: the daemon does not answer, it does not allow the call, it refuses what was asked.

import type { Apps, Columns, Timeline } from './model';
import { route } from './route';
import { parseEvents, type ServerEvent } from './sse';
import { timelineOf } from './timeline/columns';
import { lock, tokenHeader } from './token';

export type Trouble = 'gone' | 'forbidden' | 'refused';

export class ApiError extends Error {
  constructor(
    readonly trouble: Trouble,
    message: string,
    readonly status = 0, // of HTTP, where there was an answer
  ) {
    super(message);
  }
}

const home = new URL('../', document.baseURI);

const baseOf = (app: string | undefined): URL => (app === undefined ? new URL('pawl/v1/', home) : new URL(`apps/${encodeURIComponent(app)}/pawl/v1/`, home));

// Where the calls of the present view go.
const base = (): URL => baseOf(route.value.app);

async function call<T>(method: string, url: URL, body?: unknown, app?: string): Promise<T> {
  return JSON.parse((await send(method, url, body === undefined ? null : JSON.stringify(body), app)) || '{}') as T;
}

// The answer's JSON, as text. |app|: whose daemon it is, where it is not the one that serves this page.
async function send(method: string, url: URL, body: BodyInit | null, app = route.value.app): Promise<string> {
  let answer: Response;
  try {
    answer = await fetch(url, {
      method,
      headers: { ...tokenHeader(app), ...(method !== 'GET' && { 'content-type': 'application/json', 'x-pawl-dashboard': '1' }) },
      body,
      cache: 'no-store',
    });
  } catch {
    throw new ApiError('gone', 'The daemon does not answer.');
  }
  if (answer.status === 401) {
    if (app === route.value.app) lock(app);
    throw new ApiError('forbidden', 'The daemon wants a token.');
  }
  const text = await answer.text();
  if (answer.ok) return text;
  let said: { message?: string; errorCode?: string } = {};
  try {
    said = JSON.parse(text) as typeof said;
  } catch {
    // It is not one of its own.
  }
  // 'pawl dashboard' answers in the place of a daemon that it does not find or reach.
  const isGone = said.errorCode === 'ERR_DASHBOARD' && answer.status !== 403;
  throw new ApiError(answer.status === 403 ? 'forbidden' : isGone ? 'gone' : 'refused', said.message ?? `The daemon answered ${answer.status}.`, answer.status);
}

// |app|: whose daemon is asked, where it need not be the one that is looked at.
export const get = <T>(path: string, app = route.value.app): Promise<T> => call<T>('GET', new URL(path, baseOf(app)), undefined, app);
export const post = <T>(path: string, body: unknown = {}, app = route.value.app): Promise<T> => call<T>('POST', new URL(path, baseOf(app)), body, app);

export const getText = (path: string): Promise<string> => send('GET', new URL(path, base()), null);

// The rows of a history that is in no store.
export const readHistory = async (file: Blob): Promise<Timeline> =>
  timelineOf(JSON.parse(await send('POST', new URL('pawl/v1/timeline?as=columns', home), file)) as Columns);

// What happens, until the signal ends it.
export const stream = {
  home: (): string => base().href,
  async *events(query: Record<string, string | undefined>, signal: AbortSignal): AsyncGenerator<ServerEvent> {
    const answer = await fetch(new URL(withQuery('changes', query), base()), { signal, headers: tokenHeader(route.value.app), cache: 'no-store' });
    if (!answer.ok || !answer.body || !answer.headers.get('content-type')?.startsWith('text/event-stream')) throw new Error('no stream');
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parsed = parseEvents(rest + value);
      rest = parsed.rest;
      yield* parsed.events;
    }
  },
};

export const apps = (): Promise<Apps> => call<Apps>('GET', new URL('pawl/v1/apps', home));

export function path(...segments: string[]): string {
  return segments.map(encodeURIComponent).join('/');
}

export function withQuery(where: string, query: Record<string, string | number | undefined>): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== '') params.set(key, String(value));
  const text = params.toString();
  return text ? `${where}?${text}` : where;
}
