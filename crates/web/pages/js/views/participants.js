// The roster of a call, with what can be done about each participant.

import { h, icon, setText } from '../dom.js';
import { spaced } from '../words.js';
import { avatar } from './people.js';

/** The list of one call. */
export class Participants {
  #rows = new Map();
  #list = h('ul', { class: 'roster' });

  constructor(call, act) {
    this.call = call;
    this.act = act;
    this.count = h('span', { class: 'count' });
    this.element = h('section', { class: 'panel roster-panel', 'aria-label': 'Participants' },
      h('h2', {}, 'Participants ', this.count), this.#list);
  }

  /** Brings the rows up to date. */
  update() {
    const { model } = this.call;
    const present = [...model.participants.values()];
    setText(this.count, String(present.length));
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
      this.#list.append(row.element);
    }
    const isOwn = participant.id === this.call.model.ownId;
    const isBeingCalled = ['Idle', 'Connecting', 'Ringing', 'EarlyMedia'].includes(participant.state);
    row.element.dataset.state = participant.state;
    row.element.classList.toggle('speaking', participant.isSpeaking);
    setText(row.name, isOwn ? `${participant.name} (you)` : participant.name);
    setText(row.state, spaced(participant.state));
    row.muted.hidden = !participant.isMuted;
    row.video.hidden = !participant.isVideoOn;
    row.screen.hidden = !participant.isScreenSharingOn;
    row.mute.hidden = isOwn || isBeingCalled || participant.isMuted || this.call.isOver;
    row.remove.hidden = isOwn || this.call.isOver;
    setText(row.remove.querySelector('span'), isBeingCalled ? 'Cancel' : 'Remove');
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
        const isUnanswered = ['Idle', 'Connecting', 'Ringing', 'EarlyMedia'].includes(current);
        return isUnanswered ? call.cancelAddParticipant(participant.id) : call.removeParticipant(participant.id);
      }),
    }, h('span', {}, 'Remove'));
    const element = h('li', { 'data-participant': participant.id, 'data-raw-id': participant.rawId },
      avatar(participant.name, participant.rawId), name,
      h('span', { class: 'marks' }, muted, video, screen), state,
      h('span', { class: 'roster-actions' }, mute, remove));
    return { element, name, state, muted, video, screen, mute, remove };
  }
}
