// A meeting: made in the app, joined by link and by code, a lobby on both sides, hands, reactions, the end for all.

import { expect } from '../support.mjs';
import { Tab } from '../tab.mjs';

export async function meeting(stage) {
  const { report, origin } = stage;
  const host = await Tab.open(stage, { as: 'alice', tone: 440, color: 'red' });
  let link;
  let code;
  let passcode;

  await report.step('meeting: made with a subject, with how to join', async () => {
    await host.page.getByRole('link', { name: 'New meeting' }).click();
    await host.page.getByLabel('Subject').fill('House call');
    await host.press('Make the meeting');
    await host.shows('The meeting is ready.');
    const values = await host.page.locator('.made code').allTextContents();
    [link, code, passcode] = values;
    expect(link?.includes('/l/meetup-join/') && /^\d{3}( \d{3}){3}$/.test(code) && passcode.length > 3, `how to join: ${values}`);
    await host.picture('meetings');
  });

  await report.step('meeting: pre-join shows oneself and a level, then the host is in', async () => {
    await host.page.locator('.made').getByRole('button', { name: 'Join' }).click();
    await host.sees('red');
    await host.page.waitForFunction(() => (document.querySelector('meter')?.value ?? 0) > 5);
    await host.picture('pre-join');
    await host.press('Join now');
    await host.isIn('Connected');
  });

  const guest = await Tab.open(stage, { meeting: link, tone: 880, color: 'blue' });
  guest.name = 'guest';
  await report.step('meeting: a guest comes by the link and waits, without media', async () => {
    await guest.shows('Join a meeting');
    await guest.page.getByLabel('Your name').fill('Zoe');
    await guest.press('Continue as guest');
    await guest.press('Join now');
    await guest.shows('You are in the lobby');
    await guest.picture('lobby');
    await guest.silence();
    await host.shows('Zoe waits in the lobby.');
  });

  await report.step('meeting: admitted, they hear and see each other', async () => {
    await host.press('People');
    await host.page.getByRole('heading', { name: 'Waiting in the lobby 1' }).waitFor();
    await host.picture('lobby-host');
    await host.press('Admit Zoe');
    await guest.isIn('Connected');
    await guest.hears(440);
    await host.hears(880);
    await host.sees('blue');
  });

  await report.step('meeting: a hand goes up and comes down, a reaction is seen', async () => {
    await guest.press('Raise your hand');
    await host.page.getByTitle('hand up, number 1').waitFor();
    await guest.button('React').click();
    await guest.press('Heart');
    await host.page.getByTitle('Heart').waitFor();
    await host.picture('meeting');
    await host.press('Lower the hand of Zoe');
    await guest.button('Raise your hand').waitFor();
  });

  await report.step('meeting: one who comes by ID and passcode is turned away', async () => {
    const uma = await Tab.open(stage, { as: 'app:Uma' }, '#/join');
    await uma.page.getByLabel('Meeting link or ID').fill(code);
    await uma.page.getByRole('textbox', { name: 'Passcode' }).fill(passcode);
    await uma.press('Continue');
    await uma.press('Join now');
    await uma.shows('You are in the lobby');
    await host.press('Reject Uma');
    await uma.shows('You were not let in');
    await uma.picture('ended-rejected');
    await uma.close();
  });

  await report.step('meeting: locked, nobody else comes; unlocked, they wait again', async () => {
    const lock = host.page.getByRole('button', { name: 'Lock the meeting' });
    await lock.click();
    await host.page.getByRole('button', { name: 'Lock the meeting', pressed: true }).waitFor();
    const late = await Tab.open(stage, { as: 'app:Tom', meeting: link });
    await late.press('Join now');
    await late.shows('The meeting is locked');
    await late.close();
    await lock.click();
    await host.page.getByRole('button', { name: 'Lock the meeting', pressed: false }).waitFor();
  });

  await report.step('meeting: two more wait and are admitted together', async () => {
    const two = await Promise.all(['Vic', 'Wim'].map((name) => Tab.open(stage, { as: `app:${name}`, meeting: link })));
    for (const tab of two) {
      await tab.press('Join now');
      await tab.shows('You are in the lobby');
    }
    await host.page.getByRole('heading', { name: 'Waiting in the lobby 2' }).waitFor();
    await host.page.locator('.side-pane').getByRole('button', { name: 'Admit all' }).click();
    for (const tab of two) await tab.isIn('Connected');
    await host.page.getByRole('heading', { name: 'In call 4' }).waitFor();
    for (const tab of two) {
      await tab.press('Hang up');
      await tab.shows('Back to calls');
      await tab.close();
    }
  });

  await report.step('meeting: an ID without its passcode, and what is no link, are refused in words', async () => {
    const uma = await Tab.open(stage, { as: 'app:Uma' }, '#/join');
    await uma.page.getByLabel('Meeting link or ID').fill(code);
    await uma.press('Continue');
    await uma.shows('A meeting ID needs its passcode.');
    await uma.page.getByLabel('Meeting link or ID').fill(`${origin}/elsewhere`);
    await uma.press('Continue');
    await uma.shows('That is no meeting link');
    await uma.close();
  });

  await report.step('meeting: ended for everybody', async () => {
    await host.press('End for everybody');
    await guest.shows('Ended for everybody');
    await guest.picture('ended-for-all');
  });
  await host.close();
  await guest.close();
}
