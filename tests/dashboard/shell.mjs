// Each dialog shows the line of a shell that does the same.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { BUILD, api, http, open, page, start, until } from './world.mjs';

// Runs |line| as it was shown, at a terminal where somebody says yes to what is asked.
async function type(line) {
  const child = spawn('script', ['-qefc', line, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, SHELL: '/bin/sh', PATH: `${join(BUILD, 'bin')}:${process.env.PATH}` } });
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  child.stdin.write('y\n');
  const [code] = await once(child, 'exit');
  child.stdin.end();
  assert.equal(code, 0, `${line}\n${said}`);
}

// The line that the dialog behind |button| shows, once |fill| has written into it what it takes.
async function lineOf(hash, button, fill = async () => {}) {
  await open(hash);
  await page.getByRole('button', { name: button, exact: true }).click();
  const dialog = page.getByRole('dialog');
  await fill(dialog);
  const line = await dialog.locator('.command code').textContent();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  return line;
}

const becomes = (id, status) => until(async () => (await api(`instances/${encodeURIComponent(id)}`)).status === status, `${id} is ${status}`);
const at = (id) => `#/instance/${encodeURIComponent(id)}`;

test('the line that a dialog shows does what the dialog does', async () => {
  const id = `it's 50% a/b "ü"`;
  await type(
    await lineOf('#/instances', 'Start …', async (dialog) => {
      await dialog.getByLabel('Name').fill('order');
      await dialog.getByLabel(/^Instance id/).fill(id);
      await dialog.getByLabel(/^Input/).fill('{"it\'s": "$HOME"}');
    }),
  );
  await until(async () => (await api(`instances/${encodeURIComponent(id)}`)).waits[0]?.kind === 'event', 'it waits');
  assert.equal((await api(`instances/${encodeURIComponent(id)}`)).input, '{"it\'s": "$HOME"}');
  await type(await lineOf(at(id), 'Suspend', (dialog) => dialog.getByLabel(/^Reason/).fill('lunch; rm -rf')));
  await becomes(id, 'SUSPENDED');
  await type(await lineOf(at(id), 'Resume'));
  await becomes(id, 'RUNNING');
  await type(await lineOf(at(id), 'Raise event', (dialog) => dialog.getByLabel('Data').fill('"it\'s done"')));
  await becomes(id, 'COMPLETED');
  assert.equal((await api(`instances/${encodeURIComponent(id)}`)).output, '"it\'s done"');
  await type(await lineOf(at(id), 'Start like this …', (dialog) => dialog.getByLabel(/^Instance id/).fill('like-this')));
  await until(async () => (await api('instances/like-this')).waits?.[0]?.kind === 'event', 'the other waits');
  assert.equal((await api('instances/like-this')).input, '{"it\'s": "$HOME"}');
  // What the page does and what the line does leave the same output.
  await type(await lineOf(at('like-this'), 'Terminate', (dialog) => dialog.getByLabel(/^Reason/).fill('too "late"')));
  await becomes('like-this', 'TERMINATED');
  await start('order', 'from-page');
  await api('instances/from-page/terminate', { reason: 'too "late"' });
  await becomes('from-page', 'TERMINATED');
  assert.equal((await api('instances/like-this')).output, (await api('instances/from-page')).output);
  await type(await lineOf(at(id), 'Rerun', (dialog) => dialog.getByLabel(/^Instance id/).fill('shell-again')));
  await until(async () => (await api('instances/shell-again')).waits?.[0]?.kind === 'event', 'it runs again');
  await open(`${at(id)}/history`);
  await page.getByRole('button', { name: /taskScheduled\s*step/ }).click();
  await page.getByRole('button', { name: 'Rerun from here …' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/^Instance id/).fill('shell-from-here');
  await dialog.getByLabel(/^Another input/).fill('"another"');
  await type(await dialog.locator('.command code').textContent());
  await until(async () => (await api('instances/shell-from-here/timeline')).groups?.length > 1, 'it runs from there');
  const { events } = await api('instances/shell-from-here/events?full=1');
  assert.equal(events.find((event) => /taskScheduled/i.test(event.type)).fields.input, '"another"');
  await type(await lineOf(at(id), 'Purge'));
  assert.equal((await fetch(`http://127.0.0.1:${http}/pawl/v1/instances/${encodeURIComponent(id)}`)).status, 404);
});

test('so does the line for many', async () => {
  const ids = ['bulk-1', 'bulk-2'];
  for (const id of ids) await start('order', id);
  for (const id of ids) await until(async () => (await api(`instances/${id}`)).waits?.[0]?.kind === 'event', `${id} waits`);
  const bulk = (verb, fill = async () => {}) =>
    lineOf('#/instances?q=id:bulk-', 'All of these …', async (dialog) => {
      await dialog.getByLabel('What happens to them').selectOption(verb);
      await fill(dialog);
    });
  await type(await bulk('suspend'));
  for (const id of ids) await becomes(id, 'SUSPENDED');
  await type(await bulk('resume'));
  for (const id of ids) await becomes(id, 'RUNNING');
  await type(
    await bulk('raise', async (dialog) => {
      await dialog.getByRole('combobox', { name: 'Event', exact: true }).fill('approval');
      await dialog.getByLabel('Data').fill('1');
    }),
  );
  for (const id of ids) await becomes(id, 'COMPLETED');
  await type(await bulk('rerun'));
  for (const id of ids) await becomes(`${id}-again`, 'RUNNING');
  await type(await bulk('terminate'));
  for (const id of ids) await becomes(`${id}-again`, 'TERMINATED');
  await type(await bulk('purge'));
  await until(async () => (await api('instances?q=id:bulk-')).rows.length === 0, 'all are gone');
});
