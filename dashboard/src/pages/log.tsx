// What does the app say? The lines that it and its daemon write, as they come.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ApiError, get, withQuery } from '../api';
import type { Log, LogLine } from '../model';
import { route, setQuery } from '../route';
import { clockOf, grouped, heard, utc } from '../time';
import { Command, Refusal } from '../ui/basics';
import { visible } from '../ui/json';

const EVERY = 1000; // milliseconds between two questions
const KEPT = 5000; // lines

// What is known after an answer. |anew|: it has all that the daemon knows, which may have been told before; what is older is of a daemon
// that has ended.
export function linesAfter(before: readonly LogLine[], fresh: readonly LogLine[], anew: boolean): LogLine[] {
  const first = fresh[0]?.at ?? 0;
  return [...(anew && fresh.length ? before.filter((line) => line.at < first) : before), ...fresh].slice(-KEPT);
}

function useLines(): { lines: LogLine[]; error: ApiError | undefined; known: boolean } {
  const [lines, setLines] = useState<LogLine[]>([]);
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const [known, setKnown] = useState(false);
  useEffect(() => {
    let after: number | undefined;
    let timer = 0;
    let stopped = false;
    const ask = async (): Promise<void> => {
      clearTimeout(timer);
      if (document.hidden) return;
      try {
        const answer = await get<Log>(withQuery('log', { after }));
        if (stopped) return;
        heard(answer.at);
        const anew = after === undefined;
        after = answer.next;
        setKnown(true);
        setError(undefined);
        if (answer.lines.length) setLines((before) => linesAfter(before, answer.lines, anew));
      } catch (caught) {
        if (stopped) return;
        setError(caught as ApiError);
        // A daemon that was started anew counts its lines anew.
        if ((caught as ApiError).trouble === 'gone') after = undefined;
      }
      if (!stopped) timer = setTimeout(() => void ask(), EVERY) as unknown as number;
    };
    const seen = (): void => void ask();
    document.addEventListener('visibilitychange', seen);
    void ask();
    return () => {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, []);
  return { lines, error, known };
}

// A line that stands out, by the level that it begins with; the same word within its text is none.
const LEVELS: readonly [RegExp, string][] = [
  [/^(?:\S+ ){0,4}\W*(?:ERROR|FATAL|CRITICAL|PANIC)\b|^\S* ?level=(?:error|fatal)\b|^❌/, 'error'],
  [/^(?:\S+ ){0,4}\W*WARN(?:ING)?\b|^\S* ?level=warn/, 'warning'],
];

const levelOf = (text: string): string => LEVELS.find(([fits]) => fits.test(text))?.[1] ?? '';

export function LogPage() {
  const { lines, error, known } = useLines();
  const [follows, setFollows] = useState(true);
  const box = useRef<HTMLDivElement>(null);
  const q = route.value.query.get('q') ?? '';
  const from = route.value.query.get('from') ?? '';
  const word = q.toLowerCase();
  const shown = lines.filter((line) => (!from || line.from === from) && (!word || line.text.toLowerCase().includes(word)));

  useLayoutEffect(() => {
    if (follows && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [shown.length, lines, follows]);

  return (
    <main>
      <h1>Log</h1>
      {error && error.trouble !== 'gone' && !known ? (
        <div class="empty">
          <p>{error.message.replace(/^./, (first) => first.toUpperCase())}.</p>
          {error.trouble === 'refused' && (
            <>
              <p>Start the app with a run file, and its lines are here as they come:</p>
              <Command line="pawl run -f ." />
            </>
          )}
        </div>
      ) : (
        <Refusal error={error} />
      )}
      {known && (
        <>
          <div class="history-tools">
            <input type="search" aria-label="Find in the log" placeholder="only lines with …" value={q} onInput={(typed) => setQuery({ q: typed.currentTarget.value || undefined })} />
            <label>
              From{' '}
              <select value={from} onChange={(changed) => setQuery({ from: changed.currentTarget.value || undefined })}>
                <option value="">both</option>
                <option value="app">the app</option>
                <option value="daemon">the daemon</option>
              </select>
            </label>
            <label>
              <input type="checkbox" checked={follows} onChange={(changed) => setFollows(changed.currentTarget.checked)} /> follow
            </label>
            <span class="quiet">
              {grouped(shown.length)} {shown.length === 1 ? 'line' : 'lines'}
            </span>
          </div>
          <div
            class="log"
            ref={box}
            tabIndex={0}
            role="log"
            aria-label="Lines of the log"
            aria-live="off"
            onScroll={(event) => {
              const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
              setFollows(scrollHeight - scrollTop - clientHeight < 30);
            }}
          >
            {shown.map((line, index) => (
              <p key={index} class={`${line.from} ${levelOf(line.text)}`}>
                <time title={utc(line.at)}>{clockOf(new Date(line.at))}</time> <b>{line.from}</b> {visible(line.text)}
              </p>
            ))}
            {shown.length === 0 && <p class="quiet">{lines.length ? 'No line fits.' : 'Nothing has been written yet.'}</p>}
          </div>
          {!lines.some((line) => line.from === 'app') && (
            <p class="quiet">The lines of an app are here when its output goes through pawl: pawl run -f. With pawl run alone it writes to the terminal itself.</p>
          )}
        </>
      )}
    </main>
  );
}
