// How loud a stream is, from 0 to 100, as long as somebody listens.

import { bindMethods, Emitter } from './emitter.js';
import type { Volume } from './types/objects.js';

const INTERVAL_MS = 100;

/** Measures the level of a stream's sound. */
export class Meter {
  private readonly context = new AudioContext();
  private readonly analyser = new AnalyserNode(this.context, { fftSize: 1_024 });
  private readonly samples = new Float32Array(1_024);

  constructor(stream: MediaStream) {
    new MediaStreamAudioSourceNode(this.context, { mediaStream: stream }).connect(this.analyser);
  }

  /** The root mean square of the last 20 ms, from 0 to 1. */
  level(): number {
    this.analyser.getFloatTimeDomainData(this.samples);
    return Math.sqrt(this.samples.reduce((sum, sample) => sum + sample * sample, 0) / this.samples.length);
  }

  close(): void {
    void this.context.close().catch(() => {});
  }
}

export class VolumeImpl extends Emitter implements Volume {
  level = 0;
  private readonly stream: MediaStream;
  private timer: ReturnType<typeof setInterval> | undefined;
  private meter: Meter | undefined;

  constructor(stream: MediaStream) {
    super();
    this.stream = stream;
    bindMethods(this);
  }

  override on(event: 'levelChanged', listener: () => void): void {
    super.on(event, listener);
    this.timer ??= setInterval(() => this.measure(), INTERVAL_MS);
  }

  override off(event: 'levelChanged', listener: () => void): void {
    super.off(event, listener);
    if ((this.listeners.get('levelChanged') ?? []).length === 0) this.stop();
  }

  private measure(): void {
    if (this.stream.getTracks().every(({ readyState }) => readyState === 'ended')) {
      this.stop();
      return;
    }
    this.meter ??= new Meter(this.stream);
    const level = Math.min(100, Math.round(this.meter.level() * 250));
    if (level === this.level) return;
    this.level = level;
    this.emit('levelChanged');
  }

  private stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.meter?.close();
    this.meter = undefined;
  }
}
