// One component for each composite, made the way its documentation shows.

import { useEffect, useMemo } from 'react';

import {
  CallComposite,
  CallWithChatComposite,
  ChatComposite,
  fromFlatCommunicationIdentifier,
  useAzureCommunicationCallAdapter,
  useAzureCommunicationCallWithChatAdapter,
  useAzureCommunicationChatAdapter,
  useTeamsCallAdapter,
  type CallAdapterLocator,
  type CommonCallAdapter,
  type StartCallIdentifier,
} from '@azure/communication-react';
import type { CommunicationUserIdentifier, MicrosoftTeamsUserIdentifier } from '@azure/communication-common';

import type { Identity } from './identity';
import type { Parameters } from './parameters';

interface Props<UserId> {
  parameters: Parameters;
  identity: Identity;
  userId: UserId;
}

export function CallPage({ parameters, identity, userId }: Props<CommunicationUserIdentifier>) {
  const { displayName, credential } = identity;
  const target = useMemo(() => callTarget(parameters), [parameters]);
  const adapter = useAzureCommunicationCallAdapter(
    { userId, displayName, credential, ...target }, undefined, leave);
  useExposed(adapter);
  if (!adapter) return <Loading />;
  return <CallComposite adapter={adapter} formFactor={parameters.form} />;
}

export function TeamsCallPage({ parameters, identity, userId }: Props<MicrosoftTeamsUserIdentifier>) {
  const { credential } = identity;
  const target = useMemo(() => callTarget(parameters), [parameters]);
  const adapter = useTeamsCallAdapter({ userId, credential, ...target } as never, undefined, leave);
  useExposed(adapter);
  if (!adapter) return <Loading />;
  return <CallComposite adapter={adapter} formFactor={parameters.form} />;
}

export function ChatPage({ parameters, identity, userId }: Props<CommunicationUserIdentifier>) {
  const { displayName, credential } = identity;
  const threadId = required('thread', parameters.thread);
  const adapter = useAzureCommunicationChatAdapter(
    { endpoint: location.origin, userId, displayName, credential, threadId });
  useExposed(adapter);
  if (!adapter) return <Loading />;
  return <ChatComposite adapter={adapter} />;
}

export function CallWithChatPage({ parameters, identity, userId }: Props<CommunicationUserIdentifier>) {
  const { displayName, credential } = identity;
  const locator = useMemo(() => (parameters.meeting
    ? { meetingLink: parameters.meeting }
    : {
      callLocator: { groupId: required('group', parameters.group) },
      chatThreadId: required('thread', parameters.thread),
    }), [parameters]);
  const adapter = useAzureCommunicationCallWithChatAdapter(
    { endpoint: location.origin, userId, displayName, credential, locator }, undefined,
    async (left) => { await left.leaveCall().catch(() => {}); });
  useExposed(adapter);
  if (!adapter) return <Loading />;
  return <CallWithChatComposite adapter={adapter} formFactor={parameters.form} />;
}

export function Loading() {
  return <div className="notice" role="status">Connecting…</div>;
}

/** Puts the adapter where whoever drives the page finds it. */
export function useExposed(adapter: unknown) {
  useEffect(() => {
    Object.assign(globalThis, { adapter });
  }, [adapter]);
}

function callTarget({ group, meeting, targets }: Parameters):
  { locator: CallAdapterLocator } | { targetCallees: StartCallIdentifier[] } {
  if (targets.length > 0) {
    return { targetCallees: targets.map((target) => fromFlatCommunicationIdentifier(target) as StartCallIdentifier) };
  }
  if (meeting) return { locator: { meetingLink: meeting } };
  return { locator: { groupId: required('group, call or meeting', group) } };
}

async function leave(adapter: CommonCallAdapter) {
  await adapter.leaveCall().catch(() => {});
}

function required(name: string, value: string | undefined): string {
  if (value === undefined) throw new Error(`the address lacks ${name}`);
  return value;
}
