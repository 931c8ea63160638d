// Who sees nothing, or has a small screen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, hear, open, page, picture } from './world.mjs';

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

// Ends when nothing has come to the page or left it for a while.
const settled = () =>
  page.evaluate(
    () =>
      new Promise((resolve) => {
        let timer = setTimeout(resolve, 80);
        new MutationObserver(() => {
          clearTimeout(timer);
          timer = setTimeout(resolve, 80);
        }).observe(document, { childList: true, subtree: true });
      }),
  );

test('nothing hinders a screen reader, in light and dark and on a phone', async () => {
  await api('instances/import', { id: 'stacked', history: stackedHistory() });
  for (const [hash, act, role] of OPENED) {
    await open(hash);
    await page.getByRole('main').getByRole('heading').first().waitFor();
    await act();
    await page.getByRole(role).first().waitFor();
    await hear(`opened ${hash}`);
  }
  for (const scheme of ['light', 'dark'])
    for (const hash of ['', '#/instances', '#/workers', '#/store', '#/instance/parent-1', '#/instance/parent-1/history', '#/instance/parent-1/tree', '#/instance/broken-1']) {
      await page.emulateMedia({ colorScheme: scheme });
      await open(hash);
      await page.getByRole('main').getByRole('heading').first().waitFor();
      await settled();
      await hear(`${scheme} ${hash}`);
      if (scheme === 'dark' && hash === '#/instance/parent-1') await picture('dark');
      if (scheme === 'light' && hash === '') await picture('overview'); // by now there is something in the charts
    }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 360, height: 640 });
  for (const hash of ['', '#/instances', '#/workers', '#/store', '#/instance/parent-1', '#/instance/parent-1/history', '#/compare/parent-1/broken-1', '#/file']) {
    await open(hash);
    await page.getByRole('main').getByRole('heading').first().waitFor();
    await settled();
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${hash} is ${over} pixels too wide`);
  }
  // The bar on top keeps its line, however long the app is called.
  await open('#/workers');
  await page.locator('.app-id').evaluate((name) => (name.textContent = 'an-app-of-some-department-that-names-all-of-it'));
  const tops = await page.evaluate(() => [...document.querySelectorAll('.top > .brand, .top > .state, .top > button')].map((one) => one.getBoundingClientRect()).map((box) => box.top + box.height / 2));
  assert.equal(tops.length, 4);
  assert.ok(Math.max(...tops) - Math.min(...tops) < 6, `the bar's parts stand at ${tops}`);
  await page.setViewportSize({ width: 1280, height: 800 });
});
