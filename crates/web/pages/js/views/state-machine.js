// The ten states, drawn: where this connection is, and which edges it travelled.

import { h, s, setText } from '../dom.js';
import { BOX, EDGES, EDGE_FROM_ANY, LIVE_FRAME, STATES, VIEW, edgeKey } from '../states.js';
import { spaced } from '../words.js';

let drawings = 0;

/** One drawing, bound to one call, or idle. */
export class StateMachine {
  #nodes = new Map();
  #edges = new Map();
  #drawing;
  #caption;

  constructor() {
    drawings += 1;
    const arrow = `arrow-${drawings}`;
    const litArrow = `arrow-lit-${drawings}`;
    const edges = [...EDGES, EDGE_FROM_ANY].map(([from, to, path]) => this.#edge(from, to, path, arrow));
    const nodes = Object.entries(STATES).map(([name, { x, y, meaning }]) => this.#node(name, x, y, meaning));
    this.litArrow = litArrow;
    this.#drawing = s('svg', { class: 'machine', viewBox: `0 0 ${VIEW.width} ${VIEW.height}`, role: 'img' },
      s('defs', {}, marker(arrow, 'arrow'), marker(litArrow, 'arrow lit')),
      s('rect', { class: 'machine-frame', ...LIVE_FRAME, rx: 14 }),
      s('text', { class: 'machine-any', x: 210, y: 360 }, 'from any state'),
      edges, nodes);
    this.#caption = h('p', { class: 'machine-caption', role: 'status' });
    this.element = h('div', { class: 'machine-box' }, this.#drawing, this.#caption);
    this.show('None');
  }

  /** Moves the light along one edge. */
  travel(from, to) {
    for (const edge of this.#edges.values()) edge.classList.remove('last');
    const edge = this.#edges.get(edgeKey(from, to));
    if (edge) {
      edge.classList.add('travelled', 'last');
      edge.setAttribute('marker-end', `url(#${this.litArrow})`);
    }
    this.show(to);
  }

  /** Lights one state. */
  show(state) {
    for (const [name, node] of this.#nodes) {
      if (node.classList.contains('current') && name !== state) node.classList.add('visited');
      node.classList.toggle('current', name === state);
      if (name === state) node.setAttribute('aria-current', 'step');
      else node.removeAttribute('aria-current');
    }
    this.#drawing.dataset.state = state;
    this.#drawing.setAttribute('aria-label', `State machine of this connection. It is in ${spaced(state)}.`);
    setText(this.#caption, STATES[state]?.meaning ?? state);
  }

  #node(name, x, y, meaning) {
    const node = s('g', { class: 'machine-state', 'data-state': name },
      s('title', {}, meaning),
      s('rect', { x: x - BOX.width / 2, y: y - BOX.height / 2, width: BOX.width, height: BOX.height, rx: 9 }),
      s('text', { x, y: y + 4.5, 'text-anchor': 'middle' }, name));
    this.#nodes.set(name, node);
    return node;
  }

  #edge(from, to, path, arrow) {
    const key = `${from}>${to}`;
    const edge = s('path', { class: 'machine-edge', d: path, 'data-edge': key, 'marker-end': `url(#${arrow})` });
    this.#edges.set(key, edge);
    return edge;
  }
}

function marker(id, className) {
  return s('marker', { id, class: className, viewBox: '0 0 8 8', refX: 6.5, refY: 4, markerWidth: 6.5, markerHeight: 6.5, orient: 'auto' },
    s('path', { d: 'M0 0.6L8 4L0 7.4Z' }));
}
