// Bundles the composite page and the contract page into dist/.

import { copyFile, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, 'dist');

/** Files that are served as they are. */
const PLAIN_FILES = ['index.html', 'contract.html', 'setup.js', 'page.css'];

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });

for (const [entry, source] of Object.entries({ page: 'src/page.tsx', contract: 'contract/page.mjs' })) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: here,
    entryPoints: { [entry]: source },
    outdir: 'dist',
    // Parts that are loaded on demand get names of their own.
    chunkNames: `${entry}-[hash]`,
    bundle: true,
    format: 'esm',
    splitting: true,
    minify: true,
    sourcemap: 'linked',
    target: 'es2022',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  refuseForeign(metafile);
  await Promise.all(outputFiles.map((file) => writeFile(file.path, file.contents)));
  const { raw, gzip } = sizeOf(entry, { outputFiles, metafile });
  console.log(`${entry}: ${(raw / 1000).toFixed(1)} kB, ${(gzip / 1000).toFixed(1)} kB gzip`);
}
// The icon fonts come from the page's own origin rather than from the library's default one.
await cp(path.join(here, 'node_modules/@fluentui/font-icons-mdl2/fonts'), path.join(dist, 'fonts'), { recursive: true });
await Promise.all(PLAIN_FILES.map((file) => copyFile(path.join(here, 'src', file), path.join(dist, file))));

/** The names of the calling package must lead to the one beside this folder and to no other. */
function refuseForeign({ inputs }) {
  const foreign = Object.keys(inputs).filter((input) => (
    /node_modules\/@azure\/communication-calling(-effects)?\//.test(input)));
  if (foreign.length > 0) throw new Error(`bundled another calling package: ${foreign.join(', ')}`);
}

/** Bytes of an entry point with everything it imports statically, before and after gzip. */
function sizeOf(entry, { outputFiles, metafile }) {
  const wanted = [`dist/${entry}.js`];
  for (const file of wanted) {
    for (const { path: imported, kind } of metafile.outputs[file].imports) {
      if (kind === 'import-statement' && !wanted.includes(imported)) wanted.push(imported);
    }
  }
  const contents = wanted.map((file) => outputFiles.find((output) => output.path === path.join(here, file)).contents);
  const raw = contents.reduce((sum, { length }) => sum + length, 0);
  const gzip = contents.reduce((sum, content) => sum + gzipSync(content).length, 0);
  return { raw, gzip };
}
