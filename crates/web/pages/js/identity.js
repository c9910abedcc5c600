// Development identities: who can be called, and a token for whom this tab is.

const NAMES_KEY = 'trunkline.names';
const MOST_NAMES = 50;

/** Somebody as the exchange describes them. */
export class Identity {
  constructor({ identifier, displayName, alias }) {
    this.rawId = identifier.rawId;
    this.displayName = displayName || chosenNames()[identifier.rawId] || '';
    this.alias = alias ?? '';
  }

  /** The name to show. */
  get name() {
    return this.displayName || this.alias || 'Guest';
  }

  /** Whether this is a user of the directory rather than an app user. */
  get isDirectoryUser() {
    return this.rawId.startsWith('8:orgid:');
  }
}

/** Gets a token for an alias, a raw id, or `app:<display name>`, which makes a new app user. */
export async function signIn(who) {
  const body = who.startsWith('app:')
    ? { displayName: who.slice(4).trim() || 'Guest' }
    : { user: who };
  const issued = await request('/dev/token', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  return new Credential(issued, who);
}

/** Lists who can be called. */
export async function listUsers() {
  const { users = [] } = await request('/dev/users');
  return users.map((user) => new Identity(user));
}

/** A token that renews itself. */
export class Credential {
  #token;

  constructor(issued, who) {
    this.#take(issued);
    this.identity = new Identity(issued);
    if (who.startsWith('app:')) {
      this.identity.displayName = who.slice(4).trim() || 'Guest';
      rememberName(this.identity);
    }
  }

  /** The token; a new one when it is about to run out or `fresh` is asked for. */
  async token({ fresh = false } = {}) {
    if (fresh || this.expiresOn - Date.now() < 60_000) {
      this.#take(await request('/dev/token', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ user: this.identity.rawId }),
      }));
    }
    return this.#token;
  }

  #take(issued) {
    this.#token = issued.token;
    this.expiresOn = Date.parse(issued.expiresOn);
  }
}

/** App users name themselves; the tabs of one browser remember the names chosen here. */
function chosenNames() {
  try {
    return JSON.parse(localStorage.getItem(NAMES_KEY)) ?? {};
  } catch {
    return {};
  }
}

function rememberName({ rawId, displayName }) {
  const names = Object.entries({ ...chosenNames(), [rawId]: displayName }).slice(-MOST_NAMES);
  localStorage.setItem(NAMES_KEY, JSON.stringify(Object.fromEntries(names)));
}

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, signal: AbortSignal.timeout(10_000) });
  } catch {
    throw new Error('The exchange does not answer. Is it running?');
  }
  const body = await response.json().catch(() => null);
  if (!response.ok) {
    throw new Error(body?.error?.message
      ?? (response.status === 404
        ? 'This exchange gives no development tokens: start it with “trunkline dev”.'
        : `The exchange answered ${response.status}.`));
  }
  return body;
}
