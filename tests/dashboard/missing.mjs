// A workflow that is stuck, as an app of two languages has lost the worker of one: it is found and explained, and who was stuck is told to
// go on, without a word typed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { test } from 'node:test';
import { BUILD, api, grpc, open, page, start, until } from './world.mjs';

// A worker that does not say what it can do, as those of most SDKs: a daemon that has seen one waits for it to come again.
async function comeAndGo() {
  const session = connect(`http://127.0.0.1:${grpc}`);
  const stream = session.request({ ':method': 'POST', ':path': '/TaskHubSidecarService/GetWorkItems', 'content-type': 'application/grpc', te: 'trailers' });
  stream.on('error', () => {});
  stream.end(Buffer.alloc(5)); // a message without content
  stream.resume();
  await until(async () => (await api('app')).workers === 2, 'the silent worker is connected');
  stream.close();
  session.destroy();
  await until(async () => (await api('app')).workers === 1, 'it is gone');
}

async function shell(...args) {
  const child = spawn(join(BUILD, 'bin', 'pawl'), ['workflow', ...args, '--address', `127.0.0.1:${grpc}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (piece) => (text += piece));
  await once(child, 'close');
  return text;
}

test('an activity that no worker has is found in two clicks, and said', async () => {
  await until(async () => (await api('instances/lost-1')).status === 'FAILED', 'nobody was waited for');
  await comeAndGo();
  for (const id of ['stuck-1', 'stuck-2']) await start('lost', id);
  for (const id of ['stuck-1', 'stuck-2']) await until(async () => (await api(`instances/${id}`)).waits[0]?.lacksWorker, 'it lacks a worker');
  await open('');
  const need = page.getByRole('region', { name: 'What needs attention' }).getByRole('listitem').filter({ hasText: 'No worker has activity nobody_has_this: 2 calls wait for one.' });
  await need.getByRole('link', { name: 'Look' }).click();
  await page.waitForURL(/q=wait%3Aworker%3Anobody_has_this/);
  const row = page.getByRole('row', { name: /stuck-1/ });
  await row.getByText(/^Waits for activity nobody_has_this, for .*No worker has activity nobody_has_this\.$/).waitFor();
  assert.equal(await page.getByRole('row', { name: /order-1|broken-1|lost-1/ }).count(), 0);
  await row.getByRole('link', { name: 'stuck-1' }).click();
  await page.locator('.sentence', { hasText: 'No worker has activity nobody_has_this.' }).waitFor();
  assert.match(await shell('get', 'stuck-1'), /waits for +activity nobody_has_this, for [^\n]*; no worker has it\n/);
  assert.equal(await shell('list', '--filter-wait', 'worker:nobody_has_this', '-o', 'ids'), 'stuck-1\nstuck-2\n');
});

test('a list asks why for all that is seen in one question', async () => {
  const asked = [];
  const note = (request) => asked.push(new URL(request.url()).pathname.replace(/^.*\/v1\//, ''));
  page.on('request', note);
  await open('#/instances?q=wait:worker');
  await page.getByRole('row', { name: /stuck-1 .*No worker has activity/ }).waitFor();
  await page.getByRole('row', { name: /stuck-2 .*No worker has activity/ }).waitFor();
  page.off('request', note);
  assert.ok(asked.includes('sentences'));
  assert.ok(!asked.some((path) => /^instances\/stuck/.test(path)), asked.join(' '));
});

test('what may stand in a filter is shown, and goes into it', async () => {
  await open('#/instances');
  await page.getByText('What may stand here').click();
  await page.getByRole('button', { name: 'wait:worker', exact: true }).click();
  const filter = page.getByRole('searchbox', { name: 'Filter' });
  assert.equal(await filter.inputValue(), 'wait:worker');
  await filter.press('Enter');
  await page.getByRole('row', { name: /stuck-2/ }).waitFor();
});

test('all that wait for it are told to end at once', async () => {
  await open('#/instances?q=wait:worker:nobody_has_this');
  await page.getByRole('button', { name: 'All of these …' }).click();
  const dialog = page.getByRole('dialog', { name: 'All of these' });
  await dialog.getByText('wait:worker:nobody_has_this finds 2 workflows.').waitFor();
  await dialog.getByLabel('What happens to them').selectOption('terminate');
  await dialog.getByText(/pawl workflow terminate .*--filter-wait worker:nobody_has_this/).waitFor();
  await dialog.getByRole('button', { name: 'Terminate 2' }).click();
  await dialog.getByText('Ended. 2 workflows told to terminate.').waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
  for (const id of ['stuck-1', 'stuck-2']) await until(async () => (await api(`instances/${id}`)).status === 'TERMINATED', 'it has ended');
});
