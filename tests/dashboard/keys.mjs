// The keyboard alone: every page is walked through, and every action done, without a pointer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, own, page, start, until, url } from './world.mjs';

const press = async (...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};

// Goes to another view as a link in another program does, without a pointer.
async function arrive(hash) {
  await page.goto('about:blank');
  await page.goto(url + hash);
  await page.getByRole('main').getByRole('heading').first().waitFor();
}

// What has the focus, as somebody who hears the page knows it.
const focused = () =>
  page.evaluate(() => {
    const at = document.activeElement;
    return at === document.body ? undefined : { tag: at.tagName, text: (at.getAttribute('aria-label') ?? at.labels?.[0]?.textContent ?? at.textContent ?? '').trim(), inDialog: at.closest('dialog') !== null };
  });

// Presses Tab until what has the focus is the one with this text.
async function tabTo(text) {
  for (let n = 0; n < 150; n++) {
    if ((await focused())?.text === text) return;
    await press('Tab');
  }
  throw new Error(`Tab does not lead to '${text}'`);
}

const PAGES = ['', '#/instances?q=id:keys', '#/workers', '#/store', '#/log', '#/file', '#/instance/keys-1', '#/instance/keys-1/history', '#/instance/keys-1/data', '#/instance/keys-1/tree', '#/instance/keys-1/json', '#/compare/keys-1/parent-1'];

test('Tab leads through every page, in its order, to all that can be used', async () => {
  await start('order', 'keys-1', '{"n":1}');
  await until(async () => (await api('instances/keys-1')).waits?.[0]?.kind === 'event', 'it waits');
  for (const hash of PAGES) {
    await arrive(hash);
    await page.getByRole('button', { name: 'keys', exact: true }).waitFor();
    // All at once, as a browser would do it: the page stands still meanwhile.
    const reached = await page.evaluate(() => {
      const usable = (one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled && one.tabIndex >= 0;
      return [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')].filter(usable).map((one, index) => ((one.dataset.walk = index), one.getAttribute('aria-label') ?? one.textContent.trim()));
    });
    await page.evaluate(() => {
      globalThis.seen = [];
      addEventListener('focusin', (event) => event.target.dataset.walk !== undefined && globalThis.seen.push(Number(event.target.dataset.walk)));
    });
    for (let n = 0; n < reached.length + 2; n++) await press('Tab');
    const seen = await page.evaluate(() => globalThis.seen);
    const wrapped = seen.findIndex((at, index) => index > 0 && at < seen[index - 1]);
    const order = wrapped < 0 ? seen : seen.slice(0, wrapped);
    const missed = reached.filter((_, index) => !seen.includes(index));
    assert.ok(missed.length <= 1, `${hash}: ${missed} not reached`); // one may have come or gone meanwhile
    assert.deepEqual(order, [...order].sort((a, b) => a - b), hash);
  }
});

test('a dialog keeps the focus, and gives it back', async () => {
  const OPENERS = [
    ['#/instances?q=id:keys', 'Start …'],
    ['#/instances?q=id:keys', 'All of these …'],
    ['#/instance/keys-1', 'Raise event'],
    ['#/instance/keys-1', 'Suspend'],
    ['#/instance/keys-1', 'Terminate'],
    ['#/instance/keys-1', 'Start like this …'],
    ['#/instance/keys-1', 'Compare …'],
  ];
  for (const [index, [hash, opener]] of OPENERS.entries()) {
    await arrive(hash);
    await until(() => page.getByRole('button', { name: opener, exact: true }).isEnabled(), `${opener} can be used`);
    await tabTo(opener);
    await press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.evaluate(() => {
      globalThis.left = [];
      addEventListener('focusin', (event) => event.target.closest('dialog') || globalThis.left.push(event.target.textContent));
    });
    for (let n = 0; n < 10; n++) await press('Tab');
    assert.deepEqual(await page.evaluate(() => globalThis.left), [], `${opener}: Tab leaves the dialog`);
    if (index % 2) {
      await tabTo('Cancel');
      await press('Enter');
    } else {
      await press('Escape');
    }
    await until(async () => (await page.getByRole('dialog').count()) === 0, 'the dialog is closed');
    await until(async () => (await focused())?.text === opener, `the focus is on '${opener}' again`);
  }
});

test('keys of lists go to the list, and letters to where one types', async () => {
  await arrive('#/instances?q=id:broken-1');
  await page.getByRole('link', { name: 'broken-1', exact: true }).waitFor();
  await press('j', 'Enter'); // nothing has the focus before
  await page.getByRole('heading', { name: 'broken', exact: true }).waitFor();
  await arrive('#/instances');
  await press('/');
  await until(async () => (await focused())?.text === 'Filter', 'the filter has the focus');
  await page.keyboard.type('id:keys-job k');
  assert.equal(await page.getByRole('searchbox', { name: 'Filter' }).inputValue(), 'id:keys-job k');
  await arrive('#/instance/keys-1');
  await page.getByRole('option', { name: /activity charge/ }).waitFor();
  await press('j', 'j');
  await page.getByRole('option', { selected: true, name: /activity charge/ }).waitFor();
  assert.equal(await page.getByRole('listbox').getAttribute('aria-activedescendant'), await page.getByRole('option', { selected: true }).getAttribute('id'));
  await press('Escape');
  await until(async () => (await page.getByRole('option', { selected: true }).count()) === 0, 'nothing is chosen');
  await arrive('#/instance/keys-1/history');
  await page.getByRole('listitem').nth(3).waitFor();
  await press('j', 'ArrowDown', 'Enter');
  await page.getByRole('button', { expanded: true }).waitFor();
});

test('what a workflow can be told is told by the keyboard', async () => {
  // Opens the dialog behind |button|, types into the field that has the focus then, and agrees.
  const tell = async (button, agree, text = '') => {
    await until(() => page.getByRole('button', { name: button, exact: true }).isEnabled(), `${button} can be used`);
    await tabTo(button);
    await press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.type(text);
    await tabTo(agree);
    await press('Enter');
  };
  await arrive('#/instances');
  await tell('Start …', 'Start', 'order');
  await page.locator('.sentence', { hasText: /^Waits for event approval/ }).waitFor();
  const id = decodeURIComponent(/#\/instance\/([^/]+)/.exec(page.url())[1]);
  await tell('Suspend', 'Suspend', 'a joke');
  await page.locator('.sentence', { hasText: /^Suspended/ }).waitFor();
  await tell('Resume', 'Resume');
  await page.locator('.sentence', { hasText: /^Waits for event approval/ }).waitFor();
  await tell('Raise event', 'Raise event'); // its name stands there already
  await page.locator('.sentence', { hasText: /^Completed after/ }).waitFor();
  await tell('Rerun', 'Rerun', 'keys-again');
  await page.waitForURL(/#\/instance\/keys-again/);
  await page.locator('.sentence', { hasText: /^Waits for event approval/ }).waitFor();
  await tell('Terminate', 'Terminate', 'it works');
  await page.locator('.sentence', { hasText: /^Terminated after/ }).waitFor();
  await tell('Purge', 'Purge');
  await page.waitForURL(/#\/instances/);
  await until(async () => (await fetch(`${own().replace('/dashboard/', '/pawl/v1/')}instances/keys-again`)).status === 404, 'it is gone');
  assert.equal((await api(`instances/${id}`)).status, 'COMPLETED');
});
