// Describes the protocol's files to the protobuf runtime from short lists.
//
// What the generator writes by default is read with a description of descriptions, which alone is
// a sixth of what a page may load.

import { createFileRegistry } from '@bufbuild/protobuf';
import type { GenFile } from '@bufbuild/protobuf/codegenv2';
import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt';

/** Name, number, type; the name of its type; whether it is repeated; the index of its oneof. */
export type FieldList = [name: string, number: number, type: number, typeName?: string | 0, isRepeated?: 0 | 1, oneof?: number];
/** Name, fields, names of its oneofs. */
export type MessageList = [name: string, fields: FieldList[], oneofs?: string[]];

const UNSET = {
  $typeName: 'google.protobuf.FieldDescriptorProto', extendee: '', defaultValue: '', oneofIndex: 0, jsonName: '', proto3Optional: false,
};

/** Makes the description of one proto3 file. Of an enum it tells the name and the zero: frames carry numbers, and any number. */
export function describeFile(name: string, of: string, messages: MessageList[], enums: string[], imports: GenFile[]): GenFile {
  const none = { nestedType: [], enumType: [], extension: [], extensionRange: [], reservedRange: [], reservedName: [] };
  const file = {
    $typeName: 'google.protobuf.FileDescriptorProto',
    name, package: of, syntax: 'proto3', edition: 0,
    dependency: imports.map(({ proto }) => proto.name), publicDependency: [], weakDependency: [], optionDependency: [],
    service: [], extension: [],
    messageType: messages.map(([messageName, fields, oneofs = []]) => ({
      ...none,
      $typeName: 'google.protobuf.DescriptorProto',
      name: messageName,
      // The runtime takes a property of the object itself for one that is set.
      field: fields.map(([fieldName, number, type, typeName, isRepeated, oneof]) => Object.assign(Object.create(UNSET), {
        name: fieldName, number, type, typeName: typeName || '', label: isRepeated ? 3 : 1,
        ...(oneof !== undefined && { oneofIndex: oneof }),
      })),
      oneofDecl: oneofs.map((oneofName) => ({ $typeName: 'google.protobuf.OneofDescriptorProto', name: oneofName })),
    })),
    enumType: enums.map((enumName) => ({
      $typeName: 'google.protobuf.EnumDescriptorProto',
      name: enumName, reservedName: [], reservedRange: [],
      value: [{ $typeName: 'google.protobuf.EnumValueDescriptorProto', name: 'ZERO', number: 0 }],
    })),
  };
  const registry = createFileRegistry(
    file as unknown as FileDescriptorProto, (wanted) => imports.find(({ proto }) => proto.name === wanted));
  const described = registry.getFile(name);
  if (!described) throw new TypeError(`the runtime does not know ${name}`);
  return described as GenFile;
}
