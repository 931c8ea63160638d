// The page in a real browser, before a real daemon with a real worker. PAWL_BUILD names the build's folder; with PAWL_PICTURES the pictures
// of docs/dashboard.md are taken anew into that folder.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { longHistory } from './long.mjs';

const BUILD = process.env.PAWL_BUILD;
const PICTURES = process.env.PAWL_PICTURES;
const CHROMIUM = '/usr/bin/chromium';
const HOSTILE = '{"<img src=x onerror=alert(1)>":"\u202etxt","n":1.50}';

const children = [];
const problems = []; // what the browser complained of
let folder, http, grpc, daemon, browser, page, url, many;

// Below those that the kernel gives to clients: one of them could take it before the daemon does.
const given = new Set();
async function freePort() {
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

async function until(what, why) {
  const end = Date.now() + 20000;
  for (;;) {
    const value = await what().catch(() => undefined);
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited in vain: ${why}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function api(path, body) {
  const options = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await fetch(`http://127.0.0.1:${http}/pawl/v1/${path}`, options);
  return answer.json();
}

const start = (name, id, input) => api('instances', { name, id, ...(input && { input }) });

function run(program, ...args) {
  const child = spawn(join(BUILD, 'bin', program), args, { stdio: 'ignore' });
  children.push(child);
  return child;
}

const component = (file) => `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: statestore}
spec:
  type: state.sqlite
  version: v1
  metadata:
  - {name: connectionString, value: "${file}"}
  - {name: actorStateStore, value: "true"}
`;

const memory = 'apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: store}\nspec:\n  type: state.in-memory\n  version: v1\n  metadata:\n  - {name: actorStateStore, value: "true"}\n';

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
  daemon = run('daprd', '--app-id', 'shop', '--dapr-http-port', String(http), '--dapr-grpc-port', String(grpc), '--resources-path', folder, '--enable-dashboard', '--log-level', 'error');
  await until(async () => (await api('app')).ready, 'the daemon is ready');
  run('dashboard_worker', `grpc://127.0.0.1:${grpc}`);
  await until(async () => (await api('app')).workers === 1, 'the worker is connected');
  for (const [name, id, input] of [
    ['order', 'order-1', HOSTILE],
    ['parent', 'parent-1', '{"n":2}'],
    ['broken', 'broken-1', '{}'],
    ['fan', 'fan-1'],
    ['lost', 'lost-1', '{}'],
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
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
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

async function open(hash) {
  await page.goto('about:blank');
  await page.goto(url + hash);
}

// From now on another daemon's page is looked at. The one before may not ask meanwhile.
async function lookAt(there) {
  await page.goto('about:blank');
  url = there;
}

const own = () => `http://127.0.0.1:${http}/dashboard/`;

async function picture(name) {
  if (PICTURES) await page.screenshot({ path: join(PICTURES, `dashboard-${name}.png`) });
}

test('a list is told what happens, and does not ask all the time', async () => {
  const asked = [];
  const note = (request) => request.url().includes('/pawl/v1/instances') && asked.push(request.url());
  const listens = page.waitForResponse((answer) => answer.url().includes('/pawl/v1/changes'), { timeout: 20000 });
  await open('#/instances');
  await page.getByText('order-1').first().waitFor();
  await listens;
  page.on('request', note);
  // By the clock it would ask each second.
  await until(async () => {
    asked.length = 0;
    await new Promise((resolve) => setTimeout(resolve, 2500));
    return asked.length === 0;
  }, 'the page asks no more, as nothing happens');
  const began = Date.now();
  await start('order', 'order-told');
  await page.getByText('order-told').first().waitFor({ timeout: 20000 });
  console.log(`a new instance was on the page after ${Date.now() - began} ms`);
  page.off('request', note);
  const hostile = 'a "name" with \\ and \n and \u0001 and ü';
  await api('instances/order-told/raise', { event: hostile });
  await until(async () => (await api('instances/order-told/timeline')).groups.some((group) => group.name === hostile), 'the timeline has the event as it was raised');
  // However much happens, what costs is asked for at leisure.
  const counted = () => page.evaluate(() => performance.getEntriesByType('resource').flatMap((one) => (one.name.includes('/instances/count') ? [one.startTime] : [])));
  const times = await until(async () => {
    await api('instances/order-told/raise', { event: hostile });
    return (await counted()).length > 2 && counted();
  }, 'what happens is counted');
  times.slice(1).forEach((time, index) => assert.ok(time - times[index] > 1900, `counted at ${times}`));
  await api('instances/order-told/terminate', {});
  await until(async () => (await api('instances/order-told')).status === 'TERMINATED', 'it is terminated');
  await api('instances/order-told/purge', {});
});

test('the page is there before the daemon has answered anything', async () => {
  let letOn;
  const held = new Promise((resolve) => (letOn = resolve));
  await page.route(/pawl\/v1/, async (route) => held.then(() => route.continue()));
  await open('');
  await page.getByRole('link', { name: 'Workflows', exact: true }).waitFor();
  letOn();
  await page.getByRole('heading', { name: 'shop' }).waitFor();
  await page.unroute(/pawl\/v1/);
});

test('the overview tells what needs attention', async () => {
  await open('');
  const needs = page.getByRole('region', { name: 'What needs attention' });
  await needs.getByText('13 of broken failed within the last hour: OutOfStock.').waitFor();
  await needs.getByText('no <b>cars</b> left').waitFor(); // what one of them said
  await page.getByRole('heading', { name: 'Failed within the hour' }).waitFor();
  await page.getByRole('img', { name: /^Open, by status: running \d+/ }).waitFor({ timeout: 30000 });
  await page.getByRole('row', { name: /^broken/ }).getByRole('link', { name: '13' }).waitFor();
});

test('workers and stores are shown', async () => {
  await open('#/workers');
  await page.getByRole('row', { name: /^pawl\// }).getByText(/order/).waitFor();
  await open('#/store');
  await page.getByRole('heading', { name: /statestore/ }).waitFor();
  await page.getByRole('cell', { name: 'serving' }).waitFor();
});

test('the log of an app is shown as it comes', async () => {
  await open('#/log');
  await page.getByText("'pawl run' keeps those of what it starts").waitFor();
  const place = join(folder, 'run');
  await mkdir(join(place, 'app'), { recursive: true });
  await writeFile(
    join(place, 'dapr.yaml'),
    `version: 1
apps:
- appID: teller
  appDirPath: app
  command: [sh, -c, "echo 'it <b>begins</b>'; while ! test -e go; do sleep 0.05; done; echo later; exec sleep 300"]
`,
  );
  const child = spawn(join(BUILD, 'bin', 'pawl'), ['run', '-f', place], { env: { ...process.env, HOME: folder } });
  children.push(child);
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  const there = await until(async () => /http:\/\/\S+\/dashboard\//.exec(said)?.[0], 'run says where the page is');
  await lookAt(there);
  try {
    await open('#/log');
    await page.getByText('app it <b>begins</b>').waitFor();
    await writeFile(join(place, 'app', 'go'), '');
    await page.getByText('app later').waitFor();
    await page.getByLabel('Find in the log').fill('LATER');
    await page.getByText('1 line', { exact: true }).waitFor();
    await page.getByLabel('From').selectOption('daemon');
    await page.getByText('No line fits.').waitFor();
  } finally {
    await lookAt(own());
    child.kill('SIGINT');
  }
});

test('the list filters, counts and pages', async () => {
  await open('#/instances?q=status:failed');
  await page.getByRole('row').nth(14).waitFor();
  assert.equal(await page.getByRole('row').count(), 15);
  await page.getByRole('searchbox', { name: 'Filter' }).fill('name:order');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'order-1' }).waitFor();
  assert.match(page.url(), /q=name%3Aorder/);
  assert.equal(await page.getByRole('link', { name: 'broken-1', exact: true }).count(), 0);
  await page.getByRole('searchbox', { name: 'Filter' }).fill('wrong:thing');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: "'wrong:' is no filter" }).waitFor();
  await open('#/instances');
  await page.getByRole('row').nth(5).waitFor();
  await page.getByRole('cell', { name: /^OutOfStock: activity 'refuse' failed: no <b>cars/ }).nth(9).waitFor();
  await picture('list');
});

test('one instance is shown as a timeline', async () => {
  await open('#/instance/order-1');
  await page.getByText(/^Waits for event approval/).waitFor();
  const row = page.getByRole('option', { name: /activity charge, done after 3 attempts/ });
  await row.waitFor();
  assert.equal(await row.locator('.bar.fail').count(), 2);
  assert.equal(await row.locator('.bar.wait').count(), 2);
  await row.click();
  await page.getByText('the bank said no').first().waitFor();
  // The clock goes on from now, whatever is looked at.
  const waits = page.getByRole('option', { name: /event approval/ }).locator('.took');
  const took = await waits.textContent();
  await until(async () => (await waits.textContent()) !== took, 'the time goes on');
  assert.match(await waits.textContent(), /^\d/);
  await picture('timeline');
  // Whatever stands beside a bar is within the picture, and times in the sentence are those of the page.
  const beyond = await page.locator('.timeline').evaluate((box) => {
    const { left, right } = box.getBoundingClientRect();
    return [...box.querySelectorAll('.took')].map((one) => one.getBoundingClientRect()).filter((one) => one.left < left || one.right > right).length;
  });
  assert.equal(beyond, 0);
  await page.locator('.sentence time').waitFor();
  assert.equal(await page.getByText(/^Waits for event approval.*\dZ/).count(), 0);
  // What is drawn is what the daemon told.
  const { groups } = await api('instances/order-1/timeline');
  assert.equal(await page.getByRole('option').count(), groups.length);
});

test('a fan-out is one row that opens with its failure first', async () => {
  await open('#/instance/fan-1');
  const rows = page.getByRole('option');
  await page.getByRole('option', { name: /^60 × step: 1 failed/ }).click();
  await until(async () => /^activity step, failed/.test(await rows.nth(1).textContent()), 'the failure comes first');
});

test('a workflow that calls what no worker has says so in the first line', async () => {
  await open('#/instance/lost-1');
  await page.getByText(/nobody_has_this/).first().waitFor();
  await page.getByText(/^Failed after/).waitFor();
});

test('payloads are text, whatever they hold', async () => {
  await open('#/instance/order-1/data');
  await page.getByText('<img src=x onerror=alert(1)>').waitFor();
  await page.getByText('\\u202etxt').waitFor();
  await open('#/instance/broken-1');
  await page.getByText('no <b>cars</b> left').first().waitFor();
});

test('history is listed, searched and opened', async () => {
  await open('#/instance/order-1/history');
  const events = page.getByRole('listitem');
  await events.nth(5).waitFor();
  await events.filter({ hasText: /taskFailed\s*charge/ }).first().waitFor(); // an answer says of what it is
  await page.getByRole('searchbox', { name: /Find in/ }).fill('CardDeclined');
  await page.getByText('2 events have “CardDeclined”').waitFor();
  assert.match(page.url(), /find=CardDeclined/);
  assert.equal(await events.count(), 2);
  await events.first().getByText(/^\d\d:\d\d:\d\d\.\d\d\d$/).waitFor();
  await events.first().getByRole('button').first().click();
  await page.getByText('taskScheduledId').waitFor();
  await page.getByText('with all that they carry').click();
  await until(async () => (await page.getByText('taskScheduledId').count()) === 2, 'both are shown in full');
});

test('an event is raised, and the page shows what came of it', async () => {
  await open('#/instance/order-1');
  await page.getByRole('button', { name: 'Raise event' }).click();
  const dialog = page.getByRole('dialog');
  assert.equal(await dialog.getByLabel('Event').inputValue(), 'approval');
  await dialog.getByLabel('Data').fill('not json');
  await dialog.getByRole('button', { name: 'Raise event' }).click();
  await dialog.getByRole('alert').filter({ hasText: 'not JSON' }).waitFor();
  await dialog.getByLabel('Data').fill('{"by":"ann"}');
  await dialog.getByRole('button', { name: 'Raise event' }).click();
  await page.getByText(/^Completed after/).waitFor();
  await page.getByRole('button', { name: 'Purge' }).waitFor();
});

test('a workflow is run again from an event', async () => {
  await open('#/instance/broken-1/history');
  await page.getByRole('button', { name: /taskScheduled/i }).click();
  await page.getByRole('button', { name: 'Rerun from here …' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('pawl workflow rerun broken-1 -e 0').waitFor();
  await dialog.getByLabel(/^Instance id/).fill('broken-again');
  await dialog.getByText('pawl workflow rerun broken-1 -e 0 --new-instance-id broken-again').waitFor();
  await dialog.getByRole('button', { name: 'Rerun', exact: true }).click();
  await page.waitForURL(/#\/instance\/broken-again/);
  await until(async () => (await api('instances/broken-again')).status === 'FAILED', 'it has failed again');
});

test('two runs are compared', async () => {
  await open('#/instance/order-1');
  await page.getByRole('button', { name: 'compare …' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('With the instance').fill('broken-1');
  await dialog.getByRole('button', { name: 'Compare', exact: true }).click();
  await page.getByText('They differ in 4 of 4 steps, first at step 1: activity step, only in the first. Their inputs differ.').waitFor();
  await page.getByRole('row', { name: /activity charge done.*3 attempts.*only in the first/ }).waitFor();
  await open('#/compare/broken-1/broken-again');
  await page.getByText('They did the same 1 step.').waitFor();
});

test('a bar offers to run it again, and says what is kept', async () => {
  await open('#/instance/order-1');
  await page.getByRole('option', { name: /activity charge/ }).click();
  await page.getByRole('button', { name: 'Rerun from here …' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Taken over: step. Done again: charge, and what follows.').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await open('#/instance/parent-1');
  await page.getByRole('option', { name: /child order/ }).click();
  const button = page.getByRole('button', { name: 'Rerun from here …' });
  await page.getByText('only a workflow that has ended can be run again').waitFor();
  assert.ok(await button.isDisabled());
});

test('a history in a file is looked at like one of a daemon', async () => {
  const told = await (await fetch(`http://127.0.0.1:${http}/pawl/v1/instances/order-1/history`)).text();
  const exporter = spawn(join(BUILD, 'bin', 'pawl'), ['workflow', 'export', 'order-1', '--address', `127.0.0.1:${grpc}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  let exported = '';
  for await (const piece of exporter.stdout) exported += piece;
  assert.equal(`${told}\n`, exported);
  const rows = async () => {
    await page.getByRole('option').first().waitFor();
    return page.getByRole('option').evaluateAll((all) => all.map((row) => row.title));
  };
  await open('#/instance/order-1');
  const live = await rows();
  await open('#/file');
  const place = await mkdtemp(join(tmpdir(), 'pawl-files-')); // not among the daemon's resources
  await writeFile(join(place, 'order-1.json'), exported);
  await writeFile(join(place, 'no-history.json'), '[{"timestamp":"yesterday"}]');
  await page.getByLabel('Open a file').setInputFiles(join(place, 'no-history.json'));
  await page.getByRole('alert').filter({ hasText: 'the history is not one: event 0' }).waitFor();
  await page.getByLabel('Open a file').setInputFiles(join(place, 'order-1.json'));
  await page.getByText(', from order-1.json').waitFor();
  assert.deepEqual(await rows(), live);
  await page.getByRole('option', { name: /activity charge/ }).click();
  await page.getByText('the bank said no').first().waitFor();
  await page.getByRole('listitem').filter({ hasText: 'executionStarted' }).waitFor();
  await rm(place, { recursive: true });
});

test('parents and children are one click away', async () => {
  await open('#/instance/parent-1/tree');
  const tree = page.getByRole('region', { name: 'Parents and children' });
  await tree.getByRole('link', { name: 'parent-1:0000' }).click();
  await page.getByRole('heading', { name: 'order' }).waitFor();
  await tree.getByRole('link', { name: 'parent-1', exact: true }).waitFor();
  await tree.getByText('It has started no other workflow.').waitFor();
});

test('the critical path stands out', async () => {
  await open('#/instance/order-1');
  await page.getByLabel('critical path').check();
  await page.getByRole('option', { name: /activity charge/ }).waitFor();
  assert.equal(await page.locator('.timeline-row.aside').count(), 0); // one thing after the other
  await open('#/instance/fan-1');
  await page.getByLabel('critical path').check();
  await page.getByRole('option', { name: /60 × step/ }).click();
  await until(async () => (await page.locator('.timeline-row.aside').count()) > 5, 'most of a fan-out was not waited for');
});

test('the list says what each does now, keeps views, and shows the columns one wants', async () => {
  await open('#/instances?q=name:parent');
  await page.getByRole('cell', { name: /^Waits for its child parent-1:0000/ }).waitFor();
  await open('#/instances?q=id:broken-1');
  await page.getByRole('cell', { name: /^OutOfStock: .*no <b>cars<\/b> left/ }).waitFor();
  await open('#/instances?q=name:parent');
  await page.getByText('Columns', { exact: true }).click();
  await page.getByLabel('Parent', { exact: true }).check();
  await page.getByRole('columnheader', { name: 'Parent' }).waitFor();
  await page.getByLabel('Says').uncheck();
  await until(async () => (await page.getByRole('columnheader', { name: 'Says' }).count()) === 0, 'the column is gone');
  await page.getByRole('button', { name: 'save this view …' }).click();
  await page.getByLabel('Name of the view').fill('mine');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await open('#/instances');
  await page.getByRole('link', { name: 'mine' }).click();
  await page.getByRole('columnheader', { name: 'Parent' }).waitFor();
  assert.match(page.url(), /q=name%3Aparent/);
  await page.getByRole('button', { name: 'forget “mine”' }).click();
  await until(async () => (await page.getByRole('link', { name: 'mine' }).count()) === 0, 'the view is forgotten');
});

test('all that failed are run again from the page', async () => {
  await open('#/instances?q=id:broken-many');
  await page.getByRole('row').nth(12).waitFor();
  await page.getByRole('button', { name: 'All of these …' }).click();
  const dialog = page.getByRole('dialog', { name: 'All of these' });
  await dialog.getByLabel('What happens to them').selectOption('rerun');
  await dialog.getByRole('button', { name: 'Rerun 12' }).click();
  await dialog.getByText('Ended. 12 workflows run again.').waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('link', { name: 'broken-many-7-again' }).waitFor();
  for (let i = 0; i < 12; i++)
    await until(async () => (await api(`instances/broken-many-${i}-again`)).status === 'FAILED', 'it fails again');
});

test('workflows are started, terminated and purged', async () => {
  await open('#/instances');
  await page.getByRole('button', { name: 'Start …' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('order');
  await dialog.getByLabel(/^Instance id/).fill('made-here');
  await dialog.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByText(/^Waits for event approval/).waitFor();
  await page.getByRole('button', { name: 'Terminate' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Terminate' }).click();
  await page.getByText(/^Terminated after/).waitFor();
  await page.getByRole('button', { name: 'Purge' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Purge' }).click();
  await page.waitForURL(/#\/instances/);
  await until(async () => (await fetch(`http://127.0.0.1:${http}/pawl/v1/instances/made-here`)).status === 404, 'it is gone');
});

test('the keyboard is enough', async () => {
  await open('');
  await page.getByRole('heading', { name: 'shop' }).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('l');
  await page.getByRole('heading', { name: 'Workflows' }).waitFor();
  await page.keyboard.press('/');
  await until(() => page.evaluate(() => document.activeElement?.type === 'search'), 'the filter has the focus');
  await page.keyboard.type('fan-1');
  await page.keyboard.press('Enter');
  await until(async () => (await page.getByRole('row').count()) === 2, 'one row fits');
  await page.getByRole('table').focus();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'fan' }).waitFor();
});

test('all that a filter finds are purged at once, and nothing else is', async () => {
  await open('#/instances?q=id:broken-many');
  await page.getByRole('row').nth(12).waitFor();
  await page.getByRole('button', { name: 'All of these …' }).click();
  const dialog = page.getByRole('dialog', { name: 'All of these' });
  await dialog.getByText('id:broken-many finds 24 workflows.').waitFor();
  await dialog.getByText('It concerns 24 workflows.').waitFor(); // what fits them is offered first
  await dialog.getByLabel('What happens to them').selectOption('suspend');
  await dialog.getByText('It concerns 0 workflows.').waitFor(); // nothing that has ended is suspended
  await dialog.getByLabel('What happens to them').selectOption('purge');
  await dialog.getByText("pawl workflow purge --filter-id 'broken-many*'").waitFor();
  await dialog.getByRole('button', { name: 'Purge 24' }).click();
  await dialog.getByText('Ended. 24 workflows purged.').waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.getByText('No workflow fits this filter.').waitFor();
  assert.equal((await api('instances/broken-1')).status, 'FAILED');
});

// A workflow that failed with a stack, as SDKs of other languages have one.
function stackedHistory() {
  const at = (n) => `2026-01-05T08:00:0${n}Z`;
  const failureDetails = { errorType: 'OutOfStock', errorMessage: 'no cars left', stackTrace: '  File "/lib/python3/site-packages/sdk/worker.py", line 1, in run\n  File "/app/shop.py", line 2, in order\n    charge()' };
  return [
    { eventId: -1, timestamp: at(0), workflowStarted: {} },
    { eventId: -1, timestamp: at(0), executionStarted: { name: 'stacked', input: '{}', workflowInstance: { instanceId: 'stacked', executionId: 'once' } } },
    { eventId: 1, timestamp: at(1), executionCompleted: { workflowStatus: 'ORCHESTRATION_STATUS_FAILED', failureDetails } },
  ];
}

// What is not there at once: dialogs, menus, what one opens.
const OPENED = [
  ['', async () => page.keyboard.press('?'), 'dialog'],
  ['#/instances', async () => page.getByRole('button', { name: 'Start …' }).click(), 'dialog'],
  ['#/instances?q=status:failed', async () => page.getByRole('button', { name: 'All of these …' }).click(), 'dialog'],
  ['#/instances?q=name:parent', async () => page.getByText('Columns', { exact: true }).click(), 'group'],
  ['#/instance/parent-1', async () => page.getByRole('button', { name: 'Raise event' }).click(), 'dialog'],
  ['#/instance/broken-1', async () => page.getByRole('button', { name: 'Compare …' }).click(), 'dialog'],
  ['#/instance/broken-1/history', async () => page.getByRole('button', { name: /taskFailed/ }).click(), 'region'],
  ['#/instance/stacked', async () => page.locator('summary', { hasText: 'line 2, in order' }).click(), 'figure'],
];

async function lookFor(axe, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const bad = violations.map((one) => `${where} ${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
  assert.deepEqual(bad, []);
}

test('nothing hinders a screen reader, in light and dark and on a phone', async () => {
  const axe = await readFile(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
  await api('instances/import', { id: 'stacked', history: stackedHistory() });
  for (const [hash, act, role] of OPENED) {
    await open(hash);
    await page.getByRole('main').getByRole('heading').first().waitFor();
    await act();
    await page.getByRole(role).first().waitFor();
    await lookFor(axe, `opened ${hash}`);
  }
  for (const scheme of ['light', 'dark'])
    for (const hash of ['', '#/instances', '#/workers', '#/store', '#/instance/parent-1', '#/instance/parent-1/history', '#/instance/parent-1/tree', '#/instance/broken-1']) {
      await page.emulateMedia({ colorScheme: scheme });
      await open(hash);
      await page.getByRole('main').getByRole('heading').first().waitFor();
      await page.waitForTimeout(300);
      await lookFor(axe, `${scheme} ${hash}`);
      if (scheme === 'dark' && hash === '#/instance/parent-1') await picture('dark');
      if (scheme === 'light' && hash === '') await picture('overview'); // by now there is something in the charts
    }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 360, height: 640 });
  for (const hash of ['', '#/instances', '#/workers', '#/store', '#/instance/parent-1', '#/instance/parent-1/history', '#/compare/parent-1/broken-1', '#/file']) {
    await open(hash);
    await page.getByRole('main').getByRole('heading').first().waitFor();
    await page.waitForTimeout(200);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${hash} is ${over} pixels too wide`);
  }
  await page.setViewportSize({ width: 1280, height: 800 });
});

test('a search that finds little goes on to the end, and says how far it has come', async () => {
  await lookAt(`http://127.0.0.1:${await many}/dashboard/`);
  try {
    let letOn;
    const held = new Promise((resolve) => (letOn = resolve));
    await page.route(/instances\?.*after=/, async (route) => held.then(() => route.continue()));
    await open('#/instances?q=tag.vip:yes'); // the oldest of all
    await page.getByText('None fits; searched 25,000 of 30,001 so far …').waitFor();
    assert.equal(await page.getByText('No workflow fits this filter.').count(), 0);
    letOn();
    await page.getByRole('link', { name: 'order-0000000', exact: true }).waitFor();
    await open('#/instances?q=says:nothing');
    await page.getByText('No workflow fits this filter.').waitFor();
    await open('#/instances?q=status:completed');
    await page.getByRole('row').nth(100).waitFor();
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.getByRole('row').nth(200).waitFor();
  } finally {
    await page.unroute(/instances\?.*after=/);
    await lookAt(own());
  }
});

test('fifty thousand events are a page of a few hundred elements, wherever one looks', async () => {
  await lookAt(`http://127.0.0.1:${await many}/dashboard/`);
  const small = async () => assert.ok((await page.evaluate(() => document.querySelectorAll('*').length)) < 1500);
  try {
    await open('#/instance/long');
    await page.getByRole('option', { name: /activity reserve, done/ }).first().waitFor();
    await page.getByRole('listbox').focus();
    await page.keyboard.press('f');
    await page.getByText('order 999 was refused').first().waitFor();
    await page.getByRole('option', { selected: true, name: /activity \w+, failed/ }).waitFor();
    await page.getByRole('listbox').evaluate((list) => (list.scrollTop = list.scrollHeight));
    await page.getByRole('option', { name: /activity report, done/ }).last().waitFor();
    await small();
    await open('#/instance/long/history');
    await page.getByRole('listitem').filter({ hasText: 'executionStarted' }).waitFor();
    await page.getByRole('button', { name: 'last', exact: true }).click();
    await page.getByRole('button', { name: /^\d+.*executionCompleted/ }).click();
    await page.getByText('"all of them"').nth(1).waitFor();
    await page.getByRole('region', { name: 'Events' }).evaluate((list) => (list.scrollTop = list.scrollHeight / 2));
    await page.getByRole('listitem').filter({ hasText: /^250\d\d.*task/ }).first().waitFor();
    await small();
  } finally {
    await lookAt(own());
  }
});

test('a daemon that dies is told, and what was seen stays; it comes back by itself', async () => {
  await open('#/instance/parent-1');
  await page.getByText(/^Waits for its child/).waitFor();
  const before = problems.length;
  const args = daemon.spawnargs.slice(1);
  daemon.kill('SIGKILL');
  await page.getByRole('alert').filter({ hasText: 'does not answer' }).waitFor();
  await page.getByRole('heading', { name: 'parent' }).waitFor();
  run('daprd', ...args);
  await until(async () => (await page.getByRole('alert').count()) === 0, 'the page has the daemon back');
  await page.getByText(/^Waits for its child/).waitFor();
  problems.length = before; // connections that were refused are in the browser's console, as they should be
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
  // A stream whose daemon dies ends, so that one knows that nothing is told any more.
  const last = await fetch(`${here}/apps/${name}/pawl/v1/changes`);
  await lookAt(own());
  alone.kill('SIGKILL');
  await last.text().catch(() => '');
  assert.equal((await fetch(`${here}/apps/nobody-has-${name}/pawl/v1/changes`)).status, 404);
});

test('the browser found nothing wrong, and asked nobody else', () => {
  const real = problems.filter((text) => !/status of (400|404|415)/.test(text)); // refusals that tests provoked
  assert.deepEqual(real, []);
});

if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is needed (Debian's package chromium)`);
