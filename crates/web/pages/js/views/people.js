// Who can be called.

import { fill, find, h, icon } from '../dom.js';
import { shortId } from '../model.js';
import { hueOf, initials } from '../words.js';

const MOST_APP_USERS = 8;

/** A round picture with initials; its colour is always the same for the same person. */
export function avatar(name, key = name) {
  const element = h('span', { class: 'avatar', 'aria-hidden': 'true' }, initials(name));
  element.style.setProperty('--hue', hueOf(key));
  return element;
}

/** The list of people, the field for any other id, and the field for a group. */
export class People {
  #list;

  constructor(root, { onCall, onJoin }) {
    this.#list = find('[data-people]', root);
    this.onCall = onCall;
    const dial = find('form[data-dial]', root);
    dial.addEventListener('submit', (event) => {
      event.preventDefault();
      const target = new FormData(dial).get('target').trim();
      if (target) onCall(target, target);
    });
    const group = find('form[data-group]', root);
    group.addEventListener('submit', (event) => {
      event.preventDefault();
      const field = group.elements.groupId;
      if (!field.value.trim()) field.value = crypto.randomUUID();
      onJoin(field.value.trim());
    });
  }

  /** Shows everybody but the person of this tab. */
  show(users, own) {
    const others = latest(users.filter(({ rawId }) => rawId !== own.rawId));
    fill(this.#list, others.length === 0
      ? [h('li', { class: 'quiet' }, 'Nobody else is known yet.')]
      : others.map((user) => this.#row(user)));
  }

  /** Everybody who could be added, for choosing in a call. */
  static options(users, excluded) {
    return latest(users.filter(({ rawId }) => !excluded.has(rawId)));
  }

  #row(user) {
    const name = personName(user);
    return h('li', {},
      h('button', {
        type: 'button',
        class: 'person',
        'data-raw-id': user.rawId,
        'data-alias': user.alias || false,
        'aria-label': `Call ${name}`,
        onclick: () => this.onCall(user.rawId, name),
      },
      avatar(name, user.rawId),
      h('span', { class: 'person-name' }, name),
      h('span', { class: 'person-kind' }, user.isDirectoryUser ? 'contoso directory' : 'app user'),
      icon('phone')));
  }
}

/** The directory, then the app users that came last: there may be hundreds. */
function latest(users) {
  const appUsers = users.filter(({ isDirectoryUser }) => !isDirectoryUser);
  return [
    ...users.filter(({ isDirectoryUser }) => isDirectoryUser),
    ...appUsers.slice(-MOST_APP_USERS).reverse(),
  ];
}

/** The name to show for somebody of the list. */
export function personName(user) {
  return user.displayName || user.alias || `app user ${shortId(user.rawId)}`;
}
