// What a call looks like at one moment: plain values, made anew after every change.

import {
  Features, type Call, type CallState, type LocalVideoStream, type ParticipantCapabilityName, type ParticipantRole, type Reaction, type RemoteParticipant,
  type RemoteParticipantState, type RemoteVideoStream,
} from '@trunkline/calling';

import { rawIdOf } from '../identifiers';
import { text } from '../strings';
import type { Reason } from '../words';

/** Somebody else in the call. */
export interface PersonView {
  readonly rawId: string;
  /** The entry of the roster; one person may be there twice. */
  readonly key: string;
  readonly name: string;
  readonly state: RemoteParticipantState;
  readonly isMuted: boolean;
  readonly isSpeaking: boolean;
  readonly role: ParticipantRole;
  /** Place in the row of raised hands, from one; zero when the hand is down. */
  readonly handPlace: number;
  readonly isSpotlighted: boolean;
  readonly reaction: Reaction | undefined;
  readonly camera: RemoteVideoStream | undefined;
  readonly screen: RemoteVideoStream | undefined;
}

/** One call. */
export interface CallView {
  readonly id: string;
  readonly state: CallState;
  readonly isIncoming: boolean;
  readonly isMuted: boolean;
  readonly isSharing: boolean;
  readonly camera: LocalVideoStream | undefined;
  readonly ownScreen: LocalVideoStream | undefined;
  readonly role: ParticipantRole;
  readonly handPlace: number;
  readonly reaction: Reaction | undefined;
  readonly isMeeting: boolean;
  readonly isRecorded: boolean;
  readonly isTranscribed: boolean;
  readonly people: readonly PersonView[];
  readonly waiting: readonly PersonView[];
  readonly threadId: string;
  readonly connectedAt: number | undefined;
  readonly endReason: Reason | undefined;
  /** What the banner says, by what it is about. */
  readonly troubles: readonly Trouble[];
  readonly problem: string;
  readonly notice: string;
  readonly can: Readonly<Record<Ability, boolean>>;
}

/** What stands in the way of the call. */
export type Trouble = 'networkPoor' | 'speakingMuted' | 'cameraProblem' | 'microphoneProblem';

const ABILITIES = [
  'turnVideoOn', 'unmuteMic', 'shareScreen', 'removeParticipant', 'hangUpForEveryOne', 'manageLobby', 'spotlightParticipant', 'raiseHand',
  'muteOthers', 'useReactions',
] as const satisfies readonly ParticipantCapabilityName[];
export type Ability = (typeof ABILITIES)[number];

/** What is shown for a moment, by raw id. */
export type Reactions = ReadonlyMap<string, Reaction>;

/** What is known beside the call itself. */
export interface Beside {
  readonly ownRawId: string;
  readonly reactions: Reactions;
  readonly troubles: readonly Trouble[];
  readonly problem: string;
  readonly notice: string;
  readonly connectedAt: number | undefined;
}

/** The camera of this side, or what the page shows in its place. */
export function ownCamera(call: Call): LocalVideoStream | undefined {
  return call.localVideoStreams.find(({ mediaStreamType }) => mediaStreamType !== 'ScreenSharing');
}

/** Looks at a call. */
export function viewOf(call: Call, beside: Beside): CallView {
  const hands = call.feature(Features.RaiseHand).getRaisedHands();
  const spotlighted = new Set(call.feature(Features.Spotlight).getSpotlightedParticipants().map(({ identifier }) => rawIdOf(identifier)));
  const { capabilities } = call.feature(Features.Capabilities);
  const handPlace = (rawId: string) => hands.find(({ identifier }) => rawIdOf(identifier) === rawId)?.order ?? 0;
  const look = (participant: RemoteParticipant): PersonView => {
    const rawId = rawIdOf(participant.identifier);
    const stream = (kind: string) => participant.videoStreams.find(({ mediaStreamType, isAvailable }) => mediaStreamType === kind && isAvailable);
    return {
      rawId,
      key: participant.endpointDetails[0]?.participantId ?? rawId,
      name: participant.displayName ?? text.somebody,
      state: participant.state,
      isMuted: participant.isMuted,
      isSpeaking: participant.isSpeaking,
      role: participant.role,
      handPlace: handPlace(rawId),
      isSpotlighted: spotlighted.has(rawId),
      reaction: beside.reactions.get(rawId),
      camera: stream('Video'),
      screen: stream('ScreenSharing'),
    };
  };
  // Whoever waits may be in the roster before the lobby lists them.
  const inRoster = call.remoteParticipants.filter(({ state }) => state === 'InLobby');
  const waiting = [...inRoster, ...call.lobby.participants.filter((participant) => !inRoster.includes(participant))].map(look);
  return {
    id: call.id,
    state: call.state,
    isIncoming: call.direction === 'Incoming',
    isMuted: call.isMuted,
    isSharing: call.isScreenSharingOn,
    camera: call.isLocalVideoStarted ? ownCamera(call) : undefined,
    ownScreen: call.localVideoStreams.find(({ mediaStreamType }) => mediaStreamType === 'ScreenSharing'),
    role: call.role,
    handPlace: handPlace(beside.ownRawId),
    reaction: beside.reactions.get(beside.ownRawId),
    isMeeting: call.role !== 'Unknown',
    isRecorded: call.feature(Features.Recording).isRecordingActive,
    isTranscribed: call.feature(Features.Transcription).isTranscriptionActive,
    people: call.remoteParticipants.map(look).filter(({ state, key }) => state !== 'Disconnected' && !waiting.some((other) => other.key === key)),
    waiting,
    threadId: call.info.threadId ?? '',
    connectedAt: beside.connectedAt,
    endReason: call.callEndReason,
    troubles: beside.troubles,
    problem: beside.problem,
    notice: beside.notice,
    can: Object.fromEntries(ABILITIES.map((name) => [name, capabilities[name].isPresent])) as Record<Ability, boolean>,
  };
}

/** Those with whom one talks: everybody who is in the call, also while holding. */
export function isInCall({ state }: PersonView): boolean {
  return state === 'Connected' || state === 'Hold';
}

/** Those who are being called. */
export function isRinging({ state }: PersonView): boolean {
  return state === 'Idle' || state === 'Connecting' || state === 'Ringing' || state === 'EarlyMedia';
}
