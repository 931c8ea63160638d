// What is painted before the page's script has come, and that it stays where it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browser, own } from './world.mjs';

// The parts of the bar on top, and where each stands.
const parts = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll('.top > a, .top nav a, .top > button')].map((one) => {
      const { x, y, width, height } = one.getBoundingClientRect();
      return [one.textContent.trim(), one.getAttribute('href'), one.getAttribute('aria-current'), one.getAttribute('aria-label'), ...[x, y, width, height].map(Math.round)].join(' ');
    }),
  );

// Opens a view, and holds the script until the shell is seen; what the bar's parts were before and are after.
async function load(hash, viewport, { all = false } = {}) {
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  const wrong = [];
  page.on('console', (message) => message.type() === 'error' && !/status of 404/.test(message.text()) && wrong.push(message.text()));
  await page.addInitScript(() => {
    globalThis.shifts = [];
    new PerformanceObserver((list) => {
      for (const { value, sources } of list.getEntries()) globalThis.shifts.push(`${value} ${sources.map(({ node }) => node?.className || node?.nodeName)}`);
    }).observe({ type: 'layout-shift', buffered: true });
  });
  let letIn;
  const seen = new Promise((resolve) => (letIn = resolve));
  await page.route(/app\.[0-9a-f]+\.js$/, async (route) => {
    await seen;
    await route.continue();
  });
  if (all)
    await page.route(/\/dashboard\/$/, async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: (await answer.text()).replace('<html', '<html data-apps') });
    });
  await page.goto(own() + hash);
  await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length);
  const before = await parts(page);
  letIn();
  await page.locator('main h1').first().waitFor({ state: 'attached' });
  if (!all) await page.locator('.top .state').waitFor();
  await page.waitForTimeout(300); // for what comes last
  const after = await parts(page);
  const shifts = await page.evaluate(() => globalThis.shifts);
  await context.close();
  assert.deepEqual(wrong, []);
  return { before, after, shifts };
}

const WIDE = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 640 };

test('the bar on top is painted before the script has come, and stays', async () => {
  for (const viewport of [WIDE, PHONE])
    for (const hash of ['', '#/instances?q=status:failed', '#/instance/parent-1', '#/workers']) {
      const { before, after, shifts } = await load(hash, viewport);
      assert.ok(before.length === 8 && before.filter((one) => / page /.test(one)).length === 1, before.join('\n'));
      assert.deepEqual(after, before, `${hash} at ${viewport.width}`);
      if (viewport === WIDE && (hash === '' || hash === '#/workers')) assert.deepEqual(shifts, [], hash);
    }
});

test('so is that of all apps', async () => {
  for (const [hash, count] of [
    ['', 4],
    ['#/file', 4],
    ['#/@orders/instances', 9],
  ]) {
    const { before } = await load(hash, WIDE, { all: true });
    assert.equal(before.length, count, `${hash}: ${before.join('\n')}`);
  }
});
