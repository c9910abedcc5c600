// What the chat page asks for over REST. Every request carries the token in a header.

const VERSION = '2025-03-15';
const ANSWER_WITHIN_MS = 15_000;
const MOST_PAGES = 10;
const PAGE_SIZE = 30;

/** A request that was refused, or that nobody answered. */
export class RequestError extends Error {
  constructor(message, { status = 0, code = '' } = {}) {
    super(message);
    this.name = 'RequestError';
    this.status = status;
    this.code = code;
  }

  /** Whether asking again later may help: nobody answered, or the exchange was busy. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Chat on behalf of the person of this tab. */
export class ChatApi {
  #credential;

  constructor(credential) {
    this.#credential = credential;
  }

  /** Lists the threads, newest first. */
  async threads() {
    return this.#pages('/chat/threads?maxPageSize=100', 3);
  }

  thread(id) {
    return this.#ask('GET', threadPath(id));
  }

  /** Makes a thread; returns it with whoever could not be added. */
  async createThread(topic, participants) {
    const made = await this.#ask('POST', '/chat/threads', {
      body: { topic, participants: participants.map(participant) },
    });
    return { thread: made.chatThread, invalid: made.invalidParticipants ?? [] };
  }

  setTopic(id, topic) {
    return this.#ask('PATCH', threadPath(id), { body: { topic } });
  }

  /** One page of messages, newest first: the first, or the one that a link leads to. */
  async messages(id, link = null) {
    const page = await this.#ask('GET', link ?? threadPath(id, `messages?maxPageSize=${PAGE_SIZE}`));
    return { messages: page.value ?? [], older: ownPath(page.nextLink) };
  }

  members(id) {
    return this.#pages(threadPath(id, 'participants?maxPageSize=100'), MOST_PAGES);
  }

  receipts(id) {
    return this.#pages(threadPath(id, 'readReceipts?maxPageSize=100'), MOST_PAGES);
  }

  /** Sends a message. The same `requestId` again sends nothing twice. */
  send(id, { text, senderDisplayName, requestId, firstSent }) {
    return this.#ask('POST', threadPath(id, 'messages'), {
      body: { content: text, type: 'text', senderDisplayName },
      headers: { 'repeatability-request-id': requestId, 'repeatability-first-sent': firstSent },
    });
  }

  edit(id, messageId, text) {
    return this.#ask('PATCH', threadPath(id, `messages/${messageId}`), { body: { content: text } });
  }

  remove(id, messageId) {
    return this.#ask('DELETE', threadPath(id, `messages/${messageId}`));
  }

  sendTyping(id, senderDisplayName) {
    return this.#ask('POST', threadPath(id, 'typing'), { body: { senderDisplayName } });
  }

  sendReceipt(id, chatMessageId) {
    return this.#ask('POST', threadPath(id, 'readReceipts'), { body: { chatMessageId } });
  }

  /** Adds members; returns who could not be added. */
  async addMembers(id, people, { showsHistory }) {
    const shareHistoryTime = showsHistory ? '1970-01-01T00:00:00Z' : new Date().toISOString();
    const participants = people.map((person) => ({ ...participant(person), shareHistoryTime }));
    const added = await this.#ask('POST', threadPath(id, 'participants/:add'), { body: { participants } });
    return added.invalidParticipants ?? [];
  }

  removeMember(id, rawId) {
    return this.#ask('POST', threadPath(id, 'participants/:remove'), { body: { rawId } });
  }

  async #pages(path, most) {
    const found = [];
    let next = path;
    for (let page = 0; next && page < most; page += 1) {
      const answer = await this.#ask('GET', next);
      found.push(...(answer.value ?? []));
      next = ownPath(answer.nextLink);
    }
    return found;
  }

  async #ask(method, path, request = {}, { fresh = false } = {}) {
    const token = await this.#credential.token({ fresh });
    let response;
    try {
      response = await fetch(versioned(path), {
        method,
        headers: {
          Authorization: `Bearer ${token}`,
          ...(request.body && { 'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' }),
          ...request.headers,
        },
        body: request.body && JSON.stringify(request.body),
        cache: 'no-store',
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
    } catch {
      throw new RequestError('The exchange does not answer.');
    }
    if (response.status === 401 && !fresh) return this.#ask(method, path, request, { fresh: true });
    const answer = await response.json().catch(() => null);
    if (!response.ok) {
      const { status } = response;
      const { code = '', message = `the exchange answered ${status}` } = answer?.error ?? {};
      throw new RequestError(message, { status, code });
    }
    return answer ?? {};
  }
}

function threadPath(id, rest = '') {
  return `/chat/threads/${encodeURIComponent(id)}${rest && `/${rest}`}`;
}

function participant({ rawId, name }) {
  return { communicationIdentifier: { rawId }, ...(name && { displayName: name }) };
}

function versioned(path) {
  if (path.includes('api-version=')) return path;
  return `${path}${path.includes('?') ? '&' : '?'}api-version=${VERSION}`;
}

/** The exchange writes links in full, and may know itself by another name than this page does. */
function ownPath(link) {
  if (!link) return null;
  const { pathname, search } = new URL(link, location.origin);
  return pathname + search;
}
