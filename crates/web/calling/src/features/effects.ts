// Effects on streams: the browser's own on sound; none on pictures.

import { bindMethods, Emitter } from '../emitter.js';
import { NotSupportedError, wrongState } from '../errors.js';
import type {
  ActiveAudioEffects, AudioEffect, AudioEffectsFeature, AudioEffectsStartConfig, AudioEffectsStopConfig,
} from '../types/features.js';
import type { VideoEffectName } from '../types/values.js';

export class VideoEffects extends Emitter {
  readonly name = 'VideoEffects';
  readonly activeEffects: VideoEffectName[] = [];

  constructor() {
    super();
    bindMethods(this);
  }

  async isSupported(): Promise<boolean> {
    return false;
  }

  async startEffects(): Promise<void> {
    throw new NotSupportedError('a video effect');
  }

  async stopEffects(): Promise<void> {
    // Nothing ever runs, so that nothing is what stops.
  }
}

export class AudioEffects extends Emitter implements AudioEffectsFeature {
  readonly name = 'AudioEffects';
  activeEffects: ActiveAudioEffects = { noiseSuppression: ['BrowserNoiseSuppression'], echoCancellation: ['BrowserEchoCancellation'] };
  private readonly track: () => MediaStreamTrack | undefined;

  constructor(track: () => MediaStreamTrack | undefined) {
    super();
    this.track = track;
    bindMethods(this);
  }

  async isSupported(effect: AudioEffect | string): Promise<boolean> {
    const supported = globalThis.navigator?.mediaDevices?.getSupportedConstraints?.() ?? {};
    if (effect === 'BrowserNoiseSuppression') return supported.noiseSuppression === true;
    return effect === 'BrowserEchoCancellation' && supported.echoCancellation === true;
  }

  async startEffects({ noiseSuppression, echoCancellation }: AudioEffectsStartConfig): Promise<void> {
    for (const effect of [noiseSuppression, echoCancellation]) {
      if (effect !== undefined && !await this.isSupported(effect)) throw new NotSupportedError('this audio effect');
    }
    await this.apply({ ...(noiseSuppression && { noiseSuppression: true }), ...(echoCancellation && { echoCancellation: true }) });
    this.emit('effectsStarted', this.activeEffects);
  }

  async stopEffects({ noiseSuppression, echoCancellation }: AudioEffectsStopConfig): Promise<void> {
    await this.apply({ ...(noiseSuppression && { noiseSuppression: false }), ...(echoCancellation && { echoCancellation: false }) });
    this.emit('effectsStopped', this.activeEffects);
  }

  private async apply(changes: { noiseSuppression?: boolean; echoCancellation?: boolean }): Promise<void> {
    const track = this.track();
    if (!track) throw wrongState('the microphone is not open');
    const { noiseSuppression = true, echoCancellation = true } = { ...track.getSettings(), ...changes };
    await track.applyConstraints({ ...track.getConstraints(), noiseSuppression, echoCancellation });
    this.activeEffects = {
      noiseSuppression: noiseSuppression ? ['BrowserNoiseSuppression'] : [],
      echoCancellation: echoCancellation ? ['BrowserEchoCancellation'] : [],
    };
  }
}
