// Development identities: who there is, and a token for whom this tab is.

import type { CommunicationTokenCredential } from '@trunkline/calling';

import { text } from '../strings';

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
interface Issued extends Described {
  token: string;
  expiresOn: string;
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
  private current: string;
  private expiresOn: number;

  private constructor(issued: Issued, chosenName: string) {
    const { displayName, ...identity } = identityOf(issued);
    this.identity = { ...identity, displayName: displayName || chosenName || text.guest };
    this.current = issued.token;
    this.expiresOn = Date.parse(issued.expiresOn);
  }

  /** Signs in as an alias, a raw id, or with `app:<name>` as a new guest of that name. */
  static async of(who: string, chosenName = ''): Promise<Credential> {
    const isNew = who.startsWith('app:');
    const wanted = isNew ? { displayName: who.slice('app:'.length).trim() || text.guest } : { user: who };
    return new Credential(await issue(wanted), chosenName);
  }

  /** The token; a new one when it is about to run out, or when `isFresh` insists. */
  async token(isFresh = false): Promise<string> {
    if (isFresh || this.expiresOn - Date.now() < RENEW_BEFORE_MS) {
      const issued = await issue({ user: this.identity.rawId });
      this.current = issued.token;
      this.expiresOn = Date.parse(issued.expiresOn);
    }
    return this.current;
  }

  async getToken(): Promise<{ token: string; expiresOnTimestamp: number }> {
    const token = await this.token();
    return { token, expiresOnTimestamp: this.expiresOn };
  }
}

/** Lists who can be called. */
export async function listUsers(): Promise<Identity[]> {
  const { users } = await request<{ users: Described[] }>('/dev/users');
  return users.map(identityOf);
}

function issue(who: { user: string } | { displayName: string }): Promise<Issued> {
  return request<Issued>('/dev/token', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(who),
  });
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
