// Features of meetings: hands, reactions, spotlight, and who may do what.

import { identifierOf, rawIdOf } from '../identifiers.js';
import { actInMeeting, reactionKind } from '../meetings.js';
import type * as f from '../types/features.js';
import type * as v from '../types/values.js';
import { NotSupportedError, wrongArgument, wrongState } from '../errors.js';
import { Feature, type Context } from './base.js';

type Person = v.CommunicationUserIdentifier | v.MicrosoftTeamsUserIdentifier;
const REACTIONS: ReadonlySet<string> = new Set<v.Reaction>(['like', 'heart', 'laugh', 'surprised', 'applause']);
const MOST_SPOTLIGHTED = 7;

export class RaiseHand extends Feature implements f.RaiseHandCallFeature {
  readonly name = 'RaiseHand';
  private hands: v.RaisedHand[] = [];

  constructor(context: Context) {
    super(context);
    this.update(this.call.meeting?.hands ?? []);
    this.call.inner.on('hands', (rawIds: string[]) => this.update(rawIds));
  }

  getRaisedHands(): v.RaisedHand[] {
    return this.hands.map((hand) => ({ ...hand }));
  }

  async raiseHand(): Promise<void> {
    await actInMeeting(this.call, { case: 'raiseHand', value: {} });
  }

  async lowerHand(): Promise<void> {
    await actInMeeting(this.call, { case: 'lowerHand', value: { participant: rawIdOf(this.call.ownIdentifier) } });
  }

  async lowerHands(identifiers: Person[]): Promise<void> {
    for (const identifier of identifiers) {
      await actInMeeting(this.call, { case: 'lowerHand', value: { participant: rawIdOf(identifier) } });
    }
  }

  async lowerAllHands(): Promise<void> {
    await actInMeeting(this.call, { case: 'lowerAllHands', value: {} });
  }

  /** @internal Takes who has a hand up, in the order of their raising. */
  update(rawIds: string[]): void {
    const before = this.hands.map(({ identifier }) => rawIdOf(identifier));
    this.hands = rawIds.map((rawId, index) => ({ identifier: identifierOf(rawId) as unknown as Person, order: index + 1 }));
    for (const rawId of rawIds.filter((id) => !before.includes(id))) this.emit('raisedHandEvent', { identifier: identifierOf(rawId) });
    for (const rawId of before.filter((id) => !rawIds.includes(id))) this.emit('loweredHandEvent', { identifier: identifierOf(rawId) });
  }
}

export class ReactionFeature extends Feature implements f.ReactionCallFeature {
  readonly name = 'Reaction';

  constructor(context: Context) {
    super(context);
    this.call.inner.on('reacted', ({ rawId, reaction }: { rawId: string; reaction: v.Reaction }) => {
      this.emit('reaction', { identifier: identifierOf(rawId), reactionMessage: { reactionType: reaction } });
    });
  }

  async sendReaction({ reactionType }: v.ReactionMessage): Promise<void> {
    if (!REACTIONS.has(reactionType)) throw wrongArgument('there is no such reaction');
    await actInMeeting(this.call, { case: 'react', value: reactionKind(reactionType) });
  }
}

export class Spotlight extends Feature implements f.SpotlightCallFeature {
  readonly name = 'Spotlight';
  readonly maxParticipantsToSpotlight = MOST_SPOTLIGHTED;
  private spotlighted: v.SpotlightedParticipant[] = [];

  constructor(context: Context) {
    super(context);
    this.update(this.call.meeting?.spotlighted ?? []);
    this.call.inner.on('spotlight', (rawIds: string[]) => this.update(rawIds));
  }

  getSpotlightedParticipants(): v.SpotlightedParticipant[] {
    return this.spotlighted.map((participant) => ({ ...participant }));
  }

  async startSpotlight(participants?: v.CommunicationIdentifier[]): Promise<void> {
    const wanted = [...this.spotlighted.map(({ identifier }) => identifier), ...participants ?? [this.call.ownIdentifier]];
    if (new Set(wanted.map(rawIdOf)).size > MOST_SPOTLIGHTED) {
      // The composites know this sentence.
      throw wrongState(`startSpotlight failed. ${MOST_SPOTLIGHTED} is the max number of participants that can be Spotlighted`);
    }
    await this.each('spotlight', participants);
  }

  async stopSpotlight(participants?: v.CommunicationIdentifier[]): Promise<void> {
    await this.each('stopSpotlight', participants);
  }

  async stopAllSpotlight(): Promise<void> {
    await this.each('stopSpotlight', this.spotlighted.map(({ identifier }) => identifier));
  }

  /** @internal */
  update(rawIds: string[]): void {
    const before = this.spotlighted;
    const has = (list: v.SpotlightedParticipant[], rawId: string) => list.some(({ identifier }) => rawIdOf(identifier) === rawId);
    this.spotlighted = rawIds.map((rawId, index) => ({ identifier: identifierOf(rawId), order: index + 1 }));
    const added = this.spotlighted.filter(({ identifier }) => !has(before, rawIdOf(identifier)));
    const removed = before.filter(({ identifier }) => !has(this.spotlighted, rawIdOf(identifier)));
    if (added.length > 0 || removed.length > 0) this.emit('spotlightChanged', { added, removed });
  }

  private async each(action: 'spotlight' | 'stopSpotlight', participants: v.CommunicationIdentifier[] | undefined): Promise<void> {
    for (const participant of participants ?? [this.call.ownIdentifier]) {
      await actInMeeting(this.call, { case: action, value: { participant: rawIdOf(participant) } });
    }
  }
}

/** What the exchange lets everybody in a call do. */
const IN_EVERY_CALL: readonly v.ParticipantCapabilityName[] = [
  'turnVideoOn', 'unmuteMic', 'shareScreen', 'removeParticipant', 'hangUpForEveryOne', 'addCommunicationUser',
  'addTeamsUser', 'muteOthers', 'viewAttendeeNames',
];
const IN_MEETINGS: readonly v.ParticipantCapabilityName[] = [
  'manageLobby', 'spotlightParticipant', 'removeParticipantsSpotlight', 'raiseHand', 'useReactions',
];
const NEVER: readonly v.ParticipantCapabilityName[] = [
  'addPhoneNumber', 'blurBackground', 'startLiveMeetingCaptions', 'startLiveCallingCaptions', 'setCaptionLanguage',
  'pstnDialOut', 'startTogetherMode', 'joinBreakoutRooms', 'forbidOthersAudio', 'forbidOthersVideo', 'realTimeText',
];

export class Capabilities extends Feature implements f.CapabilitiesFeature {
  readonly name = 'Capabilities';
  capabilities: v.ParticipantCapabilities;

  constructor(context: Context) {
    super(context);
    const all = (names: readonly v.ParticipantCapabilityName[], isPresent: boolean, reason: v.CapabilityResolutionReason) => (
      names.map((name) => [name, { isPresent, reason }] as const));
    this.capabilities = Object.fromEntries([
      ...all(IN_EVERY_CALL, true, 'Capable'),
      ...all(IN_MEETINGS, false, 'CapabilityNotApplicableForTheCallType'),
      ...all(NEVER, false, 'FeatureNotSupported'),
      ...Object.entries(this.call.meeting?.capabilities ?? {}),
    ]) as v.ParticipantCapabilities;
    this.call.inner.on('capabilities', ({ changes, reason }: {
      changes: v.ChangedParticipantCapabilities; reason: v.CapabilitiesChangedReason;
    }) => this.update(changes, reason));
  }

  /** @internal Takes what changed, and tells of it. */
  update(changes: v.ChangedParticipantCapabilities, reason: v.CapabilitiesChangedReason): void {
    const names = Object.keys(changes) as v.ParticipantCapabilityName[];
    const changed = names.filter((name) => {
      const { isPresent, reason: why } = this.capabilities[name];
      return isPresent !== changes[name]?.isPresent || why !== changes[name]?.reason;
    });
    if (changed.length === 0) return;
    const pick = (from: v.ChangedParticipantCapabilities) => Object.fromEntries(changed.map((name) => [name, from[name]]));
    const oldValue = pick(this.capabilities);
    this.capabilities = { ...this.capabilities, ...changes };
    this.emit('capabilitiesChanged', { oldValue, newValue: pick(this.capabilities), reason });
  }
}

/** Nobody is kept from sending here: what is asked of others is refused, what is read says so. */
export class MediaAccessFeature extends Feature implements f.MediaAccessCallFeature {
  readonly name = 'MediaAccess';

  getAllOthersMediaAccess(): v.MediaAccess[] {
    return this.call.remoteParticipants.map(({ identifier }) => ({ participant: { ...identifier }, isAudioPermitted: true, isVideoPermitted: true }));
  }

  getMeetingMediaAccess(): v.MeetingMediaAccess {
    return { isAudioPermitted: true, isVideoPermitted: true };
  }

  readonly permitAudio = refuse;
  readonly forbidAudio = refuse;
  readonly permitOthersAudio = refuse;
  readonly forbidOthersAudio = refuse;
  readonly permitVideo = refuse;
  readonly forbidVideo = refuse;
  readonly permitOthersVideo = refuse;
  readonly forbidOthersVideo = refuse;
}

async function refuse(): Promise<never> {
  throw new NotSupportedError('forbidding media');
}
