// Hands and reactions: the menu to react with, and what the others showed a moment ago.

import { fill, h, icon } from '../dom.js';
import { REACTION_SHOWN_MS } from '../meeting-model.js';

const KINDS = [
  ['like', 'Like'], ['heart', 'Heart'], ['applause', 'Applause'], ['laugh', 'Laugh'], ['surprised', 'Surprised'],
];

/** The row of reactions of one call, and the place where they are shown. */
export class Reactions {
  #shown = new Map();

  constructor(call, act) {
    this.call = call;
    this.element = h('div', { class: 'reaction-bar', role: 'toolbar', 'aria-label': 'Reactions', hidden: true },
      KINDS.map(([kind, label]) => h('button', {
        type: 'button',
        class: 'icon-button',
        'data-reaction': kind,
        'aria-label': `React: ${label}`,
        title: label,
        onclick: () => act(() => call.actInMeeting({ react: `REACTION_KIND_${kind.toUpperCase()}` })),
      }, icon(`react-${kind}`))));
    this.overlay = h('ul', { class: 'reaction-overlay', 'aria-live': 'polite', 'aria-label': 'Reactions' });
  }

  update() {
    const { meeting, model, state, isOver } = this.call;
    this.element.hidden = isOver || state !== 'Connected' || !meeting.isKnown || !meeting.may(model.ownId, 'reactions');
    const now = Date.now();
    for (const [id, { kind, until }] of meeting.reactions) {
      const known = this.#shown.get(id);
      if (until <= now || known?.until === until) continue;
      const name = id === model.ownId ? 'You' : meeting.attendee(id)?.name ?? model.nameOf(id);
      const label = KINDS.find(([candidate]) => candidate === kind)?.[1] ?? kind;
      this.#shown.set(id, {
        until,
        element: h('li', { 'data-kind': kind }, icon(`react-${kind}`), h('span', {}, name), h('span', { class: 'sr-only' }, `: ${label}`)),
      });
      setTimeout(() => this.update(), REACTION_SHOWN_MS + 50);
    }
    for (const [id, { until }] of this.#shown) if (until <= now) this.#shown.delete(id);
    fill(this.overlay, [...this.#shown.values()].map(({ element }) => element));
  }
}
