// What is seen instead of everything while a daemon wants a token.

import { useState } from 'preact/hooks';
import { hasToken, unlock } from '../token';
import { Top } from './top';

// |app|: whose daemon it is, where one page shows all apps.
export function TokenPage({ app }: { app: string | undefined }) {
  const [given, setGiven] = useState('');
  return (
    <>
    <Top />
    <main class="token">
      <h1>{app === undefined ? 'This daemon wants a token' : `The daemon of ${app} wants a token`}</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          unlock(given.trim(), app);
        }}
      >
        <label>
          Token
          <input type="password" autocomplete="current-password" autofocus required value={given} onInput={(event) => setGiven(event.currentTarget.value)} />
        </label>
        <button type="submit" class="primary">
          Open
        </button>
      </form>
      {hasToken(app) && (
        <p class="refusal" role="alert">
          It does not take the one that was given.
        </p>
      )}
      <p class="quiet">
        That of its <code>--dashboard-token</code>, of <code>PAWL_DASHBOARD_TOKEN</code> or of <code>DAPR_API_TOKEN</code>. It is kept for this tab
        only.
      </p>
    </main>
    </>
  );
}
