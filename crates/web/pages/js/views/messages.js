// Messages as rows: text is text, markup is built anew, system messages are words.

import { h } from '../dom.js';
import { safeNodes } from '../markup.js';
import { clock, dayText, listed, systemWords } from '../chat-words.js';
import { avatar } from './people.js';

/** Messages of one person within this time stand under one name. */
const GROUP_MS = 5 * 60_000;

/** Makes the rows of one thread, and keeps those that did not change. */
export class MessageRows {
  #rows = new Map();
  #actions;

  /** `actions` has `edit`, `remove`, `again` and `drop`. */
  constructor(actions) {
    this.#actions = actions;
  }

  /** Returns the rows of the messages and of what is on its way. `name` gives the name of a raw id. */
  of(thread, waiting, name) {
    const readers = thread.readersByMessage();
    const rows = [];
    const used = new Set();
    const add = (key, signature, build) => {
      used.add(key);
      let row = this.#rows.get(key);
      if (row?.signature !== signature) {
        row = { signature, element: build() };
        this.#rows.set(key, row);
      }
      rows.push(row.element);
    };
    let last = null;
    for (const message of thread.messages) {
      const day = dayText(message.createdOn);
      if (!last || dayText(last.createdOn) !== day) {
        add(`day ${message.id}`, day, () => h('li', { class: 'day' }, h('span', {}, day)));
        last = null;
      }
      const continues = Boolean(last) && !last.isSystem && !message.isSystem && last.sender === message.sender
        && message.createdOn - last.createdOn < GROUP_MS;
      const read = (readers.get(message.id) ?? []).map((rawId) => name(rawId));
      const sender = message.senderName || name(message.sender);
      const about = message.isSystem ? systemWords(message, name) : sender;
      const signature = JSON.stringify([message.version, continues, read, about]);
      add(message.id, signature, () => (message.isSystem
        ? systemRow(message, about)
        : this.#messageRow(message, { continues, read, sender, isOwn: message.sender === thread.ownId })));
      last = message;
    }
    for (const entry of waiting) {
      if (hasArrived(entry, thread)) continue;
      add(entry.requestId, entry.state + entry.problem, () => this.#waitingRow(entry));
    }
    for (const key of this.#rows.keys()) if (!used.has(key)) this.#rows.delete(key);
    return rows;
  }

  #messageRow(message, { continues, read, sender, isOwn }) {
    const bubble = h('div', { class: `bubble${message.isDeleted ? ' is-deleted' : ''}` });
    if (message.isDeleted) bubble.append('This message was deleted');
    else if (message.type === 'html') bubble.append(...safeNodes(message.text));
    else bubble.append(message.text);
    const time = clock(message.createdOn);
    return h('li', {
      class: `message${isOwn ? ' is-own' : ''}${continues ? ' is-next' : ''}`,
      'data-message-id': message.id,
    },
    isOwn ? null : avatar(sender, message.sender),
    h('div', { class: 'message-body' },
      h('p', { class: continues ? 'sr-only' : 'message-meta' },
        h('span', { class: 'message-sender' }, isOwn ? 'You' : sender), ' ',
        h('time', { datetime: new Date(message.createdOn).toISOString() }, time)),
      h('div', { class: 'bubble-line' },
        bubble,
        isOwn && !message.isDeleted ? this.#ownActions(message) : null),
      message.isEdited && !message.isDeleted ? h('p', { class: 'message-note' }, 'edited') : null,
      read.length > 0 ? h('p', { class: 'message-note', 'data-read-by': '' }, `Read by ${listed(read)}`) : null));
  }

  #ownActions(message) {
    const isText = message.type === 'text';
    return h('span', { class: 'message-actions' },
      isText
        ? h('button', { type: 'button', class: 'link-button', 'data-action': 'edit', onclick: () => this.#actions.edit(message) }, 'Edit')
        : null,
      h('button', { type: 'button', class: 'link-button', 'data-action': 'delete', onclick: () => this.#actions.remove(message) }, 'Delete'));
  }

  #waitingRow(entry) {
    const isRefused = entry.state === 'refused';
    const note = { sending: 'Sending…', waiting: 'Not sent yet: goes as soon as the exchange answers', refused: `Not sent: ${entry.problem}` };
    return h('li', { class: 'message is-own is-waiting', 'data-waiting': entry.state },
      h('div', { class: 'message-body' },
        h('div', { class: 'bubble-line' }, h('div', { class: 'bubble' }, entry.text)),
        h('p', { class: isRefused ? 'message-note bad' : 'message-note' }, note[entry.state]),
        isRefused
          ? h('p', { class: 'message-note' },
            h('button', { type: 'button', class: 'link-button', onclick: () => this.#actions.again(entry) }, 'Try again'),
            h('button', { type: 'button', class: 'link-button', onclick: () => this.#actions.drop(entry) }, 'Discard'))
          : null));
  }
}

/** Whether a message is there already: the exchange tells everybody of it before it answers the one who sent it. */
function hasArrived({ state, after, text }, thread) {
  return state !== 'refused' && thread.messages.some(({ sender, sequence, text: said }) => (
    sender === thread.ownId && sequence > after && said === text));
}

function systemRow(message, words) {
  return h('li', { class: 'system', 'data-message-id': message.id },
    words, ' ', h('time', { datetime: new Date(message.createdOn).toISOString() }, clock(message.createdOn)));
}
