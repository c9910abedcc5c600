// Rules about time: what is synchronous, and in which order things are set and told.

import { expect, until } from './stage.mjs';

const CALL_EVENTS = [
  'stateChanged', 'idChanged', 'isMutedChanged', 'isScreenSharingOnChanged', 'remoteParticipantsUpdated',
  'localVideoStreamsUpdated', 'roleChanged', 'mutedByOthers',
];

export const events = [
  {
    number: 7,
    title: 'starting, joining, adding and transferring return at once, and events come after',
    async check(stage) {
      const { Features } = stage.calling;
      const [ada, ben, cid] = [await stage.raw('Ada'), await stage.raw('Ben'), await stage.raw('Cid')];
      for (const [name, begin] of Object.entries({
        startCall: () => ada.agent.startCall([ben.identifier]),
        join: () => ada.agent.join({ groupId: crypto.randomUUID() }),
      })) {
        const told = [];
        const listener = ({ added }) => { if (added.length > 0) told.push('callsUpdated'); };
        ada.agent.on('callsUpdated', listener);
        const call = begin();
        expect(!(call instanceof Promise), `${name} returns a promise`);
        expect(call.state === 'None', `${name}: the state is ${call.state}`);
        expect(typeof call.id === 'string' && call.id !== '', `${name}: there is no provisional id`);
        expect(ada.agent.calls.includes(call), `${name}: the call is not among the calls`);
        for (const event of CALL_EVENTS) call.on(event, () => told.push(event));
        const first = call.id;
        let idWhenTold;
        call.on('idChanged', () => { idWhenTold = call.id; });
        expect(told.length === 0, `${name}: told ${told} before the task was over`);
        await until(`${name}: the exchange names the call`, () => idWhenTold);
        expect(idWhenTold !== first, `${name}: the id is as before when idChanged comes`);
        expect(told.includes('callsUpdated'), `${name}: callsUpdated did not come`);
        await call.hangUp();
        ada.agent.off('callsUpdated', listener);
      }
      ben.incoming.length = 0;

      const { outgoing } = await stage.connect(ada, ben);
      const told = [];
      outgoing.on('remoteParticipantsUpdated', () => told.push('remoteParticipantsUpdated'));
      const added = outgoing.addParticipant(cid.identifier);
      expect(!(added instanceof Promise) && added.identifier.communicationUserId === cid.rawId, 'adding returns a participant');
      expect(['Idle', 'Connecting'].includes(added.state), `the participant is ${added.state}`);
      expect(told.length === 0, 'adding tells before it returns');
      await until('the participant rings', () => added.state === 'Ringing');
      expect(outgoing.remoteParticipants.includes(added), 'it is the one in the list');
      expect(told.length === 1, `the list changed ${told.length} times`);

      const transfer = outgoing.feature(Features.Transfer).transfer({ targetParticipant: cid.identifier });
      expect(!(transfer instanceof Promise) && typeof transfer.on === 'function', 'a transfer is returned at once');
      expect(['None', 'Transferring'].includes(transfer.state), `the transfer is ${transfer.state}`);
    },
  },
  {
    number: 8,
    title: 'a property is set before its event, and a state before the list of calls',
    async check(stage) {
      const ada = await stage.raw('Ada');
      const log = [];
      ada.agent.on('callsUpdated', ({ added, removed }) => {
        for (const call of added) log.push(['added', call.state, ada.agent.calls.includes(call)]);
        for (const call of removed) log.push(['removed', call.state, ada.agent.calls.includes(call), call.callEndReason]);
      });
      const call = ada.agent.join({ groupId: crypto.randomUUID() });
      call.on('stateChanged', () => log.push(['state', call.state, call.callEndReason]));
      call.on('isMutedChanged', () => log.push(['muted', call.isMuted]));
      await until('connected', () => call.state === 'Connected');
      await call.mute();
      await call.unmute();
      await call.hold();
      await call.resume();
      await call.hangUp();
      await until('the call is removed', () => log.some(([what]) => what === 'removed'));

      const states = log.filter(([what]) => what === 'state').map(([, state]) => state);
      const wanted = ['Connecting', 'Connected', 'LocalHold', 'Connected', 'Disconnecting', 'Disconnected'];
      expect(JSON.stringify(states) === JSON.stringify(wanted), `the states told are ${states.join(', ')}`);
      expect(JSON.stringify(log.filter(([what]) => what === 'muted')) === '[["muted",true],["muted",false]]',
        'mute and unmute were not told after they were set');
      const added = log.find(([what]) => what === 'added');
      expect(added?.[2] === true, 'the list does not hold the call when it is told');
      const removed = log.findIndex(([what]) => what === 'removed');
      const ended = log.findIndex(([what, state]) => what === 'state' && state === 'Disconnected');
      expect(ended >= 0 && ended < removed, 'the call is removed before it is disconnected');
      expect(log[removed][2] === false, 'the list still holds the call that is removed');
      expect(typeof log[removed][3]?.code === 'number', 'the end reason is not there when the call is removed');
      expect(typeof log[ended][2]?.code === 'number', 'nor when it is disconnected');
    },
  },
  {
    number: 18,
    title: 'taking off a listener that was never put on is harmless',
    async check(stage) {
      const { Features } = stage.calling;
      const [ada, ben] = [await stage.raw('Ada'), await stage.raw('Ben')];
      const { outgoing, incomingCall } = await stage.connect(ada, ben);
      const manager = await ada.client.getDeviceManager();
      const [participant] = outgoing.remoteParticipants;
      const video = new stage.calling.LocalVideoStream(await stage.camera(ada));
      const objects = {
        agent: [ada.agent, ['callsUpdated', 'incomingCall']],
        call: [outgoing, CALL_EVENTS],
        incomingCall: [incomingCall, ['callEnded']],
        participant: [participant, ['stateChanged', 'isMutedChanged', 'isSpeakingChanged', 'videoStreamsUpdated', 'displayNameChanged', 'roleChanged']],
        manager: [manager, ['videoDevicesUpdated', 'audioDevicesUpdated', 'selectedMicrophoneChanged', 'selectedSpeakerChanged']],
        recording: [outgoing.feature(Features.Recording), ['isRecordingActiveChanged']],
        speakers: [outgoing.feature(Features.DominantSpeakers), ['dominantSpeakersChanged']],
        hands: [outgoing.feature(Features.RaiseHand), ['raisedHandEvent', 'loweredHandEvent']],
        network: [outgoing.feature(Features.UserFacingDiagnostics).network, ['diagnosticChanged']],
        captions: [outgoing.feature(Features.Captions).captions, ['CaptionsReceived', 'CaptionsActiveChanged']],
        effects: [video.feature(Features.VideoEffects), ['effectsStarted', 'effectsStopped', 'effectsError']],
      };
      let muted = 0;
      outgoing.on('isMutedChanged', () => { muted += 1; });
      for (const [name, [object, names]] of Object.entries(objects)) {
        for (const event of names) {
          try {
            object.off(event, () => {});
          } catch (error) {
            throw new Error(`${name}.off(${event}): ${error}`);
          }
        }
      }
      await outgoing.mute();
      expect(muted === 1, 'a listener that was put on is still there');
    },
  },
];
