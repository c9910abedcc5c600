// Who there is, and tokens of the exchange: for development identities, and for those whom an issuer knows.

import type { CommunicationTokenCredential } from '@trunkline/calling';

import { text } from '../strings';
import type { Issuer } from './oidc';

const ANSWER_WITHIN_MS = 10_000;
/** A token with less life than this is replaced before it is used. */
const RENEW_BEFORE_MS = 60_000;

/** Somebody as the exchange describes them. */
export interface Identity {
  readonly rawId: string;
  readonly displayName: string;
  readonly alias: string;
}

interface Described {
  identifier: { rawId: string };
  displayName: string;
  alias: string;
}
/** A token of the exchange and whose it is. */
export interface Issued extends Described {
  token: string;
  expiresOn: string;
}

/** How one may sign in: with whom, and whether guests come to meetings. */
export interface Ways {
  readonly issuers: readonly Issuer[];
  readonly guests?: boolean;
}
export const noWays: Ways = { issuers: [] };

/** What a guest shows: a name, the way into a meeting, and a token to stay who they are. */
export interface Pass {
  readonly displayName: string;
  readonly meetingLink?: string | undefined;
  readonly meetingId?: string | undefined;
  readonly passcode?: string | undefined;
  readonly token?: string;
}

/** What the exchange, or its absence, answered. */
export class RequestError extends Error {
  readonly status: number;

  constructor(message: string, status = 0) {
    super(message);
    this.name = 'RequestError';
    this.status = status;
  }

  /** Whether asking again later may help: nobody answered, or the exchange was busy. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** A token of one identity that renews itself. */
export class Credential implements CommunicationTokenCredential {
  readonly identity: Identity;
  private issued: Issued;
  private readonly renew: () => Promise<Issued>;
  private renewing: Promise<void> | undefined;

  private constructor(issued: Issued, chosenName: string, renew?: () => Promise<Issued>) {
    const { displayName, ...identity } = identityOf(issued);
    this.identity = { ...identity, displayName: displayName || chosenName || text.guest };
    this.issued = issued;
    this.renew = renew ?? (() => issue({ user: this.identity.rawId }));
  }

  /** Signs in with whatever gives tokens of one person. */
  static async from(renew: () => Promise<Issued>, chosenName: string): Promise<Credential> {
    return new Credential(await renew(), chosenName, renew);
  }

  /** Signs in as a guest of a meeting: somebody new, unless the pass holds a token. `keep` is told of each next pass. */
  static ofGuest(pass: Pass, keep: (pass: Pass) => void): Promise<Credential> {
    return Credential.from(async () => {
      const issued = await post('/sign-in/guest', pass);
      pass = { ...pass, token: issued.token };
      keep(pass);
      return issued;
    }, '');
  }

  /** Signs in as an alias, a raw id, or with `app:<name>` as a new guest of that name. */
  static async of(who: string, chosenName = ''): Promise<Credential> {
    const isNew = who.startsWith('app:');
    const wanted = isNew ? { displayName: who.slice('app:'.length).trim() || text.guest } : { user: who };
    return new Credential(await issue(wanted), chosenName);
  }

  /**
   * The token; a new one when it is about to run out, or when `isFresh` insists. Whoever asks while one is on its way gets
   * that one: what an issuer renews tokens for is good once.
   */
  async token(isFresh = false): Promise<string> {
    if (isFresh || this.expiresOn - Date.now() < RENEW_BEFORE_MS) {
      await (this.renewing ??= this.renew().then((issued) => { this.issued = issued; }).finally(() => { this.renewing = undefined; }));
    }
    return this.issued.token;
  }

  async getToken(): Promise<{ token: string; expiresOnTimestamp: number }> {
    return { token: await this.token(), expiresOnTimestamp: this.expiresOn };
  }

  private get expiresOn(): number {
    return Date.parse(this.issued.expiresOn);
  }
}

/** Lists who can be called. */
export async function listUsers(): Promise<Identity[]> {
  const { users } = await request<{ users: Described[] }>('/dev/users');
  return users.map(identityOf);
}

/** How one may sign in here; not at all where the exchange does not answer. */
export function readWays(): Promise<Ways> {
  return request<Ways>('/sign-in/issuers').catch(() => noWays);
}


/** Gets a token of the exchange for one that an issuer gave to this app for this user. */
export function swapToken(given: { issuer: string; token: string; appId: string; userId: string }): Promise<Issued> {
  return post('/sign-in/token', given);
}

function issue(who: { user: string } | { displayName: string }): Promise<Issued> {
  return post('/dev/token', who);
}

function post(path: string, body: object): Promise<Issued> {
  return request(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
}

async function request<T>(path: string, options: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { ...options, cache: 'no-store', signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  } catch {
    throw new RequestError(text.errors.noAnswer);
  }
  const body: unknown = await response.json().catch(() => null);
  if (response.ok && body === null) throw new RequestError(text.errors.noAnswer);
  if (response.ok) return body as T;
  const message = (body as { error?: { message?: string } } | null)?.error?.message;
  const isAbsent = response.status === 404 && !message;
  throw new RequestError(isAbsent ? text.errors.noDevelopmentTokens : message ?? text.errors.answered(response.status), response.status);
}

function identityOf({ identifier, displayName, alias }: Described): Identity {
  return { rawId: identifier.rawId, displayName, alias };
}
