// Where the exchange is: unmodified code has no place to say it, so there are several.

import { wrongArgument } from './errors.js';
import type { CallClientOptions } from './types/values.js';

/** Settings that hold for every client made after them. */
export interface Configuration {
  /** The exchange's address, such as `https://calls.example.org`. */
  endpoint?: string;
}

const configuration: Configuration = {};

/** Sets what every client made from here on takes for granted. */
export function configure(settings: Configuration): void {
  Object.assign(configuration, settings);
}

/**
 * Returns the address of the signaling socket. The first that is there decides: the client's
 * `endpoint`, its proxy's address, `configure`, `globalThis.trunklineEndpoint`, the claim
 * `acsEndpoint` of the token, the page's own origin.
 */
export function signalingUrl(options: CallClientOptions, token: string): string {
  const global = (globalThis as { trunklineEndpoint?: unknown }).trunklineEndpoint;
  const endpoint = options.endpoint
    || options.networkConfiguration?.proxy?.url
    || configuration.endpoint
    || (typeof global === 'string' ? global : '')
    || claim(token, 'acsEndpoint')
    || (globalThis.location?.origin ?? '');
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch {
    throw wrongArgument(`the exchange's address is not known: ${endpoint === '' ? 'no endpoint is given' : 'it is no URL'}`);
  }
  if (!['http:', 'https:', 'ws:', 'wss:'].includes(url.protocol)) {
    throw wrongArgument(`the exchange's address begins with ${url.protocol}`);
  }
  url.protocol = url.protocol === 'http:' || url.protocol === 'ws:' ? 'ws:' : 'wss:';
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/signaling`;
  url.search = '';
  url.hash = '';
  return url.href;
}

/** Reads a claim of a token that somebody else verifies; empty when there is none. */
function claim(token: string, name: string): string {
  const payload = token.split('.')[1];
  if (!payload) return '';
  try {
    const value: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))[name];
    return typeof value === 'string' ? value : '';
  } catch {
    return '';
  }
}
