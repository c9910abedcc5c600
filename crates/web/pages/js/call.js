// One call of this tab: commands out, ordered events in, and the media path between.

import { MeetingModel } from './meeting-model.js';
import { CallModel } from './model.js';
import { Peer } from './peer.js';
import { HELD, OVER } from './states.js';
import { wireName } from './words.js';

const RESTART_DELAY_MS = 1_000;

/**
 * A call that this endpoint placed, joined or accepted.
 *
 * Events: `change` (anything worth drawing), `event` (detail: one call event), `transition`
 * (detail `{from, to}` of this connection), `meeting` (detail: one meeting event), `trouble` (detail:
 * words), `ended`.
 */
export class Call extends EventTarget {
  #session;
  #media;
  #tracks = { MICROPHONE: null, CAMERA: null, SCREEN: null };
  #restartTimer = null;
  #isStartingVideo = false;
  #awaitsSnapshot = false;

  model = new CallModel();
  /** What the meeting of this call is like; unknown where there is none, and in its lobby. */
  meeting = new MeetingModel();
  peer = new Peer();
  /** Which participant and what is on each receive m-line. */
  assignments = new Map();
  id = '';
  direction;
  title;
  state = 'None';
  path = ['None'];
  startedAt = Date.now();
  connectedAt = null;
  endedAt = null;
  endReason = null;
  mediaReport = null;
  wantsCamera;
  wantsMute = false;
  /** Whether this tab joined a meeting, as opposed to a call between people. */
  isOfMeeting = false;

  constructor({ session, media, direction, title, wantsCamera }) {
    super();
    this.#session = session;
    this.#media = media;
    this.direction = direction;
    this.title = title;
    this.wantsCamera = wantsCamera;
    this.peer.addEventListener('state', ({ detail }) => this.#mediaPathChanged(detail));
  }

  /** Calls somebody. */
  async place(targets, displayName) {
    return this.#begin('placeCall', { targets, displayName });
  }

  /** Joins the call of a group. */
  async join(groupId, displayName) {
    return this.#begin('joinCall', { groupId, displayName });
  }

  /** Joins a meeting, or comes to its lobby. */
  async joinMeeting(locator, displayName) {
    this.isOfMeeting = true;
    return this.#begin('joinCall', { meeting: locator, displayName });
  }

  /** Accepts a call that rings here. */
  async accept(incoming, displayName) {
    this.id = incoming.callId;
    this.model.ownId = incoming.participantId ?? '';
    return this.#begin('acceptCall', { callId: incoming.callId, displayName });
  }

  /** Takes one frame that concerns this call. */
  handleFrame(frame) {
    if (frame.callEvent) this.#handleEvent(frame.callEvent);
    else if (frame.mediaAnswer) this.#handleAnswer(frame.mediaAnswer);
    else if (frame.mediaAssignments) this.#handleAssignments(frame.mediaAssignments.assignments ?? []);
    else if (frame.mediaStateChanged) this.#handleMediaState(frame.mediaStateChanged);
    else if (frame.meetingEvent) this.#handleMeetingEvent(frame.meetingEvent);
  }

  /** The kind of command that an operation id stands for, if this tab gave it. */
  operationName(operationId) {
    return this.#session.operationName(operationId);
  }

  get isOver() {
    return OVER.has(this.state) || this.endReason !== null;
  }

  get isHeld() {
    return HELD.has(this.state);
  }

  get isMuted() {
    return this.model.own?.isMuted ?? this.wantsMute;
  }

  get isVideoOn() {
    return this.#tracks.CAMERA !== null;
  }

  get isScreenSharingOn() {
    return this.#tracks.SCREEN !== null;
  }

  /** The track this tab sends in a role, for a preview. */
  track(role) {
    return this.#tracks[role];
  }

  hangUp() {
    return this.#command('hangUp');
  }

  hangUpForEveryone() {
    return this.#command('hangUp', { forEveryone: true });
  }

  hold() {
    return this.#command('hold');
  }

  resume() {
    return this.#command('resume');
  }

  addParticipant(target) {
    return this.#command('addParticipant', { target });
  }

  cancelAddParticipant(participant) {
    return this.#command('cancelAddParticipant', { participant });
  }

  removeParticipant(participant) {
    return this.#command('removeParticipant', { participant });
  }

  muteParticipant(participant) {
    return this.#command('muteParticipant', { participant });
  }

  muteAllParticipants() {
    return this.#command('muteAllParticipants');
  }

  /** Admits, rejects, locks, raises a hand and so on: one MeetingAction. */
  actInMeeting(action) {
    return this.#command('actInMeeting', { action });
  }

  /** Shows somebody's camera in a receive m-line. */
  showIn(mid, participantId) {
    return this.#command('setVideoTiles', {
      tiles: [{ mid, participantId, kind: 'STREAM_KIND_CAMERA' }],
    });
  }

  /** Silences the microphone here at once, and at the exchange. */
  async mute() {
    this.wantsMute = true;
    this.#gateTracks();
    await this.#command('mute');
  }

  async unmute() {
    this.wantsMute = false;
    await this.#command('unmute');
    if (!this.#tracks.MICROPHONE) await this.#openMicrophone();
    this.#gateTracks();
  }

  async startVideo() {
    if (this.isVideoOn || this.#isStartingVideo || this.isOver) return;
    this.#isStartingVideo = true;
    try {
      const track = await this.#media.camera();
      await this.#start('CAMERA', track, 'startVideo');
    } finally {
      this.#isStartingVideo = false;
    }
  }

  async stopVideo() {
    await this.#stop('CAMERA');
    await this.#command('stopVideo');
  }

  async startScreenShare() {
    const track = await this.#media.screen();
    track.addEventListener('ended', () => {
      if (this.isScreenSharingOn && !this.isOver) this.stopScreenShare().catch(() => {});
    });
    await this.#start('SCREEN', track, 'startScreenShare');
  }

  async stopScreenShare() {
    await this.#stop('SCREEN');
    await this.#command('stopScreenShare');
  }

  /** Ends the call here without asking: the session is gone. */
  abandon(reason) {
    this.#end(reason);
  }

  async #begin(kind, fields) {
    this.#openMicrophone().catch((error) => this.#trouble(error.message));
    try {
      const media = await this.peer.offer();
      const result = await this.#session.command(kind, { ...fields, media });
      this.id = result.callId || this.id;
      this.model.ownId = result.participantId || this.model.ownId;
      this.#changed();
    } catch (error) {
      this.#close();
      throw error;
    }
  }

  /** Who comes in from the lobby is still silenced. A meeting may want it to stay so. */
  async #leaveSilenceOfLobby() {
    try {
      await this.unmute();
    } catch {
      this.wantsMute = true;
      this.#gateTracks();
    }
  }

  async #openMicrophone() {
    const track = await this.#media.microphone();
    if (this.isOver || this.#tracks.MICROPHONE) {
      track.stop();
      return;
    }
    this.#tracks.MICROPHONE = track;
    this.#gateTracks();
    await this.peer.send('MICROPHONE', track);
    this.#changed();
  }

  async #start(role, track, command) {
    try {
      await this.#command(command);
    } catch (error) {
      track.stop();
      throw error;
    }
    if (this.isOver) {
      track.stop();
      return;
    }
    this.#tracks[role] = track;
    this.#gateTracks();
    await this.peer.send(role, track);
    this.#changed();
  }

  async #stop(role) {
    const track = this.#tracks[role];
    this.#tracks[role] = null;
    track?.stop();
    await this.peer.send(role, null);
    this.#changed();
  }

  #command(kind, fields = {}) {
    return this.#session.command(kind, { callId: this.id, ...fields });
  }

  #handleEvent(event) {
    const before = this.model.own;
    const wasMuted = before?.isMuted ?? false;
    const outcome = this.model.apply(event);
    if (outcome === 'duplicate') return;
    if (outcome === 'gap') {
      if (!this.#awaitsSnapshot) this.#command('getSnapshot').catch(() => {});
      this.#awaitsSnapshot = true;
      return;
    }
    if (event.snapshot) this.#awaitsSnapshot = false;
    this.dispatchEvent(new CustomEvent('event', { detail: event }));
    const { own } = this.model;
    const change = event.callStateChanged;
    if (change?.participantId === this.model.ownId) {
      this.#moveTo(wireName(change.state, this.state), wireName(change.previous, this.state));
    } else if (event.snapshot && own) {
      // What rings came this way, and no other: events before the snapshot went to nobody here.
      const comesBy = own.callState === 'Ringing' || own.callState === 'InLobby';
      if (this.state === 'None' && comesBy) this.#moveTo('Connecting', 'None');
      this.#moveTo(own.callState, this.state);
    }
    // In the lobby everybody is silenced, whatever they chose.
    if (own && own.isMuted !== wasMuted && this.state !== 'InLobby') this.wantsMute = own.isMuted;
    if (own && this.isScreenSharingOn && event.participantUpdated && !own.isScreenSharingOn
      && event.participantUpdated.participant?.participantId === own.id) {
      this.#stop('SCREEN');
    }
    this.#gateTracks();
    const reason = event.callEnded?.reason
      ?? (change?.participantId === this.model.ownId && this.state === 'Disconnected' ? change.reason : null);
    if (reason || event.callEnded || this.state === 'Disconnected') this.#end(reason ?? this.endReason ?? {});
    this.#changed();
  }

  #handleMeetingEvent(event) {
    if (!this.meeting.apply(event)) return;
    this.dispatchEvent(new CustomEvent('meeting', { detail: event }));
    this.#changed();
  }

  #moveTo(state, from) {
    if (state === this.state) return;
    this.state = state;
    this.path.push(state);
    if (state === 'Connected' && this.connectedAt === null) {
      this.connectedAt = Date.now();
      if (this.wantsMute) this.mute().catch((error) => this.#trouble(error.message));
      else if (this.model.own?.isMuted) this.#leaveSilenceOfLobby();
      if (this.wantsCamera) this.startVideo().catch((error) => this.#trouble(error.message));
    }
    this.dispatchEvent(new CustomEvent('transition', { detail: { from, to: state } }));
  }

  async #handleAnswer({ sdp }) {
    try {
      await this.peer.answer(sdp);
    } catch (error) {
      this.#trouble(`The browser refused the exchange's media answer: ${error.message}`);
    }
  }

  #handleAssignments(assignments) {
    for (const { mid, participantId, kind } of assignments) {
      if (participantId) this.assignments.set(mid, { participantId, kind: wireName(kind, 'Camera') });
      else this.assignments.delete(mid);
    }
    this.#changed();
  }

  #handleMediaState(change) {
    const state = wireName(change.state, '');
    if (state === 'Connected') {
      this.mediaReport = { profile: change.srtpProfile ?? '', sinceOfferMs: change.sinceOfferMs ?? 0 };
    } else if (state === 'Failed') {
      this.#trouble(`Media could not be set up: ${change.cause || 'no connection to the media port'}`);
    }
    this.#changed();
  }

  /** A path that broke after it was up is built anew with fresh ICE credentials. */
  #mediaPathChanged(state) {
    this.#changed();
    clearTimeout(this.#restartTimer);
    if ((state === 'failed' || state === 'disconnected') && this.peer.connectTime !== null && !this.isOver) {
      this.#restartTimer = setTimeout(() => this.#restart(), RESTART_DELAY_MS);
    }
  }

  async #restart() {
    if (this.isOver || this.peer.state === 'connected') return;
    try {
      await this.#command('restartMedia', { media: await this.peer.offer({ iceRestart: true }) });
    } catch {
      if (!this.isOver) this.#restartTimer = setTimeout(() => this.#restart(), 4 * RESTART_DELAY_MS);
    }
  }

  /** Nothing leaves the devices while muted or held; the exchange stops it as well. */
  #gateTracks() {
    const { MICROPHONE, CAMERA, SCREEN } = this.#tracks;
    if (MICROPHONE) MICROPHONE.enabled = !this.wantsMute && !this.isHeld;
    if (CAMERA) CAMERA.enabled = !this.isHeld;
    if (SCREEN) SCREEN.enabled = !this.isHeld;
  }

  #end(reason) {
    const isFirst = this.endReason === null;
    this.endReason = isFirst || Object.keys(this.endReason).length === 0 ? reason : this.endReason;
    if (!isFirst) return;
    this.endedAt = Date.now();
    this.#close();
    this.dispatchEvent(new CustomEvent('ended'));
  }

  #close() {
    clearTimeout(this.#restartTimer);
    for (const role of Object.keys(this.#tracks)) {
      this.#tracks[role]?.stop();
      this.#tracks[role] = null;
    }
    this.peer.close();
  }

  #trouble(words) {
    this.dispatchEvent(new CustomEvent('trouble', { detail: words }));
  }

  #changed() {
    this.dispatchEvent(new CustomEvent('change'));
  }
}
