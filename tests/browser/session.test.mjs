// The page's session and roster without a browser: frames in, frames out.

import assert from 'node:assert/strict';
import path from 'node:path';
import { mock, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const page = (file) => import(pathToFileURL(path.join(process.env.TRUNKLINE_PAGE_JS, file)));
const { Session } = await page('protocol.js');
const { CallModel } = await page('model.js');

/** A socket whose other end is the test. */
class FakeSocket extends EventTarget {
  static opened = [];
  readyState = 0;
  sent = [];

  constructor(url, protocols) {
    super();
    this.url = url;
    this.protocols = protocols;
    FakeSocket.opened.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  accept() {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }

  give(frame) {
    this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(frame) }));
  }

  breakWith(code) {
    this.readyState = 3;
    const event = new Event('close');
    this.dispatchEvent(Object.assign(event, { code, reason: '' }));
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

function scene(context) {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
  context.after(() => mock.timers.reset());
  FakeSocket.opened = [];
  const asked = [];
  const credential = {
    token: async ({ fresh = false } = {}) => {
      asked.push(fresh);
      return fresh ? 'fresh token' : 'token';
    },
  };
  const session = new Session({ url: 'wss://exchange.test/signaling', credential, displayName: 'Alice', WebSocket: FakeSocket });
  const states = [];
  const frames = [];
  let lost = 0;
  session.addEventListener('state', ({ detail }) => states.push(detail));
  session.addEventListener('frame', ({ detail }) => frames.push(detail));
  session.addEventListener('lost', () => { lost += 1; });
  return { session, asked, states, frames, lost: () => lost };
}

const welcome = (extra = {}) => ({ welcome: { sessionId: 's1', heartbeatSeconds: 15, resumeSeconds: 120, ...extra } });

async function connect({ session }, extra) {
  session.open();
  await settle();
  const socket = FakeSocket.opened.at(-1);
  socket.accept();
  socket.give(welcome(extra));
  return socket;
}

/** Lets the retry timer run out and returns the next socket. */
async function reconnect() {
  const before = FakeSocket.opened.length;
  mock.timers.tick(10_000);
  await settle();
  assert.equal(FakeSocket.opened.length, before + 1, 'connects again');
  const socket = FakeSocket.opened.at(-1);
  socket.accept();
  return socket;
}

test('the token goes into the first frame and not into the address', async (context) => {
  const stage = scene(context);
  const socket = await connect(stage);
  assert.equal(socket.url, 'wss://exchange.test/signaling');
  assert.deepEqual(socket.protocols, ['trunkline.v1.json']);
  assert.equal(socket.sent[0].hello.token, 'token');
  assert.equal(socket.sent[0].hello.resume, undefined);
  assert.deepEqual(stage.states, ['connecting', 'open']);
});

test('a command resolves with its result and rejects with its error', async (context) => {
  const stage = scene(context);
  const socket = await connect(stage);
  const placed = stage.session.command('placeCall', { targets: ['bob'] });
  const held = stage.session.command('hold', { callId: 'c' });
  const [, first, second] = socket.sent;
  assert.deepEqual([first.seq, second.seq], ['1', '2']);
  socket.give({ seq: '1', ack: '2', commandResult: { operationId: second.command.hold.operationId, error: { code: 'wrong_state', message: 'not now' } } });
  socket.give({ seq: '2', commandResult: { operationId: first.command.placeCall.operationId, callId: 'c' } });
  assert.equal((await placed).callId, 'c');
  await assert.rejects(held, { name: 'CommandError', code: 'wrong_state' });
});

test('what was not acknowledged is sent again after a resume, in order and once', async (context) => {
  const stage = scene(context);
  const socket = await connect(stage);
  for (const kind of ['mute', 'unmute', 'hold']) stage.session.command(kind, { callId: 'c' }).catch(() => {});
  socket.give({ seq: '1', ack: '1', callEvent: { callId: 'c', seq: '7' } });
  socket.breakWith(1006);
  stage.session.command('resume', { callId: 'c' }).catch(() => {});
  const again = await reconnect();
  assert.deepEqual(again.sent[0].hello.resume, { sessionId: 's1', lastSeq: '1' });
  again.give(welcome({ resumed: true, lastSeq: '2' }));
  assert.deepEqual(again.sent.slice(1).map(({ seq, command }) => [seq, Object.keys(command)[0]]), [['3', 'hold'], ['4', 'resume']]);
  assert.equal(stage.lost(), 0);
  assert.deepEqual(stage.states, ['connecting', 'open', 'reconnecting', 'open']);
});

test('a frame seen before is dropped and a gap breaks the connection', async (context) => {
  const stage = scene(context);
  const socket = await connect(stage);
  socket.give({ seq: '1', callEvent: { callId: 'c', seq: '1' } });
  socket.give({ seq: '1', callEvent: { callId: 'c', seq: '1' } });
  assert.equal(stage.frames.length, 1);
  socket.give({ seq: '3', callEvent: { callId: 'c', seq: '3' } });
  assert.equal(stage.frames.length, 1);
  const again = await reconnect();
  assert.equal(again.sent[0].hello.resume.lastSeq, '1');
});

test('received frames are acknowledged within a moment', async (context) => {
  const stage = scene(context);
  const socket = await connect(stage);
  socket.give({ seq: '1', callEvent: { callId: 'c', seq: '1' } });
  socket.give({ seq: '2', callEvent: { callId: 'c', seq: '2' } });
  mock.timers.tick(250);
  assert.deepEqual(socket.sent.slice(1), [{ ack: '2' }]);
});

test('a refused token is replaced and the session starts anew', async (context) => {
  const stage = scene(context);
  const socket = await connect(stage);
  const waiting = stage.session.command('mute', { callId: 'c' });
  socket.breakWith(4401);
  await assert.rejects(waiting, { code: 'session_lost' });
  assert.equal(stage.lost(), 1);
  const again = await reconnect();
  assert.equal(again.sent[0].hello.token, 'fresh token');
  assert.equal(again.sent[0].hello.resume, undefined);
});

test('a session that the exchange forgot is given up once and opened anew', async (context) => {
  const stage = scene(context);
  const socket = await connect(stage);
  socket.give({ seq: '1', callEvent: { callId: 'c', seq: '1' } });
  socket.breakWith(1006);
  const again = await reconnect();
  again.breakWith(4404);
  assert.equal(stage.lost(), 1);
  const fresh = await reconnect();
  assert.equal(fresh.sent[0].hello.resume, undefined);
  fresh.give(welcome({ sessionId: 's2' }));
  fresh.give({ seq: '1', callEvent: { callId: 'd', seq: '1' } });
  assert.equal(stage.frames.length, 2);
  assert.equal(stage.lost(), 1);
});

test('a takeover ends the session for good', async (context) => {
  const stage = scene(context);
  const socket = await connect(stage);
  socket.breakWith(4409);
  assert.equal(stage.session.state, 'closed');
  mock.timers.tick(600_000);
  await settle();
  assert.equal(FakeSocket.opened.length, 1);
  await assert.rejects(stage.session.command('mute'), { code: 'session_closed' });
});

test('silence is answered by a ping and then by a new connection', async (context) => {
  const stage = scene(context);
  const socket = await connect(stage);
  mock.timers.tick(20_000);
  assert.ok(socket.sent.some(({ ping }) => ping), 'asks after one heartbeat');
  mock.timers.tick(15_000);
  assert.equal(stage.session.state, 'reconnecting');
});

test('a ping is answered with its nonce', async (context) => {
  const stage = scene(context);
  const socket = await connect(stage);
  socket.give({ ping: { nonce: '18446744073709551615' } });
  assert.equal(socket.sent.at(-1).pong.nonce, '18446744073709551615');
});

test('an expiring token is refreshed without a break', async (context) => {
  const stage = scene(context);
  const socket = await connect(stage);
  socket.give({ seq: '1', tokenExpiring: { expiresOn: '2030-01-01T00:00:00Z' } });
  await settle();
  assert.deepEqual(stage.asked, [false, true]);
  assert.equal(socket.sent.at(-1).refreshToken.token, 'fresh token');
});

const participant = (id, extra = {}) => ({
  participantId: id,
  identifier: { rawId: `8:orgid:${id}` },
  displayName: id,
  state: 'PARTICIPANT_STATE_CONNECTED',
  callState: 'CALL_STATE_CONNECTED',
  ...extra,
});

test('the roster follows the events and notices duplicates and gaps', () => {
  const model = new CallModel();
  model.ownId = 'alice';
  assert.equal(model.apply({ seq: '4', snapshot: { participants: [participant('alice'), participant('bob')] } }), 'applied');
  assert.equal(model.apply({ seq: '4', participantRemoved: { participantId: 'bob' } }), 'duplicate');
  assert.equal(model.apply({ seq: '6', participantRemoved: { participantId: 'bob' } }), 'gap');
  assert.deepEqual(model.others.map(({ id }) => id), ['bob']);
  assert.equal(model.apply({
    seq: '5',
    callStateChanged: { participantId: 'bob', previous: 'CALL_STATE_CONNECTED', state: 'CALL_STATE_LOCAL_HOLD', participantState: 'PARTICIPANT_STATE_HOLD' },
  }), 'applied');
  assert.equal(model.participants.get('bob').callState, 'LocalHold');
  assert.equal(model.participants.get('bob').state, 'Hold');
  assert.equal(model.apply({ seq: '6', speakingChanged: { changes: [{ participantId: 'bob', isSpeaking: true }] } }), 'applied');
  assert.equal(model.participants.get('bob').isSpeaking, true);
  assert.equal(model.apply({ seq: '7', participantUpdated: { participant: participant('bob', { isMuted: true }) } }), 'applied');
  assert.equal(model.participants.get('bob').isMuted, true);
  assert.equal(model.apply({ seq: '8', participantRemoved: { participantId: 'bob' } }), 'applied');
  assert.equal(model.others.length, 0);
  assert.equal(model.nameOf('bob'), 'bob');
  assert.equal(model.apply({ seq: '9', callEnded: { reason: { subCode: 4097 } } }), 'applied');
  assert.deepEqual(model.endReason, { subCode: 4097 });
});

test('a call whose first event is its beginning needs no snapshot', () => {
  const model = new CallModel();
  assert.equal(model.apply({ seq: '1', callStarted: { kind: 'CALL_KIND_GROUP' } }), 'applied');
  assert.equal(model.kind, 'Group');
  assert.equal(model.apply({ seq: '2', participantAdded: { participant: participant('alice') } }), 'applied');
  assert.equal(model.participants.size, 1);
  const late = new CallModel();
  assert.equal(late.apply({ seq: '5', participantAdded: { participant: participant('alice') } }), 'gap');
});
