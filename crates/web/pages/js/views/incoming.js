// A call that rings here: a card with accept and decline, and a sound.

import { h, icon } from '../dom.js';
import { shortId } from '../model.js';
import { ring } from '../sound.js';
import { reasonHeadline } from '../words.js';
import { avatar } from './people.js';

const GOODBYE_MS = 4_000;

/** All the calls that ring in this tab. */
export class IncomingCalls {
  #root;
  #cards = new Map();
  #stopRinging = null;
  #title = document.title;

  constructor(root, { onAccept, onReject }) {
    this.#root = root;
    this.onAccept = onAccept;
    this.onReject = onReject;
  }

  /** Rings. `isBusy` says whether this tab is in another call, which accepting will hold. */
  show(incoming, isBusy) {
    const name = incoming.callerDisplayName || shortId(incoming.caller?.rawId ?? '');
    const answer = (withCamera) => {
      this.dismiss(incoming.callId);
      this.onAccept(incoming, { withCamera, name });
    };
    const accept = h('button', { type: 'button', class: 'button good', 'data-action': 'accept', onclick: () => answer(true) },
      icon('camera'), isBusy ? 'Hold and accept' : 'Accept');
    const card = h('section', { class: 'incoming', role: 'alertdialog', 'aria-label': `${name} is calling`, 'data-call-id': incoming.callId },
      avatar(name, incoming.caller?.rawId ?? name),
      h('div', { class: 'incoming-words' },
        h('h2', {}, name),
        h('p', { 'data-line': '' }, incoming.kind === 'CALL_KIND_GROUP' ? 'is calling you into a group' : 'is calling you')),
      h('div', { class: 'incoming-actions' },
        accept,
        h('button', { type: 'button', class: 'button', 'data-action': 'accept-audio', onclick: () => answer(false) },
          icon('phone'), 'Audio only'),
        h('button', {
          type: 'button',
          class: 'button bad',
          'data-action': 'reject',
          onclick: () => {
            this.dismiss(incoming.callId);
            this.onReject(incoming);
          },
        }, icon('hangup'), 'Decline')));
    this.#cards.set(incoming.callId, card);
    this.#root.append(card);
    if (document.activeElement === document.body) accept.focus({ preventScroll: true });
    document.title = `☎ ${name} is calling`;
    this.#stopRinging ??= ring();
  }

  /** Says why it stopped ringing, then goes. */
  end(callId, reason) {
    const card = this.#cards.get(callId);
    if (!card) return;
    this.#forget(callId);
    card.querySelector('[data-line]').textContent = reasonHeadline(reason).toLowerCase();
    card.querySelector('.incoming-actions').remove();
    card.setAttribute('role', 'status');
    setTimeout(() => card.remove(), GOODBYE_MS);
  }

  /** Stops ringing: it was answered here. */
  dismiss(callId) {
    this.#cards.get(callId)?.remove();
    this.#forget(callId);
  }

  /** Stops everything that rings. */
  dismissAll() {
    for (const callId of [...this.#cards.keys()]) this.dismiss(callId);
  }

  #forget(callId) {
    this.#cards.delete(callId);
    if (this.#cards.size > 0) return;
    this.#stopRinging?.();
    this.#stopRinging = null;
    document.title = this.#title;
  }
}
