// Pictures of one's own making, and what devices, streams and people tell: every listener with what it is given.

import {
  LocalVideoStream, VideoStreamRenderer, type ActiveAudioEffects, type AudioEffectsFeature, type AudioSourceChangedEvent,
  type CallAgent, type CallCommon, type CommunicationServicesError, type DeviceManager, type DisplayNameChangedReason, type IncomingCallEvent,
  type LocalAudioStream, type PropertyChangedEventWithArgs, type RemoteParticipant, type TeamsCallAgent, type TeamsIncomingCallEvent,
  type TransferAcceptedEvent, type TransferCallFeature, type VideoDeviceInfo, type VideoEffectsFeature, type VideoSourceChangedEvent,
  type WbLocalVideoStream,
} from '@azure/communication-calling';

export interface Effect {
  /** What the camera shows, still. */
  original: MediaStream;
  video: HTMLVideoElement;
  sources: VideoDeviceInfo[];
  /** Sends the camera itself again. */
  end(): Promise<void>;
}

/** Paints over the camera of a stream that may be under way. */
export async function paintOver(stream: LocalVideoStream, color: string): Promise<Effect> {
  const { source } = stream;
  const sources: VideoDeviceInfo[] = [];
  const listener: VideoSourceChangedEvent = ({ source: next }) => { sources.push(next); };
  stream.on('videoSourceChanged', listener);
  const original = await stream.getMediaStream();
  const video = Object.assign(document.createElement('video'), { muted: true, autoplay: true, srcObject: original });
  await video.play();
  const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 });
  const context = canvas.getContext('2d');
  if (!context) throw new Error('no canvas');
  const timer = setInterval(() => {
    context.globalCompositeOperation = 'source-over';
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    context.fillStyle = color;
    context.fillRect(0, 0, canvas.width / 2, canvas.height);
  }, 66);
  await stream.setMediaStream(canvas.captureStream(15));
  return {
    original, video, sources,
    async end() {
      clearInterval(timer);
      await stream.switchSource(source);
      stream.off('videoSourceChanged', listener);
    },
  };
}

/** Looks for the stream that is neither a screen nor a sound. */
export const ownPicture = (call: CallCommon): LocalVideoStream | undefined => (
  call.localVideoStreams.find(({ mediaStreamType }) => mediaStreamType === 'Video' || mediaStreamType === 'RawMedia'));

/** The names of what comes and goes. */
export function followDevices(devices: DeviceManager, tell: (line: string) => void): () => void {
  const cameras = ({ added, removed }: { added: VideoDeviceInfo[]; removed: VideoDeviceInfo[] }): void => {
    tell(`+${added.map(({ name }) => name).join()} -${removed.map(({ name }) => name).join()}`);
  };
  devices.on('videoDevicesUpdated', cameras);
  devices.on('audioDevicesUpdated', (e) => {
    e.added.forEach(({ name, isSystemDefault }) => tell(`+${name} ${isSystemDefault}`));
    e.removed.forEach((device) => tell(`-${device.name}`));
  });
  devices.on('selectedMicrophoneChanged', () => tell(devices.selectedMicrophone?.name ?? ''));
  devices.on('selectedSpeakerChanged', () => tell(devices.selectedSpeaker?.name ?? ''));
  return () => devices.off('videoDevicesUpdated', cameras);
}

export function followNames(participant: RemoteParticipant, tell: (line: string) => void): void {
  const listener: PropertyChangedEventWithArgs<string, DisplayNameChangedReason> = ({ oldValue, newValue, reason }) => {
    tell(`${oldValue ?? ''} ${newValue ?? ''} ${reason ?? ''}`);
  };
  participant.on('displayNameChanged', listener);
  participant.on('displayNameChanged', () => tell(participant.displayName ?? ''));
  participant.off('displayNameChanged', listener);
}

export function followEffects(video: VideoEffectsFeature, audio: AudioEffectsFeature, tell: (line: string) => void): void {
  const failed = ({ code, message }: CommunicationServicesError): void => tell(`${code} ${message}`);
  video.on('effectsStarted', ({ activeEffects }) => tell(activeEffects.join()));
  video.on('effectsStopped', () => tell('stopped'));
  video.on('effectsError', failed);
  audio.on('effectsStarted', ({ noiseSuppression }: ActiveAudioEffects) => tell(noiseSuppression?.join() ?? ''));
  audio.on('effectsError', failed);
}

export function followSources(audio: LocalAudioStream, track: WbLocalVideoStream, tell: (line: string) => void): void {
  const listener: AudioSourceChangedEvent = ({ source }) => tell(source.name);
  audio.on('audioSourceChanged', listener);
  audio.off('audioSourceChanged', listener);
  track.on('sourceChanged', ({ label, kind }) => tell(`${kind} ${label}`));
}

export function followCalls(agent: CallAgent, teams: TeamsCallAgent, transfer: TransferCallFeature, tell: (line: string) => void): void {
  const ringing: IncomingCallEvent = ({ incomingCall }) => tell(incomingCall.callerInfo.displayName ?? '');
  agent.on('incomingCall', ringing);
  const ringingTeams: TeamsIncomingCallEvent = ({ teamsIncomingCall }) => tell(teamsIncomingCall.id);
  teams.on('incomingCall', ringingTeams);
  const accepted: TransferAcceptedEvent = ({ targetCall }) => tell(targetCall.id);
  transfer.on('transferAccepted', accepted);
}

/** Shows a picture of one's own before any call. */
export async function preview(source: VideoDeviceInfo | MediaStream): Promise<HTMLElement> {
  const stream = source instanceof MediaStream ? new LocalVideoStream(source) : new LocalVideoStream(source, { autoDisposeOnCallEnd: false });
  return (await new VideoStreamRenderer(stream).createView({ isMirrored: true })).target;
}
