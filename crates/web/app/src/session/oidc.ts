// OpenID Connect as a public client: authorization code with PKCE, and what is checked of the answers.
//
// Nothing here keeps a token. The signature of an ID token is not looked at: it comes from the token
// endpoint itself, over TLS (OpenID Connect Core §3.1.3.7), and opens nothing; the exchange verifies the
// access token by the issuer's keys.

import { text } from '../strings';

const ANSWER_WITHIN_MS = 15_000;
/** How far the clocks of the issuer and of this machine may be apart. */
const LEEWAY_S = 120;

/** An issuer that the exchange announces, and as what this app is known to it. */
export interface Issuer {
  readonly issuer: string;
  readonly clientId: string;
  /** For the button; the host of the issuer where it is absent. */
  readonly name?: string;
  /** What is asked for beside `openid`. */
  readonly scopes?: readonly string[];
}

/** Where the issuer's endpoints are. */
export interface Endpoints {
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  /** Whether the issuer says that its answers name it (RFC 9207 §3). */
  readonly authorization_response_iss_parameter_supported?: boolean;
}

/** What waits while the person is at the issuer's page. */
export interface Pending {
  readonly issuer: Issuer;
  readonly tokenEndpoint: string;
  readonly redirectUri: string;
  readonly verifier: string;
  readonly state: string;
  readonly nonce: string;
  /** Whether the answer has to name the issuer. */
  readonly isNamed: boolean | undefined;
}

/** What the issuer gave. */
export interface Granted {
  readonly accessToken: string;
  readonly expiresOn: number;
  readonly refreshToken: string | undefined;
  /** The object id of the user, or the subject where the issuer has none. */
  readonly userId: string;
  readonly name: string;
}

/** Something that the issuer said or did not say; the message is for people. */
export class SignInError extends Error {
  override readonly name = 'SignInError';
}

interface TokenAnswer {
  access_token?: string;
  id_token?: string;
  refresh_token?: string;
  expires_in?: number;
  token_type?: string;
  error?: string;
  error_description?: string;
}

/** Reads where the issuer's endpoints are. */
export async function discover({ issuer }: Issuer): Promise<Endpoints> {
  const document = await ask(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`) as Partial<Endpoints> & {
    issuer?: string; code_challenge_methods_supported?: string[];
  };
  // A document that speaks of another issuer is not to be used (OpenID Connect Discovery §4.3).
  if (document.issuer !== issuer) throw new SignInError(text.organisation.otherIssuer);
  const { authorization_endpoint, token_endpoint, code_challenge_methods_supported: methods } = document;
  if (!isSafe(authorization_endpoint) || !isSafe(token_endpoint)) throw new SignInError(text.organisation.unsafe);
  if (methods && !methods.includes('S256')) throw new SignInError(text.organisation.noPkce);
  return document as Endpoints;
}

/** Makes what the issuer's page is opened with, and what to keep until it answers. */
export async function prepare(issuer: Issuer, endpoints: Endpoints, redirectUri: string): Promise<{ address: string; pending: Pending }> {
  const pending = { issuer, tokenEndpoint: endpoints.token_endpoint, redirectUri, verifier: random(), state: random(), nonce: random(), isNamed: endpoints.authorization_response_iss_parameter_supported };
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(pending.verifier));
  const address = new URL(endpoints.authorization_endpoint);
  const parameters = {
    response_type: 'code', client_id: issuer.clientId, redirect_uri: redirectUri, scope: [...new Set(['openid', ...issuer.scopes ?? []])].join(' '),
    state: pending.state, nonce: pending.nonce, code_challenge: base64Url(new Uint8Array(digest)), code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
  return { address: address.href, pending };
}

/** Takes the issuer's answer in the address and gets the tokens for it. */
export async function redeem(answer: URLSearchParams, pending: Pending): Promise<Granted> {
  if (answer.get('state') !== pending.state) throw new SignInError(text.organisation.wrongState);
  // Where the issuer names itself, or says that it does, it must be the one that was asked (RFC 9207 §2.4).
  if ((answer.get('iss') ?? (pending.isNamed || pending.issuer.issuer)) !== pending.issuer.issuer) throw new SignInError(text.organisation.otherIssuer);
  const code = answer.get('code');
  if (!code) throw new SignInError(refusal(answer.get('error'), answer.get('error_description')));
  const { redirectUri, verifier, nonce } = pending;
  const given = await tokens(pending, { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier });
  return granted(given, userOf(given.id_token, pending.issuer, nonce));
}

/** Gets new tokens without the person. */
export async function refresh(of: { issuer: Issuer; tokenEndpoint: string }, before: Granted): Promise<Granted> {
  if (!before.refreshToken) throw new SignInError(text.organisation.over);
  const given = await tokens(of, { grant_type: 'refresh_token', refresh_token: before.refreshToken });
  return granted({ refresh_token: before.refreshToken, ...given }, before);
}

/** Reads who signed in, once the ID token is for this app and this sign-in (OpenID Connect Core §3.1.3.7). */
function userOf(idToken: string | undefined, { issuer, clientId }: Issuer, nonce: string): { userId: string; name: string } {
  const claims = claimsOf(idToken);
  const audiences = [claims.aud].flat();
  const isForUs = audiences.includes(clientId) && (claims.azp === undefined ? audiences.length === 1 : claims.azp === clientId);
  if (claims.iss !== issuer || !isForUs) throw new SignInError(text.organisation.notForUs);
  if (claims.nonce !== nonce) throw new SignInError(text.organisation.wrongNonce);
  if (!(Number(claims.exp) + LEEWAY_S > Date.now() / 1000)) throw new SignInError(text.organisation.expired);
  const userId = claims.oid ?? claims.sub;
  if (typeof userId !== 'string' || userId === '') throw new SignInError(text.organisation.unreadable);
  return { userId, name: typeof claims.name === 'string' ? claims.name : '' };
}

async function tokens({ issuer, tokenEndpoint }: { issuer: Issuer; tokenEndpoint: string }, grant: Record<string, string>): Promise<TokenAnswer> {
  const answer = await ask(tokenEndpoint, new URLSearchParams({ client_id: issuer.clientId, ...grant })) as TokenAnswer;
  if (answer.error) throw new SignInError(refusal(answer.error, answer.error_description));
  return answer;
}

function granted({ access_token: accessToken, expires_in: life = 0, refresh_token: refreshToken, token_type: type }: TokenAnswer, user: { userId: string; name: string }): Granted {
  if (!accessToken || type?.toLowerCase() !== 'bearer') throw new SignInError(text.organisation.unreadable);
  return { ...user, accessToken, expiresOn: Date.now() + life * 1000, refreshToken };
}

/** GET, or POST of a form; a refusal with a body is an answer, too. */
async function ask(address: string, body?: URLSearchParams): Promise<object> {
  let response: Response;
  try {
    response = await fetch(address, {
      ...(body && { method: 'POST', body }), cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer', signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
  } catch {
    throw new SignInError(text.organisation.unreachable(new URL(address).host));
  }
  const answer: unknown = await response.json().catch(() => null);
  if (answer === null || typeof answer !== 'object' || (!response.ok && !('error' in answer))) throw new SignInError(text.organisation.unreadable);
  return answer;
}

function refusal(code: string | null | undefined, words: string | null | undefined): string {
  if (code === 'access_denied') return text.organisation.denied;
  return text.organisation.refused(words || code || text.errors.unknown);
}

function claimsOf(token: string | undefined): Record<string, unknown> & { oid?: string } {
  try {
    const [, body = ''] = (token ?? '').split('.');
    const bytes = Uint8Array.from(atob(body.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  } catch {
    throw new SignInError(text.organisation.unreadable);
  }
}

/** Over TLS, or to this machine itself. */
function isSafe(address: string | undefined): address is string {
  if (!address || !URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', 'localhost'].includes(hostname));
}

function random(): string {
  return base64Url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
}
