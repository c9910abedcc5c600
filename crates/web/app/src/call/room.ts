// The room of one call: follows its events and does what the controls ask.

import {
  DiagnosticQuality, Features, LocalVideoStream, type Call, type CallCommon, type DtmfTone, type Reaction, type RemoteParticipant, type VideoDeviceInfo,
} from '@trunkline/calling';

import { identifierOf, rawIdOf } from '../identifiers';
import { Store } from '../store';
import { text } from '../strings';
import { errorText, type Reason } from '../words';
import { CaptionsDesk } from './captions';
import { TransferDesk } from './transfer';
import { ownCamera, viewOf, type CallView, type Trouble } from './view';

const REACTION_SHOWN_MS = 5_000;
const NOTICE_SHOWN_MS = 6_000;
/** Long enough to read that it went well, and for the exchange to end the call itself. */
const LEAVE_AFTER_TRANSFER_MS = 1_500;
const ANY_CAMERA: VideoDeviceInfo = { name: '', id: 'camera:', deviceType: 'Unknown' };
const PARTICIPANT_EVENTS = ['stateChanged', 'isMutedChanged', 'displayNameChanged', 'roleChanged', 'isSpeakingChanged'] as const;
const CALL_EVENTS = [
  'stateChanged', 'idChanged', 'isMutedChanged', 'isScreenSharingOnChanged', 'isLocalVideoStartedChanged', 'roleChanged',
] as const;

/** What a call was begun with, for its title and for doing it again. */
export type Purpose =
  | { readonly kind: 'people'; readonly rawIds: readonly string[]; readonly name: string }
  | { readonly kind: 'group'; readonly groupId: string; readonly name: string }
  | { readonly kind: 'meeting'; readonly link?: string; readonly meetingId?: string; readonly passcode?: string; readonly name: string };

/** What a room tells whoever made it. */
interface RoomSettings {
  readonly purpose: Purpose;
  readonly ownRawId: string;
  readonly onEnded: (room: CallRoom) => void;
  /** Whoever is here was handed over and goes on in this call. */
  readonly onMoved: (call: CallCommon) => void;
  readonly onTransferred: (name: string) => void;
}

export class CallRoom {
  /** Names the room for as long as it is there; the call's own id changes once. */
  readonly key = crypto.randomUUID();
  readonly call: Call;
  readonly purpose: Purpose;
  readonly store: Store<CallView>;
  readonly transfer: TransferDesk;
  readonly captions: CaptionsDesk;

  private readonly ownRawId: string;
  private readonly onEnded: (room: CallRoom) => void;
  private readonly onTransferred: (name: string) => void;
  private readonly followed = new Set<RemoteParticipant>();
  private readonly reactions = new Map<string, Reaction>();
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();
  private troubles: Trouble[] = [];
  private problem = '';
  private notice = '';
  private connectedAt: number | undefined;
  private isLooking = false;
  private hasEnded = false;
  private lastCamera: VideoDeviceInfo = ANY_CAMERA;

  constructor(call: Call, settings: RoomSettings) {
    this.call = call;
    this.purpose = settings.purpose;
    this.ownRawId = settings.ownRawId;
    this.onEnded = settings.onEnded;
    this.onTransferred = settings.onTransferred;
    this.store = new Store(this.look());
    this.captions = new CaptionsDesk(call);
    this.transfer = new TransferDesk(call, { onTransferred: (name) => this.transferred(name), onMoved: settings.onMoved });
    this.follow();
  }

  get view(): CallView {
    return this.store.get();
  }

  /** When the call was connected, for how long it lasted. */
  get connectedSince(): number | undefined {
    return this.connectedAt;
  }

  get endReason(): Reason {
    return this.call.callEndReason ?? { code: 0, subCode: 0 };
  }

  toggleMute(): Promise<void> {
    return this.try(() => (this.call.isMuted ? this.call.unmute() : this.call.mute()));
  }

  toggleCamera(device?: VideoDeviceInfo): Promise<void> {
    return this.try(async () => {
      const current = ownCamera(this.call);
      if (current && this.call.isLocalVideoStarted) {
        await this.call.stopVideo(current);
      } else {
        if (device) this.lastCamera = device;
        await this.call.startVideo(new LocalVideoStream(this.lastCamera));
      }
    });
  }

  /** Sends from another camera; begins to, when none sent. */
  chooseCamera(device: VideoDeviceInfo): Promise<void> {
    this.lastCamera = device;
    return this.try(async () => {
      const current = ownCamera(this.call);
      if (current) await current.switchSource(device);
      else await this.call.startVideo(new LocalVideoStream(device));
    });
  }

  toggleShare(): Promise<void> {
    return this.try(async () => {
      if (this.call.isScreenSharingOn) {
        await this.call.stopScreenSharing();
        return;
      }
      await this.call.startScreenSharing().catch((error: unknown) => {
        // Whoever closes the browser's own question has changed their mind; that is no failure.
        if ((error as { cause?: { name?: string } }).cause?.name !== 'NotAllowedError') throw error;
      });
    });
  }

  toggleHold(): Promise<void> {
    return this.try(() => (this.call.state === 'LocalHold' ? this.call.resume() : this.call.hold()));
  }

  toggleHand(): Promise<void> {
    const hand = this.call.feature(Features.RaiseHand);
    return this.try(() => (this.view.handPlace > 0 ? hand.lowerHand() : hand.raiseHand()));
  }

  lowerHandOf(rawId: string): Promise<void> {
    return this.try(() => this.call.feature(Features.RaiseHand).lowerHands([identifierOf(rawId) as never]));
  }

  react(reactionType: Reaction): Promise<void> {
    return this.try(() => this.call.feature(Features.Reaction).sendReaction({ reactionType }));
  }

  spotlight(rawId: string, isOn: boolean): Promise<void> {
    const feature = this.call.feature(Features.Spotlight);
    return this.try(() => (isOn ? feature.startSpotlight([identifierOf(rawId)]) : feature.stopSpotlight([identifierOf(rawId)])));
  }

  muteAll(): Promise<void> {
    return this.try(() => this.call.muteAllRemoteParticipants());
  }

  mute(key: string): Promise<void> {
    return this.try(async () => { await this.participant(key)?.mute(); });
  }

  remove(key: string): Promise<void> {
    return this.try(async () => {
      const participant = this.participant(key);
      if (participant) await this.call.removeParticipant(participant.identifier);
    });
  }

  /** Calls somebody into the call; what comes of it shows in the roster, a refusal as a problem. */
  add(target: string, name: string): void {
    void this.try(async () => {
      const participant = this.call.addParticipant(identifierOf(target));
      participant.on('stateChanged', () => {
        const { callEndReason, state } = participant;
        if (state === 'Disconnected' && callEndReason && callEndReason.code !== 0 && !this.hasEnded) {
          this.say(text.roster.addFailed(name, errorText(new Error(callEndReason.message))));
        }
      });
    });
  }

  admit(rawId: string): Promise<void> {
    return this.try(() => this.call.lobby.admit(identifierOf(rawId)));
  }

  reject(rawId: string): Promise<void> {
    return this.try(() => this.call.lobby.reject(identifierOf(rawId)));
  }

  admitAll(): Promise<void> {
    return this.try(async () => { await this.call.lobby.admitAll(); });
  }

  sendTone(tone: DtmfTone): Promise<void> {
    return this.try(() => this.call.sendDtmf(tone));
  }

  hangUp(forEveryone = false): Promise<void> {
    return this.try(() => this.call.hangUp({ forEveryone }));
  }

  /** Takes what went wrong off the page. */
  forgetProblem(): void {
    this.problem = '';
    this.changed();
  }

  /** Whoever handed the call over leaves it, unless the exchange has taken them out of it. */
  private transferred(name: string): void {
    this.onTransferred(name);
    this.later(LEAVE_AFTER_TRANSFER_MS, () => { if (!this.hasEnded) void this.hangUp(); });
  }

  private async try(work: () => Promise<void>): Promise<void> {
    try {
      this.problem = '';
      await work();
    } catch (error) {
      if (this.hasEnded) return;
      this.problem = text.call.failed(errorText(error));
    } finally {
      this.changed();
    }
  }

  private follow(): void {
    const { call } = this;
    const changed = () => this.changed();
    for (const event of CALL_EVENTS) call.on(event, changed);
    call.on('localVideoStreamsUpdated', changed);
    call.on('remoteParticipantsUpdated', changed);
    call.on('mutedByOthers', () => this.say(text.call.mutedByOthers));
    call.info.onCallInfoChanged('callInfoChanged', changed);
    call.lobby.on('lobbyParticipantsUpdated', changed);
    const hands = call.feature(Features.RaiseHand);
    hands.on('raisedHandEvent', changed);
    hands.on('loweredHandEvent', changed);
    call.feature(Features.Spotlight).on('spotlightChanged', changed);
    call.feature(Features.Capabilities).on('capabilitiesChanged', changed);
    call.feature(Features.Reaction).on('reaction', ({ identifier, reactionMessage }) => (
      this.showReaction(rawIdOf(identifier), reactionMessage.reactionType)));
    call.feature(Features.Recording).on('isRecordingActiveChanged', changed);
    call.feature(Features.Transcription).on('isTranscriptionActiveChanged', changed);
    const { network, media } = call.feature(Features.UserFacingDiagnostics);
    network.on('diagnosticChanged', ({ diagnostic, value }) => {
      if (diagnostic === 'networkReceiveQuality' || diagnostic === 'networkSendQuality') this.trouble('networkPoor', value !== DiagnosticQuality.Good);
    });
    media.on('diagnosticChanged', ({ diagnostic, value }) => {
      if (diagnostic === 'speakingWhileMicrophoneIsMuted') this.trouble('speakingMuted', value === true);
      if (diagnostic === 'cameraStartFailed' || diagnostic === 'cameraPermissionDenied') this.trouble('cameraProblem', value === true);
      if (diagnostic === 'microphoneNotFunctioning') this.trouble('microphoneProblem', value === DiagnosticQuality.Bad);
      if (diagnostic === 'microphonePermissionDenied') this.trouble('microphoneProblem', value === true);
    });
  }

  private showReaction(rawId: string, reaction: Reaction): void {
    this.reactions.set(rawId, reaction);
    this.later(REACTION_SHOWN_MS, () => this.reactions.delete(rawId));
    this.changed();
  }

  private trouble(which: Trouble, isThere: boolean): void {
    if (this.troubles.includes(which) === isThere) return;
    this.troubles = isThere ? [...this.troubles, which] : this.troubles.filter((other) => other !== which);
    this.changed();
  }

  private say(words: string): void {
    this.notice = words;
    this.later(NOTICE_SHOWN_MS, () => { if (this.notice === words) this.notice = ''; });
    this.changed();
  }

  private later(milliseconds: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      work();
      this.changed();
    }, milliseconds);
    this.timers.add(timer);
  }

  private participant(key: string): RemoteParticipant | undefined {
    return this.call.remoteParticipants.find(({ endpointDetails, identifier }) => (endpointDetails[0]?.participantId ?? rawIdOf(identifier)) === key);
  }

  /** Looks again once, after everything that happens at this moment. */
  private changed(): void {
    if (this.isLooking) return;
    this.isLooking = true;
    queueMicrotask(() => {
      this.isLooking = false;
      for (const participant of [...this.call.remoteParticipants, ...this.call.lobby.participants]) this.followParticipant(participant);
      if (this.call.state === 'Connected') this.connectedAt ??= Date.now();
      this.captions.begin();
      this.store.set(this.look());
      if (this.call.state === 'Disconnected' && !this.hasEnded) {
        this.hasEnded = true;
        for (const timer of this.timers) clearTimeout(timer);
        this.onEnded(this);
      }
    });
  }

  private followParticipant(participant: RemoteParticipant): void {
    if (this.followed.has(participant)) return;
    this.followed.add(participant);
    const changed = () => this.changed();
    for (const event of PARTICIPANT_EVENTS) participant.on(event, changed);
    const followStreams = () => {
      for (const stream of participant.videoStreams) stream.on('isAvailableChanged', changed);
      this.changed();
    };
    participant.on('videoStreamsUpdated', followStreams);
    followStreams();
  }

  private look(): CallView {
    const { ownRawId, reactions, troubles, problem, notice, connectedAt } = this;
    return viewOf(this.call, { ownRawId, reactions, troubles, problem, notice, connectedAt });
  }
}
