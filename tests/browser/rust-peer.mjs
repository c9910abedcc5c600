// A tab calls a program that answers with a tone and gives every picture back.

import { expect, newContext, run, until } from './harness.mjs';

const ALICE = { tone: 440, color: 'red' };

/** What the program plays. */
const BOB_TONE = 880;
const TONE_TOLERANCE_HZ = 12;
const AUDIBLE = 0.02;

await run(async ({ browser, report, origin }) => {
  const { troubles } = report;
  const context = await newContext(browser, { origin, troubles });
  const page = await context.newPage();
  const ask = (name, ...parameters) => (
    page.evaluate(([method, values]) => globalThis.probe[method](...values), [name, parameters]));

  await report.step('the program answers and both are connected', async () => {
    await page.goto(`${origin}/call?as=alice&tone=${ALICE.tone}&color=${ALICE.color}&call=bob`);
    const call = await until('connected', () => ask('call'), (found) => found?.state === 'Connected');
    return call.path;
  });

  await report.step('the tab hears the tone of the program', () => (
    until(`hears ${BOB_TONE} Hz`, () => ask('heard'), (heard) => (
      heard?.level > AUDIBLE && Math.abs(heard.hertz - BOB_TONE) <= TONE_TOLERANCE_HZ))));

  await report.step('the tab sees its own color come back', () => (
    until('sees red', () => ask('seen', '.tile-remote'), (seen) => (
      seen !== null && seen[0] > 190 && seen[1] < 70 && seen[2] < 70))));

  await report.step('media is encrypted with AES-128-GCM and was up fast', async () => {
    const media = await ask('path');
    // Chromium has spelled it with and without the prefix of the registry.
    expect(media.srtpCipher.replace(/^SRTP_/, '') === 'AEAD_AES_128_GCM', `it is ${media.srtpCipher}`);
    report.figures.connect_ms = Math.round(media.connectMs);
    return media;
  });

  await report.step('the tab leaves', async () => {
    await page.waitForTimeout(1_000);
    await page.click('[data-action="leave"]');
    return until('the end page', () => ask('ended'), (ended) => ended !== null);
  });

  await report.step('nothing went wrong on the way', async () => {
    expect(troubles.length === 0, troubles.join('\n'));
  });
});
