// What is shown: overview, list, timeline, history.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { BUILD, children, folder, http, page, until, api, start, open, lookAt, own, picture } from './world.mjs';

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
  await page.locator('.sentence', { hasText: /^Waits for event approval/ }).waitFor();
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
  assert.equal(await page.locator('.sentence', { hasText: /^Waits for event approval.*\dZ/ }).count(), 0);
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
  await page.locator('.sentence', { hasText: /^Failed after/ }).waitFor();
});

test('payloads are text, whatever they hold', async () => {
  await open('#/instance/lost-1/data');
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
