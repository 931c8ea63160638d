// Builds the page into the folder given (default: dist): index.html of one app and apps.html of all, which differ by a mark, and app.js and
// app.css under names with their hashes, so that browsers keep them for ever. The same sources give the same bytes.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const LIMIT = 150 * 1024; // bytes of all that is loaded, gzipped

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const out = process.argv[2] ?? join(here, 'dist');

const result = await build({
  absWorkingDir: here,
  entryPoints: { app: 'src/main.tsx' },
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  write: false,
  outdir: 'out',
});

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
let page = await readFile(join(here, 'index.html'), 'utf8');
let total = 0;
for (const file of result.outputFiles) {
  const kind = file.path.endsWith('.css') ? 'css' : 'js';
  const hash = createHash('sha256').update(file.contents).digest('hex').slice(0, 12);
  const name = `app.${hash}.${kind}`;
  await writeFile(join(out, name), file.contents);
  page = page.replace(`app.${kind}`, name);
  total += gzipSync(file.contents, { level: 9 }).length;
}
await writeFile(join(out, 'index.html'), page);
await writeFile(join(out, 'apps.html'), page.replace('<html', '<html data-apps'));
total += gzipSync(page, { level: 9 }).length;
if (total > LIMIT) {
  console.error(`the page is ${total} bytes gzipped; ${LIMIT} are allowed`);
  process.exit(1);
}
console.log(`dashboard: ${total} bytes gzipped`);
