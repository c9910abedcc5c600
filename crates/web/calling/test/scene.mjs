// What the tests share: the package with its inner modules, an exchange that is a script, and just
// enough of a browser.

import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';

const home = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'trunkline-calling-'));
const outfile = path.join(folder, 'package.mjs');
await build({
  stdin: {
    contents: [
      'export * from "./src/index.ts"',
      'export { Emitter, bindMethods } from "./src/emitter.ts"',
      'export { identifierOf, rawIdOf } from "./src/identifiers.ts"',
      'export { joinFields, parseLocator } from "./src/locators.ts"',
      'export { signalingUrl } from "./src/endpoint.ts"',
      'export { create, fromBinary, toBinary } from "@bufbuild/protobuf"',
      'export * from "./src/gen/trunkline/signaling/v1/signaling_service_pb.ts"',
      'export * as wire from "./src/gen/trunkline/calling/v1/calling_pb.ts"',
    ].join('\n'),
    resolveDir: home,
    loader: 'ts',
  },
  bundle: true, format: 'esm', platform: 'node', target: 'es2022', outfile, logLevel: 'error',
});
export const pkg = await import(pathToFileURL(outfile));
rmSync(folder, { recursive: true, force: true });

const { create, fromBinary, toBinary, ClientFrameSchema, ServerFrameSchema } = pkg;

export const ALICE = '8:acs:00000000-0000-4000-8000-000000000001_00000000-0000-4000-8000-00000000000a';
export const BOB = '8:orgid:00000000-0000-4000-8000-00000000000b';

/** A socket whose other end is the test. */
export class FakeSocket extends EventTarget {
  static opened = [];
  readyState = 0;
  frames = [];
  seq = 0n;

  constructor(url, protocols) {
    super();
    Object.assign(this, { url, protocols });
    FakeSocket.opened.push(this);
    setTimeout(() => {
      if (this.readyState !== 0) return;
      this.readyState = 1;
      this.dispatchEvent(new Event('open'));
    }, 0);
  }

  send(bytes) {
    this.frames.push(fromBinary(ClientFrameSchema, bytes));
  }

  close() {
    this.readyState = 3;
  }

  /** Says something; numbered unless it is Welcome and its like. */
  say(body, { seq = (this.seq += 1n), ack = 0n } = {}) {
    const data = toBinary(ServerFrameSchema, create(ServerFrameSchema, { seq, ack, body }));
    this.dispatchEvent(Object.assign(new Event('message'), { data: data.slice().buffer }));
  }

  welcome(fields = {}) {
    const value = { sessionId: 'session', identifier: { rawId: ALICE }, heartbeatSeconds: 15, resumeSeconds: 120, ...fields };
    this.say({ case: 'welcome', value }, { seq: 0n, ack: fields.lastSeq ?? 0n });
  }

  break(code) {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason: '' }));
  }

  commands(kind) {
    return this.frames.filter(({ body }) => body.case === 'command' && body.value.kind.case === kind).map(({ body }) => body.value.kind.value);
  }
}

class FakeTrack extends EventTarget {
  readyState = 'live';
  enabled = true;
  constructor(kind, deviceId = '') { super(); Object.assign(this, { kind, deviceId }); }
  stop() { this.readyState = 'ended'; }
  /** As the browser does when the device is pulled out. */
  end() { this.stop(); this.dispatchEvent(new Event('ended')); }
  getSettings() { return { height: 720 }; }
}

class FakeStream {
  constructor(tracks = []) { this.tracks = [...tracks]; this.id = crypto.randomUUID(); }
  getTracks() { return [...this.tracks]; }
  addTrack(track) { this.tracks.push(track); }
  removeTrack(track) { this.tracks = this.tracks.filter((other) => other !== track); }
  getAudioTracks() { return this.tracks.filter(({ kind }) => kind === 'audio'); }
  getVideoTracks() { return this.tracks.filter(({ kind }) => kind === 'video'); }
}

export class FakePeer extends EventTarget {
  static opened = [];
  connectionState = 'new';
  signalingState = 'stable';
  /** What is sent on each m-line, in their order: microphone, camera, screen. */
  senders = [];
  constructor() { super(); FakePeer.opened.push(this); }
  addTransceiver(kind) {
    const mid = String(this.senders.length);
    const sender = {
      track: null, parameters: { encodings: [{}] },
      async replaceTrack(track) { this.track = track; },
      getParameters() { return structuredClone(this.parameters); },
      async setParameters(parameters) { this.parameters = parameters; },
    };
    this.senders.push(sender);
    return { mid, receiver: { track: new FakeTrack(kind) }, sender, setCodecPreferences() {} };
  }
  async createOffer() { return { type: 'offer', sdp: 'v=0' }; }
  async setLocalDescription(offer) { this.localDescription = offer; this.signalingState = 'have-local-offer'; }
  async setRemoteDescription() { this.signalingState = 'stable'; }
  async getStats() { return new Map(); }
  close() { this.signalingState = 'closed'; this.connectionState = 'closed'; }
}

/** Puts a browser's worth of globals in place, with these devices. */
export function browser(...devices) {
  const capabilities = { getCapabilities: () => ({ codecs: [] }) };
  Object.assign(globalThis, {
    WebSocket: FakeSocket, RTCPeerConnection: FakePeer, MediaStream: FakeStream,
    RTCRtpSender: capabilities, RTCRtpReceiver: capabilities,
  });
  FakeSocket.opened = [];
  FakePeer.opened = [];
  return plugIn(devices);
}

export const voice = () => new FakeStream([new FakeTrack('audio')]);
export const picture = () => new FakeStream([new FakeTrack('video')]);

/** Gives the page devices, `{ kind, deviceId, label }`, and returns what it opened of them. */
function plugIn(devices) {
  const opened = [];
  const open = (kind, deviceId) => {
    const track = new FakeTrack(kind, deviceId);
    opened.push(track);
    return track;
  };
  const mediaDevices = Object.assign(new EventTarget(), {
    devices, failure: '',
    async enumerateDevices() { return this.devices.map((device) => ({ groupId: device.deviceId, ...device })); },
    async getUserMedia(query) {
      if (this.failure) throw new DOMException('refused', this.failure);
      const wanted = query.audio?.deviceId?.exact;
      if (wanted && !this.devices.some(({ deviceId }) => deviceId === wanted)) throw new DOMException('gone', 'OverconstrainedError');
      return new FakeStream(['audio', 'video'].filter((kind) => query[kind]).map((kind) => open(kind, query[kind].deviceId?.exact ?? 'any')));
    },
    async getDisplayMedia() { return new FakeStream([open('video', 'screen')]); },
    change(...next) {
      this.devices = next;
      this.dispatchEvent(new Event('devicechange'));
    },
  });
  Object.defineProperty(globalThis, 'navigator', { value: { mediaDevices }, configurable: true });
  return { opened, mediaDevices };
}

/** Asks until it is so. */
export async function until(what, holds) {
  for (let count = 0; count < 400; count += 1) {
    const found = holds();
    if (found) return found;
    await new Promise((resolve) => { setTimeout(resolve, 5); });
  }
  throw new Error(`not in time: ${what}`);
}

/** A client with an agent, the socket that the exchange sits behind, and the devices. */
export async function agent({ kind = 'createCallAgent', rawId = ALICE, tokens = ['token'], devices = [] } = {}) {
  const plugged = browser(...devices);
  const client = new pkg.CallClient({ endpoint: 'https://exchange.example' });
  let asked = 0;
  const credential = { getToken: async () => ({ token: tokens[Math.min(asked++, tokens.length - 1)], expiresOnTimestamp: 0 }) };
  const opening = client[kind](credential, { displayName: 'Ada' });
  opening.catch(() => {});
  const socket = await until('a socket', () => FakeSocket.opened[0]);
  await until('hello', () => socket.frames[0]);
  socket.welcome({ identifier: { rawId } });
  return { client, agent: await opening, socket, ...plugged };
}

/** A call that the agent placed and that is connected; `options` are those of its sound, `more` the others. */
export async function connectedCall(scene, options = {}, more = {}) {
  const { socket } = scene;
  const call = scene.agent.startCall([{ microsoftTeamsUserId: BOB.slice(8) }], {
    audioOptions: { localAudioStreams: [new pkg.LocalAudioStream(voice())], ...options }, ...more,
  });
  const placed = await until('placeCall', () => socket.commands('placeCall').at(-1));
  result(socket, placed, { callId: 'call-1', participantId: 'me' });
  const { CallState, ParticipantState } = pkg.wire;
  socket.say({
    case: 'callEvent',
    value: {
      callId: 'call-1', seq: 4n,
      kind: {
        case: 'snapshot',
        value: {
          callId: 'call-1', threadId: '19:thread', participants: [
            { participantId: 'me', identifier: { rawId: ALICE }, callState: CallState.CONNECTED, state: ParticipantState.CONNECTED },
            { participantId: 'bob', identifier: { rawId: BOB }, displayName: 'Bob', state: ParticipantState.CONNECTED },
          ],
        },
      },
    },
  });
  await until('connected', () => call.state === 'Connected');
  return { ...scene, call };
}

export function result(socket, { operationId }, fields = {}) {
  socket.say({ case: 'commandResult', value: { operationId, ...fields } });
}

let seq = 4n;
/** One event of the call after its snapshot. */
export function event(socket, kind, at) {
  seq = at ?? seq + 1n;
  socket.say({ case: 'callEvent', value: { callId: 'call-1', seq, kind } });
}
