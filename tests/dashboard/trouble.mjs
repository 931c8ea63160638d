// Daemons that die, want a token, or are one of many.
import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { problems, folder, daemon, browser, page, freePort, hear, until, run, memory, open, lookAt, own } from './world.mjs';

test('a daemon that dies is told, and what was seen stays; it comes back by itself', async () => {
  await open('#/instance/parent-1');
  await page.locator('.sentence', { hasText: /^Waits for its child/ }).waitFor();
  const before = problems.length;
  const args = daemon.spawnargs.slice(1);
  daemon.kill('SIGKILL');
  await page.getByRole('alert').filter({ hasText: 'does not answer' }).waitFor();
  await hear('a daemon that is gone');
  await page.getByRole('heading', { name: 'parent' }).waitFor();
  run('daprd', ...args);
  await until(async () => (await page.getByRole('alert').count()) === 0, 'the page has the daemon back');
  await page.locator('.sentence', { hasText: /^Waits for its child/ }).waitFor();
  problems.length = before; // connections that were refused are in the browser's console, as they should be
});

test('a fault of one view leaves the others', async () => {
  const before = problems.length;
  await page.route(/pawl\/v1\/store$/, (route) => route.fulfill({ json: { stores: [null], shards: [], daemons: [], at: 1 } }));
  await open('#/store');
  await page.getByRole('heading', { name: 'This view has failed' }).waitFor();
  await hear('a view that has failed');
  await page.getByRole('link', { name: 'Workers', exact: true }).click();
  await page.getByRole('heading', { name: 'Workers' }).waitFor();
  await page.unroute(/pawl\/v1\/store$/);
  await page.getByRole('link', { name: 'Store', exact: true }).click();
  await page.getByRole('heading', { name: /statestore/ }).waitFor();
  problems.length = before;
});

test('a browser whose clock is wrong shows the times of the daemon', async () => {
  const visitor = await browser.newPage();
  await visitor.clock.install({ time: Date.now() - 3600e3 });
  await visitor.goto(`${own()}#/instances?q=id:parent-1&cols=created,updated,took`);
  const cells = () => visitor.getByRole('row', { name: /parent-1 / }).first().getByRole('cell').allTextContents();
  await until(async () => /ago$|^just now$/.test((await cells())[3]), 'the row is there');
  const [, , , changed, took] = await cells();
  assert.match(changed, /^(just now|\d+ s ago|\d min ago)$/);
  assert.match(took, /^\d+(\.\d+)? (s|min)( \d+ s)?$/);
  await visitor.close();
});

test('a daemon with a token lets in who shows it', async () => {
  const port = await freePort();
  const place = await mkdtemp(join(folder, 'locked-'));
  await writeFile(join(place, 'store.yaml'), memory);
  run('daprd', '--app-id', 'locked', '--dapr-http-port', String(port), '--dapr-grpc-port', String(await freePort()), '--resources-path', place, '--enable-dashboard', '--dashboard-token', 'opén sesame', '--hide-payloads', '--log-level', 'error');
  const other = `http://127.0.0.1:${port}/dashboard/`;
  await until(async () => (await fetch(other)).ok, 'the other daemon is there');
  const visitor = await browser.newPage();
  await visitor.goto(other);
  await visitor.getByLabel('Token').fill('wrong');
  await visitor.getByRole('button', { name: 'Open' }).click();
  await visitor.getByRole('alert').filter({ hasText: 'It does not take the one that was given.' }).waitFor();
  await visitor.getByLabel('Token').fill('opén sesame');
  await visitor.getByRole('button', { name: 'Open' }).click();
  await visitor.getByText(/locked · 0 workers/).waitFor();
  await visitor.reload(); // the tab keeps it
  await visitor.getByText(/locked · 0 workers/).waitFor();
  await visitor.getByRole('link', { name: 'Log', exact: true }).click();
  await visitor.locator('.empty', { hasText: 'this daemon hides payloads' }).waitFor(); // as it should, so nothing is wrong
  await visitor.close();
  const guest = await browser.newPage(); // with a link that brings it
  await guest.goto(`${other}#token=${encodeURIComponent('opén sesame')}`);
  await guest.getByText(/locked · 0 workers/).waitFor();
  assert.equal(new URL(guest.url()).hash, '#/');
  await guest.close();
});

test('one page of all apps is told by each daemon what happens', async () => {
  const name = `alone-${process.pid}`;
  const [port, hub] = [await freePort(), await freePort()];
  const place = await mkdtemp(join(folder, 'alone-'));
  await writeFile(join(place, 'store.yaml'), memory);
  const alone = run('daprd', '--app-id', name, '--dapr-http-port', String(port), '--dapr-grpc-port', String(await freePort()), '--resources-path', place, '--log-level', 'error');
  run('pawl', 'dashboard', '--port', String(hub));
  const here = `http://127.0.0.1:${hub}`;
  await until(async () => (await fetch(`${here}/apps/${name}/pawl/v1/app`)).ok, 'the daemon is found');
  const begin = (id) => fetch(`${here}/apps/${name}/pawl/v1/instances`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: 'order', id }) });
  await lookAt(`${here}/dashboard/`);
  const told = page.waitForResponse((answer) => answer.url().includes(`/apps/${name}/pawl/v1/changes`) && answer.status() === 200, { timeout: 20000 });
  await open(`#/@${name}/instances`);
  await told;
  const end = new AbortController();
  const changes = await fetch(`${here}/apps/${name}/pawl/v1/changes`, { signal: end.signal });
  assert.equal(changes.headers.get('content-type'), 'text/event-stream');
  await begin('first-of-all');
  let said = '';
  for await (const piece of changes.body.pipeThrough(new TextDecoderStream())) if ((said += piece).includes('"first-of-all"')) break;
  assert.match(said, /^retry: \d+\nevent: hello\n/);
  end.abort();
  await page.getByRole('link', { name: 'first-of-all' }).waitFor();
  assert.equal((await fetch(`${here}/apps/${name}:${port}/pawl/v1/app`)).status, 200); // one daemon of several
  assert.equal((await fetch(`${here}/apps/${name}:1/pawl/v1/app`)).status, 404);
  // Of one that wants a token nothing is told without it, and what it wants is shown to no other.
  const secret = `secret-${process.pid}`;
  run('daprd', '--app-id', secret, '--dapr-http-port', String(await freePort()), '--dapr-grpc-port', String(await freePort()), '--resources-path', place, '--dashboard-token', 'sesame', '--log-level', 'error');
  const before = problems.length;
  await open('');
  await page.getByRole('row', { name: `${secret} wants a token` }).waitFor();
  await hear('all apps');
  await page.setViewportSize({ width: 360, height: 640 });
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, 'the page of all apps is too wide');
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole('row', { name: `${secret} wants a token` }).getByRole('link').click();
  await page.getByRole('heading', { name: `The daemon of ${secret} wants a token` }).waitFor();
  await hear('a token that is wanted');
  await page.getByLabel('Token').fill('sesame');
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByText(`${secret} · 0 workers`).waitFor();
  const shown = page.waitForRequest((request) => request.url().includes(`/apps/${name}/`), { timeout: 20000 });
  await page.getByRole('link', { name: 'Apps' }).click();
  await page.getByRole('row', { name: `${secret} serves` }).waitFor();
  assert.equal((await shown).headers()['pawl-dashboard-token'], undefined);
  problems.length = before; // what was refused is in the browser's console
  // A stream whose daemon dies ends, so that one knows that nothing is told any more.
  const last = await fetch(`${here}/apps/${name}/pawl/v1/changes`);
  const row = page.getByRole('row', { name: new RegExp(`^${name} `) });
  await row.getByText('no worker').waitFor();
  await row.getByRole('link', { name }).click();
  await page.getByRole('heading', { name }).waitFor();
  alone.kill('SIGKILL');
  await last.text().catch(() => '');
  assert.equal((await fetch(`${here}/apps/nobody-has-${name}/pawl/v1/changes`)).status, 404);
  await page.getByRole('alert').filter({ hasText: `no daemon of app '${name}' runs on this machine` }).waitFor();
  await page.getByRole('heading', { name }).waitFor(); // what was seen stays
  await lookAt(own());
  problems.length = before;
});
