// Plain shapes of the public API: identifiers, options, locators, payloads, unions and enums.

/** What an access token looks like to a client. */
export interface AccessToken {
  token: string;
  expiresOnTimestamp: number;
}

/** Whatever can produce tokens: `AzureCommunicationTokenCredential` does. */
export interface CommunicationTokenCredential {
  getToken(options?: { abortSignal?: unknown }): Promise<AccessToken>;
  dispose?(): void;
}

export interface CommunicationUserIdentifier { communicationUserId: string }
export interface PhoneNumberIdentifier { phoneNumber: string; rawId?: string; isAnonymous?: boolean; assertedId?: string }
export interface MicrosoftTeamsUserIdentifier {
  microsoftTeamsUserId: string;
  isAnonymous?: boolean;
  cloud?: 'public' | 'dod' | 'gcch';
  rawId?: string;
}
export interface MicrosoftTeamsAppIdentifier { teamsAppId: string; cloud?: 'public' | 'dod' | 'gcch'; rawId?: string }
export interface TeamsExtensionUserIdentifier {
  userId: string;
  tenantId: string;
  resourceId: string;
  cloud?: 'public' | 'dod' | 'gcch';
  rawId?: string;
}
export interface UnknownIdentifier { id: string }
export type CommunicationIdentifier =
  | CommunicationUserIdentifier
  | PhoneNumberIdentifier
  | MicrosoftTeamsUserIdentifier
  | MicrosoftTeamsAppIdentifier
  | TeamsExtensionUserIdentifier
  | UnknownIdentifier;
export type CommunicationUserKind = CommunicationUserIdentifier & { kind: 'communicationUser'; rawId?: string };
export type PhoneNumberKind = PhoneNumberIdentifier & { kind: 'phoneNumber' };
export type MicrosoftTeamsUserKind = MicrosoftTeamsUserIdentifier & { kind: 'microsoftTeamsUser' };
export type MicrosoftTeamsAppKind = MicrosoftTeamsAppIdentifier & { kind: 'microsoftTeamsApp' };
export type TeamsExtensionUserKind = TeamsExtensionUserIdentifier & { kind: 'teamsExtensionUser' };
export type UnknownIdentifierKind = UnknownIdentifier & { kind: 'unknown'; rawId?: string };
export type CommunicationIdentifierKind =
  | CommunicationUserKind
  | PhoneNumberKind
  | MicrosoftTeamsUserKind
  | MicrosoftTeamsAppKind
  | TeamsExtensionUserKind
  | UnknownIdentifierKind;

export type CallState =
  | 'None' | 'Connecting' | 'Ringing' | 'Connected' | 'LocalHold' | 'RemoteHold' | 'InLobby' | 'Disconnecting'
  | 'Disconnected' | 'EarlyMedia';
export type RemoteParticipantState =
  | 'Idle' | 'Connecting' | 'Ringing' | 'Connected' | 'Hold' | 'InLobby' | 'EarlyMedia' | 'Disconnected';
export type CallDirection = 'Incoming' | 'Outgoing';
export type ParticipantRole =
  | 'Unknown' | 'Attendee' | 'Presenter' | 'Organizer' | 'Co-organizer' | 'Consumer' | 'Collaborator';
export type ConnectionState = 'Connected' | 'Disconnected';
export type ConnectionStateChangedReason = 'invalidToken' | 'connectionIssue';
export type MediaStreamType = 'Video' | 'ScreenSharing' | 'RawMedia' | 'LiveStream' | 'Audio';
export type ScalingMode = 'Stretch' | 'Crop' | 'Fit';
export type DtmfTone =
  | 'A' | 'B' | 'C' | 'D' | 'Flash' | 'Num0' | 'Num1' | 'Num2' | 'Num3' | 'Num4' | 'Num5' | 'Num6' | 'Num7'
  | 'Num8' | 'Num9' | 'Pound' | 'Star';
export type TransferState = 'None' | 'Transferring' | 'Transferred' | 'Failed';
export type CaptionsResultType = 'Partial' | 'Final';
export type CaptionsKind = 'TeamsCaptions' | 'Captions';
export type Reaction = 'like' | 'heart' | 'laugh' | 'surprised' | 'applause';
export type CapabilitiesChangedReason =
  | 'RoleChanged' | 'UserPolicyChanged' | 'MeetingOptionOrOrganizerPolicyChanged' | 'TeamsPremiumLicenseChanged';
export type CapabilityResolutionReason =
  | 'Capable' | 'CapabilityNotApplicableForTheCallType' | 'ClientRestricted' | 'UserPolicyRestricted'
  | 'RoleRestricted' | 'FeatureNotSupported' | 'MeetingRestricted' | 'NotInitialized' | 'NotCapable'
  | 'TeamsPremiumLicenseRestricted' | 'IpModeUserPolicyRestricted' | 'ExplicitConsentRequired';
export type ParticipantCapabilityName =
  | 'turnVideoOn' | 'unmuteMic' | 'shareScreen' | 'removeParticipant' | 'hangUpForEveryOne'
  | 'addCommunicationUser' | 'addTeamsUser' | 'addPhoneNumber' | 'manageLobby' | 'spotlightParticipant'
  | 'removeParticipantsSpotlight' | 'blurBackground' | 'startLiveMeetingCaptions' | 'startLiveCallingCaptions'
  | 'setCaptionLanguage' | 'raiseHand' | 'pstnDialOut' | 'muteOthers' | 'useReactions' | 'viewAttendeeNames'
  | 'startTogetherMode' | 'joinBreakoutRooms' | 'forbidOthersAudio' | 'forbidOthersVideo' | 'realTimeText';
export type OvcChangeReason = 'bandwidth' | 'performance' | 'externalLimit' | 'unknown';
export type AudioDeviceType = 'Microphone' | 'Speaker' | 'CompositeAudioDevice' | 'Virtual';
export type VideoDeviceType = 'Unknown' | 'UsbCamera' | 'CaptureAdapter' | 'Virtual' | 'ScreenSharing';
export type VideoEffectName = 'BackgroundBlur' | 'BackgroundReplacement';
export type NoiseSuppressionEffectName = 'BrowserNoiseSuppression' | 'DeepNoiseSuppression';
export type EchoCancellationEffectName = 'BrowserEchoCancellation' | 'EchoCancellation';
export type DiagnosticValueType = 'DiagnosticQuality' | 'DiagnosticFlag';
export type ServerDiagnosticType = 'serverConnection';
export type RealTimeTextResultType = 'Partial' | 'Final';
export type BreakoutRoomState = 'open' | 'closed';
export type DataChannelPriority = 'High' | 'Normal';
export type DataChannelReliability = 'Durable' | 'Lossy';
export type DisconnectCategory = 'Expected' | 'Unexpected';
export type DisconnectReason =
  | 'client' | 'unload' | 'dispose' | 'userInitiated' | 'sydneyInitiated' | 'fatalError' | 'botLeft'
  | 'devicePermissions' | 'configureFailure' | 'userDidNotJoinPreheatedSession' | 'mediaSessionDisconnected'
  | 'sessionDisconnected' | 'preheatFailed' | 'userNavigatedAway' | 'preheatDisposed' | 'timeout';
export type DisplayNameChangedReason = 'editedDisplayName';
export type OverallIssue = 'CallCannotJoin' | 'CallCannotInvite' | 'HadToRejoin' | 'CallEndedUnexpectedly' | 'OtherIssues';
export type AudioIssue =
  | 'NoLocalAudio' | 'NoRemoteAudio' | 'Echo' | 'AudioNoise' | 'LowVolume' | 'AudioStoppedUnexpectedly'
  | 'DistortedSpeech' | 'AudioInterruption' | 'OtherIssues';
export type VideoIssue =
  | 'NoVideoReceived' | 'NoVideoSent' | 'LowQuality' | 'Freezes' | 'StoppedUnexpectedly' | 'DarkVideoReceived'
  | 'AudioVideoOutOfSync' | 'OtherIssues';
export type ScreenshareIssue =
  | 'NoContentLocal' | 'NoContentRemote' | 'CannotPresent' | 'LowQuality' | 'Freezes' | 'StoppedUnexpectedly'
  | 'LargeDelay' | 'OtherIssues';

export enum CallKind { Call = 'Call', TeamsCall = 'TeamsCall' }
export enum CallAgentKind { CallAgent = 'CallAgent', TeamsCallAgent = 'TeamsCallAgent' }
export enum IncomingCallKind { IncomingCall = 'IncomingCall', TeamsIncomingCall = 'TeamsIncomingCall' }
export enum DevicePermissionAccess { Granted = 'granted', Denied = 'denied', Prompt = 'prompt' }
export enum DiagnosticQuality { Good = 1, Poor = 2, Bad = 3 }
export enum RecordingState { None = 0, Started = 1, Paused = 2, Ended = 3 }

/** Whether a way of leaving was meant. */
export const disconnectCategoryMap: Readonly<Record<DisconnectReason, DisconnectCategory>> = {
  client: 'Expected',
  unload: 'Expected',
  dispose: 'Expected',
  userInitiated: 'Expected',
  sydneyInitiated: 'Expected',
  fatalError: 'Unexpected',
  botLeft: 'Expected',
  devicePermissions: 'Unexpected',
  configureFailure: 'Unexpected',
  userDidNotJoinPreheatedSession: 'Expected',
  mediaSessionDisconnected: 'Unexpected',
  sessionDisconnected: 'Unexpected',
  preheatFailed: 'Unexpected',
  userNavigatedAway: 'Expected',
  preheatDisposed: 'Expected',
  timeout: 'Unexpected',
};

export interface AzureLogger {
  info?(...values: unknown[]): void;
  warning?(...values: unknown[]): void;
  error?(...values: unknown[]): void;
  verbose?(...values: unknown[]): void;
}
export interface DiagnosticOptions { appName?: string; appVersion?: string; tags?: string[] }
export interface ProxyConfiguration { url: string }
export interface IceServer { urls: string[]; username?: string; credential?: string }
export interface TurnConfiguration { iceServers: IceServer[] }
export interface NetworkConfiguration { proxy?: ProxyConfiguration; turn?: TurnConfiguration }
export interface CallClientOptions {
  logger?: AzureLogger;
  diagnostics?: DiagnosticOptions;
  networkConfiguration?: NetworkConfiguration;
  /** The exchange's address, where it is not the page's own origin. Not part of the ACS names. */
  endpoint?: string;
}
export interface EmergencyCallOptions { countryCode?: string }
export interface CallAgentOptions { displayName?: string; emergencyCallOptions?: EmergencyCallOptions }
export interface TeamsCallAgentOptions { emergencyCallOptions?: EmergencyCallOptions }
export interface VideoSendConstraints {
  bitrate?: { max?: number };
  frameHeight?: { max?: number };
  frameRate?: { max?: number };
}
export interface VideoConstraints { send?: VideoSendConstraints }
export interface CallConstraints { video?: VideoConstraints }
export interface HangUpOptions { forEveryone: boolean }
export interface AddPhoneNumberOptions { alternateCallerId?: PhoneNumberIdentifier }
export interface AddTeamsParticipantOptions { threadId?: string }
export interface xHeader { key: string; value: string }
export interface CustomContextOptions { userToUser?: string; xHeaders?: xHeader[] }
export interface CustomContext extends CustomContextOptions { sipHeaders?: xHeader[]; voipHeaders?: xHeader[] }
export interface OnBehalfOfOptions { userId: MicrosoftTeamsUserIdentifier | MicrosoftTeamsAppIdentifier }
export interface CreateViewOptions { isMirrored?: boolean; scalingMode?: ScalingMode }
export interface LocalVideoStreamOptions { autoDisposeOnCallEnd?: boolean }
export interface LocalAudioStreamOptions { autoDisposeOnCallEnd?: boolean }
export interface StartPreheatDeviceParameters { microphoneDevice?: AudioDeviceInfo }
export interface StopPreheatDeviceParameters { microphoneDevice?: AudioDeviceInfo }

export interface GroupCallLocator { groupId: string }
export type GroupLocator = GroupCallLocator;
export interface RoomCallLocator { roomId: string }
export type RoomLocator = RoomCallLocator;
export interface TeamsMeetingLinkLocator { meetingLink: string }
export interface TeamsMeetingIdLocator { meetingId: string; passcode?: string }
export interface TeamsMeetingCoordinatesLocator {
  threadId: string;
  organizerId: string;
  tenantId: string;
  messageId: string;
}
export type CallLocator =
  | GroupLocator | RoomLocator | TeamsMeetingLinkLocator | TeamsMeetingIdLocator | TeamsMeetingCoordinatesLocator;
export type MeetingLocator = TeamsMeetingLinkLocator | TeamsMeetingIdLocator | TeamsMeetingCoordinatesLocator;
export interface TransferToParticipantLocator { targetParticipant: CommunicationIdentifier }
export interface TransferToCallLocator { targetCallId: string }
export interface TransferToVoicemailLocator { targetParticipantVoicemail: MicrosoftTeamsUserIdentifier }
export interface TransferToParticipantOptions { disableForwardingAndUnanswered?: boolean; customContext?: CustomContext }
export type TransferToCallOptions = Record<string, never>;
export type TransferToVoicemailOptions = Record<string, never>;
export interface TransferErrorCode { readonly code: number; readonly subCode?: number }

export interface CallerInfo {
  readonly identifier: CommunicationIdentifierKind | undefined;
  readonly displayName?: string;
}
export interface CallEndReason {
  readonly code: number;
  readonly subCode?: number;
  /** What happened, in words. Not part of the ACS names. */
  readonly message?: string;
  /** Who is at fault: `Success`, `ExpectedError`, `UnexpectedClientError` or `UnexpectedServerError`. */
  readonly resultCategories?: readonly string[];
}
export interface CommunicationServicesError {
  readonly name: string;
  readonly message: string;
  readonly code: number;
  readonly subCode: number;
}
export interface AudioDeviceInfo {
  readonly name: string;
  readonly id: string;
  readonly isSystemDefault: boolean;
  readonly deviceType: AudioDeviceType;
}
export interface VideoDeviceInfo {
  readonly name: string;
  readonly id: string;
  readonly deviceType: VideoDeviceType;
}
export interface DeviceAccess { audio: boolean; video: boolean }
export interface PermissionConstraints { audio: boolean; video: boolean }
export interface StreamSize { width: number; height: number }
export interface DominantSpeakersInfo {
  speakersList: ReadonlyArray<CommunicationIdentifierKind>;
  timestamp: Date;
}
type Person = CommunicationUserIdentifier | MicrosoftTeamsUserIdentifier;
export interface RaisedHand { identifier: Person; order: number }
export interface RaisedHandChangedEvent { identifier: Person }
export interface ReactionMessage { reactionType: Reaction }
export interface ReactionEventPayload { identifier: Person; reactionMessage: ReactionMessage }
export interface SpotlightedParticipant { identifier: CommunicationIdentifier; order?: number }
export interface ParticipantCapability { isPresent: boolean; reason: CapabilityResolutionReason }
export type ParticipantCapabilities = Record<ParticipantCapabilityName, ParticipantCapability>;
export type ChangedParticipantCapabilities = Partial<ParticipantCapabilities>;
export interface CapabilitiesChangeInfo {
  oldValue: ChangedParticipantCapabilities;
  newValue: ChangedParticipantCapabilities;
  reason: CapabilitiesChangedReason;
}
export interface EndpointDetails { participantId: string }
export interface ParticipantInfo {
  readonly identifier: CommunicationIdentifierKind;
  readonly displayName?: string;
  readonly hasDisplayNameChanged?: boolean;
  readonly endpointDetails: EndpointDetails[];
}
export interface StartCaptionsOptions { spokenLanguage: string }
export interface CaptionsInfo {
  resultType: CaptionsResultType;
  speaker: ParticipantInfo;
  spokenLanguage: string;
  spokenText: string;
  timestamp: Date;
}
export interface TeamsCaptionsInfo {
  captionText: string;
  captionLanguage: string;
  resultType: CaptionsResultType;
  speaker: CallerInfo;
  spokenLanguage: string;
  spokenText: string;
  timestamp: Date;
}
export interface RealTimeTextInfo {
  sequenceId: number;
  sender: ParticipantInfo;
  text: string;
  resultType: RealTimeTextResultType;
  receivedTimestamp: Date;
  updatedTimestamp: Date;
  isLocal: boolean;
}
export interface BaseMediaAccess { isAudioPermitted: boolean; isVideoPermitted: boolean }
export interface MediaAccess extends BaseMediaAccess { participant: CommunicationIdentifier }
export type MeetingMediaAccess = BaseMediaAccess;
export interface AdmitLobbyParticipantOptions { [key: string]: never }
export interface RejectLobbyParticipantOptions { [key: string]: never }
export interface AdmitAllOperationResult { readonly successCount: number; readonly failureCount: number }

export interface LatestDiagnosticValue { value: DiagnosticQuality | boolean; valueType: DiagnosticValueType }
export type NetworkDiagnosticType =
  | 'networkReconnect' | 'networkReceiveQuality' | 'networkSendQuality' | 'noNetwork' | 'networkRelaysNotReachable';
export type MediaDiagnosticType =
  | 'speakingWhileMicrophoneIsMuted' | 'noSpeakerDevicesEnumerated' | 'noMicrophoneDevicesEnumerated'
  | 'cameraFreeze' | 'cameraStartFailed' | 'cameraStartTimedOut' | 'capturerStartFailed'
  | 'microphoneNotFunctioning' | 'microphoneMuteUnexpectedly' | 'cameraStoppedUnexpectedly'
  | 'capturerStoppedUnexpectedly' | 'screenshareRecordingDisabled' | 'microphonePermissionDenied'
  | 'cameraPermissionDenied' | 'microphoneNotMuteButSilent';
export type LatestNetworkDiagnostics = { [name in NetworkDiagnosticType]?: LatestDiagnosticValue };
export type LatestMediaDiagnostics = { [name in MediaDiagnosticType]?: LatestDiagnosticValue };
interface DiagnosticChangedEventArgs { value: DiagnosticQuality | boolean; valueType: DiagnosticValueType }
export interface NetworkDiagnosticChangedEventArgs extends DiagnosticChangedEventArgs { diagnostic: NetworkDiagnosticType }
export interface MediaDiagnosticChangedEventArgs extends DiagnosticChangedEventArgs { diagnostic: MediaDiagnosticType }
export interface RemoteParticipantDiagnosticsData { diagnostics: ReadonlyArray<unknown> }

export interface CallRating<TIssue> {
  score: number;
  issues?: TIssue[];
  scale?: { lowerBound?: number; upperBound?: number; lowScoreThreshold?: number };
}
export interface CallSurvey {
  overallRating?: CallRating<OverallIssue>;
  audioRating?: CallRating<AudioIssue>;
  videoRating?: CallRating<VideoIssue>;
  screenshareRating?: CallRating<ScreenshareIssue>;
}
export interface SubmitSurveyOptions { improvementSuggestion?: string }
export interface CallSurveyResponse extends CallSurvey {
  readonly id: string;
  readonly callId: string;
  readonly localParticipantId: string;
}
export interface TeamsMeetingAudioConferencingPhoneNumber {
  readonly tollPhoneNumber?: PhoneNumberIdentifier;
  readonly tollFreePhoneNumber?: PhoneNumberIdentifier;
  readonly countryName?: string;
  readonly cityName?: string;
}
export interface TeamsMeetingAudioConferencingDetails {
  readonly phoneConferenceId: string;
  readonly phoneNumbers: TeamsMeetingAudioConferencingPhoneNumber[];
}
export interface TimestampInfo { timestamp: Date }
export interface BreakoutRoomsSettings { disableReturnToMainMeeting?: boolean; roomEndTime?: TimestampInfo }
export interface Environment { platform: string; browser: string; browserVersion: string }
export interface EnvironmentInfo {
  environment: Environment;
  isSupportedPlatform: boolean;
  isSupportedBrowser: boolean;
  isSupportedBrowserVersion: boolean;
  isSupportedEnvironment: boolean;
}
export interface MediaStatsCollectorOptions { aggregationInterval?: number; dataPointsPerAggregation?: number }
export interface TogetherModeSceneSize { width: number; height: number }
export interface TogetherModeSeatingPosition { top: number; left: number; width: number; height: number }
export type TogetherModeSeatingMap = Map<string, TogetherModeSeatingPosition>;

export type PropertyChangedEvent = () => void;
export type PropertyChangedEventWithArgs<T, Reason> = (args: { newValue?: T | undefined; oldValue?: T | undefined; reason?: Reason | undefined }) => void;
export type VideoSourceChangedEvent = (args: { source: VideoDeviceInfo }) => void;
export type AudioSourceChangedEvent = (args: { source: AudioDeviceInfo }) => void;
export type CollectionUpdatedEvent<T> = (args: { added: T[]; removed: T[] }) => void;
export type CallEndedEvent = (args: { callEndReason: CallEndReason }) => void;
export type HandleIncomingCallEvent = (args: { callId: string; participantId: string } & CallEndReason) => void;
export type ConnectionStateChangedEvent = (args: {
  oldValue: ConnectionState;
  newValue: ConnectionState;
  reason?: ConnectionStateChangedReason;
}) => void;
