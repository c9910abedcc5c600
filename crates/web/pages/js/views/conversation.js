// One conversation: what was said, who writes, and the field to write in.

import { arrange, find, setText } from '../dom.js';
import { listed, typingWords } from '../chat-words.js';
import { MessageRows } from './messages.js';
import { threadTitle } from './thread-list.js';

/** So close to the end counts as at the end. */
const NEAR_PX = 60;

/** How often the others are told again that this person writes. */
const TYPING_EVERY_MS = 5_000;

/** The middle of the page. */
export class Conversation {
  #root;
  #log;
  #scroller;
  #field;
  #rows;
  #handlers;
  #thread = null;
  #editing = null;
  #drafts = new Map();
  #toldTypingAt = 0;
  #wasAtEnd = true;

  /** `handlers`: `send`, `edit`, `remove`, `typing`, `older`, `back`, `people`, `topic`, `again`, `drop`, `seen`. */
  constructor(root, handlers) {
    this.#root = root;
    this.#handlers = handlers;
    this.#log = find('[data-log]', root);
    this.#scroller = find('[data-scroller]', root);
    this.#field = find('textarea', root);
    this.#rows = this.#makeRows();
    find('form', root).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener('keydown', (event) => this.#key(event));
    this.#field.addEventListener('input', () => this.#input());
    find('[data-action="cancel-edit"]', root).addEventListener('click', () => this.#stopEditing());
    // A keyboard that opens, or a window that narrows, must not hide what was said last.
    new ResizeObserver(() => this.#wasAtEnd && this.#toEnd()).observe(this.#scroller);
    this.#scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    for (const action of ['older', 'back', 'people', 'topic']) {
      find(`[data-action="${action}"]`, root).addEventListener('click', () => handlers[action](this.#thread));
    }
  }

  get threadId() {
    return this.#thread?.id ?? null;
  }

  /** Whether the end of what was said is on screen. */
  get isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR_PX;
  }

  /** Opens a thread, or none. */
  open(thread) {
    if (this.#thread) this.#drafts.set(this.#thread.id, this.#editing ? '' : this.#field.value);
    this.#thread = thread;
    this.#root.hidden = thread === null;
    this.#stopEditing();
    this.#rows = this.#makeRows();
    this.#log.replaceChildren();
    this.#field.value = (thread && this.#drafts.get(thread.id)) ?? '';
    this.#grow();
    this.#toldTypingAt = 0;
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  /** Shows the thread as it is. `name` gives the name of a raw id. */
  draw(waiting, name) {
    const thread = this.#thread;
    if (!thread) return;
    setText(find('[data-title]', this.#root), threadTitle(thread, name));
    const others = [...thread.members.keys()].filter((rawId) => rawId !== thread.ownId);
    setText(find('[data-members]', this.#root), others.length > 0
      ? `You, ${listed(others.map(name))}`
      : thread.loading === 'loaded' ? 'Only you' : '');
    find('[data-action="older"]', this.#root).hidden = !thread.older;
    const isAtEnd = this.isAtEnd || this.#log.childElementCount === 0;
    const before = { height: this.#scroller.scrollHeight, top: this.#scroller.scrollTop };
    const first = this.#log.firstElementChild;
    arrange(this.#log, this.#rows.of(thread, waiting, name));
    if (isAtEnd) this.#toEnd();
    else if (this.#log.firstElementChild !== first) {
      this.#scroller.scrollTop = before.top + this.#scroller.scrollHeight - before.height;
    }
    this.drawTyping(name);
  }

  drawTyping(name) {
    const names = [...this.#thread?.typing ?? []].map(([rawId, { name: given }]) => given || name(rawId));
    setText(find('[data-typing]', this.#root), typingWords(names));
  }

  #makeRows() {
    return new MessageRows({
      edit: (message) => this.#startEditing(message),
      remove: (message) => this.#handlers.remove(this.#thread, message),
      again: (entry) => this.#handlers.again(entry),
      drop: (entry) => this.#handlers.drop(entry),
    });
  }

  #submit() {
    const text = this.#field.value.trim();
    if (!text) return;
    if (this.#editing) {
      const message = this.#editing;
      this.#stopEditing();
      if (text !== message.text) this.#handlers.edit(this.#thread, message, text);
      return;
    }
    this.#field.value = '';
    this.#toldTypingAt = 0;
    this.#grow();
    this.#toEnd();
    this.#handlers.send(this.#thread, text);
  }

  #key(event) {
    if (event.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === 'Escape' && this.#editing) {
      event.stopPropagation();
      this.#stopEditing();
    } else if (event.key === 'ArrowUp' && !this.#field.value && !this.#editing) {
      const last = this.#thread.messages.findLast((message) => (
        message.sender === this.#thread.ownId && message.type === 'text' && !message.isDeleted));
      if (last) {
        event.preventDefault();
        this.#startEditing(last);
      }
    }
  }

  #input() {
    this.#grow();
    const now = Date.now();
    if (!this.#editing && this.#field.value.trim() && now - this.#toldTypingAt > TYPING_EVERY_MS) {
      this.#toldTypingAt = now;
      this.#handlers.typing(this.#thread);
    }
  }

  #grow() {
    const lines = this.#field.value.split('\n').length;
    this.#field.rows = Math.min(Math.max(lines, 1), 6);
  }

  #startEditing(message) {
    this.#editing = message;
    this.#field.value = message.text;
    this.#grow();
    find('[data-editing]', this.#root).hidden = false;
    setText(find('[data-send-label]', this.#root), 'Save');
    this.focus();
  }

  #stopEditing() {
    if (this.#editing) this.#field.value = '';
    this.#editing = null;
    this.#grow();
    find('[data-editing]', this.#root).hidden = true;
    setText(find('[data-send-label]', this.#root), 'Send');
  }

  #toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#wasAtEnd = true;
  }

  #scrolled() {
    this.#wasAtEnd = this.isAtEnd;
    if (this.#wasAtEnd && this.#thread) this.#handlers.seen(this.#thread);
  }
}
