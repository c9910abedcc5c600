// One user of this page: the session with the exchange and the calls over it.

import { CallImpl } from './call.js';
import type { Begin, CallHost } from './call-host.js';
import type { DeviceManagerImpl } from './device-manager.js';
import { bindMethods, Emitter } from './emitter.js';
import { signalingUrl } from './endpoint.js';
import { CallingError, ClientSubCode, wrongArgument } from './errors.js';
import type { ServerFrame } from './gen/trunkline/signaling/v1/signaling_service_pb.js';
import { identifierOf, rawIdOf } from './identifiers.js';
import { IncomingCallImpl, type IncomingHost } from './incoming.js';
import { joinFields, parseLocator } from './locators.js';
import { endReason } from './reasons.js';
import { Session, type SessionState } from './session.js';
import type { AcceptCallOptions, JoinCallOptions, StartCallOptions, StartTeamsGroupCallOptions } from './types/options.js';
import {
  CallAgentKind, CallKind, IncomingCallKind, type CallClientOptions, type CallEndReason, type CallLocator, type CallState,
  type CommunicationIdentifier,  type CommunicationTokenCredential, type ConnectionState, type ConnectionStateChangedReason, type IceServer,
} from './types/values.js';
import { VERSION } from './version.js';

const MOST_EARLY_FRAMES = 512;
/** How long an agent that is disposed waits for its calls to be left in good order. */
const LEAVE_DEADLINE_MS = 2_000;

export interface AgentSettings {
  kind: CallAgentKind;
  credential: CommunicationTokenCredential;
  displayName: string;
  options: CallClientOptions;
  devices: DeviceManagerImpl;
  onDisposed: () => void;
}

export class AgentImpl extends Emitter implements CallHost, IncomingHost {
  readonly kind: CallAgentKind;
  readonly displayName: string | undefined;
  connectionState: ConnectionState = 'Disconnected';
  calls: ReadonlyArray<CallImpl> = [];

  /** @internal */
  session!: Session;
  /** @internal */
  readonly devices: DeviceManagerImpl;
  /** @internal */
  readonly iceServers: IceServer[];

  private readonly settings: AgentSettings;
  private incoming: IncomingCallImpl[] = [];
  /** Frames of calls whose id is not known yet: the exchange may tell before it answers. */
  private early: { callId: string; frame: ServerFrame }[] = [];
  private ownRawId = '';
  private isDisposed = false;
  private readonly online = () => this.session.nudge();
  private readonly leaving = (event: Event) => {
    if (!(event as PageTransitionEvent).persisted) this.session.close();
  };

  constructor(settings: AgentSettings) {
    super();
    this.settings = settings;
    this.kind = settings.kind;
    this.displayName = settings.displayName || undefined;
    this.devices = settings.devices;
    this.iceServers = settings.options.networkConfiguration?.turn?.iceServers ?? [];
    bindMethods(this);
  }

  /** @internal Connects; rejects when the exchange does not take the token. */
  async connect(): Promise<void> {
    const { credential, options, displayName } = this.settings;
    const { token } = await credential.getToken();
    let first: string | undefined = token;
    this.session = new Session({
      url: signalingUrl(options, token),
      displayName,
      userAgent: `trunkline-calling/${VERSION}`,
      listener: this,
      token: async () => {
        const known = first;
        first = undefined;
        return known ?? (await credential.getToken()).token;
      },
    });
    const { identifier } = await this.session.open();
    this.ownRawId = identifier?.rawId ?? '';
    if (this.kind === CallAgentKind.TeamsCallAgent && !this.ownRawId.startsWith('8:orgid:')) {
      this.session.close();
      throw new CallingError('the token is not of a directory user', 403, ClientSubCode.wrongArgument);
    }
    globalThis.addEventListener?.('online', this.online);
    globalThis.addEventListener?.('pagehide', this.leaving);
  }

  startCall(targets: CommunicationIdentifier | CommunicationIdentifier[], options: StartCallOptions & StartTeamsGroupCallOptions = {}): CallImpl {
    const identifiers = Array.isArray(targets) ? targets : [targets];
    if (identifiers.length === 0) throw wrongArgument('nobody is called');
    const isTeams = this.kind === CallAgentKind.TeamsCallAgent;
    if (isTeams && identifiers.length > 1 && !options.threadId) throw wrongArgument('a group call needs the id of its chat thread');
    const fields = {
      targets: identifiers.map(rawIdOf),
      displayName: this.settings.displayName,
      ...(options.threadId && { threadId: options.threadId }),
    };
    return this.begin(options, () => ({ kind: 'placeCall', fields }));
  }

  join(locator: CallLocator, options: JoinCallOptions = {}): CallImpl {
    const parsed = parseLocator(locator);
    const call = this.begin(options, () => ({
      kind: 'joinCall', fields: { ...joinFields(parsed), displayName: this.settings.displayName },
    }));
    if (parsed.kind === 'group') call.info.groupId = parsed.groupId;
    if (parsed.kind === 'coordinates') call.info.threadId = parsed.threadId;
    return call;
  }

  async dispose(): Promise<void> {
    if (this.isDisposed) return;
    this.isDisposed = true;
    globalThis.removeEventListener?.('online', this.online);
    globalThis.removeEventListener?.('pagehide', this.leaving);
    const left = Promise.allSettled(this.calls.map((call) => call.hangUp()));
    await Promise.race([left, new Promise((resolve) => { setTimeout(resolve, LEAVE_DEADLINE_MS); })]);
    this.session.close();
    this.settings.onDisposed();
  }

  /** @internal */
  async accept(incoming: IncomingCallImpl, options: AcceptCallOptions): Promise<CallImpl> {
    this.forgetIncoming(incoming);
    const call = new CallImpl(this, {
      kind: this.callKind, direction: 'Incoming', callerInfo: incoming.callerInfo, options, id: incoming.id,
      participantId: incoming.info.participantId,
    });
    call.info.threadId = incoming.info.threadId;
    call.inner.on('state', (state: CallState) => {
      if (state === 'Disconnected') incoming.end(call.callEndReason as CallEndReason);
    });
    this.add(call);
    await call.begin(() => ({ kind: 'acceptCall', fields: { callId: incoming.id, displayName: this.settings.displayName } }));
    return call;
  }

  /** @internal */
  async reject(incoming: IncomingCallImpl): Promise<void> {
    await this.session.command('rejectCall', { callId: incoming.id });
    this.forgetIncoming(incoming);
  }

  /** @internal */
  handleFrame(frame: ServerFrame): void {
    const { body } = frame;
    switch (body.case) {
      case 'incomingCall': {
        const kind = this.kind === CallAgentKind.TeamsCallAgent ? IncomingCallKind.TeamsIncomingCall : IncomingCallKind.IncomingCall;
        const incomingCall = new IncomingCallImpl(this, kind, body.value);
        this.incoming.push(incomingCall);
        this.emit('incomingCall', { incomingCall, teamsIncomingCall: incomingCall });
        break;
      }
      case 'incomingCallEnded': {
        const ended = this.incoming.find(({ id }) => id === body.value.callId);
        if (!ended) break;
        this.forgetIncoming(ended);
        ended.end(endReason(body.value.reason));
        break;
      }
      case 'callEvent':
      case 'mediaAnswer':
      case 'mediaAssignments':
      case 'mediaStateChanged':
      case 'meetingEvent': {
        const { callId } = body.value;
        const call = this.calls.find(({ id }) => id === callId);
        if (call) {
          call.handleFrame(frame);
        } else if (this.calls.some(({ state }) => state === 'None' || state === 'Connecting')) {
          this.early.push({ callId, frame });
          if (this.early.length > MOST_EARLY_FRAMES) this.early.shift();
        }
        break;
      }
      default:
    }
  }

  /** @internal */
  handleState(state: SessionState, reason?: ConnectionStateChangedReason): void {
    const newValue: ConnectionState = state === 'open' ? 'Connected' : 'Disconnected';
    const oldValue = this.connectionState;
    if (newValue === oldValue) return;
    this.connectionState = newValue;
    for (const call of this.calls) call.handleConnection(newValue === 'Connected');
    this.emit('connectionStateChanged', { oldValue, newValue, ...(reason && newValue === 'Disconnected' && { reason }) });
  }

  /** @internal */
  handleLost(reason: CallEndReason): void {
    this.early = [];
    for (const call of this.calls) call.end(reason);
    for (const incoming of this.incoming) incoming.end(reason);
    this.incoming = [];
  }

  /** @internal */
  handleBegun(call: CallImpl): void {
    const frames = this.early.filter(({ callId }) => callId === call.id);
    this.early = this.early.filter(({ callId }) => callId !== call.id);
    for (const { frame } of frames) call.handleFrame(frame);
  }

  /** @internal */
  handleEnded(call: CallImpl): void {
    if (!this.calls.includes(call)) return;
    this.calls = this.calls.filter((other) => other !== call);
    this.emit('callsUpdated', { added: [], removed: [call] });
  }

  /** @internal */
  get ownIdentifier(): CommunicationIdentifier {
    return identifierOf(this.ownRawId);
  }

  private get callKind(): CallKind {
    return this.kind === CallAgentKind.TeamsCallAgent ? CallKind.TeamsCall : CallKind.Call;
  }

  /** Returns the call at once; everything that can be told of it comes in later tasks. */
  private begin(options: JoinCallOptions, request: () => Begin): CallImpl {
    if (this.isDisposed) throw new CallingError('the agent was disposed', 410, ClientSubCode.disposed);
    const callerInfo = {
      identifier: identifierOf(this.ownRawId), ...(this.displayName && { displayName: this.displayName }),
    };
    const call = new CallImpl(this, { kind: this.callKind, direction: 'Outgoing', callerInfo, options });
    this.calls = [...this.calls, call];
    setTimeout(() => {
      this.emit('callsUpdated', { added: [call], removed: [] });
      // What went wrong is the call's end reason; nobody waits for this promise.
      call.begin(request).catch(() => {});
    }, 0);
    return call;
  }

  private add(call: CallImpl): void {
    this.calls = [...this.calls, call];
    this.emit('callsUpdated', { added: [call], removed: [] });
  }

  private forgetIncoming(incoming: IncomingCallImpl): void {
    this.incoming = this.incoming.filter((other) => other !== incoming);
  }
}
