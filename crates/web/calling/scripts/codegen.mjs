// Writes src/gen from the protocol's definitions. Run it after they change, and commit what it writes.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

import { fromBinary, isFieldSet } from '@bufbuild/protobuf';
import { FieldDescriptorProtoSchema, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

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

/** Writes a file's description as the lists that `src/descriptors.ts` reads. */
function shorten(text) {
  return text
    .replace(/fileDesc\("([^"]*)"(?:, (\[[^\]]*\]))?\)/, (_, base64, imports = '[]') => {
      const file = fromBinary(FileDescriptorProtoSchema, Buffer.from(base64, 'base64'));
      const messages = file.messageType.map(({ name, field, oneofDecl, nestedType, enumType }) => {
        if (nestedType.length > 0 || enumType.length > 0) throw new Error(`${name}: nested types are not expected`);
        const fields = field.map((one) => {
          if (one.proto3Optional) throw new Error(`${one.name}: optional fields are not expected`);
          const list = [one.name, one.number, one.type];
          const hasOneof = isFieldSet(one, FieldDescriptorProtoSchema.field.oneofIndex);
          if (one.typeName || one.label === 3 || hasOneof) list.push(one.typeName || 0);
          if (one.label === 3 || hasOneof) list.push(one.label === 3 ? 1 : 0);
          if (hasOneof) list.push(one.oneofIndex);
          return list;
        });
        return oneofDecl.length > 0 ? [name, fields, oneofDecl.map((oneof) => oneof.name)] : [name, fields];
      });
      const enums = file.enumType.map(({ name }) => name);
      return `describeFile(${JSON.stringify(file.name)}, ${JSON.stringify(file.package)}, ${JSON.stringify(messages)}, ${JSON.stringify(enums)}, ${imports})`;
    })
    .replace(/import \{ ([^}]*)fileDesc, ([^}]*) \} from "@bufbuild\/protobuf\/codegenv2";/,
      'import { $1$2 } from "@bufbuild/protobuf/codegenv2";\nimport { describeFile } from "../../../../descriptors.js";')
    .replace('import { file_google_protobuf_timestamp } from "@bufbuild/protobuf/wkt";',
      'import { file_google_protobuf_timestamp } from "../../../../timestamp.js";');
}

const generated = path.join(home, 'src/gen');
for (const name of readdirSync(generated, { recursive: true })) {
  const file = path.join(generated, name);
  if (name.endsWith('.ts')) writeFileSync(file, shorten(readFileSync(file, 'utf8')));
}
