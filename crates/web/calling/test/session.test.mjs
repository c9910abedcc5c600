// The session and the objects over it, against an exchange that is a script.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { agent, ALICE, BOB, connectedCall, event, FakeSocket, pkg, result, until, browser } from './scene.mjs';

const { CallState, ParticipantState } = pkg.wire;

test('hello carries token and name, and commands are numbered from one', async () => {
  const { agent: own, socket } = await agent();
  assert.deepEqual([socket.url, socket.protocols], ['wss://exchange.example/signaling', ['trunkline.v1.proto']]);
  assert.equal(socket.frames[0].body.value.token, 'token');
  assert.equal(socket.frames[0].body.value.displayName, 'Ada');
  assert.equal(own.connectionState, 'Connected');
  own.join({ groupId: crypto.randomUUID() }, { audioOptions: { muted: true } });
  await until('join', () => socket.commands('joinCall').length === 1);
  assert.equal(socket.frames.find(({ body }) => body.case === 'command').seq, 1n);
  await own.dispose();
});

test('a token that is refused twice rejects with its code', async () => {
  browser();
  const client = new pkg.CallClient({ endpoint: 'https://exchange.example' });
  const opening = client.createCallAgent({ getToken: async () => ({ token: 'bad', expiresOnTimestamp: 0 }) });
  const refused = assert.rejects(opening, (error) => error instanceof Error && error.code === 401 && typeof error.subCode === 'number');
  (await until('first', () => FakeSocket.opened[0])).break(4401);
  (await until('second', () => FakeSocket.opened[1])).break(4401);
  await refused;
});

test('a directory agent needs a token of a directory user', async () => {
  await assert.rejects(agent({ kind: 'createTeamsCallAgent', rawId: ALICE }), { code: 403 });
  const { agent: own } = await agent({ kind: 'createTeamsCallAgent', rawId: BOB });
  assert.equal(own.kind, 'TeamsCallAgent');
  assert.throws(() => own.startCall([{ microsoftTeamsUserId: 'a' }, { microsoftTeamsUserId: 'b' }]), { code: 400 });
  await own.dispose();
});

test('a broken socket is resumed, and what was not taken is sent again', async () => {
  const scene = await connectedCall(await agent());
  const muted = scene.call.mute();
  const { operationId } = await until('mute', () => scene.socket.commands('mute')[0]);
  scene.socket.break(1006);
  assert.equal(scene.agent.connectionState, 'Disconnected');
  assert.equal(scene.call.state, 'Connected');
  const next = await until('another socket', () => FakeSocket.opened[1]);
  await until('hello', () => next.frames[0]);
  assert.equal(next.frames[0].body.value.resume.sessionId, 'session');
  assert.equal(next.frames[0].body.value.resume.lastSeq, scene.socket.seq);
  next.seq = scene.socket.seq;
  next.welcome({ resumed: true, lastSeq: scene.socket.frames.find(({ body }) => body.value?.kind?.case === 'placeCall').seq });
  const again = await until('mute again', () => next.commands('mute')[0]);
  assert.equal(again.operationId, operationId);
  result(next, again);
  await muted;
  assert.equal(scene.call.isMuted, true);
  scene.call.hangUp();
  await answerHangUp(next);
  await scene.agent.dispose();
});

test('a session that the exchange forgot ends its calls with words', async () => {
  const scene = await connectedCall(await agent());
  const removed = new Promise((resolve) => { scene.agent.on('callsUpdated', (update) => { if (update.removed.length > 0) resolve(update.removed[0]); }); });
  scene.socket.break(4404);
  assert.equal(await removed, scene.call);
  assert.deepEqual([scene.call.state, scene.call.callEndReason.code, scene.call.callEndReason.subCode], ['Disconnected', 496, 7]);
  assert.match(scene.call.callEndReason.message, /does not know of the call/);
  scene.agent.dispose();
});

test('a session that ends with its token says so as the reason of its calls', async () => {
  const scene = await connectedCall(await agent());
  scene.socket.break(4401);
  assert.deepEqual([scene.call.state, scene.call.callEndReason.code], ['Disconnected', 401]);
  assert.match(scene.call.callEndReason.message, /token expired or was revoked/);
  scene.agent.dispose();
});

test('a token that runs out is replaced by another, not by itself', async () => {
  const { agent: own, socket } = await agent({ tokens: ['first', 'second'] });
  socket.say({ case: 'tokenExpiring', value: { expiresOn: { seconds: BigInt(Math.floor(Date.now() / 1000) + 60) } } });
  const frame = await until('a new token', () => socket.frames.find(({ body }) => body.case === 'refreshToken'));
  assert.equal(frame.body.value.token, 'second');
  await own.dispose();
});

test('starting is synchronous, and events come in their order', async () => {
  const scene = await agent();
  const told = [];
  scene.agent.on('callsUpdated', ({ added, removed }) => told.push(`added ${added.length} removed ${removed.length}`));
  const call = scene.agent.startCall([BOB], { audioOptions: { muted: true } });
  const provisional = call.id;
  call.on('stateChanged', () => told.push(call.state));
  call.on('idChanged', () => told.push(`id ${call.id}`));
  assert.deepEqual([call.state, told.length], ['None', 0]);
  const placed = await until('placeCall', () => scene.socket.commands('placeCall')[0]);
  assert.deepEqual(placed.targets, [BOB]);
  result(scene.socket, placed, {
    error: { code: 'callee_unreachable', message: 'nobody is there', reason: { code: 480, subCode: 10037, meaning: 'nobody is there' } },
  });
  await until('over', () => call.state === 'Disconnected');
  assert.deepEqual(told, ['added 1 removed 0', 'Connecting', 'Disconnecting', 'Disconnected', 'added 0 removed 1']);
  assert.equal(call.id, provisional);
  assert.deepEqual([call.callEndReason.code, call.callEndReason.subCode, call.callEndReason.message], [480, 10037, 'nobody is there']);
  await scene.agent.dispose();
});

test('the roster follows its events, and a gap asks for a snapshot', async () => {
  const { call, socket, agent: own } = await connectedCall(await agent());
  const [bob] = call.remoteParticipants;
  assert.deepEqual([bob.displayName, bob.identifier.kind, bob.state, call.info.threadId], ['Bob', 'microsoftTeamsUser', 'Connected', '19:thread']);
  event(socket, { case: 'speakingChanged', value: { changes: [{ participantId: 'bob', isSpeaking: true }] } }, 5n);
  assert.equal(bob.isSpeaking, true);
  const before = call.remoteParticipants;
  event(socket, { case: 'participantUpdated', value: { participant: { participantId: 'bob', identifier: { rawId: BOB }, displayName: 'Bob', state: ParticipantState.CONNECTED, isVideoOn: true } } }, 6n);
  assert.deepEqual([bob.videoStreams.length, bob.videoStreams[0].isAvailable, call.remoteParticipants === before], [1, true, true]);
  const [stream] = bob.videoStreams;
  event(socket, { case: 'participantUpdated', value: { participant: { participantId: 'bob', identifier: { rawId: BOB }, displayName: 'Bob', state: ParticipantState.CONNECTED } } }, 7n);
  assert.deepEqual([stream.isAvailable, bob.videoStreams[0] === stream], [false, true]);
  event(socket, { case: 'participantRemoved', value: { participantId: 'bob' } }, 9n);
  await until('snapshot asked for', () => socket.commands('getSnapshot').length === 1);
  assert.equal(call.remoteParticipants.length, 1);
  event(socket, { case: 'snapshot', value: { callId: 'call-1', participants: [{ participantId: 'me', callState: CallState.CONNECTED }] } }, 9n);
  assert.deepEqual([call.remoteParticipants.length, bob.state], [0, 'Disconnected']);
  call.hangUp();
  await answerHangUp(socket);
  await until('over', () => call.state === 'Disconnected');
  await own.dispose();
});

test('being muted by others is told; muting oneself is not told twice', async () => {
  const { call, socket, agent: own } = await connectedCall(await agent());
  const told = [];
  call.on('isMutedChanged', () => told.push(call.isMuted));
  call.on('mutedByOthers', () => told.push('by others'));
  const me = (isMuted) => ({ case: 'participantUpdated', value: { participant: { participantId: 'me', isMuted, callState: CallState.CONNECTED } } });
  const muted = call.mute();
  result(socket, await until('mute', () => socket.commands('mute')[0]));
  await muted;
  event(socket, me(true), 5n);
  const unmuted = call.unmute();
  result(socket, await until('unmute', () => socket.commands('unmute')[0]));
  await unmuted;
  event(socket, me(false), 6n);
  event(socket, me(true), 7n);
  assert.deepEqual(told, [true, false, true, 'by others']);
  call.hangUp();
  await answerHangUp(socket);
  await own.dispose();
});

test('who enters the lobby by a change of state is in its list', async () => {
  const scene = await connectedCall(await agent());
  event(scene.socket, { case: 'participantStateChanged', value: { participantId: 'bob', state: pkg.wire.ParticipantState.IN_LOBBY } }, 5n);
  assert.deepEqual(scene.call.lobby.participants.map(({ displayName }) => displayName), ['Bob']);
  event(scene.socket, { case: 'participantStateChanged', value: { participantId: 'bob', state: pkg.wire.ParticipantState.CONNECTED } }, 6n);
  assert.deepEqual(scene.call.lobby.participants, []);
  scene.agent.dispose();
});

test('a call rings in both shapes, and is accepted once', async () => {
  const { agent: own, socket } = await agent();
  let args;
  own.on('incomingCall', (found) => { args = found; });
  socket.say({ case: 'incomingCall', value: { callId: 'call-1', caller: { rawId: BOB }, callerDisplayName: 'Bob', participantId: 'me' } });
  assert.equal(args.incomingCall, args.teamsIncomingCall);
  assert.equal(args.incomingCall.callerInfo.displayName, 'Bob');
  let ended;
  args.incomingCall.on('callEnded', (found) => { ended = found; });
  socket.say({ case: 'incomingCallEnded', value: { callId: 'call-1', reason: { code: 487, subCode: 10003, meaning: 'accepted elsewhere' } } });
  assert.equal(ended.callEndReason.code, 487);
  await assert.rejects(args.incomingCall.accept(), { code: 409 });
  await own.dispose();
});

test('what the exchange has not is refused with its own kind of error', async () => {
  const { call, socket, agent: own } = await connectedCall(await agent());
  const { Features, NotSupportedError } = pkg;
  await assert.rejects(call.sendDtmf('Num1'), NotSupportedError);
  await assert.rejects(call.feature(Features.RaiseHand).raiseHand(), NotSupportedError);
  await assert.rejects(call.feature(Features.Captions).captions.startCaptions(), NotSupportedError);
  assert.equal(call.feature(Features.Capabilities), call.feature(Features.Capabilities));
  assert.equal(Object.keys(call.feature(Features.Capabilities).capabilities).length, 25);
  const transfer = call.feature(Features.Transfer).transfer({ targetCallId: 'another' });
  assert.equal(transfer.state, 'None');
  await until('failed', () => transfer.state === 'Failed');
  assert.equal(transfer.error.code, 501);
  call.hangUp();
  await answerHangUp(socket);
  await own.dispose();
});

test('a transfer is told from its beginning to one end, here and to whoever stays', async () => {
  const { call, socket, agent: own } = await connectedCall(await agent());
  const { Features } = pkg;
  const { TransferState } = pkg.wire;
  const feature = call.feature(Features.Transfer);
  const accepted = [];
  feature.on('transferAccepted', ({ targetCall }) => accepted.push(targetCall));
  const changed = (value) => ({ case: 'transferStateChanged', value: { transferorId: 'me', targetId: 'cid', ...value } });
  const begin = (name) => {
    const transfer = feature.transfer({ targetParticipant: { communicationUserId: name } });
    const states = [transfer.state];
    transfer.on('stateChanged', () => states.push(transfer.state));
    return { transfer, states };
  };

  const refused = begin('8:acs:cid');
  const request = await until('transferCall', () => socket.commands('transferCall')[0]);
  assert.equal(request.target, '8:acs:cid');
  result(socket, request, { error: { code: 'policy', message: 'no', reason: { code: 403, subCode: 5222 } } });
  await until('refused', () => refused.transfer.state === 'Failed');
  assert.deepEqual([refused.transfer.error.code, refused.transfer.error.subCode], [403, 5222]);
  assert.deepEqual(refused.states, ['None', 'Transferring', 'Failed']);

  const declined = begin('8:acs:cid');
  result(socket, await until('the second', () => socket.commands('transferCall')[1]), { addedParticipantId: 'cid' });
  event(socket, changed({ state: TransferState.TRANSFERRING }), 5n);
  event(socket, changed({ state: TransferState.FAILED, reason: { code: 603, subCode: 0, meaning: 'declined' } }), 6n);
  await until('declined', () => declined.transfer.state === 'Failed');
  assert.equal(declined.transfer.error.code, 603);
  assert.equal(call.state, 'Connected');

  event(socket, { ...changed({ state: TransferState.ACCEPTED }), value: { transferorId: 'bob', targetId: 'cid', state: TransferState.ACCEPTED } }, 7n);
  assert.deepEqual(accepted, [call]);

  const done = begin('8:acs:cid');
  result(socket, await until('the third', () => socket.commands('transferCall')[2]), { addedParticipantId: 'cid' });
  event(socket, changed({ state: TransferState.TRANSFERRING }), 8n);
  event(socket, changed({ state: TransferState.ACCEPTED }), 9n);
  event(socket, { case: 'callStateChanged', value: { participantId: 'me', state: CallState.DISCONNECTED, reason: { code: 200, subCode: 7015, meaning: 'transferred' } } }, 10n);
  await until('over', () => call.state === 'Disconnected');
  assert.deepEqual([done.transfer.state, done.transfer.error, accepted.length], ['Transferred', undefined, 1]);
  assert.deepEqual([call.callEndReason.code, call.callEndReason.subCode], [200, 7015]);
  await own.dispose();
});

test('in a meeting, hands, spotlight, roles and the lobby follow', async () => {
  const { call, socket, agent: own } = await connectedCall(await agent());
  const { Features } = pkg;
  const told = [];
  const hands = call.feature(Features.RaiseHand);
  hands.on('raisedHandEvent', ({ identifier }) => told.push(`up ${identifier.rawId}`));
  hands.on('loweredHandEvent', ({ identifier }) => told.push(`down ${identifier.rawId}`));
  call.feature(Features.Reaction).on('reaction', ({ reactionMessage }) => told.push(reactionMessage.reactionType));
  call.lobby.on('lobbyParticipantsUpdated', ({ added, removed }) => told.push(`lobby +${added.length} -${removed.length}`));
  const say = (kind) => socket.say({ case: 'meetingEvent', value: { meetingId: 'm', callId: 'call-1', seq: 1n, kind } });
  const bob = { participantId: 'bob', identifier: { rawId: BOB }, displayName: 'Bob', role: 4 };
  say({ case: 'snapshot', value: { meetingId: 'm', attendees: [{ participantId: 'me', identifier: { rawId: ALICE }, role: 1 }, bob] } });
  assert.deepEqual([call.role, call.remoteParticipants[0].role], ['Organizer', 'Attendee']);
  assert.equal(call.feature(Features.Capabilities).capabilities.manageLobby.isPresent, true);
  say({ case: 'attendeeChanged', value: { ...bob, hasRaisedHand: true } });
  say({ case: 'attendeeChanged', value: bob });
  say({ case: 'reacted', value: { participantId: 'bob', kind: 2 } });
  say({ case: 'lobbyEntered', value: { participantId: 'cid', identifier: { rawId: '8:acs:r_c' }, displayName: 'Cid', isWaiting: true } });
  assert.deepEqual(call.lobby.participants.map(({ displayName, state }) => [displayName, state]), [['Cid', 'InLobby']]);
  const admitted = call.lobby.admit(call.lobby.participants[0].identifier);
  const act = await until('admit', () => socket.commands('actInMeeting')[0]);
  assert.deepEqual([act.action.kind.case, act.action.kind.value.participant], ['admit', '8:acs:r_c']);
  result(socket, act);
  await admitted;
  say({ case: 'lobbyLeft', value: { participantId: 'cid' } });
  say({ case: 'spotlightChanged', value: { participantIds: ['bob'] } });
  assert.equal(call.feature(Features.Spotlight).getSpotlightedParticipants()[0].identifier.rawId, BOB);
  assert.deepEqual(told, [`up ${BOB}`, `down ${BOB}`, 'heart', 'lobby +1 -0', 'lobby +0 -1']);
  call.hangUp();
  await answerHangUp(socket);
  await own.dispose();
});

async function answerHangUp(socket) {
  const asked = await until('hangUp', () => socket.commands('hangUp').at(-1));
  result(socket, asked);
  event(socket, { case: 'callEnded', value: { reason: { code: 0, subCode: 0, category: 'Success' } } }, 100n);
  socket.say({ case: 'callEvent', value: { callId: 'call-1', seq: 100n, kind: { case: 'snapshot', value: { callId: 'call-1', endReason: { code: 0 } } } } });
}
