// The features: what is asked of a call, a client or a stream through `feature(Features.X)`.

import type { Call, CallCommon, TeamsCall, TransferEventArgs } from './objects.js';
import type * as v from './values.js';

type On<Event extends string, Listener> = { on(event: Event, listener: Listener): void; off(event: Event, listener: Listener): void };
type Changed<Event extends string> = On<Event, v.PropertyChangedEvent>;

export interface CallFeature { readonly name: string; dispose(): void }
export interface CallClientFeature { readonly name: string }
export interface VideoStreamFeature { readonly name: string }
export interface AudioStreamFeature { readonly name: string }
export type CallFeatureFactory<T extends CallFeature> = { callApiCtor: new (context: never) => T };
export type CallClientFeatureFactory<T extends CallClientFeature> = { callClientApiCtor: new (context: never) => T };
export type VideoStreamFeatureFactory<T extends VideoStreamFeature> = { videoStreamApiCtor: new (context: never) => T };
export type AudioStreamFeatureFactory<T extends AudioStreamFeature> = { audioStreamApiCtor: new (context: never) => T };

export interface RecordingInfo extends Changed<'recordingStateChanged'> { state: v.RecordingState }
export type RecordingCallFeature = CallFeature & Changed<'isRecordingActiveChanged'> & On<'recordingsUpdated', v.CollectionUpdatedEvent<RecordingInfo>> & {
  readonly isRecordingActive: boolean;
  readonly recordings: RecordingInfo[];
  readonly isTeamsConsentRequired: boolean;
  grantTeamsConsent(): Promise<void>;
};
export type TranscriptionPropertyChangedEventType = 'isTranscriptionActiveChanged';
export type TranscriptionCallFeature = CallFeature & Changed<TranscriptionPropertyChangedEventType> & {
  readonly isTranscriptionActive: boolean;
  readonly isTeamsConsentRequired: boolean;
  grantTeamsConsent(): Promise<void>;
};
export type Transfer = Changed<'stateChanged'> & { readonly state: v.TransferState; readonly error?: v.TransferErrorCode | undefined };
export type TransferAcceptedEventType = 'transferAccepted';
export type TransferAcceptedEvent = (args: TransferEventArgs) => void;
export type TransferCallFeature = CallFeature & On<TransferAcceptedEventType, TransferAcceptedEvent> & {
  transfer(
    target: v.TransferToParticipantLocator | v.TransferToCallLocator | v.TransferToVoicemailLocator,
    options?: v.TransferToParticipantOptions,
  ): Transfer;
};
export type CaptionsKindChangedEventType = 'CaptionsKindChanged';
export type CaptionsReceivedEventType = 'CaptionsReceived';
export type CaptionsPropertyChangedEventType = 'CaptionsActiveChanged';
export type SpokenLanguageChangedEventType = 'SpokenLanguageChanged';
export type CaptionLanguageChangedEventType = 'CaptionLanguageChanged';
export type CaptionsHandler = (args: v.CaptionsInfo) => void;
export type TeamsCaptionsHandler = (args: v.TeamsCaptionsInfo) => void;
export interface CaptionsCommon {
  readonly kind: v.CaptionsKind;
  readonly supportedSpokenLanguages: string[];
  readonly isCaptionsFeatureActive: boolean;
  readonly activeSpokenLanguage: string;
  startCaptions(options?: v.StartCaptionsOptions): Promise<void>;
  stopCaptions(): Promise<void>;
  setSpokenLanguage(language: string): Promise<void>;
}
export type Captions = CaptionsCommon & On<CaptionsReceivedEventType, CaptionsHandler>
  & Changed<CaptionsPropertyChangedEventType | SpokenLanguageChangedEventType>;
export type TeamsCaptions = CaptionsCommon & On<CaptionsReceivedEventType, TeamsCaptionsHandler>
  & Changed<CaptionsPropertyChangedEventType | SpokenLanguageChangedEventType | CaptionLanguageChangedEventType> & {
    readonly supportedCaptionLanguages: string[];
    readonly activeCaptionLanguage: string;
    setCaptionLanguage(language: string): Promise<void>;
  };
export type CaptionsCallFeature = CallFeature & Changed<CaptionsKindChangedEventType> & { readonly captions: CaptionsCommon };
export type DominantSpeakersCallFeature = CallFeature & Changed<'dominantSpeakersChanged'> & { readonly dominantSpeakers: v.DominantSpeakersInfo };
type Person = v.CommunicationUserIdentifier | v.MicrosoftTeamsUserIdentifier;
export type RaisedHandEventType = 'raisedHandEvent';
export type LoweredHandEventType = 'loweredHandEvent';
export type RaisedHandListener = (args: v.RaisedHandChangedEvent) => void;
export type LoweredHandListener = RaisedHandListener;
export type RaiseHandCallFeature = CallFeature & On<RaisedHandEventType | LoweredHandEventType, RaisedHandListener> & {
  raiseHand(): Promise<void>;
  lowerHand(): Promise<void>;
  lowerHands(identifiers: Person[]): Promise<void>;
  lowerAllHands(): Promise<void>;
  getRaisedHands(): v.RaisedHand[];
};
export type ReactionListener = (args: v.ReactionEventPayload) => void;
export type ReactionCallFeature = CallFeature & On<'reaction', ReactionListener> & { sendReaction(message: v.ReactionMessage): Promise<void> };
export type SpotlightChangedEventType = 'spotlightChanged';
export type SpotlightCallFeature = CallFeature & On<SpotlightChangedEventType, v.CollectionUpdatedEvent<v.SpotlightedParticipant>> & {
  readonly maxParticipantsToSpotlight: number;
  startSpotlight(participants?: v.CommunicationIdentifier[]): Promise<void>;
  stopSpotlight(participants?: v.CommunicationIdentifier[]): Promise<void>;
  stopAllSpotlight(): Promise<void>;
  getSpotlightedParticipants(): v.SpotlightedParticipant[];
};
export type CapabilitiesChangeHandler = (args: v.CapabilitiesChangeInfo) => void;
export type CapabilitiesChangedEventType = 'capabilitiesChanged';
export type CapabilitiesFeature = CallFeature & On<CapabilitiesChangedEventType, CapabilitiesChangeHandler> & { readonly capabilities: v.ParticipantCapabilities };
export type NetworkDiagnostics = On<'diagnosticChanged', (args: v.NetworkDiagnosticChangedEventArgs) => void> & { getLatest(): v.LatestNetworkDiagnostics };
export type MediaDiagnostics = On<'diagnosticChanged', (args: v.MediaDiagnosticChangedEventArgs) => void> & { getLatest(): v.LatestMediaDiagnostics };
export type RemoteDiagnostics = On<'diagnosticChanged', (args: v.RemoteParticipantDiagnosticsData) => void> & {
  readonly isSendingDiagnosticsEnabled: boolean;
  startSendingDiagnostics(): void;
  stopSendingDiagnostics(): void;
  getLatest(): v.RemoteParticipantDiagnosticsData;
};
export interface UserFacingDiagnosticsFeature extends CallFeature {
  readonly network: NetworkDiagnostics;
  readonly media: MediaDiagnostics;
  readonly remote: RemoteDiagnostics;
}
/** One direction of one medium, as measured at one time. */
export interface MediaStatsStream {
  readonly id: string;
  readonly codecName: string;
  readonly bitrate: number;
  readonly packetsPerSecond: number;
  readonly packetsLossTotal: number;
  readonly jitterInMs: number;
  readonly pairRttInMs: number;
  readonly frameWidth?: number;
  readonly frameHeight?: number;
  readonly frameRate?: number;
  readonly audioLevel?: number;
}
export interface MediaStatsGroup {
  readonly audio: { readonly send: MediaStatsStream[]; readonly receive: MediaStatsStream[] };
  readonly video: { readonly send: MediaStatsStream[]; readonly receive: MediaStatsStream[] };
  readonly screenShare: { readonly send: MediaStatsStream[]; readonly receive: MediaStatsStream[] };
}
export interface MediaStatsReportSample extends MediaStatsGroup { readonly timestamp: Date }
export interface MediaStatsReportSummary { readonly timestamp: Date; readonly samples: MediaStatsReportSample[] }
export type MediaStatsReportSampleEvent = (args: MediaStatsReportSample) => void;
export type MediaStatsReportSummaryEvent = (args: MediaStatsReportSummary) => void;
export type MediaStatsCollector = On<'sampleReported', MediaStatsReportSampleEvent> & On<'summaryReported', MediaStatsReportSummaryEvent> & { dispose(): void };
export type MediaStatsCallFeature = CallFeature & { createCollector(options?: v.MediaStatsCollectorOptions): MediaStatsCollector };
export type OptimalVideoCountCallFeature = CallFeature & Changed<'optimalVideoCountChanged'> & {
  readonly optimalVideoCount: number;
  readonly lastOvcChangeReason: v.OvcChangeReason;
};
export type MediaAccessChangedListener = (args: { mediaAccesses: v.MediaAccess[] }) => void;
export type MeetingMediaAccessChangedListener = (args: { meetingMediaAccess: v.MeetingMediaAccess }) => void;
export type MediaAccessCallFeature = CallFeature & On<'mediaAccessChanged', MediaAccessChangedListener>
  & On<'meetingMediaAccessChanged', MeetingMediaAccessChangedListener> & {
    permitAudio(participants: v.CommunicationIdentifier[]): Promise<void>;
    forbidAudio(participants: v.CommunicationIdentifier[]): Promise<void>;
    permitOthersAudio(): Promise<void>;
    forbidOthersAudio(): Promise<void>;
    permitVideo(participants: v.CommunicationIdentifier[]): Promise<void>;
    forbidVideo(participants: v.CommunicationIdentifier[]): Promise<void>;
    permitOthersVideo(): Promise<void>;
    forbidOthersVideo(): Promise<void>;
    getAllOthersMediaAccess(): v.MediaAccess[];
    getMeetingMediaAccess(): v.MeetingMediaAccess;
  };
export interface BreakoutRoom {
  readonly threadId: string;
  readonly displayName?: string;
  readonly state: v.BreakoutRoomState;
  readonly autoMoveParticipantToBreakoutRoom?: boolean;
  readonly invitees?: v.CommunicationIdentifier[];
  readonly call?: Call | TeamsCall;
  join(): Promise<Call | TeamsCall>;
  returnToMainMeeting(): Promise<Call | TeamsCall>;
}
export type BreakoutRoomsEventData =
  | { type: 'join'; data: Call | TeamsCall } | { type: 'assignedBreakoutRooms'; data: BreakoutRoom | undefined }
  | { type: 'breakoutRoomsSettings'; data: v.BreakoutRoomsSettings | undefined } | { type: 'breakoutRooms'; data: BreakoutRoom[] | undefined };
export type BreakoutRoomsUpdatedListener = (args: BreakoutRoomsEventData) => void;
export type BreakoutRoomsCallFeature = CallFeature & On<'breakoutRoomsUpdated', BreakoutRoomsUpdatedListener> & {
  readonly assignedBreakoutRooms?: BreakoutRoom | undefined;
  readonly breakoutRoomsSettings?: v.BreakoutRoomsSettings | undefined;
  readonly breakoutRooms?: BreakoutRoom[] | undefined;
};
export interface TogetherModeVideoStream { readonly id: number; readonly mediaStreamType: v.MediaStreamType; readonly isReceiving: boolean; readonly size: v.StreamSize; readonly isAvailable: boolean }
export type TogetherModeSceneUpdatedListener = (args: v.TogetherModeSceneSize) => void;
export type TogetherModeSeatingUpdatedListener = (args: v.TogetherModeSeatingMap) => void;
export type TogetherModeCallFeature = CallFeature & On<'togetherModeStreamsUpdated', v.CollectionUpdatedEvent<TogetherModeVideoStream>>
  & On<'togetherModeSceneUpdated', TogetherModeSceneUpdatedListener> & On<'togetherModeSeatingUpdated', TogetherModeSeatingUpdatedListener> & {
    readonly togetherModeStream: ReadonlyArray<TogetherModeVideoStream>;
    readonly togetherModeSeatingMap: v.TogetherModeSeatingMap;
    sceneSize: v.TogetherModeSceneSize;
    start(): Promise<void>;
  };
export type PPTLiveCallFeature = CallFeature & Changed<'isActiveChanged'> & {
  readonly isActive: boolean;
  readonly target: HTMLElement | undefined;
  readonly activePresenterId?: v.CommunicationIdentifier | undefined;
};
export type RealTimeTextReceivedEventHandler = (args: v.RealTimeTextInfo) => void;
export type RealTimeTextReceivedEventType = 'realTimeTextReceived';
export type RealTimeTextFeature = CallFeature & On<RealTimeTextReceivedEventType, RealTimeTextReceivedEventHandler> & { sendRealTimeText(text: string, finalized?: boolean): Promise<void> };
export type TeamsMeetingAudioConferencingCallFeature = CallFeature & {
  getTeamsMeetingAudioConferencingDetails(): Promise<v.TeamsMeetingAudioConferencingDetails>;
};
export type CallSurveyFeature = CallFeature & { submitSurvey(survey: v.CallSurvey, options?: v.SubmitSurveyOptions): Promise<v.CallSurveyResponse> };
export interface DataChannelSenderOpenOptions {
  channelId: number;
  priority?: v.DataChannelPriority;
  reliability?: v.DataChannelReliability;
  bitrateInKbps?: number;
  participants?: v.CommunicationIdentifier[];
}
export type DataChannelReceiverCreatedEvent = (args: { receiver: unknown }) => void;
export type DataChannelCallFeature = CallFeature & On<'dataChannelReceiverCreated', DataChannelReceiverCreatedEvent> & {
  createDataChannelSender(options: DataChannelSenderOpenOptions): never;
};
export type DebugInfoCallClientFeature = CallClientFeature & Changed<'isCallClientActiveInAnotherTabChanged'> & {
  readonly isCallClientActiveInAnotherTab: boolean;
  getEnvironmentInfo(): Promise<v.EnvironmentInfo>;
};

/** Something that changes a picture; made by the effects package. */
export interface VideoEffectProcessor { readonly name: v.VideoEffectName }
export interface BackgroundBlurConfig { blurStrength?: number }
export interface BackgroundReplacementConfig { backgroundImageUrl: string }
export interface BackgroundBlurEffect extends VideoEffectProcessor { configure(config: BackgroundBlurConfig): Promise<void> }
export interface BackgroundReplacementEffect extends VideoEffectProcessor { configure(config: BackgroundReplacementConfig): Promise<void> }
export interface AudioEffect { readonly name: string }
export type DeepNoiseSuppressionEffect = AudioEffect;
export type EchoCancellationEffect = AudioEffect;
export interface AudioEffectsStartConfig {
  noiseSuppression?: AudioEffect | 'BrowserNoiseSuppression';
  echoCancellation?: AudioEffect | 'BrowserEchoCancellation';
}
export interface AudioEffectsStopConfig { noiseSuppression?: true; echoCancellation?: true }
export interface ActiveAudioEffects { noiseSuppression?: string[]; echoCancellation?: string[] }
export type VideoEffectsFeatureListener = (args: { activeEffects: v.VideoEffectName[] }) => void;
export type VideoEffectsFeatureErrorListener = (error: v.CommunicationServicesError) => void;
export type VideoEffectsFeature = VideoStreamFeature & On<'effectsError', VideoEffectsFeatureErrorListener>
  & On<'effectsStarted' | 'effectsStopped' | 'fpsWarningThresholdReached' | 'timeForEffectsWarningReached', VideoEffectsFeatureListener> & {
  readonly activeEffects: v.VideoEffectName[];
  isSupported(effect: VideoEffectProcessor): Promise<boolean>;
  startEffects(effect: VideoEffectProcessor): Promise<void>;
  stopEffects(): Promise<void>;
};
export type AudioEffectsFeatureListener = (activeEffects: ActiveAudioEffects) => void;
export type AudioEffectsFeatureErrorListener = (error: v.CommunicationServicesError) => void;
export type AudioEffectsFeature = AudioStreamFeature & On<'effectsStarted' | 'effectsStopped', AudioEffectsFeatureListener>
  & On<'effectsError', AudioEffectsFeatureErrorListener> & {
  readonly activeEffects: ActiveAudioEffects;
  isSupported(effect: AudioEffect | string): Promise<boolean>;
  startEffects(effects: AudioEffectsStartConfig): Promise<void>;
  stopEffects(effects: AudioEffectsStopConfig): Promise<void>;
};
export type CallOf = CallCommon;
