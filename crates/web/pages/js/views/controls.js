// The bar below the stage: everything that can be done in a call, each by click and by key.

import { h, icon, setState, setText } from '../dom.js';

const ACTIONS = [
  { id: 'mute', key: 'm', icons: ['mic', 'mic-off'], labels: ['Mute', 'Unmute'], on: (call) => call.isMuted },
  { id: 'video', key: 'v', icons: ['camera', 'camera-off'], labels: ['Start video', 'Stop video'], on: (call) => call.isVideoOn },
  { id: 'share', key: 's', icons: ['screen', 'screen-off'], labels: ['Share', 'Stop sharing'], title: 'Share your screen', on: (call) => call.isScreenSharingOn },
  { id: 'hold', key: 'h', icons: ['hold', 'resume'], labels: ['Hold', 'Resume'], on: (call) => call.state === 'LocalHold' },
  { id: 'hand', key: 'r', icons: ['hand'], labels: ['Raise hand', 'Lower hand'], on: (call) => call.meeting.handPlace(call.model.ownId) > 0, shown: (call) => call.isOfMeeting },
  { id: 'add', key: 'a', icons: ['add'], labels: ['Add'], title: 'Add a participant', shown: (call) => !call.isOfMeeting },
  { id: 'mute-others', icons: ['mute-others'], labels: ['Mute others'], title: 'Mute everybody else', shown: (call) => !call.isOfMeeting || call.meeting.may(call.model.ownId, 'manage') },
];

/** What the settings of a meeting may keep from a participant. */
const PERMISSIONS = { mute: 'unmuting', video: 'video', share: 'sharing', hand: 'reactions' };

/** The controls of one call. */
export class Controls {
  #buttons = new Map();

  constructor(call, { act, onAdd }) {
    this.call = call;
    const run = {
      mute: () => act(() => (call.isMuted ? call.unmute() : call.mute())),
      video: () => act(() => (call.isVideoOn ? call.stopVideo() : call.startVideo())),
      share: () => act(() => (call.isScreenSharingOn ? call.stopScreenShare() : call.startScreenShare())),
      hold: () => act(() => (call.state === 'LocalHold' ? call.resume() : call.hold())),
      hand: () => act(() => call.actInMeeting(call.meeting.handPlace(call.model.ownId) > 0
        ? { lowerHand: { participant: call.model.ownId } }
        : { raiseHand: {} })),
      add: onAdd,
      'mute-others': () => act(() => call.muteAllParticipants()),
    };
    this.run = run;
    const end = (id, label, work) => h('button', { type: 'button', class: 'control end', 'data-action': id, onclick: () => act(work) },
      icon(id === 'leave' ? 'hangup' : 'end-all'), h('span', {}, label));
    this.endAll = end('end-all', 'End for all', () => call.hangUpForEveryone());
    this.leave = end('leave', 'Hang up', () => call.hangUp());
    this.element = h('div', { class: 'controls', role: 'toolbar', 'aria-label': 'Call controls' },
      ACTIONS.map((action) => this.#build(action)), this.endAll, this.leave);
  }

  /** Brings labels and availability up to date. */
  update() {
    const { call } = this;
    const isLive = call.state === 'Connected' || call.isHeld;
    for (const action of ACTIONS) {
      const { button, label, glyph } = this.#buttons.get(action.id);
      const isOn = action.on?.(call) ?? false;
      const needsMedia = action.id === 'video' || action.id === 'share';
      button.hidden = action.shown?.(call) === false;
      const isForbidden = !isOn === (action.id !== 'mute') && this.#isForbidden(action.id);
      button.disabled = !isLive || (needsMedia && call.isHeld && !isOn) || isForbidden;
      setText(label, action.labels[isOn ? 1 : 0]);
      if (action.labels.length > 1) setState(button, 'aria-pressed', isOn);
      glyph.replaceWith(this.#buttons.get(action.id).glyph = icon(action.icons[isOn ? 1 : 0] ?? action.icons[0]));
    }
    this.endAll.hidden = call.isOfMeeting && !call.meeting.may(call.model.ownId, 'end');
    this.endAll.disabled = !isLive;
    this.leave.disabled = call.isOver;
    setText(this.leave.querySelector('span'), isLive ? 'Leave' : 'Cancel');
  }

  /** Runs the action of a key. Returns whether there is one. */
  press(key) {
    const action = ACTIONS.find((candidate) => candidate.key === key);
    const button = action && this.#buttons.get(action.id).button;
    if (!button || button.disabled || button.hidden) return false;
    this.run[action.id]();
    return true;
  }

  /** Starting is what a meeting may forbid, or unmuting; the way back is always open. */
  #isForbidden(id) {
    const { meeting, model } = this.call;
    const permission = PERMISSIONS[id];
    return permission !== undefined && meeting.isKnown && !meeting.may(model.ownId, permission);
  }

  #build(action) {
    const label = h('span', {}, action.labels[0]);
    const glyph = icon(action.icons[0]);
    const button = h('button', {
      type: 'button',
      class: 'control',
      'data-action': action.id,
      'aria-keyshortcuts': action.key ?? false,
      title: `${action.title ?? action.labels.join(' / ')}${action.key ? ` (${action.key.toUpperCase()})` : ''}`,
      onclick: () => this.run[action.id](),
    }, glyph, label);
    this.#buttons.set(action.id, { button, label, glyph });
    return button;
  }
}
