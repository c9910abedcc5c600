// What is sent and received: whose tracks are whose, which device sends, what the diagnostics say of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { agent, BOB, browser, connectedCall, event, FakePeer, picture, pkg, result, until, voice } from './scene.mjs';

const { LocalAudioStream, LocalVideoStream, Features } = pkg;
const { ParticipantState, StreamKind } = pkg.wire;
const CAMERA = { name: 'Front', id: 'camera:front', deviceType: 'UsbCamera' };
const BACK = { name: 'Back', id: 'camera:back', deviceType: 'UsbCamera' };
const headset = { kind: 'audioinput', deviceId: 'headset', label: 'Headset' };
const built = { kind: 'audioinput', deviceId: 'built-in', label: 'Built in' };
const states = (tracks) => tracks.map(({ deviceId, readyState }) => `${deviceId} ${readyState}`).join(', ');
const [MICROPHONE, VIDEO, SCREEN] = [0, 1, 2];
const sent = (line) => FakePeer.opened.at(-1).senders[line].track;

/** Starts a video, with the exchange's word for it. */
async function startVideo({ call, socket }, stream) {
  const count = socket.commands('startVideo').length;
  const started = call.startVideo(stream);
  result(socket, await until('startVideo', () => socket.commands('startVideo')[count]));
  await started;
}

/** A call without a microphone of the test's own; `more` are the options of the call. */
const plainCall = async (more) => connectedCall(await agent({ devices: [built, headset] }), { localAudioStreams: [] }, more);

test('a stream of the page stays as it is, and is stopped by nobody but the page', async () => {
  const { opened } = browser();
  const own = picture();
  const stream = new LocalVideoStream(own);
  assert.equal(stream.mediaStreamType, 'RawMedia');
  const [track] = own.getTracks();
  assert.deepEqual((await stream.getMediaStream()).getTracks(), [track]);
  await stream.acquire();
  await stream.switchSource(CAMERA);
  assert.equal(stream.mediaStreamType, 'Video');
  assert.deepEqual([own.getTracks(), track.readyState, stream.track], [[track], 'live', opened[0]]);
  await stream.setMediaStream(own);
  stream.dispose();
  assert.deepEqual([track.readyState, states(opened)], ['live', 'front ended']);
});

test('an effect reads the camera while its own picture is sent; the camera ends with the stream', async () => {
  const { opened } = browser();
  const stream = new LocalVideoStream(CAMERA);
  const told = [];
  stream.on('videoSourceChanged', ({ source }) => told.push(source.deviceType));
  await stream.acquire();
  const original = await stream.getMediaStream();
  const effect = picture();
  await stream.setMediaStream(effect);
  assert.deepEqual([original.getTracks(), stream.track, stream.mediaStreamType], [opened, effect.getTracks()[0], 'RawMedia']);
  assert.equal(states(opened), 'front live');
  await stream.switchSource(BACK);
  assert.equal(states(opened), 'front ended, back live');
  assert.deepEqual([stream.track, effect.getTracks()[0].readyState, told.join()], [opened[1], 'live', 'Virtual,UsbCamera']);
  stream.release();
  assert.equal(states(opened), 'front ended, back ended');
});

test('a device that is chosen while another opens is the one', async () => {
  const { opened } = browser();
  const stream = new LocalVideoStream(CAMERA);
  const acquired = stream.acquire();
  await stream.switchSource(BACK);
  await acquired;
  assert.deepEqual([states(opened), stream.track], ['front ended, back live', opened[1]]);
});

test('a stream that is thrown away while it opens closes what it opened', async () => {
  const { opened } = browser();
  const stream = new LocalVideoStream(CAMERA);
  const acquired = stream.acquire();
  stream.dispose();
  await assert.rejects(acquired, { code: 409 });
  assert.equal(states(opened), 'front ended');
});

test('a screen is closed with its sharing, and with the call; the page\'s own is not', async () => {
  const { call, socket, opened, agent: own } = await plainCall();
  const told = [];
  call.on('isScreenSharingOnChanged', () => told.push(call.isScreenSharingOn));
  const share = async (stream) => {
    const count = socket.commands('startScreenShare').length;
    const sharing = call.startScreenSharing(stream);
    result(socket, await until('startScreenShare', () => socket.commands('startScreenShare')[count]));
    await sharing;
  };
  await share();
  const screen = () => opened.filter(({ deviceId }) => deviceId === 'screen');
  assert.deepEqual([sent(SCREEN), call.localVideoStreams[0].mediaStreamType], [screen()[0], 'ScreenSharing']);
  const stopped = call.stopScreenSharing();
  result(socket, await until('stopScreenShare', () => socket.commands('stopScreenShare')[0]));
  await stopped;
  assert.deepEqual([states(screen()), sent(SCREEN), call.localVideoStreams.length], ['screen ended', null, 0]);

  const custom = picture();
  await share(new LocalVideoStream(custom));
  const again = call.stopScreenSharing();
  result(socket, await until('stopScreenShare', () => socket.commands('stopScreenShare')[1]));
  await again;
  assert.equal(custom.getTracks()[0].readyState, 'live');

  await share();
  assert.equal(states(screen()), 'screen ended, screen live');
  socket.break(4404);
  assert.equal(call.state, 'Disconnected');
  assert.equal(states(screen()), 'screen ended, screen ended');
  assert.deepEqual([told, call.isScreenSharingOn], [[true, false, true, false, true, false], false]);
  own.dispose();
});

test('a screen that the exchange refuses is closed', async () => {
  const { call, socket, opened, agent: own } = await plainCall();
  const sharing = call.startScreenSharing();
  result(socket, await until('startScreenShare', () => socket.commands('startScreenShare')[0]), { error: { code: 'policy', message: 'no' } });
  await assert.rejects(sharing, /no/);
  assert.match(states(opened), /screen ended/);
  own.dispose();
});

test('a call that began with whatever microphone there is changes it when another is chosen', async () => {
  const { call, client, opened, mediaDevices, agent: own } = await plainCall();
  const devices = await client.getDeviceManager();
  const [first, second] = await devices.getMicrophones();
  assert.deepEqual([first.isSystemDefault, devices.selectedMicrophone.id], [true, first.id]);
  assert.equal(states(opened), 'any live', 'that the default gets its name is no change');
  await devices.selectMicrophone(second);
  await until('the headset sends', () => sent(MICROPHONE)?.deviceId === 'headset');
  assert.equal(states(opened), 'any ended, headset live');
  await devices.selectMicrophone(first);
  await until('the other sends', () => sent(MICROPHONE)?.deviceId === 'built-in');
  // Pulled out: the next one sends, and the diagnostic is good again.
  const told = [];
  call.feature(Features.UserFacingDiagnostics).media.on('diagnosticChanged', ({ diagnostic, value, valueType }) => told.push([diagnostic, value, valueType]));
  mediaDevices.change(headset);
  opened.at(-1).end();
  await until('the headset sends again', () => sent(MICROPHONE)?.deviceId === 'headset' && sent(MICROPHONE).readyState === 'live');
  await until('told', () => told.length === 2);
  assert.deepEqual(told, [['microphoneNotFunctioning', 3, 'DiagnosticQuality'], ['microphoneNotFunctioning', 1, 'DiagnosticQuality']]);
  own.dispose();
});

test('the one microphone that is pulled out sends again when it is back', async () => {
  const scene = await agent({ devices: [headset] });
  const { opened, mediaDevices } = scene;
  const devices = await scene.client.getDeviceManager();
  await devices.getMicrophones();
  const { call, agent: own } = await connectedCall(scene, { localAudioStreams: [] });
  await until('it sends', () => sent(MICROPHONE));
  const { media } = call.feature(Features.UserFacingDiagnostics);
  mediaDevices.failure = 'NotFoundError';
  mediaDevices.change();
  opened.at(-1).end();
  await until('nothing is left', () => media.getLatest().noMicrophoneDevicesEnumerated?.value === true);
  mediaDevices.failure = '';
  mediaDevices.change(headset);
  await until('it sends again', () => sent(MICROPHONE)?.readyState === 'live');
  const { microphoneNotFunctioning, noMicrophoneDevicesEnumerated } = media.getLatest();
  assert.deepEqual([microphoneNotFunctioning.value, noMicrophoneDevicesEnumerated.value], [1, false]);
  own.dispose();
});

test('what was amiss with a camera is over once it sends, and is told the second time too', async () => {
  const scene = await plainCall();
  const { call, mediaDevices, agent: own } = scene;
  const told = [];
  call.feature(Features.UserFacingDiagnostics).media.on('diagnosticChanged', ({ diagnostic, value }) => told.push(`${diagnostic} ${value}`));
  for (let round = 0; round < 2; round += 1) {
    mediaDevices.failure = 'NotReadableError';
    await assert.rejects(call.startVideo(new LocalVideoStream(CAMERA)), { message: 'Video operation failure SourceUnavailableError' });
    mediaDevices.failure = 'NotAllowedError';
    await assert.rejects(call.startVideo(new LocalVideoStream(CAMERA)), { message: 'Video operation failure permissionDeniedError', code: 403 });
    mediaDevices.failure = '';
    await startVideo(scene, new LocalVideoStream(CAMERA));
    sent(VIDEO).end();
    await until('stopped', () => call.localVideoStreams.length === 0);
  }
  const round = ['cameraStartFailed true', 'cameraPermissionDenied true', 'cameraStartFailed false', 'cameraPermissionDenied false'];
  assert.deepEqual(told, [
    ...round, 'cameraStoppedUnexpectedly 3', ...round, 'cameraStoppedUnexpectedly 1', 'cameraStoppedUnexpectedly 3',
  ]);
  own.dispose();
});

test('whoever closes the question for a screen may share one after', async () => {
  const { call, socket, mediaDevices, agent: own } = await plainCall();
  const { media } = call.feature(Features.UserFacingDiagnostics);
  const { getDisplayMedia } = mediaDevices;
  mediaDevices.getDisplayMedia = async () => { throw new DOMException('closed', 'NotAllowedError'); };
  await assert.rejects(call.startScreenSharing(), (error) => error.cause.name === 'NotAllowedError');
  assert.equal(media.getLatest().capturerStartFailed.value, true);
  mediaDevices.getDisplayMedia = getDisplayMedia;
  const sharing = call.startScreenSharing();
  result(socket, await until('startScreenShare', () => socket.commands('startScreenShare')[0]));
  await sharing;
  assert.equal(media.getLatest().capturerStartFailed.value, false);
  own.dispose();
});

test('the limits that a call began with hold for its camera, and for the next one', async () => {
  const constraints = { send: { bitrate: { max: 250_000 }, frameHeight: { max: 360 }, frameRate: { max: 15 } } };
  const scene = await plainCall({ videoOptions: { localVideoStreams: [new LocalVideoStream(CAMERA)], constraints } });
  const { call, socket, agent: own } = scene;
  result(socket, await until('startVideo', () => socket.commands('startVideo')[0]));
  await until('started', () => call.isLocalVideoStarted);
  const limits = () => FakePeer.opened.at(-1).senders[VIDEO].parameters.encodings[0];
  assert.deepEqual(limits(), { maxBitrate: 250_000, maxFramerate: 15, scaleResolutionDownBy: 2 });
  await call.setConstraints({ video: { send: { frameHeight: { max: 180 } } } });
  assert.equal(limits().scaleResolutionDownBy, 4);
  const stopping = call.stopVideo(call.localVideoStreams[0]);
  result(socket, await until('stopVideo', () => socket.commands('stopVideo')[0]));
  await stopping;
  limits().scaleResolutionDownBy = 1;
  await startVideo(scene, new LocalVideoStream(BACK));
  assert.equal(limits().scaleResolutionDownBy, 4);
  own.dispose();
});

test('another camera than the offered one takes its place in the list', async () => {
  const scene = await agent({ devices: [built] });
  const offered = new LocalVideoStream(CAMERA);
  const other = new LocalVideoStream(BACK);
  const call = scene.agent.startCall([BOB], {
    audioOptions: { localAudioStreams: [new LocalAudioStream(voice())] }, videoOptions: { localVideoStreams: [offered] },
  });
  const told = [];
  call.on('localVideoStreamsUpdated', ({ added, removed }) => told.push([...added.map(({ source }) => `+${source.name}`), ...removed.map(({ source }) => `-${source.name}`)].join()));
  const started = call.startVideo(other);
  result(scene.socket, await until('placeCall', () => scene.socket.commands('placeCall')[0]), { callId: 'call-1', participantId: 'me' });
  result(scene.socket, await until('startVideo', () => scene.socket.commands('startVideo')[0]));
  await started;
  assert.deepEqual([call.localVideoStreams.map(({ source }) => source.name), told], [['Back'], ['-Front', '+Back']]);
  scene.socket.break(4404);
  scene.agent.dispose();
});

test('whoever reads a remote picture takes one place, and gives it back when the picture is over', async () => {
  const { call, socket, agent: own } = await connectedCall(await agent());
  const [bob] = call.remoteParticipants;
  const show = (isVideoOn, at) => event(socket, { case: 'participantUpdated', value: { participant: {
    participantId: 'bob', identifier: { rawId: BOB }, state: ParticipantState.CONNECTED, isVideoOn,
  } } }, at);
  const tiles = () => socket.commands('setVideoTiles').flatMap(({ tiles: chosen }) => chosen);
  for (let round = 0; round < 10; round += 1) {
    show(true, 5n + 2n * BigInt(round));
    const [stream] = bob.videoStreams;
    const count = tiles().length;
    const reading = [stream.getMediaStream(), stream.getMediaStream()];
    const { mid, participantId } = await until('a place is asked for', () => tiles()[count]);
    assert.deepEqual([participantId, mid], ['bob', '6'], 'always the first place: the one before was given back');
    socket.say({ case: 'mediaAssignments', value: { callId: 'call-1', assignments: [{ mid, participantId: 'bob', kind: StreamKind.CAMERA }] } });
    const [one, other] = await Promise.all(reading);
    assert.equal(one, other);
    assert.equal(tiles().length, count + 1);
    show(false, 6n + 2n * BigInt(round));
    await until('the place is given back', () => tiles()[count + 1]);
    assert.deepEqual([tiles()[count + 1].mid, tiles()[count + 1].participantId], ['6', '']);
  }
  own.dispose();
});
