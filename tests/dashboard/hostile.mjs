// Other pages, which mean harm; and who looks without a right to.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { api, browser, freePort, http, open, own, page, start, until } from './world.mjs';

const daemonAt = () => `http://127.0.0.1:${http}`;

// What another site's page tries, in the browser of somebody who uses the dashboard; gives what came of it.
function attack(daemon) {
  const tell = async (path, options) => {
    try {
      const answer = await fetch(daemon + path, options);
      return answer.type === 'opaque' ? 'opaque' : `${answer.status}`;
    } catch {
      return 'refused';
    }
  };
  const form = (path, type) =>
    new Promise((resolve) => {
      const frame = document.body.appendChild(Object.assign(document.createElement('iframe'), { name: `f${Math.random()}` }));
      const sent = document.body.appendChild(Object.assign(document.createElement('form'), { method: 'post', action: daemon + path, enctype: type, target: frame.name }));
      sent.appendChild(Object.assign(document.createElement('input'), { name: '{"reason":"', value: 'x"}' }));
      frame.onload = () => resolve();
      sent.submit();
    });
  return (async () => {
    await form('/pawl/v1/instances/prey/terminate', 'text/plain');
    await form('/pawl/v1/instances/prey/purge', 'application/x-www-form-urlencoded');
    await form('/v1.0/workflows/dapr/prey/terminate', 'text/plain');
    const frame = document.body.appendChild(document.createElement('iframe'));
    const shown = new Promise((resolve) => (frame.onload = resolve));
    frame.src = `${daemon}/dashboard/`;
    await shown;
    return {
      read: await tell('/pawl/v1/instances', {}),
      changes: await tell('/pawl/v1/changes', {}),
      simple: await tell('/pawl/v1/instances/prey/terminate', { method: 'POST', mode: 'no-cors', body: '{}' }),
      json: await tell('/pawl/v1/instances/prey/terminate', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }),
    };
  })();
}

test('a hostile page gets nothing and does nothing', async () => {
  await start('order', 'prey');
  await until(async () => (await api('instances/prey')).waits?.[0]?.kind === 'event', 'it waits');
  const evil = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<!doctype html><body>')).listen(await freePort(), '127.0.0.1');
  await once(evil, 'listening');
  const context = await browser.newContext();
  const visitor = await context.newPage();
  // localhost is another site than 127.0.0.1, as any other name would be.
  await visitor.goto(`http://localhost:${evil.address().port}/`);
  const framed = [];
  visitor.on('response', (answer) => answer.url().endsWith('/dashboard/') && framed.push(answer.status()));
  const told = await visitor.evaluate(attack, daemonAt());
  assert.deepEqual(told, { read: 'refused', changes: 'refused', simple: 'opaque', json: 'refused' });
  assert.deepEqual(framed, [403]); // and the page itself says that it is for no frame
  const headers = (await fetch(own())).headers;
  assert.match(headers.get('content-security-policy'), /frame-ancestors 'none'/);
  const { status, events } = await api('instances/prey');
  assert.equal(status, 'RUNNING');
  // A name of the page's own that leads here (DNS rebinding) is no name of ours.
  const ask = (host, path) =>
    new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port: http, path, headers: { host } }, (answer) => resolve(answer.resume().statusCode)).on('error', reject).end();
    });
  for (const path of ['/pawl/v1/app', '/pawl/v1/changes', '/dashboard/', '/dashboard/x', '//pawl/v1/app', '/%70awl/v1/app'])
    assert.ok((await ask(`evil.example:${http}`, path)) >= 400, `${path} is answered to another name`);
  assert.equal(await ask(`localhost:${http}`, '/pawl/v1/app'), 200);
  assert.equal((await api('instances/prey')).events, events);
  await context.close();
  evil.close();
});

test('all that a browser loads is small', async () => {
  const html = await (await fetch(own())).text();
  const names = [...html.matchAll(/import\("\.\/(app\.[^"]+)"\)/g)].map((match) => match[1]);
  assert.equal(names.length, 1); // the style stands in the page
  let bytes = gzipSync(html).length;
  for (const name of names) bytes += gzipSync(Buffer.from(await (await fetch(own() + name)).arrayBuffer())).length;
  console.log(`the page is ${bytes} bytes gzipped`);
  assert.ok(bytes < 60000, `${bytes}`);
});

test('a page that nobody looks at asks nothing', async () => {
  const asked = [];
  const note = (request) => request.url().includes('/pawl/v1/') && asked.push(request.url());
  const look = (hidden) =>
    page.evaluate((is) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => is });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  await open('#/instances');
  await page.getByRole('row').nth(3).waitFor();
  const ended = page.waitForEvent('requestfailed', { predicate: (request) => request.url().includes('/pawl/v1/changes'), timeout: 20000 });
  await look(true);
  await ended; // the stream, too
  page.on('request', note);
  await until(async () => {
    asked.length = 0;
    await start('order', `unseen-${Date.now()}`);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return asked.length === 0;
  }, 'it asks no more, though something happens');
  await look(false);
  await page.getByText(/unseen-/).first().waitFor();
  page.off('request', note);
});
