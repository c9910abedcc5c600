// The one message of protobuf itself that the protocol uses.

import type { GenFile } from '@bufbuild/protobuf/codegenv2';

import { describeFile } from './descriptors.js';

const INT64 = 3;
const INT32 = 5;

export const file_google_protobuf_timestamp: GenFile = /*@__PURE__*/ describeFile(
  'google/protobuf/timestamp.proto', 'google.protobuf', [['Timestamp', [['seconds', 1, INT64], ['nanos', 2, INT32]]]], [], []);
