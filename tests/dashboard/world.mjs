// What the tests of the page share: a real browser before a real daemon with a real worker. PAWL_BUILD names the build's folder; with
// PAWL_PICTURES the pictures of docs/dashboard.md are taken anew into that folder.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';
import { longHistory } from './long.mjs';

export const BUILD = process.env.PAWL_BUILD;
const PICTURES = process.env.PAWL_PICTURES;
const CHROMIUM = '/usr/bin/chromium';
export const HOSTILE = '{"<img src=x onerror=alert(1)>":"\u202etxt","n":1.50}';

// By this name a shell on this machine finds the daemon.
export const APP = PICTURES ? 'shop' : `shop-${process.pid}`;

export const children = [];
export const problems = []; // what the browser complained of
export let folder, http, grpc, daemon, browser, page, url, many;

// Below those that the kernel gives to clients: one of them could take it before the daemon does.
const given = new Set();
export async function freePort() {
  for (;;) {
    const port = 20000 + Math.floor(Math.random() * 12000);
    if (given.has(port)) continue;
    given.add(port);
    const isFree = await new Promise((resolve) => {
      const server = createServer();
      server.on('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

export async function until(what, why) {
  const end = Date.now() + 20000;
  for (;;) {
    const value = await what().catch(() => undefined);
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited in vain: ${why}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function api(path, body) {
  const options = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await fetch(`http://127.0.0.1:${http}/pawl/v1/${path}`, options);
  return answer.json();
}

export const start = (name, id, input) => api('instances', { name, id, ...(input && { input }) });

export function run(program, ...args) {
  const child = spawn(join(BUILD, 'bin', program), args, { stdio: 'ignore' });
  children.push(child);
  return child;
}

export const component = (file) => `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: statestore}
spec:
  type: state.sqlite
  version: v1
  metadata:
  - {name: connectionString, value: "${file}"}
  - {name: actorStateStore, value: "true"}
`;

export const memory = 'apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: store}\nspec:\n  type: state.in-memory\n  version: v1\n  metadata:\n  - {name: actorStateStore, value: "true"}\n';

// A daemon with 30,000 workflows that others left, and one with 50,000 events; its port.
async function startMany() {
  const place = join(folder, 'many');
  const port = await freePort();
  await mkdir(place);
  await writeFile(join(place, 'store.yaml'), component(join(place, 'state.db')));
  assert.deepEqual(await once(run('fill_store', join(place, 'state.db'), '30000', 'default/many'), 'exit'), [0, null]);
  run('daprd', '--app-id', 'many', '--dapr-http-port', String(port), '--dapr-grpc-port', String(await freePort()), '--resources-path', place, '--enable-dashboard', '--max-body-size', '64Mi', '--log-level', 'error');
  await until(async () => (await (await fetch(`http://127.0.0.1:${port}/pawl/v1/app`)).json()).ready, 'the daemon of many is ready');
  const body = JSON.stringify({ id: 'long', history: longHistory(50000) });
  const answer = await fetch(`http://127.0.0.1:${port}/pawl/v1/instances/import`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  assert.equal(answer.status, 200, await answer.text());
  return port;
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pawl-dashboard-'));
  many = startMany();
  many.catch(() => {}); // told by the tests that wait for it
  await writeFile(join(folder, 'store.yaml'), component(join(folder, 'state.db')));
  http = await freePort();
  grpc = await freePort();
  daemon = run('daprd', '--app-id', APP, '--dapr-http-port', String(http), '--dapr-grpc-port', String(grpc), '--resources-path', folder, '--enable-dashboard', '--log-level', 'error');
  await until(async () => (await api('app')).ready, 'the daemon is ready');
  run('dashboard_worker', `grpc://127.0.0.1:${grpc}`);
  await until(async () => (await api('app')).workers === 1, 'the worker is connected');
  for (const [name, id, input] of [
    ['order', 'order-1', PICTURES ? '{"item":"car","quantity":2,"total":30000}' : HOSTILE],
    ['parent', 'parent-1', '{"n":2}'],
    ['broken', 'broken-1', '{}'],
    ['fan', 'fan-1'],
    ['lost', 'lost-1', HOSTILE],
  ])
    await start(name, id, input);
  for (let i = 0; i < 12; i++) await start('broken', `broken-many-${i}`);
  await until(async () => (await api('instances/order-1')).waits[0]?.kind === 'event', 'the order waits');
  await until(async () => (await api('instances/fan-1')).status === 'COMPLETED', 'the fan-out ends');
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
  });
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  url = own();
  page.on('console', (message) => message.type() === 'error' && problems.push(`${message.text()} ${message.location().url}`));
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('dialog', (dialog) => problems.push(`a dialog: ${dialog.message()}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(new URL('/', url).href) && !request.url().startsWith('data:') && !request.url().startsWith('blob:'))
      problems.push(`a request to ${request.url()}`);
  });
});

after(async () => {
  await browser?.close();
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

export async function open(hash) {
  await page.goto('about:blank');
  await page.goto(url + hash);
}

// From now on another daemon's page is looked at. The one before may not ask meanwhile.
export async function lookAt(there) {
  await page.goto('about:blank');
  url = there;
}

export const own = () => `http://127.0.0.1:${http}/dashboard/`;

// Whether anything of what is shown now hinders somebody who hears it.
let axe;
export async function hear(where) {
  axe ??= await readFile(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  assert.deepEqual(violations.map((one) => `${where} ${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`), []);
}

export async function picture(name) {
  if (PICTURES) await page.screenshot({ path: join(PICTURES, `dashboard-${name}.png`) });
}

if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is needed (Debian's package chromium)`);
