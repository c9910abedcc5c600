// Options that carry streams.

import type { LocalAudioStream, LocalVideoStream } from '../local-streams.js';
import type { CustomContext, OnBehalfOfOptions, PhoneNumberIdentifier, VideoConstraints } from './values.js';

export interface VideoOptions { localVideoStreams?: LocalVideoStream[]; constraints?: VideoConstraints }
export interface AudioOptions { muted?: boolean; localAudioStreams?: LocalAudioStream[] }
export interface JoinCallOptions { videoOptions?: VideoOptions; audioOptions?: AudioOptions }
export interface AcceptCallOptions { videoOptions?: VideoOptions; audioOptions?: AudioOptions }
export interface StartCallOptions extends JoinCallOptions { alternateCallerId?: PhoneNumberIdentifier; customContext?: CustomContext }
export interface StartTeamsCallOptions extends JoinCallOptions { customContext?: CustomContext; onBehalfOfOptions?: OnBehalfOfOptions }
export interface StartTeamsGroupCallOptions extends StartTeamsCallOptions { threadId?: string }
