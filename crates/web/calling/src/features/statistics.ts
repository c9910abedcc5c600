// What the browser measures of a call's media.

import { bindMethods, Emitter } from '../emitter.js';
import { TrackRole } from '../gen/trunkline/calling/v1/calling_pb.js';
import type { Peer } from '../peer.js';
import type * as f from '../types/features.js';
import type * as v from '../types/values.js';
import { Feature, type Context } from './base.js';

const SAMPLE_INTERVAL_MS = 1_000;

interface Rtp {
  id: string; type: string; kind: string; mid?: string; timestamp: number; codecId?: string; remoteId?: string; localId?: string;
  bytesReceived?: number; bytesSent?: number; packetsReceived?: number; packetsSent?: number; packetsLost?: number;
  fractionLost?: number; jitter?: number; roundTripTime?: number; frameWidth?: number; frameHeight?: number;
  framesPerSecond?: number; audioLevel?: number; mimeType?: string; currentRoundTripTime?: number; nominated?: boolean;
  framesDecoded?: number;
}
type Writable<T> = { -readonly [name in keyof T]: T[name] };
type Medium = 'audio' | 'video' | 'screenShare';

/** Reads the browser's report one after the other: rates are differences. */
export class Sampler {
  private before = new Map<string, Rtp>();

  async sample(peer: Peer): Promise<f.MediaStatsReportSample> {
    const entries = new Map<string, Rtp>((await peer.statistics()) as unknown as Iterable<[string, Rtp]>);
    const pair = [...entries.values()].find(({ type, nominated }) => type === 'candidate-pair' && nominated);
    const pairRttInMs = Math.round((pair?.currentRoundTripTime ?? 0) * 1_000);
    const sample = {
      timestamp: new Date(),
      audio: { send: [] as f.MediaStatsStream[], receive: [] as f.MediaStatsStream[] },
      video: { send: [] as f.MediaStatsStream[], receive: [] as f.MediaStatsStream[] },
      screenShare: { send: [] as f.MediaStatsStream[], receive: [] as f.MediaStatsStream[] },
    };
    for (const entry of entries.values()) {
      if (entry.type !== 'inbound-rtp' && entry.type !== 'outbound-rtp') continue;
      const direction = entry.type === 'inbound-rtp' ? 'receive' : 'send';
      sample[mediumOf(peer, entry)][direction].push(this.stream(entry, entries, pairRttInMs));
    }
    this.before = entries;
    return sample;
  }

  private stream(entry: Rtp, entries: Map<string, Rtp>, pairRttInMs: number): f.MediaStatsStream {
    const before = this.before.get(entry.id);
    const seconds = before ? (entry.timestamp - before.timestamp) / 1_000 : 0;
    const rate = (read: (rtp: Rtp) => number | undefined) => (
      before && seconds > 0 ? Math.max(0, Math.round(((read(entry) ?? 0) - (read(before) ?? 0)) / seconds)) : 0);
    const remote = entry.remoteId === undefined ? undefined : entries.get(entry.remoteId);
    const { frameWidth, frameHeight, framesPerSecond, audioLevel } = entry;
    const stream: Writable<f.MediaStatsStream> = {
      id: entry.id,
      codecName: (entries.get(entry.codecId ?? '')?.mimeType ?? '').split('/')[1] ?? '',
      bitrate: 8 * rate(({ bytesReceived, bytesSent }) => bytesReceived ?? bytesSent),
      packetsPerSecond: rate(({ packetsReceived, packetsSent }) => packetsReceived ?? packetsSent),
      packetsLossTotal: Math.max(0, entry.packetsLost ?? remote?.packetsLost ?? 0),
      jitterInMs: Math.round((entry.jitter ?? remote?.jitter ?? 0) * 1_000),
      pairRttInMs,
    };
    if (frameWidth !== undefined) stream.frameWidth = frameWidth;
    if (frameHeight !== undefined) stream.frameHeight = frameHeight;
    if (framesPerSecond !== undefined) stream.frameRate = framesPerSecond;
    if (audioLevel !== undefined) stream.audioLevel = audioLevel;
    return stream;
  }
}

function mediumOf(peer: Peer, { kind, mid }: Rtp): Medium {
  if (kind === 'audio') return 'audio';
  const role = peer.roleOf(mid ?? '');
  return role === TrackRole.SCREEN || role === TrackRole.RECEIVE_SCREEN ? 'screenShare' : 'video';
}

class Collector extends Emitter implements f.MediaStatsCollector {
  private readonly sampler = new Sampler();
  private samples: f.MediaStatsReportSample[] = [];
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly call: Context['call'];
  private readonly pointsPerSummary: number;

  constructor(call: Context['call'], { aggregationInterval = 10, dataPointsPerAggregation = 6 }: v.MediaStatsCollectorOptions) {
    super();
    this.call = call;
    this.pointsPerSummary = Math.max(1, aggregationInterval * dataPointsPerAggregation);
    bindMethods(this);
    this.timer = setInterval(() => void this.collect(), SAMPLE_INTERVAL_MS);
  }

  dispose(): void {
    clearInterval(this.timer);
    this.listeners.clear();
  }

  private async collect(): Promise<void> {
    if (this.call.state === 'Disconnected') {
      this.summarize();
      this.dispose();
      return;
    }
    const sample = this.call.media && await this.sampler.sample(this.call.media.peer).catch(() => undefined);
    if (!sample) return;
    this.samples.push(sample);
    this.emit('sampleReported', sample);
    if (this.samples.length >= this.pointsPerSummary) this.summarize();
  }

  private summarize(): void {
    if (this.samples.length === 0) return;
    const { samples } = this;
    this.samples = [];
    this.emit('summaryReported', { timestamp: new Date(), samples });
  }
}

export class MediaStats extends Feature implements f.MediaStatsCallFeature {
  readonly name = 'MediaStats';

  createCollector(options: v.MediaStatsCollectorOptions = {}): f.MediaStatsCollector {
    return new Collector(this.call, options);
  }
}
