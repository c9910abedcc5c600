// Notices across the top: what is wrong and what is being done about it.

import { h, icon } from '../dom.js';

const NOTICE_MS = 8_000;

/** The place where notices appear. */
export class Banners {
  #root;
  #standing = new Map();

  constructor(root) {
    this.#root = root;
  }

  /** Shows a notice until it is taken down under the same key. */
  put(key, words, { tone = 'warning', action } = {}) {
    const known = this.#standing.get(key);
    if (known?.words === words) return;
    this.takeDown(key);
    const element = this.#build(words, tone, action, null);
    this.#standing.set(key, { element, words });
    this.#root.append(element);
  }

  /** Removes a standing notice. */
  takeDown(key) {
    this.#standing.get(key)?.element.remove();
    this.#standing.delete(key);
  }

  /** Shows a notice that goes by itself. */
  flash(words, tone = 'warning') {
    const element = this.#build(words, tone, null, () => element.remove());
    this.#root.append(element);
    setTimeout(() => element.remove(), NOTICE_MS);
  }

  #build(words, tone, action, onDismiss) {
    return h('div', { class: 'banner', 'data-tone': tone },
      icon(tone === 'good' ? 'check' : 'notice'),
      h('p', {}, words),
      action ? h('button', { type: 'button', class: 'button small', onclick: action.run }, action.label) : null,
      onDismiss
        ? h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Dismiss', onclick: onDismiss }, icon('close'))
        : null);
  }
}
