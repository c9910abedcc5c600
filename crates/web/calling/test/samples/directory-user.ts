// A user of a directory: calls out, calls in, meetings, the others in the call.

import {
  CallClient, LocalVideoStream, type CallEndReason, type CallState, type CommunicationTokenCredential, type DeviceManager,
  type MeetingLocator, type RemoteParticipant, type RemoteParticipantState, type TeamsCall, type TeamsCallAgent,
  type TeamsIncomingCall,
} from '@azure/communication-calling';

export interface Desk { agent: TeamsCallAgent; devices: DeviceManager }

export async function openDesk(credential: CommunicationTokenCredential): Promise<Desk> {
  const client = new CallClient();
  return { agent: await client.createTeamsCallAgent(credential), devices: await client.getDeviceManager() };
}

export const callColleague = ({ agent }: Desk, microsoftTeamsUserId: string): TeamsCall => agent.startCall({ microsoftTeamsUserId });

export const callPhone = ({ agent }: Desk, phoneNumber: string): TeamsCall => agent.startCall({ phoneNumber });

/** Several at once; such a call belongs to a chat thread. */
export const callGroup = ({ agent }: Desk, people: string[], phones: string[], threadId: string): TeamsCall => agent.startCall(
  [...people.map((microsoftTeamsUserId) => ({ microsoftTeamsUserId })), ...phones.map((phoneNumber) => ({ phoneNumber }))],
  { threadId },
);

/** A link, a code with its passcode, or the four ids of a meeting. */
export const joinMeeting = ({ agent }: Desk, locator: MeetingLocator): TeamsCall => agent.join(locator);

export interface Ringing { id: string; caller: string | undefined; threadId: string | undefined; ended: Promise<CallEndReason> }

/** Answers what rings next as asked. */
export function answerNext({ agent }: Desk, doAccept: boolean): Promise<{ ringing: Ringing; call: TeamsCall | undefined }> {
  return new Promise((resolve, reject) => {
    const handler = async ({ teamsIncomingCall }: { teamsIncomingCall: TeamsIncomingCall }): Promise<void> => {
      agent.off('incomingCall', handler);
      try {
        const ended = new Promise<CallEndReason>((tell) => {
          teamsIncomingCall.on('callEnded', ({ callEndReason }) => tell(callEndReason));
        });
        const { id, info, callerInfo } = teamsIncomingCall;
        const ringing = { id, caller: callerInfo.displayName, threadId: info.threadId, ended };
        if (doAccept) {
          resolve({ ringing, call: await teamsIncomingCall.accept() });
        } else {
          await teamsIncomingCall.reject();
          resolve({ ringing, call: undefined });
        }
      } catch (error) {
        reject(error);
      }
    };
    agent.on('incomingCall', handler);
  });
}

export interface Figure {
  id: string; state: CallState; direction: 'Incoming' | 'Outgoing'; isMuted: boolean; isScreenSharingOn: boolean;
  localVideos: number; threadId: string | undefined; caller: string | undefined; code: number | undefined; others: Other[];
}
export interface Other {
  kind: string; state: RemoteParticipantState; name: string | undefined; isMuted: boolean; isSpeaking: boolean; videos: number;
  code: number | undefined; subCode: number | undefined;
}

/** All that a call tells of itself. */
export function figure(call: TeamsCall): Figure {
  return {
    id: call.id, state: call.state, direction: call.direction, isMuted: call.isMuted, isScreenSharingOn: call.isScreenSharingOn,
    localVideos: call.localVideoStreams.length, threadId: call.info.threadId, caller: call.callerInfo.displayName,
    code: call.callEndReason?.code, others: call.remoteParticipants.map(other),
  };
}

function other({ identifier, state, displayName, isMuted, isSpeaking, videoStreams, callEndReason }: RemoteParticipant): Other {
  return {
    kind: identifier.kind, state, name: displayName, isMuted, isSpeaking, videos: videoStreams.length,
    code: callEndReason?.code, subCode: callEndReason?.subCode,
  };
}

/** Shows the first camera, if there is one. */
export async function showCamera({ devices }: Desk, call: TeamsCall): Promise<LocalVideoStream | undefined> {
  const { video } = await devices.askDevicePermission({ audio: true, video: true });
  const [camera] = video ? await devices.getCameras() : [];
  if (!camera) return undefined;
  const stream = new LocalVideoStream(camera);
  await call.startVideo(stream);
  return stream;
}

export async function muteAround(call: TeamsCall): Promise<void> {
  await call.mute();
  await call.unmute();
  await call.muteAllRemoteParticipants();
  await call.remoteParticipants[0]?.mute();
}

/** Asks somebody in; the object is there at once, and the same when the list tells of it. */
export function invite(call: TeamsCall, microsoftTeamsUserId: string, threadId: string): { participant: RemoteParticipant; listed: Promise<boolean> } {
  const listed = new Promise<boolean>((resolve) => {
    call.on('remoteParticipantsUpdated', ({ added }) => { if (added.length > 0) resolve(added.includes(participant)); });
  });
  const participant = call.addParticipant({ microsoftTeamsUserId }, { threadId });
  return { participant, listed };
}

export const invitePhone = (call: TeamsCall, phoneNumber: string, threadId: string): RemoteParticipant => (
  call.addParticipant({ phoneNumber }, { threadId }));

export async function dismiss(call: TeamsCall, microsoftTeamsUserId: string): Promise<boolean> {
  await call.removeParticipant({ microsoftTeamsUserId });
  return call.remoteParticipants.every(({ identifier }) => (
    identifier.kind !== 'microsoftTeamsUser' || identifier.microsoftTeamsUserId !== microsoftTeamsUserId));
}
