// Events of a call in words, for the timeline.

import type { WireCallEvent, WireParticipant, WireReason } from '../wire/messages';
import { reasonCode } from '../words';

/** The name of what happened, as the protocol has it, and what is to be said about it. */
export function eventWords(event: WireCallEvent, name: (participantId: string) => string): { kind: string; detail: string } {
  if (event.snapshot) {
    const { kind, participants } = event.snapshot;
    return { kind: 'snapshot', detail: `${kind}, ${participants.map(({ displayName, state }) => `${displayName} ${state}`).join(', ')}` };
  }
  if (event.callStarted) return { kind: 'callStarted', detail: event.callStarted.kind };
  const moved = event.callStateChanged ?? event.participantStateChanged;
  if (moved) {
    const { participantId, previous, state, reason } = moved;
    const kind = event.callStateChanged ? 'callStateChanged' : 'participantStateChanged';
    return { kind, detail: `${name(participantId)}: ${previous} → ${state}${because(reason)}` };
  }
  if (event.participantAdded) return { kind: 'participantAdded', detail: recordWords(event.participantAdded.participant) };
  if (event.participantUpdated) return { kind: 'participantUpdated', detail: recordWords(event.participantUpdated.participant) };
  if (event.participantRemoved) return { kind: 'participantRemoved', detail: `${name(event.participantRemoved.participantId)}${because(event.participantRemoved.reason)}` };
  if (event.callKindChanged) return { kind: 'callKindChanged', detail: event.callKindChanged.kind };
  if (event.operationCompleted) {
    const { operationId, participantId, error } = event.operationCompleted;
    return { kind: 'operationCompleted', detail: `${operationId} of ${name(participantId)}: ${error ? `${error.code}, ${error.message}` : 'done'}` };
  }
  if (event.speakingChanged) {
    return { kind: 'speakingChanged', detail: event.speakingChanged.changes.map(({ participantId, isSpeaking }) => `${name(participantId)} ${isSpeaking ? 'speaks' : 'is silent'}`).join(', ') };
  }
  if (event.transferStateChanged) {
    const { transferorId, targetId, state, reason } = event.transferStateChanged;
    return { kind: 'transferStateChanged', detail: `${name(transferorId)} → ${name(targetId)}: ${state}${because(reason)}` };
  }
  if (event.callEnded) return { kind: 'callEnded', detail: because(event.callEnded.reason).replace(/^, /, '') };
  return { kind: 'unknown', detail: '' };
}

function recordWords(participant: WireParticipant | undefined): string {
  if (!participant) return '';
  const { displayName, state, isMuted, isVideoOn, isScreenSharingOn } = participant;
  return [displayName, state, isMuted && 'muted', isVideoOn && 'camera', isScreenSharingOn && 'screen'].filter(Boolean).join(', ');
}

function because(reason: WireReason | undefined): string {
  return reason ? `, ${reasonCode(reason)} ${reason.meaning}` : '';
}
