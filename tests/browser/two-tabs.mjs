// Two tabs of one browser call each other: what each hears, sees and says.

import path from 'node:path';

import { expect, newContext, run, until } from './harness.mjs';

const ALICE = { alias: 'alice', tone: 440, color: 'red', screen: 'lime' };
const BOB = { alias: 'bob', tone: 880, color: 'blue', screen: 'yellow' };

/** Received bins are 6 Hz wide and Opus keeps a sine where it is. */
const TONE_TOLERANCE_HZ = 12;

/** A tone arrives at some 0.28 RMS; what a decoder makes of nothing is far below this. */
const AUDIBLE = 0.02;
const SILENT = 0.001;

await run(async ({ browser, report, origin, pictures }) => {
  const { troubles } = report;
  const context = await newContext(browser, { origin, troubles });
  const open = async (who) => {
    const page = await context.newPage();
    const query = new URLSearchParams({ as: who.alias, tone: who.tone, color: who.color, screen: who.screen });
    await page.goto(`${origin}/call?${query}`);
    await page.waitForSelector('#connection[data-state="open"]', { state: 'attached' });
    return page;
  };
  const picture = (page, name) => page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });
  const ask = (page, name, ...parameters) => (
    page.evaluate(([method, values]) => globalThis.probe[method](...values), [name, parameters]));
  const state = (page, wanted) => until(`state ${wanted}`, () => ask(page, 'call'), (call) => call?.state === wanted);
  const hears = (page, hertz) => until(`hears ${hertz} Hz`, () => ask(page, 'heard'), (heard) => (
    heard?.level > AUDIBLE && Math.abs(heard.hertz - hertz) <= TONE_TOLERANCE_HZ));
  const silence = (page) => until('hears nothing', () => ask(page, 'heard'), (heard) => heard && heard.level < SILENT);
  const sees = (page, selector, color) => until(`sees ${color}`, () => ask(page, 'seen', selector), (seen) => isColor(seen, color));
  const press = (page, action) => page.click(`[data-action="${action}"]`);

  let alice;
  let bob;

  await report.step('the home page offers three things to try', async () => {
    const page = await context.newPage();
    await page.goto(`${origin}/`);
    expect(await page.locator('.card').count() === 3, 'there are three cards');
    await picture(page, 'home');
    await page.goto(`${origin}/call`);
    await page.waitForSelector('.identity[data-alias="dan"]');
    expect(await page.locator('.identity').count() === 4, 'four directory users can be chosen');
    await picture(page, 'sign-in');
    await page.close();
  });

  await report.step('two tabs sign in', async () => {
    alice = await open(ALICE);
    bob = await open(BOB);
  });

  await report.step('alice calls bob and his tab rings', async () => {
    await alice.click('.person[data-alias="bob"]');
    await bob.waitForSelector('.incoming');
    expect((await bob.textContent('.incoming h2')).startsWith('Alice'), 'the caller is named');
    const calling = await state(alice, 'Ringing');
    expect(calling.lit === 'Ringing', `Ringing is lit, not ${calling.lit}`);
    await picture(alice, 'ringing');
    await picture(bob, 'incoming');
  });

  await report.step('bob accepts and both are connected', async () => {
    await press(bob, 'accept');
    const found = {};
    for (const [name, page] of [['alice', alice], ['bob', bob]]) {
      const call = await state(page, 'Connected');
      expect(call.lit === 'Connected', `Connected is lit for ${name}, not ${call.lit}`);
      found[name] = call.path;
    }
    expect(found.alice.join(' ') === 'None Connecting Ringing Connected', `alice went ${found.alice.join(' ')}`);
    return found;
  });

  await report.step('each hears the other tone', async () => ({
    alice: await hears(alice, BOB.tone),
    bob: await hears(bob, ALICE.tone),
  }));

  await report.step('each sees the other colour', async () => ({
    alice: await sees(alice, '.tile-remote', BOB.color),
    bob: await sees(bob, '.tile-remote', ALICE.color),
  }));

  await report.step('media is encrypted with AES-128-GCM and was up fast', async () => {
    const paths = { alice: await ask(alice, 'path'), bob: await ask(bob, 'path') };
    for (const [name, media] of Object.entries(paths)) {
      // Chromium has spelled it with and without the prefix of the registry.
      expect(media.srtpCipher.replace(/^SRTP_/, '') === 'AEAD_AES_128_GCM', `${name} uses ${media.srtpCipher}`);
      expect(media.connectMs !== null, `${name} measured no connect time`);
      report.figures[`${name}_connect_ms`] = Math.round(media.connectMs);
    }
    return paths;
  });

  await report.step('the speaking participant is marked', async () => {
    await until('bob speaks', () => ask(alice, 'call'), (call) => call.participants.some(({ own, isSpeaking }) => !own && isSpeaking));
    await picture(alice, 'call');
    await alice.emulateMedia({ colorScheme: 'dark' });
    await picture(alice, 'call-dark');
    await alice.emulateMedia({ colorScheme: 'light' });
    await bob.setViewportSize({ width: 390, height: 844 });
    await bob.evaluate(() => scrollTo(0, 0));
    expect(await bob.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than 390 px');
    await picture(bob, 'call-390');
    await bob.setViewportSize({ width: 1440, height: 900 });
  });

  await report.step('mute makes the received energy zero, unmute restores it', async () => {
    await alice.keyboard.press('m');
    await until('bob sees alice muted', () => ask(bob, 'call'), (call) => call.participants.some(({ own, isMuted }) => !own && isMuted));
    const muted = await silence(bob);
    const before = await ask(bob, 'received');
    await bob.waitForTimeout(1_000);
    const after = await ask(bob, 'received');
    expect(after.audio === before.audio, `${after.audio - before.audio} audio packets came while muted`);
    await hears(alice, BOB.tone);
    await alice.keyboard.press('m');
    return { muted, restored: await hears(bob, ALICE.tone) };
  });

  await report.step('hold silences both directions and resume restores them', async () => {
    await press(alice, 'hold');
    const held = await state(alice, 'LocalHold');
    const remotely = await state(bob, 'RemoteHold');
    expect(held.lit === 'LocalHold' && remotely.lit === 'RemoteHold', 'the right states are lit');
    await silence(alice);
    await silence(bob);
    const before = [await ask(alice, 'received'), await ask(bob, 'received')];
    await alice.waitForTimeout(1_000);
    const after = [await ask(alice, 'received'), await ask(bob, 'received')];
    for (const index of [0, 1]) {
      for (const kind of ['audio', 'video']) {
        const came = after[index][kind] - before[index][kind];
        expect(came === 0, `${came} ${kind} packets came while held`);
      }
    }
    await picture(alice, 'hold');
    await press(alice, 'hold');
    await state(alice, 'Connected');
    const resumed = await state(bob, 'Connected');
    expect(resumed.travelled.includes('RemoteHold>Connected'), 'the edge back is lit');
    await hears(alice, BOB.tone);
    await hears(bob, ALICE.tone);
    await sees(alice, '.tile-remote', BOB.color);
    await sees(bob, '.tile-remote', ALICE.color);
  });

  await report.step('both may hold, and both must resume', async () => {
    await press(alice, 'hold');
    await state(bob, 'RemoteHold');
    await press(bob, 'hold');
    await state(bob, 'LocalHold');
    await press(alice, 'hold');
    await state(alice, 'RemoteHold');
    await press(bob, 'hold');
    await state(alice, 'Connected');
    await state(bob, 'Connected');
    await hears(bob, ALICE.tone);
  });

  await report.step('the camera goes off and on', async () => {
    await press(alice, 'video');
    await until('bob sees no picture', () => ask(bob, 'seen', '.tile-remote'), (seen) => seen === null);
    await press(alice, 'video');
    return { bob: await sees(bob, '.tile-remote', ALICE.color) };
  });

  await report.step('a screen share arrives and goes', async () => {
    await press(alice, 'share');
    const seen = await sees(bob, '.tile-screen', ALICE.screen);
    await sees(bob, '.tile-remote', ALICE.color);
    await picture(bob, 'screen-share');
    await press(bob, 'share');
    await bob.waitForSelector('.banner');
    await bob.click('.banner [aria-label="Dismiss"]');
    await press(alice, 'share');
    await bob.waitForSelector('.tile-screen', { state: 'detached' });
    return { bob: seen };
  });

  await report.step('a cut connection resumes without a gap', async () => {
    await ask(alice, 'cut');
    await alice.waitForSelector('#connection[data-state="reconnecting"]', { state: 'attached' });
    await press(bob, 'hold');
    await alice.waitForSelector('#connection[data-state="open"]', { state: 'attached' });
    await state(alice, 'RemoteHold');
    await press(bob, 'hold');
    await state(alice, 'Connected');
    await hears(alice, BOB.tone);
    await until('no banner is left', () => alice.locator('.banner').count(), (count) => count === 0);
  });

  await report.step('a third is added and removed', async () => {
    await press(alice, 'add');
    await alice.click('.dialog .person[data-alias="charlie"]');
    const failed = await until('charlie is not there', () => ask(alice, 'call'), (call) => (
      call.participants.every(({ name }) => !name.startsWith('Charlie')) && call.seqs.length > 0));
    return { participants: failed.participants.length };
  });

  await report.step('leaving shows the reason in words on both sides', async () => {
    const sequences = [await ask(alice, 'call'), await ask(bob, 'call')].map(({ seqs }) => seqs);
    for (const seqs of sequences) {
      expect(seqs.every((seq, index) => index === 0 || seq === seqs[index - 1] + 1), `events are in order: ${seqs}`);
    }
    await press(alice, 'leave');
    const ended = {};
    for (const [name, page] of [['alice', alice], ['bob', bob]]) {
      ended[name] = await until(`${name} sees the end page`, () => ask(page, 'ended'), (page_) => page_ !== null);
      expect(ended[name].sentence.length > 10, `${name} is told why: ${ended[name].sentence}`);
    }
    await picture(alice, 'ended');
    return ended;
  });

  await report.step('a declined call says so', async () => {
    await press(bob, 'close');
    await press(alice, 'close');
    await bob.click('.person[data-alias="alice"]');
    await alice.waitForSelector('.incoming');
    await press(alice, 'reject');
    const ended = await until('bob is told', () => ask(bob, 'ended'), (page) => page !== null);
    await picture(bob, 'declined');
    await press(bob, 'close');
    return ended;
  });

  await report.step('a cancelled call stops ringing', async () => {
    await bob.click('.person[data-alias="alice"]');
    await alice.waitForSelector('.incoming[role="alertdialog"]');
    await press(bob, 'leave');
    const ended = await until('bob is told', () => ask(bob, 'ended'), (page) => page !== null);
    await alice.waitForSelector('.incoming[role="alertdialog"]', { state: 'detached' });
    return ended;
  });

  await report.step('calling somebody who is nowhere says so', async () => {
    await press(bob, 'close');
    await bob.click('.person[data-alias="dan"]');
    const ended = await until('bob is told', () => ask(bob, 'ended'), (page) => page !== null);
    await press(bob, 'close');
    return ended;
  });

  await report.step('a robot answers by itself', async () => {
    const robot = await context.newPage();
    await robot.goto(`${origin}/call?as=app:Zoe&tone=660&color=lime&answer=auto`);
    await robot.waitForSelector('#connection[data-state="open"]', { state: 'attached' });
    const rawId = await robot.evaluate(() => globalThis.trunkline.session.welcome.identifier.rawId);
    await bob.fill('#dial-target', rawId);
    await bob.click('form[data-dial] button');
    await hears(bob, 660);
    await sees(bob, '.tile-remote', 'lime');
    await press(bob, 'end-all');
    const ended = await until('the robot is told', () => ask(robot, 'ended'), (page) => page !== null);
    await robot.close();
    return ended;
  });

  await report.step('nothing went wrong on the way', async () => {
    expect(troubles.length === 0, troubles.join('\n'));
  });
});

function isColor(seen, color) {
  if (!seen) return false;
  const wanted = { red: [255, 0, 0], blue: [0, 0, 255], lime: [0, 255, 0], yellow: [255, 255, 0] }[color];
  return seen.every((part, index) => Math.abs(part - wanted[index]) < 60);
}
