// Builds dist: one ES module with its source map, and the declarations.

import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

import { build } from 'esbuild';

const home = fileURLToPath(new URL('..', import.meta.url));
const dist = path.join(home, 'dist');
rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [
  path.join(home, 'node_modules/typescript/bin/tsc'), '-p', path.join(home, 'tsconfig.json'), '--emitDeclarationOnly',
], { stdio: 'inherit' });
await build({
  absWorkingDir: home,
  entryPoints: ['src/index.ts'],
  outfile: 'dist/index.js',
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  sourcemap: true,
  legalComments: 'eof',
  logLevel: 'warning',
});
