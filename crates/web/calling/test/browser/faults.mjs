// What goes wrong around a call: the exchange, the connection, tokens, devices, crowds.
//
// Environment: TRUNKLINE_EXCHANGE (the program to start), TRUNKLINE_CHROMIUM, TRUNKLINE_PLAYWRIGHT.

import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { expect, launch, newContext, until } from '../../../../../tests/browser/harness.mjs';
import { bundle, openPage, perform, read, serve } from './stage.mjs';

const ALICE = { who: 'alice', hertz: 440, color: 'rgb(200,30,30)' };
const BOB = { who: 'bob', hertz: 1_000, color: 'rgb(30,30,200)' };
const AUDIBLE = 0.02;
const CROWD = 12;
const OUTAGE_MS = 3_000;
const SHORT_LIFE_S = 12;

/** A way to a port that can be cut and barred. */
class Proxy {
  sockets = new Set();
  isBarred = false;

  constructor(port) {
    this.server = net.createServer((near) => {
      if (this.isBarred) {
        near.destroy();
        return;
      }
      const far = net.connect(port, '127.0.0.1');
      for (const [one, other] of [[near, far], [far, near]]) {
        this.sockets.add(one);
        one.on('error', () => {});
        one.on('close', () => { this.sockets.delete(one); other.destroy(); });
        one.pipe(other);
      }
    });
  }

  async listen() {
    await new Promise((resolve) => { this.server.listen(0, '127.0.0.1', resolve); });
    return this.server.address().port;
  }

  cut() {
    this.isBarred = true;
    for (const socket of this.sockets) socket.destroy();
  }

  close() {
    this.cut();
    this.server.close();
  }
}

/** The same token with another end, signed with the exchange's own key. */
function withLife(token, seconds, folder) {
  const [head, body] = token.split('.');
  const claims = { ...JSON.parse(Buffer.from(body, 'base64url')), exp: Math.floor(Date.now() / 1_000) + seconds };
  const content = `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  const key = createPrivateKey({ key: readFileSync(path.join(folder, 'token-key.der')), format: 'der', type: 'pkcs8' });
  return `${content}.${sign('sha256', Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

const ask = ({ page }, name, ...parameters) => (
  page.evaluate(([method, values]) => globalThis.person[method](...values), [name, parameters]));
const act = ({ page }, method) => page.evaluate((name) => globalThis.person.call[name]().then(() => null), method);
const logOf = ({ page }) => page.evaluate(() => globalThis.person.log);
const connection = ({ page }) => page.evaluate(() => globalThis.person.agent.connectionState);
const look = (who, what, holds, limits) => until(what, () => ask(who, 'look'), (call) => call && holds(call), limits);
const inState = (who, state, limits) => look(who, `state ${state}`, (call) => call.state === state, limits);
const hears = (who, hertz) => until(`hears ${hertz} Hz`, () => ask(who, 'heard'), (heard) => (
  heard?.level > AUDIBLE && Math.abs(heard.hertz - hertz) <= 12));
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

await perform('faults', {
  async script({ browser, exchange, folder, report }) {
    const { origin } = exchange;
    const script = await bundle('page.js');
    /** Sockets that break are noted by the browser as console errors: here they are the point. */
    const expected = { troubles: [] };
    const inContext = async (work, { origin: from = origin, of = browser } = {}) => {
      const context = await newContext(of, { origin: from, troubles: expected.troubles });
      await serve(context, from, script);
      try {
        return await work(async (person) => {
          const page = await openPage(context, from);
          return { page, ...await page.evaluate((who) => globalThis.person.open(who), person) };
        }, context);
      } finally {
        await context.close();
      }
    };
    const connect = async (alice, bob) => {
      await ask(alice, 'start', [{ microsoftTeamsUserId: bob.rawId.replace('8:orgid:', '') }]);
      await bob.page.waitForFunction(() => globalThis.person.incoming.length > 0);
      await ask(bob, 'accept');
      await inState(alice, 'Connected');
      await inState(bob, 'Connected');
    };
    /** One fault does not hide the next. */
    const fault = async (name, work) => {
      try {
        await report.step(name, work);
      } catch {
        process.exitCode = 1;
      }
    };
    const tokenOf = async (context, user) => (await (await context.request.post(`${origin}/dev/token`, { data: { user } })).json()).token;

    await fault('a connection that is cut comes back, and nothing that was asked meanwhile is lost', () => inContext(async (openBob) => {
      const proxy = new Proxy(exchange.port);
      const around = `https://localhost:${await proxy.listen()}`;
      try {
        return await inContext(async (openAlice) => {
          const bob = await openBob(BOB);
          const alice = await openAlice(ALICE);
          await connect(alice, bob);
          await hears(bob, ALICE.hertz);
          proxy.cut();
          await until('cut off', () => logOf(alice), (log) => log.includes('connection Disconnected connectionIssue'));
          const muting = act(alice, 'mute');
          await pause(OUTAGE_MS);
          await hears(alice, BOB.hertz);
          proxy.isBarred = false;
          await muting;
          await until('connected again', () => connection(alice), (state) => state === 'Connected');
          await look(bob, 'alice shows as muted', ({ participants }) => participants[0]?.isMuted);
          const call = await inState(alice, 'Connected');
          await act(alice, 'hangUp');
          return { states: call.states, log: await logOf(alice) };
        }, { origin: around });
      } finally {
        proxy.close();
      }
    }));

    await fault('a token that expires in a call is asked for anew', () => inContext(async (open, context) => {
      const long = await tokenOf(context, 'alice');
      const bob = await open(BOB);
      const alice = await open({ ...ALICE, tokens: [withLife(long, SHORT_LIFE_S, folder), long] });
      const startedAt = Date.now();
      await connect(alice, bob);
      await until('asked for another', () => alice.page.evaluate(() => globalThis.person.asked), (asked) => asked >= 2);
      await pause(Math.max(0, startedAt + (SHORT_LIFE_S + 3) * 1_000 - Date.now()));
      const call = await inState(alice, 'Connected');
      expect(await connection(alice) === 'Connected', 'the connection stands');
      await hears(bob, ALICE.hertz);
      await act(alice, 'hangUp');
      return { states: call.states, asked: await alice.page.evaluate(() => globalThis.person.asked) };
    }));

    await fault('a token that nobody renews ends the call, with the reason', () => inContext(async (open, context) => {
      const short = withLife(await tokenOf(context, 'alice'), SHORT_LIFE_S, folder);
      const bob = await open(BOB);
      const alice = await open({ ...ALICE, tokens: [short] });
      await connect(alice, bob);
      const { reason } = await inState(alice, 'Disconnected', { within: 30_000 });
      expect(reason.code === 401 && /token expired/.test(reason.message), JSON.stringify(reason));
      const log = await logOf(alice);
      expect(log.some((line) => line.includes('invalidToken')), `the connection says why: ${log}`);
      return { reason, log };
    }));

    await fault('a camera that is unplugged stops, and everybody is told', () => inContext(async (open) => {
      const bob = await open(BOB);
      const alice = await open(ALICE);
      await connect(alice, bob);
      await ask(alice, 'startCamera');
      await until('bob sees her', () => ask(bob, 'seen', 'Video'), (seen) => seen !== null);
      await ask(alice, 'unplug');
      const call = await look(alice, 'no stream', ({ streams }) => streams.length === 0);
      const log = await until('the list is shorter', () => logOf(alice), (lines) => lines.some((line) => /^cameras \+0 -[1-9]/.test(line)));
      expect(log.includes('cameraStoppedUnexpectedly 3') && log.includes('streams -1'), `the page is told: ${log}`);
      await until('bob sees nothing', () => ask(bob, 'seen', 'Video'), (seen) => seen === null);
      await hears(bob, ALICE.hertz);
      await ask(alice, 'startVideo');
      await until('the page is told that it is over', () => logOf(alice), (lines) => lines.includes('cameraStoppedUnexpectedly 1'));
      await until('bob sees her again', () => ask(bob, 'seen', 'Video'), (seen) => seen !== null);
      await act(alice, 'hangUp');
      return { state: call.state, log };
    }));

    await fault('a microphone that is chosen in a call is the one, and one that is pulled out is replaced', () => inContext(async (open) => {
      const alice = await open(ALICE);
      await ask(alice, 'joinPlainly', { groupId: crypto.randomUUID() });
      await inState(alice, 'Connected');
      const begun = await until('a microphone is open', () => ask(alice, 'microphones'), ({ selected, state }) => selected && state === 'live');
      expect(begun.source === 'microphone:' && begun.ids.length > 1, JSON.stringify(begun));
      const other = begun.ids.find((id) => id !== begun.selected);
      await ask(alice, 'chooseMicrophone', other);
      const chosen = await until('the other is open', () => ask(alice, 'microphones'), ({ open: id }) => id === other);
      await ask(alice, 'pullOut');
      const left = await until('one that is there is open', () => ask(alice, 'microphones'), ({ open: id, state, selected }) => (
        id === selected && id !== other && state === 'live'));
      const log = await until('the page is told that it is over', () => logOf(alice), (lines) => lines.includes('microphoneNotFunctioning 1'));
      expect(log.includes('microphoneNotFunctioning 3'), `the page is told: ${log}`);
      await act(alice, 'hangUp');
      return { begun: begun.label, chosen: chosen.label, left: left.label };
    }));

    await fault('who may use neither camera nor microphone is told, and hears all the same', () => inContext(async (openBob) => {
      const strict = await launch({
        chromium: read('TRUNKLINE_CHROMIUM'), playwright: read('TRUNKLINE_PLAYWRIGHT'),
        args: ['--use-fake-ui-for-media-stream=deny', '--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets'],
      });
      try {
        return await inContext(async (openAlice) => {
          const bob = await openBob(BOB);
          const alice = await openAlice(ALICE);
          const groupId = crypto.randomUUID();
          await ask(bob, 'join', { groupId });
          await ask(alice, 'joinPlainly', { groupId });
          await inState(alice, 'Connected');
          const found = await ask(alice, 'refused');
          expect(!found.access.audio && !found.access.video, `permission: ${JSON.stringify(found.access)}`);
          expect(found.video?.isTyped && found.video.code !== 0, `the error: ${JSON.stringify(found.video)}`);
          expect(found.media.microphonePermissionDenied?.value === true && found.media.cameraPermissionDenied?.value === true,
            `diagnostics: ${JSON.stringify(found.media)}`);
          await hears(alice, BOB.hertz);
          await act(alice, 'hangUp');
          await act(bob, 'hangUp');
          return found;
        }, { of: strict });
      } finally {
        await strict.close();
      }
    }));

    await fault('three tabs of one user ring: one takes the call, the others are told', () => inContext(async (open) => {
      const alice = await open(ALICE);
      const tabs = [await open(BOB), await open(BOB), await open(BOB)];
      await ask(alice, 'start', [{ microsoftTeamsUserId: tabs[0].rawId.replace('8:orgid:', '') }]);
      for (const { page } of tabs) await page.waitForFunction(() => globalThis.person.incoming.length === 1);
      await ask(tabs[1], 'accept');
      await inState(alice, 'Connected');
      await inState(tabs[1], 'Connected');
      const reasons = await Promise.all([tabs[0], tabs[2]].map((tab) => (
        until('stopped ringing', () => tab.page.evaluate(() => globalThis.person.ended), (ended) => ended.length === 1))));
      for (const [{ message, subCode }] of reasons) expect(/elsewhere|other endpoint/i.test(message), `${subCode}: ${message}`);
      const late = await tabs[0].page.evaluate(() => globalThis.person.incoming[0].accept().then(() => 'taken', ({ name }) => name));
      expect(late !== 'taken', 'a call that was taken is not taken twice');
      const { participants } = await ask(alice, 'look');
      expect(participants.length === 1, `bob is there once: ${JSON.stringify(participants)}`);
      await act(alice, 'hangUp');
      return { reasons: reasons.flat(), late };
    }));

    await fault(`${CROWD} in one call see each other`, () => inContext(async (open) => {
      const groupId = crypto.randomUUID();
      const crowd = [];
      for (let index = 0; index < CROWD; index += 1) {
        const person = await open({ who: `app:Person ${index}`, hertz: 400 + 50 * index, color: 'rgb(30,30,30)' });
        await ask(person, 'join', { groupId });
        await inState(person, 'Connected', { within: 30_000 });
        crowd.push(person);
      }
      for (const person of crowd) {
        await look(person, 'everybody else', ({ participants }) => (
          participants.length === CROWD - 1 && participants.every(({ state }) => state === 'Connected')), { within: 30_000 });
      }
      const [first, last] = [crowd[0], crowd.at(-1)];
      await until('something is heard', () => ask(first, 'heard'), (heard) => heard?.level > AUDIBLE);
      await look(first, 'somebody speaks', ({ dominant }) => dominant > 0);
      await act(last, 'hangUp');
      await look(first, 'one fewer', ({ participants }) => participants.length === CROWD - 2);
      await first.page.evaluate(() => globalThis.person.call.hangUp({ forEveryone: true }));
      const ends = await Promise.all(crowd.slice(1, -1).map((person) => inState(person, 'Disconnected')));
      return { ended: ends.length, reason: ends[0].reason };
    }));

    for (const signal of ['SIGTERM', 'SIGKILL']) {
      await fault(`an exchange that is started anew after ${signal} ends the call with a reason, and takes the next`, () => inContext(async (open) => {
        const bob = await open(BOB);
        const alice = await open(ALICE);
        await connect(alice, bob);
        await exchange.stop(signal);
        await exchange.start();
        const ends = await Promise.all([alice, bob].map((who) => inState(who, 'Disconnected', { within: 30_000 })));
        for (const { reason } of ends) expect(reason?.code === 496 && /does not know of the call/.test(reason.message), JSON.stringify(reason));
        for (const who of [alice, bob]) {
          await until('connected again', () => connection(who), (state) => state === 'Connected', { within: 30_000 });
          await who.page.evaluate(() => { globalThis.person.incoming = []; });
        }
        await connect(alice, bob);
        await hears(bob, ALICE.hertz);
        await act(alice, 'hangUp');
        return { reasons: ends.map(({ reason }) => reason) };
      }));
    }
    const failures = expected.troubles.filter((line) => line.startsWith('page error'));
    expect(failures.length === 0, failures.join('\n'));
  },
});
