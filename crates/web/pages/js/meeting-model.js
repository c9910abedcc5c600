// What is known of the meeting that a call belongs to: roles, raised hands, the lock.

const LOBBY_ROLES = new Set(['MEETING_ROLE_ORGANIZER', 'MEETING_ROLE_CO_ORGANIZER', 'MEETING_ROLE_PRESENTER']);

/** A meeting as its events tell it; empty for a call that is none's. */
export class MeetingModel {
  #attendees = new Map();
  id = '';
  isLocked = false;
  /** The latest reaction: `{participantId, kind, at}`. */
  reaction = null;

  /** Whether the call belongs to a meeting of which something is known. */
  get isKnown() {
    return this.id !== '';
  }

  /** The record of somebody in the meeting or its lobby. */
  attendee(participantId) {
    return this.#attendees.get(participantId) ?? null;
  }

  /** Whether somebody may let others in. */
  managesLobby(participantId) {
    return LOBBY_ROLES.has(this.attendee(participantId)?.role);
  }

  /** Takes one event; a later one never comes before an earlier one. */
  apply(event) {
    this.id = event.meetingId || this.id;
    if (event.snapshot) {
      this.#attendees.clear();
      this.isLocked = event.snapshot.isLocked === true;
      for (const attendee of event.snapshot.attendees ?? []) this.#put(attendee);
    } else if (event.lobbyEntered ?? event.participantJoined ?? event.attendeeChanged) {
      this.#put(event.lobbyEntered ?? event.participantJoined ?? event.attendeeChanged);
    } else if (event.lobbyLeft?.reason ?? event.participantLeft) {
      this.#attendees.delete((event.lobbyLeft ?? event.participantLeft).participantId);
    } else if ('lockChanged' in event) {
      this.isLocked = event.lockChanged === true;
    } else if (event.reacted) {
      this.reaction = { ...event.reacted, at: Date.now() };
    } else if (event.roleChanged) {
      for (const attendee of this.#attendees.values()) {
        if (attendee.identifier?.rawId === event.roleChanged.user) attendee.role = event.roleChanged.role;
      }
    }
  }

  #put(attendee) {
    if (attendee.participantId) this.#attendees.set(attendee.participantId, { ...attendee });
  }
}
