// Runs in the page of the samples: several people at once, each with the code that somebody else wrote.

import type { Call, CommunicationTokenCredential, TeamsCall } from '@azure/communication-calling';

import * as directory from '../samples/directory-user.js';
import * as guest from '../samples/guest.js';
import * as raw from '../samples/raw-media.js';

const credential = (token: string): CommunicationTokenCredential => ({
  getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }),
});

async function until<T>(what: string, ask: () => T | undefined | false | null, withinMs = 15_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = ask();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 25); });
  }
}

const inState = (call: Call | TeamsCall, state: string): Promise<true> => until(`state ${state}, not ${call.state}`, () => call.state === state || undefined);
const must = <T>(value: T | undefined, what: string): T => {
  if (value === undefined) throw new Error(`there is no ${what}`);
  return value;
};

/** What is awaited of a call, unless the call ends before. */
function whileLive<T>(call: TeamsCall, awaited: Promise<T>): Promise<T> {
  return Promise.race([awaited, new Promise<never>((_, reject) => {
    call.on('stateChanged', () => {
      if (call.state === 'Disconnected') reject(new Error(`the call ended: ${JSON.stringify(call.callEndReason)}`));
    });
  })]);
}

/** What the left side of a picture has of blue, beside red and green. */
async function blueness(media: MediaStream): Promise<number> {
  const video: HTMLVideoElement = Object.assign(document.createElement('video'), { muted: true, autoplay: true, srcObject: media });
  await video.play();
  const context = must(new OffscreenCanvas(64, 36).getContext('2d') ?? undefined, 'canvas');
  context.drawImage(video, 0, 0, 64, 36);
  video.srcObject = null;
  const [red = 0, green = 0, blue = 0] = context.getImageData(8, 18, 1, 1).data;
  return blue - Math.max(red, green);
}

async function turnsTo(what: string, media: MediaStream, holds: (blue: number) => boolean): Promise<true> {
  for (let count = 0; count < 60; count += 1) {
    if (holds(await blueness(media))) return true;
    await new Promise((resolve) => { setTimeout(resolve, 250); });
  }
  throw new Error(`not in time: ${what}`);
}

const desks = new Map<string, directory.Desk>();
const desk = (name: string): directory.Desk => must(desks.get(name), name);

const scenes = {
  async open(people: Record<string, string>) {
    for (const [name, token] of Object.entries(people)) desks.set(name, await directory.openDesk(credential(token)));
    return [...desks].map(([name, { agent }]) => [name, agent.connectionState]);
  },

  /** One person calls another: accepted, looked at, muted, shown, left. */
  async colleague(id: string) {
    const answering = directory.answerNext(desk('bob'), true);
    const call = directory.callColleague(desk('alice'), id);
    const { ringing, call: answered } = await answering;
    const other = must(answered, 'accepted call');
    await inState(call, 'Connected');
    await inState(other, 'Connected');
    await until('each sees the other', () => [call, other].every(({ remoteParticipants }) => remoteParticipants[0]?.state === 'Connected'));
    const before = { caller: directory.figure(call), callee: directory.figure(other) };
    await directory.muteAround(call);
    await until('bob is muted by others', () => other.isMuted);
    await directory.showCamera(desk('alice'), call);
    await until('bob is shown a stream', () => directory.figure(other).others[0]?.videos);
    const during = directory.figure(call);
    await call.hangUp();
    await inState(other, 'Disconnected');
    return { ringing: { id: ringing.id, caller: ringing.caller }, before, during, after: directory.figure(call), end: other.callEndReason };
  },

  /** A camera is painted over while it is sent, and sent as it is again; whoever watches reads the picture as it comes. */
  async effect(id: string) {
    const answering = directory.answerNext(desk('bob'), true);
    const call = directory.callColleague(desk('alice'), id);
    const other = must((await answering).call, 'accepted call');
    await inState(call, 'Connected');
    await inState(other, 'Connected');
    const stream = must(await directory.showCamera(desk('alice'), call), 'camera');
    const shown = await until('bob is shown a stream', () => other.remoteParticipants[0]?.videoStreams.find(({ isAvailable }) => isAvailable));
    const seen = await shown.getMediaStream();
    const types: string[] = [stream.mediaStreamType];
    await turnsTo('the camera is seen', seen, (blue) => blue < 60);

    const effect = await raw.paintOver(stream, 'rgb(30,30,220)');
    types.push(stream.mediaStreamType);
    await turnsTo('the paint is seen', seen, (blue) => blue > 100);
    const [camera] = effect.original.getVideoTracks();
    const { currentTime } = effect.video;
    await until('the camera goes on', () => effect.video.currentTime > currentTime + 0.5);
    // The camera itself, or the picture that was made of it would be painted over and over.
    const isUnpainted = await blueness(effect.original) < 60;
    const during = { camera: camera?.readyState, isOwn: raw.ownPicture(call) === stream, isUnpainted };

    await effect.end();
    types.push(stream.mediaStreamType);
    await turnsTo('the camera is seen again', seen, (blue) => blue < 60);
    const last = (await stream.getMediaStream()).getVideoTracks()[0];
    const before = { camera: camera?.readyState, next: last?.readyState };
    await call.stopVideo(stream);
    await until('bob is told', () => !shown.isAvailable);
    const after = { next: last?.readyState };
    await call.hangUp();
    await inState(other, 'Disconnected');
    return { types, during, before, after, sources: effect.sources.map(({ deviceType }) => deviceType) };
  },

  async declined(id: string) {
    const answering = directory.answerNext(desk('bob'), false);
    const call = directory.callColleague(desk('alice'), id);
    const { ringing } = await answering;
    await inState(call, 'Disconnected');
    return { caller: call.callEndReason, callee: await ringing.ended };
  },

  async phone(number: string) {
    const call = directory.callPhone(desk('alice'), number);
    await inState(call, 'Disconnected');
    return { figure: directory.figure(call), reason: call.callEndReason };
  },

  /** A phone among several that nothing leads to: the call is refused as a whole. */
  async groupWithPhone(bob: string, phone: string, threadId: string) {
    const call = directory.callGroup(desk('alice'), [bob], [phone], threadId);
    await inState(call, 'Disconnected');
    return call.callEndReason;
  },

  /** Several at once in a thread; one more is asked in, and let go. */
  async group(bob: string, charlie: string, phone: string, threadId: string) {
    const answering = directory.answerNext(desk('bob'), true);
    const call = directory.callGroup(desk('alice'), [bob], [], threadId);
    const bobs = must((await whileLive(call, answering)).call, "bob's call");
    await inState(call, 'Connected');
    const next = directory.answerNext(desk('charlie'), true);
    const { participant, listed } = directory.invite(call, charlie, threadId);
    const charlies = must((await whileLive(call, next)).call, "charlie's call");
    await until('charlie is in', () => participant.state === 'Connected');
    const full = directory.figure(call);
    const caller = directory.invitePhone(call, phone, threadId);
    await until('the phone is refused', () => caller.state === 'Disconnected');
    const isSame = await listed;
    const isGone = await directory.dismiss(call, charlie);
    await inState(charlies, 'Disconnected');
    const { callEndReason: reason } = charlies;
    await call.hangUp({ forEveryone: true });
    await inState(bobs, 'Disconnected');
    return { full, isSame, isGone, reason, phone: caller.callEndReason };
  },

  /** One meeting, three ways in, and a guest who waits to be let in. */
  async meeting(token: string, ways: { link: { meetingLink: string }; coordinates: { threadId: string; organizerId: string; tenantId: string; messageId: string }; code: { meetingId: string; passcode: string } }) {
    const calls = [
      directory.joinMeeting(desk('alice'), ways.link), directory.joinMeeting(desk('bob'), ways.coordinates), directory.joinMeeting(desk('charlie'), ways.code),
    ];
    const [host] = calls;
    for (const call of calls) await inState(call, 'Connected');
    const visit = await guest.visit(credential(token), ways.link.meetingLink, 'Gina');
    await inState(visit.call, 'InLobby');
    const waiting = await until('somebody waits', () => host?.lobby.participants[0]);
    const name = waiting.displayName;
    await host?.lobby.admit(waiting.identifier);
    await inState(visit.call, 'Connected');
    await until('the guest sees the others', () => visit.call.remoteParticipants.length >= 3);
    await until('the host sees the guest', () => host?.remoteParticipants.find(({ displayName, state }) => displayName === 'Gina' && state === 'Connected'));
    const threads = calls.map(({ info }) => info.threadId);
    await calls[2]?.hangUp();
    await until('the guest is told who left', () => visit.traffic.some((entry) => entry.startsWith('-')));
    const left = await guest.leave(visit);
    for (const call of calls.slice(0, 2)) await call.hangUp();
    return { name, states: visit.states, traffic: visit.traffic, left, threads };
  },

  /** Guests of a group, one of whom gave no name. */
  async guests(tokens: [string, string]) {
    const { CallClient } = await import('@azure/communication-calling');
    const agents = await Promise.all(tokens.map((token, index) => (
      new CallClient().createCallAgent(credential(token), index === 0 ? { displayName: 'Hal' } : {}))));
    const groupId = crypto.randomUUID();
    const calls = agents.map((agent) => guest.joinGroup({ agent }, groupId));
    for (const call of calls) await inState(call, 'Connected');
    const names = await Promise.all(calls.map((call) => until('the other', () => call.remoteParticipants[0] && [call.remoteParticipants[0].displayName])));
    for (const call of calls) await call.hangUp();
    return { groups: calls.map(({ info }) => info.groupId === groupId), names };
  },
};

Object.assign(globalThis, { scenes, isReady: true });
