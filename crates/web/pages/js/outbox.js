// Messages on their way: one after the other, kept while the exchange does not answer, never twice.

import { RequestError } from './chat-api.js';

const RETRY_MS = 2_000;

/** The messages that were written here and are not known to be sent. */
export class Outbox {
  #send;
  #onChange;
  #isWorking = false;
  #timer = null;

  /**
   * Each with `threadId`, `text`, `requestId`, `state` (`sending`, `waiting` or `refused`) and `problem`; once it has left,
   * with `after`, the last message that was there before it.
   */
  entries = [];

  /** `send` sends one entry; `onChange` is called with the thread of whatever changed. */
  constructor({ send, onChange }) {
    this.#send = send;
    this.#onChange = onChange;
  }

  /** Takes a message; it goes as soon as those before it are gone. */
  put(threadId, text) {
    this.entries.push({
      threadId,
      text,
      requestId: crypto.randomUUID(),
      firstSent: new Date().toUTCString(),
      state: 'sending',
      problem: '',
    });
    this.#onChange(threadId);
    this.work();
  }

  /** What is on its way in one thread. */
  of(threadId) {
    return this.entries.filter((entry) => entry.threadId === threadId);
  }

  /** Tries a refused message once more. */
  again(entry) {
    entry.state = 'sending';
    entry.after = undefined;
    entry.requestId = crypto.randomUUID();
    entry.firstSent = new Date().toUTCString();
    this.#onChange(entry.threadId);
    this.work();
  }

  drop(entry) {
    this.entries = this.entries.filter((candidate) => candidate !== entry);
    this.#onChange(entry.threadId);
  }

  /** Sends what waits, until nothing does or nobody answers. */
  async work() {
    if (this.#isWorking) return;
    this.#isWorking = true;
    clearTimeout(this.#timer);
    try {
      for (;;) {
        const entry = this.entries.find(({ state }) => state !== 'refused');
        if (!entry) return;
        if (!await this.#try(entry)) {
          this.#timer = setTimeout(() => this.work(), RETRY_MS);
          return;
        }
      }
    } finally {
      this.#isWorking = false;
    }
  }

  async #try(entry) {
    try {
      await this.#send(entry);
      this.drop(entry);
      return true;
    } catch (error) {
      const isPassing = error instanceof RequestError ? error.isPassing : true;
      entry.state = isPassing ? 'waiting' : 'refused';
      entry.problem = error.message;
      this.#onChange(entry.threadId);
      return !isPassing;
    }
  }
}
