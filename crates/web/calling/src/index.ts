// The public API: the names of the ACS calling SDK.

export { CallClient } from './client.js';
export { configure, type Configuration } from './endpoint.js';
export { CallingError, NotSupportedError } from './errors.js';
export { Features } from './features/features.js';
export { LocalAudioStream, LocalVideoStream, WbLocalVideoStream } from './local-streams.js';
export { VideoStreamRenderer } from './renderer.js';
export { VERSION as version } from './version.js';
export {
  CallAgentKind, CallKind, DevicePermissionAccess, DiagnosticQuality, disconnectCategoryMap, IncomingCallKind, RecordingState,
} from './types/values.js';
export type * from './types/features.js';
export type * from './types/objects.js';
export type * from './types/options.js';
export type * from './types/values.js';
