// Signs in with the development tokens of the exchange that serves the page.

import { AzureCommunicationTokenCredential } from '@azure/communication-common';

import type { Parameters } from './parameters';

export interface Identity {
  rawId: string;
  displayName: string;
  credential: AzureCommunicationTokenCredential;
}

/** Asks for a token of a user, or for a new app user. */
export async function signIn({ as, name }: Pick<Parameters, 'as' | 'name'>): Promise<Identity> {
  const newUser = as.startsWith('app:') ? as.slice('app:'.length) : undefined;
  const first = await askToken(newUser === undefined ? { user: as } : { displayName: newUser });
  const rawId: string = first.identifier.rawId;
  return {
    rawId,
    displayName: name ?? (first.displayName || 'Guest'),
    credential: new AzureCommunicationTokenCredential({
      token: first.token,
      tokenRefresher: async () => (await askToken({ user: rawId })).token,
    }),
  };
}

async function askToken(who: { user: string } | { displayName: string }) {
  const response = await fetch('/dev/token', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(who),
  });
  if (!response.ok) throw new Error(`no token: ${response.status} ${await response.text()}`);
  return response.json();
}
