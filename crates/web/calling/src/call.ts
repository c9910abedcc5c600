// One call of this page: the public object, how it begins and ends, and the frames it takes.

import { CallEvents } from './call-events.js';
import type { Begin, CallHost } from './call-host.js';
import { CallInfoImpl } from './call-info.js';
import { CallMedia, type MediaHost } from './call-media.js';
import { CallMute } from './call-mute.js';
import { CallRoster } from './call-roster.js';
import { HELD, IN_CALL, STATES } from './call-state.js';
import { CallStreams } from './call-streams.js';
import { bindMethods, Emitter } from './emitter.js';
import { NotSupportedError, wrongState, type CallingError } from './errors.js';
import { FeatureSet } from './features/set.js';
import type { CallState as WireState, Participant } from './gen/trunkline/calling/v1/calling_pb.js';
import { MediaState, type ServerFrame } from './gen/trunkline/signaling/v1/signaling_service_pb.js';
import type { LocalAudioStream, LocalVideoStream } from './local-streams.js';
import { LobbyImpl } from './lobby.js';
import { Meeting } from './meetings.js';
import type { RemoteParticipantImpl } from './participant.js';
import type { Peer, SendRole } from './peer.js';
import { endReason, refusalReason } from './reasons.js';
import type { RemoteVideoStreamImpl } from './remote-streams.js';
import type { CommandFields, CommandKind } from './session.js';
import type { Tile } from './tiles.js';
import type { CallFeature, CallFeatureFactory } from './types/features.js';
import type { Call, RemoteAudioStream, TeamsCall } from './types/objects.js';
import type { JoinCallOptions } from './types/options.js';
import type {
  AddPhoneNumberOptions, AddTeamsParticipantOptions, CallConstraints, CallDirection, CallEndReason, CallerInfo, CallKind,
  CallState, CommunicationIdentifier, DtmfTone, HangUpOptions, ParticipantRole,
} from './types/values.js';

/** How long what a command changes may take to show after the exchange took it up. */
const EFFECT_DEADLINE_MS = 5_000;

export class CallImpl extends Emitter implements Call, TeamsCall, MediaHost {
  readonly kind: CallKind;
  id: string;
  readonly callerInfo: CallerInfo;
  readonly transferorInfo: CallerInfo | undefined;
  state: CallState = 'None';
  callEndReason: CallEndReason | undefined;
  readonly direction: CallDirection;
  isMuted: boolean;
  isIncomingAudioMuted = false;
  isScreenSharingOn = false;
  isLocalVideoStarted = false;
  localVideoStreams: ReadonlyArray<LocalVideoStream>;
  localAudioStreams: ReadonlyArray<LocalAudioStream> = [];
  remoteAudioStreams: ReadonlyArray<RemoteAudioStream> = [];
  remoteParticipants: ReadonlyArray<RemoteParticipantImpl> = [];
  role: ParticipantRole = 'Unknown';
  readonly lobby: LobbyImpl;
  readonly info: CallInfoImpl;
  readonly isEmergencyCall = false;

  /** @internal What features listen to; never seen outside. */
  readonly inner = new Emitter();
  /** @internal */
  media: CallMedia | undefined;
  /** @internal */
  meeting: Meeting | undefined;

  /** @internal */
  readonly host: CallHost;
  /** @internal */
  readonly options: JoinCallOptions;
  /** @internal Resolves once the exchange answered, or the call is over. */
  readonly begun: Promise<void>;
  /** @internal Whether `id` is the exchange's. */
  hasId: boolean;
  /** @internal */
  readonly roster = new CallRoster(this);
  /** @internal */
  readonly streams = new CallStreams(this);

  private readonly ownMute = new CallMute(this);
  private readonly events = new CallEvents(this);
  private readonly features: FeatureSet;
  private resolveBegun!: () => void;
  private isEnding = false;
  private readonly microphoneChanged = () => void this.streams.switchMicrophone();

  constructor(host: CallHost, settings: {
    kind: CallKind; direction: CallDirection; callerInfo: CallerInfo; options: JoinCallOptions; id?: string; participantId?: string;
  }) {
    super();
    this.host = host;
    this.kind = settings.kind;
    this.direction = settings.direction;
    this.callerInfo = settings.callerInfo;
    this.options = settings.options;
    this.id = settings.id ?? crypto.randomUUID();
    this.hasId = settings.id !== undefined;
    this.isMuted = settings.options.audioOptions?.muted ?? false;
    this.localVideoStreams = [...settings.options.videoOptions?.localVideoStreams ?? []].slice(0, 1);
    this.begun = new Promise((resolve) => { this.resolveBegun = resolve; });
    this.info = new CallInfoImpl(async () => {
      await this.begun;
      if (!this.hasId) throw wrongState('the call was not set up');
      return this.id;
    });
    this.info.participantId = settings.participantId ?? '';
    bindMethods(this);
    this.lobby = new LobbyImpl(this);
    this.features = new FeatureSet(this);
  }

  get isOver(): boolean {
    return this.isEnding || this.state === 'Disconnecting' || this.state === 'Disconnected';
  }

  /** @internal */
  get isInCall(): boolean {
    return IN_CALL.has(this.state);
  }

  /** @internal Who this side is. */
  get ownIdentifier(): CommunicationIdentifier {
    return this.host.ownIdentifier;
  }

  feature<T extends CallFeature>(factory: CallFeatureFactory<T>): T {
    return this.features.get(factory);
  }

  async hangUp(options?: HangUpOptions): Promise<void> {
    if (this.state === 'Disconnected') return;
    await this.begun;
    if (this.isDisconnected()) return;
    const forEveryone = options?.forEveryone ?? false;
    if (!forEveryone) this.setState('Disconnecting');
    try {
      await this.command('hangUp', { forEveryone });
      await this.until(() => this.isDisconnected());
    } catch (error) {
      // Leaving cannot be refused: whatever the exchange thinks, this side is gone.
      if (forEveryone) throw error;
    }
    this.end({ code: 0, subCode: 0, message: 'this side left', resultCategories: ['Success'] });
  }

  mute(): Promise<void> {
    return this.ownMute.switch(true);
  }

  unmute(): Promise<void> {
    return this.ownMute.switch(false);
  }

  async muteAllRemoteParticipants(): Promise<void> {
    await this.command('muteAllParticipants', {});
  }

  async muteIncomingAudio(): Promise<void> {
    this.ownMute.setIncomingMuted(true);
  }

  async unmuteIncomingAudio(): Promise<void> {
    this.ownMute.setIncomingMuted(false);
  }

  async sendDtmf(_tone: DtmfTone): Promise<void> {
    this.assertLive();
    throw new NotSupportedError('sending tones');
  }

  async hold(): Promise<void> {
    this.assertLive();
    await this.command('hold', {});
    await this.until(() => this.state === 'LocalHold');
  }

  async resume(): Promise<void> {
    this.assertLive();
    await this.command('resume', {});
    await this.until(() => this.state !== 'LocalHold');
  }

  startVideo(stream: LocalVideoStream): Promise<void> {
    return this.streams.startVideo(stream);
  }

  stopVideo(stream: LocalVideoStream): Promise<void> {
    return this.streams.stopVideo(stream);
  }

  startScreenSharing(stream?: LocalVideoStream): Promise<void> {
    return this.streams.startScreenSharing(stream);
  }

  stopScreenSharing(): Promise<void> {
    return this.streams.stopScreenSharing();
  }

  startAudio(stream: LocalAudioStream): Promise<void> {
    return this.streams.startAudio(stream);
  }

  stopAudio(): Promise<void> {
    return this.streams.stopAudio();
  }

  setConstraints(constraints: CallConstraints): Promise<void> {
    return this.streams.setConstraints(constraints);
  }

  addParticipant(identifier: CommunicationIdentifier, options?: AddPhoneNumberOptions & AddTeamsParticipantOptions): RemoteParticipantImpl {
    return this.roster.add(identifier, options);
  }

  removeParticipant(identifier: CommunicationIdentifier): Promise<void> {
    return this.roster.remove(identifier);
  }

  /** @internal Begins: everything that `startCall`, `join` and `accept` do after they returned. */
  async begin(request: () => Begin | Promise<Begin>): Promise<void> {
    try {
      this.setState('Connecting');
      const { kind, fields } = await request();
      this.media = new CallMedia(this, this.host.devices, this.host.iceServers);
      this.gate();
      this.host.devices.on('selectedMicrophoneChanged', this.microphoneChanged);
      void this.streams.openMicrophone();
      const media = await this.media.offer();
      const result = await this.host.session.command<CommandKind>(kind, { ...fields, media } as never);
      this.setId(result.callId || this.id);
      this.info.update({ participantId: result.participantId });
      this.host.handleBegun(this);
      this.remoteAudioStreams = [this.media.remoteAudio];
      this.emit('remoteAudioStreamsUpdated', { added: [this.media.remoteAudio], removed: [] });
      this.media.tiles?.start();
      if (this.isMuted) void this.ownMute.push(true).catch(() => {});
    } catch (error) {
      this.end(refusalReason(error));
      throw error;
    } finally {
      this.resolveBegun();
    }
  }

  /** @internal Takes one frame that concerns this call. */
  handleFrame({ body }: ServerFrame): void {
    switch (body.case) {
      case 'callEvent':
        this.events.handle(body.value);
        break;
      case 'mediaAnswer':
        void this.media?.peer.answer(body.value.sdp).catch(() => this.diagnose('networkReconnect', 3));
        break;
      case 'mediaAssignments':
        this.media?.tiles?.assign(body.value.assignments);
        break;
      case 'mediaStateChanged':
        if (body.value.state === MediaState.FAILED) this.diagnose('networkReconnect', 3);
        break;
      case 'meetingEvent':
        this.meeting ??= new Meeting(this);
        this.meeting.handle(body.value);
        break;
      default:
    }
  }

  /** @internal The connection to the exchange came or went. */
  handleConnection(isConnected: boolean): void {
    this.diagnose('networkReconnect', isConnected ? 1 : 3);
    if (isConnected) this.media?.check();
  }

  /** @internal Waits for the exchange's name of the call: it knows of no other. */
  async command<Kind extends CommandKind>(kind: Kind, fields: Omit<CommandFields<Kind>, 'callId'>) {
    await this.begun;
    if (this.isDisconnected()) throw overError();
    return this.host.session.command(kind, { callId: this.id, ...fields } as unknown as CommandFields<Kind>);
  }

  /** @internal */
  chooseTiles(tiles: Tile[]): void {
    if (!this.isOver && this.hasId) void this.command('setVideoTiles', { tiles }).catch(() => {});
  }

  /** @internal */
  restartMedia(media: Awaited<ReturnType<Peer['offer']>>): Promise<unknown> {
    return this.command('restartMedia', { media });
  }

  /** @internal */
  async muteParticipant(participant: string): Promise<void> {
    await this.command('muteParticipant', { participant });
  }

  /** @internal */
  want(stream: RemoteVideoStreamImpl): void {
    this.media?.tiles?.want(stream);
  }

  /** @internal */
  release(stream: RemoteVideoStreamImpl): void {
    this.media?.tiles?.release(stream);
  }

  /** @internal */
  handleStreamEnded(role: SendRole): void {
    this.streams.handleStreamEnded(role);
  }

  /** @internal */
  diagnose(type: string, value: boolean | number): void {
    this.inner.emit('diagnostic', { type, value });
  }

  /** @internal What the exchange says of this side. */
  takeOwn(own: Participant): void {
    this.ownMute.takeOwn(own);
    this.streams.agreeOnScreen(own.isScreenSharingOn);
  }

  /** @internal Lets media out, or not. */
  gate(isMuted = this.isMuted): void {
    this.media?.setGate(isMuted, HELD.has(this.state));
  }

  /** @internal */
  setRole(role: ParticipantRole): void {
    if (role === this.role) return;
    this.role = role;
    this.emit('roleChanged');
  }

  /** @internal Where the exchange says this side is. */
  moveTo(wire: WireState, reason: CallEndReason | undefined): void {
    const state = STATES[wire];
    if (state === 'Disconnected') {
      this.end(reason ?? endReason(undefined));
      return;
    }
    if (state === 'None' || this.state === 'Disconnecting' || this.state === 'Disconnected') return;
    if (state === 'Disconnecting' && reason) this.callEndReason = reason;
    const isFirst = state === 'Connected' && !IN_CALL.has(this.state);
    this.setState(state);
    if (isFirst) {
      void this.ownMute.agree();
      void this.streams.startOfferedVideo();
    }
  }

  private setState(state: CallState): void {
    if (state === this.state || this.state === 'Disconnected') return;
    this.state = state;
    this.gate();
    this.emit('stateChanged');
    this.inner.emit('state', state);
  }

  private setId(id: string): void {
    const isChange = id !== this.id;
    this.id = id;
    this.hasId = true;
    if (isChange) this.emit('idChanged');
  }

  /** @internal Ends this side, whatever state it is in. */
  end(reason: CallEndReason): void {
    if (this.isEnding) return;
    this.isEnding = true;
    this.callEndReason = reason;
    this.host.devices.off('selectedMicrophoneChanged', this.microphoneChanged);
    this.media?.close();
    this.streams.end();
    this.setState('Disconnecting');
    this.roster.end(reason);
    this.setState('Disconnected');
    this.resolveBegun();
    this.host.handleEnded(this);
  }

  private isDisconnected(): boolean {
    return this.state === 'Disconnected';
  }

  /** @internal */
  assertLive(): void {
    if (this.isOver) throw overError();
  }

  /** @internal Waits until what a command changes has shown, or the call is over. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => {
      const deadline = setTimeout(done, EFFECT_DEADLINE_MS);
      const look = () => { if (holds() || this.isDisconnected()) done(); };
      this.on('stateChanged', look);
      this.on('remoteParticipantsUpdated', look);
      const finish = () => {
        this.off('stateChanged', look);
        this.off('remoteParticipantsUpdated', look);
      };
      function done(): void {
        clearTimeout(deadline);
        finish();
        resolve();
      }
    });
  }
}

function overError(): CallingError {
  return wrongState('the call is over');
}
