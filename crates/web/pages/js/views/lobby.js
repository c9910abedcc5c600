// The lobby from both sides: the view of who waits, and the panel of who lets them in.

import { fill, h, icon, setState, setText } from '../dom.js';
import { waitingWords } from '../words.js';
import { avatar } from './people.js';

/** What is on screen for who waits: words and a way out, no pictures. */
export function lobbyView({ onLeave }) {
  return h('section', { class: 'lobby-wait', 'aria-label': 'Lobby', hidden: true },
    h('span', { class: 'lobby-lamp', 'aria-hidden': 'true' }),
    h('h2', {}, 'You are in the lobby'),
    h('p', { role: 'status' }, 'Somebody in the meeting has to let you in. Until then nobody hears or sees you, and you hear and see nobody.'),
    h('button', { type: 'button', class: 'button bad', 'data-action': 'leave-lobby', onclick: onLeave }, icon('hangup'), 'Leave the lobby'));
}

/** Those who wait, with what can be done about each. Shown only to who may manage the lobby. */
export class AdmitPanel {
  #rows = new Map();
  #list = h('ul', { class: 'roster waiting-list' });
  #count = h('span', { class: 'count' });
  #none = h('p', { class: 'quiet' }, 'Nobody waits.');
  #said = h('p', { class: 'sr-only', role: 'status', 'aria-live': 'polite' });
  #known = new Set();

  constructor(call, act) {
    this.call = call;
    this.act = act;
    this.admitAll = h('button', { type: 'button', class: 'button small good', 'data-action': 'admit-all', onclick: () => act(() => call.actInMeeting({ admitAll: {} })) },
      icon('check'), 'Admit all');
    this.lock = h('button', { type: 'button', class: 'button small', 'data-action': 'lock', 'aria-pressed': 'false', onclick: () => act(() => call.actInMeeting(call.meeting.isLocked ? { unlock: {} } : { lock: {} })) },
      icon('lock'), h('span', {}, 'Lock the meeting'));
    this.element = h('section', { class: 'panel lobby-panel', 'aria-label': 'Lobby', hidden: true },
      h('div', { class: 'panel-line' }, h('h2', {}, 'Waiting in the lobby ', this.#count),
        h('span', { class: 'roster-actions' }, this.admitAll, this.lock)),
      this.#none, this.#list, this.#said);
  }

  update() {
    const { meeting, model, isOver } = this.call;
    const mayManage = meeting.isKnown && !isOver && meeting.may(model.ownId, 'manage');
    this.element.hidden = !mayManage;
    if (!mayManage) return;
    const { waiting } = meeting;
    setText(this.#count, waiting.length > 0 ? String(waiting.length) : '');
    this.#none.hidden = waiting.length > 0;
    setText(this.#none, meeting.isLocked ? 'The meeting is locked: nobody else can come.' : 'Nobody waits.');
    this.admitAll.hidden = waiting.length < 2;
    setState(this.lock, 'aria-pressed', meeting.isLocked);
    setText(this.lock.querySelector('span'), meeting.isLocked ? 'Unlock the meeting' : 'Lock the meeting');
    const news = waiting.filter(({ id }) => !this.#known.has(id));
    this.#known = new Set(waiting.map(({ id }) => id));
    if (news.length > 0) setText(this.#said, waitingWords(news.map(({ name }) => name)));
    for (const id of this.#rows.keys()) if (!this.#known.has(id)) this.#rows.delete(id);
    fill(this.#list, waiting.map((attendee) => this.#row(attendee)));
  }

  #row(attendee) {
    let row = this.#rows.get(attendee.id);
    if (!row) {
      const decide = (action) => this.act(() => this.call.actInMeeting({ [action]: { participant: attendee.id } }));
      const button = (action, label, tone, glyph) => h('button', {
        type: 'button',
        class: `button small ${tone}`,
        'data-action': action,
        'aria-label': `${label} ${attendee.name}`,
        onclick: () => decide(action),
      }, icon(glyph), label);
      row = h('li', { 'data-participant': attendee.id, 'data-raw-id': attendee.rawId },
        avatar(attendee.name, attendee.rawId),
        h('span', { class: 'roster-name' }, attendee.name),
        attendee.isGuest ? h('span', { class: 'chip guest-chip' }, 'guest') : null,
        h('span', { class: 'roster-actions' },
          button('admit', 'Admit', 'good', 'check'), button('reject', 'Reject', '', 'close')));
      this.#rows.set(attendee.id, row);
    }
    return row;
  }
}
