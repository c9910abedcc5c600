// The pictures and voices of a call. Tiles follow the exchange's assignments; nothing is negotiated.

import { h, icon, setText } from '../dom.js';
import { hueOf } from '../words.js';
import { avatar } from './people.js';

const WAITING = {
  Idle: 'Calling…',
  Connecting: 'Connecting…',
  Ringing: 'Ringing…',
  EarlyMedia: 'Ringing…',
  Hold: 'On hold',
  InLobby: 'In the lobby',
};

/** The stage of one call. */
export class Tiles {
  #tiles = new Map();
  #grid = h('div', { class: 'tiles' });
  #voices = h('div', { class: 'voices', hidden: true });
  #previews = new Map();

  constructor(call, { act, onBlocked }) {
    this.call = call;
    this.act = act;
    this.element = h('div', { class: 'stage' }, this.#grid, this.#voices);
    for (const receiver of call.peer.receivers.filter(({ kind }) => kind === 'audio')) {
      const voice = h('audio', { autoplay: true });
      voice.srcObject = receiver.stream;
      voice.play().catch((error) => {
        if (error.name === 'NotAllowedError') onBlocked();
      });
      this.#voices.append(voice);
    }
  }

  /** Starts the voices that the browser held back until the person did something. */
  unblock() {
    for (const voice of this.#voices.children) voice.play().catch(() => {});
  }

  /** Brings tiles, names and pictures up to date. */
  update() {
    const { call } = this;
    const wanted = new Map();
    const screen = this.#screenSource();
    if (screen) wanted.set('screen', screen);
    const inCall = call.model.others.filter(({ state }) => state !== 'InLobby');
    for (const participant of inCall) {
      wanted.set(participant.id, this.#remoteSource(participant));
    }
    if (inCall.length === 0) wanted.set('waiting', this.#waitingSource());
    wanted.set('self', this.#ownSource());
    for (const [key, source] of wanted) this.#show(key, source);
    for (const [key, tile] of this.#tiles) {
      if (!wanted.has(key)) {
        tile.element.remove();
        this.#tiles.delete(key);
      }
    }
    this.#grid.dataset.layout = screen ? 'screen' : inCall.length <= 1 ? 'pair' : 'grid';
  }

  #remoteSource(participant) {
    const { call } = this;
    const stream = this.#streamOf(participant.id, 'RECEIVE_VIDEO');
    return {
      name: participant.name,
      key: participant.rawId,
      stream: participant.isVideoOn && !call.isHeld ? stream : null,
      overlay: call.state === 'LocalHold' ? 'You hold the call' : WAITING[participant.state] ?? '',
      isMuted: participant.isMuted,
      isSpeaking: participant.isSpeaking && !call.isHeld,
      ...this.#meetingMarks(participant.id),
      onPick: participant.isVideoOn && !stream ? () => this.#bringIn(participant.id) : null,
    };
  }

  #ownSource() {
    const { call } = this;
    const { own } = call.model;
    return {
      name: 'You',
      initialsOf: call.ownName,
      key: call.ownRawId,
      stream: this.#preview('CAMERA'),
      overlay: call.isHeld ? 'On hold' : '',
      isMuted: call.isMuted,
      isSpeaking: own?.isSpeaking ?? false,
      ...this.#meetingMarks(call.model.ownId),
      isMirrored: true,
    };
  }

  #meetingMarks(participantId) {
    const { meeting } = this.call;
    return {
      hasHandUp: meeting.handPlace(participantId) > 0,
      isSpotlit: meeting.spotlight.includes(participantId),
    };
  }

  #waitingSource() {
    const { call } = this;
    return { name: call.title, key: call.title, stream: null, overlay: call.isOver ? '' : call.isOfMeeting ? 'Nobody else is here yet' : 'Calling…' };
  }

  #screenSource() {
    const { call } = this;
    if (call.isHeld) return null;
    if (call.isScreenSharingOn) {
      return { name: 'Your screen', key: 'screen', stream: this.#preview('SCREEN'), overlay: '' };
    }
    const sharer = call.model.others.find(({ isScreenSharingOn }) => isScreenSharingOn);
    const stream = sharer && this.#streamOf(sharer.id, 'RECEIVE_SCREEN');
    return stream ? { name: `${sharer.name}: screen`, key: 'screen', stream, overlay: '' } : null;
  }

  #streamOf(participantId, role) {
    const receiver = this.call.peer.receivers.find(({ mid, role: candidate }) => (
      candidate === role && this.call.assignments.get(mid)?.participantId === participantId));
    return receiver?.stream ?? null;
  }

  /** One stream object per track, so that a video element is not started anew each time. */
  #preview(role) {
    const track = this.call.track(role);
    if (!track) {
      this.#previews.delete(role);
      return null;
    }
    const known = this.#previews.get(role);
    if (known?.getTracks()[0] === track) return known;
    const stream = new MediaStream([track]);
    this.#previews.set(role, stream);
    return stream;
  }

  /** More pictures than tiles: the one asked for takes the place of the one shown first. */
  #bringIn(participantId) {
    const tiles = this.call.peer.receivers.filter(({ role }) => role === 'RECEIVE_VIDEO');
    const free = tiles.find(({ mid }) => !this.call.assignments.has(mid)) ?? tiles[0];
    this.act(() => this.call.showIn(free.mid, participantId));
  }

  #show(key, source) {
    let tile = this.#tiles.get(key);
    if (!tile) {
      tile = this.#build(key, source);
      this.#tiles.set(key, tile);
      if (key === 'screen') this.#grid.prepend(tile.element);
      else if (key === 'self') this.#grid.append(tile.element);
      else this.#grid.insertBefore(tile.element, this.#tiles.get('self')?.element ?? null);
    }
    if (tile.video.srcObject !== source.stream) {
      tile.video.srcObject = source.stream;
      if (source.stream) tile.video.play().catch(() => {});
    }
    tile.element.classList.toggle('has-video', source.stream !== null);
    tile.element.classList.toggle('speaking', source.isSpeaking === true && !source.isMuted);
    tile.element.classList.toggle('mirrored', source.isMirrored === true && !this.call.isSynthetic);
    tile.element.classList.toggle('waiting', source.overlay !== '');
    tile.element.classList.toggle('spotlit', source.isSpotlit === true);
    tile.muted.hidden = source.isMuted !== true;
    tile.hand.hidden = source.hasHandUp !== true;
    tile.lit.hidden = source.isSpotlit !== true;
    setText(tile.name, source.name);
    setText(tile.overlay, source.overlay);
    tile.pick.hidden = !source.onPick;
    tile.pick.onclick = source.onPick;
  }

  #build(key, source) {
    const video = h('video', { playsinline: true, autoplay: true, tabindex: '-1', 'aria-label': `Video of ${source.name}` });
    video.muted = true;
    const name = h('span', {});
    const muted = h('span', { class: 'mark', title: 'muted', hidden: true }, icon('mic-off'), h('span', { class: 'sr-only' }, 'muted'));
    const mark = (symbol, words) => h('span', { class: 'tile-mark', title: words, hidden: true }, icon(symbol), h('span', { class: 'sr-only' }, words));
    const [hand, lit] = [mark('hand', 'hand raised'), mark('spotlight', 'in everybody’s view')];
    const overlay = h('p', { class: 'tile-overlay' });
    const pick = h('button', { type: 'button', class: 'button small tile-pick', hidden: true }, 'Show video');
    const element = h('figure', { class: `tile tile-${key === 'self' || key === 'screen' ? key : 'remote'}`, 'data-tile': key },
      avatar(source.initialsOf ?? source.name, source.key), video, overlay, pick,
      h('span', { class: 'tile-marks' }, hand, lit),
      h('figcaption', {}, muted, name));
    element.style.setProperty('--hue', hueOf(source.key));
    return { element, video, name, muted, hand, lit, overlay, pick };
  }
}
