// Chat events as the exchange writes them, and what each does to a thread.

import { newThread, withMessages, withReceipt, type ChatMessage, type Member, type Thread } from './thread';

const TYPING_MS = 8_000;

interface WireMember { identifier?: { rawId?: string }; displayName?: string }
interface WireMessage {
  messageId: string;
  sequence?: string;
  version?: string;
  content?: { type?: string; content?: string; topic?: string; participants?: WireMember[]; initiator?: { rawId?: string } };
  sender?: { rawId?: string };
  senderDisplayName?: string;
  editedOn?: string;
  deletedOn?: string;
}
interface WireThread { topic?: string; createdOn?: string }

/** One event of one thread; exactly one of the kinds is there. */
export interface ChatEvent {
  threadId: string;
  actor?: { rawId?: string };
  messageReceived?: { message: WireMessage };
  messageEdited?: { message: WireMessage };
  messageDeleted?: { message: WireMessage };
  typingStarted?: { senderDisplayName?: string };
  readReceiptSent?: { receipt: { reader: { rawId: string }; messageId: string } };
  participantsAdded?: { added?: WireMember[] };
  participantsRemoved?: { removed?: WireMember[] };
  threadCreated?: { thread?: WireThread; members?: WireMember[] };
  threadPropertiesUpdated?: { thread?: WireThread };
  threadDeleted?: object;
}

/**
 * What an event makes of a thread: the thread after it, `undefined` when it is gone for this person.
 * `isIncomplete` says that something was said which no event carries, so that the messages are read anew.
 */
export function apply(known: Thread | undefined, event: ChatEvent, ownRawId: string): { thread: Thread | undefined; isIncomplete: boolean } {
  const thread = known ?? newThread(event.threadId);
  const done = (next: Thread | undefined, isIncomplete = false) => ({ thread: next, isIncomplete });
  if (event.threadDeleted) return done(undefined);
  const said = event.messageReceived ?? event.messageEdited ?? event.messageDeleted;
  if (said) {
    const message = messageOf(said.message);
    const { [message.sender]: _gone, ...typing } = thread.typing;
    return done(withMessages({ ...thread, typing: event.messageReceived ? typing : thread.typing }, [message]));
  }
  if (event.typingStarted) {
    const rawId = event.actor?.rawId ?? '';
    if (rawId === ownRawId) return done(thread);
    const writer = { name: event.typingStarted.senderDisplayName ?? '', until: Date.now() + TYPING_MS };
    return done({ ...thread, typing: { ...thread.typing, [rawId]: writer } });
  }
  if (event.readReceiptSent) {
    const { reader, messageId } = event.readReceiptSent.receipt;
    return done(withReceipt(thread, reader.rawId, messageId));
  }
  if (event.participantsAdded) return done(withMembers(thread, event.participantsAdded.added ?? []), true);
  if (event.participantsRemoved) {
    const removed = (event.participantsRemoved.removed ?? []).map(({ identifier }) => identifier?.rawId ?? '');
    if (removed.includes(ownRawId)) return done(undefined);
    return done({ ...thread, members: thread.members.filter(({ rawId }) => !removed.includes(rawId)) }, true);
  }
  const header = event.threadCreated?.thread ?? event.threadPropertiesUpdated?.thread;
  if (!header) return done(thread, true);
  const named = { ...thread, topic: header.topic ?? '', activeOn: Math.max(thread.activeOn, Date.parse(header.createdOn ?? '') || 0) };
  return done(withMembers(named, event.threadCreated?.members ?? []), true);
}

/** The thread without those who stopped writing. */
export function withoutIdleWriters(thread: Thread, now: number): Thread {
  const writing = Object.entries(thread.typing).filter(([, { until }]) => until > now);
  return writing.length === Object.keys(thread.typing).length ? thread : { ...thread, typing: Object.fromEntries(writing) };
}

function withMembers(thread: Thread, added: readonly WireMember[]): Thread {
  const members = added.map(memberOf);
  return { ...thread, members: [...thread.members.filter(({ rawId }) => !members.some((member) => member.rawId === rawId)), ...members] };
}

function memberOf({ identifier, displayName = '' }: WireMember): Member {
  return { rawId: identifier?.rawId ?? '', name: displayName };
}

function messageOf(message: WireMessage): ChatMessage {
  const { content = {} } = message;
  return {
    id: message.messageId,
    sequence: Number(message.sequence ?? 0),
    version: Number(message.version ?? 0),
    type: TYPES[content.type ?? ''] ?? 'text',
    body: content.content ?? '',
    topic: content.topic ?? '',
    people: (content.participants ?? []).map(memberOf),
    initiator: content.initiator?.rawId ?? '',
    sender: message.sender?.rawId ?? '',
    senderName: message.senderDisplayName ?? '',
    isEdited: Boolean(message.editedOn),
    isDeleted: Boolean(message.deletedOn),
  };
}

const TYPES: Readonly<Record<string, string>> = {
  MESSAGE_TYPE_HTML: 'html',
  MESSAGE_TYPE_PARTICIPANT_ADDED: 'participantAdded',
  MESSAGE_TYPE_PARTICIPANT_REMOVED: 'participantRemoved',
  MESSAGE_TYPE_TEXT: 'text',
  MESSAGE_TYPE_TOPIC_UPDATED: 'topicUpdated',
};
