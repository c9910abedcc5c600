// Who waits to be let in.

import { bindMethods, Emitter } from './emitter.js';
import { rawIdOf } from './identifiers.js';
import { actInMeeting } from './meetings.js';
import type { CallImpl } from './call.js';
import type { RemoteParticipantImpl } from './participant.js';
import type { Lobby } from './types/objects.js';
import type { AdmitAllOperationResult, CommunicationIdentifier } from './types/values.js';

export class LobbyImpl extends Emitter implements Lobby {
  participants: ReadonlyArray<RemoteParticipantImpl> = [];
  private readonly call: CallImpl;

  constructor(call: CallImpl) {
    super();
    this.call = call;
    bindMethods(this);
  }

  async admit(participant: CommunicationIdentifier): Promise<void> {
    await actInMeeting(this.call, { case: 'admit', value: { participant: rawIdOf(participant) } });
  }

  async reject(participant: CommunicationIdentifier): Promise<void> {
    await actInMeeting(this.call, { case: 'reject', value: { participant: rawIdOf(participant) } });
  }

  async admitAll(): Promise<AdmitAllOperationResult> {
    const successCount = this.participants.length;
    await actInMeeting(this.call, { case: 'admitAll', value: {} });
    return { successCount, failureCount: 0 };
  }

  /** @internal Looks again who waits. */
  refresh(): void {
    const inRoster = this.call.remoteParticipants.filter(({ state }) => state === 'InLobby');
    const waiting = [...inRoster, ...(this.call.meeting?.lobby ?? []).filter((participant) => !inRoster.includes(participant))];
    const added = waiting.filter((participant) => !this.participants.includes(participant));
    const removed = this.participants.filter((participant) => !waiting.includes(participant));
    if (added.length === 0 && removed.length === 0) return;
    this.participants = waiting;
    this.emit('lobbyParticipantsUpdated', { added, removed });
  }
}
