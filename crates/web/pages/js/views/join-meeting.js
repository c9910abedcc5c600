// The meeting part of the people panel: join by link or code, and meet now.

import { find, h, icon, setText } from '../dom.js';
import { groupedDigits, readLocator, wantsPasscode } from '../meeting-locator.js';
import { errorText } from '../words.js';

/** A line with a value and a button that copies it. */
export function copyLine(label, value, name) {
  const said = h('span', {}, 'Copy');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      setText(said, 'Copied');
    } catch {
      // Without the permission, what is selected can still be copied by hand.
      getSelection().selectAllChildren(shown);
      setText(said, 'Selected');
    }
    setTimeout(() => setText(said, 'Copy'), 2_000);
  };
  const shown = h('span', { class: 'copy-value', 'data-copy-value': name }, value);
  return h('div', { class: 'copy-line' }, h('span', { class: 'copy-label' }, label), shown,
    h('button', { type: 'button', class: 'button small', 'aria-label': `Copy the ${label.toLowerCase()}`, onclick: copy }, icon('copy'), said));
}

/** Link and code of a meeting, each to be copied. */
export function invitation({ joinLink, meetingId, passcode }) {
  return h('div', { class: 'invitation' },
    copyLine('Join link', joinLink, 'link'),
    meetingId ? copyLine('Meeting id', groupedDigits(meetingId), 'id') : null,
    passcode ? copyLine('Passcode', passcode, 'passcode') : null);
}

/** The forms; calls back with a locator. */
export class JoinMeeting {
  #root;

  constructor(root, { onJoin, onMake }) {
    this.#root = root;
    const form = find('form[data-meeting]', root);
    const field = find('#meeting-name', root);
    const passcode = find('[data-passcode]', root);
    field.addEventListener('input', () => {
      passcode.hidden = !wantsPasscode(field.value);
    });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const locator = readLocator(field.value, find('#meeting-passcode', root).value);
      passcode.hidden = !wantsPasscode(field.value);
      this.#complain(locator ? '' : wantsPasscode(field.value)
        ? 'Twelve digits and the passcode that belongs to them.'
        : 'This is neither a join link nor twelve digits.');
      if (locator) onJoin(locator);
    });
    const make = find('[data-action="meet-now"]', root);
    make.addEventListener('click', async () => {
      make.disabled = true;
      this.#complain('');
      try {
        this.#show(await onMake(), onJoin);
      } catch (error) {
        this.#complain(errorText(error));
      } finally {
        make.disabled = false;
      }
    });
  }

  #show(meeting, onJoin) {
    find('[data-made]', this.#root).replaceChildren(
      h('p', { class: 'quiet', role: 'status' }, 'The meeting is there. Send one of these to whoever should come:'),
      invitation(meeting),
      h('button', { type: 'button', class: 'button primary', 'data-action': 'join-made', onclick: () => onJoin({ link: { joinLink: meeting.joinLink } }) },
        icon('meeting'), 'Join it'));
  }

  #complain(words) {
    setText(find('[data-meeting-problem]', this.#root), words);
  }
}
