// What is said in writing, and the signs of a recording: fed through the package's own features, as the exchange would.

import { expect } from '../support.mjs';
import { Tab } from '../tab.mjs';

export async function captions(stage) {
  const { report } = stage;
  const bob = await Tab.open(stage, { as: 'bob', answer: 'auto', tone: 880 });
  await bob.shows('Recent calls');
  const alice = await Tab.open(stage, { as: 'alice', call: 'bob', tone: 440 });
  await alice.isIn('Connected');
  const region = alice.page.getByRole('region', { name: 'Captions' });
  const log = region.getByRole('log');

  await report.step('captions: switched on, the reason is said where there are none', async () => {
    expect(await region.count() === 0, 'captions are shown that nobody wanted');
    await alice.press('Show captions');
    await region.waitFor();
    if (await starts(alice)) return 'the exchange has captions';
    await region.getByText(/^Captions are not available in this call\. .+\.$/).waitFor();
    await alice.picture('captions-absent');
    return 'the exchange has none';
  });

  await report.step('captions: lines with their speaker; what is still said is replaced until it is final', async () => {
    await say(alice, 'Bob Baker', 'Good', 'Partial');
    await region.getByText('Bob Baker: Good', { exact: true }).waitFor();
    expect(await log.locator('p').count() === 0, 'what still changes is read out');
    await say(alice, 'Bob Baker', 'Good morning.', 'Final');
    await log.getByText('Bob Baker: Good morning.', { exact: true }).waitFor();
    expect(await region.getByText('Bob Baker: Good', { exact: true }).count() === 0, 'the unfinished line stays');
    expect(await region.getByText('not available').count() === 0, 'the reason stays though there are captions');
    expect(await log.getAttribute('aria-live') === 'polite', 'the log is not polite');
  });

  await report.step('captions: only the last lines are shown', async () => {
    for (let number = 1; number <= 5; number += 1) await say(alice, number % 2 ? 'Alice Archer' : 'Bob Baker', `Line ${number}.`, 'Final');
    await log.getByText('Line 5.').waitFor();
    const lines = await log.locator('p').allTextContents();
    expect(lines.join('|') === 'Bob Baker: Line 2.|Alice Archer: Line 3.|Bob Baker: Line 4.|Alice Archer: Line 5.', `the lines are ${lines.join('|')}`);
    await alice.picture('captions');
  });

  await report.step('captions: the choice is kept for the next call, L takes it back', async () => {
    await alice.press('Hang up');
    await alice.press('Call again');
    await alice.isIn('Connected');
    await region.waitFor();
    await alice.page.locator('h1').first().click();
    await alice.page.keyboard.press('l');
    await region.waitFor({ state: 'detached' });
    await alice.button('Show captions').waitFor();
    await say(alice, 'Bob Baker', 'Unheard.', 'Final');
    expect(await alice.page.getByText('Unheard.').count() === 0, 'captions come though they are off');
  });

  await report.step('recording: a banner says it once, a sign stays', async () => {
    const banner = alice.page.locator('.banners [role=status]', { hasText: 'This call is being recorded.' });
    await turn(alice, 'Recording', 'isRecordingActive', true);
    await banner.waitFor();
    await alice.picture('recording');
    await banner.getByRole('button', { name: 'Close' }).click();
    await banner.waitFor({ state: 'detached' });
    await alice.page.locator('.recording-sign', { hasText: 'Recording' }).waitFor();
    // What else changes does not say it again.
    await alice.press('Mute');
    await alice.button('Unmute').waitFor();
    expect(await banner.count() === 0, 'the banner came back');
  });

  await report.step('recording: transcription besides, then neither', async () => {
    await turn(alice, 'Transcription', 'isTranscriptionActive', true);
    await alice.shows('This call is being recorded, and what is said is written down.');
    await alice.page.locator('.recording-sign', { hasText: 'Recording and transcribing' }).waitFor();
    await turn(alice, 'Recording', 'isRecordingActive', false);
    await alice.page.locator('.recording-sign', { hasText: /^Transcribing$/ }).waitFor();
    await turn(alice, 'Transcription', 'isTranscriptionActive', false);
    await alice.shows('This call is no longer recorded or written down.');
    await alice.page.locator('.recording-sign').waitFor({ state: 'detached' });
  });
  await alice.press('Hang up');
  await alice.close();
  await bob.close();
}

/** Whether the exchange begins captions. */
async function starts({ page }) {
  return page.evaluate(() => {
    const made = [...globalThis.trunkline.activeCall.features.made.values()];
    return made.find(({ name }) => name === 'Captions').captions.isCaptionsFeatureActive;
  });
}

/** A caption, as the exchange would bring it. */
export function say({ page }, displayName, spokenText, resultType) {
  return page.evaluate((told) => {
    const made = [...globalThis.trunkline.activeCall.features.made.values()];
    made.find(({ name }) => name === 'Captions').captions.emit('CaptionsReceived', {
      speaker: { displayName: told.displayName, identifier: { communicationUserId: `8:acs:${told.displayName}` } },
      spokenText: told.spokenText, resultType: told.resultType, spokenLanguage: 'en-us', timestamp: new Date(),
    });
  }, { displayName, spokenText, resultType });
}

/** What a feature tells of itself. */
export function turn({ page }, feature, property, value) {
  return page.evaluate((of) => {
    const made = [...globalThis.trunkline.activeCall.features.made.values()];
    const found = made.find(({ name }) => name === of.feature);
    Object.defineProperty(found, of.property, { value: of.value, configurable: true });
    found.emit(`${of.property}Changed`);
  }, { feature, property, value });
}
