// The room of chat: the threads, kept up to date, and what one does in them.

import { lineOrNone, session } from '../session/session';
import { RequestError } from '../session/tokens';
import { Store } from '../store';
import { text } from '../strings';
import { errorText } from '../words';
import { ChatApi } from './api';
import { apply, withoutIdleWriters } from './events';
import { ChatStream, type StreamState } from './stream';
import { newThread, withMessages, withReceipt, type Member, type Outgoing, type Thread } from './thread';

const RETRY_MS = 2_000;
/** Others see that somebody writes for eight seconds after each notice. */
const TYPING_EVERY_MS = 4_000;
const LOOK_AT_WRITERS_MS = 1_000;

interface ChatState {
  readonly threads: ReadonlyMap<string, Thread>;
  /** Whether the list is known. */
  readonly isLoaded: boolean;
  /** Whether it is known of every thread who is in it. */
  readonly isComplete: boolean;
  readonly state: StreamState;
  readonly problem: string;
}

const EMPTY: ChatState = { threads: new Map(), isLoaded: false, isComplete: false, state: 'connecting', problem: '' };
export const chat = new Store<ChatState>(EMPTY);

let api: ChatApi | undefined;
let stream: ChatStream | undefined;
let ownRawId = '';
let isSending = false;
let retryTimer: ReturnType<typeof setTimeout> | undefined;
let lastTyping = { threadId: '', at: 0 };

/** Follows the threads of whoever is signed in, from the first time on that chat is looked at. */
export function openChat(): void {
  const line = lineOrNone();
  if (!line || api) return;
  ownRawId = line.identity.rawId;
  api = new ChatApi(line.credential);
  stream = new ChatStream(line.credential, {
    handleBegin: () => void readThreads(),
    handleEvent: (event) => {
      const { thread, isIncomplete } = apply(chat.get().threads.get(event.threadId), event, ownRawId);
      put(event.threadId, thread);
      if (thread && isIncomplete && thread.loading !== 'none') void load(event.threadId);
      if (thread && event.threadCreated && thread.loading === 'none') void load(event.threadId);
    },
    handleState: (state, problem) => {
      chat.set({ state, problem });
      if (state === 'open') void sendWaiting();
    },
  });
  stream.open();
}

/** Reads a thread with its messages, members and receipts. */
export async function load(id: string): Promise<void> {
  if (!api) return;
  const known = chat.get().threads.get(id) ?? newThread(id);
  if (known.loading === 'loading') return;
  put(id, { ...known, loading: known.loading === 'loaded' ? 'loaded' : 'loading' });
  try {
    const [head, page, members, receipts] = await Promise.all([api.thread(id), api.messages(id), api.members(id), api.receipts(id)]);
    update(id, (thread) => receipts.reduce(
      (read, [reader, messageId]) => withReceipt(read, reader, messageId),
      withMessages({
        ...thread, topic: head.topic, members, loading: 'loaded', problem: '', older: thread.loading === 'loaded' ? thread.older : page.older,
        activeOn: Math.max(thread.activeOn, head.lastMessageOn, head.createdOn),
      }, page.messages)));
  } catch (error) {
    update(id, (thread) => ({ ...thread, loading: 'failed', problem: errorText(error) }));
  }
}

export async function loadOlder(id: string): Promise<void> {
  const older = chat.get().threads.get(id)?.older;
  if (!api || !older) return;
  try {
    const page = await api.messages(id, older);
    update(id, (thread) => withMessages({ ...thread, older: page.older, problem: '' }, page.messages));
  } catch (error) {
    fail(id, error);
  }
}

/** Starts a conversation; returns its id and the words for whoever could not be added. */
export async function startThread(topic: string, others: readonly Member[]): Promise<{ id: string; notAdded: string[] }> {
  if (!api) throw new Error(text.chat.state.closed);
  const own = { rawId: ownRawId, name: lineOrNone()?.identity.displayName ?? '' };
  const made = await api.create(topic, [own, ...others]);
  await load(made.id);
  return made;
}

/** The conversation of two that is there already, if one is. */
export function threadWith(rawId: string): Thread | undefined {
  return [...chat.get().threads.values()].find(({ members }) => members.length === 2 && members.some((member) => member.rawId === rawId));
}

export function send(id: string, content: string): void {
  const outgoing: Outgoing = { requestId: crypto.randomUUID(), firstSent: new Date().toUTCString(), content, after: undefined, state: 'sending', problem: '' };
  update(id, (thread) => ({ ...thread, outgoing: [...thread.outgoing, outgoing] }));
  lastTyping = { threadId: '', at: 0 };
  void sendWaiting();
}

/** Tries a refused message once more. */
export function sendAgain(id: string, requestId: string): void {
  changeOutgoing(id, requestId, { state: 'sending', after: undefined, problem: '', requestId: crypto.randomUUID(), firstSent: new Date().toUTCString() });
  void sendWaiting();
}

export function discard(id: string, requestId: string): void {
  update(id, (thread) => ({ ...thread, outgoing: thread.outgoing.filter((one) => one.requestId !== requestId) }));
}

export async function edit(id: string, messageId: string, content: string): Promise<void> {
  await api?.edit(id, messageId, content).catch((error: unknown) => fail(id, error));
}

export async function remove(id: string, messageId: string): Promise<void> {
  await api?.remove(id, messageId).catch((error: unknown) => fail(id, error));
}

export async function leaveThread(id: string): Promise<void> {
  await api?.leave(id).catch((error: unknown) => fail(id, error));
}

/** Tells the others that this person writes, now and then. */
export function typing(threadId: string): void {
  const at = Date.now();
  if (lastTyping.threadId === threadId && at - lastTyping.at < TYPING_EVERY_MS) return;
  lastTyping = { threadId, at };
  // A notice that does not arrive is as good as none; the next key sends another.
  void api?.sendTyping(threadId).catch(() => {});
}

/** Notes that this person has read everything in a thread. */
export function markRead(id: string): void {
  const thread = chat.get().threads.get(id);
  const last = thread?.messages.findLast(({ sender, isDeleted }) => sender !== ownRawId && !isDeleted);
  if (!thread || !last || Number(thread.receipts[ownRawId] ?? 0) >= Number(last.id)) return;
  update(id, (known) => withReceipt(known, ownRawId, last.id));
  void api?.sendReceipt(id, last.id).catch(() => {});
}

async function readThreads(): Promise<void> {
  if (!api) return;
  try {
    const heads = await api.threads();
    const threads = new Map(chat.get().threads);
    for (const { id, topic, createdOn, lastMessageOn } of heads) {
      const known = threads.get(id) ?? newThread(id);
      threads.set(id, { ...known, topic, activeOn: Math.max(known.activeOn, createdOn, lastMessageOn) });
    }
    for (const id of threads.keys()) if (!heads.some((head) => head.id === id) && threads.get(id)?.outgoing.length === 0) threads.delete(id);
    chat.set({ threads, isLoaded: true, problem: '' });
    for (const { id } of heads) await load(id);
    chat.set({ isComplete: true });
  } catch (error) {
    chat.set({ isLoaded: true, problem: errorText(error) });
  }
}

/** Sends what waits, one after the other, until nothing does or nobody answers. */
async function sendWaiting(): Promise<void> {
  if (isSending || !api) return;
  isSending = true;
  clearTimeout(retryTimer);
  try {
    for (;;) {
      const next = [...chat.get().threads.values()].flatMap(({ id, outgoing }) => outgoing.map((one) => ({ id, one }))).find(({ one }) => one.state !== 'refused');
      if (!next) return;
      try {
        changeOutgoing(next.id, next.one.requestId, { after: next.one.after ?? chat.get().threads.get(next.id)?.messages.at(-1)?.id ?? '0' });
        await api.send(next.id, next.one);
        discard(next.id, next.one.requestId);
      } catch (error) {
        const isPassing = !(error instanceof RequestError) || error.isPassing;
        changeOutgoing(next.id, next.one.requestId, { state: isPassing ? 'waiting' : 'refused', problem: errorText(error) });
        if (isPassing) {
          retryTimer = setTimeout(() => void sendWaiting(), RETRY_MS);
          return;
        }
      }
    }
  } finally {
    isSending = false;
  }
}

function changeOutgoing(id: string, requestId: string, patch: Partial<Outgoing>): void {
  update(id, (thread) => ({ ...thread, outgoing: thread.outgoing.map((one) => (one.requestId === requestId ? { ...one, ...patch } : one)) }));
}

function fail(id: string, error: unknown): void {
  update(id, (thread) => ({ ...thread, problem: errorText(error) }));
}

function update(id: string, change: (thread: Thread) => Thread): void {
  const known = chat.get().threads.get(id);
  if (known) put(id, change(known));
}

function put(id: string, thread: Thread | undefined): void {
  if (chat.get().threads.get(id) === thread) return;
  const threads = new Map(chat.get().threads);
  if (thread) threads.set(id, thread);
  else threads.delete(id);
  chat.set({ threads });
}

setInterval(() => {
  const now = Date.now();
  for (const [id, thread] of chat.get().threads) put(id, withoutIdleWriters(thread, now));
}, LOOK_AT_WRITERS_MS);

session.subscribe(() => {
  if (session.get().phase !== 'signedOut' || !stream) return;
  stream.close();
  stream = undefined;
  api = undefined;
  chat.set(EMPTY);
});
