// Rules about identifiers, errors and end reasons.

import { expect, rejection, until } from './stage.mjs';

export const failures = [
  {
    number: 12,
    title: 'identifiers carry their kind and raw id, however they were given',
    async check(stage) {
      const { toFlatCommunicationIdentifier } = stage.react;
      const [ada, ben, alice] = [await stage.raw('Ada'), await stage.raw('Ben'), await stage.raw('Alice', { alias: 'alice' })];
      const whole = (what, identifier, kind, rawId) => {
        expect(identifier?.kind === kind, `${what}: the kind is ${identifier?.kind}`);
        expect(identifier.rawId === rawId, `${what}: the raw id is missing or another`);
        expect(toFlatCommunicationIdentifier(identifier) === rawId, `${what}: the library reads another id`);
      };
      const bare = { communicationUserId: ben.rawId };
      const call = ada.agent.startCall([bare]);
      const ringing = await until('ben is rung', () => ben.incoming.shift());
      whole('the caller', ringing.callerInfo.identifier, 'communicationUser', ada.rawId);
      const accepted = await ringing.accept();
      await until('connected', () => call.state === 'Connected' && accepted.remoteParticipants.length === 1);
      whole('the called', call.remoteParticipants[0].identifier, 'communicationUser', ben.rawId);
      whole('the other', accepted.remoteParticipants[0].identifier, 'communicationUser', ada.rawId);
      const added = call.addParticipant({ microsoftTeamsUserId: alice.rawId.replace('8:orgid:', '') });
      whole('the added', added.identifier, 'microsoftTeamsUser', alice.rawId);
      const rung = await until('alice is rung', () => alice.incoming.shift());
      await rung.reject();
    },
  },
  {
    number: 13,
    title: 'what fails rejects with an Error that has a code and a subCode',
    async check(stage) {
      const real = (what, error) => {
        expect(error instanceof Error, `${what}: it is no Error`);
        expect(typeof error.code === 'number' && typeof error.subCode === 'number',
          `${what}: code ${error.code}, subCode ${error.subCode}`);
        return `${error.code}/${error.subCode}`;
      };
      const found = {};
      const { client } = await stage.raw('Ada', { agent: false });
      const token = `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify({ exp: 4_102_444_800, skypeid: 'acs:x' }))}.x`.replaceAll('=', '');
      const refused = new stage.common.AzureCommunicationTokenCredential(token);
      found.token = real('a token that is not ours', await rejection('createCallAgent', () => client.createCallAgent(refused)));
      const [ada, ben] = [await stage.stateful('Ada'), await stage.raw('Ben')];
      const { outgoing, incomingCall } = await stage.connect(ada, ben);
      found.accepted = real('accepting twice', await rejection('accept', () => incomingCall.accept()));
      await outgoing.hangUp();
      await until('the call ends', () => outgoing.state === 'Disconnected');
      found.muted = real('muting a call that is over', await rejection('mute', () => outgoing.mute()));
      found.held = real('holding a call that is over', await rejection('hold', () => outgoing.hold()));
      const { latestErrors } = ada.client.getState();
      expect(latestErrors['Call.mute'] && latestErrors['Call.hold'], 'the library did not note the errors under their names');

      const declined = ada.agent.startCall([ben.identifier]);
      const ringing = await until('ben is rung', () => ben.incoming.shift());
      await ringing.reject();
      await until('the call is declined', () => declined.state === 'Disconnected');
      expect(declined.callEndReason.code === 603, `a declined call ends with ${declined.callEndReason.code}`);
      return found;
    },
  },
  {
    number: 14,
    title: 'asking for the dial-in numbers of a call with a thread does not reject',
    async check(stage) {
      const { Features } = stage.calling;
      const errors = [];
      const listener = ({ reason }) => errors.push(String(reason));
      addEventListener('unhandledrejection', listener);
      const [ada, ben] = [await stage.stateful('Ada'), await stage.raw('Ben')];
      const { outgoing } = await stage.connect(ada, ben);
      const details = await outgoing.feature(Features.TeamsMeetingAudioConferencing).getTeamsMeetingAudioConferencingDetails();
      expect(details === undefined || Array.isArray(details?.phoneNumbers), 'the details have no list of numbers');
      const { threadId } = outgoing.info;
      await outgoing.hangUp();
      await until('the call ends', () => outgoing.state === 'Disconnected');
      removeEventListener('unhandledrejection', listener);
      expect(errors.length === 0, `rejections that nobody handled: ${errors.join('; ')}`);
      return { hadThread: Boolean(threadId) };
    },
  },
];
