export interface BackgroundBlurConfig { blurStrength?: number }
export interface BackgroundReplacementConfig { backgroundImageUrl: string }

/** A blurred background. */
export class BackgroundBlurEffect {
  constructor(config?: BackgroundBlurConfig);
  readonly name: 'BackgroundBlur';
  configure(config: BackgroundBlurConfig): Promise<void>;
}

/** Another background. */
export class BackgroundReplacementEffect {
  constructor(config: BackgroundReplacementConfig);
  readonly name: 'BackgroundReplacement';
  configure(config: BackgroundReplacementConfig): Promise<void>;
}

/** Less noise than the browser takes away. */
export class DeepNoiseSuppressionEffect {
  readonly name: 'DeepNoiseSuppression';
}
