// The one RTCPeerConnection of a call: one offer, a pool of receive m-lines, no renegotiation.

const AUDIO_SLOTS = 3;
const VIDEO_TILES = 4;
const CAMERA_BITRATE = 1_500_000;
const SCREEN_BITRATE = 2_500_000;

/** Every m-line of the offer, in its order. */
const M_LINES = [
  { role: 'MICROPHONE', kind: 'audio', direction: 'sendonly' },
  { role: 'CAMERA', kind: 'video', direction: 'sendonly', maxBitrate: CAMERA_BITRATE },
  { role: 'SCREEN', kind: 'video', direction: 'sendonly', maxBitrate: SCREEN_BITRATE },
  ...Array.from({ length: AUDIO_SLOTS }, () => (
    { role: 'RECEIVE_AUDIO', kind: 'audio', direction: 'recvonly' })),
  ...Array.from({ length: VIDEO_TILES }, () => (
    { role: 'RECEIVE_VIDEO', kind: 'video', direction: 'recvonly' })),
  { role: 'RECEIVE_SCREEN', kind: 'video', direction: 'recvonly' },
];

/** Codecs worth offering: what the exchange forwards, and repair for it. */
const CODECS = {
  audio: new Set(['audio/opus', 'audio/telephone-event']),
  video: new Set(['video/vp8', 'video/rtx']),
};

/**
 * The media path between this tab and the exchange.
 *
 * Events: `connected` and `failed`, each at most once per path; `state` with every change.
 */
export class Peer extends EventTarget {
  #connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' });
  #lines;
  #offeredAt = null;

  /** Milliseconds from sending the offer to media being up. */
  connectTime = null;

  constructor() {
    super();
    this.#lines = M_LINES.map(({ role, kind, direction, maxBitrate }) => {
      const sendEncodings = maxBitrate ? [{ maxBitrate }] : undefined;
      const transceiver = this.#connection.addTransceiver(kind, { direction, sendEncodings });
      preferCodecs(transceiver, kind, direction);
      return { role, kind, transceiver, stream: new MediaStream([transceiver.receiver.track]) };
    });
    this.#connection.addEventListener('connectionstatechange', () => this.#changed());
  }

  /** `new`, `connecting`, `connected`, `disconnected`, `failed` or `closed`. */
  get state() {
    return this.#connection.connectionState;
  }

  /** The receive m-lines: `{mid, role, kind, stream}`. */
  get receivers() {
    return this.#lines
      .filter(({ role }) => role.startsWith('RECEIVE_'))
      .map(({ role, kind, transceiver, stream }) => ({ mid: transceiver.mid, role, kind, stream }));
  }

  /**
   * Makes the MediaOffer. Candidates are not waited for: the exchange answers to wherever the
   * checks come from.
   */
  async offer({ iceRestart = false } = {}) {
    const offer = await this.#connection.createOffer({ iceRestart });
    await this.#connection.setLocalDescription(offer);
    this.#offeredAt = performance.now();
    const tracks = this.#lines.map(({ role, transceiver }) => (
      { mid: transceiver.mid, role: `TRACK_ROLE_${role}` }));
    return { sdp: this.#connection.localDescription.sdp, tracks };
  }

  /** Takes the exchange's answer; one that comes after the end is dropped. */
  async answer(sdp) {
    if (this.#connection.signalingState !== 'have-local-offer') return;
    await this.#connection.setRemoteDescription({ type: 'answer', sdp });
  }

  /** Sends a track on the m-line of a role, or nothing. Needs no renegotiation. */
  async send(role, track) {
    const line = this.#lines.find((candidate) => candidate.role === role);
    if (this.state !== 'closed') await line.transceiver.sender.replaceTrack(track);
  }

  /** Bytes, packets and loss of what is received and sent, for the curious. */
  async statistics() {
    const report = await this.#connection.getStats();
    return [...report.values()].filter(({ type }) => (
      type === 'inbound-rtp' || type === 'outbound-rtp' || type === 'transport' || type === 'candidate-pair'));
  }

  /** Ends the media path. */
  close() {
    this.#connection.close();
  }

  #changed() {
    const { state } = this;
    if (state === 'connected' && this.connectTime === null && this.#offeredAt !== null) {
      this.connectTime = performance.now() - this.#offeredAt;
      this.dispatchEvent(new CustomEvent('connected'));
    }
    this.dispatchEvent(new CustomEvent('state', { detail: state }));
  }
}

function preferCodecs(transceiver, kind, direction) {
  const capabilities = direction === 'sendonly'
    ? RTCRtpSender.getCapabilities(kind)
    : RTCRtpReceiver.getCapabilities(kind);
  const codecs = capabilities?.codecs.filter(({ mimeType }) => CODECS[kind].has(mimeType.toLowerCase()));
  if (codecs?.length) transceiver.setCodecPreferences(codecs);
}
