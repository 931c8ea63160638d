// Much of everything.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { page, many, open, lookAt, own, until } from './world.mjs';

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
    // A part is seen by dragging over the times, and the whole again by a key.
    const axis = await page.locator('.timeline-axis').boundingBox();
    const first = () => page.locator('.tick').evaluateAll((ticks) => ticks.map((tick) => tick.title).join());
    const whole = await first();
    await page.mouse.move(axis.x + axis.width * 0.4, axis.y + 8);
    await page.mouse.down();
    await page.mouse.move(axis.x + axis.width * 0.5, axis.y + 8, { steps: 3 });
    await page.mouse.up();
    await until(async () => (await first()) !== whole && page.getByRole('button', { name: 'whole time' }).isEnabled(), 'a part is shown');
    await page.getByRole('listbox').focus();
    await page.keyboard.press('0');
    await until(async () => (await first()) === whole, 'the whole is shown again');
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
