// Features of the client itself.

import { bindMethods, Emitter } from '../emitter.js';
import type { DebugInfoCallClientFeature } from '../types/features.js';
import type { EnvironmentInfo } from '../types/values.js';

const BROWSERS: readonly [string, RegExp][] = [
  ['Edge', /Edg(?:e|A|iOS)?\/([\d.]+)/],
  ['Firefox', /(?:Firefox|FxiOS)\/([\d.]+)/],
  ['Chrome', /(?:Chrome|CriOS|HeadlessChrome)\/([\d.]+)/],
  ['Safari', /Version\/([\d.]+).*Safari/],
];
const PLATFORMS: readonly [string, RegExp][] = [
  ['iOS', /iPhone|iPad|iPod/], ['Android', /Android/], ['Windows', /Windows/], ['macOS', /Mac OS X/], ['Linux', /Linux|CrOS/],
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
