// Everything of a call by keyboard alone: sign in, call, answer, mute, hang up.

import { expect } from '../support.mjs';
import { Tab } from '../tab.mjs';

export async function keyboard(stage) {
  const { report } = stage;
  const alice = await Tab.open(stage, { tone: 440 });
  const bob = await Tab.open(stage, { as: 'bob', tone: 880 });
  await bob.shows('Recent calls');

  await report.step('keyboard: sign in with Tab and Enter', async () => {
    await alice.shows('Alice Archer');
    await tabTo(alice.page, 'Alice Archer alice');
    await alice.page.keyboard.press('Enter');
    await alice.shows('Recent calls');
  });

  await report.step('keyboard: the first Tab offers to skip to the content', async () => {
    await alice.page.evaluate(() => document.activeElement?.blur?.());
    await alice.page.keyboard.press('Tab');
    const words = await focused(alice.page);
    expect(words === 'Skip to content', `the focus is on ${words}`);
    await alice.page.keyboard.press('Enter');
  });

  await report.step('keyboard: dial and call', async () => {
    await tabTo(alice.page, 'Name, alias, ID or number');
    await alice.page.keyboard.type('bob');
    await alice.page.keyboard.press('Enter');
    await bob.shows('Alice Archer is calling');
  });

  await report.step('keyboard: the focus is on Accept, A accepts', async () => {
    const words = await focused(bob.page);
    expect(words === 'Accept', `the focus is on ${words}`);
    await bob.page.keyboard.press('a');
    await bob.isIn('Connected');
    await bob.hears(440);
  });

  await report.step('keyboard: M mutes, H holds, P opens the people, Escape closes them', async () => {
    await bob.page.keyboard.press('m');
    await alice.silence();
    await bob.button('Unmute').waitFor();
    await bob.page.keyboard.press('m');
    await alice.hears(880);
    await bob.page.keyboard.press('h');
    await bob.shows('You hold this call.');
    await alice.shows('The other side holds this call.');
    await bob.page.keyboard.press('h');
    await bob.isIn('Connected');
    await bob.page.keyboard.press('p');
    await bob.page.getByRole('heading', { name: 'In call 2' }).waitFor();
    await bob.page.keyboard.press('Escape');
    await bob.page.locator('.side-pane').waitFor({ state: 'detached' });
  });

  await report.step('keyboard: letters in a field are letters', async () => {
    await bob.page.keyboard.press('p');
    const field = bob.page.getByLabel('Name, alias or ID');
    await field.waitFor();
    await tabTo(bob.page, 'Name, alias or ID');
    await bob.page.keyboard.type('mhv');
    expect(await field.inputValue() === 'mhv', `the field has ${await field.inputValue()}`);
    expect(await bob.button('Mute').count() === 1, 'the letter muted');
    await bob.page.keyboard.press('Escape');
  });

  await report.step('keyboard: Tab reaches every control, Enter hangs up', async () => {
    const reached = new Set();
    for (let step = 0; step < 40; step += 1) {
      await alice.page.keyboard.press('Tab');
      reached.add(await focused(alice.page));
    }
    for (const name of ['Mute', 'Turn the camera on', 'Share your screen', 'Hold', 'People', 'Chat', 'Keypad', 'Quality', 'Devices', 'Hang up']) {
      expect(reached.has(name), `${name} is out of reach: ${[...reached].join(', ')}`);
    }
    await tabTo(alice.page, 'Hang up');
    await alice.page.keyboard.press('Enter');
    await alice.shows('Call ended');
    await bob.shows('Back to calls');
  });

  await report.step('keyboard: Control+Shift+H hangs up, D declines', async () => {
    await tabTo(alice.page, 'Call again');
    await alice.page.keyboard.press('Enter');
    await bob.shows('Alice Archer is calling');
    await alice.page.keyboard.press('Control+Shift+H');
    await alice.shows('Back to calls');
    await tabTo(alice.page, 'Call again');
    await alice.page.keyboard.press('Enter');
    await bob.shows('Alice Archer is calling');
    await bob.page.keyboard.press('d');
    await alice.shows('Declined');
  });

  await alice.close();
  await bob.close();
}

/** Presses Tab until the focus is on what has this name. */
export async function tabTo(page, name) {
  const seen = [];
  for (let step = 0; step < 60; step += 1) {
    const words = await focused(page);
    if (words === name) return;
    seen.push(words);
    await page.keyboard.press('Tab');
  }
  throw new Error(`${name} is out of reach of Tab: ${[...new Set(seen)].join(', ')}`);
}

function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    const labelled = element?.getAttribute('aria-label') ?? element?.labels?.[0]?.querySelector('.field-label')?.textContent;
    if (labelled || !element) return labelled ?? '';
    // What is drawn only is no part of the name.
    const words = element.cloneNode(true);
    for (const drawn of words.querySelectorAll('[aria-hidden=true]')) drawn.remove();
    return [...words.querySelectorAll('*')].length > 1
      ? [...words.querySelectorAll('*')].filter(({ children }) => children.length === 0).map(({ textContent }) => textContent).join(' ').trim()
      : words.textContent.trim();
  });
}
