// Bundles the app into dist/: hashed names below assets/, a manifest, and every file also as .br and .gz.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

import { build } from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, 'dist');
const BASE = '/app/';

/** What everything that a page may ever load weighs together, after gzip. */
const GZIP_LIMIT_BYTES = 150_000;

await rm(dist, { recursive: true, force: true });
await mkdir(path.join(dist, 'assets'), { recursive: true });

const { outputFiles, metafile } = await build({
  absWorkingDir: here,
  entryPoints: { app: 'src/main.tsx' },
  outdir: 'dist/assets',
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  format: 'esm',
  splitting: true,
  minify: true,
  target: 'es2022',
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
  // Licences of what is bundled stay beside it.
  legalComments: 'linked',
  metafile: true,
  write: false,
  logLevel: 'warning',
});

const files = new Map(outputFiles.map(({ path: file, contents }) => [path.relative(dist, file), contents]));
const entryOf = (extension) => {
  const found = Object.entries(metafile.outputs).find(([name, { entryPoint, cssBundle }]) => (
    entryPoint === 'src/main.tsx' && (extension === '.js' ? name.endsWith('.js') : cssBundle)));
  const name = extension === '.js' ? found?.[0] : found?.[1].cssBundle;
  if (!name) throw new Error(`the bundle has no entry ${extension}`);
  return path.relative('dist', name);
};
const entry = { script: entryOf('.js'), style: entryOf('.css') };
const preloads = metafile.outputs[`dist/${entry.script}`].imports
  .filter(({ kind }) => kind === 'import-statement')
  .map(({ path: file }) => `  <link rel="modulepreload" href="${BASE}${path.relative('dist', file)}">\n`);

const template = await readFile(path.join(here, 'src/index.html'), 'utf8');
files.set('index.html', Buffer.from(template
  .replace('{{script}}', BASE + entry.script)
  .replace('{{style}}', BASE + entry.style)
  .replace('  {{preloads}}\n', preloads.join(''))));

const manifest = { base: BASE, index: 'index.html', ...entry, files: {} };
let total = 0;
for (const [name, contents] of [...files].sort(([one], [other]) => (one < other ? -1 : 1))) {
  const gzip = gzipSync(contents, { level: 9 });
  const brotli = brotliCompressSync(contents, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  const file = path.join(dist, name);
  await writeFile(file, contents);
  await writeFile(`${file}.gz`, gzip);
  await writeFile(`${file}.br`, brotli);
  manifest.files[name] = {
    contentType: contentTypeOf(name),
    bytes: contents.length,
    gzipBytes: gzip.length,
    brotliBytes: brotli.length,
    isImmutable: name.startsWith('assets/'),
  };
  if (!name.endsWith('.LEGAL.txt')) total += gzip.length;
  console.log(`${name}: ${kilobytes(contents.length)}, ${kilobytes(gzip.length)} gzip, ${kilobytes(brotli.length)} brotli`);
}
await writeFile(path.join(dist, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
console.log(`in all ${kilobytes(total)} gzip of ${kilobytes(GZIP_LIMIT_BYTES)}`);
if (total > GZIP_LIMIT_BYTES) throw new Error('the app is larger than it may be');

function contentTypeOf(name) {
  const types = {
    '.css': 'text/css; charset=utf-8',
    '.html': 'text/html; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.txt': 'text/plain; charset=utf-8',
  };
  const type = types[path.extname(name)];
  if (!type) throw new Error(`${name}: no content type is known`);
  return type;
}

function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
