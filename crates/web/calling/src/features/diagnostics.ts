// What keeps a person from hearing and being heard, told when it begins and when it is over.

import { bindMethods, Emitter } from '../emitter.js';
import type * as f from '../types/features.js';
import type * as v from '../types/values.js';
import { DiagnosticQuality } from '../types/values.js';
import { Meter } from '../volume.js';
import { Feature, type Context } from './base.js';

const INTERVAL_MS = 2_000;
const SPEAKING_INTERVAL_MS = 250;
/** Louder than this, four times in a row, is speech rather than a knock on the table. */
const SPEAKING_LEVEL = 0.05;
const SPEAKING_COUNT = 4;
/** Shares of packets lost and round trips from which a person hears it, and from which talk breaks down. */
const POOR = { loss: 0.04, rttMs: 400 };
const BAD = { loss: 0.1, rttMs: 1_000 };
/** Flags that the composites read as bad or good again. */
const GRADED = /Unexpectedly|NotFunctioning/;

const NETWORK: ReadonlySet<string> = new Set<v.NetworkDiagnosticType>([
  'networkReconnect', 'networkReceiveQuality', 'networkSendQuality', 'noNetwork', 'networkRelaysNotReachable',
]);

class Diagnostics extends Emitter {
  private latest: Record<string, v.LatestDiagnosticValue> = {};

  constructor() {
    super();
    bindMethods(this);
  }

  getLatest(): Record<string, v.LatestDiagnosticValue> {
    return { ...this.latest };
  }

  /** @internal What is good from the start needs no telling. */
  set(diagnostic: string, found: boolean | DiagnosticQuality): void {
    const value = typeof found === 'boolean' && GRADED.test(diagnostic) ? found ? DiagnosticQuality.Bad : DiagnosticQuality.Good : found;
    const before = this.latest[diagnostic]?.value ?? (typeof value === 'boolean' ? false : DiagnosticQuality.Good);
    if (before === value) return;
    const valueType: v.DiagnosticValueType = typeof value === 'boolean' ? 'DiagnosticFlag' : 'DiagnosticQuality';
    this.latest = { ...this.latest, [diagnostic]: { value, valueType } };
    this.emit('diagnosticChanged', { diagnostic, value, valueType });
  }
}

class RemoteDiagnostics extends Emitter implements f.RemoteDiagnostics {
  readonly isSendingDiagnosticsEnabled = false;

  constructor() {
    super();
    bindMethods(this);
  }

  startSendingDiagnostics(): void {
    // The exchange carries none: what is read is empty.
  }

  stopSendingDiagnostics(): void {
    // As above.
  }

  getLatest(): v.RemoteParticipantDiagnosticsData {
    return { diagnostics: [] };
  }
}

export class UserFacingDiagnostics extends Feature implements f.UserFacingDiagnosticsFeature {
  readonly name = 'UserFacingDiagnostics';
  readonly network = new Diagnostics();
  readonly media = new Diagnostics();
  readonly remote = new RemoteDiagnostics();

  private timer: ReturnType<typeof setInterval> | undefined;
  private speakingTimer: ReturnType<typeof setInterval> | undefined;
  private counts = { received: 0, lost: 0 };
  private readonly online = () => this.network.set('noNetwork', globalThis.navigator?.onLine === false);
  private quiet: (() => void) | undefined;

  constructor(context: Context) {
    super(context);
    const { inner } = this.call;
    inner.on('diagnostic', ({ type, value }: { type: string; value: boolean | DiagnosticQuality }) => {
      (NETWORK.has(type) ? this.network : this.media).set(type, value);
    });
    inner.on('state', (state: v.CallState) => {
      if (state === 'Connecting') this.start();
      if (state === 'Disconnected') this.stop();
    });
    inner.on('muted', (isMuted: boolean) => {
      this.quiet?.();
      if (isMuted) this.listen();
    });
  }

  private start(): void {
    this.online();
    globalThis.addEventListener?.('online', this.online);
    globalThis.addEventListener?.('offline', this.online);
    this.timer ??= setInterval(() => void this.measure(), INTERVAL_MS);
  }

  private stop(): void {
    globalThis.removeEventListener?.('online', this.online);
    globalThis.removeEventListener?.('offline', this.online);
    clearInterval(this.timer);
    this.quiet?.();
  }

  private async measure(): Promise<void> {
    const peer = this.call.media?.peer;
    if (this.call.state !== 'Connected' || peer?.state !== 'connected') return;
    const entries = [...(await peer.statistics()).values()];
    const sum = (type: string, name: string) => entries
      .filter((entry) => entry.type === type).reduce((total, entry) => total + (entry[name] ?? 0), 0);
    const received = sum('inbound-rtp', 'packetsReceived');
    const lost = Math.max(0, sum('inbound-rtp', 'packetsLost'));
    const arrived = received - this.counts.received;
    const missed = Math.max(0, lost - this.counts.lost);
    this.counts = { received, lost };
    const rttMs = 1_000 * (entries.find(({ type, nominated }) => type === 'candidate-pair' && nominated)?.currentRoundTripTime ?? 0);
    this.network.set('networkReceiveQuality', quality(arrived + missed > 20 ? missed / (arrived + missed) : 0, rttMs));
    const sentLoss = Math.max(0, ...entries.filter(({ type }) => type === 'remote-inbound-rtp').map(({ fractionLost }) => fractionLost ?? 0));
    this.network.set('networkSendQuality', quality(sentLoss, rttMs));
    const track = this.call.localAudioStreams[0]?.track;
    if (track) this.media.set('microphoneMuteUnexpectedly', track.muted);
  }

  /** Hears whether somebody speaks into a muted microphone; the sound stays in this page. */
  private listen(): void {
    const track = this.call.localAudioStreams[0]?.track;
    if (!track || typeof AudioContext === 'undefined') return;
    const ear = track.clone();
    ear.enabled = true;
    const meter = new Meter(new MediaStream([ear]));
    let loud = 0;
    this.speakingTimer = setInterval(() => {
      loud = meter.level() > SPEAKING_LEVEL ? loud + 1 : 0;
      if (loud >= SPEAKING_COUNT) this.media.set('speakingWhileMicrophoneIsMuted', true);
      else if (loud === 0) this.media.set('speakingWhileMicrophoneIsMuted', false);
    }, SPEAKING_INTERVAL_MS);
    this.quiet = () => {
      clearInterval(this.speakingTimer);
      ear.stop();
      meter.close();
      this.media.set('speakingWhileMicrophoneIsMuted', false);
      this.quiet = undefined;
    };
  }
}

function quality(loss: number, rttMs: number): DiagnosticQuality {
  if (loss >= BAD.loss || rttMs >= BAD.rttMs) return DiagnosticQuality.Bad;
  return loss >= POOR.loss || rttMs >= POOR.rttMs ? DiagnosticQuality.Poor : DiagnosticQuality.Good;
}
