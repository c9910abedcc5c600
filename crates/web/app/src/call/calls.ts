// All calls of this tab: those that ring, the one on screen, those that wait, and how the last one ended.

import {
  LocalAudioStream, LocalVideoStream, type Call, type CallCommon, type CallLocator, type IncomingCall, type JoinCallOptions,
} from '@trunkline/calling';

import { identifierOf, rawIdOf } from '../identifiers';
import { addressOf, go, route } from '../routes';
import { currentLine, handleIncoming, lineOrNone } from '../session/session';
import { Store } from '../store';
import { listed, text } from '../strings';
import { errorText, reasonHeadline, reasonSentence, type Reason } from '../words';
import { CallRoom, type Purpose } from './room';
import { ring, ringback } from './sound';

const NOTICE_SHOWN_MS = 8_000;

/** A call that rings here. */
export interface Ringing {
  readonly id: string;
  readonly name: string;
  readonly rawId: string;
  readonly incoming: IncomingCall;
}

/** How a call ended. */
export interface Ended {
  readonly purpose: Purpose;
  readonly reason: Reason;
  readonly lastedMs: number | undefined;
}

interface CallsState {
  readonly ringing: readonly Ringing[];
  readonly rooms: readonly CallRoom[];
  readonly active: CallRoom | undefined;
  readonly ended: Ended | undefined;
  /** What somebody is about to join, before the devices are chosen. */
  readonly about: Purpose | undefined;
  readonly notice: string;
  /** Grows with every call that ends, so that lists know when to look again. */
  readonly endedCount: number;
}

export const calls = new Store<CallsState>({
  ringing: [], rooms: [], active: undefined, ended: undefined, about: undefined, notice: '', endedCount: 0,
});

/** What is sent from the beginning. */
export interface Sending {
  camera?: LocalVideoStream | undefined;
  microphone?: LocalAudioStream | undefined;
  isMuted?: boolean;
}

let stopRing: (() => void) | undefined;
let stopRingback: (() => void) | undefined;
let answersAutomatically = false;

/** Takes every call that rings from here on, if the address says so. */
export function setUpCalls(options: { answersAutomatically: boolean }): void {
  answersAutomatically = options.answersAutomatically;
  handleIncoming(takeIncoming);
  calls.subscribe(sound);
  addEventListener('beforeunload', (event) => { if (calls.get().rooms.length > 0) event.preventDefault(); });
}

/** Calls people, or the one person, at once. */
export function callPeople(people: readonly { rawId: string; name: string }[], { withVideo = false } = {}): void {
  const name = people.map((person) => person.name).join(', ');
  const camera = withVideo ? new LocalVideoStream({ name: '', id: 'camera:', deviceType: 'Unknown' }) : undefined;
  begin({ kind: 'people', rawIds: people.map(({ rawId }) => rawId), name }, { camera });
}

/** Asks for the devices before joining. */
export function prepareToJoin(about: Purpose): void {
  calls.set({ about, ended: undefined });
  go('join');
}

/** Does once more what led to a call that is over. */
export function again(purpose: Purpose): void {
  if (purpose.kind === 'people') begin(purpose, {});
  else prepareToJoin(purpose);
}

/** Begins a call with these devices. */
export function begin(purpose: Purpose, sending: Sending): void {
  const { agent } = currentLine();
  holdActive();
  try {
    const options = optionsOf(sending);
    const call = purpose.kind === 'people'
      ? agent.startCall(purpose.rawIds.map(identifierOf), options)
      : agent.join(locatorOf(purpose), options);
    show(call, purpose);
  } catch (error) {
    tell(errorText(error));
  }
}

export async function accept(ringing: Ringing, { withVideo = false } = {}): Promise<void> {
  holdActive();
  forget(ringing);
  const camera = withVideo ? new LocalVideoStream({ name: '', id: 'camera:', deviceType: 'Unknown' }) : undefined;
  try {
    const accepting = ringing.incoming.accept(optionsOf({ camera }));
    const call = currentLine().agent.calls.find(({ id }) => id === ringing.id) ?? await accepting;
    show(call, { kind: 'people', rawIds: [ringing.rawId], name: ringing.name });
    await accepting;
  } catch (error) {
    // A call that came about and ended says why itself.
    if (!calls.get().ended) tell(errorText(error));
  }
}

export async function decline(ringing: Ringing): Promise<void> {
  forget(ringing);
  await ringing.incoming.reject().catch((error: unknown) => tell(errorText(error)));
}

/** Brings another call on screen and holds the one that was. */
export function switchTo(room: CallRoom): void {
  if (calls.get().active === room) return;
  holdActive();
  calls.set({ active: room });
  if (room.view.state === 'LocalHold') void room.toggleHold();
  go('call');
}

/** Leaves the page of a call that is over. */
export function dismissEnded(): void {
  calls.set({ ended: undefined });
  go('calls', '', { replace: true });
}

/** Says something for a moment. */
export function tell(notice: string): void {
  calls.set({ notice });
  setTimeout(() => { if (calls.get().notice === notice) calls.set({ notice: '' }); }, NOTICE_SHOWN_MS);
}

function takeIncoming(incoming: IncomingCall): void {
  const { identifier, displayName } = incoming.callerInfo;
  const rawId = identifier ? rawIdOf(identifier) : '';
  const ringing: Ringing = { id: incoming.id, name: displayName ?? text.somebody, rawId, incoming };
  incoming.on('callEnded', ({ callEndReason }) => {
    if (!calls.get().ringing.includes(ringing)) return;
    forget(ringing);
    tell(endOfRinging(ringing.name, callEndReason));
    calls.set({ endedCount: calls.get().endedCount + 1 });
  });
  calls.set({ ringing: [...calls.get().ringing, ringing] });
  if (answersAutomatically) void accept(ringing, { withVideo: true });
}

function endOfRinging(name: string, reason: Reason): string {
  if (reason.code === 487 && reason.subCode === 10003) return text.incoming.elsewhere(name);
  if (reason.code === 487 || reason.code === 408 || reason.code === 480) return text.incoming.missed(name);
  return text.incoming.ended(name, reasonSentence(reason));
}

function show(call: Call, purpose: Purpose): void {
  const room = new CallRoom(call, {
    purpose, ownRawId: currentLine().identity.rawId, onEnded: leave, onMoved: takeOver, onTransferred: (name) => tell(text.transfer.transferred(name)),
  });
  room.store.subscribe(sound);
  calls.set({ rooms: [...calls.get().rooms, room], active: room, ended: undefined, about: undefined });
  go('call', '', { replace: route.get().room === 'join' });
}

/** Shows the call that this side was handed over to. */
function takeOver(call: CallCommon): void {
  if (calls.get().rooms.some((room) => room.call.id === call.id)) return;
  const others = call.remoteParticipants.map(({ identifier, displayName }) => ({ rawId: rawIdOf(identifier), name: displayName ?? text.somebody }));
  show(call as Call, { kind: 'people', rawIds: others.map(({ rawId }) => rawId), name: listed(others.map(({ name }) => name)) || text.call.title });
  tell(text.transfer.moved);
}

function leave(room: CallRoom): void {
  const rooms = calls.get().rooms.filter((other) => other !== room);
  const wasActive = calls.get().active === room;
  const { connectedSince, endReason, purpose } = room;
  calls.set({
    rooms,
    active: wasActive ? rooms.at(-1) : calls.get().active,
    // What another call does in the background ends without a page of its own.
    ended: wasActive && rooms.length === 0 && lineOrNone()
      ? { purpose, reason: endReason, lastedMs: connectedSince && Date.now() - connectedSince } : undefined,
    endedCount: calls.get().endedCount + 1,
  });
  // Whoever is elsewhere in the app is told and stays there.
  if (location.hash !== addressOf('call') && lineOrNone()) {
    calls.set({ ended: undefined });
    tell(reasonHeadline(endReason));
  }
}

function holdActive(): void {
  const { active } = calls.get();
  if (active?.view.state === 'Connected') void active.toggleHold();
}

function forget(ringing: Ringing): void {
  calls.set({ ringing: calls.get().ringing.filter((other) => other !== ringing) });
}

function optionsOf({ camera, microphone, isMuted = false }: Sending): JoinCallOptions {
  return {
    audioOptions: { muted: isMuted, ...(microphone && { localAudioStreams: [microphone] }) },
    ...(camera && { videoOptions: { localVideoStreams: [camera] } }),
  };
}

function locatorOf(purpose: Exclude<Purpose, { kind: 'people' }>): CallLocator {
  if (purpose.kind === 'group') return { groupId: purpose.groupId };
  if (purpose.link) return { meetingLink: purpose.link };
  return { meetingId: purpose.meetingId ?? '', passcode: purpose.passcode ?? '' };
}

/** Rings while something rings; plays the ringing of the other side while the active call waits for it. */
function sound(): void {
  const { ringing, active } = calls.get();
  const rings = ringing.length > 0 && !answersAutomatically;
  if (rings && !stopRing) stopRing = ring();
  if (!rings) { stopRing?.(); stopRing = undefined; }
  const waits = active !== undefined && !active.view.isIncoming && (active.view.state === 'Ringing' || active.view.state === 'EarlyMedia');
  if (waits && !stopRingback) stopRingback = ringback();
  if (!waits) { stopRingback?.(); stopRingback = undefined; }
}
