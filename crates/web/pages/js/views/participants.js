// The roster of a call, with what can be done about each participant.

import { h, icon, setText } from '../dom.js';
import { spaced } from '../words.js';
import { avatar } from './people.js';

/** The list of one call. */
export class Participants {
  #rows = new Map();
  #list = h('ul', { class: 'roster' });
  #waitingList = h('ul', { class: 'roster' });

  constructor(call, act) {
    this.call = call;
    this.act = act;
    this.count = h('span', { class: 'count' });
    const admitAll = { admitAll: {} };
    this.admitAll = h('button', { type: 'button', class: 'button small', 'data-action': 'admit-all', onclick: () => act(() => call.actInMeeting(admitAll)) }, 'Admit all');
    this.waitingTitle = h('h3', { role: 'status' });
    this.waiting = h('div', { class: 'lobby', hidden: true }, this.waitingTitle, this.admitAll, this.#waitingList);
    this.element = h('section', { class: 'panel roster-panel', 'aria-label': 'Participants' },
      h('h2', {}, 'Participants ', this.count), this.waiting, this.#list);
  }

  /** Brings the rows up to date. */
  update() {
    const { model } = this.call;
    const present = [...model.participants.values()];
    const waiting = present.filter(({ state }) => state === 'InLobby');
    setText(this.count, String(present.length - waiting.length));
    this.waiting.hidden = waiting.length === 0 || !this.#managesLobby();
    setText(this.waitingTitle, waiting.length === 1 ? 'One waits in the lobby' : `${waiting.length} wait in the lobby`);
    for (const participant of present) this.#row(participant);
    for (const [id, row] of this.#rows) {
      if (!model.participants.has(id)) {
        row.element.remove();
        this.#rows.delete(id);
      }
    }
  }

  #row(participant) {
    let row = this.#rows.get(participant.id);
    if (!row) {
      row = this.#build(participant);
      this.#rows.set(participant.id, row);
    }
    const list = participant.state === 'InLobby' && participant.id !== this.call.model.ownId ? this.#waitingList : this.#list;
    if (row.element.parentElement !== list) list.append(row.element);
    const attendee = this.call.meeting.attendee(participant.id);
    row.hand.hidden = attendee?.hasRaisedHand !== true;
    setText(row.role, roleWord(attendee));
    row.role.hidden = row.role.textContent === '';
    const isOwn = participant.id === this.call.model.ownId;
    const isBeingCalled = ['Idle', 'Connecting', 'Ringing', 'EarlyMedia'].includes(participant.state);
    row.element.dataset.state = participant.state;
    row.element.classList.toggle('speaking', participant.isSpeaking);
    setText(row.name, isOwn ? `${participant.name} (you)` : participant.name);
    setText(row.state, spaced(participant.state));
    row.muted.hidden = !participant.isMuted;
    row.video.hidden = !participant.isVideoOn;
    row.screen.hidden = !participant.isScreenSharingOn;
    const waits = participant.state === 'InLobby';
    row.admit.hidden = row.reject.hidden = isOwn || !waits || this.call.isOver;
    row.mute.hidden = isOwn || isBeingCalled || waits || participant.isMuted || this.call.isOver;
    row.remove.hidden = isOwn || waits || this.call.isOver;
    setText(row.remove.querySelector('span'), isBeingCalled ? 'Cancel' : 'Remove');
  }

  #managesLobby() {
    return this.call.meeting.managesLobby(this.call.model.ownId);
  }

  #build(participant) {
    const { call, act } = this;
    const name = h('span', { class: 'roster-name' });
    const state = h('span', { class: 'chip' });
    const mark = (symbol, words) => h('span', { class: 'mark', title: words, hidden: true }, icon(symbol), h('span', { class: 'sr-only' }, words));
    const [muted, video, screen] = [mark('mic-off', 'muted'), mark('camera', 'video on'), mark('screen', 'sharing the screen')];
    const hand = h('span', { class: 'mark', title: 'hand raised', hidden: true }, h('span', { 'aria-hidden': 'true' }, '✋'), h('span', { class: 'sr-only' }, 'hand raised'));
    const role = h('span', { class: 'chip quiet', hidden: true });
    const decide = (word, kind) => h('button', {
      type: 'button',
      class: 'button small',
      'data-action': kind,
      'aria-label': `${word} ${participant.name}`,
      onclick: () => act(() => call.actInMeeting({ [kind]: { participant: participant.id } })),
    }, word);
    const [admit, reject] = [decide('Admit', 'admit'), decide('Reject', 'reject')];
    const mute = h('button', {
      type: 'button',
      class: 'button small',
      'aria-label': `Mute ${participant.name}`,
      onclick: () => act(() => call.muteParticipant(participant.id)),
    }, h('span', {}, 'Mute'));
    const remove = h('button', {
      type: 'button',
      class: 'button small',
      'aria-label': `Remove ${participant.name}`,
      onclick: () => act(() => {
        const current = call.model.participants.get(participant.id)?.state;
        const isUnanswered = ['Idle', 'Connecting', 'Ringing', 'EarlyMedia'].includes(current);
        return isUnanswered ? call.cancelAddParticipant(participant.id) : call.removeParticipant(participant.id);
      }),
    }, h('span', {}, 'Remove'));
    const element = h('li', { 'data-participant': participant.id, 'data-raw-id': participant.rawId },
      avatar(participant.name, participant.rawId), name,
      h('span', { class: 'marks' }, hand, muted, video, screen), role, state,
      h('span', { class: 'roster-actions' }, admit, reject, mute, remove));
    return { element, name, state, role, hand, muted, video, screen, admit, reject, mute, remove };
  }
}

/** `organizer`, `guest` and so on; nothing for who just attends. */
function roleWord(attendee) {
  if (!attendee) return '';
  const role = (attendee.role ?? '').replace('MEETING_ROLE_', '').replace('_', '-').toLowerCase();
  const words = [role === 'attendee' ? '' : role, attendee.isGuest ? 'guest' : ''];
  return words.filter(Boolean).join(', ');
}
