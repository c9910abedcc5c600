// What calls and incoming calls tell, and the words that others know them by.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { agent, ALICE, BOB, browser, connectedCall, event, pkg, result, until, voice } from './scene.mjs';

const { CallClient, Features, LocalAudioStream } = pkg;
const sound = () => ({ audioOptions: { localAudioStreams: [new LocalAudioStream(voice())] } });

/** A call that rings, with what it told and what the list of calls was at that time. */
async function ring(scene) {
  let incoming;
  const told = [];
  scene.agent.on('incomingCall', ({ incomingCall }) => { incoming = incomingCall; });
  scene.agent.on('callsUpdated', ({ added, removed }) => told.push(`+${added.length} -${removed.length}`));
  scene.socket.say({ case: 'incomingCall', value: { callId: 'call-1', caller: { rawId: BOB }, callerDisplayName: 'Bob', participantId: 'me' } });
  incoming.on('callEnded', ({ callEndReason }) => told.push(`ended ${callEndReason.code}`));
  return { incoming, told };
}

test('an incoming call that was accepted ends with the call, with its reason, before the list is shorter', async () => {
  const scene = await agent();
  const { incoming, told } = await ring(scene);
  const accepting = incoming.accept(sound());
  result(scene.socket, await until('acceptCall', () => scene.socket.commands('acceptCall')[0]), { callId: 'call-1', participantId: 'me' });
  const call = await accepting;
  // Somebody who subscribes only now is told as well.
  incoming.on('callEnded', () => told.push(`late ${incoming.callEndReason.code}`));
  scene.socket.say({ case: 'incomingCallEnded', value: { callId: 'call-1', reason: { code: 487, subCode: 10003 } } });
  assert.deepEqual([told, incoming.callEndReason], [['+1 -0'], undefined], 'that the others stop ringing is not its end');
  event(scene.socket, { case: 'callEnded', value: { reason: { code: 0, subCode: 5003 } } }, 1n);
  assert.equal(call.state, 'Disconnected');
  assert.deepEqual(told, ['+1 -0', 'ended 0', 'late 0', '+0 -1']);
  assert.equal(incoming.callEndReason, call.callEndReason);
  await scene.agent.dispose();
});

test('an incoming call that the exchange no longer lets anybody accept ends with the reason of that', async () => {
  const scene = await agent();
  const { incoming, told } = await ring(scene);
  const accepting = incoming.accept(sound());
  result(scene.socket, await until('acceptCall', () => scene.socket.commands('acceptCall')[0]), {
    error: { code: 'gone', message: 'somebody else took it', reason: { code: 487, subCode: 10003 } },
  });
  await assert.rejects(accepting, { code: 487 });
  assert.deepEqual(told, ['+1 -0', 'ended 487', '+0 -1']);
  await scene.agent.dispose();
});

test('what is asked of a call before the exchange has named it waits for the name', async () => {
  const { agent: own, socket } = await agent();
  const call = own.startCall([BOB], sound());
  const provisional = call.id;
  const added = call.addParticipant('8:acs:cid');
  const muting = call.muteAllRemoteParticipants();
  const placed = await until('placeCall', () => socket.commands('placeCall')[0]);
  assert.deepEqual(socket.frames.filter(({ body }) => body.case === 'command').length, 1, 'nothing else is asked yet');
  result(socket, placed, { callId: 'call-1', participantId: 'me' });
  const [add, mute] = await until('both', () => {
    const found = [...socket.commands('addParticipant'), ...socket.commands('muteAllParticipants')];
    return found.length === 2 && found;
  });
  assert.deepEqual([add.callId, mute.callId, call.id, provisional === 'call-1'], ['call-1', 'call-1', 'call-1', false]);
  result(socket, add, { addedParticipantId: 'cid' });
  result(socket, mute);
  await muting;
  assert.equal(added.state, 'Connecting');
  socket.break(4404);
  await own.dispose();
});

test('what is asked of a call that does not come about is refused with it', async () => {
  const { agent: own, socket } = await agent();
  const call = own.startCall([BOB], sound());
  const added = call.addParticipant('8:acs:cid');
  const muted = assert.rejects(call.muteAllRemoteParticipants(), { code: 409 });
  result(socket, await until('placeCall', () => socket.commands('placeCall')[0]), { error: { code: 'no', message: 'no', reason: { code: 480 } } });
  await muted;
  assert.deepEqual([added.state, added.callEndReason.code, socket.commands('addParticipant').length], ['Disconnected', 480, 0]);
  await own.dispose();
});

test('a name that changes is told with the one before', async () => {
  const { call, socket, agent: own } = await connectedCall(await agent());
  const told = [];
  call.remoteParticipants[0].on('displayNameChanged', ({ newValue, oldValue }) => told.push([oldValue, newValue]));
  event(socket, { case: 'participantUpdated', value: { participant: { participantId: 'bob', identifier: { rawId: BOB }, displayName: 'Robert' } } }, 5n);
  assert.deepEqual(told, [['Bob', 'Robert']]);
  socket.break(4404);
  await own.dispose();
});

test('captions that are fed are shown as such until they are stopped, though the exchange starts none', async () => {
  const { call, socket, agent: own } = await connectedCall(await agent());
  const { captions } = call.feature(Features.Captions);
  const told = [];
  captions.on('CaptionsActiveChanged', () => told.push(captions.isCaptionsFeatureActive));
  captions.on('CaptionsReceived', ({ spokenText }) => told.push(spokenText));
  await assert.rejects(captions.startCaptions(), { code: 501 });
  await captions.stopCaptions();
  for (const spokenText of ['Good', 'Good morning.']) captions.take({ spokenText, resultType: 'Final' });
  await captions.stopCaptions();
  assert.deepEqual(told, [true, 'Good', 'Good morning.', false]);
  socket.break(4404);
  await own.dispose();
});

test('the sentences that composites look for are said', async () => {
  const { call, socket, agent: own } = await connectedCall(await agent());
  assert.throws(() => own.join({ meetingLink: 'no link' }), { message: 'Invalid meeting link', code: 400 });
  const attendees = Array.from({ length: 7 }, (_, index) => ({ participantId: `p${index}`, identifier: { rawId: `8:acs:p${index}` }, role: 4 }));
  const say = (kind) => socket.say({ case: 'meetingEvent', value: { meetingId: 'm', callId: 'call-1', seq: 1n, kind } });
  say({ case: 'snapshot', value: { meetingId: 'm', attendees: [{ participantId: 'me', identifier: { rawId: ALICE }, role: 1 }, ...attendees] } });
  const spotlight = call.feature(Features.Spotlight);
  say({ case: 'spotlightChanged', value: { participantIds: attendees.map(({ participantId }) => participantId) } });
  const refused = { message: 'startSpotlight failed. 7 is the max number of participants that can be Spotlighted' };
  await assert.rejects(spotlight.startSpotlight(), refused);
  await assert.rejects(spotlight.startSpotlight(['8:acs:p1', '8:acs:other']), refused);
  assert.equal(socket.commands('actInMeeting').length, 0);
  // Whoever is shown already is no one more.
  const started = spotlight.startSpotlight(['8:acs:p1']);
  result(socket, await until('spotlight', () => socket.commands('actInMeeting')[0]));
  await started;
  socket.break(4404);
  await own.dispose();
});

test('the browser and its system have the names by which help is chosen', async () => {
  const mac = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15';
  const cases = [
    [mac, ['safari', '17.4', 'mac']],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.1.2', ['edge', '142.0.1.2', 'windows']],
    ['Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36', ['chrome', '142.0.0.0', 'android']],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1', ['safari', '17.4', 'ios']],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', ['firefox', '140.0', 'linux']],
    ['', ['unknown', '', 'unknown']],
  ];
  const { mediaDevices } = browser();
  for (const [userAgent, expected] of cases) {
    Object.defineProperty(globalThis, 'navigator', { value: { mediaDevices, userAgent }, configurable: true });
    const { environment } = await new CallClient().feature(Features.DebugInfo).getEnvironmentInfo();
    assert.deepEqual([environment.browser, environment.browserVersion, environment.platform], expected);
  }
});
