// Waits for a call: the library's own notification rings, and its composite shows the call.

import { useEffect, useState } from 'react';

import {
  CallAgentProvider,
  CallClientProvider,
  CallComposite,
  FluentThemeProvider,
  IncomingCallStack,
  createAzureCommunicationCallAdapterFromClient,
  createStatefulCallClient,
  createTeamsCallAdapterFromClient,
  usePropsFor,
  type CommonCallAdapter,
  type DeclarativeCallAgent,
  type DeclarativeTeamsCallAgent,
  type StatefulCallClient,
} from '@azure/communication-react';
import type { CommunicationIdentifier } from '@azure/communication-common';

import { Loading, useExposed } from './composites';
import type { Identity } from './identity';
import type { Parameters } from './parameters';

interface Props {
  parameters: Parameters;
  identity: Identity;
  userId: CommunicationIdentifier;
}

interface Line {
  client: StatefulCallClient;
  agent: DeclarativeCallAgent | DeclarativeTeamsCallAgent;
  adapter: CommonCallAdapter;
}

export function IncomingPage({ parameters, identity, userId }: Props) {
  const [line, setLine] = useState<Line>();
  const [hasCall, setHasCall] = useState(false);

  useEffect(() => {
    openLine(parameters, identity, userId, () => setHasCall(true)).then(setLine, (error: unknown) => {
      console.error(error);
    });
  }, [parameters, identity, userId]);
  useExposed(line?.adapter);

  if (!line) return <Loading />;
  return (
    <FluentThemeProvider>
      <CallClientProvider callClient={line.client}>
        <CallAgentProvider callAgent={line.agent}>
          {hasCall
            ? <CallComposite adapter={line.adapter as never} formFactor={parameters.form} />
            : <Waiting name={identity.displayName} />}
        </CallAgentProvider>
      </CallClientProvider>
    </FluentThemeProvider>
  );
}

function Waiting({ name }: { name: string }) {
  const props = usePropsFor(IncomingCallStack);
  return (
    <div className="waiting">
      <p role="status">{name} can be called.</p>
      <IncomingCallStack {...props} />
    </div>
  );
}

async function openLine(
  parameters: Parameters,
  { credential, displayName }: Identity,
  userId: CommunicationIdentifier,
  onCall: () => void,
): Promise<Line> {
  const client = createStatefulCallClient({ userId: userId as never });
  // The notification offers to accept with video once it knows of a camera.
  const manager = await client.getDeviceManager();
  await manager.askDevicePermission({ audio: true, video: true });
  await manager.getCameras();
  if (parameters.agent === 'teams') {
    const agent = await client.createTeamsCallAgent(credential) as DeclarativeTeamsCallAgent;
    // An adapter wants somewhere to join; nothing joins this group.
    const adapter = await createTeamsCallAdapterFromClient(client, agent, { groupId: crypto.randomUUID() });
    agent.on('callsUpdated', ({ added }) => { show(adapter, added[0], onCall); });
    return { client, agent, adapter };
  }
  const agent = await client.createCallAgent(credential, { displayName }) as DeclarativeCallAgent;
  const adapter = await createAzureCommunicationCallAdapterFromClient(client, agent, { groupId: crypto.randomUUID() });
  agent.on('callsUpdated', ({ added }) => { show(adapter, added[0], onCall); });
  return { client, agent, adapter };
}

/** The adapter of the library takes a call that it did not place only through this method. */
function show(adapter: CommonCallAdapter, call: unknown, onCall: () => void) {
  if (!call) return;
  (adapter as unknown as { processNewCall(call: unknown): void }).processNewCall(call);
  onCall();
}
