// Effects by their names. The exchange's clients have none: `isSupported` of a stream says so, and
// starting one rejects.

export class BackgroundBlurEffect {
  name = 'BackgroundBlur';

  constructor(config = {}) {
    this.config = config;
  }

  async configure(config) {
    this.config = config;
  }
}

export class BackgroundReplacementEffect {
  name = 'BackgroundReplacement';

  constructor(config) {
    this.config = config;
  }

  async configure(config) {
    this.config = config;
  }
}

export class DeepNoiseSuppressionEffect {
  name = 'DeepNoiseSuppression';
}
