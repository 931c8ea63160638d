// Which apps run on this machine?

import { useEffect, useState } from 'preact/hooks';
import { apps as findApps } from '../api';
import type { Apps } from '../model';
import { appLink } from '../route';
import { heard } from '../time';
import { Command, Time } from '../ui/basics';

const EVERY = 3000; // milliseconds

export function AppsPage() {
  const [found, setFound] = useState<Apps | undefined>(undefined);
  const [gone, setGone] = useState(false);
  useEffect(() => {
    const ask = async (): Promise<void> => {
      if (document.hidden) return;
      try {
        const answer = await findApps();
        heard(answer.at);
        setFound(answer);
        setGone(false);
      } catch {
        setGone(true);
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), EVERY);
    return () => clearInterval(timer);
  }, []);
  const rows = [...(found?.apps ?? [])].sort((a, b) => a.appId.localeCompare(b.appId) || a.started - b.started);
  return (
    <>
      <header class="top">
        <span class="brand">pawl</span>
      </header>
      {gone && (
        <p class="gone" role="alert">
          'pawl dashboard' does not answer.
        </p>
      )}
      <main>
        <div class="page-head">
          <h1>Apps on this machine</h1>
          <a href="#/file">Open a history in a file</a>
        </div>
        {found && rows.length === 0 && (
          <div class="empty">
            <p>No app runs here. Start one beside its sidecar:</p>
            <Command line="pawl run --app-id orders -- python3 app.py" />
          </div>
        )}
        {rows.length > 0 && (
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>App</th>
                  <th class="number">Workers</th>
                  <th>Runs</th>
                  <th>Since</th>
                  <th class="number">HTTP port</th>
                  <th class="number">gRPC port</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <tr key={row.pid}>
                    <td>
                      <a href={appLink(row.appId)}>{row.appId}</a>
                    </td>
                    <td class="number">{row.workers < 0 ? '?' : row.workers}</td>
                    <td>{row.command}</td>
                    <td>
                      <Time at={row.started} relative />
                    </td>
                    <td class="number">{row.httpPort || '–'}</td>
                    <td class="number">{row.grpcPort || '–'}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </main>
    </>
  );
}
