// Chooses the composite that the address asks for.

import { fromFlatCommunicationIdentifier } from '@azure/communication-react';
import type { CommunicationUserIdentifier, MicrosoftTeamsUserIdentifier } from '@azure/communication-common';

import type { Identity } from './identity';
import { IncomingPage } from './incoming-page';
import { CallPage, CallWithChatPage, ChatPage, TeamsCallPage } from './composites';
import type { Parameters } from './parameters';

interface Props {
  parameters: Parameters;
  identity: Identity;
}

export function App({ parameters, identity }: Props) {
  const userId = fromFlatCommunicationIdentifier(identity.rawId);
  if (parameters.incoming) {
    return <IncomingPage {...{ parameters, identity, userId }} />;
  }
  if (parameters.agent === 'teams') {
    return <TeamsCallPage {...{ parameters, identity }} userId={userId as MicrosoftTeamsUserIdentifier} />;
  }
  const own = { parameters, identity, userId: userId as CommunicationUserIdentifier };
  switch (parameters.view) {
    case 'call': return <CallPage {...own} />;
    case 'chat': return <ChatPage {...own} />;
    case 'call-with-chat': return <CallWithChatPage {...own} />;
  }
}
