// One signaling session: ordered frames over a WebSocket that may break and come back.

const SUBPROTOCOL = 'trunkline.v1.json';
const ACK_DELAY_MS = 200;
const HELLO_TIMEOUT_MS = 10_000;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 8_000;
const MOST_OPERATIONS = 500;

/** Close codes after which connecting again would end the same way, with words for each. */
const FINAL_CLOSES = new Map([
  [4400, 'The exchange did not understand this page.'],
  [4403, 'This user may not place or join calls.'],
  [4409, 'This session was taken over by another connection.'],
  [4413, 'This page sent a frame that is too large.'],
]);

/** Close codes after which the session is over, but a new one can be had. */
const SESSION_OVER = new Set([1001, 4401, 4404, 4430]);

/** A command that the exchange refused. */
export class CommandError extends Error {
  constructor(error) {
    super(error.message || error.code || 'refused');
    this.name = 'CommandError';
    this.code = error.code ?? '';
    this.reason = error.reason ?? null;
  }
}

/**
 * A session with the exchange.
 *
 * Events: `state` (detail `connecting`, `open`, `reconnecting` or `closed`), `frame` (detail: one
 * sequenced server frame, in order and once), `lost` (the exchange forgot the session; a new one
 * is being opened), `closed` (detail: words).
 */
export class Session extends EventTarget {
  #url;
  #credential;
  #displayName;
  #WebSocket;
  #socket = null;
  #sessionId = null;
  #sentSeq = 0;
  #receivedSeq = 0;
  #ackedSeq = 0;
  #outbox = [];
  #pending = new Map();
  #operations = new Map();
  #ackTimer = null;
  #heartbeatTimer = null;
  #retryTimer = null;
  #helloTimer = null;
  #retryDelay = FIRST_RETRY_MS;
  #heartbeatMs = 15_000;
  #resumeMs = 120_000;
  #brokenSince = null;
  #needsFreshToken = false;
  #lastHeard = 0;

  state = 'closed';
  welcome = null;

  constructor({ url, credential, displayName, WebSocket = globalThis.WebSocket }) {
    super();
    this.#url = url;
    this.#credential = credential;
    this.#displayName = displayName;
    this.#WebSocket = WebSocket;
  }

  /** Connects, and keeps connecting until `close`. */
  open() {
    this.#setState('connecting');
    this.#connect();
  }

  /** Tries again at once: the network may be back. */
  nudge() {
    if (this.state !== 'reconnecting' || this.#socket) return;
    clearTimeout(this.#retryTimer);
    this.#connect();
  }

  /** Ends the session for good. */
  close() {
    if (this.state === 'open') this.#sequence({ goodbye: {} });
    this.#finish('The session was closed.');
  }

  /** When a broken session can no longer be resumed, in milliseconds since the epoch. */
  get resumableUntil() {
    return this.#brokenSince === null ? null : this.#brokenSince + this.#resumeMs;
  }

  /**
   * Sends a command and resolves with its CommandResult, or rejects with a CommandError. A command
   * given while the connection is broken is sent once it is back.
   */
  command(kind, fields = {}) {
    if (this.state === 'closed') {
      return Promise.reject(new CommandError({ code: 'session_closed', message: 'not connected' }));
    }
    const operationId = crypto.randomUUID();
    return new Promise((resolve, reject) => {
      this.#pending.set(operationId, { resolve, reject });
      this.#operations.set(operationId, kind);
      if (this.#operations.size > MOST_OPERATIONS) this.#operations.delete(this.#operations.keys().next().value);
      this.#sequence({ command: { [kind]: { operationId, ...fields } } });
    });
  }

  /** The kind of command that an operation id of this session stands for. */
  operationName(operationId) {
    return this.#operations.get(operationId) ?? null;
  }

  async #connect() {
    let token;
    try {
      token = await this.#credential.token({ fresh: this.#needsFreshToken });
      this.#needsFreshToken = false;
    } catch {
      this.#retryLater();
      return;
    }
    if (this.state === 'closed' || this.#socket) return;
    const socket = new this.#WebSocket(this.#url, [SUBPROTOCOL]);
    this.#socket = socket;
    const hello = { token, displayName: this.#displayName, userAgent: 'trunkline-page/1' };
    if (this.#sessionId) {
      hello.resume = { sessionId: this.#sessionId, lastSeq: String(this.#receivedSeq) };
    }
    this.#helloTimer = setTimeout(() => this.#drop(socket), HELLO_TIMEOUT_MS);
    socket.addEventListener('open', () => socket.send(JSON.stringify({ hello })));
    socket.addEventListener('message', (event) => {
      if (socket === this.#socket) this.#receive(event.data);
    });
    socket.addEventListener('close', (event) => {
      if (socket === this.#socket) this.#broken(event.code, event.reason);
    });
  }

  #receive(text) {
    this.#lastHeard = Date.now();
    const frame = JSON.parse(text);
    this.#acknowledge(Number(frame.ack ?? 0));
    if (frame.welcome) {
      this.#welcomed(frame.welcome);
    } else if (frame.ping) {
      this.#write({ pong: { nonce: frame.ping.nonce ?? '0' } });
    } else if (frame.sessionClosed) {
      this.#needsFreshToken ||= frame.sessionClosed.closeCode === 4401;
    } else if (frame.seq) {
      this.#sequenced(frame, Number(frame.seq));
    }
  }

  #sequenced(frame, seq) {
    if (seq <= this.#receivedSeq) return;
    if (seq !== this.#receivedSeq + 1) {
      this.#drop(this.#socket);
      return;
    }
    this.#receivedSeq = seq;
    this.#ackTimer ??= setTimeout(() => this.#write({}), ACK_DELAY_MS);
    if (frame.commandResult) this.#settle(frame.commandResult);
    else if (frame.tokenExpiring) this.#refreshToken();
    else if (frame.tokenRefreshed?.error) this.#needsFreshToken = true;
    this.dispatchEvent(new CustomEvent('frame', { detail: frame }));
  }

  #welcomed(welcome) {
    clearTimeout(this.#helloTimer);
    const isNew = !welcome.resumed;
    if (isNew && this.#sessionId) this.#forget();
    this.#sessionId = welcome.sessionId;
    this.#heartbeatMs = 1000 * (welcome.heartbeatSeconds || 15);
    this.#resumeMs = 1000 * (welcome.resumeSeconds || 120);
    this.#retryDelay = FIRST_RETRY_MS;
    this.#brokenSince = null;
    this.welcome = welcome;
    this.#acknowledge(Number(welcome.lastSeq ?? 0));
    for (const frame of this.#outbox) this.#write(frame);
    this.#watchHeartbeat();
    this.#setState('open');
  }

  /** The exchange no longer knows the session: what was under way is over. */
  #forget() {
    this.#sessionId = null;
    this.#brokenSince = null;
    this.#sentSeq = 0;
    this.#receivedSeq = 0;
    this.#ackedSeq = 0;
    this.#outbox = [];
    this.#rejectAll('session_lost', 'the connection was lost for too long');
    this.dispatchEvent(new CustomEvent('lost'));
  }

  #broken(code, reason) {
    this.#detach();
    if (this.state === 'closed') return;
    if (FINAL_CLOSES.has(code)) {
      this.#finish(FINAL_CLOSES.get(code), reason);
      return;
    }
    this.#needsFreshToken ||= code === 4401;
    if (SESSION_OVER.has(code) && this.#sessionId) this.#forget();
    if (this.#sessionId) this.#brokenSince ??= Date.now();
    this.#setState(this.welcome ? 'reconnecting' : 'connecting');
    this.#retryLater();
  }

  #retryLater() {
    if (this.state === 'closed') return;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.#connect(), this.#retryDelay * (0.75 + Math.random() / 2));
    this.#retryDelay = Math.min(this.#retryDelay * 2, LONGEST_RETRY_MS);
  }

  async #refreshToken() {
    try {
      const token = await this.#credential.token({ fresh: true });
      this.#sequence({ refreshToken: { token } });
    } catch {
      this.#needsFreshToken = true;
    }
  }

  #settle(result) {
    const waiting = this.#pending.get(result.operationId);
    if (!waiting) return;
    this.#pending.delete(result.operationId);
    if (result.error) waiting.reject(new CommandError(result.error));
    else waiting.resolve(result);
  }

  #sequence(body) {
    this.#sentSeq += 1;
    const frame = { seq: String(this.#sentSeq), ...body };
    this.#outbox.push(frame);
    if (this.state === 'open') this.#write(frame);
  }

  #write(frame) {
    if (this.#socket?.readyState !== 1) return;
    clearTimeout(this.#ackTimer);
    this.#ackTimer = null;
    this.#socket.send(JSON.stringify({ ...frame, ack: String(this.#receivedSeq) }));
  }

  #acknowledge(seq) {
    if (seq <= this.#ackedSeq) return;
    this.#ackedSeq = seq;
    this.#outbox = this.#outbox.filter((frame) => Number(frame.seq) > seq);
  }

  #watchHeartbeat() {
    clearInterval(this.#heartbeatTimer);
    this.#heartbeatTimer = setInterval(() => {
      const silence = Date.now() - this.#lastHeard;
      if (silence > 2 * this.#heartbeatMs) this.#drop(this.#socket);
      else if (silence > this.#heartbeatMs) this.#write({ ping: { nonce: String(Date.now()) } });
    }, this.#heartbeatMs / 3);
  }

  /** Gives a socket up without waiting for its close. */
  #drop(socket) {
    if (!socket || socket !== this.#socket) return;
    this.#broken(0, '');
    socket.close();
  }

  #detach() {
    clearTimeout(this.#helloTimer);
    clearTimeout(this.#ackTimer);
    clearInterval(this.#heartbeatTimer);
    this.#ackTimer = null;
    this.#socket = null;
  }

  #finish(words, reason = '') {
    const socket = this.#socket;
    this.#detach();
    clearTimeout(this.#retryTimer);
    socket?.close();
    this.#rejectAll('session_closed', 'the session is over');
    this.#setState('closed');
    this.dispatchEvent(new CustomEvent('closed', { detail: { words, reason } }));
  }

  #rejectAll(code, message) {
    for (const { reject } of this.#pending.values()) reject(new CommandError({ code, message }));
    this.#pending.clear();
  }

  #setState(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent('state', { detail: state }));
  }
}
