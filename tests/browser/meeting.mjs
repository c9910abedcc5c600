// A guest waits in the lobby, hearing and seeing nothing, until the organizer lets them in.

import path from 'node:path';

import { expect, newContext, run, until } from './harness.mjs';

const BOB = { tone: 440, color: 'blue' };
const GUEST = { tone: 880, color: 'red' };
const TONE_TOLERANCE_HZ = 12;
const AUDIBLE = 0.02;
const SILENT = 0.002;

await run(async ({ browser, report, origin, pictures }) => {
  const { troubles } = report;
  const context = await newContext(browser, { origin, troubles });
  const ask = (page, name, ...parameters) => (
    page.evaluate(([method, values]) => globalThis.probe[method](...values), [name, parameters]));
  const picture = (page, name) => page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });
  const open = async (as, who, extra = {}) => {
    const page = await context.newPage();
    await page.goto(`${origin}/call?${new URLSearchParams({ as, tone: who.tone, color: who.color, ...extra })}`);
    await page.waitForSelector('#connection[data-state="open"]', { state: 'attached' });
    return page;
  };
  const state = (page, wanted) => until(`state ${wanted}`, () => ask(page, 'call'), (call) => call?.state === wanted);
  const hears = (page, hertz) => until(`hears ${hertz} Hz`, () => ask(page, 'heard'), (heard) => (
    heard?.level > AUDIBLE && Math.abs(heard.hertz - hertz) <= TONE_TOLERANCE_HZ));
  const sees = (page, isIt) => until('sees the other', () => ask(page, 'seen', '.tile-remote'), (seen) => seen !== null && isIt(seen));
  const ended = (page) => until('the end page', () => ask(page, 'ended'), (found) => found !== null);

  let bob;
  let guest;
  let link;

  await report.step('the organizer meets now and is in without waiting', async () => {
    bob = await open('bob', BOB);
    await bob.click('[data-meet-now]');
    link = await bob.getAttribute('[data-meeting-made] a', 'href');
    expect(link.includes('/l/meetup-join/'), 'it is a join link');
    await state(bob, 'Connected');
    await picture(bob, 'meeting-made');
  });

  await report.step('the link opens the page and asks who comes', async () => {
    const page = await context.newPage();
    await page.goto(link);
    await page.waitForSelector('#sign-in', { state: 'visible' });
    await picture(page, 'meeting-link');
    await page.close();
  });

  await report.step('a guest waits in the lobby', async () => {
    guest = await open('app:Zoe', GUEST, { meeting: link });
    const call = await state(guest, 'InLobby');
    expect(call.path.join() === 'None,Connecting,InLobby' || call.path.at(-1) === 'InLobby', call.path.join());
    await picture(guest, 'meeting-lobby');
    return call.path;
  });

  await report.step('and hears and sees nothing meanwhile', async () => {
    await guest.waitForTimeout(2_000);
    const heard = await ask(guest, 'heard');
    const seen = await ask(guest, 'seen', '.tile-remote');
    expect(heard.level < SILENT, `the level is ${heard.level}`);
    expect(seen === null, `it sees ${seen}`);
    expect(await guest.locator('[data-participant]').count() === 1, 'it sees itself alone');
    const bobHears = await ask(bob, 'heard');
    expect(bobHears.level < SILENT, `bob hears ${bobHears.level}`);
    return { heard, seen };
  });

  await report.step('the organizer lets them in', async () => {
    await bob.waitForSelector('.lobby:not([hidden]) [data-action="admit"]');
    await picture(bob, 'meeting-admit');
    await bob.click('.lobby [data-action="admit"]');
    const call = await state(guest, 'Connected');
    expect(call.path.includes('InLobby'), call.path.join());
    return call.path;
  });

  await report.step('both hear and see each other', async () => {
    await hears(guest, BOB.tone);
    await hears(bob, GUEST.tone);
    await sees(guest, ([red, , blue]) => blue > 190 && red < 70);
    await sees(bob, ([red, , blue]) => red > 190 && blue < 70);
    await picture(guest, 'meeting-call');
  });

  await report.step('a raised hand is seen', async () => {
    await guest.click('[data-action="hand"]');
    await bob.waitForSelector('[data-participant] .mark[title="hand raised"]:not([hidden])');
    await picture(bob, 'meeting-hand');
  });

  await report.step('who is turned away hears so', async () => {
    const page = await open('app:Mallory', GUEST, { meeting: link });
    await state(page, 'InLobby');
    await bob.click('.lobby [data-action="reject"]');
    const found = await ended(page);
    expect(found !== null, 'it ended');
    await page.close();
    return found;
  });

  await report.step('the end reaches everybody', async () => {
    await bob.click('[data-action="end-all"]');
    const found = await ended(guest);
    expect(found.code === '0/4097', found.code);
    return found;
  });

  await report.step('nothing went wrong on the way', async () => {
    expect(troubles.length === 0, troubles.join('\n'));
  });
});
