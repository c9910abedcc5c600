// Signing in with one's organisation: to the issuer's page and back, and a token of the exchange for what it gave.
//
// What has to outlive the way to the issuer and a reload is in this tab's session storage and nowhere else.

import { text } from '../strings';
import { discover, prepare, redeem, refresh, SignInError, type Granted, type Issuer, type Pending } from './oidc';
import { Credential, swapToken } from './tokens';

const KEPT_KEY = 'trunkline.organisation';
const PENDING_KEY = 'trunkline.signIn';
/** A token with less life than this is renewed before it is swapped. */
const RENEW_BEFORE_MS = 60_000;

/** What a reload goes on with. */
interface Kept {
  readonly issuer: Issuer;
  readonly tokenEndpoint: string;
  readonly granted: Granted;
}

/** Leaves for the issuer's page; comes back only where that fails. */
export async function leaveFor(issuer: Issuer): Promise<never> {
  const { address, pending } = await prepare(issuer, await discover(issuer), `${location.origin}/app/`);
  sessionStorage.setItem(PENDING_KEY, JSON.stringify(pending));
  location.assign(address);
  return new Promise<never>(() => {});
}

/** Signs in with what the issuer answered. */
export async function comeBack(answer: URLSearchParams): Promise<Credential> {
  const pending = read<Pending>(PENDING_KEY);
  // One answer, one use.
  sessionStorage.removeItem(PENDING_KEY);
  if (!pending) throw new SignInError(text.organisation.wrongState);
  return enter({ issuer: pending.issuer, tokenEndpoint: pending.tokenEndpoint, granted: await redeem(answer, pending) });
}

/** Goes on as whoever this tab was before it was loaded anew. */
export async function goOn(): Promise<Credential> {
  const kept = read<Kept>(KEPT_KEY);
  if (!kept) throw new SignInError(text.organisation.over);
  return enter(kept);
}

function enter(first: Kept): Promise<Credential> {
  let kept = first;
  return Credential.from(async () => {
    if (kept.granted.expiresOn - Date.now() < RENEW_BEFORE_MS) kept = { ...kept, granted: await refresh(kept, kept.granted) };
    // Before anything else can fail: the refresh token of before is of no more use.
    sessionStorage.setItem(KEPT_KEY, JSON.stringify(kept));
    const { issuer: { issuer, clientId }, granted: { accessToken, userId } } = kept;
    return swapToken({ issuer, token: accessToken, appId: clientId, userId });
  }, first.granted.name);
}

function read<T>(key: string): T | undefined {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? 'null') as T ?? undefined;
  } catch {
    return undefined;
  }
}
