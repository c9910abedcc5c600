// What others install: the packed package under the name that their code imports, in a project of its own.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const home = fileURLToPath(new URL('..', import.meta.url));
const ALIAS = '@azure/communication-calling';
const DEADLINE_MS = 120_000;
const folder = mkdtempSync(path.join(os.tmpdir(), 'trunkline-pack-'));
after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));

const npm = (cwd, ...parameters) => execFileSync('npm', parameters, { cwd, encoding: 'utf8', timeout: DEADLINE_MS, stdio: ['ignore', 'pipe', 'pipe'] });
const own = JSON.parse(readFileSync(path.join(home, 'package.json'), 'utf8'));

test('the packed package installs under the alias, compiles strictly, and brings nothing foreign', () => {
  // Scripts stay out of it: `prepare` would build anew under the feet of the other tests.
  const [packed] = JSON.parse(npm(home, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder));
  const files = packed.files.map((file) => file.path);
  assert.ok(files.includes('dist/index.js') && files.includes('dist/index.d.ts') && files.includes('dist/index.js.map'));
  assert.deepEqual(files.filter((file) => !file.startsWith('dist/') && !['package.json', 'README.md'].includes(file)), []);

  const project = path.join(folder, 'project');
  mkdirSync(project);
  const manifest = { name: 'somebody-elses', private: true, type: 'module', dependencies: { [ALIAS]: `file:../${packed.filename}` } };
  writeFileSync(path.join(project, 'package.json'), JSON.stringify(manifest));
  npm(project, 'install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline');

  const lock = JSON.parse(readFileSync(path.join(project, 'package-lock.json'), 'utf8'));
  const installed = lock.packages[`node_modules/${ALIAS}`];
  assert.equal(installed.name, own.name, 'the lock file says which package stands behind the name');
  assert.equal(installed.version, own.version);
  assert.equal(installed.resolved, `file:../${packed.filename}`);
  for (const [place, { name = '', resolved = '' }] of Object.entries(lock.packages)) {
    assert.doesNotMatch(resolved, /@azure|communication-calling/, `${place} comes from elsewhere`);
    assert.doesNotMatch(name, /@azure/, place);
  }
  const others = Object.keys(lock.packages).filter((place) => place !== '' && place !== `node_modules/${ALIAS}`);
  assert.deepEqual(others.filter((place) => !(place.replace('node_modules/', '') in own.dependencies ?? {})), []);
  assert.equal(JSON.parse(readFileSync(path.join(project, `node_modules/${ALIAS}/package.json`), 'utf8')).name, own.name);
  // What its declarations and its modules name is there: nothing is skipped, and it loads.
  cpSync(path.join(home, 'test/samples'), path.join(project, 'src'), { recursive: true });
  const sources = readdirSync(path.join(project, 'src')).filter((name) => name.endsWith('.ts'));
  assert.ok(sources.length > 0);
  const compilerOptions = {
    target: 'ES2022', module: 'NodeNext', moduleResolution: 'NodeNext', lib: ['ES2023', 'DOM', 'DOM.Iterable'], types: [],
    strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, noImplicitOverride: true,
    noUnusedLocals: true, skipLibCheck: false, noEmit: true,
  };
  writeFileSync(path.join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  const tsc = path.join(home, 'node_modules/typescript/bin/tsc');
  const compile = () => {
    try {
      execFileSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8', timeout: DEADLINE_MS });
      return '';
    } catch ({ stdout }) {
      return stdout;
    }
  };
  assert.equal(compile(), '');
  // A compiler that would take anything proves nothing.
  writeFileSync(path.join(project, 'src/wrong.ts'), `import { CallClient } from '${ALIAS}';\nexport const call: number = new CallClient();\n`);
  assert.match(compile(), /wrong\.ts\(2,14\): error TS2322/);

  const loaded = execFileSync(process.execPath, ['--input-type=module', '--eval', `
    const { CallClient, Features, LocalVideoStream, VideoStreamRenderer } = await import('${ALIAS}');
    console.log([CallClient, LocalVideoStream, VideoStreamRenderer].every((it) => typeof it === 'function') && 'Recording' in Features);
  `], { cwd: project, encoding: 'utf8', timeout: DEADLINE_MS });
  assert.equal(loaded.trim(), 'true');
});
