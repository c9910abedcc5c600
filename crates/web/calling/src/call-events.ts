// The ordered events of one call: a snapshot first, then one change after the other, a gap repaired.

import type { CallImpl } from './call.js';
import type { Call as WireCall, CallEvent } from './gen/trunkline/calling/v1/calling_pb.js';
import { endReason } from './reasons.js';

/** Brings a call up to what the exchange says of it, each event once and in order. */
export class CallEvents {
  readonly #call: CallImpl;
  #seq = 0n;
  #hasSnapshot = false;
  #awaitsSnapshot = false;

  constructor(call: CallImpl) {
    this.#call = call;
  }

  /** Takes one event; what was missed is asked for as a snapshot. */
  handle(event: CallEvent): void {
    if (event.kind.case === 'snapshot') {
      this.#restore(event.kind.value, event.seq);
    } else if (this.#hasSnapshot && event.seq <= this.#seq) {
      return;
    } else if (event.seq !== this.#seq + 1n && (this.#hasSnapshot || this.#seq !== 0n)) {
      if (!this.#awaitsSnapshot) void this.#call.command('getSnapshot', {}).catch(() => {});
      this.#awaitsSnapshot = true;
    } else {
      this.#seq = event.seq;
      this.#apply(event);
    }
  }

  #restore(call: WireCall, seq: bigint): void {
    this.#hasSnapshot = true;
    this.#awaitsSnapshot = false;
    this.#seq = seq || call.seq;
    this.#call.info.update({ threadId: call.threadId, groupId: call.groupId });
    const others = call.participants.filter(({ participantId }) => participantId !== this.#call.info.participantId);
    const gone = this.#call.remoteParticipants.filter(({ participantId }) => !others.some((other) => other.participantId === participantId));
    for (const participant of gone) this.#call.roster.drop(participant, undefined);
    for (const participant of others) this.#call.roster.put(participant);
    const own = call.participants.find(({ participantId }) => participantId === this.#call.info.participantId);
    if (own) {
      this.#call.takeOwn(own);
      this.#call.moveTo(own.callState, own.callEndReason && endReason(own.callEndReason));
    }
    if (call.endReason) this.#call.end(endReason(call.endReason));
  }

  #apply({ kind }: CallEvent): void {
    switch (kind.case) {
      case 'callStateChanged': {
        const { participantId, state, participantState, reason } = kind.value;
        if (participantId === this.#call.info.participantId) this.#call.moveTo(state, reason && endReason(reason));
        else this.#call.roster.move(participantId, participantState, reason);
        break;
      }
      case 'participantStateChanged': {
        const { participantId, state, reason } = kind.value;
        this.#call.roster.move(participantId, state, reason);
        break;
      }
      case 'participantAdded':
      case 'participantUpdated':
        if (kind.value.participant) this.#call.roster.put(kind.value.participant);
        break;
      case 'participantRemoved': {
        const participant = this.#call.roster.byId(kind.value.participantId);
        if (participant) this.#call.roster.drop(participant, kind.value.reason && endReason(kind.value.reason));
        break;
      }
      case 'speakingChanged':
        for (const { participantId, isSpeaking } of kind.value.changes) {
          const participant = this.#call.roster.byId(participantId);
          participant?.setSpeaking(isSpeaking);
          if (participant) this.#call.inner.emit('speaking', participant);
        }
        break;
      case 'callStarted':
      case 'callKindChanged':
        this.#call.info.update({ threadId: kind.value.threadId });
        break;
      case 'transferStateChanged':
        this.#call.inner.emit('transfer', kind.value);
        break;
      case 'callEnded':
        this.#call.end(endReason(kind.value.reason));
        break;
      default:
    }
  }
}
