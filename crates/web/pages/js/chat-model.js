// What is known of the threads of this person, from REST and from events, in whichever order they come.

const TYPING_MS = 8_000;

/** One thread. */
export class Thread {
  /** Members by raw id, each with `rawId` and `name`. */
  members = new Map();

  /** For each reader the id of the last message read. */
  receipts = new Map();

  /** Who writes, by raw id, each with `name` and `until`. */
  typing = new Map();

  topic = '';
  lastMessageOn = 0;
  createdOn = 0;

  /** `none`, `loading`, `loaded` or `failed`. */
  loading = 'none';

  /** Where older messages are; `null` when all are here. */
  older = null;

  #messages = new Map();
  #seenUpTo = 0;
  #sorted = null;

  constructor(id, ownId) {
    this.id = id;
    this.ownId = ownId;
  }

  /** The messages in order. */
  get messages() {
    this.#sorted ??= [...this.#messages.values()].sort((one, other) => one.sequence - other.sequence);
    return this.#sorted;
  }

  get lastMessage() {
    return this.messages.at(-1) ?? null;
  }

  /** When something was last said, for the order of the list. */
  get activeOn() {
    return Math.max(this.lastMessageOn, this.lastMessage?.createdOn ?? 0, this.createdOn);
  }

  /** The last message of somebody else that this person has not seen, if any. */
  get unread() {
    return this.messages.filter((message) => !message.isSystem && !message.isDeleted
      && message.sender !== this.ownId && Number(message.id) > this.#seenUpTo);
  }

  has(messageId) {
    return this.#messages.has(messageId);
  }

  message(messageId) {
    return this.#messages.get(messageId) ?? null;
  }

  /** Takes a message unless a later version of it is known; returns whether it is new. */
  put(message) {
    const known = this.#messages.get(message.id);
    if (known && known.version >= message.version) return false;
    this.#messages.set(message.id, message);
    this.#sorted = null;
    this.lastMessageOn = Math.max(this.lastMessageOn, message.isSystem ? 0 : message.createdOn);
    if (message.sender === this.ownId && !message.isSystem) this.see(message.id);
    return !known;
  }

  setMembers(members) {
    this.members = new Map(members.map((member) => [member.rawId, member]));
  }

  read(reader, messageId) {
    if (Number(messageId) <= Number(this.receipts.get(reader) ?? 0)) return;
    this.receipts.set(reader, messageId);
    if (reader === this.ownId) this.see(messageId);
  }

  /** Notes that this person has seen everything up to a message. */
  see(messageId) {
    this.#seenUpTo = Math.max(this.#seenUpTo, Number(messageId));
  }

  startTyping(rawId, name, now) {
    this.typing.set(rawId, { name, until: now + TYPING_MS });
  }

  /** Forgets who has stopped writing; returns when to look again, or `null`. */
  expireTyping(now) {
    for (const [rawId, { until }] of this.typing) if (until <= now) this.typing.delete(rawId);
    const ends = [...this.typing.values()].map(({ until }) => until);
    return ends.length > 0 ? Math.min(...ends) : null;
  }

  /** For each own message, who has read it and no later one of this person. */
  readersByMessage() {
    const own = this.messages.filter(({ sender, isSystem, isDeleted }) => sender === this.ownId && !isSystem && !isDeleted);
    const readers = new Map();
    for (const [reader, messageId] of this.receipts) {
      if (reader === this.ownId || !this.members.has(reader)) continue;
      const last = own.findLast(({ id }) => Number(id) <= Number(messageId));
      if (last) readers.set(last.id, [...(readers.get(last.id) ?? []), reader]);
    }
    return readers;
  }
}

/** All threads. */
export class ChatModel {
  threads = new Map();

  constructor(ownId) {
    this.ownId = ownId;
  }

  /** The threads, newest first. */
  get list() {
    return [...this.threads.values()].sort((one, other) => other.activeOn - one.activeOn);
  }

  /** Returns a thread, which may be new to this page. */
  thread(id) {
    let thread = this.threads.get(id);
    if (!thread) {
      thread = new Thread(id, this.ownId);
      this.threads.set(id, thread);
    }
    return thread;
  }

  /**
   * Takes one event. Returns the thread with what has to be done about it: `drawn` again, `read` anew
   * because something was said that no event carries, or `gone`.
   */
  apply(event, now = Date.now()) {
    const id = event.threadId;
    if (event.threadDeleted) return this.#gone(id);
    const thread = this.thread(id);
    const said = event.messageReceived ?? event.messageEdited ?? event.messageDeleted;
    if (said) {
      const message = fromEvent(said.message);
      thread.put(message);
      if (event.messageReceived) thread.typing.delete(message.sender);
      return { thread, then: 'drawn' };
    }
    if (event.typingStarted) {
      const { rawId } = event.actor;
      if (rawId !== this.ownId) thread.startTyping(rawId, event.typingStarted.senderDisplayName ?? '', now);
      return { thread, then: 'drawn' };
    }
    if (event.readReceiptSent) {
      const { reader, messageId } = event.readReceiptSent.receipt;
      thread.read(reader.rawId, messageId);
      return { thread, then: 'drawn' };
    }
    if (event.participantsAdded) {
      for (const member of event.participantsAdded.added ?? []) putMember(thread, member);
      return { thread, then: 'read' };
    }
    if (event.participantsRemoved) {
      const removed = (event.participantsRemoved.removed ?? []).map(({ identifier }) => identifier.rawId);
      if (removed.includes(this.ownId)) return this.#gone(id);
      for (const rawId of removed) {
        thread.members.delete(rawId);
        thread.typing.delete(rawId);
      }
      return { thread, then: 'read' };
    }
    const header = event.threadCreated?.thread ?? event.threadPropertiesUpdated?.thread;
    if (header) {
      thread.topic = header.topic ?? '';
      thread.createdOn = Date.parse(header.createdOn) || thread.createdOn;
      for (const member of event.threadCreated?.members ?? []) putMember(thread, member);
    }
    return { thread, then: 'read' };
  }

  #gone(id) {
    const thread = this.threads.get(id) ?? null;
    this.threads.delete(id);
    return { thread, then: 'gone' };
  }
}

function putMember(thread, { identifier, displayName }) {
  thread.members.set(identifier.rawId, { rawId: identifier.rawId, name: displayName ?? '' });
}

/** A message as REST writes it. */
export function fromRest(message) {
  const { content = {} } = message;
  return {
    id: message.id,
    sequence: Number(message.sequenceId),
    version: Number(message.version),
    type: message.type,
    isSystem: message.type !== 'text' && message.type !== 'html',
    text: content.message ?? '',
    topic: content.topic ?? '',
    people: (content.participants ?? []).map((person) => ({
      rawId: person.communicationIdentifier.rawId,
      name: person.displayName ?? '',
    })),
    initiator: content.initiatorCommunicationIdentifier?.rawId ?? '',
    sender: message.senderCommunicationIdentifier?.rawId ?? '',
    senderName: message.senderDisplayName ?? '',
    // The id is the time in milliseconds; the time itself is cut to seconds.
    createdOn: Number(message.id),
    isEdited: Boolean(message.editedOn),
    isDeleted: Boolean(message.deletedOn),
  };
}

/** A message as an event has it. */
function fromEvent(message) {
  const { content = {} } = message;
  const type = TYPES[content.type] ?? 'text';
  return {
    id: message.messageId,
    sequence: Number(message.sequence),
    version: Number(message.version),
    type,
    isSystem: type !== 'text' && type !== 'html',
    text: content.content ?? '',
    topic: content.topic ?? '',
    people: (content.participants ?? []).map(({ identifier, displayName }) => ({
      rawId: identifier.rawId,
      name: displayName ?? '',
    })),
    initiator: content.initiator?.rawId ?? '',
    sender: message.sender?.rawId ?? '',
    senderName: message.senderDisplayName ?? '',
    createdOn: Number(message.messageId),
    isEdited: Boolean(message.editedOn),
    isDeleted: Boolean(message.deletedOn),
  };
}

const TYPES = {
  MESSAGE_TYPE_HTML: 'html',
  MESSAGE_TYPE_PARTICIPANT_ADDED: 'participantAdded',
  MESSAGE_TYPE_PARTICIPANT_REMOVED: 'participantRemoved',
  MESSAGE_TYPE_TEXT: 'text',
  MESSAGE_TYPE_TOPIC_UPDATED: 'topicUpdated',
};
