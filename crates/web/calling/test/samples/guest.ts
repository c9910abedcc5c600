// A guest of a meeting: a name of one's own, the link, the lobby, the way out.

import {
  CallClient, type Call, type CallAgent, type CallState, type CommunicationTokenCredential,
} from '@azure/communication-calling';

export interface Visit {
  agent: CallAgent;
  call: Call;
  /** Every state that the call went through, the first included. */
  states: CallState[];
  /** Those who came and went while the guest was there. */
  traffic: string[];
}

/** Joins a meeting by its link under a name; whoever gives none is "Guest" to the others. */
export async function visit(credential: CommunicationTokenCredential, meetingLink: string, displayName?: string): Promise<Visit> {
  const client = new CallClient();
  const agent = await client.createCallAgent(credential, displayName === undefined ? {} : { displayName });
  const devices = await client.getDeviceManager();
  await devices.askDevicePermission({ audio: true, video: false });
  const call = agent.join({ meetingLink });
  const states: CallState[] = [call.state];
  const traffic: string[] = [];
  call.on('stateChanged', () => { states.push(call.state); });
  call.on('remoteParticipantsUpdated', ({ added, removed }) => {
    traffic.push(...added.map(({ displayName: name }) => `+${name ?? ''}`), ...removed.map(({ displayName: name }) => `-${name ?? ''}`));
  });
  return { agent, call, states, traffic };
}

/** The same guest in a call of a group: nothing but the locator is another. */
export function joinGroup({ agent }: Pick<Visit, 'agent'>, groupId: string): Call {
  return agent.join({ groupId });
}

export async function leave({ agent, call }: Visit): Promise<{ code: number; subCode: number } | undefined> {
  await call.hangUp();
  const reason = call.callEndReason;
  await agent.dispose();
  return reason && { code: reason.code, subCode: reason.subCode ?? 0 };
}
