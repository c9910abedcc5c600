// The roster of a call, with what can be done about each participant.

import { arrange, h, icon, setText } from '../dom.js';
import { roleWords, spaced } from '../words.js';
import { avatar } from './people.js';

const UNANSWERED = ['Idle', 'Connecting', 'Ringing', 'EarlyMedia'];
const GROUPS = [['in', 'In call'], ['waiting', 'Waiting'], ['ringing', 'Ringing']];

/** The list of one call. */
export class Participants {
  #rows = new Map();
  #groups = new Map(GROUPS.map(([key, label]) => [key, group(key, label)]));

  constructor(call, act) {
    this.call = call;
    this.act = act;
    this.count = h('span', { class: 'count' });
    this.element = h('section', { class: 'panel roster-panel', 'aria-label': 'Participants' },
      h('h2', {}, 'Participants ', this.count), [...this.#groups.values()].map(({ element }) => element));
  }

  /** Brings the rows up to date. */
  update() {
    const { model, meeting } = this.call;
    const present = new Map(model.participants);
    for (const { id, rawId, name } of meeting.waiting) {
      if (!present.has(id)) present.set(id, { id, rawId, name, state: 'InLobby', isMuted: false });
    }
    setText(this.count, String(model.participants.size));
    for (const participant of present.values()) this.#row(participant);
    for (const [id, row] of this.#rows) {
      if (!present.has(id)) {
        row.element.remove();
        this.#rows.delete(id);
      }
    }
    for (const [key, { element, list }] of this.#groups) {
      const rows = [...present.values()].filter(({ state }) => groupOf(state) === key);
      // Raised hands first, in the order of raising; the others as they came.
      const place = ({ id }) => meeting.handPlace(id) || Infinity;
      rows.sort((one, other) => (place(one) === place(other) ? 0 : place(one) - place(other)));
      element.hidden = rows.length === 0;
      arrange(list, rows.map(({ id }) => this.#rows.get(id).element));
    }
  }

  #row(participant) {
    let row = this.#rows.get(participant.id);
    if (!row) {
      row = this.#build(participant);
      this.#rows.set(participant.id, row);
    }
    const isOwn = participant.id === this.call.model.ownId;
    const isBeingCalled = UNANSWERED.includes(participant.state);
    this.#meetingPart(row, participant, isOwn);
    row.element.dataset.state = participant.state;
    row.element.classList.toggle('speaking', participant.isSpeaking);
    setText(row.name, isOwn ? `${participant.name} (you)` : participant.name);
    setText(row.state, spaced(participant.state));
    row.muted.hidden = !participant.isMuted;
    row.video.hidden = !participant.isVideoOn;
    row.screen.hidden = !participant.isScreenSharingOn;
    const { call } = this;
    const mayManage = !call.isOfMeeting || call.meeting.may(call.model.ownId, 'manage');
    const isWaiting = groupOf(participant.state) === 'waiting';
    const isOut = isOwn || call.isOver || !mayManage || isWaiting;
    row.mute.hidden = isOut || isBeingCalled || participant.isMuted;
    row.remove.hidden = isOut;
    setText(row.remove.querySelector('span'), isBeingCalled ? 'Cancel' : 'Remove');
  }

  /** Role, guest, hand and spotlight: what only meetings have. */
  #meetingPart(row, participant, isOwn) {
    const { call } = this;
    const { meeting } = call;
    const attendee = meeting.attendee(participant.id);
    const place = meeting.handPlace(participant.id);
    const isLit = meeting.spotlight.includes(participant.id);
    const mayManage = meeting.isKnown && !call.isOver && meeting.may(call.model.ownId, 'manage');
    const isIn = groupOf(participant.state) === 'in';
    setText(row.role, roleWords(attendee?.role));
    row.role.hidden = !isIn || row.role.textContent === '';
    row.guest.hidden = attendee?.isGuest !== true;
    row.hand.hidden = place === 0;
    setText(row.hand.querySelector('[data-place]'), place > 0 ? String(place) : '');
    row.lit.hidden = !isLit;
    row.spotlight.hidden = !mayManage || !isIn;
    setText(row.spotlight.querySelector('span'), isLit ? 'Unpin for all' : 'Pin for all');
    row.lower.hidden = place === 0 || isOwn || !mayManage;
  }

  #build(participant) {
    const { call, act } = this;
    const name = h('span', { class: 'roster-name' });
    const state = h('span', { class: 'chip' });
    const mark = (symbol, words) => h('span', { class: 'mark', title: words, hidden: true }, icon(symbol), h('span', { class: 'sr-only' }, words));
    const [muted, video, screen] = [mark('mic-off', 'muted'), mark('camera', 'video on'), mark('screen', 'sharing the screen')];
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
        const isUnanswered = UNANSWERED.includes(current);
        return isUnanswered ? call.cancelAddParticipant(participant.id) : call.removeParticipant(participant.id);
      }),
    }, h('span', {}, 'Remove'));
    const role = h('span', { class: 'chip role-chip', hidden: true });
    const guest = h('span', { class: 'chip guest-chip', hidden: true }, 'guest');
    const lit = mark('spotlight', 'in everybody’s view');
    const hand = h('span', { class: 'hand-mark', title: 'hand raised', hidden: true }, icon('hand'),
      h('span', { class: 'sr-only' }, 'hand raised, place '), h('span', { 'data-place': '' }));
    const small = (action, words, work) => h('button', {
      type: 'button',
      class: 'button small',
      'data-action': action,
      'aria-label': `${words}: ${participant.name}`,
      hidden: true,
      onclick: () => act(work),
    }, h('span', {}, words));
    const person = { participant: participant.id };
    const spotlight = small('spotlight', 'Pin for all', () => call.actInMeeting(
      call.meeting.spotlight.includes(participant.id) ? { stopSpotlight: person } : { spotlight: person }));
    const lower = small('lower-hand', 'Lower hand', () => call.actInMeeting({ lowerHand: person }));
    const element = h('li', { 'data-participant': participant.id, 'data-raw-id': participant.rawId },
      avatar(participant.name, participant.rawId), name, role, guest,
      h('span', { class: 'marks' }, hand, lit, muted, video, screen), state,
      h('span', { class: 'roster-actions' }, lower, spotlight, mute, remove));
    return { element, name, role, guest, hand, lit, state, muted, video, screen, spotlight, lower, mute, remove };
  }
}

function group(key, label) {
  const list = h('ul', { class: 'roster', 'aria-label': label });
  return { list, element: h('div', { class: 'roster-group', 'data-group': key, hidden: true }, h('h3', {}, label), list) };
}

function groupOf(state) {
  if (state === 'InLobby') return 'waiting';
  return UNANSWERED.includes(state) ? 'ringing' : 'in';
}
