// Builds the page into the folder given (default: dist): index.html of one app and apps.html of all, which differ by a mark, and app.js under
// a name with its hash, so that browsers keep it for ever. What the first paint needs stands in the page: the style, and a script of a few
// words. "inline" is what their hashes add to the page's policy. The same sources give the same bytes.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const LIMIT = 150 * 1024; // bytes of all that is loaded, gzipped

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const out = process.argv[2] ?? join(here, 'dist');

const common = { absWorkingDir: here, bundle: true, minify: true, target: 'es2022', legalComments: 'none', write: false, outdir: 'out' };
const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;
const sha256 = (bytes, form) => createHash('sha256').update(bytes).digest(form);

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });

const app = await build({ ...common, entryPoints: { app: 'src/main.tsx' }, format: 'esm', jsx: 'automatic', jsxImportSource: 'preact' });
const script = app.outputFiles.find((file) => file.path.endsWith('.js')).contents;
const style = app.outputFiles.find((file) => file.path.endsWith('.css')).text.trim();
const name = `app.${sha256(script, 'hex').slice(0, 12)}.js`;
await writeFile(join(out, name), script);

const own = { banner: { js: '{' }, footer: { js: '}' } }; // its names are no one else's
const first = await build({ ...common, ...own, entryPoints: { early: 'src/early.ts' }, format: 'esm', define: { APP: `"./${name}"` }, external: [`./${name}`] });
const early = first.outputFiles[0].text.trim();

let page = await readFile(join(here, 'index.html'), 'utf8');
for (const [mark, text] of [['@STYLE@', style], ['@EARLY@', early]]) page = page.replace(mark, () => text);
await writeFile(join(out, 'index.html'), page);
await writeFile(join(out, 'apps.html'), page.replace('<html', '<html data-apps'));
await writeFile(join(out, 'inline'), `script-src 'self' 'sha256-${sha256(early, 'base64')}'; style-src 'sha256-${sha256(style, 'base64')}'`);

const total = gzipped(script) + gzipped(page);
if (total > LIMIT) {
  console.error(`the page is ${total} bytes gzipped; ${LIMIT} are allowed`);
  process.exit(1);
}
console.log(`dashboard: ${total} bytes gzipped`);
