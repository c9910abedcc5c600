// Two tabs call each other through an exchange with nothing but the package's public API.
//
// Environment: TRUNKLINE_CHROMIUM, TRUNKLINE_PLAYWRIGHT, and either TRUNKLINE_ORIGIN (a running
// exchange) or TRUNKLINE_EXCHANGE (the program to start). TRUNKLINE_REPORT names the report's file.

import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { expect, launch, newContext, Report, until } from '../../../../../tests/browser/harness.mjs';
import { bundle, Exchange, openPage, read, serve } from './stage.mjs';

const ALICE = { who: 'alice', hertz: 440, color: 'rgb(200,30,30)', rgb: [200, 30, 30] };
const BOB = { who: 'bob', hertz: 1_000, color: 'rgb(30,30,200)', rgb: [30, 30, 200] };
const GREEN = [30, 200, 30];
const AUDIBLE = 0.02;
const SILENT = 0.001;

async function openExchange(folder) {
  if (process.env.TRUNKLINE_ORIGIN) return { origin: process.env.TRUNKLINE_ORIGIN, stop() {} };
  return new Exchange(folder).start();
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'trunkline-calling-'));
const report = new Report(process.env.TRUNKLINE_REPORT ?? path.join(folder, 'report.json'));
let exchange;
let browser;
try {
  const script = await bundle('page.js');
  exchange = await openExchange(folder);
  const { origin } = exchange;
  browser = await launch({
    chromium: read('TRUNKLINE_CHROMIUM'), playwright: read('TRUNKLINE_PLAYWRIGHT'),
    args: ['--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets'],
  });
  const context = await newContext(browser, { origin, troubles: report.troubles });
  await serve(context, origin, script);
  const open = async (person) => {
    const page = await openPage(context, origin);
    const found = await page.evaluate((who) => globalThis.person.open(who), person);
    return { page, ...found };
  };
  const ask = ({ page }, name, ...parameters) => (
    page.evaluate(([method, values]) => globalThis.person[method](...values), [name, parameters]));
  const act = ({ page }, method, ...parameters) => page.evaluate(
    ([name, values]) => globalThis.person.call[name](...values).then(() => null), [method, parameters]);
  const look = (who, what, holds) => until(what, () => ask(who, 'look'), (call) => call && holds(call));
  const inState = (who, state) => look(who, `state ${state}`, (call) => call.state === state);
  const hears = (who, hertz) => until(`hears ${hertz} Hz`, () => ask(who, 'heard'), (heard) => (
    heard?.level > AUDIBLE && Math.abs(heard.hertz - hertz) <= 12));
  const silence = (who) => until('hears nothing', () => ask(who, 'heard'), (heard) => heard && heard.level < SILENT);
  const sees = (who, type, rgb) => until(`sees ${rgb}`, () => ask(who, 'seen', type), (seen) => (
    seen?.color.every((part, index) => Math.abs(part - rgb[index]) < 60)));
  let alice;
  let bob;
  const incoming = () => bob.page.waitForFunction(() => globalThis.person.incoming.length > 0);

  await report.step('both sign in', async () => {
    alice = await open(ALICE);
    bob = await open(BOB);
    expect(alice.connection === 'Connected', 'alice is connected');
    return { alice: alice.rawId };
  });
  await report.step('alice calls, bob is told who calls and accepts', async () => {
    await ask(alice, 'start', [{ microsoftTeamsUserId: bob.rawId.replace('8:orgid:', '') }]);
    await incoming();
    await inState(alice, 'Ringing');
    const caller = await bob.page.evaluate(() => globalThis.person.incoming[0].callerInfo);
    expect(caller.identifier.rawId === alice.rawId, 'the caller is alice');
    await ask(bob, 'accept');
    const call = await inState(alice, 'Connected');
    await inState(bob, 'Connected');
    expect(call.states.join() === 'None,Connecting,Ringing,Connected', `the states are ${call.states}`);
    return call;
  });
  await report.step('each hears the other', async () => ({ alice: await hears(alice, BOB.hertz), bob: await hears(bob, ALICE.hertz) }));
  await report.step('each sees the other', async () => {
    await ask(alice, 'startVideo');
    await ask(bob, 'startVideo');
    return { bob: await sees(bob, 'Video', ALICE.rgb), alice: await sees(alice, 'Video', BOB.rgb) };
  });
  await report.step('who speaks is known', async () => (
    look(bob, 'a dominant speaker', ({ participants, dominant }) => participants[0]?.isSpeaking && dominant === 1)));
  await report.step('muting silences, unmuting does not stay silent', async () => {
    await act(alice, 'mute');
    expect((await ask(alice, 'look')).isMuted, 'alice is muted');
    await look(bob, 'alice shows as muted', ({ participants }) => participants[0].isMuted);
    const silent = await silence(bob);
    await act(alice, 'unmute');
    await hears(bob, ALICE.hertz);
    return silent;
  });
  await report.step('muting the others is told to them', async () => {
    await act(bob, 'muteAllRemoteParticipants');
    await look(alice, 'alice is muted', ({ isMuted }) => isMuted);
    expect((await alice.page.evaluate(() => globalThis.person.log)).includes('mutedByOthers'), 'mutedByOthers was told');
    await act(alice, 'unmute');
    await hears(bob, ALICE.hertz);
  });
  await report.step('hold stops media both ways, resume brings it back', async () => {
    await act(alice, 'hold');
    await inState(alice, 'LocalHold');
    await inState(bob, 'RemoteHold');
    await silence(bob);
    await act(alice, 'resume');
    await inState(alice, 'Connected');
    await hears(bob, ALICE.hertz);
    return sees(bob, 'Video', ALICE.rgb);
  });
  await report.step('a shared screen is seen, and gone when it stops', async () => {
    await ask(alice, 'share', 'rgb(30,200,30)');
    const seen = await sees(bob, 'ScreenSharing', GREEN);
    const { streams } = await ask(alice, 'look');
    expect(streams.includes('ScreenSharing'), 'the screen is among the local streams');
    await act(alice, 'stopScreenSharing');
    await until('the screen is gone', () => ask(bob, 'seen', 'ScreenSharing'), (gone) => gone === null);
    return seen;
  });
  await report.step('a screen that the browser gave is closed when its sharing stops', async () => {
    await ask(alice, 'shareScreen', 'rgb(30,200,30)');
    await sees(bob, 'ScreenSharing', GREEN);
    expect(await ask(alice, 'screenState') === 'live', 'the screen is open');
    await act(alice, 'stopScreenSharing');
    const state = await ask(alice, 'screenState');
    expect(state === 'ended', `the screen is ${state}`);
  });
  await report.step('a camera that is stopped is gone, and comes back as the same stream', async () => {
    await ask(alice, 'stopVideo');
    await until('the camera is gone', () => ask(bob, 'seen', 'Video'), (seen) => seen === null);
    await ask(alice, 'startVideo');
    return sees(bob, 'Video', ALICE.rgb);
  });
  await report.step('statistics tell of both media', async () => {
    const sample = await ask(bob, 'sample');
    expect(sample.audio.receive.some(({ packetsPerSecond }) => packetsPerSecond > 10), 'voice packets arrive');
    expect(sample.video.receive.some(({ frameWidth }) => frameWidth > 0), 'pictures arrive');
    return { audio: sample.audio.send[0], video: sample.video.receive.find(({ frameWidth }) => frameWidth > 0) };
  });
  await report.step('the signaling breaks and is resumed without the call noticing', async () => {
    await alice.page.evaluate(() => globalThis.probe.cut());
    await until('connected again', () => alice.page.evaluate(() => globalThis.person.agent.connectionState), (state) => state === 'Connected');
    await act(alice, 'mute');
    await look(bob, 'alice shows as muted', ({ participants }) => participants[0].isMuted);
    return inState(alice, 'Connected');
  });
  await report.step('leaving ends both with a reason', async () => {
    await act(alice, 'hangUp');
    const own = await inState(alice, 'Disconnected');
    expect(own.reason.code === 0 && own.callsLeft === 0 && own.streams.length === 0, JSON.stringify(own));
    const other = await inState(bob, 'Disconnected');
    expect(other.reason.code === 0, JSON.stringify(other.reason));
    return { alice: own.reason, bob: other.reason, states: own.states };
  });
  await report.step('a declined call says 603', async () => {
    await ask(alice, 'start', [{ rawId: bob.rawId, microsoftTeamsUserId: bob.rawId }]);
    await incoming();
    await ask(bob, 'reject');
    const { reason } = await inState(alice, 'Disconnected');
    expect(reason.code === 603, JSON.stringify(reason));
    return reason;
  });
  await report.step('a cancelled call stops ringing', async () => {
    await ask(alice, 'start', [{ microsoftTeamsUserId: bob.rawId.replace('8:orgid:', '') }]);
    await incoming();
    await act(alice, 'hangUp');
    await bob.page.waitForFunction(() => globalThis.person.ended.some(({ code }) => code === 487));
    await bob.page.evaluate(() => { globalThis.person.incoming = []; });
  });
  await report.step('calling somebody who is nowhere says 480/10037', async () => {
    await ask(alice, 'start', ['charlie']);
    const { reason } = await inState(alice, 'Disconnected');
    expect(reason.code === 480 && reason.subCode === 10_037, JSON.stringify(reason));
    return reason;
  });
  await report.step('both join a group and see each other', async () => {
    const groupId = crypto.randomUUID();
    await ask(alice, 'join', { groupId });
    await inState(alice, 'Connected');
    await ask(bob, 'join', { groupId });
    await inState(bob, 'Connected');
    await look(alice, 'bob is there', ({ participants }) => participants.some(({ state }) => state === 'Connected'));
    await hears(alice, BOB.hertz);
    await alice.page.evaluate(() => globalThis.person.call.hangUp({ forEveryone: true }));
    const { reason } = await inState(bob, 'Disconnected');
    return reason;
  });
  await report.step('a meeting that is not there says so', async () => {
    await ask(alice, 'join', { meetingId: '123 456 789 012', passcode: 'aBc123' });
    const { reason } = await inState(alice, 'Disconnected');
    expect(reason.code !== 0 && reason.message, JSON.stringify(reason));
    return reason;
  });
} catch (error) {
  report.failure = String(error.stack ?? error);
  console.log(report.failure);
  process.exitCode = 1;
} finally {
  if (report.troubles.length > 0) {
    console.log(`troubles: ${report.troubles.join('\n')}`);
    process.exitCode = 1;
  }
  report.write();
  await browser?.close();
  await exchange?.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  console.log(`${report.steps.filter(({ ok }) => ok).length} steps passed, ${report.steps.filter(({ ok }) => !ok).length} failed`);
}
