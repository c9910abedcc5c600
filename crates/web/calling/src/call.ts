// One call of this page: commands out, ordered events in, and the public object that shows it.

import { CallMedia, type MediaHost } from './call-media.js';
import type { DeviceManagerImpl } from './device-manager.js';
import { bindMethods, Emitter } from './emitter.js';
import { CallingError, NotSupportedError, wrongArgument, wrongState } from './errors.js';
import { FeatureSet } from './features/set.js';
import {
  CallState as WireState, TrackRole, type Call as WireCall, type CallEvent, type Participant,
} from './gen/trunkline/calling/v1/calling_pb.js';
import { MediaState, type ServerFrame } from './gen/trunkline/signaling/v1/signaling_service_pb.js';
import { rawIdOf } from './identifiers.js';
import { captureScreen, LocalAudioStream, LocalVideoStream } from './local-streams.js';
import { LobbyImpl } from './lobby.js';
import { Meeting } from './meetings.js';
import { RemoteParticipantImpl } from './participant.js';
import type { Peer, SendRole } from './peer.js';
import { endReason, refusalReason, SESSION_LOST } from './reasons.js';
import type { RemoteVideoStreamImpl } from './remote-streams.js';
import type { CommandFields, CommandKind, Session } from './session.js';
import type { Tile } from './tiles.js';
import type { CallFeature, CallFeatureFactory } from './types/features.js';
import type { Call, CallInfo, RemoteAudioStream, TeamsCall } from './types/objects.js';
import type { JoinCallOptions } from './types/options.js';
import type {
  AddPhoneNumberOptions, AddTeamsParticipantOptions, CallConstraints, CallDirection, CallEndReason, CallerInfo, CallKind,
  CallState, CommunicationIdentifier, DtmfTone, HangUpOptions, IceServer, ParticipantRole,
} from './types/values.js';

const STATES: Readonly<Record<WireState, CallState>> = {
  [WireState.UNSPECIFIED]: 'None',
  [WireState.NONE]: 'None',
  [WireState.CONNECTING]: 'Connecting',
  [WireState.RINGING]: 'Ringing',
  [WireState.EARLY_MEDIA]: 'EarlyMedia',
  [WireState.CONNECTED]: 'Connected',
  [WireState.LOCAL_HOLD]: 'LocalHold',
  [WireState.REMOTE_HOLD]: 'RemoteHold',
  [WireState.IN_LOBBY]: 'InLobby',
  [WireState.DISCONNECTING]: 'Disconnecting',
  [WireState.DISCONNECTED]: 'Disconnected',
};
const HELD: ReadonlySet<CallState> = new Set(['LocalHold', 'RemoteHold']);
const IN_CALL: ReadonlySet<CallState> = new Set(['Connected', 'LocalHold', 'RemoteHold']);
/** How long what a command changes may take to show after the exchange took it up. */
const EFFECT_DEADLINE_MS = 5_000;

/** What kind of request begins a call, and with what. */
export type Begin =
  | { kind: 'placeCall'; fields: Omit<CommandFields<'placeCall'>, 'media'> }
  | { kind: 'joinCall'; fields: Omit<CommandFields<'joinCall'>, 'media'> }
  | { kind: 'acceptCall'; fields: Omit<CommandFields<'acceptCall'>, 'media'> };

/** What a call needs of its agent. */
export interface CallHost {
  readonly session: Session;
  readonly devices: DeviceManagerImpl;
  readonly iceServers: IceServer[];
  readonly ownIdentifier: CommunicationIdentifier;
  handleBegun(call: CallImpl): void;
  handleEnded(call: CallImpl): void;
}

export class CallInfoImpl extends Emitter implements CallInfo {
  threadId: string | undefined;
  groupId: string | undefined;
  participantId = '';
  private readonly serverCallId: () => Promise<string>;

  constructor(serverCallId: () => Promise<string>) {
    super();
    this.serverCallId = serverCallId;
    bindMethods(this);
  }

  getServerCallId(): Promise<string> {
    return this.serverCallId();
  }

  onCallInfoChanged(event: 'callInfoChanged', listener: () => void): void {
    this.on(event, listener);
  }

  offCallInfoChanged(event: 'callInfoChanged', listener: () => void): void {
    this.off(event, listener);
  }

  /** @internal */
  update(values: Partial<Pick<CallInfoImpl, 'threadId' | 'groupId' | 'participantId'>>): void {
    const isChange = Object.entries(values).some(([name, value]) => value && this[name as 'threadId'] !== value);
    if (!isChange) return;
    for (const [name, value] of Object.entries(values)) if (value) this[name as 'threadId'] = value;
    this.emit('callInfoChanged');
  }
}

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

  private readonly host: CallHost;
  private readonly options: JoinCallOptions;
  private readonly features: FeatureSet;
  private readonly begun: Promise<void>;
  private resolveBegun!: () => void;
  private hasId: boolean;
  private wireMuted = false;
  private expectedMutes = 0;
  private muting: Promise<unknown> = Promise.resolve();
  private seq = 0n;
  private hasSnapshot = false;
  private awaitsSnapshot = false;
  private pendingAdds: RemoteParticipantImpl[] = [];
  private isEnding = false;
  private readonly microphoneChanged = () => void this.switchMicrophone();

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
    return this.switchMute(true);
  }

  unmute(): Promise<void> {
    return this.switchMute(false);
  }

  async muteAllRemoteParticipants(): Promise<void> {
    await this.command('muteAllParticipants', {});
  }

  async muteIncomingAudio(): Promise<void> {
    this.setIncomingMuted(true);
  }

  async unmuteIncomingAudio(): Promise<void> {
    this.setIncomingMuted(false);
  }

  async sendDtmf(_tone: DtmfTone): Promise<void> {
    this.assertLive();
    throw new NotSupportedError('sending tones');
  }

  async startVideo(stream: LocalVideoStream): Promise<void> {
    if (!(stream instanceof LocalVideoStream)) throw wrongArgument('a LocalVideoStream is needed');
    this.assertLive();
    if (this.isLocalVideoStarted) throw wrongState('a video is started already');
    await this.sendVideo(stream);
  }

  async stopVideo(stream: LocalVideoStream): Promise<void> {
    if (this.isOver) return;
    const known = this.localVideoStreams.find((own) => own.mediaStreamType === 'Video'
      && (own === stream || own.source.id === stream?.source?.id));
    if (!known) throw wrongArgument('the stream is not in this call');
    await this.media?.stop(TrackRole.CAMERA);
    this.removeVideo(known);
    if (this.hasId && !this.isOver) await this.command('stopVideo', {}).catch(ignoreWhen(() => this.isOver));
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

  async startScreenSharing(stream?: LocalVideoStream): Promise<void> {
    this.assertLive();
    if (this.isScreenSharingOn) return;
    let local: LocalVideoStream;
    try {
      local = stream ?? await captureScreen();
    } catch (error) {
      this.diagnose('capturerStartFailed', true);
      throw error;
    }
    local.kind = 'ScreenSharing';
    try {
      await this.command('startScreenShare', {});
      if (!this.media) throw wrongState('the call has no media');
      await this.media.send(TrackRole.SCREEN, local);
    } catch (error) {
      if (!stream) stopTracks(local);
      throw error;
    }
    if (this.isOver) return;
    this.isScreenSharingOn = true;
    this.addVideo(local);
    this.emit('isScreenSharingOnChanged');
  }

  async stopScreenSharing(): Promise<void> {
    if (!this.isScreenSharingOn) return;
    await this.dropScreen();
    if (!this.isOver) await this.command('stopScreenShare', {}).catch(ignoreWhen(() => this.isOver));
  }

  async startAudio(stream: LocalAudioStream): Promise<void> {
    if (!(stream instanceof LocalAudioStream)) throw wrongArgument('a LocalAudioStream is needed');
    this.assertLive();
    await this.sendAudio(stream);
  }

  async stopAudio(): Promise<void> {
    await this.media?.stop(TrackRole.MICROPHONE);
    this.setAudioStreams([]);
  }

  async setConstraints({ video }: CallConstraints): Promise<void> {
    const { bitrate, frameRate, frameHeight } = video?.send ?? {};
    const height = this.localVideoStreams[0]?.track?.getSettings().height;
    await this.media?.peer.constrain({
      ...(bitrate?.max && { maxBitrate: bitrate.max }),
      ...(frameRate?.max && { maxFramerate: frameRate.max }),
      ...(frameHeight?.max && height && { scaleResolutionDownBy: Math.max(1, height / frameHeight.max) }),
    });
  }

  addParticipant(identifier: CommunicationIdentifier, options?: AddPhoneNumberOptions & AddTeamsParticipantOptions): RemoteParticipantImpl {
    this.assertLive();
    const target = rawIdOf(identifier);
    const known = this.remoteParticipants.find(({ rawId, state }) => rawId === target && state !== 'Disconnected');
    if (known) return known;
    const participant = new RemoteParticipantImpl(target, this);
    participant.state = 'Connecting';
    this.pendingAdds.push(participant);
    this.command('addParticipant', { target, ...(options?.threadId && { threadId: options.threadId }) }).then(
      ({ addedParticipantId }) => { participant.participantId ||= addedParticipantId; },
      (error) => {
        this.pendingAdds = this.pendingAdds.filter((other) => other !== participant);
        participant.end(refusalReason(error));
      },
    );
    return participant;
  }

  async removeParticipant(identifier: CommunicationIdentifier): Promise<void> {
    const target = rawIdOf(identifier);
    const participant = this.remoteParticipants.find(({ rawId, state }) => rawId === target && state !== 'Disconnected');
    if (!participant) throw wrongArgument('the participant is not in the call');
    const isRinging = participant.state === 'Ringing' || participant.state === 'Connecting';
    await this.command(isRinging ? 'cancelAddParticipant' : 'removeParticipant', { participant: participant.participantId });
    await this.until(() => !this.remoteParticipants.includes(participant));
  }

  /** @internal Begins: everything that `startCall`, `join` and `accept` do after they returned. */
  async begin(request: () => Begin | Promise<Begin>): Promise<void> {
    try {
      this.setState('Connecting');
      const { kind, fields } = await request();
      this.media = new CallMedia(this, this.host.devices, this.host.iceServers);
      this.media.setGate(this.isMuted, false);
      this.host.devices.on('selectedMicrophoneChanged', this.microphoneChanged);
      void this.openMicrophone();
      const media = await this.media.offer();
      const result = await this.host.session.command<CommandKind>(kind, { ...fields, media } as never);
      this.setId(result.callId || this.id);
      this.info.update({ participantId: result.participantId });
      this.host.handleBegun(this);
      this.remoteAudioStreams = [this.media.remoteAudio];
      this.emit('remoteAudioStreamsUpdated', { added: [this.media.remoteAudio], removed: [] });
      this.media.tiles?.start();
      if (this.isMuted) void this.pushMute(true).catch(() => {});
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
        this.handleEvent(body.value);
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

  /** @internal The exchange forgot the session. */
  abandon(): void {
    this.end(SESSION_LOST);
  }

  /** @internal The connection to the exchange came or went. */
  handleConnection(isConnected: boolean): void {
    this.diagnose('networkReconnect', isConnected ? 1 : 3);
    if (isConnected) this.media?.check();
  }

  /** @internal */
  command<Kind extends CommandKind>(kind: Kind, fields: Omit<CommandFields<Kind>, 'callId'>) {
    if (this.state === 'Disconnected') return Promise.reject(overError());
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
    if (this.isOver) return;
    if (role === TrackRole.SCREEN) {
      void this.stopScreenSharing().catch(() => {});
    } else if (role === TrackRole.CAMERA) {
      this.diagnose('cameraStoppedUnexpectedly', true);
      const stream = this.localVideoStreams.find(({ mediaStreamType }) => mediaStreamType === 'Video');
      if (stream) void this.stopVideo(stream).catch(() => {});
    } else {
      this.diagnose('microphoneNotFunctioning', true);
      void this.switchMicrophone();
    }
  }

  /** @internal */
  diagnose(type: string, value: boolean | number): void {
    this.inner.emit('diagnostic', { type, value });
  }

  /** @internal */
  participantById(participantId: string): RemoteParticipantImpl | undefined {
    return this.remoteParticipants.find((participant) => participant.participantId === participantId);
  }

  /** @internal Who is about to come, so that the roster's entry becomes the object that is known. */
  expect(participant: RemoteParticipantImpl): void {
    this.pendingAdds.push(participant);
  }

  /** @internal */
  unexpect(participant: RemoteParticipantImpl): void {
    this.pendingAdds = this.pendingAdds.filter((other) => other !== participant);
  }

  /** @internal */
  setRole(role: ParticipantRole): void {
    if (role === this.role) return;
    this.role = role;
    this.emit('roleChanged');
  }

  private handleEvent(event: CallEvent): void {
    if (event.kind.case === 'snapshot') {
      this.restore(event.kind.value, event.seq);
    } else if (this.hasSnapshot && event.seq <= this.seq) {
      return;
    } else if (event.seq !== this.seq + 1n && (this.hasSnapshot || this.seq !== 0n)) {
      if (!this.awaitsSnapshot) void this.command('getSnapshot', {}).catch(() => {});
      this.awaitsSnapshot = true;
    } else {
      this.seq = event.seq;
      this.apply(event);
    }
  }

  private restore(call: WireCall, seq: bigint): void {
    this.hasSnapshot = true;
    this.awaitsSnapshot = false;
    this.seq = seq || call.seq;
    this.info.update({ threadId: call.threadId, groupId: call.groupId });
    const others = call.participants.filter(({ participantId }) => participantId !== this.info.participantId);
    const gone = this.remoteParticipants.filter(({ participantId }) => !others.some((other) => other.participantId === participantId));
    for (const participant of gone) this.removeRemote(participant, undefined);
    for (const participant of others) this.put(participant);
    const own = call.participants.find(({ participantId }) => participantId === this.info.participantId);
    if (own) {
      this.takeOwn(own);
      this.moveTo(own.callState, own.callEndReason && endReason(own.callEndReason));
    }
    if (call.endReason) this.end(endReason(call.endReason));
  }

  private apply({ kind }: CallEvent): void {
    switch (kind.case) {
      case 'callStateChanged': {
        const { participantId, state, participantState, reason } = kind.value;
        if (participantId === this.info.participantId) this.moveTo(state, reason && endReason(reason));
        else this.participantById(participantId)?.setState(participantState, reason);
        break;
      }
      case 'participantStateChanged': {
        const { participantId, state, reason } = kind.value;
        this.participantById(participantId)?.setState(state, reason);
        break;
      }
      case 'participantAdded':
      case 'participantUpdated':
        if (kind.value.participant) this.put(kind.value.participant);
        break;
      case 'participantRemoved': {
        const participant = this.participantById(kind.value.participantId);
        if (participant) this.removeRemote(participant, kind.value.reason && endReason(kind.value.reason));
        break;
      }
      case 'speakingChanged':
        for (const { participantId, isSpeaking } of kind.value.changes) {
          const participant = this.participantById(participantId);
          participant?.setSpeaking(isSpeaking);
          if (participant) this.inner.emit('speaking', participant);
        }
        break;
      case 'callStarted':
      case 'callKindChanged':
        this.info.update({ threadId: kind.value.threadId });
        break;
      case 'callEnded':
        this.end(endReason(kind.value.reason));
        break;
      default:
    }
  }

  private put(wire: Participant): void {
    if (wire.participantId === this.info.participantId) {
      this.takeOwn(wire);
      return;
    }
    const rawId = wire.identifier?.rawId ?? '';
    const known = this.participantById(wire.participantId);
    const added = this.pendingAdds.find((participant) => participant.participantId === wire.participantId || participant.rawId === rawId);
    const participant = known ?? added ?? new RemoteParticipantImpl(rawId, this);
    this.pendingAdds = this.pendingAdds.filter((other) => other !== added);
    if (this.meeting) participant.setRole(this.meeting.roleOf(wire.participantId));
    participant.update(wire);
    if (!known && participant.state !== 'Disconnected') {
      this.remoteParticipants = [...this.remoteParticipants, participant];
      this.emit('remoteParticipantsUpdated', { added: [participant], removed: [] });
    }
    this.lobby.refresh();
  }

  private removeRemote(participant: RemoteParticipantImpl, reason: CallEndReason | undefined): void {
    participant.end(reason ?? endReason(undefined));
    this.remoteParticipants = this.remoteParticipants.filter((other) => other !== participant);
    this.emit('remoteParticipantsUpdated', { added: [], removed: [participant] });
    this.inner.emit('speaking', participant);
    this.lobby.refresh();
  }

  private takeOwn(own: Participant): void {
    const isChange = own.isMuted !== this.wireMuted;
    this.wireMuted = own.isMuted;
    if (isChange && this.expectedMutes > 0) {
      this.expectedMutes -= 1;
    } else if (isChange && own.isMuted !== this.isMuted && IN_CALL.has(this.state)) {
      this.setMuted(own.isMuted);
      if (own.isMuted) this.emit('mutedByOthers');
    }
    if (this.isScreenSharingOn && !own.isScreenSharingOn && this.wasSharing) void this.dropScreen();
    this.wasSharing = own.isScreenSharingOn;
  }

  private wasSharing = false;

  private moveTo(wire: WireState, reason: CallEndReason | undefined): void {
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
      void this.agreeOnMute();
      void this.startOfferedVideo();
    }
  }

  private setState(state: CallState): void {
    if (state === this.state || this.state === 'Disconnected') return;
    this.state = state;
    this.media?.setGate(this.isMuted, HELD.has(state));
    this.emit('stateChanged');
    this.inner.emit('state', state);
  }

  private setId(id: string): void {
    const isChange = id !== this.id;
    this.id = id;
    this.hasId = true;
    if (isChange) this.emit('idChanged');
  }

  /** Who waited in a lobby was muted there: what was chosen before holds from here on, if it may. */
  private async agreeOnMute(): Promise<void> {
    try {
      await this.pushMute(this.isMuted);
    } catch {
      if (!this.isOver) this.setMuted(this.wireMuted);
    }
  }

  /** The camera that was chosen before the call begins once it is connected. */
  private async startOfferedVideo(): Promise<void> {
    const stream = this.localVideoStreams.find(({ mediaStreamType }) => mediaStreamType === 'Video');
    if (!stream || this.isLocalVideoStarted) return;
    try {
      await this.sendVideo(stream);
    } catch {
      // The diagnostic says why; the call goes on without a picture.
      this.removeVideo(stream);
    }
  }

  private async sendVideo(stream: LocalVideoStream): Promise<void> {
    if (!this.media) await this.begun;
    if (!this.media) throw overError();
    try {
      await this.media.send(TrackRole.CAMERA, stream);
    } catch (error) {
      this.media.diagnoseFailure('camera', error);
      throw error;
    }
    this.diagnose('cameraStartFailed', false);
    this.diagnose('cameraPermissionDenied', false);
    try {
      await this.command('startVideo', {});
    } catch (error) {
      await this.media.stop(TrackRole.CAMERA);
      throw error;
    }
    if (this.isOver) return;
    this.addVideo(stream);
    if (this.isLocalVideoStarted) return;
    this.isLocalVideoStarted = true;
    this.emit('isLocalVideoStartedChanged');
    this.host.devices.refresh();
  }

  private addVideo(stream: LocalVideoStream): void {
    if (this.localVideoStreams.includes(stream)) return;
    this.localVideoStreams = [...this.localVideoStreams, stream];
    this.emit('localVideoStreamsUpdated', { added: [stream], removed: [] });
  }

  private removeVideo(stream: LocalVideoStream): void {
    if (!this.localVideoStreams.includes(stream)) return;
    this.localVideoStreams = this.localVideoStreams.filter((other) => other !== stream);
    if (stream.mediaStreamType === 'Video' && this.isLocalVideoStarted) {
      this.isLocalVideoStarted = false;
      this.emit('isLocalVideoStartedChanged');
    }
    this.emit('localVideoStreamsUpdated', { added: [], removed: [stream] });
  }

  private async dropScreen(): Promise<void> {
    this.isScreenSharingOn = false;
    const stream = this.localVideoStreams.find(({ mediaStreamType }) => mediaStreamType === 'ScreenSharing');
    await this.media?.stop(TrackRole.SCREEN);
    if (stream) {
      stopTracks(stream);
      this.removeVideo(stream);
    }
    this.emit('isScreenSharingOnChanged');
  }

  private async openMicrophone(): Promise<void> {
    const given = this.options.audioOptions?.localAudioStreams?.[0];
    const chosen = this.host.devices.selectedMicrophone;
    const any = { name: '', id: 'microphone:', isSystemDefault: true, deviceType: 'Microphone' as const };
    try {
      await this.sendAudio(given ?? new LocalAudioStream(chosen ?? any));
      this.host.devices.refresh();
    } catch (error) {
      // A call without a microphone is a call still: one can hear, and the diagnostic says what is amiss.
      this.media?.diagnoseFailure('microphone', error);
    }
  }

  private async sendAudio(stream: LocalAudioStream): Promise<void> {
    if (!this.media) throw overError();
    await this.media.send(TrackRole.MICROPHONE, stream);
    if (this.isOver) return;
    this.diagnose('microphoneNotFunctioning', false);
    this.diagnose('microphonePermissionDenied', false);
    this.setAudioStreams([stream]);
  }

  private setAudioStreams(streams: LocalAudioStream[]): void {
    const removed = this.localAudioStreams.filter((stream) => !streams.includes(stream));
    const added = streams.filter((stream) => !this.localAudioStreams.includes(stream));
    this.localAudioStreams = streams;
    if (added.length > 0 || removed.length > 0) this.emit('localAudioStreamsUpdated', { added, removed });
  }

  private async switchMicrophone(): Promise<void> {
    const [stream] = this.localAudioStreams;
    const device = this.host.devices.selectedMicrophone;
    if (this.isOver || !device || stream?.source.id === device.id || stream?.source.id.startsWith('stream:')) return;
    try {
      if (stream && stream.source.id !== 'microphone:') await stream.switchSource(device);
      else if (!stream) await this.sendAudio(new LocalAudioStream(device));
    } catch (error) {
      this.media?.diagnoseFailure('microphone', error);
    }
  }

  private async switchMute(isMuted: boolean): Promise<void> {
    this.assertLive();
    if (isMuted) this.media?.setGate(true, HELD.has(this.state));
    if (!isMuted && this.media && this.localAudioStreams.length === 0) await this.openMicrophone();
    await this.begun;
    await this.pushMute(isMuted);
    this.setMuted(isMuted);
  }

  /** Tells the exchange, one change after the other, unless it thinks so already. */
  private pushMute(isMuted: boolean): Promise<void> {
    const push = async () => {
      if (this.wireMuted === isMuted && this.expectedMutes === 0) return;
      this.expectedMutes += 1;
      try {
        await this.command(isMuted ? 'mute' : 'unmute', {});
      } catch (error) {
        this.expectedMutes = Math.max(0, this.expectedMutes - 1);
        this.media?.setGate(this.isMuted, HELD.has(this.state));
        throw error;
      }
    };
    const next = this.muting.then(push);
    this.muting = next.catch(() => {});
    return next;
  }

  private setMuted(isMuted: boolean): void {
    const isChange = isMuted !== this.isMuted;
    this.isMuted = isMuted;
    this.media?.setGate(isMuted, HELD.has(this.state));
    if (!isChange) return;
    this.emit('isMutedChanged');
    this.inner.emit('muted', isMuted);
  }

  private setIncomingMuted(isMuted: boolean): void {
    this.media?.setIncomingMuted(isMuted);
    if (isMuted === this.isIncomingAudioMuted) return;
    this.isIncomingAudioMuted = isMuted;
    this.emit('isIncomingAudioMutedChanged');
  }

  private end(reason: CallEndReason): void {
    if (this.isEnding) return;
    this.isEnding = true;
    this.callEndReason = reason;
    this.host.devices.off('selectedMicrophoneChanged', this.microphoneChanged);
    this.media?.close();
    for (const stream of this.localVideoStreams) {
      if (stream.mediaStreamType === 'ScreenSharing') stopTracks(stream);
      this.removeVideo(stream);
    }
    this.isScreenSharingOn = false;
    this.setState('Disconnecting');
    for (const participant of this.remoteParticipants) participant.end(reason);
    for (const participant of this.pendingAdds) participant.end(reason);
    this.setState('Disconnected');
    this.resolveBegun();
    this.host.handleEnded(this);
  }

  private isDisconnected(): boolean {
    return this.state === 'Disconnected';
  }

  private assertLive(): void {
    if (this.isOver) throw overError();
  }

  /** Waits until what a command changes has shown, or the call is over. */
  private until(holds: () => boolean): Promise<void> {
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

function ignoreWhen(isOver: () => boolean): (error: unknown) => void {
  return (error) => { if (!isOver()) throw error; };
}

function stopTracks(stream: LocalVideoStream): void {
  for (const track of stream.media?.getTracks() ?? []) track.stop();
}
