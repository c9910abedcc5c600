// What is known of one call: the roster, built from a snapshot and the ordered events after it.

import { wireName } from './words.js';

/** One call as its event stream tells it. */
export class CallModel {
  participants = new Map();
  seq = 0;
  kind = 'OneToOne';
  groupId = '';
  threadId = '';
  endReason = null;
  ownId = '';
  hasSnapshot = false;

  /**
   * Takes one event. Returns `applied`, `duplicate` for one already seen, or `gap` for one that
   * comes too early: then a snapshot is needed.
   */
  apply(event) {
    const seq = Number(event.seq ?? 0);
    if (event.snapshot) {
      this.#restore(event.snapshot, seq);
      return 'applied';
    }
    if (this.hasSnapshot && seq <= this.seq) return 'duplicate';
    if (seq !== this.seq + 1 && !(this.seq === 0 && !this.hasSnapshot && seq === 1)) return 'gap';
    this.seq = seq;
    if (event.callStateChanged) this.#changeState(event.callStateChanged);
    else if (event.participantStateChanged) this.#changeParticipantState(event.participantStateChanged);
    else if (event.speakingChanged) this.#changeSpeaking(event.speakingChanged.changes ?? []);
    else if (event.participantAdded) this.#put(event.participantAdded.participant);
    else if (event.participantUpdated) this.#put(event.participantUpdated.participant);
    else if (event.participantRemoved) this.participants.delete(event.participantRemoved.participantId);
    else if (event.callStarted) this.#setKind(event.callStarted);
    else if (event.callKindChanged) this.#setKind(event.callKindChanged);
    else if (event.callEnded) this.endReason = event.callEnded.reason ?? {};
    return 'applied';
  }

  /** This endpoint's own record. */
  get own() {
    return this.participants.get(this.ownId) ?? null;
  }

  /** Everybody else, in order of joining. */
  get others() {
    return [...this.participants.values()].filter((participant) => participant.id !== this.ownId);
  }

  /** The name of a participant, also of one who left. */
  nameOf(participantId) {
    return this.#names.get(participantId) ?? 'somebody';
  }

  #names = new Map();

  #restore(call, seq) {
    this.hasSnapshot = true;
    this.seq = seq || Number(call.seq ?? 0);
    this.kind = wireName(call.kind, 'OneToOne');
    this.groupId = call.groupId ?? '';
    this.threadId = call.threadId ?? '';
    this.endReason = call.endReason ?? null;
    this.participants.clear();
    for (const participant of call.participants ?? []) this.#put(participant);
  }

  #changeState(change) {
    const participant = this.participants.get(change.participantId);
    if (!participant) return;
    participant.callState = wireName(change.state, participant.callState);
    participant.state = wireName(change.participantState, participant.state);
    if (change.reason) participant.endReason = change.reason;
  }

  #changeParticipantState(change) {
    const participant = this.participants.get(change.participantId);
    if (!participant) return;
    participant.state = wireName(change.state, participant.state);
    if (change.reason) participant.endReason = change.reason;
  }

  #changeSpeaking(changes) {
    for (const { participantId, isSpeaking } of changes) {
      const participant = this.participants.get(participantId);
      if (participant) participant.isSpeaking = isSpeaking === true;
    }
  }

  #setKind({ kind, threadId }) {
    this.kind = wireName(kind, this.kind);
    this.threadId = threadId || this.threadId;
  }

  #put(wire) {
    if (!wire?.participantId) return;
    const name = wire.displayName || shortId(wire.identifier?.rawId ?? '');
    this.#names.set(wire.participantId, name);
    this.participants.set(wire.participantId, {
      id: wire.participantId,
      rawId: wire.identifier?.rawId ?? '',
      name,
      state: wireName(wire.state, 'Idle'),
      callState: wireName(wire.callState, 'None'),
      direction: wireName(wire.direction, ''),
      isMuted: wire.isMuted === true,
      isSpeaking: wire.isSpeaking === true,
      isVideoOn: wire.isVideoOn === true,
      isScreenSharingOn: wire.isScreenSharingOn === true,
      endReason: wire.callEndReason ?? null,
    });
  }
}

/** A raw id cut to what a person can compare. */
export function shortId(rawId) {
  const last = rawId.split(/[:_]/).at(-1) ?? '';
  return last.length > 12 ? `${last.slice(0, 8)}…` : last || 'Guest';
}
