// Features of the client itself.

import { bindMethods, Emitter } from '../emitter.js';
import type { DebugInfoCallClientFeature } from '../types/features.js';
import type { EnvironmentInfo } from '../types/values.js';

const BROWSERS: readonly [string, RegExp][] = [
  ['edge', /Edg(?:e|A|iOS)?\/([\d.]+)/],
  ['firefox', /(?:Firefox|FxiOS)\/([\d.]+)/],
  ['chrome', /(?:Chrome|CriOS|HeadlessChrome)\/([\d.]+)/],
  ['safari', /Version\/([\d.]+).*Safari/],
];
const PLATFORMS: readonly [string, RegExp][] = [
  ['ios', /iPhone|iPad|iPod/], ['android', /Android/], ['windows', /Windows/], ['mac', /Mac OS X/], ['linux', /Linux|CrOS/],
];

export class DebugInfo extends Emitter implements DebugInfoCallClientFeature {
  readonly name = 'DebugInfo';
  readonly isCallClientActiveInAnotherTab = false;
  /** A property of its own: the object is spread. */
  getEnvironmentInfo: () => Promise<EnvironmentInfo>;

  constructor() {
    super();
    bindMethods(this);
    this.getEnvironmentInfo = async () => environment();
  }
}

function environment(): EnvironmentInfo {
  const agent = globalThis.navigator?.userAgent ?? '';
  const [browser = 'unknown', pattern] = BROWSERS.find(([, expression]) => expression.test(agent)) ?? [];
  const [platform = 'unknown'] = PLATFORMS.find(([, expression]) => expression.test(agent)) ?? [];
  const browserVersion = pattern?.exec(agent)?.[1] ?? '';
  const canCall = typeof RTCPeerConnection !== 'undefined' && typeof WebSocket !== 'undefined';
  return {
    environment: { platform, browser, browserVersion },
    isSupportedPlatform: canCall,
    isSupportedBrowser: canCall,
    isSupportedBrowserVersion: canCall,
    isSupportedEnvironment: canCall,
  };
}
