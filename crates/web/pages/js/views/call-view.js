// Everything that is on screen for one call: stage, controls, roster, state machine, log.

import { coalesced, fill, h, icon, setText } from '../dom.js';
import { ringback } from '../sound.js';
import { clockText, errorText } from '../words.js';
import { CallChat } from './call-chat.js';
import { Controls } from './controls.js';
import { endedPage } from './ended.js';
import { EventLog } from './event-log.js';
import { invitation } from './join-meeting.js';
import { AdmitPanel, lobbyView } from './lobby.js';
import { Participants } from './participants.js';
import { People, avatar, personName } from './people.js';
import { Reactions } from './reactions.js';
import { StateMachine } from './state-machine.js';
import { Tiles } from './tiles.js';

const HEADINGS = {
  None: 'Starting…',
  Connecting: 'Connecting…',
  Ringing: 'Ringing…',
  EarlyMedia: 'Ringing…',
  Connected: 'Connected',
  LocalHold: 'On hold: you hold the call',
  RemoteHold: 'On hold: the other side holds the call',
  InLobby: 'Waiting in the lobby',
  Disconnecting: 'Ending…',
  Disconnected: 'Ended',
};

/** The view of one call. `stage` and `trace` are placed by the page. */
export class CallView {
  #heading = h('h1', { class: 'call-title' });
  #state = h('p', { class: 'call-state', role: 'status' });
  #timer = h('span', { class: 'call-timer' });
  #media = h('span', { class: 'call-media' });
  #profile = h('span', { class: 'call-media call-profile' });
  #machine = new StateMachine();
  #log;
  #ticker;
  #stopRingback = null;
  #invitation = h('details', { class: 'panel invite-panel', hidden: true }, h('summary', {}, 'Link and code of the meeting'));
  #invited = '';

  /** `context` gives `banners`, `credential`, `users()`, `onClosed(view)` and `onAgain(call)`. */
  constructor(call, context) {
    this.call = call;
    this.context = context;
    this.#log = new EventLog((operationId) => call.operationName(operationId));
    const act = (work) => this.#act(work);
    this.tiles = new Tiles(call, { act, onBlocked: () => this.#soundBlocked() });
    this.controls = new Controls(call, { act, onAdd: () => this.#openAdd() });
    this.participants = new Participants(call, act);
    this.lobby = lobbyView({ onLeave: () => act(() => call.hangUp()) });
    this.admit = new AdmitPanel(call, act);
    this.reactions = new Reactions(call, act);
    this.chat = new CallChat(call, context);
    this.tiles.element.append(this.reactions.overlay);
    this.stage = h('article', { class: 'call', 'aria-label': `Call with ${call.title}` },
      h('header', { class: 'call-head' },
        h('div', {}, this.#heading, this.#state),
        h('p', { class: 'call-meta' }, this.#timer, this.#media, this.#profile)),
      this.lobby, this.tiles.element, this.controls.element, this.reactions.element,
      this.admit.element, this.participants.element, this.#invitation);
    this.trace = h('div', { class: 'trace-inner' }, this.chat.element,
      h('section', { class: 'panel', 'aria-label': 'State machine' },
        h('h2', {}, 'State of this connection'), this.#machine.element),
      h('section', { class: 'panel log-panel', 'aria-label': 'Event log' },
        h('h2', {}, 'Events'), this.#log.element));
    call.addEventListener('change', coalesced(() => this.update()));
    call.addEventListener('event', ({ detail }) => this.#log.add(detail, call.model));
    call.addEventListener('transition', ({ detail }) => this.#machine.travel(detail.from, detail.to));
    call.addEventListener('trouble', ({ detail }) => context.banners.flash(detail));
    call.addEventListener('ended', () => this.#ended());
    this.#ticker = setInterval(() => this.#tick(), 1_000);
    this.update();
  }

  /** Brings everything up to date. */
  update() {
    const { call } = this;
    setText(this.#heading, this.#title());
    setText(this.#state, HEADINGS[call.state] ?? call.state);
    this.#state.dataset.state = call.state;
    this.stage.dataset.state = call.state;
    const isWaiting = call.state === 'InLobby';
    const comesBefore = call.isOfMeeting && (call.state === 'None' || call.state === 'Connecting');
    this.lobby.hidden = !isWaiting;
    this.tiles.element.hidden = isWaiting || comesBefore;
    this.controls.element.hidden = isWaiting;
    this.participants.element.hidden = isWaiting;
    this.tiles.update();
    this.controls.update();
    this.participants.update();
    this.admit.update();
    this.reactions.update();
    this.chat.update();
    this.#invite();
    this.#tick();
    const shouldRing = call.direction === 'Outgoing' && call.state === 'Ringing' && !call.isOver;
    if (shouldRing) this.#stopRingback ??= ringback();
    else this.#quiet();
  }

  /** Runs the action of a key. */
  press(key) {
    return this.call.isOver ? false : this.controls.press(key);
  }

  /** Stops everything that runs for this view. */
  destroy() {
    clearInterval(this.#ticker);
    this.#quiet();
    this.context.banners.takeDown(`sound-${this.call.id}`);
    this.chat.destroy();
    this.stage.remove();
    this.trace.remove();
  }

  /** Link and code, for whoever is let into the meeting. */
  #invite() {
    const { meeting, isOver } = this.call;
    this.#invitation.hidden = !meeting.isKnown || !meeting.joinLink || isOver;
    const { meetingId = '', passcode = '' } = meeting.code ?? {};
    const wanted = [meeting.joinLink, meetingId, passcode].join(' ');
    if (wanted === this.#invited) return;
    this.#invited = wanted;
    this.#invitation.querySelector('.invitation')?.remove();
    this.#invitation.append(invitation({ joinLink: meeting.joinLink, meetingId, passcode }));
  }

  #title() {
    if (this.call.isOfMeeting) return this.call.meeting.subject || this.call.title;
    const names = this.call.model.others.map(({ name }) => name);
    if (names.length === 0) return this.call.title;
    return names.length <= 3 ? names.join(', ') : `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`;
  }

  async #act(work) {
    try {
      await work();
    } catch (error) {
      if (error.cause?.name !== 'NotAllowedError' || error.device !== 'screen') {
        this.context.banners.flash(errorText(error), 'bad');
      }
    } finally {
      this.update();
    }
  }

  #tick() {
    const { call } = this;
    const end = call.endedAt ?? Date.now();
    setText(this.#timer, call.connectedAt ? clockText(end - call.connectedAt) : '');
    const { connectTime } = call.peer;
    setText(this.#media, connectTime === null ? '' : `media up in ${Math.round(connectTime)} ms`);
    setText(this.#profile, call.mediaReport?.profile ?? '');
  }

  #ended() {
    const { call, context } = this;
    clearInterval(this.#ticker);
    this.#quiet();
    context.banners.takeDown(`sound-${call.id}`);
    const page = endedPage(call, {
      onAgain: call.again ? () => context.onAgain(this) : null,
      onClose: () => context.onClosed(this),
    });
    this.chat.destroy();
    this.update();
    fill(this.stage, page);
    page.querySelector('.ended-title').focus({ preventScroll: true });
    context.onEnded(this);
  }

  #quiet() {
    this.#stopRingback?.();
    this.#stopRingback = null;
  }

  #soundBlocked() {
    const key = `sound-${this.call.id}`;
    this.context.banners.put(key, 'The browser holds the sound back until you click.', {
      action: {
        label: 'Play sound',
        run: () => {
          this.tiles.unblock();
          this.context.banners.takeDown(key);
        },
      },
    });
  }

  #openAdd() {
    const { call } = this;
    const present = new Set([...call.model.participants.values()].map(({ rawId }) => rawId));
    const add = (target) => {
      dialog.close();
      this.#act(() => call.addParticipant(target));
    };
    const dialog = h('dialog', { class: 'dialog', 'aria-label': 'Add a participant', onclose: () => dialog.remove() },
      h('header', {}, h('h2', {}, 'Add a participant'),
        h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close'))),
      h('ul', { class: 'people' }, People.options(this.context.users(), present).map((user) => h('li', {},
        h('button', { type: 'button', class: 'person', 'data-raw-id': user.rawId, 'data-alias': user.alias || false, onclick: () => add(user.rawId) },
          avatar(personName(user), user.rawId),
          h('span', { class: 'person-name' }, personName(user)),
          h('span', { class: 'person-kind' }, user.isDirectoryUser ? 'contoso directory' : 'app user'),
          icon('add'))))),
      h('form', {
        class: 'dial',
        onsubmit: (event) => {
          event.preventDefault();
          const target = event.target.elements.target.value.trim();
          if (target) add(target);
        },
      }, h('label', { for: 'add-target' }, 'Or by raw id'),
      h('div', { class: 'dial-row' },
        h('input', { id: 'add-target', name: 'target', autocomplete: 'off', spellcheck: 'false', placeholder: '8:acs:…' }),
        h('button', { type: 'submit', class: 'button' }, 'Add'))));
    document.body.append(dialog);
    dialog.showModal();
  }
}
