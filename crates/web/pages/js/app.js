// The calling page: signs in, keeps the session, and gives every call its view.

import { Call } from './call.js';
import { find, h, setText } from './dom.js';
import { listUsers, signIn } from './identity.js';
import { LocalMedia } from './media.js';
import { createMeeting } from './meetings-api.js';
import { readParameters } from './parameters.js';
import { Session } from './protocol.js';
import { setUpTheme } from './theme.js';
import { Banners } from './views/banner.js';
import { CallView } from './views/call-view.js';
import { IncomingCalls } from './views/incoming.js';
import { JoinMeeting } from './views/join-meeting.js';
import { People, avatar } from './views/people.js';
import { PreJoin } from './views/pre-join.js';
import { SignIn } from './views/sign-in.js';
import { StateMachine } from './views/state-machine.js';
import { errorText } from './words.js';

const USERS_REFRESH_MS = 10_000;
const IDENTITY_KEY = 'trunkline.identity';
const MOST_EARLY_FRAMES = 512;

const CONNECTION_WORDS = {
  connecting: 'connecting…',
  open: 'online',
  reconnecting: 'reconnecting…',
  closed: 'offline',
};

/** Reasons that this page gives itself when the exchange can no longer tell. */
const SESSION_LOST = {
  code: 496,
  subCode: 7,
  category: 'UnexpectedClientError',
  meaning: 'the connection to the exchange was lost for too long',
};

class App {
  #parameters = readParameters();
  #banners = new Banners(find('#banners'));
  #signIn = new SignIn(find('#sign-in'), (who) => this.#enter(who));
  #people = new People(find('#people'), {
    onCall: (target, name) => this.#start(name, (call) => call.place([target], this.#ownName)),
    onJoin: (groupId) => this.#start('Group call', (call) => call.join(groupId, this.#ownName)),
  });
  #incoming = new IncomingCalls(find('#incoming'), {
    onAccept: (incoming, choice) => this.#accept(incoming, choice),
    onReject: ({ callId }) => this.#try(() => this.session.command('rejectCall', { callId })),
  });
  #preJoin = new PreJoin(find('#pre-join'));
  #choice = null;
  #views = [];
  #active = null;
  #early = new Map();
  #users = [];
  #media = null;
  #credential = null;
  #reconnectTimer = null;
  #mayStartByAddress = true;

  session = null;

  /** Starts the page. */
  async run() {
    setUpTheme();
    this.#drawIdle('None');
    find('#camera-choice').checked = this.#parameters.startsWithCamera;
    new JoinMeeting(find('#people'), {
      onJoin: (locator) => this.#prepare(locator),
      onMake: () => createMeeting(this.#credential, `Meeting of ${this.#ownName}`),
    });
    find('#who').addEventListener('click', () => this.#leave());
    document.addEventListener('keydown', (event) => this.#key(event));
    addEventListener('online', () => this.session?.nudge());
    addEventListener('focus', () => this.#refreshUsers());
    addEventListener('pagehide', () => this.session?.close());
    addEventListener('beforeunload', (event) => {
      if (this.calls.some((call) => !call.isOver) && !this.#parameters.isSynthetic) event.preventDefault();
    });
    await this.#refreshUsers();
    setInterval(() => this.#refreshUsers(), USERS_REFRESH_MS);
    const known = this.#parameters.as ?? sessionStorage.getItem(IDENTITY_KEY);
    if (known) await this.#enter(known);
    else if (this.#parameters.meeting) await this.#enterAsGuest();
    else this.#signIn.show(this.#users);
  }

  /** Somebody without an account, led here by a join link: a name is all that is asked for. */
  async #enterAsGuest() {
    const media = new LocalMedia(this.#parameters, 'Guest');
    this.#choice = await this.#preJoin.ask({ media, name: null, withCamera: this.#parameters.startsWithCamera });
    if (this.#choice) await this.#enter(`app:${this.#choice.name || 'Guest'}`);
    else this.#signIn.show(this.#users);
  }

  /** Asks what to send, then joins a meeting. */
  async #prepare(meeting) {
    if (this.calls.some((call) => call.isOfMeeting && !call.isOver)) {
      this.#banners.flash('Leave the meeting first.');
      return;
    }
    const workspace = find('#workspace');
    workspace.hidden = true;
    const choice = await this.#preJoin.ask({
      media: this.#media, name: this.#ownName, withCamera: find('#camera-choice').checked,
    });
    workspace.hidden = false;
    if (choice) await this.#joinMeeting(meeting, choice);
  }

  #joinMeeting(meeting, choice) {
    return this.#start('Meeting', (call) => call.joinMeeting(meeting, this.#ownName), choice);
  }

  /** The calls of this tab, also those that have just ended. */
  get calls() {
    return this.#views.map(({ call }) => call);
  }

  /** The call on screen. */
  get activeCall() {
    return this.#active?.call ?? null;
  }

  get #ownName() {
    return this.#credential.identity.name;
  }

  async #enter(who) {
    try {
      this.#credential = await signIn(who);
    } catch (error) {
      sessionStorage.removeItem(IDENTITY_KEY);
      this.#signIn.show(this.#users);
      this.#signIn.complain(error.message);
      return;
    }
    const { identity } = this.#credential;
    sessionStorage.setItem(IDENTITY_KEY, who.startsWith('app:') && !this.#parameters.as ? identity.rawId : who);
    this.#signIn.hide();
    this.#media = new LocalMedia(this.#parameters, identity.name);
    document.title = `${identity.name} · Trunkline`;
    const own = find('#who');
    own.replaceChildren(avatar(identity.name, identity.rawId), h('span', {}, identity.name));
    own.hidden = false;
    own.setAttribute('aria-label', `Signed in as ${identity.name}. Change.`);
    own.title = `${identity.rawId}: click to be somebody else`;
    find('#workspace').hidden = false;
    this.#openSession();
    await this.#refreshUsers();
  }

  #openSession() {
    const url = `${location.protocol === 'http:' ? 'ws' : 'wss'}://${location.host}/signaling`;
    this.session = new Session({ url, credential: this.#credential, displayName: this.#ownName });
    this.session.addEventListener('state', ({ detail }) => this.#sessionState(detail));
    this.session.addEventListener('frame', ({ detail }) => this.#frame(detail));
    this.session.addEventListener('lost', () => this.#sessionLost());
    this.session.addEventListener('closed', ({ detail }) => {
      this.#sessionLost();
      this.#banners.put('session', detail.reason || detail.words, {
        tone: 'bad',
        action: { label: 'Connect again', run: () => this.#openSession() },
      });
    });
    this.session.open();
  }

  #sessionState(state) {
    const pill = find('#connection');
    pill.hidden = false;
    pill.dataset.state = state;
    setText(pill.querySelector('span'), CONNECTION_WORDS[state]);
    clearInterval(this.#reconnectTimer);
    if (state === 'open') {
      this.#banners.takeDown('session');
      this.#startByAddress();
    } else if (state === 'reconnecting') {
      this.#sayReconnecting();
      this.#reconnectTimer = setInterval(() => this.#sayReconnecting(), 1_000);
    }
  }

  #sayReconnecting() {
    const left = Math.max(0, Math.round((this.session.resumableUntil - Date.now()) / 1000));
    this.#banners.put('session', left > 0
      ? `The connection to the exchange is broken. Reconnecting: calls go on if it is back within ${left} s.`
      : 'The connection to the exchange is broken. Reconnecting…');
  }

  #sessionLost() {
    this.#early.clear();
    this.#incoming.dismissAll();
    for (const call of this.calls) if (!call.isOver) call.abandon(SESSION_LOST);
  }

  #startByAddress() {
    if (!this.#mayStartByAddress) return;
    this.#mayStartByAddress = false;
    const { call: target, group, meeting } = this.#parameters;
    if (meeting) {
      if (this.#choice) this.#joinMeeting(meeting, this.#choice);
      else this.#prepare(meeting);
    } else if (target) {
      const known = this.#users.find(({ alias, rawId }) => alias === target || rawId === target);
      this.#start(known?.displayName || target, (call) => call.place([target], this.#ownName));
    } else if (group) {
      this.#start('Group call', (call) => call.join(group, this.#ownName));
    }
  }

  #frame(frame) {
    if (frame.incomingCall) {
      this.#rings(frame.incomingCall);
    } else if (frame.incomingCallEnded) {
      this.#early.delete(frame.incomingCallEnded.callId);
      this.#drawIdle('None', 'Connecting', 'Ringing', 'Disconnecting', 'Disconnected');
      this.#incoming.end(frame.incomingCallEnded.callId, frame.incomingCallEnded.reason);
    } else {
      const body = frame.callEvent ?? frame.meetingEvent ?? frame.mediaAnswer ?? frame.mediaAssignments ?? frame.mediaStateChanged;
      if (body?.callId) this.#callFrame(body.callId, frame);
    }
  }

  /** Frames that overtake the result of the command that makes the call wait for it. */
  #callFrame(callId, frame) {
    const call = this.calls.find(({ id }) => id === callId);
    if (call) {
      call.handleFrame(frame);
      return;
    }
    const waiting = this.#early.get(callId) ?? [];
    if (waiting.length < MOST_EARLY_FRAMES) waiting.push(frame);
    this.#early.set(callId, waiting);
  }

  /** While it rings there is no view of the call yet, so the idle drawing shows the state. */
  #drawIdle(...states) {
    const machine = new StateMachine();
    states.forEach((state, index) => index > 0 && machine.travel(states[index - 1], state));
    find('#idle-machine').replaceChildren(machine.element);
  }

  #rings(incoming) {
    this.#drawIdle('None', 'Connecting', 'Ringing');
    const name = incoming.callerDisplayName || 'Somebody';
    if (this.#parameters.answersAutomatically) {
      this.#accept(incoming, { withCamera: this.#parameters.startsWithCamera, name });
      return;
    }
    this.#incoming.show(incoming, this.calls.some((call) => !call.isOver));
  }

  async #accept(incoming, { withCamera, name }) {
    await this.#holdOthers();
    const call = this.#newCall('Incoming', name, withCamera);
    call.again = { target: incoming.caller?.rawId, name };
    const view = this.#place(call);
    const accepted = call.accept(incoming, this.#ownName);
    this.#deliverEarly(call);
    await this.#settle(view, accepted);
  }

  /** Starts a call: `begin` sends the command that makes it. */
  async #start(name, begin, { withCamera = find('#camera-choice').checked, isMuted = false } = {}) {
    if (this.session?.state !== 'open') {
      this.#banners.flash('Not connected to the exchange yet.');
      return;
    }
    await this.#holdOthers();
    const call = this.#newCall('Outgoing', name, withCamera);
    call.wantsMute = isMuted;
    call.again = { begin, name };
    const view = this.#place(call);
    await this.#settle(view, begin(call));
    this.#deliverEarly(call);
  }

  #newCall(direction, title, wantsCamera) {
    const call = new Call({ session: this.session, media: this.#media, direction, title, wantsCamera });
    call.isSynthetic = this.#parameters.isSynthetic;
    call.ownName = this.#ownName;
    call.ownRawId = this.#credential.identity.rawId;
    return call;
  }

  async #settle(view, beginning) {
    try {
      await beginning;
    } catch (error) {
      if (view.call.isOfMeeting && error.reason) {
        // Refused at the door: said where the meeting would have been, until the person goes on.
        view.call.abandon(error.reason);
        return;
      }
      this.#remove(view);
      this.#banners.flash(`${view.call.title}: ${errorText(error)}`, 'bad');
    }
  }

  #deliverEarly(call) {
    const frames = this.#early.get(call.id) ?? [];
    this.#early.delete(call.id);
    for (const frame of frames) call.handleFrame(frame);
  }

  async #holdOthers() {
    const connected = this.calls.filter(({ state }) => state === 'Connected' || state === 'RemoteHold');
    await Promise.all(connected.map((call) => call.hold().catch(() => {})));
  }

  #place(call) {
    const view = new CallView(call, {
      banners: this.#banners,
      credential: this.#credential,
      users: () => this.#users,
      onEnded: () => this.#drawStrip(),
      onClosed: (closed) => this.#remove(closed),
      onAgain: (ended) => {
        const { begin, target, name } = ended.call.again;
        this.#remove(ended);
        this.#start(name, begin ?? ((next) => next.place([target], this.#ownName)));
      },
    });
    this.#drawIdle('None');
    for (const old of this.#views.filter(({ call: { isOver } }) => isOver)) this.#remove(old);
    this.#views.push(view);
    this.#show(view);
    return view;
  }

  #remove(view) {
    this.#views = this.#views.filter((candidate) => candidate !== view);
    view.destroy();
    if (this.#active === view) this.#show(this.#views.at(-1) ?? null);
    if (this.#views.length === 0) this.#media?.release();
    this.#drawStrip();
  }

  #show(view) {
    this.#active = view;
    find('#idle').hidden = view !== null;
    find('#idle-trace').hidden = view !== null;
    find('#workspace').dataset.mode = view ? 'call' : 'idle';
    find('#stage').replaceChildren(...(view ? [view.stage] : []));
    find('#trace').replaceChildren(...(view ? [view.trace] : []));
    this.#drawStrip();
  }

  /** More than one call: a strip to switch between them. */
  #drawStrip() {
    const strip = find('#strip');
    strip.hidden = this.#views.length < 2;
    strip.replaceChildren(...this.#views.map((view) => h('button', {
      type: 'button',
      class: 'button small',
      'aria-pressed': String(view === this.#active),
      onclick: () => this.#show(view),
    }, `${view.call.title}: ${view.call.isOver ? 'ended' : 'in progress'}`)));
  }

  async #refreshUsers() {
    try {
      this.#users = await listUsers();
      this.#banners.takeDown('users');
    } catch (error) {
      if (this.#users.length === 0) this.#banners.put('users', error.message, { tone: 'bad' });
      return;
    }
    if (this.#credential) this.#people.show(this.#users, this.#credential.identity);
  }

  #leave() {
    if (this.calls.some((call) => !call.isOver)) {
      this.#banners.flash('Hang up first.');
      return;
    }
    sessionStorage.removeItem(IDENTITY_KEY);
    location.assign('/call');
  }

  #key(event) {
    const isTyping = event.target.closest?.('input, textarea, select, dialog');
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (this.#active?.press(event.key.toLowerCase())) event.preventDefault();
  }

  async #try(work) {
    try {
      await work();
    } catch (error) {
      this.#banners.flash(errorText(error), 'bad');
    }
  }
}

/** For the console, and for programs that drive this page. */
globalThis.trunkline = new App();
globalThis.trunkline.run();
