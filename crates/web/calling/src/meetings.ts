// The meeting that a call belongs to: who waits, who has which role, a hand up, or everybody's eyes.

import type { MessageInitShape } from '@bufbuild/protobuf';

import type { CallImpl } from './call.js';
import { NotSupportedError, wrongState } from './errors.js';
import {
  MeetingPermission, MeetingRole, ReactionKind, type Attendee, type MeetingActionSchema, type MeetingEvent, type MeetingSettings,
} from './gen/trunkline/meetings/v1/meetings_pb.js';
import { rawIdOf } from './identifiers.js';
import { RemoteParticipantImpl } from './participant.js';
import { endReason } from './reasons.js';
import type {
  CallEndReason, CapabilitiesChangedReason, ChangedParticipantCapabilities, ParticipantCapabilityName, ParticipantRole, Reaction,
} from './types/values.js';

export type MeetingAction = NonNullable<MessageInitShape<typeof MeetingActionSchema>['kind']>;

const ROLES: Readonly<Record<MeetingRole, ParticipantRole>> = {
  [MeetingRole.UNSPECIFIED]: 'Unknown',
  [MeetingRole.ORGANIZER]: 'Organizer',
  [MeetingRole.CO_ORGANIZER]: 'Co-organizer',
  [MeetingRole.PRESENTER]: 'Presenter',
  [MeetingRole.ATTENDEE]: 'Attendee',
  [MeetingRole.CONSUMER]: 'Consumer',
};

const REACTIONS: Readonly<Record<Reaction, ReactionKind>> = {
  like: ReactionKind.LIKE,
  heart: ReactionKind.HEART,
  laugh: ReactionKind.LAUGH,
  surprised: ReactionKind.SURPRISED,
  applause: ReactionKind.APPLAUSE,
};

/** Does something in the meeting of a call; a call that is none has neither hands nor a lobby. */
export async function actInMeeting(call: CallImpl, kind: MeetingAction): Promise<void> {
  if (call.isOver) throw wrongState('the call is over');
  if (!call.meeting) throw new NotSupportedError('what meetings have, in a call that is no meeting,');
  await call.command('actInMeeting', { action: { kind } });
}

export function reactionKind(reaction: Reaction): ReactionKind {
  return REACTIONS[reaction];
}

/** One meeting as its events tell it. Tells the call's features what changed. */
export class Meeting {
  /** Raw ids of those with a hand up, in the order of raising. */
  hands: string[] = [];
  spotlighted: string[] = [];
  capabilities: ChangedParticipantCapabilities = {};

  readonly #call: CallImpl;
  readonly #attendees = new Map<string, Attendee>();
  readonly #waiting = new Map<string, RemoteParticipantImpl>();
  #settings: MeetingSettings | undefined;
  #role = MeetingRole.UNSPECIFIED;

  constructor(call: CallImpl) {
    this.#call = call;
  }

  /** Those who wait and are not in the roster of the call. */
  get lobby(): RemoteParticipantImpl[] {
    return [...this.#waiting.values()];
  }

  roleOf(participantId: string): ParticipantRole {
    return ROLES[this.#attendees.get(participantId)?.role ?? MeetingRole.UNSPECIFIED];
  }

  handle({ kind }: MeetingEvent): void {
    switch (kind.case) {
      case 'snapshot':
        this.#settings = kind.value.settings;
        for (const attendee of kind.value.attendees) this.#put(attendee);
        this.#call.info.update({ threadId: kind.value.coordinates?.threadId ?? '' });
        this.#judge('MeetingOptionOrOrganizerPolicyChanged');
        break;
      case 'lobbyEntered':
      case 'participantJoined':
      case 'attendeeChanged':
        this.#put(kind.value);
        break;
      case 'lobbyLeft':
        this.#leaveLobby(kind.value.participantId, kind.value.reason && endReason(kind.value.reason));
        break;
      case 'participantLeft':
        this.#remove(kind.value.participantId);
        break;
      case 'settingsChanged':
        this.#settings = kind.value;
        this.#judge('MeetingOptionOrOrganizerPolicyChanged');
        break;
      case 'spotlightChanged':
        this.spotlighted = kind.value.participantIds.map((id) => this.#rawIdOf(id)).filter((rawId) => rawId !== '');
        this.#call.inner.emit('spotlight', this.spotlighted);
        break;
      case 'reacted': {
        const rawId = this.#rawIdOf(kind.value.participantId);
        const reaction = (Object.keys(REACTIONS) as Reaction[]).find((name) => REACTIONS[name] === kind.value.kind);
        if (rawId && reaction) this.#call.inner.emit('reacted', { rawId, reaction });
        break;
      }
      default:
    }
  }

  #put(attendee: Attendee): void {
    const { participantId } = attendee;
    this.#attendees.set(participantId, attendee);
    const rawId = attendee.identifier?.rawId ?? '';
    if (participantId === this.#call.info.participantId) {
      this.#role = attendee.role;
      this.#call.setRole(ROLES[attendee.role]);
      this.#judge('RoleChanged');
    } else {
      this.#call.roster.byId(participantId)?.setRole(ROLES[attendee.role]);
      if (attendee.isWaiting) this.#enterLobby(attendee, rawId);
      else this.#leaveLobby(participantId, undefined);
    }
    this.#raise(rawId, attendee.hasRaisedHand);
  }

  #enterLobby({ participantId, displayName, role }: Attendee, rawId: string): void {
    if (this.#waiting.has(participantId) || this.#call.roster.byId(participantId)) return;
    const participant = new RemoteParticipantImpl(rawId, this.#call);
    participant.wait(participantId, displayName);
    participant.role = ROLES[role];
    this.#waiting.set(participantId, participant);
    this.#call.roster.expect(participant);
    this.#call.lobby.refresh();
  }

  #leaveLobby(participantId: string, reason: CallEndReason | undefined): void {
    const participant = this.#waiting.get(participantId);
    if (!participant) return;
    this.#waiting.delete(participantId);
    if (reason) {
      this.#call.roster.unexpect(participant);
      participant.end(reason);
    }
    this.#call.lobby.refresh();
  }

  #remove(participantId: string): void {
    this.#raise(this.#rawIdOf(participantId), false);
    this.#leaveLobby(participantId, endReason(undefined));
    this.#attendees.delete(participantId);
  }

  #raise(rawId: string, isUp: boolean): void {
    if (rawId === '' || this.hands.includes(rawId) === isUp) return;
    this.hands = isUp ? [...this.hands, rawId] : this.hands.filter((other) => other !== rawId);
    this.#call.inner.emit('hands', this.hands);
  }

  #rawIdOf(participantId: string): string {
    if (participantId === this.#call.info.participantId) return rawIdOf(this.#call.ownIdentifier);
    return this.#attendees.get(participantId)?.identifier?.rawId ?? this.#call.roster.byId(participantId)?.rawId ?? '';
  }

  /** What the own role may do under the settings. The exchange has the last word on every request. */
  #judge(reason: CapabilitiesChangedReason): void {
    if (this.#role === MeetingRole.UNSPECIFIED) return;
    const settings = this.#settings;
    const isHost = this.#role === MeetingRole.ORGANIZER || this.#role === MeetingRole.CO_ORGANIZER;
    const isPresenter = isHost || this.#role === MeetingRole.PRESENTER;
    const isAllowed = (permission: MeetingPermission | undefined, byDefault: MeetingPermission) => {
      switch (permission || byDefault) {
        case MeetingPermission.HOSTS: return isHost;
        case MeetingPermission.PRESENTERS: return isPresenter;
        default: return this.#role !== MeetingRole.CONSUMER;
      }
    };
    const { EVERYONE, PRESENTERS } = MeetingPermission;
    const present: [ParticipantCapabilityName, boolean][] = [
      ['turnVideoOn', isAllowed(settings?.video, EVERYONE)],
      ['unmuteMic', isAllowed(settings?.unmuting, EVERYONE)],
      ['shareScreen', isAllowed(settings?.sharing, PRESENTERS)],
      ['raiseHand', isAllowed(settings?.reactions, EVERYONE)],
      ['useReactions', isAllowed(settings?.reactions, EVERYONE)],
      ['manageLobby', isPresenter],
      ['spotlightParticipant', isPresenter],
      ['removeParticipantsSpotlight', isPresenter],
      ['removeParticipant', isPresenter],
      ['muteOthers', isPresenter],
      ['hangUpForEveryOne', isHost],
    ];
    this.capabilities = Object.fromEntries(present.map(([name, isPresent]) => (
      [name, { isPresent, reason: isPresent ? 'Capable' : 'RoleRestricted' }])));
    this.#call.inner.emit('capabilities', { changes: this.capabilities, reason });
  }
}
