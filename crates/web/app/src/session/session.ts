// Who this tab is, and its line to the exchange.

import { CallClient, type CallAgent, type DeviceManager, type IncomingCall } from '@trunkline/calling';

import { Store } from '../store';
import { errorText } from '../words';
import type { Issuer } from './oidc';
import { forgetOrganisation, rememberPlace } from './returning';
import { Credential, RequestError, type Identity, type Pass } from './tokens';

const KEY = 'trunkline.as';

interface SessionState {
  phase: 'signedOut' | 'signingIn' | 'ready';
  identity: Identity | undefined;
  problem: string;
  /** Whether the exchange is heard. */
  isConnected: boolean;
}

/** What there is once somebody is signed in. */
export interface Line {
  readonly identity: Identity;
  readonly credential: Credential;
  readonly agent: CallAgent;
  readonly devices: DeviceManager;
}

export const session = new Store<SessionState>({ phase: 'signedOut', identity: undefined, problem: '', isConnected: true });

let line: Line | undefined;
let leaving = new AbortController();
let onIncoming: (incoming: IncomingCall) => void = () => {};

/** The line of whoever is signed in. Nothing that needs one is on the page without one. */
export function currentLine(): Line {
  if (!line) throw new Error('nobody is signed in');
  return line;
}

/** The line, if there is one. */
export function lineOrNone(): Line | undefined {
  return line;
}

/** Says what to do with a call that rings. */
export function handleIncoming(handler: (incoming: IncomingCall) => void): void {
  onIncoming = handler;
}

/** Whom this tab was when it was left, if anybody; of a guest of a meeting, what they show. */
export function rememberedIdentity(): { rawId: string; displayName: string } | Pass | undefined {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

/** Signs in as an alias, a raw id, or with `app:<name>` as a new guest; guests say their name themselves. */
export function signIn(who: string, chosenName = ''): Promise<void> {
  return enter(async () => {
    const credential = await Credential.of(who, chosenName);
    // A guest is somebody new each time; a reload goes on as the one that this tab was.
    const { rawId, displayName } = credential.identity;
    keep({ rawId, displayName });
    return credential;
  });
}

/** Signs in as a guest of a meeting, of whom a reload makes nobody else. */
export function signInAsGuest(pass: Pass): Promise<void> {
  return enter(() => Credential.ofGuest(pass, keep));
}

/** Leaves for the page of an issuer. */
export function signInWith(issuer: Issuer): Promise<void> {
  rememberPlace();
  return enter(async () => (await import('./organisation')).leaveFor(issuer));
}

/** Signs in with the answer of an issuer, or goes on with what it gave before. */
export function returnFromIssuer(answer?: URLSearchParams): Promise<void> {
  return enter(async () => {
    const { comeBack, goOn } = await import('./organisation');
    return answer ? comeBack(answer) : goOn();
  });
}

async function enter(obtain: () => Promise<Credential>): Promise<void> {
  if (session.get().phase === 'signingIn') return;
  session.set({ phase: 'signingIn', problem: '' });
  try {
    const credential = await obtain();
    const { identity } = credential;
    leaving = new AbortController();
    const client = new CallClient();
    const [agent, devices] = await Promise.all([
      client.createCallAgent(credential, { displayName: identity.displayName }),
      client.getDeviceManager(),
    ]);
    agent.on('incomingCall', ({ incomingCall }) => onIncoming(incomingCall));
    agent.on('connectionStateChanged', ({ newValue }) => session.set({ isConnected: newValue === 'Connected' }));
    addEventListener('offline', () => session.set({ isConnected: false }), { signal: leaving.signal });
    // While the line held through it, nothing else tells.
    addEventListener('online', () => session.set({ isConnected: agent.connectionState === 'Connected' }), { signal: leaving.signal });
    line = { identity, credential, agent, devices };
    session.set({ phase: 'ready', identity, isConnected: true });
  } catch (error) {
    // What was refused once would be refused again after a reload.
    if (!(error instanceof RequestError && error.isPassing)) forget();
    session.set({ phase: 'signedOut', problem: errorText(error) });
  }
}

/** Leaves everything and forgets whom this tab was. */
export async function signOut(): Promise<void> {
  const left = line;
  leaving.abort();
  line = undefined;
  forget();
  session.set({ phase: 'signedOut', identity: undefined, problem: '', isConnected: true });
  await left?.agent.dispose();
}

function keep(who: object): void {
  sessionStorage.setItem(KEY, JSON.stringify(who));
}

function forget(): void {
  sessionStorage.removeItem(KEY);
  forgetOrganisation();
}
