// Rules about the objects that are handed out: wrapping, identity, freezing, kinds, features.

import { deepFreeze, expect, isPlain, propertyNames, until, wrap } from './stage.mjs';

/** Every object of a call that the library wraps or reads, by name. */
function handedOut({ caller, manager, outgoing, incomingCall, Features }) {
  const [participant] = outgoing.remoteParticipants;
  return {
    CallClient: caller.client,
    CallAgent: caller.agent,
    DeviceManager: manager,
    Call: outgoing,
    'Call.info': outgoing.info,
    'Call.lobby': outgoing.lobby,
    IncomingCall: incomingCall,
    RemoteParticipant: participant,
    Captions: outgoing.feature(Features.Captions).captions,
    Transfer: outgoing.feature(Features.Transfer),
    Spotlight: outgoing.feature(Features.Spotlight),
    RaiseHand: outgoing.feature(Features.RaiseHand),
  };
}

async function scene(stage) {
  const [caller, callee] = [await stage.raw('Ada'), await stage.raw('Ben')];
  const manager = await caller.client.getDeviceManager();
  return { caller, callee, manager, ...await stage.connect(caller, callee), Features: stage.calling.Features };
}

export const wrapping = [
  {
    number: 1,
    title: 'no object cares whether it is reached through a wrapper',
    async check(stage) {
      const found = await scene(stage);
      let read = 0;
      for (const [name, object] of Object.entries(handedOut(found))) {
        expect(typeof object === 'object' && object !== null, `${name} is ${String(object)}`);
        const wrapper = wrap(object);
        for (const property of propertyNames(object)) {
          try {
            void wrapper[property];
          } catch (error) {
            throw new Error(`${name}.${property} through a wrapper: ${error}`);
          }
          read += 1;
        }
        if (typeof object.on === 'function') {
          const listener = () => {};
          wrapper.on('stateChanged', listener);
          wrapper.off('stateChanged', listener);
        }
      }
      const call = wrap(found.outgoing);
      await call.mute();
      expect(found.outgoing.isMuted, 'mute through a wrapper mutes');
      await call.unmute();
      expect(!found.outgoing.isMuted, 'unmute through a wrapper unmutes');
      await wrap(found.manager).getMicrophones();
      const callee = await stage.raw('Cid');
      wrap(found.caller.agent).startCall([callee.identifier]);
      const ringing = await until('a wrapped agent calls', () => callee.incoming[0]);
      await wrap(ringing).reject();
      return { read };
    },
  },
  {
    number: 2,
    title: 'no method emits or keeps its own `this`',
    async check(stage) {
      const { caller, outgoing } = await scene(stage);
      const wrapper = wrap(outgoing);
      const removed = new Promise((resolve) => {
        caller.agent.on('callsUpdated', (update) => { if (update.removed.length > 0) resolve(update.removed); });
      });
      const [participant] = outgoing.remoteParticipants;
      await wrapper.hangUp();
      expect((await removed)[0] === outgoing, 'the call that is removed is the one that was handed out');
      expect(!caller.agent.calls.includes(outgoing), 'it is gone from the calls');
      expect(participant !== undefined, 'there was a participant');

      // The library dies here with "Cannot redefine property" when it is given its own wrapper.
      const stateful = await stage.stateful('Dee');
      for (let round = 0; round < 2; round += 1) {
        const call = stateful.agent.join({ groupId: crypto.randomUUID() });
        await until('connected', () => call.state === 'Connected');
        const { id } = call;
        await call.hangUp();
        await until('the state lists it as ended', () => stateful.client.getState().callsEnded[id]);
        expect(!stateful.client.getState().calls[id], 'and no longer as a call');
      }
    },
  },
  {
    number: 3,
    title: 'objects can be extended, and carry none of the names that the library adds',
    async check(stage) {
      const found = await scene(stage);
      for (const [name, object] of Object.entries(handedOut(found))) {
        expect(Object.isExtensible(object), `${name} is closed`);
      }
      const added = {
        CallClient: [found.caller.client, ['getState', 'onStateChange', 'offStateChange', 'createView', 'disposeView']],
        DeviceManager: [found.manager, ['unsubscribe', 'selectCamera', 'getUnparentedVideoStreams']],
        Call: [found.outgoing, ['unsubscribe']],
      };
      for (const [name, [object, names]] of Object.entries(added)) {
        for (const property of names) expect(!(property in object), `${name} has ${property} already`);
      }
      const stateful = await stage.stateful('Dee');
      const manager = await stateful.client.getDeviceManager();
      const call = stateful.agent.join({ groupId: crypto.randomUUID() });
      expect(typeof call.unsubscribe === 'function', 'the library has extended the call');
      expect(typeof manager.selectCamera === 'function', 'and the device manager');
      expect(typeof stateful.client.createView === 'function', 'and the client');
    },
  },
];

export const identity = [
  {
    number: 4,
    title: 'a client has one device manager for ever',
    async check(stage) {
      const { client } = await stage.raw('Ada', { agent: false });
      const first = await client.getDeviceManager();
      expect(await client.getDeviceManager() === first, 'asked twice, there are two');
      const stateful = await stage.stateful('Ben');
      const managed = await stateful.client.getDeviceManager();
      await stateful.agent.dispose();
      stateful.agent = await stateful.client.createCallAgent(stateful.credential, { displayName: 'Ben' });
      expect(await stateful.client.getDeviceManager() === managed, 'a new agent brings a new one');
    },
  },
  {
    number: 5,
    title: 'plain objects may be frozen by whoever gets them, and `info` is none',
    async check(stage) {
      const { caller, callee, manager, outgoing, incoming, Features } = await scene(stage);
      const camera = await stage.camera(caller);
      const features = () => [
        Features.Capabilities, Features.DominantSpeakers, Features.RaiseHand, Features.Recording,
      ].map((feature) => outgoing.feature(feature));
      const freezeAll = async () => {
        const objects = [
          caller.agent, callee.agent, outgoing, incoming, manager, ...features(),
          ...outgoing.remoteParticipants, ...incoming.remoteParticipants,
          ...incoming.remoteParticipants.flatMap(({ videoStreams }) => videoStreams),
        ];
        for (const object of objects) propertyNames(object).forEach((name) => deepFreeze(object[name]));
        deepFreeze(await manager.getCameras());
        deepFreeze(await manager.getMicrophones());
      };
      for (const call of [outgoing, incoming]) expect(!isPlain(call.info), '`info` is a plain object');
      await freezeAll();
      const stream = new stage.calling.LocalVideoStream(camera);
      await outgoing.startVideo(stream);
      const [seen] = await until('the video is offered', () => (
        incoming.remoteParticipants[0].videoStreams.some(({ isAvailable }) => isAvailable)
          && incoming.remoteParticipants[0].videoStreams));
      const sizeBefore = seen.size;
      deepFreeze(sizeBefore);
      const view = await new stage.calling.VideoStreamRenderer(seen).createView();
      document.body.append(view.target);
      await until('the size is known', () => seen.size.width > 0);
      expect(seen.size !== sizeBefore, 'a new size is a new object');
      await freezeAll();
      view.dispose();
      await outgoing.mute();
      await outgoing.unmute();
      await freezeAll();
      await outgoing.hold();
      await outgoing.resume();
      await outgoing.stopVideo(stream);
      const microphone = (await manager.getMicrophones())[0];
      await manager.selectMicrophone(microphone);
      await freezeAll();
      await outgoing.hangUp();
      await until('the other call ends', () => incoming.state === 'Disconnected');
      expect(isPlain(outgoing.callEndReason), 'the end reason is a plain object');
    },
  },
  {
    number: 6,
    title: 'lists are snapshots: a change makes a new one and leaves the old one as it was',
    async check(stage) {
      const [ada, ben] = [await stage.raw('Ada'), await stage.raw('Ben')];
      const updates = [];
      const agentBefore = ada.agent.calls;
      const [call] = await stage.gather(ada);
      expect(ada.agent.calls !== agentBefore && agentBefore.length === 0, 'the list of calls is replaced');
      const before = call.remoteParticipants;
      call.on('remoteParticipantsUpdated', (update) => updates.push({ ...update, list: call.remoteParticipants }));
      const { groupId } = call.info;
      const other = ben.agent.join({ groupId });
      await until('the other is seen', () => call.remoteParticipants.length === 1);
      const during = call.remoteParticipants;
      expect(before !== during && before.length === 0, 'the old list is as it was');
      expect(updates[0].added[0] === during[0], '`added` holds what is in the list');
      expect(updates[0].list.includes(updates[0].added[0]), 'the list is new before the event');
      const [participant] = during;
      const streamsBefore = participant.videoStreams;
      await other.startVideo(new stage.calling.LocalVideoStream(await stage.camera(ben)));
      await until('the camera is offered', () => participant.videoStreams.some(({ isAvailable }) => isAvailable));
      expect(streamsBefore === participant.videoStreams || streamsBefore.length === 0
        || participant.videoStreams.length === streamsBefore.length, 'the old list of streams is as it was');
      const localBefore = other.localVideoStreams;
      await other.stopVideo(localBefore[0]);
      expect(localBefore.length === 1 && other.localVideoStreams.length === 0, 'so is the list of one\'s own');
      await other.hangUp();
      await until('the other is gone', () => call.remoteParticipants.length === 0);
      expect(during.length === 1, 'a list that was handed out does not shrink');
      expect(updates.at(-1).removed[0] === participant, '`removed` holds the very participant');
    },
  },
];

/** What `capabilities` names. */
const CAPABILITIES = [
  'addCommunicationUser', 'addPhoneNumber', 'addTeamsUser', 'blurBackground', 'forbidOthersAudio', 'forbidOthersVideo',
  'hangUpForEveryOne', 'joinBreakoutRooms', 'manageLobby', 'muteOthers', 'pstnDialOut', 'raiseHand', 'realTimeText',
  'removeParticipant', 'removeParticipantsSpotlight', 'setCaptionLanguage', 'shareScreen', 'spotlightParticipant',
  'startLiveCallingCaptions', 'startLiveMeetingCaptions', 'startTogetherMode', 'turnVideoOn', 'unmuteMic',
  'useReactions', 'viewAttendeeNames',
];

const CALL_FEATURES = [
  'BreakoutRooms', 'CallSurvey', 'Capabilities', 'Captions', 'DataChannel', 'DominantSpeakers', 'MediaAccess',
  'MediaStats', 'OptimalVideoCount', 'PPTLive', 'RaiseHand', 'Reaction', 'RealTimeText', 'Recording', 'Spotlight',
  'TeamsMeetingAudioConferencing', 'TogetherMode', 'Transcription', 'Transfer', 'UserFacingDiagnostics',
];

export const agents = [
  {
    number: 9,
    title: 'every feature exists, is the same object each time, and can be used before the call starts',
    async check(stage) {
      const { Features, LocalVideoStream, LocalAudioStream } = stage.calling;
      const expected = [...CALL_FEATURES, 'AudioEffects', 'DebugInfo', 'VideoEffects'].sort();
      expect(JSON.stringify(Object.keys(Features).sort()) === JSON.stringify(expected),
        `the features are ${Object.keys(Features).sort().join(', ')}`);
      const ada = await stage.raw('Ada');
      const call = ada.agent.join({ groupId: crypto.randomUUID() });
      expect(call.state === 'None', `the state is ${call.state}`);
      for (const name of CALL_FEATURES) {
        const feature = call.feature(Features[name]);
        expect(feature === call.feature(Features[name]), `${name} is another object each time`);
        for (const property of propertyNames(feature)) void feature[property];
        if (name !== 'UserFacingDiagnostics' && name !== 'CallSurvey' && name !== 'MediaStats' && name !== 'TeamsMeetingAudioConferencing') {
          expect(typeof feature.on === 'function' && typeof feature.off === 'function', `${name} has no events`);
        }
        if ('name' in feature) expect(typeof feature.name === 'string' && feature.name, `${name} has no name`);
      }
      const { network, media } = call.feature(Features.UserFacingDiagnostics);
      for (const side of [network, media]) expect(isPlain(side.getLatest()), 'there are no latest diagnostics');
      expect(Array.isArray(call.feature(Features.RaiseHand).getRaisedHands()), 'there is no list of hands');
      expect(Array.isArray(call.feature(Features.Spotlight).getSpotlightedParticipants()), 'nor one of spotlights');
      const info = ada.client.feature(Features.DebugInfo);
      expect(info === ada.client.feature(Features.DebugInfo), 'DebugInfo is another object each time');
      expect(Object.hasOwn(info, 'getEnvironmentInfo'), 'getEnvironmentInfo is not its own');
      const { isSupportedEnvironment, environment } = await ({ ...info }).getEnvironmentInfo();
      expect(isSupportedEnvironment === true && environment.browser, 'the environment is not described');
      const video = new LocalVideoStream(await stage.camera(ada));
      expect(video.feature(Features.VideoEffects) === video.feature(Features.VideoEffects), 'VideoEffects changes');
      const [microphone] = await (await ada.client.getDeviceManager()).getMicrophones();
      const audio = new LocalAudioStream(microphone);
      expect(audio.feature(Features.AudioEffects) === audio.feature(Features.AudioEffects), 'AudioEffects changes');
    },
  },
  {
    number: 10,
    title: 'capabilities name all that there are',
    async check(stage) {
      const { Features } = stage.calling;
      const ada = await stage.raw('Ada');
      const call = ada.agent.join({ groupId: crypto.randomUUID() });
      const complete = (when) => {
        const { capabilities } = call.feature(Features.Capabilities);
        for (const name of CAPABILITIES) {
          const found = capabilities[name];
          expect(typeof found?.isPresent === 'boolean' && typeof found.reason === 'string',
            `${when}, ${name} is ${JSON.stringify(found)}`);
        }
        return capabilities;
      };
      complete('in state None');
      await until('connected', () => call.state === 'Connected');
      const { turnVideoOn, unmuteMic, shareScreen } = complete('when connected');
      expect(turnVideoOn.isPresent && unmuteMic.isPresent && shareScreen.isPresent, 'a member may send media');
    },
  },
  {
    number: 11,
    title: 'kinds say which agent, call and incoming call it is',
    async check(stage) {
      const [ada, alice, bob] = [
        await stage.stateful('Ada'), await stage.stateful('Alice', { alias: 'alice' }), await stage.stateful('Bob', { alias: 'bob' }),
      ];
      expect(ada.agent.kind === 'CallAgent', `an app user's agent is a ${ada.agent.kind}`);
      expect(alice.agent.kind === 'TeamsCallAgent', `a directory user's agent is a ${alice.agent.kind}`);
      const fromApp = await stage.connect(ada, alice);
      expect(fromApp.outgoing.kind === 'Call', `an app user's call is a ${fromApp.outgoing.kind}`);
      expect(fromApp.incomingCall.kind === 'TeamsIncomingCall', `a directory user is rung by a ${fromApp.incomingCall.kind}`);
      expect(fromApp.incoming.kind === 'TeamsCall', `and accepts to a ${fromApp.incoming.kind}`);
      await fromApp.outgoing.hangUp();
      const call = alice.agent.startCall(bob.identifier);
      expect(call.kind === 'TeamsCall', `a directory user's call is a ${call.kind}`);
      const ringing = await until('bob is rung', () => bob.incoming.shift());
      await ringing.reject();
      await until('the call ends', () => call.state === 'Disconnected');
      const rung = alice.agent.startCall(ada.identifier);
      const incomingCall = await until('ada is rung', () => ada.incoming.shift());
      expect(incomingCall.kind === 'IncomingCall', `an app user is rung by a ${incomingCall.kind}`);
      await rung.hangUp();
    },
  },
];
