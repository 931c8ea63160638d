// Browsers for bench/watch: obeys lines on its standard input, and answers each with a line of JSON.
//
//     paint URL TIMES     loads a page so often, each time as one who was never there
//     watch URL ...       opens each in a browser of its own, which looks at it until
//     count               counts from now on what they ask for
//     leave               they look at nothing; tells what was counted
//
// node bench/browsers.mjs, in a folder above tests/dashboard/node_modules.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../tests/dashboard/', import.meta.url));
const { chromium } = require('playwright-core');

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
});
const pages = []; // that watch
let asked = {}; // what they have asked for, by the path without ids

const kindOf = (url) => new URL(url).pathname.replace(/^.*\/pawl\/v1\//, '').replace(/^instances\/(?!count$)[^/]+/, 'instances/ID');

// Milliseconds from the start of the navigation until something of it is seen, and until there is something of a daemon's data on it.
async function paint(url, times) {
  const first = [], filled = [], shift = [];
  for (let n = 0; n < times; n++) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await page.addInitScript(() => {
      const told = (globalThis.told = {});
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (entry.name === 'first-contentful-paint') told.first = entry.startTime;
      }).observe({ type: 'paint', buffered: true });
      told.shift = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) told.shift += entry.value;
      }).observe({ type: 'layout-shift', buffered: true });
      new MutationObserver((_, observer) => {
        if (!document.querySelector('main table tbody tr, main .tiles b')) return;
        observer.disconnect();
        requestAnimationFrame(() => (told.filled = performance.now()));
      }).observe(document, { childList: true, subtree: true });
    });
    await page.goto(url);
    await page.waitForFunction(() => globalThis.told.first !== undefined, undefined, { timeout: 20000 });
    if (url.includes('/dashboard/')) await page.waitForFunction(() => globalThis.told.filled !== undefined, undefined, { timeout: 20000 });
    const told = await page.evaluate(() => globalThis.told);
    first.push(told.first);
    if (told.filled !== undefined) filled.push(told.filled);
    shift.push(told.shift);
    await context.close();
  }
  return { first, filled, shift };
}

async function watch(urls) {
  while (pages.length < urls.length) {
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
    page.on('request', (request) => {
      if (!request.url().includes('/pawl/v1/')) return;
      const kind = kindOf(request.url());
      asked[kind] = (asked[kind] ?? 0) + 1;
    });
    pages.push(page);
  }
  await Promise.all(urls.map((url, index) => pages[index].goto(url)));
  await Promise.all(urls.map((_, index) => pages[index].waitForSelector('main table tbody tr, main .tiles b', { timeout: 20000 })));
  return {};
}

async function count() {
  asked = {};
  return {};
}

async function leave() {
  await Promise.all(pages.map((page) => page.goto('about:blank')));
  return { asked };
}

const COMMANDS = { paint: (url, times) => paint(url, Number(times)), watch: (...urls) => watch(urls), count, leave };

console.log(JSON.stringify({ pid: process.pid }));
for await (const line of createInterface({ input: process.stdin })) {
  const [word, ...rest] = line.split(' ');
  try {
    console.log(JSON.stringify(await COMMANDS[word](...rest)));
  } catch (error) {
    console.log(JSON.stringify({ failed: String(error).slice(0, 300) }));
  }
}
await browser.close();
