// What this page sends: cameras, screens and microphones, opened when first used.

import { browserId } from './device-manager.js';
import { bindMethods, Emitter } from './emitter.js';
import { deviceError, wrongArgument, wrongState } from './errors.js';
import { AudioEffects, VideoEffects } from './features/effects.js';
import type { AudioStreamFeature, AudioStreamFeatureFactory, VideoStreamFeature, VideoStreamFeatureFactory } from './types/features.js';
import type { Volume } from './types/objects.js';
import type {
  AudioDeviceInfo, LocalAudioStreamOptions, LocalVideoStreamOptions, MediaStreamType, VideoDeviceInfo,
} from './types/values.js';
import { VolumeImpl } from './volume.js';

const CAMERA: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
const MICROPHONE: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const SCREEN: MediaTrackConstraints = { frameRate: { ideal: 15, max: 30 } };

/** What opened a device: who uses a stream is counted, and the last one closes it. */
export type Acquire = (query: MediaStreamConstraints) => Promise<MediaStream>;

async function userMedia(device: 'microphone' | 'camera', query: MediaStreamConstraints): Promise<MediaStream> {
  try {
    if (!globalThis.navigator?.mediaDevices?.getUserMedia) throw new DOMException('no devices', 'NotSupportedError');
    return await navigator.mediaDevices.getUserMedia(query);
  } catch (error) {
    throw deviceError(device, error);
  }
}

abstract class LocalStream<Device extends { id: string }, Event extends string> extends Emitter<Event, (args: { source: Device }) => void> {
  /** @internal What is sent and previewed, and never handed out: its tracks are exchanged, it stays the same. */
  media: MediaStream | undefined;
  /** @internal What was opened here; whatever the page gave is the page's to stop. */
  opened: MediaStream | undefined;
  /** @internal */
  isDisposed = false;
  /** @internal Told of every new track, and of `undefined` when the device went away. */
  trackListeners = new Set<(track: MediaStreamTrack | undefined) => void>();

  protected device: Device;
  protected given: MediaStream | undefined;
  private users = 0;
  private opening: Promise<MediaStream> | undefined;
  private features = new Map<unknown, unknown>();

  constructor(source: Device | MediaStream) {
    super();
    if (!source) throw wrongArgument('a stream needs a device or a MediaStream');
    if (isMediaStream(source)) {
      this.given = source;
      this.device = this.deviceOf(source);
    } else {
      this.device = source;
    }
  }

  get source(): Device {
    return this.device;
  }

  /** What is sent at this moment, in a stream of the caller's own. */
  async getMediaStream(): Promise<MediaStream> {
    return new MediaStream((await this.open()).getTracks());
  }

  /** Takes media from elsewhere in place of what is sent. A device that is open stays so: the page may make its picture of it. */
  async setMediaStream(source: MediaStream): Promise<void> {
    if (!isMediaStream(source) || this.tracksOf(source).length === 0) throw wrongArgument('the MediaStream has no such track');
    this.given = source;
    this.device = this.deviceOf(source);
    if (this.media) this.exchange(source);
    this.emit(this.changeEvent, { source: this.device });
  }

  async switchSource(source: Device): Promise<void> {
    if (!source?.id) throw wrongArgument('there is no such device');
    // What is on its way would come after, and from the device before.
    await this.opening?.catch(() => {});
    const before = { device: this.device, given: this.given };
    this.device = source;
    this.given = undefined;
    if (this.media) {
      try {
        this.exchange(await this.fetch());
      } catch (error) {
        if (this.device === source) Object.assign(this, before);
        throw error;
      }
    }
    this.emit(this.changeEvent, { source });
  }

  dispose(): void {
    this.isDisposed = true;
    this.shut();
  }

  /** @internal Opens the device and counts a user. */
  async acquire(): Promise<MediaStream> {
    this.users += 1;
    try {
      return await this.open();
    } catch (error) {
      this.users -= 1;
      throw error;
    }
  }

  /** @internal Counts a user less; the last one closes what this stream opened. */
  release(): void {
    this.users = Math.max(0, this.users - 1);
    if (this.users === 0) this.shut();
  }

  /** @internal */
  get track(): MediaStreamTrack | undefined {
    return this.media && this.tracksOf(this.media)[0];
  }

  protected featureOf<T>(factory: unknown, make: () => T): T {
    if (!this.features.has(factory)) this.features.set(factory, make());
    return this.features.get(factory) as T;
  }

  protected abstract readonly changeEvent: Event;
  protected abstract capture(): Promise<MediaStream>;
  protected abstract deviceOf(stream: MediaStream): Device;
  protected abstract tracksOf(stream: MediaStream): MediaStreamTrack[];

  protected open(): Promise<MediaStream> {
    if (this.isDisposed) return Promise.reject(wrongState('the stream was disposed'));
    if (this.media && this.track?.readyState === 'live') return Promise.resolve(this.media);
    this.opening ??= this.begin().finally(() => { this.opening = undefined; });
    return this.opening;
  }

  private async begin(): Promise<MediaStream> {
    const source = await this.fetch();
    if (this.isDisposed) {
      this.shut();
      throw wrongState('the stream was disposed');
    }
    this.media ??= new MediaStream();
    this.exchange(source);
    return this.media;
  }

  /** What was given, or the device, opened anew in place of the one before. */
  private async fetch(): Promise<MediaStream> {
    if (!this.given) {
      const next = await this.capture();
      if (this.opened) stop(this.opened);
      this.opened = next;
    }
    return (this.given ?? this.opened) as MediaStream;
  }

  private exchange(next: MediaStream): void {
    const { media } = this;
    if (!media) return;
    for (const track of media.getTracks()) media.removeTrack(track);
    for (const track of this.tracksOf(next)) media.addTrack(track);
    this.watch();
    for (const listener of this.trackListeners) listener(this.track);
  }

  private watch(): void {
    const { track } = this;
    track?.addEventListener('ended', () => {
      if (track !== this.track) return;
      for (const listener of this.trackListeners) listener(undefined);
    });
  }

  /** @internal Closes what was opened here. */
  shut(): void {
    if (this.opened) stop(this.opened);
    this.opened = this.media = undefined;
  }
}

/** A camera, a screen, or a picture that the page makes itself. */
export class LocalVideoStream extends LocalStream<VideoDeviceInfo, 'videoSourceChanged'> {
  /** @internal */
  kind: 'Video' | 'ScreenSharing' = 'Video';
  protected readonly changeEvent = 'videoSourceChanged';

  constructor(source: VideoDeviceInfo | MediaStream, _options?: LocalVideoStreamOptions) {
    super(source);
    bindMethods(this);
  }

  get mediaStreamType(): MediaStreamType {
    return this.given && this.kind === 'Video' ? 'RawMedia' : this.kind;
  }

  feature<T extends VideoStreamFeature>(factory: VideoStreamFeatureFactory<T>): T {
    return this.featureOf(factory, () => new VideoEffects() as unknown as T);
  }

  protected capture(): Promise<MediaStream> {
    const deviceId = browserId(this.device);
    return userMedia('camera', { video: { ...CAMERA, ...(deviceId && { deviceId: { exact: deviceId } }) } });
  }

  protected deviceOf(stream: MediaStream): VideoDeviceInfo {
    const track = stream.getVideoTracks()[0];
    return { name: track?.label || 'MediaStream', id: `stream:${stream.id}`, deviceType: 'Virtual' };
  }

  protected tracksOf(stream: MediaStream): MediaStreamTrack[] {
    return stream.getVideoTracks();
  }
}

/** Asks the person for a screen, and makes the stream of it. */
export async function captureScreen(): Promise<LocalVideoStream> {
  let stream: MediaStream;
  try {
    if (!globalThis.navigator?.mediaDevices?.getDisplayMedia) throw new DOMException('no screens', 'NotSupportedError');
    stream = await navigator.mediaDevices.getDisplayMedia({ video: SCREEN, audio: false });
  } catch (error) {
    throw deviceError('screen', error);
  }
  for (const track of stream.getVideoTracks()) track.contentHint = 'detail';
  const local = new LocalVideoStream(stream);
  local.opened = stream;
  return local;
}

/** A microphone, or a sound that the page makes itself. */
export class LocalAudioStream extends LocalStream<AudioDeviceInfo, 'audioSourceChanged'> {
  protected readonly changeEvent = 'audioSourceChanged';

  constructor(source: AudioDeviceInfo | MediaStream, _options?: LocalAudioStreamOptions) {
    super(source);
    bindMethods(this);
  }

  get mediaStreamType(): MediaStreamType {
    return 'Audio';
  }

  feature<T extends AudioStreamFeature>(factory: AudioStreamFeatureFactory<T>): T {
    return this.featureOf(factory, () => new AudioEffects(() => this.track) as unknown as T);
  }

  async getVolume(): Promise<Volume> {
    return new VolumeImpl(await this.open());
  }

  protected capture(): Promise<MediaStream> {
    const deviceId = browserId(this.device);
    return userMedia('microphone', { audio: { ...MICROPHONE, ...(deviceId && { deviceId: { exact: deviceId } }) } });
  }

  protected deviceOf(stream: MediaStream): AudioDeviceInfo {
    const track = stream.getAudioTracks()[0];
    return { name: track?.label || 'MediaStream', id: `stream:${stream.id}`, isSystemDefault: false, deviceType: 'Virtual' };
  }

  protected tracksOf(stream: MediaStream): MediaStreamTrack[] {
    return stream.getAudioTracks();
  }
}

/** A video stream that tells of its track; kept for its name. */
export class WbLocalVideoStream extends Emitter<'sourceChanged', (track: MediaStreamTrack) => void> {
  private readonly inner: LocalVideoStream;

  constructor(source: VideoDeviceInfo | MediaStream) {
    super();
    this.inner = new LocalVideoStream(source);
    bindMethods(this);
  }

  async getVideoTrack(): Promise<MediaStreamTrack> {
    const track = (await this.inner.getMediaStream()).getVideoTracks()[0];
    if (!track) throw wrongState('the stream has no video track');
    return track;
  }

  async switchSource(source: VideoDeviceInfo | MediaStream): Promise<void> {
    if (isMediaStream(source)) await this.inner.setMediaStream(source);
    else await this.inner.switchSource(source);
    this.emit('sourceChanged', await this.getVideoTrack());
  }

  dispose(): void {
    this.inner.dispose();
  }
}

function isMediaStream(source: unknown): source is MediaStream {
  return typeof MediaStream !== 'undefined' && source instanceof MediaStream;
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
