// The chat page: signs in, reads the threads, and keeps them up to date with the stream of events.

import { ChatApi } from './chat-api.js';
import { ChatModel, fromRest } from './chat-model.js';
import { ChatStream } from './chat-stream.js';
import { listed } from './chat-words.js';
import { find, h, setText } from './dom.js';
import { listUsers, signIn } from './identity.js';
import { shortId } from './model.js';
import { Outbox } from './outbox.js';
import { setUpTheme } from './theme.js';
import { Banners } from './views/banner.js';
import { changeTopic, confirmDeletion, newConversation, peopleOf } from './views/chat-dialogs.js';
import { Conversation } from './views/conversation.js';
import { avatar } from './views/people.js';
import { SignIn } from './views/sign-in.js';
import { ThreadList } from './views/thread-list.js';
import { errorText } from './words.js';

const IDENTITY_KEY = 'trunkline.identity';
const USERS_REFRESH_MS = 15_000;

/** Threads whose last messages are read ahead, for previews and unread marks; others when opened. */
const MOST_READ_AHEAD = 25;
const READ_AT_ONCE = 4;

const CONNECTION_WORDS = {
  connecting: 'connecting…',
  open: 'online',
  reconnecting: 'reconnecting…',
  closed: 'offline',
};

class ChatPage {
  #banners = new Banners(find('#banners'));
  #signIn = new SignIn(find('#sign-in'), (who) => this.#enter(who));
  #list = new ThreadList(find('#threads'), { onOpen: (id) => this.#open(id) });
  #conversation = new Conversation(find('#conversation'), {
    send: (thread, text) => this.#outbox.put(thread.id, text),
    edit: (thread, message, text) => this.#try(() => this.#api.edit(thread.id, message.id, text)),
    remove: (thread, message) => confirmDeletion(() => this.#try(() => this.#api.remove(thread.id, message.id))),
    // Nobody minds typing or a receipt that is lost; large threads refuse both.
    typing: (thread) => this.#api.sendTyping(thread.id, this.#ownName).catch(() => {}),
    older: (thread) => this.#readOlder(thread),
    back: () => this.#open(null),
    people: (thread) => this.#showPeople(thread),
    topic: (thread) => changeTopic(thread, (topic) => this.#api.setTopic(thread.id, topic)),
    again: (entry) => this.#outbox.again(entry),
    drop: (entry) => this.#outbox.drop(entry),
    seen: (thread) => this.#see(thread),
  });
  #outbox = new Outbox({
    send: (entry) => this.#send(entry),
    onChange: (threadId) => threadId === this.#conversation.threadId && this.#draw(),
  });
  #users = [];
  #credential = null;
  #api = null;
  #stream = null;
  #typingTimer = null;
  #receipted = new Map();
  #rereads = new Set();

  model = null;

  /** Starts the page. */
  async run() {
    setUpTheme();
    find('#who').addEventListener('click', () => this.#leave());
    find('[data-action="new"]').addEventListener('click', () => this.#startConversation());
    addEventListener('online', () => this.#networkIsBack());
    addEventListener('offline', () => this.#stream?.cut());
    addEventListener('focus', () => this.#seeOpen());
    document.addEventListener('visibilitychange', () => this.#seeOpen());
    addEventListener('hashchange', () => this.#openFromAddress());
    addEventListener('beforeunload', (event) => {
      if (this.#outbox.entries.length > 0) event.preventDefault();
    });
    await this.#refreshUsers();
    setInterval(() => this.#refreshUsers(), USERS_REFRESH_MS);
    const known = new URLSearchParams(location.search).get('as')?.trim() || sessionStorage.getItem(IDENTITY_KEY);
    if (known) await this.#enter(known);
    else this.#signIn.show(this.#users);
  }

  get #ownName() {
    return this.#credential.identity.name;
  }

  get #openThread() {
    return this.model?.threads.get(this.#conversation.threadId) ?? null;
  }

  async #enter(who) {
    try {
      this.#credential = await signIn(who);
    } catch (error) {
      sessionStorage.removeItem(IDENTITY_KEY);
      this.#signIn.show(this.#users);
      this.#signIn.complain(error.message);
      return;
    }
    const { identity } = this.#credential;
    sessionStorage.setItem(IDENTITY_KEY, who.startsWith('app:') ? identity.rawId : who);
    this.#signIn.hide();
    const own = find('#who');
    own.replaceChildren(avatar(identity.name, identity.rawId), h('span', {}, identity.name));
    own.hidden = false;
    own.setAttribute('aria-label', `Signed in as ${identity.name}. Change.`);
    own.title = `${identity.rawId}: click to be somebody else`;
    find('#chat').hidden = false;
    this.model = new ChatModel(identity.rawId);
    this.#api = new ChatApi(this.#credential);
    this.#openStream();
    this.#draw();
  }

  #openStream() {
    this.#stream = new ChatStream(this.#credential);
    this.#stream.addEventListener('state', ({ detail }) => this.#streamState(detail));
    this.#stream.addEventListener('begin', () => this.#readThreads());
    this.#stream.addEventListener('event', ({ detail }) => this.#take(detail));
    this.#stream.addEventListener('closed', ({ detail }) => this.#banners.put('stream', errorText({ message: detail }), {
      tone: 'bad',
      action: { label: 'Connect again', run: () => this.#openStream() },
    }));
    this.#stream.open();
  }

  #streamState(state) {
    const pill = find('#connection');
    pill.hidden = false;
    pill.dataset.state = state;
    setText(pill.querySelector('span'), CONNECTION_WORDS[state]);
    if (state === 'open') {
      this.#banners.takeDown('stream');
      this.#outbox.work();
    } else if (state === 'reconnecting') {
      this.#banners.put('stream', 'Offline: the connection to the exchange is broken. What you write is sent when it is back.');
    }
  }

  #networkIsBack() {
    this.#stream?.nudge();
    this.#outbox.work();
  }

  /** Reads everything: at the start, and when events were missed that are not kept any more. */
  async #readThreads() {
    try {
      const threads = await this.#api.threads();
      const known = new Set(threads.filter(({ deletedOn }) => !deletedOn).map(({ id }) => id));
      for (const { id, topic, lastMessageReceivedOn } of threads) {
        if (!known.has(id)) continue;
        const thread = this.model.thread(id);
        thread.topic = topic ?? '';
        thread.lastMessageOn = Math.max(thread.lastMessageOn, Date.parse(lastMessageReceivedOn) || 0);
        thread.loading = 'none';
      }
      this.#banners.takeDown('threads');
    } catch (error) {
      this.#banners.put('threads', errorText(error), {
        tone: 'bad',
        action: { label: 'Try again', run: () => this.#readThreads() },
      });
      return;
    }
    this.#draw();
    this.#openFromAddress();
    const ahead = this.model.list.slice(0, MOST_READ_AHEAD);
    const work = async () => {
      for (let thread = ahead.shift(); thread; thread = ahead.shift()) await this.#load(thread);
    };
    await Promise.all(Array.from({ length: READ_AT_ONCE }, work));
  }

  /** Reads the end of a thread, who is in it, and how far they have read. */
  async #load(thread) {
    if (thread.loading !== 'none' && thread.loading !== 'failed') return;
    thread.loading = 'loading';
    try {
      const [header, page, members, receipts] = await Promise.all([
        this.#api.thread(thread.id),
        this.#api.messages(thread.id),
        this.#api.members(thread.id),
        this.#api.receipts(thread.id),
      ]);
      thread.topic = header.topic ?? '';
      thread.createdOn = Date.parse(header.createdOn) || 0;
      for (const message of page.messages) thread.put(fromRest(message));
      thread.older = page.older;
      thread.setMembers(members.map(memberFromRest));
      for (const receipt of receipts) {
        thread.read(receipt.senderCommunicationIdentifier.rawId, receipt.chatMessageId);
      }
      thread.loading = 'loaded';
    } catch (error) {
      thread.loading = 'failed';
      if (error.status === 403 || error.status === 404) this.model.threads.delete(thread.id);
      else if (thread === this.#openThread) this.#banners.flash(errorText(error), 'bad');
    }
    if (this.#rereads.delete(thread.id)) await this.#reread(thread);
    this.#draw();
    this.#seeOpen();
  }

  /** Reads what no event carries: system messages, and who is in a thread that was new to this page. */
  async #reread(thread) {
    if (thread.loading === 'loading') {
      this.#rereads.add(thread.id);
      return;
    }
    if (thread.loading !== 'loaded') {
      await this.#load(thread);
      return;
    }
    try {
      const [page, members] = await Promise.all([this.#api.messages(thread.id), this.#api.members(thread.id)]);
      for (const message of page.messages) thread.put(fromRest(message));
      thread.setMembers(members.map(memberFromRest));
    } catch {
      // The next reading of the thread begins anew.
      thread.loading = 'none';
    }
    this.#draw();
  }

  async #readOlder(thread) {
    if (!thread.older) return;
    const link = thread.older;
    try {
      const page = await this.#api.messages(thread.id, link);
      for (const message of page.messages) thread.put(fromRest(message));
      if (thread.older === link) thread.older = page.older;
    } catch (error) {
      this.#banners.flash(errorText(error), 'bad');
    }
    this.#draw();
  }

  #take(event) {
    const { thread, then } = this.model.apply(event);
    if (then === 'gone') {
      if (thread && thread.id === this.#conversation.threadId) {
        this.#banners.flash(`You are no longer in “${thread.topic}”, or it was deleted.`);
        this.#open(null);
      }
    } else if (then === 'read') {
      this.#reread(thread);
    } else if (thread.loading === 'none' && !event.typingStarted) {
      this.#load(thread);
    }
    if (event.typingStarted) this.#watchTyping(thread);
    this.#draw();
    if (thread?.id === this.#conversation.threadId) this.#seeOpen();
  }

  #watchTyping(thread) {
    if (thread?.id !== this.#conversation.threadId) return;
    clearTimeout(this.#typingTimer);
    const now = Date.now();
    const next = thread.expireTyping(now);
    this.#conversation.drawTyping((rawId) => this.#name(rawId, thread));
    if (next !== null) this.#typingTimer = setTimeout(() => this.#watchTyping(thread), next - now);
  }

  async #send(entry) {
    entry.after ??= this.model.threads.get(entry.threadId)?.lastMessage?.sequence ?? 0;
    const { id } = await this.#api.send(entry.threadId, { ...entry, senderDisplayName: this.#ownName });
    const thread = this.model.threads.get(entry.threadId);
    // Without the stream, what was sent would not be seen until it is back.
    if (thread && !thread.has(id)) await this.#reread(thread);
  }

  #openFromAddress() {
    const id = decodeURIComponent(location.hash.slice(1));
    if (id !== (this.#conversation.threadId ?? '')) this.#open(this.model?.threads.has(id) ? id : null);
  }

  #open(id) {
    const thread = id ? this.model.threads.get(id) : null;
    this.#conversation.open(thread ?? null);
    history.replaceState(null, '', thread ? `#${encodeURIComponent(id)}` : location.pathname + location.search);
    find('#chat').dataset.mode = thread ? 'conversation' : 'list';
    find('#nothing-open').hidden = Boolean(thread);
    this.#draw();
    if (!thread) return;
    this.#conversation.focus();
    this.#load(thread);
    this.#watchTyping(thread);
    this.#seeOpen();
  }

  #seeOpen() {
    const thread = this.#openThread;
    if (thread) this.#see(thread);
  }

  /** Marks what is on screen as read, and tells the others. */
  #see(thread) {
    if (document.hidden || !document.hasFocus() || !this.#conversation.isAtEnd) return;
    const last = thread.messages.findLast((message) => !message.isSystem && message.sender !== thread.ownId);
    if (!last || Number(this.#receipted.get(thread.id) ?? 0) >= Number(last.id)) return;
    this.#receipted.set(thread.id, last.id);
    const isNews = thread.unread.length > 0;
    thread.see(last.id);
    if (!isNews) return;
    this.#draw();
    this.#api.sendReceipt(thread.id, last.id).catch(() => this.#receipted.delete(thread.id));
  }

  #startConversation() {
    newConversation(this.#users, this.#credential.identity.rawId, async (topic, people) => {
      const own = { rawId: this.#credential.identity.rawId, name: this.#ownName };
      const { thread, invalid } = await this.#api.createThread(topic, [own, ...people]);
      this.#sayInvalid(invalid);
      const made = this.model.thread(thread.id);
      made.topic = thread.topic;
      made.createdOn = Date.parse(thread.createdOn) || Date.now();
      this.#open(thread.id);
    });
  }

  #showPeople(thread) {
    peopleOf(thread, {
      users: this.#users,
      name: (rawId) => this.#name(rawId, thread),
      onAdd: async (people, options) => this.#sayInvalid(await this.#api.addMembers(thread.id, people, options)),
      onRemove: (rawId) => this.#api.removeMember(thread.id, rawId),
    });
  }

  #sayInvalid(invalid) {
    if (invalid.length === 0) return;
    const names = listed(invalid.map(({ target }) => this.#name(target ?? '')));
    this.#banners.flash(`${names} could not be added: ${errorText(invalid[0])}`, 'bad');
  }

  #name(rawId, thread = null) {
    if (rawId === this.model?.ownId) return 'You';
    const known = thread?.members.get(rawId)?.name
      || this.#users.find((user) => user.rawId === rawId)?.displayName
      || thread?.messages.findLast(({ sender, senderName }) => sender === rawId && senderName)?.senderName;
    return known || (rawId ? shortId(rawId) : 'somebody');
  }

  #draw() {
    if (!this.model) return;
    const names = (rawId, thread) => this.#name(rawId, thread);
    this.#list.show(this.model.list, this.#conversation.threadId, names);
    const open = this.#openThread;
    if (open) this.#conversation.draw(this.#outbox.of(open.id), (rawId) => this.#name(rawId, open));
    const unread = this.model.list.filter((thread) => thread.unread.length > 0).length;
    document.title = `${unread > 0 ? `(${unread}) ` : ''}Chat · ${this.#ownName} · Trunkline`;
  }

  async #refreshUsers() {
    try {
      this.#users = await listUsers();
      this.#banners.takeDown('users');
    } catch (error) {
      if (this.#users.length === 0) this.#banners.put('users', error.message, { tone: 'bad' });
      return;
    }
    this.#draw();
  }

  #leave() {
    sessionStorage.removeItem(IDENTITY_KEY);
    location.assign('/chat');
  }

  async #try(work) {
    try {
      await work();
    } catch (error) {
      this.#banners.flash(errorText(error), 'bad');
    }
  }
}

function memberFromRest({ communicationIdentifier, displayName }) {
  return { rawId: communicationIdentifier.rawId, name: displayName ?? '' };
}

/** For the console, and for programs that drive this page. */
globalThis.trunklineChat = new ChatPage();
globalThis.trunklineChat.run();
