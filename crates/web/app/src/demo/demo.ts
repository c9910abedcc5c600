// Two chairs at one table: each with a line of its own, and a call that goes by itself from ringing to hanging up.

import { CallClient, LocalAudioStream, LocalVideoStream, type CallAgent, type IncomingCall } from '@trunkline/calling';

import { CallRoom } from '../call/room';
import type { CallView } from '../call/view';
import { follow, stopFollowing } from '../console/console';
import { identifierOf } from '../identifiers';
import { Credential, type Identity } from '../session/tokens';
import { Store } from '../store';
import { text } from '../strings';
import { errorText } from '../words';
import { openMedia, type ChairMedia } from './media';

const STEP_WITHIN_MS = 15_000;
/** Long enough to see what a step did; seven of them take less than ten seconds. */
const STEP_SHOWN_MS = 900;
const CHAIRS = [{ alias: 'alice', hertz: 440, color: '#b3261e' }, { alias: 'bob', hertz: 660, color: '#1d4ed8' }] as const;

export const STEPS = ['place', 'ring', 'accept', 'mute', 'hold', 'resume', 'hangUp'] as const;
type Step = (typeof STEPS)[number];

/** One side of the call. */
export interface Chair {
  readonly identity: Identity;
  readonly credential: Credential;
  readonly agent: CallAgent;
  readonly incoming: IncomingCall | undefined;
  readonly room: CallRoom | undefined;
}

interface DemoState {
  readonly chairs: readonly Store<Chair>[];
  readonly phase: 'idle' | 'running' | 'done';
  readonly step: Step | undefined;
  readonly problem: string;
}

export const demo = new Store<DemoState>({ chairs: [], phase: 'idle', step: undefined, problem: '' });

/** Runs the call once. */
export async function run(wantsDevices: boolean): Promise<void> {
  if (demo.get().phase === 'running') return;
  demo.set({ phase: 'running', step: undefined, problem: '' });
  let media: ChairMedia[] = [];
  try {
    if (demo.get().chairs.length === 0) demo.set({ chairs: await Promise.all(CHAIRS.map(({ alias }) => sitDown(alias))) });
    media = await Promise.all(CHAIRS.map((chair) => openMedia(wantsDevices, chair)));
    await walk(media);
    demo.set({ phase: 'done', step: undefined });
  } catch (error) {
    demo.set({ phase: 'done', problem: errorText(error) });
    for (const chair of demo.get().chairs) void chair.get().room?.hangUp();
  } finally {
    for (const one of media) one.end();
  }
}

/** Leaves both chairs. */
export function standUp(): void {
  stopFollowing();
  for (const chair of demo.get().chairs) void chair.get().agent.dispose();
  demo.set({ chairs: [], phase: 'idle', step: undefined, problem: '' });
}

async function sitDown(alias: string): Promise<Store<Chair>> {
  const credential = await Credential.of(alias);
  const { identity } = credential;
  const agent = await new CallClient().createCallAgent(credential, { displayName: identity.displayName });
  const chair = new Store<Chair>({ identity, credential, agent, incoming: undefined, room: undefined });
  agent.on('incomingCall', ({ incomingCall }) => chair.set({ incoming: incomingCall }));
  return chair;
}

async function walk(media: readonly ChairMedia[]): Promise<void> {
  const [caller, callee] = demo.get().chairs as [Store<Chair>, Store<Chair>];
  for (const chair of [caller, callee]) chair.set({ incoming: undefined, room: undefined });
  const steps: Readonly<Record<Step, () => Promise<void>>> = {
    async place() {
      const call = caller.get().agent.startCall([identifierOf(callee.get().identity.rawId)], sending(media[0]));
      sit(caller, call);
      await seen(caller, ({ state }) => state === 'Ringing');
      void follow(call.id, { watcher: caller.get().credential });
    },
    ring: () => until(callee, () => callee.get().incoming !== undefined),
    async accept() {
      sit(callee, await callee.get().incoming?.accept(sending(media[1])));
      callee.set({ incoming: undefined });
      await both(({ state }) => state === 'Connected');
      // Whoever sits in both chairs would hear themselves.
      for (const chair of [caller, callee]) await chair.get().room?.call.muteIncomingAudio();
    },
    async mute() {
      await caller.get().room?.toggleMute();
      await seen(callee, ({ people }) => people[0]?.isMuted === true);
    },
    async hold() {
      await caller.get().room?.toggleHold();
      await seen(callee, ({ state }) => state === 'RemoteHold');
    },
    async resume() {
      await caller.get().room?.toggleHold();
      await both(({ state }) => state === 'Connected');
    },
    async hangUp() {
      await caller.get().room?.hangUp();
      await both(({ state }) => state === 'Disconnected');
    },
  };
  for (const step of STEPS) {
    demo.set({ step });
    await steps[step]();
    await new Promise((resolve) => { setTimeout(resolve, STEP_SHOWN_MS); });
  }

  async function both(satisfies: (view: CallView) => boolean): Promise<void> {
    await Promise.all([seen(caller, satisfies), seen(callee, satisfies)]);
  }
}

function sit(chair: Store<Chair>, call: CallRoom['call'] | undefined): void {
  if (!call) throw new Error(text.demo.stuck);
  const { identity } = chair.get();
  const nothing = () => {};
  chair.set({ room: new CallRoom(call, { purpose: { kind: 'people', rawIds: [], name: '' }, ownRawId: identity.rawId, onEnded: nothing, onMoved: nothing, onTransferred: nothing }) });
}

function sending(media: ChairMedia | undefined) {
  const { stream } = media as ChairMedia;
  return { audioOptions: { muted: false, localAudioStreams: [new LocalAudioStream(stream)] }, videoOptions: { localVideoStreams: [new LocalVideoStream(stream)] } };
}

function seen(chair: Store<Chair>, satisfies: (view: CallView) => boolean): Promise<void> {
  const { room } = chair.get();
  return room ? until(room.store, () => satisfies(room.view)) : Promise.reject(new Error(text.demo.stuck));
}

/** Waits for a store to satisfy; the call that does not go on says so. */
function until(store: { subscribe: (listener: () => void) => () => void }, isSatisfied: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => { unsubscribe(); reject(new Error(text.demo.stuck)); }, STEP_WITHIN_MS);
    const look = () => {
      if (!isSatisfied()) return;
      clearTimeout(timer);
      unsubscribe();
      resolve();
    };
    const unsubscribe = store.subscribe(look);
    look();
  });
}
