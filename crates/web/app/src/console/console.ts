// The room of the console: live calls as their participants see them, and the events of one of them.

import { errorText } from '../words';
import { people, readPeople } from '../people/people';
import { Credential } from '../session/tokens';
import { Store } from '../store';
import { stream, unary } from '../wire/grpc';
import { listCalls, watchCall, type WireCall, type WireCallEvent, type WireParticipant } from '../wire/messages';

/** More events than this, and the oldest ones are let go. */
const MOST_EVENTS = 2_000;

/** A live call with the identity that may read it. */
export interface LiveCall { readonly call: WireCall; readonly seenBy: string }

interface ConsoleState {
  readonly calls: readonly LiveCall[];
  readonly lookedAt: number | undefined;
  readonly isLooking: boolean;
  readonly problem: string;
  readonly chosen: string;
  readonly timeline: 'connecting' | 'open' | 'ended' | 'failed';
  readonly timelineProblem: string;
  readonly events: readonly WireCallEvent[];
  /** The roster of the chosen call after the last event. */
  readonly legs: readonly WireParticipant[];
}

export const operator = new Store<ConsoleState>({
  calls: [], lookedAt: undefined, isLooking: false, problem: '', chosen: '', timeline: 'connecting', timelineProblem: '', events: [], legs: [],
});

const credentials = new Map<string, Promise<Credential>>();
let watching: AbortController | undefined;

/** Looks for live calls with the eyes of these identities: the exchange tells everybody of their own calls only. */
export async function look(aliases: readonly string[]): Promise<void> {
  if (operator.get().isLooking) return;
  operator.set({ isLooking: true, problem: '' });
  const found = new Map<string, LiveCall>();
  try {
    for (const alias of aliases) {
      const { calls } = await unary(await credentialOf(alias), listCalls, {});
      for (const call of calls) if (!found.has(call.callId)) found.set(call.callId, { call, seenBy: alias });
    }
    operator.set({ calls: [...found.values()], lookedAt: Date.now() });
  } catch (error) {
    operator.set({ problem: errorText(error) });
  } finally {
    operator.set({ isLooking: false });
  }
}

/** The aliases of the directory. */
export async function directoryAliases(): Promise<string[]> {
  if (!people.get().isLoaded) await readPeople();
  return people.get().users.map(({ alias }) => alias).filter((alias) => alias !== '');
}

/** Follows the events of a call from its first snapshot on. */
export async function follow({ call, seenBy }: { call: Pick<WireCall, 'callId' | 'participants'>; seenBy: string }): Promise<void> {
  stopFollowing();
  const abort = new AbortController();
  watching = abort;
  operator.set({ chosen: call.callId, timeline: 'connecting', timelineProblem: '', events: [], legs: call.participants });
  try {
    for await (const { event } of stream(await credentialOf(seenBy), watchCall, { callId: call.callId }, abort.signal)) {
      if (abort.signal.aborted) return;
      if (!event) continue;
      const { events, legs } = operator.get();
      operator.set({ timeline: event.callEnded ? 'ended' : 'open', events: [...events, event].slice(-MOST_EVENTS), legs: legsAfter(legs, event) });
    }
    if (!abort.signal.aborted) operator.set({ timeline: 'ended' });
  } catch (error) {
    if (!abort.signal.aborted) operator.set({ timeline: 'failed', timelineProblem: errorText(error) });
  }
}

/** Follows nothing any more. */
export function stopFollowing(): void {
  watching?.abort();
  watching = undefined;
  operator.set({ chosen: '' });
}

function credentialOf(alias: string): Promise<Credential> {
  let credential = credentials.get(alias);
  if (!credential) {
    credential = Credential.of(alias);
    credentials.set(alias, credential);
    // One that was refused is asked for again the next time.
    credential.catch(() => credentials.delete(alias));
  }
  return credential;
}

function legsAfter(legs: readonly WireParticipant[], event: WireCallEvent): readonly WireParticipant[] {
  if (event.snapshot) return event.snapshot.participants;
  const put = event.participantAdded?.participant ?? event.participantUpdated?.participant;
  if (put) return legs.some(({ participantId }) => participantId === put.participantId) ? change(legs, put.participantId, put) : [...legs, put];
  if (event.participantRemoved) return legs.filter(({ participantId }) => participantId !== event.participantRemoved?.participantId);
  if (event.callStateChanged) return change(legs, event.callStateChanged.participantId, { callState: event.callStateChanged.state });
  if (event.participantStateChanged) return change(legs, event.participantStateChanged.participantId, { state: event.participantStateChanged.state });
  if (event.speakingChanged) {
    return event.speakingChanged.changes.reduce((changed, { participantId, isSpeaking }) => change(changed, participantId, { isSpeaking }), legs);
  }
  return legs;
}

function change(legs: readonly WireParticipant[], participantId: string, patch: Partial<WireParticipant>): readonly WireParticipant[] {
  return legs.map((leg) => (leg.participantId === participantId ? { ...leg, ...patch } : leg));
}
