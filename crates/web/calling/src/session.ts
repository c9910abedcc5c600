// One signaling session: numbered frames over a WebSocket that may break and come back.

import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';

import { CallingError, ClientSubCode } from './errors.js';
import {
  ClientFrameSchema, CommandSchema, ServerFrameSchema, type ClientFrame, type Command, type CommandResult,
  type ServerFrame, type Welcome,
} from './gen/trunkline/signaling/v1/signaling_service_pb.js';
import type { Error as WireError } from './gen/trunkline/common/v1/common_pb.js';
import { SESSION_FORGOTTEN, SESSION_LOST, TOKEN_REFUSED } from './reasons.js';
import type { CallEndReason, ConnectionStateChangedReason } from './types/values.js';

const SUBPROTOCOL = 'trunkline.v1.proto';
const ACK_DELAY_MS = 200;
const HELLO_TIMEOUT_MS = 10_000;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 8_000;
/** How long the first connection is tried before the caller is told. */
const OPEN_WINDOW_MS = 15_000;
/** A first token may be stale; a second one that is refused tells that the user is not welcome. */
const MOST_REFUSALS = 2;
/** A token that is offered again unchanged is asked for anew after this. */
const TOKEN_RETRY_MS = 5_000;

/** Close codes after which connecting again would end the same way. */
const FINAL: ReadonlyMap<number, string> = new Map([
  [4400, 'the exchange did not understand this client'],
  [4403, 'the token does not allow calling'],
  [4409, 'another connection took this session over'],
  [4413, 'this client sent a frame that is too large'],
]);
/** Close codes after which the session is over, but a new one can be had. */
const SESSION_OVER: ReadonlySet<number> = new Set([1001, 4401, 4404, 4430]);

export type CommandKind = Exclude<Command['kind']['case'], undefined>;
type CommandInit = MessageInitShape<typeof CommandSchema>['kind'];
/** The fields of a command, its operation id left out. */
export type CommandFields<Kind extends CommandKind> =
  Omit<Extract<NonNullable<CommandInit>, { case: Kind }>['value'], 'operationId' | '$typeName'>;

export type SessionState = 'connecting' | 'open' | 'reconnecting' | 'closed';

/** What a session tells its owner. */
export interface SessionListener {
  /** One sequenced frame, in order and once. */
  handleFrame(frame: ServerFrame): void;
  handleState(state: SessionState, reason?: ConnectionStateChangedReason): void;
  /** The session is over, and what was under way with it. A new one may be being opened. */
  handleLost(reason: CallEndReason): void;
}

export interface SessionOptions {
  url: string;
  /** Gets a token; `isRefused` says that the exchange did not take the one before. */
  token: (isRefused: boolean) => Promise<string>;
  displayName: string;
  userAgent: string;
  listener: SessionListener;
  WebSocket?: typeof WebSocket;
}

/** Turns an error of the exchange into one of this package. */
export function exchangeError(error: WireError): CallingError {
  const { code = 400, subCode = 0 } = error.reason ?? {};
  return new CallingError(error.message || error.code, code || 400, subCode, { exchangeCode: error.code });
}

/** A session with the exchange. Commands given while the connection is broken leave once it is back. */
export class Session {
  state: SessionState = 'closed';
  welcome: Welcome | undefined;

  readonly #options: SessionOptions;
  readonly #WebSocket: typeof WebSocket;
  #socket: WebSocket | undefined;
  #sessionId = '';
  #sentSeq = 0n;
  #receivedSeq = 0n;
  #ackedSeq = 0n;
  #outbox: ClientFrame[] = [];
  readonly #pending = new Map<string, { resolve(result: CommandResult): void; reject(error: Error): void }>();
  #opening: { resolve(welcome: Welcome): void; reject(error: Error): void; until: number } | undefined;
  #retryDelayMs = FIRST_RETRY_MS;
  #heartbeatMs = 15_000;
  #resumeMs = 120_000;
  #brokenSince: number | undefined;
  #isTokenRefused = false;
  #refusals = 0;
  #lastToken = '';
  #tokenExpiresMs = 0;
  #lastHeard = 0;
  #ackTimer: ReturnType<typeof setTimeout> | undefined;
  #helloTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #tokenTimer: ReturnType<typeof setTimeout> | undefined;
  #lossTimer: ReturnType<typeof setTimeout> | undefined;
  #heartbeatTimer: ReturnType<typeof setInterval> | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#WebSocket = options.WebSocket ?? globalThis.WebSocket;
  }

  /** Connects; resolves once the exchange has answered, and keeps connecting until `close`. */
  open(): Promise<Welcome> {
    return new Promise((resolve, reject) => {
      this.#opening = { resolve, reject, until: Date.now() + OPEN_WINDOW_MS };
      this.#setState('connecting');
      void this.#connect();
    });
  }

  /** Tries again at once: the network may be back. */
  nudge(): void {
    if (this.state !== 'reconnecting' || this.#socket) return;
    clearTimeout(this.#retryTimer);
    void this.#connect();
  }

  /** Ends the session for good. */
  close(): void {
    if (this.state === 'closed') return;
    if (this.state === 'open') this.#sequence({ case: 'goodbye', value: {} });
    this.#finish(new CallingError('the agent was disposed', 410, ClientSubCode.disposed));
  }

  /** Sends a command and resolves with its result. */
  command<Kind extends CommandKind>(kind: Kind, fields: CommandFields<Kind>): Promise<CommandResult> {
    if (this.state === 'closed') {
      return Promise.reject(new CallingError('not connected to the exchange', 503, ClientSubCode.notConnected));
    }
    const operationId = crypto.randomUUID();
    return new Promise((resolve, reject) => {
      this.#pending.set(operationId, { resolve, reject });
      const body = { case: kind, value: { ...fields, operationId } } as CommandInit;
      this.#sequence({ case: 'command', value: create(CommandSchema, { kind: body }) });
    });
  }

  async #connect(): Promise<void> {
    let token: string;
    try {
      token = await this.#options.token(this.#isTokenRefused);
    } catch (error) {
      if (this.#opening) {
        this.#finish(new CallingError('the credential gave no token', 401, 0, { cause: error }), 'invalidToken');
      } else {
        this.#retryLater();
      }
      return;
    }
    if (this.#isClosed() || this.#socket) return;
    this.#isTokenRefused = false;
    this.#lastToken = token;
    const socket = new this.#WebSocket(this.#options.url, [SUBPROTOCOL]);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#helloTimer = setTimeout(() => this.#drop(socket), HELLO_TIMEOUT_MS);
    socket.addEventListener('open', () => {
      const resume = this.#sessionId ? { sessionId: this.#sessionId, lastSeq: this.#receivedSeq } : undefined;
      const { displayName, userAgent } = this.#options;
      const value = { token, displayName, userAgent, ...(resume && { resume }) };
      socket.send(toBinary(ClientFrameSchema, create(ClientFrameSchema, { body: { case: 'hello', value } })));
    });
    socket.addEventListener('message', ({ data }) => {
      if (socket === this.#socket) this.#receive(data as ArrayBuffer);
    });
    socket.addEventListener('close', ({ code, reason }) => {
      if (socket === this.#socket) this.#broken(code, reason);
    });
    // A failed connection says close as well; without a listener some platforms throw.
    socket.addEventListener('error', () => {});
  }

  #receive(data: ArrayBuffer): void {
    this.#lastHeard = Date.now();
    const frame = fromBinary(ServerFrameSchema, new Uint8Array(data));
    this.#acknowledge(frame.ack);
    switch (frame.body.case) {
      case 'welcome':
        this.#welcomed(frame.body.value);
        break;
      case 'ping':
        this.#write(create(ClientFrameSchema, { body: { case: 'pong', value: { nonce: frame.body.value.nonce } } }));
        break;
      case 'sessionClosed':
        this.#isTokenRefused ||= frame.body.value.closeCode === 4401;
        break;
      default:
        if (frame.seq > 0n) this.#sequenced(frame);
    }
  }

  #sequenced(frame: ServerFrame): void {
    if (frame.seq <= this.#receivedSeq) return;
    if (frame.seq !== this.#receivedSeq + 1n) {
      this.#drop(this.#socket);
      return;
    }
    this.#receivedSeq = frame.seq;
    this.#ackTimer ??= setTimeout(() => this.#write(create(ClientFrameSchema)), ACK_DELAY_MS);
    switch (frame.body.case) {
      case 'commandResult':
        this.#settle(frame.body.value);
        break;
      case 'tokenExpiring':
        void this.#refreshToken();
        break;
      case 'tokenRefreshed':
        this.#isTokenRefused = frame.body.value.error !== undefined;
        this.#tokenExpiresMs = Number(frame.body.value.expiresOn?.seconds ?? 0n) * 1_000;
        break;
      default:
        this.#options.listener.handleFrame(frame);
    }
  }

  #welcomed(welcome: Welcome): void {
    clearTimeout(this.#helloTimer);
    clearTimeout(this.#lossTimer);
    if (!welcome.resumed && this.#sessionId) this.#forget(SESSION_FORGOTTEN);
    this.#sessionId = welcome.sessionId;
    this.#heartbeatMs = 1_000 * (welcome.heartbeatSeconds || 15);
    this.#resumeMs = 1_000 * (welcome.resumeSeconds || 120);
    this.#tokenExpiresMs = Number(welcome.tokenExpiresOn?.seconds ?? 0n) * 1_000;
    this.#retryDelayMs = FIRST_RETRY_MS;
    this.#brokenSince = undefined;
    this.#refusals = 0;
    this.welcome = welcome;
    this.#acknowledge(welcome.lastSeq);
    for (const frame of this.#outbox) this.#write(frame);
    this.#watchHeartbeat();
    this.#setState('open');
    this.#opening?.resolve(welcome);
    this.#opening = undefined;
  }

  #forget(reason: CallEndReason): void {
    clearTimeout(this.#lossTimer);
    this.#sessionId = '';
    this.#brokenSince = undefined;
    this.#sentSeq = 0n;
    this.#receivedSeq = 0n;
    this.#ackedSeq = 0n;
    this.#outbox = [];
    this.#rejectAll(new CallingError(reason.message ?? '', reason.code, reason.subCode ?? 0));
    this.#options.listener.handleLost(reason);
  }

  #broken(code: number, reason: string): void {
    this.#detach();
    if (this.#isClosed()) return;
    const isUnauthorized = code === 4401;
    const final = FINAL.get(code);
    if (isUnauthorized) this.#refusals += 1;
    if (final !== undefined || (this.#opening && this.#refusals >= MOST_REFUSALS)) {
      const words = final ?? `the exchange did not take the token${reason ? `: ${reason}` : ''}`;
      this.#finish(new CallingError(words, isUnauthorized ? 401 : code === 4403 ? 403 : 400, code), isUnauthorized || code === 4403 ? 'invalidToken' : 'connectionIssue');
      return;
    }
    this.#isTokenRefused ||= isUnauthorized;
    if (SESSION_OVER.has(code) && this.#sessionId) this.#forget(isUnauthorized ? TOKEN_REFUSED : SESSION_FORGOTTEN);
    if (this.#sessionId && this.#brokenSince === undefined) {
      this.#brokenSince = Date.now();
      this.#lossTimer = setTimeout(() => this.#forget(SESSION_LOST), this.#resumeMs);
    }
    if (this.#opening && Date.now() > this.#opening.until) {
      this.#finish(new CallingError('the exchange does not answer', 503, ClientSubCode.notConnected), 'connectionIssue');
      return;
    }
    this.#setState(this.welcome ? 'reconnecting' : 'connecting', isUnauthorized ? 'invalidToken' : 'connectionIssue');
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#isClosed()) return;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => void this.#connect(), this.#retryDelayMs * (0.75 + Math.random() / 2));
    this.#retryDelayMs = Math.min(this.#retryDelayMs * 2, LONGEST_RETRY_MS);
  }

  /** Offers a new token; one that is the old one still is asked for again until time is up. */
  async #refreshToken(): Promise<void> {
    clearTimeout(this.#tokenTimer);
    if (this.#isClosed()) return;
    try {
      const token = await this.#options.token(true);
      if (token !== this.#lastToken && !this.#isClosed()) {
        this.#lastToken = token;
        this.#sequence({ case: 'refreshToken', value: { token } });
        return;
      }
    } catch {
      // The credential's own affair; it is asked again.
    }
    if (!this.#isClosed() && Date.now() < this.#tokenExpiresMs) {
      this.#tokenTimer = setTimeout(() => void this.#refreshToken(), TOKEN_RETRY_MS);
    }
  }

  #settle(result: CommandResult): void {
    const waiting = this.#pending.get(result.operationId);
    this.#pending.delete(result.operationId);
    if (result.error) waiting?.reject(exchangeError(result.error));
    else waiting?.resolve(result);
  }

  #sequence(body: NonNullable<MessageInitShape<typeof ClientFrameSchema>['body']>): void {
    this.#sentSeq += 1n;
    const frame = create(ClientFrameSchema, { seq: this.#sentSeq, body });
    this.#outbox.push(frame);
    if (this.state === 'open') this.#write(frame);
  }

  #write(frame: ClientFrame): void {
    if (this.#socket?.readyState !== 1) return;
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    frame.ack = this.#receivedSeq;
    this.#socket.send(toBinary(ClientFrameSchema, frame));
  }

  #acknowledge(seq: bigint): void {
    if (seq <= this.#ackedSeq) return;
    this.#ackedSeq = seq;
    this.#outbox = this.#outbox.filter((frame) => frame.seq > seq);
  }

  #watchHeartbeat(): void {
    clearInterval(this.#heartbeatTimer);
    this.#lastHeard = Date.now();
    this.#heartbeatTimer = setInterval(() => {
      const silenceMs = Date.now() - this.#lastHeard;
      if (silenceMs > 2 * this.#heartbeatMs) {
        this.#drop(this.#socket);
      } else if (silenceMs > this.#heartbeatMs) {
        this.#write(create(ClientFrameSchema, { body: { case: 'ping', value: { nonce: BigInt(Date.now()) } } }));
      }
    }, this.#heartbeatMs / 3);
  }

  /** Gives a socket up without waiting for its close. */
  #drop(socket: WebSocket | undefined): void {
    if (!socket || socket !== this.#socket) return;
    this.#broken(0, '');
    socket.close();
  }

  #detach(): void {
    clearTimeout(this.#helloTimer);
    clearTimeout(this.#ackTimer);
    clearInterval(this.#heartbeatTimer);
    this.#ackTimer = undefined;
    this.#socket = undefined;
  }

  #finish(error: CallingError, reason?: ConnectionStateChangedReason): void {
    const socket = this.#socket;
    this.#detach();
    for (const timer of [this.#retryTimer, this.#tokenTimer, this.#lossTimer]) clearTimeout(timer);
    socket?.close();
    this.#setState('closed', reason);
    this.#rejectAll(error);
    this.#opening?.reject(error);
    this.#opening = undefined;
    if (this.#sessionId) this.#options.listener.handleLost(SESSION_LOST);
    this.#sessionId = '';
  }

  #rejectAll(error: CallingError): void {
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of waiting) reject(error);
  }

  #isClosed(): boolean {
    return this.state === 'closed';
  }

  #setState(state: SessionState, reason?: ConnectionStateChangedReason): void {
    if (this.state === state) return;
    this.state = state;
    this.#options.listener.handleState(state, reason);
  }
}
