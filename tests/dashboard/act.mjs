// What is done from the page: events, reruns, starts, many at once; and what two runs, files and families are shown as.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { APP, BUILD, freePort, http, grpc, page, until, api, open } from './world.mjs';

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
  await page.locator('.sentence', { hasText: /^Completed after/ }).waitFor();
  await page.getByRole('button', { name: 'Purge' }).waitFor();
});

test('a workflow is run again from an event', async () => {
  await open('#/instance/broken-1/history');
  await page.getByRole('button', { name: /taskScheduled/i }).click();
  await page.getByRole('button', { name: 'Rerun from here …' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(`pawl workflow rerun -a ${APP} -e 0 broken-1`).waitFor();
  await dialog.getByLabel(/^Instance id/).fill('broken-again');
  await dialog.getByText(`pawl workflow rerun -a ${APP} -e 0 --new-instance-id broken-again broken-1`).waitFor();
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
  // What the page saves is the same file, and a replay reads it.
  await open('#/instance/order-1/json');
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as a file' }).click();
  const saved = join(place, 'saved.json');
  await (await saving).saveAs(saved);
  assert.equal(await readFile(saved, 'utf8'), exported);
  const replay = spawn('sh', ['-c', '"$0" workflow replay "$1" -p "$2" -- "$3" "grpc://127.0.0.1:$2"', join(BUILD, 'bin', 'pawl'), saved, String(await freePort()), join(BUILD, 'bin', 'dashboard_worker')], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  for await (const piece of replay.stdout) said += piece;
  assert.equal(replay.exitCode ?? (await once(replay, 'exit'))[0], 0, said);
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
  await page.locator('.sentence', { hasText: /^Waits for event approval/ }).waitFor();
  await page.getByRole('button', { name: 'Terminate' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Terminate' }).click();
  await page.locator('.sentence', { hasText: /^Terminated after/ }).waitFor();
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
  await dialog.getByText(`pawl workflow purge -a ${APP} --filter-id 'broken-many*'`).waitFor();
  await dialog.getByRole('button', { name: 'Purge 24' }).click();
  await dialog.getByText('Ended. 24 workflows purged.').waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.getByText('No workflow fits this filter.').waitFor();
  assert.equal((await api('instances/broken-1')).status, 'FAILED');
});
