// A meeting: who comes by the link waits and hears nothing, is let in or not, speaks, shows and writes.

import path from 'node:path';

import { expect, newContext, run, until } from './harness.mjs';

const BOB = { tone: 880, color: 'blue' };
const GUEST = { name: 'Gina Guest', tone: 440, color: 'red' };

/** Received bins are 6 Hz wide and Opus keeps a sine where it is. */
const TONE_TOLERANCE_HZ = 12;

/** A tone arrives at some 0.28 RMS. */
const AUDIBLE = 0.02;
const INAUDIBLE = 0.002;

const LOBBY_MS = 2_000;

await run(async ({ browser, report, origin, pictures }) => {
  const { troubles } = report;
  const picture = async (page, name) => {
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: path.join(pictures, `${name}.png`) });
  };
  const ask = (page, name, ...parameters) => (
    page.evaluate(([method, values]) => globalThis.probe[method](...values), [name, parameters]));
  const state = (page, wanted) => until(`state ${wanted}`, () => ask(page, 'call'), (call) => call?.state === wanted);
  const hears = (page, hertz) => until(`hears ${hertz} Hz`, () => ask(page, 'heard'), (heard) => (
    heard?.level > AUDIBLE && Math.abs(heard.hertz - hertz) <= TONE_TOLERANCE_HZ));
  const sees = (page, color) => until(`sees ${color}`, () => ask(page, 'seen', '.tile-remote'), (seen) => isColor(seen, color));
  const press = (page, action) => page.click(`[data-action="${action}"]`);
  const fits = async (page, what) => {
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${what}: nothing is wider than 390 px`);
  };
  const narrow = async (page, what, name) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await fits(page, what);
    await picture(page, name);
    await page.setViewportSize({ width: 1440, height: 900 });
  };

  let bob;
  let guest;
  let link;
  let code;

  /** Opens a join link as somebody without an account, up to the step before joining. */
  const arrive = async ({ tone, color }) => {
    const context = await newContext(browser, { origin, troubles });
    const page = await context.newPage();
    const address = new URL(link);
    address.searchParams.set('tone', tone);
    address.searchParams.set('color', color);
    await page.goto(`${origin}${address.pathname}${address.search}`);
    await page.waitForSelector('#pre-join:not([hidden])');
    return page;
  };
  const joinAs = async (page, name) => {
    await page.fill('#guest-name', name);
    await press(page, 'join-now');
  };

  await report.step('bob makes a meeting and sees its link and code', async () => {
    const context = await newContext(browser, { origin, troubles });
    bob = await context.newPage();
    await bob.goto(`${origin}/call?${new URLSearchParams({ as: 'bob', ...BOB })}`);
    await bob.waitForSelector('#connection[data-state="open"]', { state: 'attached' });
    await press(bob, 'meet-now');
    link = await bob.locator('[data-copy-value="link"]').textContent();
    const id = await bob.locator('[data-copy-value="id"]').textContent();
    const passcode = await bob.locator('[data-copy-value="passcode"]').textContent();
    code = { id, passcode };
    expect(/^https:\/\/[^/]+\/l\/meetup-join\//.test(link), 'a join link');
    expect(/^\d{3} \d{3} \d{3} \d{3}$/.test(id), 'an id of twelve digits');
    expect(passcode.length === 6, 'a passcode of six characters');
  });

  await report.step('bob joins and is alone', async () => {
    await press(bob, 'join-made');
    await bob.waitForSelector('#pre-join:not([hidden])');
    await until('the level moves', () => bob.locator('[data-level]').evaluate(({ value }) => value), (value) => value > 0.2);
    await press(bob, 'join-now');
    const { path: went } = await state(bob, 'Connected');
    await bob.waitForSelector('.lobby-panel:not([hidden])');
    expect((await bob.textContent('.role-chip:not([hidden])')) === 'organizer', 'bob is the organizer');
    return { went };
  });

  await report.step('a guest opens the link and is asked for a name, with a preview', async () => {
    guest = await arrive(GUEST);
    await until('the preview shows', () => guest.locator('.preview video').evaluate(({ videoWidth }) => videoWidth), (width) => width > 0);
    await until('the level moves', () => guest.locator('[data-level]').evaluate(({ value }) => value), (value) => value > 0.2);
    await guest.fill('#guest-name', GUEST.name);
    await picture(guest, 'meeting-join');
    await narrow(guest, 'before joining', 'meeting-join-390');
  });

  await report.step('the guest waits in the lobby and neither hears nor sees, nor is heard or seen', async () => {
    await joinAs(guest, GUEST.name);
    await state(guest, 'InLobby');
    await bob.waitForSelector('.waiting-list li');
    const loudest = { guest: 0, bob: 0 };
    const end = Date.now() + LOBBY_MS;
    while (Date.now() < end) {
      for (const [name, page] of Object.entries({ guest, bob })) {
        const { level } = await ask(page, 'heard');
        loudest[name] = Math.max(loudest[name], level);
        expect(await ask(page, 'seen', '.tile-remote') === null, `${name} sees nobody`);
      }
    }
    const packets = { guest: await ask(guest, 'received'), bob: await ask(bob, 'received') };
    for (const name of ['guest', 'bob']) {
      expect(loudest[name] < INAUDIBLE, `${name} hears ${loudest[name]}`);
      expect(packets[name].audio === 0 && packets[name].video === 0, `${name} received ${JSON.stringify(packets[name])}`);
      report.figures[`${name}_lobby_level`] = loudest[name];
    }
    expect(await guest.isVisible('.lobby-wait'), 'the lobby is shown in words');
    expect(await guest.locator('.tile:visible').count() === 0, 'no picture is there');
    await picture(guest, 'meeting-lobby');
    await narrow(guest, 'the lobby', 'meeting-lobby-390');
    return { loudest, packets };
  });

  await report.step('bob sees who waits, with the name announced', async () => {
    const row = bob.locator('.waiting-list li');
    expect((await row.locator('.roster-name').textContent()) === GUEST.name, 'the guest is named');
    expect(await row.locator('.guest-chip').count() === 1, 'and is marked as a guest');
    const said = await bob.textContent('.lobby-panel [role="status"]');
    expect(said === `${GUEST.name} waits in the lobby.`, said);
    await bob.waitForSelector('[data-group="waiting"]:not([hidden])');
    await picture(bob, 'meeting-admit');
    return { said };
  });

  await report.step('bob lets the guest in by a click and each hears and sees the other', async () => {
    await bob.click('.waiting-list [data-action="admit"]');
    await state(guest, 'Connected');
    const found = {};
    for (const [name, page, other] of [['bob', bob, GUEST], ['guest', guest, BOB]]) {
      found[name] = { heard: await hears(page, other.tone), seen: await sees(page, other.color) };
    }
    expect(await bob.locator('.waiting-list li').count() === 0, 'nobody waits any more');
    const badges = await bob.locator('[data-group="in"] .guest-chip:visible').count();
    expect(badges === 1, `one guest is marked in the roster, not ${badges}`);
    expect(await guest.locator('[data-action="end-all"]').isHidden(), 'a guest cannot end the meeting');
    expect(await guest.locator('.lobby-panel').isHidden(), 'a guest does not manage the lobby');
    expect(await bob.locator('[data-action="end-all"]').isVisible(), 'the organizer can end it');
    return found;
  });

  await report.step('a raised hand shows, a reaction too, and bob lowers the hand', async () => {
    await guest.locator('.stage').click();
    await guest.keyboard.press('r');
    await bob.waitForSelector('.tile-remote .tile-mark[title="hand raised"]:not([hidden])');
    await until('the roster counts it', () => bob.locator('.hand-mark:visible').allInnerTexts(), (marks) => marks.length === 1 && marks[0].endsWith('1'));
    await guest.click('[data-reaction="heart"]');
    await bob.waitForSelector('.reaction-overlay [data-kind="heart"]');
    await bob.click('[data-group="in"] [data-action="spotlight"]:visible >> nth=0');
    await guest.waitForSelector('.tile.spotlit');
    await picture(bob, 'meeting-call');
    await bob.locator('[data-action="lower-hand"]:visible').click();
    await until('the hand is down', () => bob.locator('.hand-mark:visible').count(), (count) => count === 0);
    await until('the reaction goes', () => bob.locator('.reaction-overlay li').count(), (count) => count === 0);
  });

  await report.step('chat passes both ways beside the call', async () => {
    const write = async (page, text) => {
      await page.fill('.call-chat textarea', text);
      await page.press('.call-chat textarea', 'Enter');
    };
    const bubbles = (page) => page.locator('.call-chat .bubble').allTextContents();
    for (const page of [bob, guest]) await page.waitForSelector('.call-chat .conversation:not([hidden])');
    await write(bob, 'Welcome! Can you hear me?');
    await until('the guest reads', () => bubbles(guest), (said) => said.includes('Welcome! Can you hear me?'));
    await write(guest, 'Loud and clear.');
    await until('bob reads', () => bubbles(bob), (said) => said.includes('Loud and clear.'));
    await picture(guest, 'meeting-chat');
    await bob.emulateMedia({ colorScheme: 'dark' });
    await picture(bob, 'meeting-chat-dark');
    await bob.emulateMedia({ colorScheme: 'light' });
    await narrow(guest, 'the call', 'meeting-call-390');
  });

  await report.step('a second guest is turned away and reads why', async () => {
    const other = await arrive({ tone: 600, color: 'lime' });
    await joinAs(other, 'Nobody Known');
    await state(other, 'InLobby');
    await bob.click('.waiting-list [data-action="reject"]');
    await other.waitForSelector('.ended');
    const ended = await ask(other, 'ended');
    await picture(other, 'meeting-rejected');
    await other.context().close();
    expect(ended.title === 'Not let in', `${ended.title}: ${ended.sentence} (${ended.code})`);
    return ended;
  });

  await report.step('a locked meeting lets nobody else come', async () => {
    await press(bob, 'lock');
    await bob.waitForSelector('[data-action="lock"][aria-pressed="true"]');
    const third = await arrive({ tone: 700, color: 'yellow' });
    await joinAs(third, 'Too Late');
    const words = await until('it says so', () => third.locator('.banner p, .ended-title').allTextContents(), (said) => said.some((text) => /locked/i.test(text)));
    await third.context().close();
    await press(bob, 'lock');
    await bob.waitForSelector('[data-action="lock"][aria-pressed="false"]');
    return { words };
  });

  await report.step('id and passcode lead to the same meeting', async () => {
    const context = await newContext(browser, { origin, troubles });
    const alice = await context.newPage();
    await alice.goto(`${origin}/call?${new URLSearchParams({ as: 'alice', tone: 600, color: 'lime' })}`);
    await alice.waitForSelector('#connection[data-state="open"]', { state: 'attached' });
    await alice.fill('#meeting-name', code.id);
    await alice.fill('#meeting-passcode', code.passcode);
    await alice.press('#meeting-passcode', 'Enter');
    await press(alice, 'join-now');
    await state(alice, 'Connected');
    await until('three are in', () => bob.locator('[data-group="in"] li').count(), (count) => count === 3);
    await alice.context().close();
  });

  await report.step('the organizer ends the meeting for everybody', async () => {
    await press(bob, 'end-all');
    await guest.waitForSelector('.ended');
    return ask(guest, 'ended');
  });
});

function isColor(seen, color) {
  if (!seen) return false;
  const [red, green, blue] = seen;
  return color === 'red' ? red > 150 && green < 90 && blue < 90 : blue > 150 && red < 90 && green < 90;
}
