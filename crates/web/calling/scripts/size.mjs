// Says how large the package is in a page, and fails when it is larger than it may be.

import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const LIMIT_BYTES = 40 * 1024;

const { outputFiles: [{ contents }] } = await build({
  absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
  entryPoints: ['src/index.ts'],
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  write: false,
});
const zipped = gzipSync(contents, { level: 9 }).length;
console.log(`minified ${contents.length} bytes, gzip ${zipped} bytes, limit ${LIMIT_BYTES}`);
if (zipped > LIMIT_BYTES) process.exitCode = 1;
