// The app's own reading and writing of the protocol, held against its definitions.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
let folder;
let app;
let protocol;

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'trunkline-wire-'));
  const entry = `export * from '../src/wire/messages'; export * from '../src/wire/codec';`;
  await build({
    stdin: { contents: entry, resolveDir: here, loader: 'ts' }, bundle: true, format: 'esm', platform: 'node', outfile: path.join(folder, 'app.mjs'), logLevel: 'warning',
  });
  app = await import(pathToFileURL(path.join(folder, 'app.mjs')));
  const tools = path.join(here, '../../calling/node_modules');
  const set = execFileSync(path.join(tools, '.bin/buf'), ['build', '.', '-o', '-#format=binpb'], { cwd: path.join(here, '../../../../proto') });
  const { createFileRegistry, create, fromBinary, toBinary } = await import(pathToFileURL(path.join(tools, '@bufbuild/protobuf/dist/esm/index.js')));
  const { FileDescriptorSetSchema } = await import(pathToFileURL(path.join(tools, '@bufbuild/protobuf/dist/esm/wkt/index.js')));
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, set));
  const full = (name) => (name.includes('.') ? `trunkline.${name}` : `trunkline.calling.v1.${name}`);
  const schema = (name) => registry.getMessage(full(name));
  protocol = {
    schema,
    values: (name) => registry.getEnum(full(name)).values,
    encode: (name, value) => toBinary(schema(name), create(schema(name), value)),
    decode: (name, bytes) => fromBinary(schema(name), bytes),
  };
});
after(() => rm(folder, { recursive: true, force: true }));

const ANSWER = {
  calls: [{
    callId: 'c1',
    kind: 3,
    direction: 1,
    others: [{ identifier: { rawId: '8:orgid:1' }, displayName: 'Zoë' }, { identifier: { rawId: '4:+1425' } }],
    unnamedOthers: 300,
    startedAt: { seconds: 1_900_000_000n, nanos: 250_000_000 },
    endReason: { code: 487, subCode: 10_004, category: 'ExpectedError', meaning: 'nobody answered' },
    isMissed: true,
    place: 'p',
  }],
  nextPageToken: 'next',
  unseenMissed: 2n,
};

function encodedHistory() {
  return protocol.encode('ListCallHistoryResponse', ANSWER);
}

test('history is read as it was written', () => {
  const { calls: [call], nextPageToken, unseenMissed } = app.listCallHistory.response.read(encodedHistory());
  assert.equal(nextPageToken, 'next');
  assert.equal(unseenMissed, 2);
  assert.deepEqual(
    { ...call, startedAt: app.timeOf(call.startedAt), connectedAt: app.timeOf(call.connectedAt) },
    {
      callId: 'c1', kind: 'meeting', direction: 'incoming',
      others: [{ identifier: { rawId: '8:orgid:1' }, displayName: 'Zoë' }, { identifier: { rawId: '4:+1425' }, displayName: '' }],
      unnamedOthers: 300, startedAt: 1_900_000_000_250, connectedAt: undefined, endedAt: undefined,
      endReason: { code: 487, subCode: 10_004, category: 'ExpectedError', meaning: 'nobody answered' },
      isMissed: true, threadId: '', meetingId: '', place: 'p',
    },
  );
});

test('every event of a call is read under its own name', () => {
  const kinds = protocol.schema('CallEvent').oneofs.find(({ name }) => name === 'kind').fields;
  assert.ok(kinds.length >= 11);
  for (const { localName } of kinds) {
    const event = { callId: 'c', seq: 7n, kind: { case: localName, value: {} } };
    const { event: read } = app.watchCall.response.read(protocol.encode('WatchCallResponse', { event }));
    assert.equal(read.seq, 7);
    assert.ok(read[localName], `${localName} is not read`);
  }
});

test('states have the numbers of the protocol', () => {
  const bare = (name, prefix) => name.slice(prefix.length).split('_').map((word) => word.charAt(0) + word.slice(1).toLowerCase()).join('');
  for (const [type, prefix, field] of [['CallState', 'CALL_STATE_', 'callState'], ['ParticipantState', 'PARTICIPANT_STATE_', 'state']]) {
    for (const { name, number } of protocol.values(type).filter((value) => value.number > 0)) {
      const bytes = protocol.encode('admin.v1.ListLiveCallsResponse', { calls: [{ call: { participants: [{ [field]: number }] } }] });
      assert.equal(app.listLiveCalls.response.read(bytes).calls[0].call.participants[0][field], bare(name, prefix));
    }
  }
});

test('the ways of media are read as they are', () => {
  const told = {
    participantId: 'p', peerAddress: '127.0.0.1:9', srtpProfile: 'AEAD_AES_128_GCM', roundTripMs: 12, packetsSent: 70_000n,
    published: [{ kind: 1, packetsReceived: 300n, packetsLost: 2n }, { kind: 2 }],
  };
  const states = protocol.values('admin.v1.MediaLegState');
  const bytes = protocol.encode('admin.v1.ListLiveCallsResponse', { calls: [{ legs: states.map(({ number }) => ({ ...told, state: number })) }] });
  const [{ legs }] = app.listLiveCalls.response.read(bytes).calls;
  const { state, ...rest } = legs[0];
  assert.deepEqual({ ...rest }, {
    participantId: 'p', peerAddress: '127.0.0.1:9', srtpProfile: 'AEAD_AES_128_GCM', roundTripMs: 12, packetsSent: 70_000,
    published: [{ packetsReceived: 300, packetsLost: 2 }, { packetsReceived: 0, packetsLost: 0 }],
  });
  assert.deepEqual(legs.map((leg) => leg.state), states.map(({ name }) => name.slice('MEDIA_LEG_STATE_'.length).toLowerCase().replace('unspecified', '')));
  const asked = protocol.decode('events.v1.WatchEventsRequest', app.watchEvents.request.write({ afterSeq: 0, eventTypes: ['CallStarted', 'CallEnded'] }));
  assert.deepEqual([asked.afterSeq, asked.eventTypes], [0n, ['CallStarted', 'CallEnded']]);
});

test('presences have the numbers of the protocol', () => {
  const bare = (name, prefix) => name.slice(prefix.length).toLowerCase().replace(/_(.)/g, (_, letter) => letter.toUpperCase());
  for (const [type, prefix, field] of [['Availability', 'AVAILABILITY_', 'availability'], ['Activity', 'ACTIVITY_', 'activity']]) {
    const values = protocol.values(`presence.v1.${type}`);
    assert.ok(values.length >= 7);
    for (const { name, number } of values) {
      const bytes = protocol.encode('presence.v1.WatchPresencesResponse', { presence: { user: 'u', [field]: number } });
      assert.equal(app.watchPresences.response.read(bytes).presence[field], bare(name, prefix));
    }
  }
  const asked = protocol.decode('presence.v1.SetPreferredPresenceRequest', app.setPreferredPresence.request.write({ availability: 'doNotDisturb' }));
  assert.equal(asked.availability, protocol.values('presence.v1.Availability').find(({ name }) => name === 'AVAILABILITY_DO_NOT_DISTURB').number);
  const { users } = protocol.decode('presence.v1.WatchPresencesRequest', app.watchPresences.request.write({ users: ['8:orgid:1', 'bob'] }));
  assert.deepEqual(users, ['8:orgid:1', 'bob']);
});

test('a request is read as it was meant', () => {
  const bytes = app.listCallHistory.request.write({ pageSize: 300, pageToken: 'ü', missedOnly: true });
  const { pageSize, pageToken, missedOnly } = protocol.decode('ListCallHistoryRequest', bytes);
  assert.deepEqual({ pageSize, pageToken, missedOnly }, { pageSize: 300, pageToken: 'ü', missedOnly: true });
});

test('a message that is cut off is an error or a shorter message, never something else', () => {
  const whole = encodedHistory();
  for (let length = 0; length < whole.length; length += 1) {
    try {
      const { calls } = app.listCallHistory.response.read(whole.subarray(0, length));
      assert.ok(calls.length <= 1);
    } catch (error) {
      assert.ok(error instanceof RangeError, `${length} bytes: ${error}`);
    }
  }
});

test('fields that are not known are passed over', () => {
  const { message, field, string } = app;
  const known = message({ name: field(2, string) });
  const more = message({ other: field(1, string), name: field(2, string), last: field(300, string) });
  assert.deepEqual(known.read(more.write({ other: 'a', name: 'b', last: 'c' })), { name: 'b' });
});
