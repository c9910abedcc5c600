// What happens in the threads of this person, as it happens: once, in order, over broken connections.

const FIRST_RETRY_MS = 300;
const LONGEST_RETRY_MS = 8_000;

/** The exchange says something at least every ten seconds; after this it is not heard any more. */
const SILENCE_LIMIT_MS = 25_000;

/**
 * The stream of chat events.
 *
 * Events: `state` (detail `connecting`, `open`, `reconnecting` or `closed`), `event` (detail: one chat
 * event), `begin` (the stream goes on from here and knows nothing of before: read the threads),
 * `closed` (detail: words).
 */
export class ChatStream extends EventTarget {
  #credential;
  #abort = null;
  #cursor = null;
  #retryMs = FIRST_RETRY_MS;
  #retryTimer = null;
  #silenceTimer = null;
  #needsFreshToken = false;
  #isClosed = false;

  state = 'closed';

  constructor(credential) {
    super();
    this.#credential = credential;
  }

  open() {
    this.#isClosed = false;
    this.#setState('connecting');
    this.#connect();
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    this.#abort?.abort();
    this.#setState('closed');
  }

  /** Tries at once: the network is back. */
  nudge() {
    if (this.state === 'open' || this.#isClosed || this.#abort) return;
    clearTimeout(this.#retryTimer);
    this.#connect();
  }

  /** The network is gone: what is open carries nothing any more. */
  cut() {
    this.#abort?.abort();
  }

  async #connect() {
    const abort = new AbortController();
    this.#abort = abort;
    let wait = true;
    try {
      wait = await this.#read(abort.signal);
    } catch {
      // Whatever broke, the cursor says where to go on.
    } finally {
      clearTimeout(this.#silenceTimer);
      this.#abort = null;
      abort.abort();
    }
    if (this.#isClosed) return;
    this.#setState('reconnecting');
    const delay = wait ? this.#retryMs * (0.75 + Math.random() / 2) : 0;
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    this.#retryTimer = setTimeout(() => this.#connect(), delay);
  }

  /** Reads until the stream ends; returns whether to wait before the next try. */
  async #read(signal) {
    this.#hear();
    const token = await this.#credential.token({ fresh: this.#needsFreshToken });
    this.#needsFreshToken = false;
    const response = await fetch(this.#cursor === null ? '/events/chat' : `/events/chat?after=${this.#cursor}`, {
      headers: { Authorization: `Bearer ${token}` },
      cache: 'no-store',
      signal,
    });
    if (response.status === 401) {
      this.#needsFreshToken = true;
      return true;
    }
    if (!response.ok) {
      if (response.status < 500 && response.status !== 429) {
        const answer = await response.json().catch(() => null);
        this.close();
        this.#tell('closed', answer?.error?.message ?? `The exchange answered ${response.status}.`);
      }
      return true;
    }
    return this.#readLines(response.body.getReader());
  }

  async #readLines(reader) {
    const decoder = new TextDecoder();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return true;
      this.#hear();
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        if (line === '') continue;
        const told = JSON.parse(line);
        if (told.end) return this.#ended(told.end);
        this.#take(told);
      }
    }
  }

  #take({ seq, event }) {
    const place = seq === undefined ? null : Number(seq);
    if (!event) {
      const isFresh = this.#cursor === null;
      this.#cursor ??= place ?? 0;
      this.#retryMs = FIRST_RETRY_MS;
      this.#setState('open');
      if (isFresh) this.#tell('begin');
      return;
    }
    if (place !== null) {
      if (place <= this.#cursor) return;
      this.#cursor = place;
    }
    this.#tell('event', event);
  }

  /** The exchange says why it ends the stream. */
  #ended({ code }) {
    if (code === 'cursor_lost') {
      this.#cursor = null;
      return false;
    }
    this.#needsFreshToken = code.startsWith('token_');
    return code !== 'token_expired';
  }

  #hear() {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#abort?.abort(), SILENCE_LIMIT_MS);
  }

  #setState(state) {
    if (this.state === state) return;
    this.state = state;
    this.#tell('state', state);
  }

  #tell(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
