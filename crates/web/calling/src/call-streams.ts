// What one side sends into a call: camera, screen and microphone, and the lists that show them.

import type { CallImpl } from './call.js';
import { wrongArgument, wrongState } from './errors.js';
import { TrackRole } from './gen/trunkline/calling/v1/calling_pb.js';
import { captureScreen, LocalAudioStream, LocalVideoStream } from './local-streams.js';
import type { SendRole } from './peer.js';
import type { CallConstraints } from './types/values.js';

/** Starts, stops and exchanges the local streams of a call. */
export class CallStreams {
  readonly #call: CallImpl;
  #wasSharing = false;

  constructor(call: CallImpl) {
    this.#call = call;
  }

  async startVideo(stream: LocalVideoStream): Promise<void> {
    if (!(stream instanceof LocalVideoStream)) throw wrongArgument('a LocalVideoStream is needed');
    this.#call.assertLive();
    if (this.#call.isLocalVideoStarted) throw wrongState('a video is started already');
    await this.#sendVideo(stream);
  }

  async stopVideo(stream: LocalVideoStream): Promise<void> {
    if (this.#call.isOver) return;
    const known = this.#call.localVideoStreams.find((own) => own.mediaStreamType === 'Video'
      && (own === stream || own.source.id === stream?.source?.id));
    if (!known) throw wrongArgument('the stream is not in this call');
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
      if (!stream) stopTracks(local);
      throw error;
    }
    if (this.#call.isOver) return;
    this.#call.isScreenSharingOn = true;
    this.#addVideo(local);
    this.#call.emit('isScreenSharingOnChanged');
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

  async setConstraints({ video }: CallConstraints): Promise<void> {
    const { bitrate, frameRate, frameHeight } = video?.send ?? {};
    const height = this.#call.localVideoStreams[0]?.track?.getSettings().height;
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
      const stream = this.#call.localVideoStreams.find(({ mediaStreamType }) => mediaStreamType === 'Video');
      if (stream) void this.stopVideo(stream).catch(() => {});
    } else {
      this.#call.diagnose('microphoneNotFunctioning', true);
      void this.switchMicrophone();
    }
  }

  /** The camera that was chosen before the call begins once it is connected. */
  async startOfferedVideo(): Promise<void> {
    const stream = this.#call.localVideoStreams.find(({ mediaStreamType }) => mediaStreamType === 'Video');
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
    try {
      await this.#call.media.send(TrackRole.CAMERA, stream);
    } catch (error) {
      this.#call.media.diagnoseFailure('camera', error);
      throw error;
    }
    this.#call.diagnose('cameraStartFailed', false);
    this.#call.diagnose('cameraPermissionDenied', false);
    try {
      await this.#call.command('startVideo', {});
    } catch (error) {
      await this.#call.media.stop(TrackRole.CAMERA);
      throw error;
    }
    if (this.#call.isOver) return;
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
    if (stream.mediaStreamType === 'Video' && this.#call.isLocalVideoStarted) {
      this.#call.isLocalVideoStarted = false;
      this.#call.emit('isLocalVideoStartedChanged');
    }
    this.#call.emit('localVideoStreamsUpdated', { added: [], removed: [stream] });
  }

  async #dropScreen(): Promise<void> {
    this.#call.isScreenSharingOn = false;
    const stream = this.#call.localVideoStreams.find(({ mediaStreamType }) => mediaStreamType === 'ScreenSharing');
    await this.#call.media?.stop(TrackRole.SCREEN);
    if (stream) {
      stopTracks(stream);
      this.removeVideo(stream);
    }
    this.#call.emit('isScreenSharingOnChanged');
  }

  async openMicrophone(): Promise<void> {
    const given = this.#call.options.audioOptions?.localAudioStreams?.[0];
    const chosen = this.#call.host.devices.selectedMicrophone;
    const any = { name: '', id: 'microphone:', isSystemDefault: true, deviceType: 'Microphone' as const };
    try {
      await this.#sendAudio(given ?? new LocalAudioStream(chosen ?? any));
      this.#call.host.devices.refresh();
    } catch (error) {
      // A call without a microphone is a call still: one can hear, and the diagnostic says what is amiss.
      this.#call.media?.diagnoseFailure('microphone', error);
    }
  }

  async #sendAudio(stream: LocalAudioStream): Promise<void> {
    if (!this.#call.media) throw wrongState('the call is over');
    await this.#call.media.send(TrackRole.MICROPHONE, stream);
    if (this.#call.isOver) return;
    this.#call.diagnose('microphoneNotFunctioning', false);
    this.#call.diagnose('microphonePermissionDenied', false);
    this.#setAudioStreams([stream]);
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
    if (this.#call.isOver || !device || stream?.source.id === device.id || stream?.source.id.startsWith('stream:')) return;
    try {
      if (stream && stream.source.id !== 'microphone:') await stream.switchSource(device);
      else if (!stream) await this.#sendAudio(new LocalAudioStream(device));
    } catch (error) {
      this.#call.media?.diagnoseFailure('microphone', error);
    }
  }

  /** A screen that the exchange took down is taken down here. */
  agreeOnScreen(isSharing: boolean): void {
    if (this.#call.isScreenSharingOn && !isSharing && this.#wasSharing) void this.#dropScreen();
    this.#wasSharing = isSharing;
  }

  /** Lets go of everything with the call. */
  end(): void {
    const call = this.#call;
    for (const stream of call.localVideoStreams) {
      if (stream.mediaStreamType === 'ScreenSharing') stopTracks(stream);
      this.removeVideo(stream);
    }
    call.isScreenSharingOn = false;
  }
}

function ignoreWhen(isOver: () => boolean): (error: unknown) => void {
  return (error) => { if (!isOver()) throw error; };
}

function stopTracks(stream: LocalVideoStream): void {
  for (const track of stream.media?.getTracks() ?? []) track.stop();
}
