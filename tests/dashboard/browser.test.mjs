// The page in a real browser, before a real daemon with a real worker: one after the other, as each goes on from what the ones before left.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import './first.mjs';
import './see.mjs';
import './act.mjs';
import './shell.mjs';
import './keys.mjs';
import './screen.mjs';
import './missing.mjs';
import './large.mjs';
import './hostile.mjs';
import './trouble.mjs';
import { problems } from './world.mjs';

test('the browser found nothing wrong, and asked nobody else', () => {
  // Refusals that tests provoked, and what fill_store made, which cannot be loaded.
  const real = problems.filter((text) => !/status of (400|404|415)|status of 500.*\/instances\/order-\d{7}$/.test(text));
  assert.deepEqual(real, []);
});
