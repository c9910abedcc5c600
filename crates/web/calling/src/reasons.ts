// Why something ended, in the shape of the API and in words.

import type { EndReason } from './gen/trunkline/common/v1/common_pb.js';
import type { CallEndReason } from './types/values.js';
import { CallingError, ClientSubCode } from './errors.js';

/** The reason that the exchange gave; a plain end where it gave none. */
export function endReason(wire: EndReason | undefined): CallEndReason {
  if (!wire) return { code: 0, subCode: 0, message: 'the call is over', resultCategories: ['Success'] };
  return { code: wire.code, subCode: wire.subCode, message: wire.meaning, resultCategories: wire.category ? [wire.category] : [] };
}

/** The reason of a call that could not be placed, joined or accepted. */
export function refusalReason(error: unknown): CallEndReason {
  const { code, subCode } = error instanceof CallingError ? error : { code: 500, subCode: 0 };
  const message = error instanceof Error ? error.message : 'the call could not be set up';
  return { code, subCode, message, resultCategories: [code >= 500 ? 'UnexpectedServerError' : 'ExpectedError'] };
}

/** What this client says itself when the exchange can no longer tell. */
const own = (code: number, subCode: number, message: string): CallEndReason => Object.freeze({
  code, subCode, message, resultCategories: Object.freeze(['UnexpectedClientError']),
});

export const SESSION_LOST = own(496, 7, 'the connection to the exchange was lost for too long');
/** It answers, but was started anew, or gave the session up. */
export const SESSION_FORGOTTEN = own(496, 7, 'the exchange does not know of the call any more');
export const TOKEN_REFUSED = own(401, ClientSubCode.notConnected, 'the token expired or was revoked, and was not renewed');
