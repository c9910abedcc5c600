// What is known of the meeting of a call: who waits, roles, hands, the lock; for those who are let in.

const ROLES = ['ORGANIZER', 'CO_ORGANIZER', 'PRESENTER', 'ATTENDEE', 'CONSUMER'];
const REACTION_MS = 5_000;

/** How far down the roles a permission reaches. */
const REACHES = { HOSTS: 'CO_ORGANIZER', PRESENTERS: 'PRESENTER', EVERYONE: 'ATTENDEE' };

/** The permissions that the settings leave unsaid. */
const DEFAULTS = { unmuting: 'EVERYONE', video: 'EVERYONE', sharing: 'PRESENTERS', reactions: 'EVERYONE' };

/** The meeting that one call belongs to. Until the snapshot comes nothing is known of it. */
export class MeetingModel {
  /** By participant id, in the order of arrival. */
  attendees = new Map();
  /** Who has a hand up, in the order of raising. */
  hands = [];
  spotlight = [];
  /** The last reaction of each: `{kind, until}`. */
  reactions = new Map();
  isKnown = false;
  isLocked = false;
  subject = '';
  joinLink = '';
  code = null;
  settings = {};
  seq = 0;

  /** Takes one event; returns whether it changed anything. */
  apply(event, now = Date.now()) {
    const seq = Number(event.seq ?? 0);
    if (event.snapshot) {
      this.#restore(event.snapshot);
      this.seq = seq;
      return true;
    }
    if (!this.isKnown || seq <= this.seq) return false;
    this.seq = seq;
    if (event.lobbyEntered) this.#put(event.lobbyEntered);
    else if (event.lobbyLeft) this.#drop(event.lobbyLeft.participantId);
    else if (event.participantJoined) this.#put(event.participantJoined);
    else if (event.participantLeft) this.#drop(event.participantLeft.participantId);
    else if (event.attendeeChanged) this.#put(event.attendeeChanged);
    else if ('lockChanged' in event) this.isLocked = event.lockChanged === true;
    else if (event.settingsChanged) this.settings = event.settingsChanged;
    else if (event.roleChanged) this.#changeRole(event.roleChanged);
    else if (event.spotlightChanged) this.spotlight = event.spotlightChanged.participantIds ?? [];
    else if (event.reacted) this.#react(event.reacted, now);
    return true;
  }

  /** Who waits in the lobby, as far as this person may know. */
  get waiting() {
    return [...this.attendees.values()].filter(({ isWaiting }) => isWaiting);
  }

  attendee(participantId) {
    return this.attendees.get(participantId) ?? null;
  }

  /** Place in the row of raised hands, from one; zero when the hand is down. */
  handPlace(participantId) {
    return this.hands.indexOf(participantId) + 1;
  }

  /** The kind of reaction that somebody shows at this moment, if any. */
  reactionOf(participantId, now = Date.now()) {
    const reaction = this.reactions.get(participantId);
    return reaction && reaction.until > now ? reaction.kind : null;
  }

  /** Whether somebody may do something, by role and settings. The exchange decides; this shows. */
  may(participantId, what) {
    const role = this.attendees.get(participantId)?.role;
    if (!role) return false;
    switch (what) {
      case 'end':
        return isAtLeast(role, 'CO_ORGANIZER');
      case 'manage':
        return isAtLeast(role, 'PRESENTER');
      default:
        return isAtLeast(role, REACHES[bare(this.settings[what], 'MEETING_PERMISSION_') ?? DEFAULTS[what]] ?? 'ATTENDEE');
    }
  }

  #restore(meeting) {
    this.isKnown = true;
    this.isLocked = meeting.isLocked === true;
    this.subject = meeting.subject ?? '';
    this.joinLink = meeting.joinLink ?? '';
    this.code = meeting.code ?? null;
    this.settings = meeting.settings ?? {};
    this.attendees.clear();
    this.hands = [];
    for (const attendee of meeting.attendees ?? []) this.#put(attendee);
  }

  #put(wire) {
    const id = wire.participantId;
    if (!id) return;
    const rawId = wire.identifier?.rawId ?? '';
    this.attendees.set(id, {
      id,
      rawId,
      name: wire.displayName || 'Guest',
      role: bare(wire.role, 'MEETING_ROLE_') ?? 'ATTENDEE',
      isGuest: wire.isGuest === true,
      isWaiting: wire.isWaiting === true,
    });
    const isUp = wire.hasRaisedHand === true;
    if (isUp && !this.hands.includes(id)) this.hands.push(id);
    else if (!isUp) this.hands = this.hands.filter((hand) => hand !== id);
  }

  #drop(id) {
    this.attendees.delete(id);
    this.reactions.delete(id);
    this.hands = this.hands.filter((hand) => hand !== id);
    this.spotlight = this.spotlight.filter((lit) => lit !== id);
  }

  #changeRole({ user, role }) {
    for (const attendee of this.attendees.values()) {
      if (attendee.rawId === user) attendee.role = bare(role, 'MEETING_ROLE_') ?? attendee.role;
    }
  }

  #react({ participantId, kind }, now) {
    const name = bare(kind, 'REACTION_KIND_');
    if (name) this.reactions.set(participantId, { kind: name.toLowerCase(), until: now + REACTION_MS });
  }
}

/** How long a reaction is shown. */
export const REACTION_SHOWN_MS = REACTION_MS;

function isAtLeast(role, least) {
  return ROLES.indexOf(role) <= ROLES.indexOf(least);
}

function bare(value, prefix) {
  if (!value || typeof value !== 'string') return null;
  const name = value.startsWith(prefix) ? value.slice(prefix.length) : value;
  return name === 'UNSPECIFIED' ? null : name;
}
