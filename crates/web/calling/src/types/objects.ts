// The objects of the public API: agents, calls, participants, streams.

import type { CallFeature, CallFeatureFactory } from './features.js';
import type { LocalAudioStream, LocalVideoStream } from '../local-streams.js';
import type {
  AcceptCallOptions, JoinCallOptions, StartCallOptions, StartTeamsCallOptions, StartTeamsGroupCallOptions,
} from './options.js';
import type * as v from './values.js';

export type IncomingCallEvent = (args: { incomingCall: IncomingCall }) => void;
export type TeamsIncomingCallEvent = (args: { incomingCall: TeamsIncomingCall; teamsIncomingCall: TeamsIncomingCall }) => void;

export interface CallAgentCommon {
  readonly kind: v.CallAgentKind;
  readonly connectionState: v.ConnectionState;
  dispose(): Promise<void>;
}

export interface CallAgent extends CallAgentCommon {
  readonly calls: ReadonlyArray<Call>;
  readonly displayName?: string | undefined;
  startCall(participants: v.CommunicationIdentifier[], options?: StartCallOptions): Call;
  join(locator: v.CallLocator, options?: JoinCallOptions): Call;
  on(event: 'handleIncomingCall', listener: v.HandleIncomingCallEvent): void;
  on(event: 'incomingCall', listener: IncomingCallEvent): void;
  on(event: 'callsUpdated', listener: v.CollectionUpdatedEvent<Call>): void;
  on(event: 'connectionStateChanged', listener: v.ConnectionStateChangedEvent): void;
  off(event: 'handleIncomingCall', listener: v.HandleIncomingCallEvent): void;
  off(event: 'incomingCall', listener: IncomingCallEvent): void;
  off(event: 'callsUpdated', listener: v.CollectionUpdatedEvent<Call>): void;
  off(event: 'connectionStateChanged', listener: v.ConnectionStateChangedEvent): void;
}

export interface TeamsCallAgent extends CallAgentCommon {
  readonly calls: ReadonlyArray<TeamsCall>;
  startCall(participant: v.CommunicationIdentifier, options?: StartTeamsCallOptions): TeamsCall;
  startCall(participants: v.CommunicationIdentifier[], options?: StartTeamsGroupCallOptions): TeamsCall;
  join(locator: v.MeetingLocator, options?: JoinCallOptions): TeamsCall;
  on(event: 'incomingCall', listener: TeamsIncomingCallEvent): void;
  on(event: 'callsUpdated', listener: v.CollectionUpdatedEvent<TeamsCall>): void;
  on(event: 'connectionStateChanged', listener: v.ConnectionStateChangedEvent): void;
  off(event: 'incomingCall', listener: TeamsIncomingCallEvent): void;
  off(event: 'callsUpdated', listener: v.CollectionUpdatedEvent<TeamsCall>): void;
  off(event: 'connectionStateChanged', listener: v.ConnectionStateChangedEvent): void;
}

export interface CallInfoCommon {
  readonly threadId: string | undefined;
  readonly participantId: string;
  getServerCallId(): Promise<string>;
  onCallInfoChanged(event: 'callInfoChanged', listener: v.PropertyChangedEvent): void;
  offCallInfoChanged(event: 'callInfoChanged', listener: v.PropertyChangedEvent): void;
}
export interface CallInfo extends CallInfoCommon { readonly groupId: string | undefined }
export type TeamsCallInfo = CallInfoCommon;

type CallPropertyEvent =
  | 'stateChanged' | 'idChanged' | 'isMutedChanged' | 'isIncomingAudioMutedChanged' | 'isScreenSharingOnChanged'
  | 'isLocalVideoStartedChanged' | 'roleChanged' | 'mutedByOthers' | 'callerInfoChanged' | 'transferorInfoChanged';

export interface CallCommon {
  readonly kind: v.CallKind;
  readonly id: string;
  readonly callerInfo: v.CallerInfo;
  readonly transferorInfo?: v.CallerInfo | undefined;
  readonly state: v.CallState;
  readonly callEndReason?: v.CallEndReason | undefined;
  readonly direction: v.CallDirection;
  readonly isMuted: boolean;
  readonly isIncomingAudioMuted: boolean;
  readonly isScreenSharingOn: boolean;
  readonly isLocalVideoStarted: boolean;
  readonly localVideoStreams: ReadonlyArray<LocalVideoStream>;
  readonly localAudioStreams: ReadonlyArray<LocalAudioStream>;
  readonly remoteAudioStreams: ReadonlyArray<RemoteAudioStream>;
  readonly remoteParticipants: ReadonlyArray<RemoteParticipant>;
  readonly role: v.ParticipantRole;
  readonly lobby: Lobby;
  feature<T extends CallFeature>(factory: CallFeatureFactory<T>): T;
  hangUp(options?: v.HangUpOptions): Promise<void>;
  mute(): Promise<void>;
  unmute(): Promise<void>;
  muteAllRemoteParticipants(): Promise<void>;
  muteIncomingAudio(): Promise<void>;
  unmuteIncomingAudio(): Promise<void>;
  sendDtmf(dtmfTone: v.DtmfTone): Promise<void>;
  startVideo(stream: LocalVideoStream): Promise<void>;
  stopVideo(stream: LocalVideoStream): Promise<void>;
  hold(): Promise<void>;
  resume(): Promise<void>;
  startScreenSharing(stream?: LocalVideoStream): Promise<void>;
  stopScreenSharing(): Promise<void>;
  startAudio(stream: LocalAudioStream): Promise<void>;
  stopAudio(): Promise<void>;
  setConstraints(constraints: v.CallConstraints): Promise<void>;
  on(event: CallPropertyEvent, listener: v.PropertyChangedEvent): void;
  on(event: 'remoteParticipantsUpdated', listener: v.CollectionUpdatedEvent<RemoteParticipant>): void;
  on(event: 'localVideoStreamsUpdated', listener: v.CollectionUpdatedEvent<LocalVideoStream>): void;
  on(event: 'localAudioStreamsUpdated', listener: v.CollectionUpdatedEvent<LocalAudioStream>): void;
  on(event: 'remoteAudioStreamsUpdated', listener: v.CollectionUpdatedEvent<RemoteAudioStream>): void;
  off(event: CallPropertyEvent, listener: v.PropertyChangedEvent): void;
  off(event: 'remoteParticipantsUpdated', listener: v.CollectionUpdatedEvent<RemoteParticipant>): void;
  off(event: 'localVideoStreamsUpdated', listener: v.CollectionUpdatedEvent<LocalVideoStream>): void;
  off(event: 'localAudioStreamsUpdated', listener: v.CollectionUpdatedEvent<LocalAudioStream>): void;
  off(event: 'remoteAudioStreamsUpdated', listener: v.CollectionUpdatedEvent<RemoteAudioStream>): void;
}
export interface Call extends CallCommon {
  readonly info: CallInfo;
  addParticipant(identifier: v.CommunicationIdentifier, options?: v.AddPhoneNumberOptions): RemoteParticipant;
  removeParticipant(identifier: v.CommunicationIdentifier): Promise<void>;
}
export interface TeamsCall extends CallCommon {
  readonly info: TeamsCallInfo;
  readonly isEmergencyCall?: boolean | undefined;
  addParticipant(identifier: v.CommunicationIdentifier, options?: v.AddTeamsParticipantOptions): RemoteParticipant;
  removeParticipant(identifier: v.CommunicationIdentifier): Promise<void>;
}

export interface IncomingCallCommon {
  readonly kind: v.IncomingCallKind;
  readonly id: string;
  readonly callerInfo: v.CallerInfo;
  readonly transferorInfo?: v.CallerInfo | undefined;
  readonly callEndReason?: v.CallEndReason | undefined;
  readonly customContext?: v.CustomContext | undefined;
  reject(): Promise<void>;
  on(event: 'callEnded', listener: v.CallEndedEvent): void;
  on(event: 'callerInfoChanged' | 'transferorInfoChanged', listener: v.PropertyChangedEvent): void;
  off(event: 'callEnded', listener: v.CallEndedEvent): void;
  off(event: 'callerInfoChanged' | 'transferorInfoChanged', listener: v.PropertyChangedEvent): void;
}
export interface IncomingCall extends IncomingCallCommon {
  readonly info: CallInfo;
  accept(options?: AcceptCallOptions): Promise<Call>;
}
export interface TeamsIncomingCall extends IncomingCallCommon {
  readonly info: TeamsCallInfo;
  accept(options?: AcceptCallOptions): Promise<TeamsCall>;
}

type ParticipantEvent = 'stateChanged' | 'isMutedChanged' | 'displayNameChanged' | 'roleChanged' | 'isSpeakingChanged';
type NameChangedEvent = v.PropertyChangedEventWithArgs<string, v.DisplayNameChangedReason>;

export interface RemoteParticipant extends v.ParticipantInfo {
  readonly state: v.RemoteParticipantState;
  readonly callEndReason?: v.CallEndReason | undefined;
  readonly videoStreams: ReadonlyArray<RemoteVideoStream>;
  readonly isMuted: boolean;
  readonly isSpeaking: boolean;
  readonly role: v.ParticipantRole;
  mute(): Promise<void>;
  on(event: ParticipantEvent, listener: v.PropertyChangedEvent): void;
  on(event: 'displayNameChanged', listener: NameChangedEvent): void;
  on(event: 'videoStreamsUpdated', listener: v.CollectionUpdatedEvent<RemoteVideoStream>): void;
  off(event: ParticipantEvent, listener: v.PropertyChangedEvent): void;
  off(event: 'displayNameChanged', listener: NameChangedEvent): void;
  off(event: 'videoStreamsUpdated', listener: v.CollectionUpdatedEvent<RemoteVideoStream>): void;
}
export interface Lobby {
  readonly participants: ReadonlyArray<RemoteParticipant>;
  admit(participant: v.CommunicationIdentifier, options?: v.AdmitLobbyParticipantOptions): Promise<void>;
  reject(participant: v.CommunicationIdentifier, options?: v.RejectLobbyParticipantOptions): Promise<void>;
  admitAll(options?: v.AdmitLobbyParticipantOptions): Promise<v.AdmitAllOperationResult>;
  on(event: 'lobbyParticipantsUpdated', listener: v.CollectionUpdatedEvent<RemoteParticipant>): void;
  off(event: 'lobbyParticipantsUpdated', listener: v.CollectionUpdatedEvent<RemoteParticipant>): void;
}

type SelectionEvent = 'selectedMicrophoneChanged' | 'selectedSpeakerChanged';

export interface DeviceManager {
  readonly isSpeakerSelectionAvailable: boolean;
  readonly selectedMicrophone?: v.AudioDeviceInfo | undefined;
  readonly selectedSpeaker?: v.AudioDeviceInfo | undefined;
  getCameras(): Promise<v.VideoDeviceInfo[]>;
  getMicrophones(): Promise<v.AudioDeviceInfo[]>;
  getSpeakers(): Promise<v.AudioDeviceInfo[]>;
  selectMicrophone(device: v.AudioDeviceInfo): Promise<void>;
  selectSpeaker(device: v.AudioDeviceInfo): Promise<void>;
  askDevicePermission(constraints: v.PermissionConstraints): Promise<v.DeviceAccess>;
  startPreheatDevices(parameters: v.StartPreheatDeviceParameters): Promise<void>;
  stopPreheatDevices(parameters: v.StopPreheatDeviceParameters): void;
  on(event: 'videoDevicesUpdated', listener: v.CollectionUpdatedEvent<v.VideoDeviceInfo>): void;
  on(event: 'audioDevicesUpdated', listener: v.CollectionUpdatedEvent<v.AudioDeviceInfo>): void;
  on(event: SelectionEvent, listener: v.PropertyChangedEvent): void;
  off(event: 'videoDevicesUpdated', listener: v.CollectionUpdatedEvent<v.VideoDeviceInfo>): void;
  off(event: 'audioDevicesUpdated', listener: v.CollectionUpdatedEvent<v.AudioDeviceInfo>): void;
  off(event: SelectionEvent, listener: v.PropertyChangedEvent): void;
}

export interface RemoteVideoStreamCommon {
  readonly id: number;
  readonly mediaStreamType: v.MediaStreamType;
  readonly isReceiving: boolean;
  readonly size: v.StreamSize;
}
export interface RemoteVideoStream extends RemoteVideoStreamCommon {
  readonly isAvailable: boolean;
  getMediaStream(): Promise<MediaStream>;
  on(event: 'isAvailableChanged' | 'sizeChanged' | 'isReceivingChanged', listener: v.PropertyChangedEvent): void;
  off(event: 'isAvailableChanged' | 'sizeChanged' | 'isReceivingChanged', listener: v.PropertyChangedEvent): void;
}
export interface Volume {
  readonly level: number;
  on(event: 'levelChanged', listener: v.PropertyChangedEvent): void;
  off(event: 'levelChanged', listener: v.PropertyChangedEvent): void;
}
export interface RemoteAudioStream {
  getMediaStream(): Promise<MediaStream>;
  getVolume(): Promise<Volume>;
}
export interface VideoStreamRendererView {
  readonly scalingMode: v.ScalingMode;
  readonly isMirrored: boolean;
  readonly target: HTMLElement;
  updateScalingMode(scalingMode: v.ScalingMode): Promise<void>;
  dispose(): void;
}
export interface TransferEventArgs { targetCall: CallCommon }
