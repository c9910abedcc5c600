// The room of the console: the live calls of everybody, and what happens in one of them and is delivered of it.

import { errorText } from '../words';
import { Store } from '../store';
import { stream, unary, type Asker } from '../wire/grpc';
import { listLiveCalls, watchCall, watchEvents, watchLiveCall, type MediaLeg, type WireCall, type WireCallEvent, type WireParticipant } from '../wire/messages';

/** More events than this, and the oldest ones are let go. */
const MOST_EVENTS = 2_000;

/** A live call with the ways of its media. */
export interface LiveCall { readonly call: WireCall; readonly media: readonly MediaLeg[] }

/** What is known before. */
interface Start { readonly participants?: readonly WireParticipant[]; readonly media?: readonly MediaLeg[]; readonly watcher?: Asker }

/** An event that whoever subscribes to the exchange's events is sent. */
export interface Delivery { readonly id: string; readonly type: string; readonly at: number }

interface ConsoleState {
  /** The access key of the exchange. */
  readonly key: string;
  readonly calls: readonly LiveCall[];
  readonly lookedAt: number | undefined;
  readonly problem: string;
  readonly chosen: string;
  readonly timeline: 'connecting' | 'open' | 'ended' | 'failed';
  readonly timelineProblem: string;
  readonly events: readonly WireCallEvent[];
  readonly deliveries: readonly Delivery[];
  /** The roster of the chosen call after the last event. */
  readonly legs: readonly WireParticipant[];
  /** The last that is known of its media. */
  readonly media: readonly MediaLeg[];
}

export const operator = new Store<ConsoleState>({
  key: '', calls: [], lookedAt: undefined, problem: '', chosen: '', timeline: 'connecting', timelineProblem: '', events: [], deliveries: [], legs: [], media: [],
});

let isLooking = false;
let watching: AbortController | undefined;

const asker: Asker = { scheme: 'AccessKey', token: async () => operator.get().key };

/** Looks for live calls, whoever is in them. */
export async function look(): Promise<void> {
  if (isLooking || !operator.get().key) return;
  isLooking = true;
  try {
    const calls = (await unary(asker, listLiveCalls, {})).calls.flatMap(({ call, legs }) => (call ? [{ call, media: legs }] : []));
    const { chosen, media } = operator.get();
    operator.set({ calls, lookedAt: Date.now(), problem: '', media: calls.find(({ call }) => call.callId === chosen)?.media ?? media });
  } catch (error) {
    operator.set({ problem: errorText(error) });
  } finally {
    isLooking = false;
  }
}

/** Follows the events of a call from its first snapshot on, and what is delivered of it: as `watcher`, or with the key. */
export async function follow(callId: string, { participants = [], media = [], watcher }: Start): Promise<void> {
  stopFollowing();
  const { signal } = watching = new AbortController();
  operator.set({ chosen: callId, timeline: 'connecting', timelineProblem: '', events: [], deliveries: [], legs: participants, media });
  // Where there are no events to show there is the timeline all the same.
  if (!watcher) void followDeliveries(callId, signal, 0).catch(() => followDeliveries(callId, signal)).catch(() => {});
  try {
    for await (const { event } of stream(watcher ?? asker, watcher ? watchCall : watchLiveCall, { callId }, signal)) {
      if (signal.aborted) return;
      if (!event) continue;
      const { events, legs } = operator.get();
      operator.set({ timeline: event.callEnded ? 'ended' : 'open', events: [...events, event].slice(-MOST_EVENTS), legs: legsAfter(legs, event) });
    }
    if (!signal.aborted) operator.set({ timeline: 'ended' });
  } catch (error) {
    if (!signal.aborted) operator.set({ timeline: 'failed', timelineProblem: errorText(error) });
  }
}

/** What the log of events has of the call from its beginning on; what comes, where that is not kept any more. */
async function followDeliveries(callId: string, signal: AbortSignal, afterSeq?: number): Promise<void> {
  const eventTypes = ['CallStarted', 'CallEnded', 'CallParticipantAdded', 'CallParticipantRemoved'];
  for await (const { notification } of stream(asker, watchEvents, { afterSeq, eventTypes }, signal)) {
    if (!notification?.eventJson.includes(callId)) continue;
    const { id, eventTime } = JSON.parse(notification.eventJson) as { id: string; eventTime: string };
    const type = notification.eventType.replace(/.*\./, '');
    operator.set({ deliveries: [...operator.get().deliveries, { id, type, at: Date.parse(eventTime) }].slice(-MOST_EVENTS) });
  }
}

/** Follows nothing any more. */
export function stopFollowing(): void {
  watching?.abort();
  operator.set({ chosen: '' });
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
