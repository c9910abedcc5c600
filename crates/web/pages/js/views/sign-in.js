// Who this tab is: a directory user, or a new app user.

import { fill, find, h, icon } from '../dom.js';
import { avatar } from './people.js';

/** Fills the sign-in section and calls back with the choice. */
export class SignIn {
  #root;
  #choices;
  #problem;

  constructor(root, onChoose) {
    this.#root = root;
    this.#choices = find('[data-choices]', root);
    this.#problem = find('[data-problem]', root);
    find('form', root).addEventListener('submit', (event) => {
      event.preventDefault();
      const name = new FormData(event.target).get('displayName').trim();
      onChoose(`app:${name || 'Guest'}`);
    });
    this.onChoose = onChoose;
  }

  /** Shows who can be chosen. */
  show(users) {
    this.#root.hidden = false;
    const directory = users.filter(({ isDirectoryUser, alias }) => isDirectoryUser && alias);
    fill(this.#choices, directory.map((user) => h('li', {},
      h('button', { type: 'button', class: 'identity', 'data-alias': user.alias, onclick: () => this.onChoose(user.alias) },
        avatar(user.name, user.rawId),
        h('span', { class: 'identity-name' }, user.name),
        h('span', { class: 'identity-kind' }, `${user.alias} · contoso`),
        icon('arrow')))));
  }

  /** Says why signing in did not work. */
  complain(words) {
    this.#root.hidden = false;
    this.#problem.textContent = words;
  }

  hide() {
    this.#root.hidden = true;
    this.#problem.textContent = '';
  }
}
