// What one side sends into a call: camera, screen and microphone, and the lists that show them.

import type { CallImpl } from './call.js';
import { wrongArgument, wrongState } from './errors.js';
import { TrackRole } from './gen/trunkline/calling/v1/calling_pb.js';
import { captureScreen, LocalAudioStream, LocalVideoStream } from './local-streams.js';
import type { SendRole } from './peer.js';
import type { CallConstraints, VideoConstraints } from './types/values.js';

/** Starts, stops and exchanges the local streams of a call. */
export class CallStreams {
  readonly #call: CallImpl;
  #wasSharing = false;
  #constraints: VideoConstraints | undefined;

  constructor(call: CallImpl) {
    this.#call = call;
  }

  get #camera(): LocalVideoStream | undefined {
    return this.#call.localVideoStreams.find(({ kind }) => kind === 'Video');
  }

  async startVideo(stream: LocalVideoStream): Promise<void> {
    if (!(stream instanceof LocalVideoStream)) throw wrongArgument('a LocalVideoStream is needed');
    this.#call.assertLive();
    if (this.#call.isLocalVideoStarted) throw wrongState('a video is started already');
    await this.#sendVideo(stream);
  }

  async stopVideo(stream: LocalVideoStream): Promise<void> {
    if (this.#call.isOver) return;
    const known = this.#camera;
    if (!known || (known !== stream && known.source.id !== stream?.source?.id)) throw wrongArgument('the stream is not in this call');
    await this.#call.media?.stop(TrackRole.CAMERA);
    this.removeVideo(known);
    if (this.#call.hasId && !this.#call.isOver) await this.#call.command('stopVideo', {}).catch(ignoreWhen(() => this.#call.isOver));
  }

  async startScreenSharing(stream?: LocalVideoStream): Promise<void> {
    this.#call.assertLive();
    if (this.#call.isScreenSharingOn) return;
    let local: LocalVideoStream;
    try {
      local = stream ?? await captureScreen();
    } catch (error) {
      this.#call.diagnose('capturerStartFailed', true);
      throw error;
    }
    local.kind = 'ScreenSharing';
    try {
      await this.#call.command('startScreenShare', {});
      if (!this.#call.media) throw wrongState('the call has no media');
      await this.#call.media.send(TrackRole.SCREEN, local);
    } catch (error) {
      if (!stream) local.shut();
      throw error;
    }
    if (this.#call.isOver) return;
    this.#addVideo(local);
    this.#setSharing(true);
  }

  async stopScreenSharing(): Promise<void> {
    if (!this.#call.isScreenSharingOn) return;
    await this.#dropScreen();
    if (!this.#call.isOver) await this.#call.command('stopScreenShare', {}).catch(ignoreWhen(() => this.#call.isOver));
  }

  async startAudio(stream: LocalAudioStream): Promise<void> {
    if (!(stream instanceof LocalAudioStream)) throw wrongArgument('a LocalAudioStream is needed');
    this.#call.assertLive();
    await this.#sendAudio(stream);
  }

  async stopAudio(): Promise<void> {
    await this.#call.media?.stop(TrackRole.MICROPHONE);
    this.#setAudioStreams([]);
  }

  /** Holds for this camera and for the next. */
  async setConstraints({ video }: CallConstraints): Promise<void> {
    this.#constraints = video;
    await this.#constrain(this.#camera);
  }

  async #constrain(camera: LocalVideoStream | undefined): Promise<void> {
    const { bitrate, frameRate, frameHeight } = this.#constraints?.send ?? {};
    const height = camera?.track?.getSettings().height;
    await this.#call.media?.peer.constrain({
      ...(bitrate?.max && { maxBitrate: bitrate.max }),
      ...(frameRate?.max && { maxFramerate: frameRate.max }),
      ...(frameHeight?.max && height && { scaleResolutionDownBy: Math.max(1, height / frameHeight.max) }),
    });
  }

  /** A device went away, or the person ended a screen in the browser. */
  handleStreamEnded(role: SendRole): void {
    if (this.#call.isOver) return;
    if (role === TrackRole.SCREEN) {
      void this.stopScreenSharing().catch(() => {});
    } else if (role === TrackRole.CAMERA) {
      this.#call.diagnose('cameraStoppedUnexpectedly', true);
      const stream = this.#camera;
      if (stream) void this.stopVideo(stream).catch(() => {});
    } else {
      this.#call.diagnose('microphoneNotFunctioning', true);
      void this.switchMicrophone();
    }
  }

  /** The camera that was chosen before the call begins once it is connected. */
  async startOfferedVideo(): Promise<void> {
    const stream = this.#camera;
    if (!stream || this.#call.isLocalVideoStarted) return;
    try {
      await this.#sendVideo(stream);
    } catch {
      // The diagnostic says why; the call goes on without a picture.
      this.removeVideo(stream);
    }
  }

  async #sendVideo(stream: LocalVideoStream): Promise<void> {
    if (!this.#call.media) await this.#call.begun;
    if (!this.#call.media) throw wrongState('the call is over');
    await this.#call.media.send(TrackRole.CAMERA, stream);
    this.#constraints ??= this.#call.options.videoOptions?.constraints;
    // Limits that the browser does not take are no reason to send nothing.
    if (this.#constraints) await this.#constrain(stream).catch(() => {});
    try {
      await this.#call.command('startVideo', {});
    } catch (error) {
      await this.#call.media.stop(TrackRole.CAMERA);
      throw error;
    }
    if (this.#call.isOver) return;
    // One that was offered with the call, and is not the one that is sent.
    const other = this.#camera;
    if (other && other !== stream) this.removeVideo(other);
    this.#addVideo(stream);
    if (this.#call.isLocalVideoStarted) return;
    this.#call.isLocalVideoStarted = true;
    this.#call.emit('isLocalVideoStartedChanged');
    this.#call.host.devices.refresh();
  }

  #addVideo(stream: LocalVideoStream): void {
    if (this.#call.localVideoStreams.includes(stream)) return;
    this.#call.localVideoStreams = [...this.#call.localVideoStreams, stream];
    this.#call.emit('localVideoStreamsUpdated', { added: [stream], removed: [] });
  }

  removeVideo(stream: LocalVideoStream): void {
    if (!this.#call.localVideoStreams.includes(stream)) return;
    this.#call.localVideoStreams = this.#call.localVideoStreams.filter((other) => other !== stream);
    if (stream.kind === 'Video' && this.#call.isLocalVideoStarted) {
      this.#call.isLocalVideoStarted = false;
      this.#call.emit('isLocalVideoStartedChanged');
    }
    this.#call.emit('localVideoStreamsUpdated', { added: [], removed: [stream] });
  }

  async #dropScreen(): Promise<void> {
    this.#setSharing(false);
    const stream = this.#call.localVideoStreams.find(({ kind }) => kind === 'ScreenSharing');
    await this.#call.media?.stop(TrackRole.SCREEN);
    if (stream) {
      stream.shut();
      this.removeVideo(stream);
    }
  }

  #setSharing(isOn: boolean): void {
    if (isOn === this.#call.isScreenSharingOn) return;
    this.#call.isScreenSharingOn = isOn;
    this.#call.emit('isScreenSharingOnChanged');
  }

  async openMicrophone(): Promise<void> {
    const given = this.#call.options.audioOptions?.localAudioStreams?.[0];
    const chosen = this.#call.host.devices.selectedMicrophone;
    const any = { name: '', id: 'microphone:', isSystemDefault: true, deviceType: 'Microphone' as const };
    try {
      await this.#sendAudio(given ?? new LocalAudioStream(chosen ?? any));
      this.#call.host.devices.refresh();
    } catch {
      // A call without a microphone is a call still: one can hear, and the diagnostic says what is amiss.
    }
  }

  async #sendAudio(stream: LocalAudioStream): Promise<void> {
    if (!this.#call.media) throw wrongState('the call is over');
    await this.#call.media.send(TrackRole.MICROPHONE, stream);
    if (!this.#call.isOver) this.#setAudioStreams([stream]);
  }

  #setAudioStreams(streams: LocalAudioStream[]): void {
    const removed = this.#call.localAudioStreams.filter((stream) => !streams.includes(stream));
    const added = streams.filter((stream) => !this.#call.localAudioStreams.includes(stream));
    this.#call.localAudioStreams = streams;
    if (added.length > 0 || removed.length > 0) this.#call.emit('localAudioStreamsUpdated', { added, removed });
  }

  async switchMicrophone(): Promise<void> {
    const [stream] = this.#call.localAudioStreams;
    const device = this.#call.host.devices.selectedMicrophone;
    const known = stream?.source.id;
    if (this.#call.isOver || !device || known?.startsWith('stream:')) return;
    // What the browser chose is what the system has by default: that this gets its name is no change.
    const isSame = known === device.id || (known === 'microphone:' && device.isSystemDefault);
    if (isSame && stream?.track?.readyState === 'live') return;
    try {
      if (stream) await stream.switchSource(device);
      else await this.#sendAudio(new LocalAudioStream(device));
    } catch (error) {
      this.#call.media?.diagnoseFailure(TrackRole.MICROPHONE, error);
    }
  }

  /** A screen that the exchange took down is taken down here. */
  agreeOnScreen(isSharing: boolean): void {
    if (this.#call.isScreenSharingOn && !isSharing && this.#wasSharing) void this.#dropScreen();
    this.#wasSharing = isSharing;
  }

  /** Lets go of everything with the call. */
  end(): void {
    for (const stream of this.#call.localVideoStreams) {
      if (stream.kind === 'ScreenSharing') stream.shut();
      this.removeVideo(stream);
    }
    this.#setSharing(false);
  }
}

function ignoreWhen(isOver: () => boolean): (error: unknown) => void {
  return (error) => { if (!isOver()) throw error; };
}
