// The media of one call: the peer, what is sent on it, what is heard, and its repair.

import { AudioOutput } from './audio-output.js';
import type { DeviceManagerImpl } from './device-manager.js';
import { CallingError, isPermissionError } from './errors.js';
import { TrackRole } from './gen/trunkline/calling/v1/calling_pb.js';
import type { LocalAudioStream, LocalVideoStream } from './local-streams.js';
import { Peer, type SendRole } from './peer.js';
import { RemoteAudioStreamImpl } from './remote-streams.js';
import { Tiles, type Tile } from './tiles.js';
import type { IceServer, MediaDiagnosticType, NetworkDiagnosticType } from './types/values.js';
import { DiagnosticQuality } from './types/values.js';

const RESTART_DELAY_MS = 1_000;
const RESTART_RETRY_MS = 4_000;
/** What is amiss with what is sent: it does not start, nobody allows it, there is none. All of it is over with the next track. */
const TROUBLES: Readonly<Record<SendRole, readonly MediaDiagnosticType[]>> = {
  [TrackRole.MICROPHONE]: ['microphoneNotFunctioning', 'microphonePermissionDenied', 'noMicrophoneDevicesEnumerated'],
  [TrackRole.CAMERA]: ['cameraStartFailed', 'cameraPermissionDenied', 'cameraStartFailed', 'cameraStoppedUnexpectedly'],
  [TrackRole.SCREEN]: ['capturerStartFailed'],
};

type LocalStream = LocalAudioStream | LocalVideoStream;

/** What the media path needs of its call. */
export interface MediaHost {
  readonly isOver: boolean;
  chooseTiles(tiles: Tile[]): void;
  restartMedia(media: Awaited<ReturnType<Peer['offer']>>): Promise<unknown>;
  /** A stream that was sent came to its end by itself. */
  handleStreamEnded(role: SendRole): void;
  diagnose(type: MediaDiagnosticType | NetworkDiagnosticType, value: boolean | DiagnosticQuality): void;
}

export class CallMedia {
  readonly peer: Peer;
  readonly remoteAudio: RemoteAudioStreamImpl;
  tiles: Tiles | undefined;

  readonly #host: MediaHost;
  readonly #output: AudioOutput;
  readonly #sent = new Map<SendRole, { stream: LocalStream; stop: () => void }>();
  #isGated = { microphone: false, all: false };
  #restartTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: MediaHost, devices: DeviceManagerImpl, iceServers: IceServer[]) {
    this.#host = host;
    this.peer = new Peer(iceServers, (state) => this.#pathChanged(state));
    const voices = this.peer.receivers(TrackRole.RECEIVE_AUDIO);
    this.remoteAudio = new RemoteAudioStreamImpl(voices.map(({ track }) => track));
    this.#output = new AudioOutput(voices.map(({ stream }) => stream), devices);
  }

  async offer(): Promise<Awaited<ReturnType<Peer['offer']>>> {
    const offer = await this.peer.offer();
    const receivers = [TrackRole.RECEIVE_VIDEO, TrackRole.RECEIVE_SCREEN].flatMap((role) => this.peer.receivers(role));
    this.tiles = new Tiles(receivers, (tiles) => this.#host.chooseTiles(tiles));
    return offer;
  }

  /** Opens a stream and sends it in a role, in place of what was sent before. */
  async send(role: SendRole, stream: LocalStream): Promise<void> {
    try {
      await stream.acquire();
    } catch (error) {
      this.diagnoseFailure(role, error);
      throw error;
    }
    if (this.#host.isOver) {
      stream.release();
      return;
    }
    await this.stop(role);
    const works = () => {
      for (const type of TROUBLES[role]) this.#host.diagnose(type, false);
      this.#gate();
      return this.peer.send(role, stream.track ?? null);
    };
    const listener = (track: MediaStreamTrack | undefined) => {
      if (track) {
        void works();
      } else {
        this.#host.handleStreamEnded(role);
      }
    };
    stream.trackListeners.add(listener);
    this.#sent.set(role, {
      stream,
      stop: () => {
        stream.trackListeners.delete(listener);
        stream.release();
      },
    });
    await works();
  }

  async stop(role: SendRole): Promise<void> {
    const sent = this.#sent.get(role);
    this.#sent.delete(role);
    sent?.stop();
    if (sent) await this.peer.send(role, null);
  }

  /** Nothing leaves the devices while muted or held; the exchange stops it as well. */
  setGate(isMuted: boolean, isHeld: boolean): void {
    this.#isGated = { microphone: isMuted || isHeld, all: isHeld };
    this.#gate();
  }

  setIncomingMuted(isMuted: boolean): void {
    this.#output.setMuted(isMuted);
  }

  /** What a failure to open a device means to the person. */
  diagnoseFailure(role: SendRole, error: unknown): void {
    const cause = error instanceof CallingError ? error.cause : error;
    const isMissing = cause instanceof Error && cause.name === 'NotFoundError';
    const [failed, refused = failed, missing = failed] = TROUBLES[role];
    this.#host.diagnose((isPermissionError(error) ? refused : isMissing ? missing : failed) as MediaDiagnosticType, true);
  }

  /** The network may have changed: looks whether the path needs repair. */
  check(): void {
    this.#pathChanged(this.peer.state);
  }

  close(): void {
    clearTimeout(this.#restartTimer);
    for (const { stop } of this.#sent.values()) stop();
    this.#sent.clear();
    this.#output.close();
    this.peer.close();
  }

  #gate(): void {
    for (const [role, { stream }] of this.#sent) {
      const isClosed = role === TrackRole.MICROPHONE ? this.#isGated.microphone : this.#isGated.all;
      // A picture that the page shows elsewhere must not go dark there: only the sender lets go of it.
      if (role === TrackRole.MICROPHONE) {
        if (stream.track) stream.track.enabled = !isClosed;
      } else {
        void this.peer.send(role, isClosed ? null : stream.track ?? null);
      }
    }
  }

  /** A path that broke after it was up is built anew with fresh ICE credentials. */
  #pathChanged(state: RTCPeerConnectionState): void {
    clearTimeout(this.#restartTimer);
    if (this.#host.isOver || !this.peer.wasConnected) return;
    if (state === 'connected') {
      this.#host.diagnose('networkReconnect', DiagnosticQuality.Good);
    } else if (state === 'failed' || state === 'disconnected') {
      this.#host.diagnose('networkReconnect', state === 'failed' ? DiagnosticQuality.Bad : DiagnosticQuality.Poor);
      this.#restartTimer = setTimeout(() => void this.#restart(), RESTART_DELAY_MS);
    }
  }

  async #restart(): Promise<void> {
    if (this.#host.isOver || this.peer.state === 'connected') return;
    try {
      await this.#host.restartMedia(await this.peer.offer(true));
    } catch {
      if (!this.#host.isOver) this.#restartTimer = setTimeout(() => void this.#restart(), RESTART_RETRY_MS);
    }
  }
}
