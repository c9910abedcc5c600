// The keys by which features are asked for.

import type { CallFeature, CallFeatureFactory } from '../types/features.js';
import type * as f from '../types/features.js';
import { BreakoutRooms, DataChannel, PPTLive, RealTimeText, TogetherMode } from './absent.js';
import {
  AudioConferencing, CallSurvey, CaptionsFeature, DominantSpeakers, OptimalVideoCount, Recording, Transcription, Transfer,
} from './calls.js';
import { DebugInfo } from './client.js';
import { UserFacingDiagnostics } from './diagnostics.js';
import { Capabilities, MediaAccessFeature, RaiseHand, ReactionFeature, Spotlight } from './meeting.js';
import { MediaStats } from './statistics.js';

function ofCall<T extends CallFeature>(callApiCtor: unknown): CallFeatureFactory<T> {
  return { callApiCtor } as CallFeatureFactory<T>;
}

/** @internal Stand for the features that streams make themselves. */
class VideoEffectsKey {}
class AudioEffectsKey {}

export const Features = {
  Recording: ofCall<f.RecordingCallFeature>(Recording),
  Transfer: ofCall<f.TransferCallFeature>(Transfer),
  Transcription: ofCall<f.TranscriptionCallFeature>(Transcription),
  Captions: ofCall<f.CaptionsCallFeature>(CaptionsFeature),
  RaiseHand: ofCall<f.RaiseHandCallFeature>(RaiseHand),
  Reaction: ofCall<f.ReactionCallFeature>(ReactionFeature),
  Spotlight: ofCall<f.SpotlightCallFeature>(Spotlight),
  PPTLive: ofCall<f.PPTLiveCallFeature>(PPTLive),
  BreakoutRooms: ofCall<f.BreakoutRoomsCallFeature>(BreakoutRooms),
  Capabilities: ofCall<f.CapabilitiesFeature>(Capabilities),
  DominantSpeakers: ofCall<f.DominantSpeakersCallFeature>(DominantSpeakers),
  CallSurvey: ofCall<f.CallSurveyFeature>(CallSurvey),
  UserFacingDiagnostics: ofCall<f.UserFacingDiagnosticsFeature>(UserFacingDiagnostics),
  MediaStats: ofCall<f.MediaStatsCallFeature>(MediaStats),
  DataChannel: ofCall<f.DataChannelCallFeature>(DataChannel),
  OptimalVideoCount: ofCall<f.OptimalVideoCountCallFeature>(OptimalVideoCount),
  TeamsMeetingAudioConferencing: ofCall<f.TeamsMeetingAudioConferencingCallFeature>(AudioConferencing),
  TogetherMode: ofCall<f.TogetherModeCallFeature>(TogetherMode),
  MediaAccess: ofCall<f.MediaAccessCallFeature>(MediaAccessFeature),
  RealTimeText: ofCall<f.RealTimeTextFeature>(RealTimeText),
  DebugInfo: { callClientApiCtor: DebugInfo } as unknown as f.CallClientFeatureFactory<f.DebugInfoCallClientFeature>,
  VideoEffects: { videoStreamApiCtor: VideoEffectsKey } as unknown as f.VideoStreamFeatureFactory<f.VideoEffectsFeature>,
  AudioEffects: { audioStreamApiCtor: AudioEffectsKey } as unknown as f.AudioStreamFeatureFactory<f.AudioEffectsFeature>,
};
