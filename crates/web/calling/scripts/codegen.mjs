// Writes src/gen from the protocol's definitions. Run it after they change, and commit what it writes.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const home = fileURLToPath(new URL('..', import.meta.url));
const definitions = path.resolve(home, '../../../proto');
const tools = path.join(home, 'node_modules/.bin');

const template = {
  version: 'v2',
  clean: true,
  plugins: [{
    local: path.join(tools, 'protoc-gen-es'),
    out: path.join(home, 'src/gen'),
    opt: ['target=ts', 'import_extension=js'],
  }],
};

// Only what frames are made of: services and their answers would be weight in every page.
execFileSync(path.join(tools, 'buf'), [
  'generate', definitions, '--template', JSON.stringify(template),
  '--type', 'trunkline.signaling.v1.ClientFrame', '--type', 'trunkline.signaling.v1.ServerFrame',
], { cwd: definitions, stdio: 'inherit' });
