// Another participant of a call.

import { bindMethods, Emitter } from './emitter.js';
import { ParticipantState, StreamKind, type Participant } from './gen/trunkline/calling/v1/calling_pb.js';
import type { EndReason } from './gen/trunkline/common/v1/common_pb.js';
import { identifierOf } from './identifiers.js';
import { endReason } from './reasons.js';
import { RemoteVideoStreamImpl, type Subscriptions } from './remote-streams.js';
import type { RemoteParticipant } from './types/objects.js';
import type {
  CallEndReason, CommunicationIdentifierKind, EndpointDetails, ParticipantRole, RemoteParticipantState,
} from './types/values.js';

const STATES: Readonly<Record<ParticipantState, RemoteParticipantState>> = {
  [ParticipantState.UNSPECIFIED]: 'Idle',
  [ParticipantState.IDLE]: 'Idle',
  [ParticipantState.CONNECTING]: 'Connecting',
  [ParticipantState.RINGING]: 'Ringing',
  [ParticipantState.CONNECTED]: 'Connected',
  [ParticipantState.HOLD]: 'Hold',
  [ParticipantState.EARLY_MEDIA]: 'EarlyMedia',
  [ParticipantState.IN_LOBBY]: 'InLobby',
  [ParticipantState.DISCONNECTED]: 'Disconnected',
};

/** What a participant needs of its call. */
export interface ParticipantHost extends Subscriptions {
  muteParticipant(participant: string): Promise<void>;
}

export class RemoteParticipantImpl extends Emitter implements RemoteParticipant {
  readonly identifier: CommunicationIdentifierKind;
  displayName: string | undefined;
  readonly hasDisplayNameChanged = false;
  endpointDetails: EndpointDetails[] = [];
  state: RemoteParticipantState = 'Idle';
  callEndReason: CallEndReason | undefined;
  videoStreams: ReadonlyArray<RemoteVideoStreamImpl> = [];
  isMuted = false;
  isSpeaking = false;
  role: ParticipantRole = 'Unknown';

  /** @internal The exchange's name for the entry of the roster; empty until it is known. */
  participantId = '';
  /** @internal */
  readonly rawId: string;
  private readonly host: ParticipantHost;

  constructor(rawId: string, host: ParticipantHost) {
    super();
    this.rawId = rawId;
    this.identifier = identifierOf(rawId);
    this.host = host;
    bindMethods(this);
  }

  mute(): Promise<void> {
    return this.host.muteParticipant(this.participantId || this.rawId);
  }

  /** @internal */
  update(wire: Participant): void {
    if (this.participantId !== wire.participantId) {
      this.participantId = wire.participantId;
      this.endpointDetails = [{ participantId: wire.participantId }];
    }
    this.setDisplayName(wire.displayName || undefined);
    this.setMuted(wire.isMuted);
    this.setSpeaking(wire.isSpeaking);
    this.setVideo(StreamKind.CAMERA, wire.isVideoOn);
    this.setVideo(StreamKind.SCREEN, wire.isScreenSharingOn);
    this.setState(wire.state, wire.callEndReason);
  }

  /** @internal Waits in the lobby. */
  wait(participantId: string, displayName: string): void {
    this.participantId = participantId;
    this.endpointDetails = [{ participantId }];
    this.displayName = displayName || undefined;
    this.state = 'InLobby';
  }

  /** @internal */
  setState(wire: ParticipantState, reason?: EndReason): void {
    if (wire === ParticipantState.DISCONNECTED) {
      this.end(endReason(reason));
    } else if (STATES[wire] !== this.state) {
      this.state = STATES[wire];
      this.emit('stateChanged');
    }
  }

  /** @internal */
  end(reason: CallEndReason): void {
    if (this.state === 'Disconnected') return;
    this.callEndReason = reason;
    for (const stream of this.videoStreams) stream.setAvailable(false);
    this.setSpeaking(false);
    this.state = 'Disconnected';
    this.emit('stateChanged');
  }

  /** @internal */
  setSpeaking(isSpeaking: boolean): void {
    if (isSpeaking === this.isSpeaking) return;
    this.isSpeaking = isSpeaking;
    this.emit('isSpeakingChanged');
  }

  /** @internal */
  setRole(role: ParticipantRole): void {
    if (role === this.role) return;
    this.role = role;
    this.emit('roleChanged');
  }

  private setMuted(isMuted: boolean): void {
    if (isMuted === this.isMuted) return;
    this.isMuted = isMuted;
    this.emit('isMutedChanged');
  }

  private setDisplayName(displayName: string | undefined): void {
    if (displayName === this.displayName) return;
    const oldValue = this.displayName;
    this.displayName = displayName;
    this.emit('displayNameChanged', { newValue: displayName, oldValue });
  }

  /** A camera that comes back is the stream that it was. */
  private setVideo(kind: StreamKind.CAMERA | StreamKind.SCREEN, isOn: boolean): void {
    const known = this.videoStreams.find((stream) => stream.kind === kind);
    if (known) {
      known.participantId = this.participantId;
      known.setAvailable(isOn);
    } else if (isOn) {
      const stream = new RemoteVideoStreamImpl(kind, this.participantId, this.host);
      stream.isAvailable = true;
      this.videoStreams = [...this.videoStreams, stream];
      this.emit('videoStreamsUpdated', { added: [stream], removed: [] });
    }
  }
}
