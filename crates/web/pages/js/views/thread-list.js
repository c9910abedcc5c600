// The list of threads: newest first, with what was said last and how much of it is unread.

import { arrange, find, h, setState } from '../dom.js';
import { plainText } from '../markup.js';
import { avatar } from './people.js';
import { systemWords, timeText } from '../chat-words.js';

/** The list beside the conversation. */
export class ThreadList {
  #list;
  #rows = new Map();
  #onOpen;

  constructor(root, { onOpen }) {
    this.#list = find('[data-threads]', root);
    this.#onOpen = onOpen;
  }

  /** Shows the threads; `names` gives the names of people in a thread. */
  show(threads, openId, names) {
    const rows = threads.map((thread) => this.#row(thread, thread.id === openId, names));
    arrange(this.#list, rows.length > 0
      ? rows
      : [h('li', { class: 'quiet thread-none' }, 'No conversation yet. Start one.')]);
    const ids = new Set(threads.map(({ id }) => id));
    for (const id of this.#rows.keys()) if (!ids.has(id)) this.#rows.delete(id);
  }

  #row(thread, isOpen, names) {
    const count = thread.unread.length;
    const unread = count === 0 ? '' : count >= 20 ? '20+' : String(count);
    const title = threadTitle(thread, names);
    const preview = previewOf(thread, names);
    const time = thread.activeOn ? timeText(thread.activeOn) : '';
    const signature = JSON.stringify([title, preview, time, unread]);
    let row = this.#rows.get(thread.id);
    if (row?.signature !== signature) {
      row = { signature, element: row?.element ?? h('li', {}, h('button', { type: 'button', class: 'thread', onclick: () => this.#onOpen(thread.id) })) };
      const button = row.element.firstElementChild;
      button.dataset.threadId = thread.id;
      button.replaceChildren(
        avatar(title, thread.id),
        h('span', { class: 'thread-title' }, title),
        h('span', { class: 'thread-time' }, time),
        h('span', { class: 'thread-preview' }, preview),
        ...(unread ? [h('span', { class: 'unread' }, unread, h('span', { class: 'sr-only' }, ' unread'))] : []),
      );
      this.#rows.set(thread.id, row);
    }
    setState(row.element.firstElementChild, 'aria-current', isOpen);
    row.element.firstElementChild.classList.toggle('has-unread', count > 0);
    return row.element;
  }
}

/** The topic, or who is in it. */
export function threadTitle(thread, names) {
  if (thread.topic) return thread.topic;
  const others = [...thread.members.keys()].filter((rawId) => rawId !== thread.ownId);
  return others.map((rawId) => names(rawId, thread)).join(', ') || 'Conversation';
}

function previewOf(thread, names) {
  const last = thread.lastMessage;
  if (!last) return '';
  if (last.isSystem) return systemWords(last, (rawId) => names(rawId, thread));
  const who = last.sender === thread.ownId ? 'You' : names(last.sender, thread).split(' ')[0];
  if (last.isDeleted) return `${who} deleted a message`;
  const text = last.type === 'html' ? plainText(last.text) : last.text.replace(/\s+/g, ' ');
  return `${who}: ${text.slice(0, 120)}`;
}
