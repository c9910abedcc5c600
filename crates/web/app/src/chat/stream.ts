// What happens in the threads of this person, as it happens: once, in order, over broken connections.

import type { Credential } from '../session/tokens';
import { text } from '../strings';
import type { ChatEvent } from './events';

const FIRST_RETRY_MS = 300;
const LONGEST_RETRY_MS = 8_000;
/** The exchange says something at least every ten seconds; after this it is not heard any more. */
const SILENCE_LIMIT_MS = 25_000;

export type StreamState = 'connecting' | 'open' | 'reconnecting' | 'closed';

export interface StreamListener {
  handleEvent(event: ChatEvent): void;
  /** The stream goes on from here and knows nothing of before: whatever there is has to be read. */
  handleBegin(): void;
  handleState(state: StreamState, words: string): void;
}

interface Line { seq?: string; event?: ChatEvent; end?: { code: string } }

export class ChatStream {
  private readonly credential: Credential;
  private readonly listener: StreamListener;
  private abort: AbortController | undefined;
  private cursor: number | undefined;
  private retryMs = FIRST_RETRY_MS;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private silenceTimer: ReturnType<typeof setTimeout> | undefined;
  private needsFreshToken = false;
  private isClosed = false;
  private readonly online = () => this.nudge();

  constructor(credential: Credential, listener: StreamListener) {
    this.credential = credential;
    this.listener = listener;
  }

  open(): void {
    addEventListener('online', this.online);
    this.listener.handleState('connecting', '');
    void this.connect();
  }

  close(words = ''): void {
    this.isClosed = true;
    removeEventListener('online', this.online);
    clearTimeout(this.retryTimer);
    clearTimeout(this.silenceTimer);
    this.abort?.abort();
    this.listener.handleState('closed', words);
  }

  /** Tries at once: the network is back. */
  private nudge(): void {
    if (this.isClosed || this.abort) return;
    clearTimeout(this.retryTimer);
    void this.connect();
  }

  private async connect(): Promise<void> {
    const abort = new AbortController();
    this.abort = abort;
    let waits = true;
    try {
      waits = await this.read(abort.signal);
    } catch {
      // Whatever broke, the cursor says where to go on.
    } finally {
      clearTimeout(this.silenceTimer);
      this.abort = undefined;
      abort.abort();
    }
    if (this.isClosed) return;
    this.listener.handleState('reconnecting', '');
    const delay = waits ? this.retryMs * (0.75 + Math.random() / 2) : 0;
    this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
    this.retryTimer = setTimeout(() => void this.connect(), delay);
  }

  /** Reads until the stream ends; returns whether to wait before the next try. */
  private async read(signal: AbortSignal): Promise<boolean> {
    this.hear();
    const token = await this.credential.token(this.needsFreshToken);
    this.needsFreshToken = false;
    const response = await fetch(this.cursor === undefined ? '/events/chat' : `/events/chat?after=${this.cursor}`, {
      headers: { Authorization: `Bearer ${token}` }, cache: 'no-store', signal,
    });
    if (response.status === 401) {
      this.needsFreshToken = true;
      return true;
    }
    if (!response.ok || !response.body) {
      if (response.status < 500 && response.status !== 429) {
        const answer = await response.json().catch(() => null) as { error?: { message?: string } } | null;
        this.close(answer?.error?.message ?? text.errors.answered(response.status));
      }
      return true;
    }
    return this.readLines(response.body.getReader());
  }

  private async readLines(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<boolean> {
    const decoder = new TextDecoder();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return true;
      this.hear();
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines.filter((candidate) => candidate !== '')) {
        const told = JSON.parse(line) as Line;
        if (told.end) return this.ended(told.end.code);
        this.take(told);
      }
    }
  }

  private take({ seq, event }: Line): void {
    const place = seq === undefined ? undefined : Number(seq);
    if (!event) {
      const isFresh = this.cursor === undefined;
      this.cursor ??= place ?? 0;
      this.retryMs = FIRST_RETRY_MS;
      this.listener.handleState('open', '');
      if (isFresh) this.listener.handleBegin();
      return;
    }
    if (place !== undefined) {
      if (place <= (this.cursor ?? 0)) return;
      this.cursor = place;
    }
    this.listener.handleEvent(event);
  }

  /** The exchange says why it ends the stream. */
  private ended(code: string): boolean {
    if (code === 'cursor_lost') {
      this.cursor = undefined;
      return false;
    }
    this.needsFreshToken = code.startsWith('token_');
    return code !== 'token_expired';
  }

  private hear(): void {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = setTimeout(() => this.abort?.abort(), SILENCE_LIMIT_MS);
  }
}
