// What chat asks for over REST. Every request carries the token in a header.

import { RequestError, type Credential } from '../session/tokens';
import { text } from '../strings';
import type { ChatMessage, Member } from './thread';

const VERSION = '2025-03-15';
const ANSWER_WITHIN_MS = 15_000;
const MOST_PAGES = 10;
const PAGE_SIZE = 30;

interface RawId { rawId: string }
interface WireMember { communicationIdentifier: RawId; displayName?: string }
interface WireMessage {
  id: string;
  type: string;
  sequenceId: string;
  version: string;
  content?: { message?: string; topic?: string; participants?: WireMember[]; initiatorCommunicationIdentifier?: RawId };
  senderCommunicationIdentifier?: RawId;
  senderDisplayName?: string;
  editedOn?: string;
  deletedOn?: string;
}
interface WireReceipt { senderCommunicationIdentifier: RawId; chatMessageId: string }
interface WireThread { id: string; topic?: string; createdOn?: string; lastMessageReceivedOn?: string; deletedOn?: string }
interface Page<T> { value?: T[]; nextLink?: string }

/** A thread as a list shows it. */
export interface ThreadHead { id: string; topic: string; createdOn: number; lastMessageOn: number }
/** A page of messages, and where those before them are. */
export interface MessagePage { messages: ChatMessage[]; older: string | undefined }

/** Chat on behalf of whoever is signed in. */
export class ChatApi {
  private readonly credential: Credential;

  constructor(credential: Credential) {
    this.credential = credential;
  }

  async threads(): Promise<ThreadHead[]> {
    const threads = await this.pages<WireThread>('/chat/threads?maxPageSize=100');
    return threads.filter(({ deletedOn }) => !deletedOn).map(headOf);
  }

  async thread(id: string): Promise<ThreadHead> {
    return headOf(await this.ask<WireThread>('GET', threadPath(id)));
  }

  /** Makes a thread; says who could not be added. */
  async create(topic: string, members: readonly Member[]): Promise<{ id: string; notAdded: string[] }> {
    const made = await this.ask<{ chatThread: WireThread; invalidParticipants?: { target?: string; message?: string }[] }>('POST', '/chat/threads', {
      body: { topic, participants: members.map(({ rawId, name }) => ({ communicationIdentifier: { rawId }, ...(name && { displayName: name }) })) },
    });
    return { id: made.chatThread.id, notAdded: (made.invalidParticipants ?? []).map(({ target, message }) => target ?? message ?? '') };
  }

  async messages(id: string, link?: string): Promise<MessagePage> {
    const page = await this.ask<Page<WireMessage>>('GET', link ?? threadPath(id, `messages?maxPageSize=${PAGE_SIZE}`));
    return { messages: (page.value ?? []).map(messageOf), older: ownPath(page.nextLink) };
  }

  async members(id: string): Promise<Member[]> {
    return (await this.pages<WireMember>(threadPath(id, 'participants?maxPageSize=100'))).map(memberOf);
  }

  async receipts(id: string): Promise<[reader: string, messageId: string][]> {
    const receipts = await this.pages<WireReceipt>(threadPath(id, 'readReceipts?maxPageSize=100'));
    return receipts.map(({ senderCommunicationIdentifier: { rawId }, chatMessageId }) => [rawId, chatMessageId]);
  }

  /** Sends a message. The same `requestId` again sends nothing twice. */
  async send(id: string, { content, requestId, firstSent }: { content: string; requestId: string; firstSent: string }): Promise<void> {
    await this.ask('POST', threadPath(id, 'messages'), {
      body: { content, type: 'text', senderDisplayName: this.credential.identity.displayName },
      headers: { 'repeatability-request-id': requestId, 'repeatability-first-sent': firstSent },
    });
  }

  async edit(id: string, messageId: string, content: string): Promise<void> {
    await this.ask('PATCH', threadPath(id, `messages/${messageId}`), { body: { content } });
  }

  async remove(id: string, messageId: string): Promise<void> {
    await this.ask('DELETE', threadPath(id, `messages/${messageId}`));
  }

  async sendTyping(id: string): Promise<void> {
    await this.ask('POST', threadPath(id, 'typing'), { body: { senderDisplayName: this.credential.identity.displayName } });
  }

  async sendReceipt(id: string, chatMessageId: string): Promise<void> {
    await this.ask('POST', threadPath(id, 'readReceipts'), { body: { chatMessageId } });
  }

  async leave(id: string): Promise<void> {
    await this.ask('POST', threadPath(id, 'participants/:remove'), { body: { rawId: this.credential.identity.rawId } });
  }

  private async pages<T>(path: string): Promise<T[]> {
    const found: T[] = [];
    let next: string | undefined = path;
    for (let page = 0; next !== undefined && page < MOST_PAGES; page += 1) {
      const answer: Page<T> = await this.ask<Page<T>>('GET', next);
      found.push(...(answer.value ?? []));
      next = ownPath(answer.nextLink);
    }
    return found;
  }

  private async ask<T>(method: string, path: string, request: { body?: unknown; headers?: Record<string, string> } = {}, isFresh = false): Promise<T> {
    const token = await this.credential.token(isFresh);
    let response: Response;
    try {
      response = await fetch(versioned(path), {
        method,
        headers: {
          Authorization: `Bearer ${token}`,
          ...(request.body !== undefined && { 'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' }),
          ...request.headers,
        },
        ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
        cache: 'no-store',
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
    } catch {
      throw new RequestError(text.errors.noAnswer);
    }
    if (response.status === 401 && !isFresh) return this.ask(method, path, request, true);
    const answer: unknown = await response.json().catch(() => null);
    // Commands are answered without a body; a reading whose answer was cut off was not answered.
    if (response.ok && answer === null && method === 'GET') throw new RequestError(text.errors.noAnswer);
    if (response.ok) return answer as T;
    const message = (answer as { error?: { message?: string } } | null)?.error?.message;
    throw new RequestError(message ?? text.errors.answered(response.status), response.status);
  }
}

function headOf({ id, topic = '', createdOn = '', lastMessageReceivedOn = '' }: WireThread): ThreadHead {
  return { id, topic, createdOn: Date.parse(createdOn) || 0, lastMessageOn: Date.parse(lastMessageReceivedOn) || 0 };
}

function memberOf({ communicationIdentifier: { rawId }, displayName = '' }: WireMember): Member {
  return { rawId, name: displayName };
}

function messageOf(message: WireMessage): ChatMessage {
  const { content = {} } = message;
  return {
    id: message.id,
    sequence: Number(message.sequenceId),
    version: Number(message.version),
    type: message.type,
    body: content.message ?? '',
    topic: content.topic ?? '',
    people: (content.participants ?? []).map(memberOf),
    initiator: content.initiatorCommunicationIdentifier?.rawId ?? '',
    sender: message.senderCommunicationIdentifier?.rawId ?? '',
    senderName: message.senderDisplayName ?? '',
    isEdited: Boolean(message.editedOn),
    isDeleted: Boolean(message.deletedOn),
  };
}

function threadPath(id: string, rest = ''): string {
  return `/chat/threads/${encodeURIComponent(id)}${rest && `/${rest}`}`;
}

function versioned(path: string): string {
  if (path.includes('api-version=')) return path;
  return `${path}${path.includes('?') ? '&' : '?'}api-version=${VERSION}`;
}

/** The exchange writes links in full, and may know itself by another name than this page does. */
function ownPath(link: string | undefined): string | undefined {
  if (!link) return undefined;
  const { pathname, search } = new URL(link, location.origin);
  return pathname + search;
}
