// Bundles the app into dist/: hashed names below assets/, a manifest, and every file also as .br and .gz.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

import { build } from 'esbuild';
import { minify } from 'terser';

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, 'dist');
const BASE = '/app/';

/** What everything that a page may ever load weighs together, after gzip. */
const GZIP_LIMIT_BYTES = 150_000;

/** A second pass over what esbuild wrote: two hundredths less on the wire. */
const TERSER = { module: true, ecma: 2020, compress: { passes: 2, sequences: false } };

const { version: terserVersion } = JSON.parse(await readFile(path.join(here, 'node_modules/terser/package.json'), 'utf8'));

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
  charset: 'utf8',
  define: {
    'process.env.NODE_ENV': '"production"',
    // Nobody attaches the tools of developers to a bundle; what would tell them goes.
    __REACT_DEVTOOLS_GLOBAL_HOOK__: 'undefined',
  },
  // Licences of what is bundled stay beside it.
  legalComments: 'linked',
  // The last pass takes it out again; until then it makes the names depend on what that pass is.
  banner: { js: `/* terser ${terserVersion} ${JSON.stringify(TERSER)} */` },
  metafile: true,
  write: false,
  logLevel: 'warning',
});

const files = new Map();
for (const { path: file, contents, text } of outputFiles) {
  files.set(path.relative(dist, file), file.endsWith('.js') ? Buffer.from((await minify(text, TERSER)).code) : contents);
}
const entryOf = (extension) => {
  const found = Object.entries(metafile.outputs).find(([name, { entryPoint, cssBundle }]) => (
    entryPoint === 'src/main.tsx' && (extension === '.js' ? name.endsWith('.js') : cssBundle)));
  const name = extension === '.js' ? found?.[0] : found?.[1].cssBundle;
  if (!name) throw new Error(`the bundle has no entry ${extension}`);
  return path.relative('dist', name);
};
const entry = { script: entryOf('.js'), style: entryOf('.css') };
const preloads = [...preloaded(`dist/${entry.script}`)].map((file) => `  <link rel="modulepreload" href="${BASE}${file}">\n`);

const template = await readFile(path.join(here, 'src/index.html'), 'utf8');
files.set('index.html', Buffer.from(template
  .replace('{{script}}', BASE + entry.script)
  .replace('{{style}}', BASE + entry.style)
  .replace('  {{preloads}}\n', preloads.join(''))));

const manifest = { base: BASE, index: 'index.html', ...entry, files: {} };
const firstLoad = new Set(['index.html', entry.script, entry.style, ...preloaded(`dist/${entry.script}`)]);
let total = 0;
let first = 0;
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
  if (firstLoad.has(name)) first += gzip.length;
  console.log(`${name}: ${kilobytes(contents.length)}, ${kilobytes(gzip.length)} gzip, ${kilobytes(brotli.length)} brotli`);
}
await writeFile(path.join(dist, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
console.log(`loaded first ${kilobytes(first)} gzip`);
console.log(`in all ${kilobytes(total)} gzip of ${kilobytes(GZIP_LIMIT_BYTES)}`);
if (total > GZIP_LIMIT_BYTES) throw new Error('the app is larger than it may be');

/** What a file imports before it runs, and what that imports. */
function preloaded(file, found = new Set()) {
  for (const { path: imported, kind } of metafile.outputs[file].imports) {
    const name = path.relative('dist', imported);
    if (kind !== 'import-statement' || found.has(name)) continue;
    found.add(name);
    preloaded(imported, found);
  }
  return found;
}

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
