// What of the page needs no browser.
import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';

const out = await mkdtemp(join(tmpdir(), 'pawl-page-'));
await build({
  entryPoints: ['src/attention.ts', 'src/bulk.ts', 'src/commands.ts', 'src/compare.ts', 'src/counts.ts', 'src/query.ts', 'src/sse.ts', 'src/time.ts', 'src/token.ts', 'src/timeline/columns.ts', 'src/timeline/scale.ts', 'src/timeline/rows.ts', 'src/timeline/critical.ts', 'src/pages/failure.tsx', 'src/pages/log.tsx', 'src/pages/steady.ts', 'src/ui/chart.tsx', 'src/ui/json.tsx'],
  absWorkingDir: join(import.meta.dirname, '..'),
  bundle: true,
  format: 'esm',
  outdir: out,
  outExtension: { '.js': '.mjs' },
  jsx: 'automatic',
  jsxImportSource: 'preact',
});
const load = (name) => import(join(out, name));
const { parseTerms, formatTerms, withTerm, valueOf, filterFlags, HELP } = await load('query.mjs');
const { bulkLine, rerunLine, startLine, verbLine } = await load('commands.mjs');
const { countAll, least } = await load('counts.mjs');
const { parseEvents } = await load('sse.mjs');
const { ago, duration } = await load('time.mjs');
const { timelineOf } = await load('timeline/columns.mjs');
const { Scale, stretches, tickTexts } = await load('timeline/scale.mjs');
const { describe, rows } = await load('timeline/rows.mjs');
const { criticalPath } = await load('timeline/critical.mjs');
const { ownFrame, stackLines } = await load('pages/failure.mjs');
const { arrange } = await load('pages/steady.mjs');
const { visible, pretty } = await load('ui/json.mjs');
const { align } = await load('compare.mjs');
const { attention } = await load('attention.mjs');
const { roundUp, runs } = await load('ui/chart.mjs');

test('rows are made of columns, with what these do not say', () => {
  const told = {
    start: 1000,
    names: ['activity', 'timer', 'done', 'failed', 'open', 'pay', ''],
    columns: { kind: [0, 1, 0, 0], outcome: [2, 2, 3, 4], name: [5, 6, 5, 5], start: [0, 2.5, 3, 4], took: [2, 10, 1, 0], events: [[1, 2], [3], [4, 5], [6]] },
    more: { 0: { attempts: 2, segments: [{ state: 'fail', start: 1000, end: 1001 }, { state: 'run', start: 1001, end: 1002 }], app: 'other' } },
    suspended: [],
    at: 2000,
  };
  const { groups, ...rest } = timelineOf(told);
  assert.deepEqual(rest, { start: 1000, suspended: [], at: 2000 });
  assert.deepEqual(groups, [
    { kind: 'activity', outcome: 'done', name: 'pay', events: [1, 2], start: 1000, end: 1002, ...told.more[0] },
    { kind: 'timer', outcome: 'done', name: '', events: [3], start: 1002.5, end: 1012.5, attempts: 1, segments: [{ state: 'wait', start: 1002.5, end: 1012.5 }] },
    { kind: 'activity', outcome: 'failed', name: 'pay', events: [4, 5], start: 1003, end: 1004, attempts: 1, segments: [{ state: 'fail', start: 1003, end: 1004 }] },
    { kind: 'activity', outcome: 'open', name: 'pay', events: [6], start: 1004, attempts: 1, segments: [{ state: 'run', start: 1004 }] },
  ]);
});

test('an activity that is tried again has not ended', () => {
  const failed = { kind: 'activity', name: 'ship', outcome: 'failed', start: 0, end: 5, attempts: 2, segments: [{ state: 'fail', start: 0, end: 5 }] };
  assert.equal(describe(failed, '5 ms'), 'activity ship, failed after 2 attempts, 5 ms');
  const waits = { ...failed, segments: [...failed.segments, { state: 'wait', start: 5 }] };
  assert.equal(describe(waits, '1 s'), 'activity ship, waits for attempt 3, 1 s');
  assert.equal(describe({ ...failed, kind: 'timer', name: '', outcome: 'done', attempts: 1 }, '5 ms'), 'timer, done, 5 ms');
});

test('rows under the pointer stay where they are', () => {
  const row = (id, status = 'RUNNING') => ({ id, status });
  const { rows: held, waiting } = arrange([row('b'), row('a')], [row('d'), row('c'), row('b', 'COMPLETED')]);
  assert.deepEqual(held, [row('b', 'COMPLETED'), row('a')]);
  assert.equal(waiting, 2);
});

test('how long ago, in one unit', () => {
  const texts = [500, 6300, 104e3, 2 * 3600e3 + 5 * 60e3, 3 * 86400e3 + 3600e3].map((ms) => ago(Date.now() - ms));
  assert.deepEqual(texts, ['just now', '6 s ago', '1 min ago', '2 h ago', '3 d ago']);
});

test('JSON shows the letters that were escaped, but none that deceive', () => {
  assert.equal(pretty('"Zo\\u00eb \\u202e \\ud83d\\ude80 \\ud83d \\\\u00eb \\n"'), '"Zo\\u00eb \\u202e \\ud83d\\ude80 \\ud83d \\\\u00eb \\n"');
  assert.equal(pretty('"Zo\\u00eb \\u202e \\ud83d\\ude80 \\\\u00eb \\n"'), '"Zoë \\u202e 🚀 \\\\u00eb \\n"');
});

test('a filter as flags of the shell', () => {
  assert.deepEqual(filterFlags('abc status:failed,stalled age>1h ended<5m'), [
    ['--filter-id', 'abc*'], ['--filter-status', 'failed,stalled'], ['--filter-min-age', '1h'], ['--filter-ended-since', '5m'],
  ]);
  assert.deepEqual(filterFlags('wait:event:approval wait:"activity:Process Payment"'), [['--filter-wait', 'event:approval'], ['--filter-wait', 'activity:Process Payment']]);
  for (const [term] of HELP) assert.ok(filterFlags(term), `${term} has a flag`);
  assert.deepEqual(filterFlags(''), []);
  assert.deepEqual(filterFlags('tag.team:blue "a[1"'), [['--filter-tag', 'team=blue'], ['--filter-id', 'a\\[1*']]);
  assert.equal(filterFlags('-status:failed'), undefined);
  assert.equal(filterFlags('nonsense>1'), undefined);
});

test('what a dialog does, as a line of a shell', () => {
  const said = { event: 'paid', data: '{"by": "o\'neill"}', reason: '', id: '' };
  assert.equal(verbLine('raise', 'order 7', said), `pawl workflow raise-event --input '{"by": "o'\\''neill"}' 'order 7/paid'`);
  assert.equal(verbLine('terminate', '-7', { ...said, reason: 'too "late"' }), `pawl workflow terminate --output '"too \\"late\\""' -- -7`);
  assert.equal(verbLine('rerun', 'a/b', { ...said, id: 'c' }), 'pawl workflow rerun --from-failure --new-instance-id c a/b');
  assert.equal(verbLine('purge', '50%', said), 'pawl workflow purge 50%');
  assert.equal(bulkLine('rerun', 'status:failed', { ...said, id: '-again' }), 'pawl workflow rerun --from-failure --id-suffix=-again --filter-status failed');
  assert.equal(bulkLine('purge', '', said), "pawl workflow purge --filter-id '*'");
  assert.equal(bulkLine('purge', '-status:failed', said), undefined);
  assert.equal(startLine('', '', ''), 'pawl workflow run NAME');
  assert.equal(rerunLine('a', 3, 'b', '-1'), 'pawl workflow rerun -e 3 --new-instance-id b --input=-1 a');
});

test('a filter is taken apart and put together again', () => {
  const text = 'abc status:failed,running -name:"order \\"x\\"" tag.team:blue age>1h';
  assert.deepEqual(
    parseTerms(text).map(({ not, key, value }) => [not, key, value]),
    [
      [false, '', 'abc'],
      [false, 'status', 'failed,running'],
      [true, 'name', 'order "x"'],
      [false, 'tag.team', 'blue'],
      [false, 'age', '>1h'],
    ],
  );
  assert.equal(formatTerms(parseTerms(text)), text);
  assert.equal(withTerm('status:failed abc', 'status', 'stalled'), 'abc status:stalled');
  assert.equal(withTerm('status:failed abc', 'status'), 'abc');
  assert.equal(valueOf('a name:x', 'name'), 'x');
});

test('durations have two units at most', () => {
  const cases = [
    [0, '0 ms'],
    [0.45, '0.45 ms'],
    [340, '340 ms'],
    [1250, '1.25 s'],
    [59990, '1 min'],
    [184000, '3 min 4 s'],
    [3600e3, '1 h'],
    [(2 * 24 + 5) * 3600e3 + 61e3, '2 d 5 h'],
  ];
  for (const [ms, text] of cases) assert.equal(duration(ms), text);
});

test('long rests are folded, and every moment has a place and back', () => {
  const day = 86400e3;
  const parts = stretches([{ start: 0, end: 4000 }, { start: day, end: day + 4000 }, { start: 1000, end: 2000 }], 0, day + 4000);
  assert.deepEqual(
    parts.map(({ start, end, idle, folded }) => [start, end, idle, folded]),
    [
      [0, 4000, false, false],
      [4000, day, true, true],
      [day, day + 4000, false, false],
    ],
  );
  const scale = new Scale(parts, 844);
  assert.equal(scale.x(4000), 400);
  assert.equal(scale.x(day), 444);
  assert.equal(scale.x(day + 4000), 844);
  let before = -1;
  for (let time = 0; time <= day + 4000; time += 1234567) {
    assert.ok(scale.x(time) >= before);
    before = scale.x(time);
    assert.ok(Math.abs(scale.time(scale.x(time)) - time) < 1);
  }
  for (const { x, time } of scale.ticks(90, 0)) assert.ok(Math.abs(scale.x(time) - x) < 1e-6 && (time <= 4000 || time >= day));
});

test('ticks that would say the same say the time of the day', () => {
  assert.deepEqual(tickTexts([5, 1005, 61005], 5), ['0', '+1 s', '+1 min 1 s']);
  assert.deepEqual(tickTexts([0, 1200, 20000, 90000], 0), ['0', '+1.2 s', '+20 s', '+1 min 30 s']);
  const monday = new Date(2026, 0, 5, 8).getTime();
  assert.deepEqual(tickTexts([3 * 86400e3, 3 * 86400e3 + 10e3].map((after) => monday + after), monday), ['08:00:00', '08:00:10']);
});

test('a crowd of siblings is one row that opens with its failures first', () => {
  const group = (i) => ({ kind: 'activity', name: 'a', outcome: i === 7 ? 'failed' : 'done', start: i, end: 100, attempts: 1, events: [i], segments: [] });
  const groups = Array.from({ length: 30 }, (_, i) => group(i));
  const closed = rows(groups, new Set(), 200);
  assert.equal(closed.length, 1);
  assert.equal(closed[0].failed, 1);
  const open = rows(groups, new Set([closed[0].key]), 200);
  assert.equal(open.length, 31);
  assert.equal(open[1].index, 7);
  assert.equal(rows(groups.slice(0, 20), new Set(), 200).length, 20);
});

test('what could deceive the eye is shown as an escape', () => {
  assert.equal(visible('a\u202eb\u0000'), 'a\\u202eb\\u0000');
  assert.equal(pretty('{"a":1.50}'), '{\n  "a": 1.50\n}');
  assert.equal(pretty('[]'), '[]');
  assert.equal(pretty('{"a":[1,{}],"b,":"x: {y}"}'), '{\n  "a": [\n    1,\n    {}\n  ],\n  "b,": "x: {y}"\n}');
  assert.equal(pretty('no json'), 'no json');
});

test('events of a stream come whole, in whatever pieces they arrive', () => {
  const text = 'retry: 2000\nevent: hello\nid: a-0\ndata: {"covers":"all"}\n\nid: a-1\n\nevent: change\nid: a-2\ndata: {"id":"x: y"}\n\n';
  const whole = parseEvents(text).events;
  assert.deepEqual(whole, [{ event: 'hello', id: 'a-0', data: '{"covers":"all"}' }, { id: 'a-1' }, { event: 'change', id: 'a-2', data: '{"id":"x: y"}' }]);
  let rest = '';
  const pieces = [...text].flatMap((letter) => {
    const parsed = parseEvents(rest + letter);
    rest = parsed.rest;
    return parsed.events;
  });
  assert.deepEqual(pieces, whole);
});

test('a count in parts is that of the whole, and tells how far it is', async () => {
  const group = (name, n) => ({ status: 'RUNNING', name, n });
  const parts = {
    'count?by=name': { groups: [group('a', 1)], next: '0.5.x y', looked: 10, at: 1 },
    'count?by=name&after=0.5.x%20y': { groups: [group('a', 2), group('b', 3)], next: '1.6.z', looked: 20, at: 2 },
    'count?by=name&after=1.6.z': { groups: [group('b', 4)], at: 3 },
  };
  const told = [];
  const all = await countAll('count?by=name', (part) => told.push([part.groups.length, part.looked, least(part)]), async (path) => parts[path]);
  assert.deepEqual(all, { groups: [group('a', 3), group('b', 7)], looked: 30, at: 3 });
  assert.equal(least(all), '');
  assert.deepEqual(told, [[1, 10, 'at least '], [2, 30, 'at least ']]);
  assert.equal((await countAll('count?by=name', () => false, async (path) => parts[path])).next, '0.5.x y'); // nobody looks any more
});

test('what needs attention first', () => {
  const row = (id, name, status, created, failure) => ({ id, name, status, created, updated: created, failure });
  const seen = {
    app: { ready: true, workers: 1 },
    open: 3,
    stalled: 1,
    workers: { elsewhere: 0, waiting: [{ kind: 'activity', name: 'charge', n: 14, hasWorker: false }, { kind: 'activity', name: 'pack', n: 2, hasWorker: true }] },
    numbers: { failingSeconds: 0, workflows: [{ name: 'order', p95Seconds: 4 }, { name: 'odd', p95Seconds: -1 }] },
    failedLately: [row('a', 'pay', 'FAILED', 0, 'Declined'), row('b', 'pay', 'FAILED', 0, 'Declined'), row('c', 'two words', 'FAILED', 0)],
    oldest: [row('o1', 'order', 'RUNNING', 0), row('o2', 'order', 'RUNNING', 0), row('x', 'odd', 'RUNNING', 0), row('s', 'order', 'SUSPENDED', 0)],
    now: 3600000,
  };
  const texts = attention(seen).map((need) => need.text);
  assert.deepEqual(texts, [
    'No worker has activity charge: 14 calls wait for one.',
    '1 workflow cannot go on with the code of today.',
    'o1 has been open for 1 h; of those of order that ended well, 95 % took less than 4.00 s.',
    '2 of pay failed within the last hour: Declined.',
    '1 of two words failed within the last hour.',
  ]);
  assert.deepEqual(attention(seen).map((need) => need.q ?? need.page), [
    'wait:worker:charge', 'status:stalled', 'name:order status:running,pending age>20s', 'name:pay status:failed failure:Declined ended<1h', 'name:"two words" status:failed ended<1h',
  ]);
  assert.match(attention({ ...seen, app: { ready: true, workers: 0 } })[0].text, /^No worker is connected; 3 workflows wait\./);
  const calm = { ...seen, stalled: 0, workers: { elsewhere: 0, waiting: [] }, failedLately: [], oldest: [row('o', 'order', 'RUNNING', 3595000)] };
  assert.deepEqual(attention(calm), []);
});

test('a chart has round tops, and gaps', () => {
  assert.deepEqual([0, 1, 1.1, 7, 23, 1000, 0.03].map(roundUp), [1, 1, 2, 10, 50, 1000, 0.05]);
  assert.deepEqual(runs([1, 2, undefined, 3]), [[0, 1], [3]]);
  assert.deepEqual(runs([undefined]), []);
});

test('the critical path is what each step waited for', () => {
  const step = (name, start, end, kind = 'activity', outcome = 'done') => ({ name, start, end, kind, outcome, attempts: 1, events: [], segments: [] });
  const groups = [step('a', 0, 10), step('b', 10, 90), step('c', 10, 30), step('d', 31, 60), step('e', 91, 120), step('sent', 119, 120, 'sent'), step('f', 92, 500, 'timer', 'dropped')];
  assert.deepEqual(criticalPath(groups, 120).map((index) => groups[index].name), ['a', 'b', 'e']);
  assert.deepEqual(criticalPath([step('a', 0, 10), step('b', 5, undefined, 'activity', 'open')], 50), [1]);
  assert.deepEqual(criticalPath([], 1), []);
});

test("the user's own lines of a stack stand out", () => {
  assert.equal(ownFrame('  File "/usr/lib/python3/worker.py", line 1, in run\n  File "/app/shop.py", line 2, in order\n    charge()\n'), 'File "/app/shop.py", line 2, in order');
  assert.equal(ownFrame('at charge (/app/shop.js:3:4)\nat order (/app/shop.js:9:1)\nat run (node:internal/x:1:1)'), 'at charge (/app/shop.js:3:4)');
  const own = (text) => stackLines(text).filter((line) => line.own).map((line) => line.text.trim());
  assert.deepEqual(own('Traceback:\n  File "/app/shop.py", line 3, in charge\n    pay()\n  File "/usr/lib/python3.11/x.py", line 1, in y\n    z()\nValueError: no'), [
    'File "/app/shop.py", line 3, in charge',
    'pay()',
  ]);
  assert.deepEqual(own('Error: no\n    at pay (/app/shop.js:1:2)\n    at run (node:internal/x:1:1)\n    at x (/app/node_modules/y/z.js:1:1)'), ['at pay (/app/shop.js:1:2)']);
});

test('two runs are aligned by what they have in common', () => {
  const step = (name, outcome = 'done', attempts = 1) => ({ kind: 'activity', name, outcome, attempts, start: 0, end: 1, events: [], segments: [] });
  const a = [step('reserve'), step('charge'), step('pack', 'failed'), step('ship')];
  const b = [step('reserve'), step('check'), step('charge', 'done', 3), step('pack'), step('ship')];
  assert.deepEqual(align(a, b).map((pair) => [pair.a?.name, pair.b?.name, pair.differs]), [
    ['reserve', 'reserve', ''],
    [undefined, 'check', 'only in the second'],
    ['charge', 'charge', '1 attempt, then 3'],
    ['pack', 'pack', 'failed, then done'],
    ['ship', 'ship', ''],
  ]);
  assert.deepEqual(align([step('x'), step('y')], [step('y'), step('z')]).map((pair) => pair.differs), ['only in the first', '', 'only in the second']);
  assert.deepEqual(align([], []), []);
  const many = Array.from({ length: 5000 }, (_, i) => step(`s${i}`));
  assert.equal(align(many, [...many].reverse()).length, 10000);
});

test('what is done to many stays with the app that it began in', async () => {
  const events = new EventTarget();
  Object.assign(globalThis, {
    document: { baseURI: 'http://here/', documentElement: { dataset: {} } },
    location: { hash: '#/@orders/instances' },
    addEventListener: events.addEventListener.bind(events),
    sessionStorage: { getItem: () => null, setItem: () => {}, removeItem: () => {} },
  });
  const pages = [
    { rows: [{ id: 'a', created: 1 }, { id: 'b', created: 2 }], next: 'b', at: 9 },
    { rows: [{ id: 'c', created: 3 }], at: 9 },
  ];
  const asked = [];
  globalThis.fetch = async (url, { method }) => {
    asked.push(`${method} ${url.pathname}`);
    globalThis.location.hash = '#/@billing/instances'; // somebody goes back in the browser
    events.dispatchEvent(new Event('hashchange'));
    return new Response(JSON.stringify(method === 'GET' ? pages.shift() : {}));
  };
  const { begin, bulk } = await load('bulk.mjs');
  await bulk({ q: '', verb: 'terminate', body: () => ({}), fits: () => true }, begin(), () => false, () => {});
  const at = '/apps/orders/pawl/v1/instances';
  assert.deepEqual(asked, [`GET ${at}`, `POST ${at}/a/terminate`, `POST ${at}/b/terminate`, `GET ${at}`, `POST ${at}/c/terminate`]);
});

test('what is done to many goes on where it was broken off', async () => {
  const { begin, bulk } = await load('bulk.mjs');
  const row = (n) => ({ id: `i${n}`, created: n });
  const pages = { first: { rows: Array.from({ length: 20 }, (_, n) => row(n)), next: 'second', at: 100 }, second: { rows: Array.from({ length: 20 }, (_, n) => row(20 + n)).concat([{ id: 'late', created: 101 }]), at: 200 } };
  const done = [];
  let left = 25;
  globalThis.fetch = async (url, { method }) => {
    if (method === 'GET') return new Response(JSON.stringify(pages[url.searchParams.get('after') ?? 'first']));
    const id = url.pathname.split('/').at(-2);
    if (left-- <= 0) throw new TypeError('refused');
    if (id === 'i30') return new Response('{"message":"has already been created"}', { status: 409 });
    if (id === 'i31') return new Response('{"message":"no"}', { status: 400 });
    done.push(id);
    return new Response('{}');
  };
  const place = begin();
  const wanted = { q: '', verb: 'rerun', body: () => ({}), fits: () => true };
  let told;
  const tell = (progress) => (told = progress);
  await assert.rejects(bulk(wanted, place, () => false, tell), /does not answer/);
  assert.equal(told.done, 25);
  left = Infinity;
  await bulk(wanted, place, () => false, tell);
  assert.deepEqual(told, { done: 38, passed: 1, failed: 1, failures: ['i31: no'] });
  assert.equal(done.length, 38);
  assert.equal(new Set(done).size, 38); // none twice, and none that came later
});

test('a link brings a token, encoded or as it is', async () => {
  for (const [hash, token] of [['#token=a%20b', 'a b'], ['#token=100%', '100%']]) {
    Object.assign(globalThis, { location: { hash }, history: { replaceState: () => {} }, sessionStorage: { getItem: () => null, setItem: () => {} } });
    const { tokenHeader } = await import(`${join(out, 'token.mjs')}?${token.length}`);
    assert.deepEqual(tokenHeader(), { 'pawl-dashboard-token': token });
  }
});

test('lines of a log that are told again stand there once', async () => {
  Object.assign(globalThis, { document: { baseURI: 'http://here/', documentElement: { dataset: {} }, addEventListener: () => {} }, location: { hash: '' }, addEventListener: () => {} });
  const { linesAfter } = await load('pages/log.mjs');
  const lines = (...at) => at.map((one) => ({ at: one, from: 'app', text: `line ${one}` }));
  assert.deepEqual(linesAfter(lines(1, 2), lines(3), false), lines(1, 2, 3));
  assert.deepEqual(linesAfter(lines(1, 2, 3), lines(2, 3, 4), true), lines(1, 2, 3, 4));
  assert.deepEqual(linesAfter(lines(1, 2), [], true), lines(1, 2));
});
