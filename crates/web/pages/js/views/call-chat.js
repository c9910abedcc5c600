// The chat beside a call: the one thread of the call, for whoever may read it.

import { ChatApi } from '../chat-api.js';
import { ChatModel, fromRest } from '../chat-model.js';
import { ChatStream } from '../chat-stream.js';
import { h, setText } from '../dom.js';
import { shortId } from '../model.js';
import { Outbox } from '../outbox.js';
import { errorText } from '../words.js';
import { confirmDeletion } from './chat-dialogs.js';
import { Conversation } from './conversation.js';

const AGAIN_MS = 1_500;
const MOST_TRIES = 6;

/** The side panel of one call. */
export class CallChat {
  #credential;
  #call;
  #banners;
  #api;
  #stream = null;
  #model = null;
  #conversation;
  #outbox;
  #threadId = '';
  #tries = 0;
  #retry = null;
  #typingTimer = null;
  #words = h('p', { class: 'quiet call-chat-words', role: 'status' });
  #root = conversationElement();

  constructor(call, { credential, banners }) {
    this.#call = call;
    this.#credential = credential;
    this.#banners = banners;
    this.#api = new ChatApi(credential);
    this.#conversation = new Conversation(this.#root, {
      send: (thread, text) => this.#outbox.put(thread.id, text),
      edit: (thread, message, text) => this.#try(() => this.#api.edit(thread.id, message.id, text)),
      remove: (thread, message) => confirmDeletion(() => this.#try(() => this.#api.remove(thread.id, message.id))),
      typing: (thread) => this.#api.sendTyping(thread.id, call.ownName).catch(() => {}),
      older: (thread) => this.#readOlder(thread),
      back: () => {},
      people: () => {},
      topic: () => {},
      again: (entry) => this.#outbox.again(entry),
      drop: (entry) => this.#outbox.drop(entry),
      seen: () => {},
    });
    this.#outbox = new Outbox({
      send: (entry) => this.#send(entry),
      onChange: () => this.#draw(),
    });
    this.element = h('section', { class: 'panel call-chat', 'aria-label': 'Chat of the call', hidden: true }, this.#words, this.#root);
  }

  /** Opens the thread once the call is up and says which it is. */
  update() {
    const { state, isOver, model, meeting } = this.#call;
    const isIn = !isOver && (state === 'Connected' || this.#call.isHeld);
    this.element.hidden = !isIn || (!model.threadId && !meeting.isKnown);
    if (!isIn || this.#threadId || !model.threadId) return;
    this.#threadId = model.threadId;
    this.#model = new ChatModel(this.#call.ownRawId);
    this.#load();
  }

  destroy() {
    clearTimeout(this.#retry);
    clearTimeout(this.#typingTimer);
    this.#stream?.close();
    this.element.remove();
  }

  /** Who comes to a meeting is added to its thread a moment later: so asking once is not enough. */
  async #load() {
    const thread = this.#model.thread(this.#threadId);
    try {
      await this.#read(thread);
    } catch (error) {
      const mayNot = error.status === 403 || error.status === 404;
      this.#tries += 1;
      if (this.#tries < MOST_TRIES) this.#retry = setTimeout(() => this.#load(), AGAIN_MS);
      else setText(this.#words, mayNot ? 'You may not read the chat of this call.' : errorText(error));
      return;
    }
    setText(this.#words, '');
    this.#conversation.open(thread);
    this.#draw();
    this.#stream = new ChatStream(this.#credential);
    this.#stream.addEventListener('begin', () => this.#reread(thread));
    this.#stream.addEventListener('event', ({ detail }) => this.#take(detail));
    this.#stream.addEventListener('state', ({ detail }) => detail === 'open' && this.#outbox.work());
    this.#stream.open();
  }

  async #read(thread) {
    const [header, page, members] = await Promise.all([
      this.#api.thread(thread.id), this.#api.messages(thread.id), this.#api.members(thread.id),
    ]);
    thread.topic = header.topic ?? '';
    for (const message of page.messages) thread.put(fromRest(message));
    if (thread.loading !== 'loaded') thread.older = page.older;
    thread.setMembers(members.map(({ communicationIdentifier, displayName }) => (
      { rawId: communicationIdentifier.rawId, name: displayName ?? '' })));
    thread.loading = 'loaded';
  }

  async #reread(thread) {
    await this.#read(thread).catch(() => {});
    this.#draw();
  }

  async #readOlder(thread) {
    await this.#try(async () => {
      const page = await this.#api.messages(thread.id, thread.older);
      for (const message of page.messages) thread.put(fromRest(message));
      thread.older = page.older;
    });
    this.#draw();
  }

  #take(event) {
    if (event.threadId !== this.#threadId) return;
    const { thread, then } = this.#model.apply(event);
    if (then === 'gone') {
      this.#stream.close();
      this.#conversation.open(null);
      setText(this.#words, 'You are no longer in the chat of this call.');
      return;
    }
    if (then === 'read') this.#reread(thread);
    if (event.typingStarted) this.#watchTyping(thread);
    this.#draw();
  }

  #watchTyping(thread) {
    clearTimeout(this.#typingTimer);
    const now = Date.now();
    const next = thread.expireTyping(now);
    this.#conversation.drawTyping((rawId) => this.#name(rawId, thread));
    if (next !== null) this.#typingTimer = setTimeout(() => this.#watchTyping(thread), next - now);
  }

  async #send(entry) {
    const { id } = await this.#api.send(entry.threadId, { ...entry, senderDisplayName: this.#call.ownName });
    const thread = this.#model.thread(entry.threadId);
    if (!thread.has(id)) await this.#reread(thread);
  }

  #draw() {
    const thread = this.#model?.threads.get(this.#threadId);
    if (thread) this.#conversation.draw(this.#outbox.of(thread.id), (rawId) => this.#name(rawId, thread));
  }

  #name(rawId, thread) {
    if (rawId === this.#call.ownRawId) return 'You';
    const participant = [...this.#call.model.participants.values()].find((candidate) => candidate.rawId === rawId);
    return participant?.name || thread.members.get(rawId)?.name || (rawId ? shortId(rawId) : 'somebody');
  }

  async #try(work) {
    try {
      await work();
    } catch (error) {
      this.#banners.flash(errorText(error), 'bad');
    }
  }
}

function conversationElement() {
  const id = `message-${crypto.randomUUID()}`;
  const hidden = (action) => h('button', { type: 'button', 'data-action': action, hidden: true });
  return h('div', { class: 'conversation', hidden: true },
    h('header', { class: 'conversation-head' }, hidden('back'),
      h('div', { class: 'conversation-title' }, h('h2', { 'data-title': '' }), h('p', { class: 'quiet', 'data-members': '' })),
      hidden('topic'), hidden('people')),
    h('div', { class: 'scroller', 'data-scroller': '', tabindex: '0', role: 'region', 'aria-label': 'Messages' },
      h('p', { class: 'older' }, h('button', { type: 'button', class: 'button small', 'data-action': 'older', hidden: true }, 'Show earlier messages')),
      h('ol', { class: 'log', 'data-log': '', role: 'log', 'aria-label': 'What was said' })),
    h('p', { class: 'typing', 'data-typing': '', role: 'status' }),
    h('form', { class: 'composer' },
      h('p', { class: 'editing', 'data-editing': '', hidden: true }, h('span', {}, 'Changing a message'),
        h('button', { type: 'button', class: 'link-button', 'data-action': 'cancel-edit' }, 'Cancel')),
      h('label', { class: 'sr-only', for: id }, 'Message'),
      h('textarea', { id, rows: '1', maxlength: '8000', placeholder: 'Write a message', autocomplete: 'off' }),
      h('button', { type: 'submit', class: 'button primary' }, h('span', { 'data-send-label': '' }, 'Send'))));
}
