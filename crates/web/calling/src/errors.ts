// The errors that the package rejects with and throws: always an Error with a code and a sub-code.

import type { CommunicationServicesError } from './types/values.js';

/** Sub-codes that this client gives itself. The exchange's own are never in this range. */
export const ClientSubCode = {
  notSupported: 40_501,
  wrongArgument: 40_400,
  wrongState: 40_409,
  disposed: 40_410,
  notConnected: 40_503,
  device: 40_403,
} as const;

/** What failed, with the numbers that `trunkline explain` knows where the exchange gave them. */
export class CallingError extends Error implements CommunicationServicesError {
  readonly code: number;
  readonly subCode: number;
  /** The exchange's stable name of the error, such as `too_many_participants`; empty for this client's own. */
  readonly exchangeCode: string;

  constructor(message: string, code: number, subCode: number, options: { cause?: unknown; exchangeCode?: string; name?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = options.name ?? 'CallingCommunicationError';
    this.code = code;
    this.subCode = subCode;
    this.exchangeCode = options.exchangeCode ?? '';
  }
}

/** Something of the API that this exchange does not offer. */
export class NotSupportedError extends CallingError {
  constructor(what: string) {
    super(`${what} is not offered by this exchange`, 501, ClientSubCode.notSupported, { name: 'NotSupportedError' });
  }
}

export function wrongArgument(message: string): CallingError {
  return new CallingError(message, 400, ClientSubCode.wrongArgument);
}

export function wrongState(message: string): CallingError {
  return new CallingError(message, 409, ClientSubCode.wrongState);
}

/** Says why a device could not be had. */
export function deviceError(device: 'microphone' | 'camera' | 'screen', cause: unknown): CallingError {
  const name = cause instanceof Error || cause instanceof DOMException ? cause.name : '';
  const words: Record<string, string> = {
    NotAllowedError: `the use of the ${device} was not allowed`,
    SecurityError: `the use of the ${device} was not allowed`,
    NotFoundError: `no ${device} was found`,
    OverconstrainedError: `the chosen ${device} is not there`,
    NotReadableError: `the ${device} is in use by another program, or did not start`,
    AbortError: `the ${device} did not start`,
  };
  // The composites tell these two apart by their words.
  if (device === 'camera') {
    words.NotAllowedError = words.SecurityError = 'Video operation failure permissionDeniedError';
    words.NotReadableError = 'Video operation failure SourceUnavailableError';
  }
  return new CallingError(words[name] ?? `the ${device} cannot be used here`, 403, ClientSubCode.device, { cause });
}

/** Whether an error says that a person or a policy refused the device. */
export function isPermissionError(error: unknown): boolean {
  const cause = error instanceof CallingError ? error.cause : error;
  return cause instanceof Error && (cause.name === 'NotAllowedError' || cause.name === 'SecurityError');
}
