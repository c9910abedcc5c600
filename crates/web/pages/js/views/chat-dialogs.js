// Dialogs of the chat page: a new conversation, who is in it, its topic, and deleting a message.

import { h, icon } from '../dom.js';
import { People, avatar, personName } from './people.js';

/** Asks for a topic and people; calls `onCreate` with both, which may throw. */
export function newConversation(users, ownRawId, onCreate) {
  const choices = People.options(users, new Set([ownRawId]));
  const topic = h('input', { id: 'new-topic', name: 'topic', maxlength: 256, autocomplete: 'off', required: true });
  const picker = peoplePicker(choices);
  open('Start a conversation', (close, complain) => h('form', {
    onsubmit: async (event) => {
      event.preventDefault();
      const people = picker.chosen();
      if (people.length === 0) return complain('Choose somebody, or give a raw id.');
      try {
        await onCreate(topic.value.trim(), people);
        close();
      } catch (error) {
        complain(error.message);
      }
    },
  },
  h('div', { class: 'field' }, h('label', { for: 'new-topic' }, 'Topic'), topic),
  picker.element,
  h('div', { class: 'dialog-actions' },
    h('button', { type: 'button', class: 'button', onclick: close }, 'Cancel'),
    h('button', { type: 'submit', class: 'button primary' }, 'Start'))));
}

/** Shows who is in a thread, to remove them or to add others. */
export function peopleOf(thread, { users, name, onAdd, onRemove }) {
  open('People in this conversation', (close, complain) => {
    const guarded = (work) => async () => {
      try {
        await work();
        close();
      } catch (error) {
        complain(error.message);
      }
    };
    const rows = [...thread.members.values()].map(({ rawId }) => {
      const isOwn = rawId === thread.ownId;
      const label = isOwn ? 'Leave' : 'Remove';
      return h('li', { class: 'member' },
        avatar(isOwn ? 'You' : name(rawId), rawId),
        h('span', { class: 'person-name', title: rawId }, isOwn ? 'You' : name(rawId)),
        h('button', {
          type: 'button',
          class: 'button small',
          'data-raw-id': rawId,
          'aria-label': isOwn ? 'Leave the conversation' : `Remove ${name(rawId)}`,
          onclick: guarded(() => onRemove(rawId)),
        }, label));
    });
    const picker = peoplePicker(People.options(users, new Set(thread.members.keys())));
    const history = h('input', { type: 'checkbox', checked: true });
    const add = guarded(() => onAdd(picker.chosen(), { showsHistory: history.checked }));
    return h('form', {
      onsubmit: (event) => {
        event.preventDefault();
        if (picker.chosen().length === 0) complain('Choose somebody, or give a raw id.');
        else add();
      },
    },
    h('ul', { class: 'members' }, ...rows),
    h('h3', {}, 'Add people'),
    picker.element,
    h('label', { class: 'choice' }, history, h('span', {}, 'They see what was said before')),
    h('div', { class: 'dialog-actions' },
      h('button', { type: 'button', class: 'button', onclick: close }, 'Close'),
      h('button', { type: 'submit', class: 'button primary' }, 'Add')));
  });
}

/** Asks for another topic. */
export function changeTopic(thread, onChange) {
  const topic = h('input', { id: 'topic', name: 'topic', maxlength: 256, autocomplete: 'off', required: true });
  topic.value = thread.topic;
  open('Change the topic', (close, complain) => h('form', {
    onsubmit: async (event) => {
      event.preventDefault();
      try {
        await onChange(topic.value.trim());
        close();
      } catch (error) {
        complain(error.message);
      }
    },
  },
  h('div', { class: 'field' }, h('label', { for: 'topic' }, 'Topic'), topic),
  h('div', { class: 'dialog-actions' },
    h('button', { type: 'button', class: 'button', onclick: close }, 'Cancel'),
    h('button', { type: 'submit', class: 'button primary' }, 'Change'))));
}

/** Asks before a message is deleted for everybody. */
export function confirmDeletion(onDelete) {
  open('Delete this message?', (close) => h('div', {},
    h('p', { class: 'quiet' }, 'It goes for everybody; that it was there stays visible.'),
    h('div', { class: 'dialog-actions' },
      h('button', { type: 'button', class: 'button', onclick: close }, 'Keep'),
      h('button', {
        type: 'button',
        class: 'button bad',
        'data-action': 'confirm-delete',
        onclick: () => {
          close();
          onDelete();
        },
      }, 'Delete'))));
}

/** Opens a modal dialog around what `build` returns; it goes from the page when it closes. */
function open(title, build) {
  const problem = h('p', { class: 'problem', role: 'alert' });
  const dialog = h('dialog', { class: 'dialog chat-dialog', 'aria-labelledby': 'dialog-title' });
  const close = () => dialog.close();
  dialog.append(
    h('header', {},
      h('h2', { id: 'dialog-title' }, title),
      h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Close', onclick: close }, icon('close'))),
    build(close, (words) => {
      problem.textContent = words;
    }),
    problem,
  );
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector('input[name="topic"]')?.focus();
}

function peoplePicker(users) {
  const boxes = users.map((user) => ({ user, box: h('input', { type: 'checkbox', 'data-alias': user.alias || false, value: user.rawId }) }));
  const others = h('input', { id: 'raw-ids', name: 'rawIds', autocomplete: 'off', spellcheck: 'false', placeholder: '8:acs:…, 8:orgid:…' });
  return {
    element: h('div', { class: 'picker' },
      boxes.length > 0
        ? h('fieldset', {}, h('legend', {}, 'People'),
          ...boxes.map(({ user, box }) => h('label', { class: 'choice' }, box,
            h('span', {}, personName(user)),
            h('span', { class: 'chip' }, user.isDirectoryUser ? 'directory' : 'app user'))))
        : null,
      h('div', { class: 'field' }, h('label', { for: 'raw-ids' }, 'Or by raw id, with commas between'), others)),
    chosen: () => [
      ...boxes.filter(({ box }) => box.checked).map(({ user }) => ({ rawId: user.rawId, name: personName(user) })),
      ...others.value.split(/[\s,]+/).filter(Boolean).map((rawId) => ({ rawId, name: '' })),
    ],
  };
}
