// Who else is in one call: the public participant objects, kept the same from invitation to end.

import type { CallImpl } from './call.js';
import { wrongArgument } from './errors.js';
import type { Participant, ParticipantState } from './gen/trunkline/calling/v1/calling_pb.js';
import type { EndReason } from './gen/trunkline/common/v1/common_pb.js';
import { rawIdOf } from './identifiers.js';
import { RemoteParticipantImpl } from './participant.js';
import { endReason, refusalReason } from './reasons.js';
import type {
  AddPhoneNumberOptions, AddTeamsParticipantOptions, CallEndReason, CommunicationIdentifier,
} from './types/values.js';

/** Keeps `remoteParticipants` of a call, and those who were asked in but are not there yet. */
export class CallRoster {
  readonly #call: CallImpl;
  #pendingAdds: RemoteParticipantImpl[] = [];

  constructor(call: CallImpl) {
    this.#call = call;
  }

  add(identifier: CommunicationIdentifier, options?: AddPhoneNumberOptions & AddTeamsParticipantOptions): RemoteParticipantImpl {
    this.#call.assertLive();
    const target = rawIdOf(identifier);
    const known = this.#find(target);
    if (known) return known;
    const participant = new RemoteParticipantImpl(target, this.#call);
    participant.state = 'Connecting';
    this.#pendingAdds.push(participant);
    this.#call.command('addParticipant', { target, ...(options?.threadId && { threadId: options.threadId }) }).then(
      ({ addedParticipantId }) => { participant.participantId ||= addedParticipantId; },
      (error) => {
        this.#pendingAdds = this.#pendingAdds.filter((other) => other !== participant);
        participant.end(refusalReason(error));
      },
    );
    return participant;
  }

  async remove(identifier: CommunicationIdentifier): Promise<void> {
    const target = rawIdOf(identifier);
    const participant = this.#find(target);
    if (!participant) throw wrongArgument('the participant is not in the call');
    const isRinging = participant.state === 'Ringing' || participant.state === 'Connecting';
    await this.#call.command(isRinging ? 'cancelAddParticipant' : 'removeParticipant', { participant: participant.participantId });
    await this.#call.until(() => !this.#call.remoteParticipants.includes(participant));
  }

  byId(participantId: string): RemoteParticipantImpl | undefined {
    return this.#call.remoteParticipants.find((participant) => participant.participantId === participantId);
  }

  /** Who is about to come, so that the roster's entry becomes the object that is known. */
  expect(participant: RemoteParticipantImpl): void {
    this.#pendingAdds.push(participant);
  }

  unexpect(participant: RemoteParticipantImpl): void {
    this.#pendingAdds = this.#pendingAdds.filter((other) => other !== participant);
  }

  put(wire: Participant): void {
    if (wire.participantId === this.#call.info.participantId) {
      this.#call.takeOwn(wire);
      return;
    }
    const rawId = wire.identifier?.rawId ?? '';
    const known = this.byId(wire.participantId);
    const added = this.#pendingAdds.find((participant) => participant.participantId === wire.participantId || participant.rawId === rawId);
    const participant = known ?? added ?? new RemoteParticipantImpl(rawId, this.#call);
    this.#pendingAdds = this.#pendingAdds.filter((other) => other !== added);
    if (this.#call.meeting) participant.setRole(this.#call.meeting.roleOf(wire.participantId));
    participant.update(wire);
    if (!known && participant.state !== 'Disconnected') {
      this.#call.remoteParticipants = [...this.#call.remoteParticipants, participant];
      this.#call.emit('remoteParticipantsUpdated', { added: [participant], removed: [] });
    }
    this.#call.lobby.refresh();
  }

  drop(participant: RemoteParticipantImpl, reason: CallEndReason | undefined): void {
    participant.end(reason ?? endReason(undefined));
    this.#call.remoteParticipants = this.#call.remoteParticipants.filter((other) => other !== participant);
    this.#call.emit('remoteParticipantsUpdated', { added: [], removed: [participant] });
    this.#call.inner.emit('speaking', participant);
    this.#call.lobby.refresh();
  }

  /** Somebody's state changed by itself, into a lobby or out of it perhaps. */
  move(participantId: string, state: ParticipantState, reason: EndReason | undefined): void {
    this.byId(participantId)?.setState(state, reason);
    this.#call.lobby.refresh();
  }

  /** Ends everybody with the call. */
  end(reason: CallEndReason): void {
    for (const participant of this.#call.remoteParticipants) participant.end(reason);
    for (const participant of this.#pendingAdds) participant.end(reason);
  }

  #find(rawId: string): RemoteParticipantImpl | undefined {
    return this.#call.remoteParticipants.find((participant) => participant.rawId === rawId && participant.state !== 'Disconnected');
  }
}
