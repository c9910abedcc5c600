// The messages of the protocol that the app asks for beside its calls.

import { bool, enumeration, field, maybe, message, repeated, string, uint, type Read } from './codec';
import type { Method } from './grpc';

const identifier = message({ rawId: field(1, string) });
const reason = message({ code: field(1, uint), subCode: field(2, uint), category: field(3, string), meaning: field(4, string) });
const timestamp = message({ seconds: field(1, uint), nanos: field(2, uint) });

const callKind = enumeration(['unspecified', 'oneToOne', 'group', 'meeting']);
const direction = enumeration(['unspecified', 'incoming', 'outgoing']);
const callState = enumeration([
  'unspecified', 'None', 'Connecting', 'Ringing', 'EarlyMedia', 'Connected', 'LocalHold', 'RemoteHold', 'InLobby', 'Disconnecting', 'Disconnected',
]);
const participantState = enumeration([
  'unspecified', 'Idle', 'Connecting', 'Ringing', 'Connected', 'Hold', 'EarlyMedia', 'InLobby', 'Disconnected',
]);

const transferState = enumeration(['unspecified', 'Transferring', 'Accepted', 'Failed']);

const participant = message({
  participantId: field(1, string), identifier: field(2, identifier), displayName: field(3, string), state: field(4, participantState),
  callState: field(5, callState), callConnectionId: field(6, string), direction: field(7, direction), isMuted: field(8, bool),
  isSpeaking: field(9, bool), isVideoOn: field(10, bool), isScreenSharingOn: field(11, bool), callEndReason: field(12, reason),
});
const call = message({
  callId: field(1, string), kind: field(2, callKind), groupId: field(3, string), threadId: field(4, string),
  participants: repeated(5, participant), seq: field(6, uint), startedAt: field(7, timestamp), endReason: field(8, reason),
});
const withParticipant = message({ participant: field(1, participant) });
const callEvent = message({
  callId: field(1, string),
  seq: field(2, uint),
  time: field(3, timestamp),
  snapshot: field(10, call),
  callStateChanged: field(11, message({
    participantId: field(1, string), previous: field(3, callState), state: field(4, callState), reason: field(6, reason),
  })),
  participantAdded: field(12, withParticipant),
  participantUpdated: field(13, withParticipant),
  participantRemoved: field(14, message({ participantId: field(1, string), reason: field(2, reason) })),
  callKindChanged: field(15, message({ kind: field(1, callKind), threadId: field(2, string) })),
  operationCompleted: field(16, message({
    operationId: field(1, string), participantId: field(2, string), error: field(3, message({ code: field(1, string), message: field(2, string) })),
  })),
  callEnded: field(17, message({ reason: field(1, reason) })),
  callStarted: field(18, message({ kind: field(1, callKind), threadId: field(2, string) })),
  participantStateChanged: field(19, message({
    participantId: field(1, string), previous: field(2, participantState), state: field(3, participantState), reason: field(4, reason),
  })),
  speakingChanged: field(20, message({
    changes: repeated(1, message({ participantId: field(1, string), isSpeaking: field(2, bool) })),
  })),
  transferStateChanged: field(21, message({
    transferorId: field(1, string), targetId: field(3, string), state: field(4, transferState), reason: field(5, reason),
  })),
});
const mediaLeg = message({
  participantId: field(1, string), state: field(3, enumeration(['', 'connecting', 'connected', 'interrupted', 'failed'])), peerAddress: field(4, string),
  srtpProfile: field(5, string), roundTripMs: field(7, uint), packetsSent: field(8, uint),
  published: repeated(9, message({ packetsReceived: field(2, uint), packetsLost: field(3, uint) })),
});
const liveCall = message({ call: field(1, call), legs: repeated(4, mediaLeg) });
const pastCall = message({
  callId: field(1, string), kind: field(2, callKind), direction: field(3, direction),
  others: repeated(4, message({ identifier: field(1, identifier), displayName: field(2, string) })), unnamedOthers: field(5, uint),
  startedAt: field(6, timestamp), connectedAt: field(7, timestamp), endedAt: field(8, timestamp), endReason: field(9, reason),
  isMissed: field(10, bool), threadId: field(11, string), meetingId: field(12, string), place: field(13, string),
});

const presenters = enumeration(['unspecified', 'everyone', 'organization', 'roleIsPresenter', 'organizer']);
const meeting = message({
  meetingId: field(1, string), organizer: field(2, identifier), subject: field(3, string), joinLink: field(5, string),
  code: field(6, message({ meetingId: field(1, string), passcode: field(2, string) })), createdAt: field(9, timestamp), isLocked: field(10, bool),
  callId: field(13, string), endReason: field(14, reason),
});

const availability = enumeration(['unspecified', 'available', 'away', 'beRightBack', 'busy', 'doNotDisturb', 'offline']);
const activity = enumeration([
  'unspecified', 'available', 'away', 'beRightBack', 'busy', 'doNotDisturb', 'inACall', 'inAConferenceCall', 'offWork', 'offline', 'presenting',
]);
const presence = message({ user: field(1, string), availability: field(2, availability), activity: field(3, activity) });
const withPresence = message({ presence: field(1, presence) });

export type Timestamp = Read<typeof timestamp>;
export type Availability = Read<typeof availability>;
export type WirePresence = Read<typeof presence>;
export type WireReason = Read<typeof reason>;
export type WireParticipant = Read<typeof participant>;
export type WireCall = Read<typeof call>;
export type MediaLeg = Read<typeof mediaLeg>;
export type WireCallEvent = Read<typeof callEvent>;
export type PastCall = Read<typeof pastCall>;
export type WireMeeting = Read<typeof meeting>;

function method<Request, Response>(path: string, request: Method<Request, Response>['request'], response: Method<Request, Response>['response']): Method<Request, Response> {
  return { path, request, response };
}

const ADMIN = '/trunkline.admin.v1.AdminService';
const CALLING = '/trunkline.calling.v1.CallingService';
const MEETINGS = '/trunkline.meetings.v1.MeetingsService';
const PRESENCE = '/trunkline.presence.v1.PresenceService';

export const listLiveCalls = method(`${ADMIN}/ListLiveCalls`, message({}), message({ calls: repeated(1, liveCall) }));
const watched = [message({ callId: field(1, string) }), message({ event: field(1, callEvent) })] as const;
export const watchCall = method(`${CALLING}/WatchCall`, ...watched);
export const watchLiveCall = method(`${ADMIN}/WatchLiveCall`, ...watched);
export const watchEvents = method(
  '/trunkline.events.v1.EventsService/WatchEvents',
  message({ afterSeq: field(1, maybe), eventTypes: repeated(2, string) }),
  message({ notification: field(2, message({ eventType: field(1, string), eventJson: field(2, string) })) }),
);
export const listCallHistory = method(
  `${CALLING}/ListCallHistory`,
  message({ pageSize: field(1, uint), pageToken: field(2, string), missedOnly: field(3, bool) }),
  message({ calls: repeated(1, pastCall), nextPageToken: field(2, string), unseenMissed: field(3, uint) }),
);
export const markCallsSeen = method(`${CALLING}/MarkCallsSeen`, message({ place: field(1, string) }), message({ unseenMissed: field(1, uint) }));
export const createMeeting = method(
  `${MEETINGS}/CreateMeeting`,
  message({ subject: field(2, string), settings: field(5, message({ allowedPresenters: field(5, presenters) })) }),
  message({ meeting: field(1, meeting) }),
);
export const getMeeting = method(`${MEETINGS}/GetMeeting`, message({ meeting: field(1, string) }), message({ meeting: field(1, meeting) }));
const nothing = message({});
export const act = method(
  `${MEETINGS}/Act`,
  message({ meeting: field(2, string), action: field(3, message({ lock: field(5, nothing), unlock: field(6, nothing) })) }),
  message({ meeting: field(1, meeting) }),
);
export const listMeetings = method(
  `${MEETINGS}/ListMeetings`,
  message({ pageSize: field(2, uint), pageToken: field(3, string) }),
  message({ meetings: repeated(1, meeting), nextPageToken: field(2, string) }),
);
export const setPreferredPresence = method(`${PRESENCE}/SetPreferredPresence`, message({ availability: field(2, availability) }), withPresence);
export const clearPreferredPresence = method(`${PRESENCE}/ClearPreferredPresence`, message({}), withPresence);
export const watchPresences = method(`${PRESENCE}/WatchPresences`, message({ users: repeated(1, string) }), withPresence);

/** The time in milliseconds; `undefined` where the wire has none. */
export function timeOf(stamp: Timestamp | undefined): number | undefined {
  return stamp && stamp.seconds * 1000 + Math.floor(stamp.nanos / 1e6);
}
