// The one RTCPeerConnection of a call: one offer, a pool of receive m-lines, no renegotiation.

import { TrackRole } from './gen/trunkline/calling/v1/calling_pb.js';
import type { IceServer } from './types/values.js';

/** Tiles that a call can show at once. More cost an m-line each, whether or not they show anything. */
export const VIDEO_TILES = 9;
const AUDIO_SLOTS = 3;
const CAMERA_BITRATE = 1_500_000;
const SCREEN_BITRATE = 2_500_000;

interface MLine { role: TrackRole; kind: 'audio' | 'video'; direction: 'sendonly' | 'recvonly'; maxBitrate?: number }
interface Line extends MLine { transceiver: RTCRtpTransceiver; stream: MediaStream }

/** Every m-line of the offer, in its order. */
const M_LINES: readonly MLine[] = [
  { role: TrackRole.MICROPHONE, kind: 'audio', direction: 'sendonly' },
  { role: TrackRole.CAMERA, kind: 'video', direction: 'sendonly', maxBitrate: CAMERA_BITRATE },
  { role: TrackRole.SCREEN, kind: 'video', direction: 'sendonly', maxBitrate: SCREEN_BITRATE },
  ...Array.from({ length: AUDIO_SLOTS }, (): MLine => (
    { role: TrackRole.RECEIVE_AUDIO, kind: 'audio', direction: 'recvonly' })),
  ...Array.from({ length: VIDEO_TILES }, (): MLine => (
    { role: TrackRole.RECEIVE_VIDEO, kind: 'video', direction: 'recvonly' })),
  { role: TrackRole.RECEIVE_SCREEN, kind: 'video', direction: 'recvonly' },
];

/** Codecs worth offering: what the exchange forwards, and repair for it. */
const CODECS = {
  audio: new Set(['audio/opus', 'audio/telephone-event']),
  video: new Set(['video/vp8', 'video/rtx']),
};

export type SendRole = TrackRole.MICROPHONE | TrackRole.CAMERA | TrackRole.SCREEN;

/** A receive m-line. */
export interface Receiver { mid: string; role: TrackRole; track: MediaStreamTrack; stream: MediaStream }

/** The media path between this page and the exchange. */
export class Peer {
  readonly #connection: RTCPeerConnection;
  readonly #lines: Line[];
  /** Whether the path was up at least once. */
  wasConnected = false;

  constructor(iceServers: IceServer[], onState: (state: RTCPeerConnectionState) => void) {
    this.#connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require', iceServers });
    this.#lines = M_LINES.map((line) => {
      const init: RTCRtpTransceiverInit = { direction: line.direction };
      if (line.maxBitrate) init.sendEncodings = [{ maxBitrate: line.maxBitrate }];
      const transceiver = this.#connection.addTransceiver(line.kind, init);
      preferCodecs(transceiver, line);
      return { ...line, transceiver, stream: new MediaStream([transceiver.receiver.track]) };
    });
    this.#connection.addEventListener('connectionstatechange', () => {
      this.wasConnected ||= this.state === 'connected';
      onState(this.state);
    });
  }

  get state(): RTCPeerConnectionState {
    return this.#connection.connectionState;
  }

  receivers(role: TrackRole): Receiver[] {
    return this.#lines
      .filter((line) => line.role === role)
      .map(({ transceiver, stream }) => ({ mid: transceiver.mid ?? '', role, track: transceiver.receiver.track, stream }));
  }

  /** Makes the offer. Candidates are not waited for: the exchange answers to wherever checks come from. */
  async offer(iceRestart = false): Promise<{ sdp: string; tracks: { mid: string; role: TrackRole }[] }> {
    await this.#connection.setLocalDescription(await this.#connection.createOffer({ iceRestart }));
    const tracks = this.#lines.map(({ role, transceiver }) => ({ mid: transceiver.mid ?? '', role }));
    return { sdp: this.#connection.localDescription?.sdp ?? '', tracks };
  }

  /** Takes the exchange's answer; one that comes after the end is dropped. */
  async answer(sdp: string): Promise<void> {
    if (this.#connection.signalingState !== 'have-local-offer') return;
    await this.#connection.setRemoteDescription({ type: 'answer', sdp });
  }

  /** Sends a track on the m-line of a role, or nothing. */
  async send(role: SendRole, track: MediaStreamTrack | null): Promise<void> {
    if (this.#connection.signalingState === 'closed') return;
    await this.#sender(role).replaceTrack(track);
  }

  /** Caps what the camera sends. */
  async constrain(limits: { maxBitrate?: number; maxFramerate?: number; scaleResolutionDownBy?: number }): Promise<void> {
    const sender = this.#sender(TrackRole.CAMERA);
    const parameters = sender.getParameters();
    for (const encoding of parameters.encodings) Object.assign(encoding, limits);
    await sender.setParameters(parameters);
  }

  statistics(): Promise<RTCStatsReport> {
    return this.#connection.getStats();
  }

  /** The mid that each statistic of a receiver or sender is about, by role. */
  roleOf(mid: string): TrackRole | undefined {
    return this.#lines.find(({ transceiver }) => transceiver.mid === mid)?.role;
  }

  close(): void {
    this.#connection.close();
  }

  #sender(role: SendRole): RTCRtpSender {
    const line = this.#lines.find((candidate) => candidate.role === role);
    if (!line) throw new TypeError('every send role has its m-line');
    return line.transceiver.sender;
  }
}

function preferCodecs(transceiver: RTCRtpTransceiver, { kind, direction }: MLine): void {
  const capabilities = direction === 'sendonly' ? RTCRtpSender.getCapabilities(kind) : RTCRtpReceiver.getCapabilities(kind);
  const codecs = capabilities?.codecs.filter(({ mimeType }) => CODECS[kind].has(mimeType.toLowerCase())) ?? [];
  if (codecs.length > 0) transceiver.setCodecPreferences(codecs);
}
