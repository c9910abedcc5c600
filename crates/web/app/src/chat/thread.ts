// One conversation as it is known: replaced after every change, whichever way the change came.

/** Somebody in a thread. */
export interface Member { readonly rawId: string; readonly name: string }

/** Something said, or something that happened to the thread. */
export interface ChatMessage {
  /** The time in milliseconds, which also orders receipts. */
  readonly id: string;
  readonly sequence: number;
  readonly version: number;
  /** `text`, `html`, or what happened. */
  readonly type: string;
  readonly body: string;
  readonly topic: string;
  readonly people: readonly Member[];
  readonly initiator: string;
  readonly sender: string;
  readonly senderName: string;
  readonly isEdited: boolean;
  readonly isDeleted: boolean;
}

/** A message that is on its way. */
export interface Outgoing {
  readonly requestId: string;
  readonly firstSent: string;
  readonly content: string;
  /** The last message that was there before it was sent. */
  readonly after: string | undefined;
  readonly state: 'sending' | 'waiting' | 'refused';
  readonly problem: string;
}

export interface Thread {
  readonly id: string;
  readonly topic: string;
  readonly activeOn: number;
  readonly loading: 'none' | 'loading' | 'loaded' | 'failed';
  readonly problem: string;
  readonly messages: readonly ChatMessage[];
  /** Where older messages are; absent when all are here. */
  readonly older: string | undefined;
  readonly members: readonly Member[];
  /** For each reader the last message read. */
  readonly receipts: Readonly<Record<string, string>>;
  /** Who writes, until when. */
  readonly typing: Readonly<Record<string, { readonly name: string; readonly until: number }>>;
  readonly outgoing: readonly Outgoing[];
}

export function newThread(id: string): Thread {
  return { id, topic: '', activeOn: 0, loading: 'none', problem: '', messages: [], older: undefined, members: [], receipts: {}, typing: {}, outgoing: [] };
}

/** What is on its way and not there yet: the exchange tells everybody of a message before it answers the one who sent it. */
export function onTheWay({ outgoing, messages }: Thread, ownRawId: string): readonly Outgoing[] {
  return outgoing.filter(({ state, after, content }) => state === 'refused' || !messages.some((message) => (
    message.sender === ownRawId && Number(message.id) > Number(after ?? Infinity) && message.body === content)));
}

/** Whether somebody said it. */
export function isSaid({ type }: ChatMessage): boolean {
  return type === 'text' || type === 'html';
}

/** The thread with these messages; a later version of a message replaces the one that is known. */
export function withMessages(thread: Thread, arrived: readonly ChatMessage[]): Thread {
  const byId = new Map(thread.messages.map((message) => [message.id, message]));
  for (const message of arrived) {
    const known = byId.get(message.id);
    if (!known || known.version < message.version) byId.set(message.id, message);
  }
  const messages = [...byId.values()].sort((one, other) => one.sequence - other.sequence);
  const lastSaid = messages.findLast(isSaid);
  return { ...thread, messages, activeOn: Math.max(thread.activeOn, Number(lastSaid?.id ?? 0)) };
}

export function withReceipt(thread: Thread, reader: string, messageId: string): Thread {
  if (Number(messageId) <= Number(thread.receipts[reader] ?? 0)) return thread;
  return { ...thread, receipts: { ...thread.receipts, [reader]: messageId } };
}

/** How many messages of others came after the last one that this person has read. */
export function unreadOf(thread: Thread, ownRawId: string): number {
  const own = thread.messages.findLast((message) => message.sender === ownRawId && isSaid(message));
  const seen = Math.max(Number(thread.receipts[ownRawId] ?? 0), Number(own?.id ?? 0));
  return thread.messages.filter((message) => isSaid(message) && !message.isDeleted && message.sender !== ownRawId && Number(message.id) > seen).length;
}

/** For each own message, who has read it and no later one of this person. */
export function readersByMessage(thread: Thread, ownRawId: string): Map<string, string[]> {
  const own = thread.messages.filter((message) => message.sender === ownRawId && isSaid(message) && !message.isDeleted);
  const readers = new Map<string, string[]>();
  for (const [reader, messageId] of Object.entries(thread.receipts)) {
    if (reader === ownRawId || !thread.members.some(({ rawId }) => rawId === reader)) continue;
    const last = own.findLast(({ id }) => Number(id) <= Number(messageId));
    if (last) readers.set(last.id, [...(readers.get(last.id) ?? []), reader]);
  }
  return readers;
}
