// Three people: place, accept, mute, mute all, add, remove, hold, camera, screen, chat in the call, hang up.

import { expect } from '../support.mjs';
import { Tab } from '../tab.mjs';

const ALICE = { as: 'alice', tone: 440, color: 'red', screen: 'lime' };
const BOB = { as: 'bob', tone: 880, color: 'blue' };
const CHARLIE = { as: 'charlie', tone: 1320, color: 'gray' };

export async function people(stage) {
  const { report } = stage;
  const alice = await Tab.open(stage, { tone: ALICE.tone, color: ALICE.color, screen: ALICE.screen });
  alice.name = 'alice';

  await report.step('people: sign in by a click', async () => {
    await alice.button('Alice Archer alice').click();
    await alice.shows('Recent calls');
  });
  const bob = await Tab.open(stage, BOB);
  const charlie = await Tab.open(stage, CHARLIE);
  await bob.shows('Recent calls');
  await charlie.shows('Recent calls');

  await report.step('people: place a call, accept it, hear each other', async () => {
    await alice.press('Call Bob Baker');
    await bob.shows('Alice Archer is calling');
    await bob.picture('incoming');
    await bob.press('Accept');
    await alice.isIn('Connected');
    await bob.isIn('Connected');
    await alice.hears(BOB.tone);
    await bob.hears(ALICE.tone);
  });

  await report.step('people: cameras on, each sees the other', async () => {
    await alice.press('Turn the camera on');
    await bob.press('Turn the camera on');
    await alice.sees('blue');
    await bob.sees('red');
  });

  await report.step('people: mute and unmute', async () => {
    await alice.press('Mute');
    await bob.silence();
    await alice.press('Unmute');
    await bob.hears(ALICE.tone);
  });

  await report.step('people: add a third, who hears the others', async () => {
    await alice.press('People');
    await alice.page.getByLabel('Name, alias or ID').fill('charlie');
    await alice.press('Add');
    await charlie.shows('Alice Archer is calling');
    await alice.page.getByRole('heading', { name: 'Ringing 1' }).waitFor();
    await charlie.press('Accept');
    await charlie.isIn('Connected');
    await alice.page.getByRole('heading', { name: 'In call 3' }).waitFor();
    await bob.hears(CHARLIE.tone).catch(() => bob.hears(ALICE.tone));
    await alice.picture('call-with-people');
  });

  await report.step('people: mute everybody else', async () => {
    await alice.press('Mute everybody else');
    await bob.shows('Somebody muted you.');
    await charlie.button('Unmute').waitFor();
    await alice.silence();
    await bob.hears(ALICE.tone);
    await bob.press('Unmute');
    await alice.hears(BOB.tone);
  });

  await report.step('people: hold and resume', async () => {
    await alice.press('Hold');
    await alice.shows('You hold this call.');
    await bob.silence();
    await alice.silence();
    await alice.press('Resume');
    await bob.hears(ALICE.tone);
  });

  await report.step('people: share a screen', async () => {
    await alice.press('Share your screen');
    await bob.sees('lime');
    await bob.shows('Alice Archer shares a screen');
    await bob.picture('screen');
    await alice.button('Stop sharing').click();
    await bob.seesNo('lime');
  });

  await report.step('people: remove the third, who is told so', async () => {
    await alice.press('Remove Charlie Cole');
    await charlie.shows('You were removed from the call');
    await alice.page.getByRole('heading', { name: 'In call 2' }).waitFor();
    await charlie.picture('ended-removed');
  });

  await report.step('people: chat beside the call', async () => {
    await alice.press('Chat');
    await alice.page.getByLabel('Write a message').fill('Shall we?');
    await alice.page.keyboard.press('Enter');
    await bob.press('Chat');
    await bob.shows('Shall we?');
    await bob.page.getByLabel('Write a message').fill('Yes');
    await alice.shows('Bob Baker is writing…');
    await bob.press('Send');
    await alice.page.getByRole('log').getByText('Yes', { exact: true }).waitFor();
    await alice.shows('Read by Bob Baker');
    await alice.picture('call-chat');
  });

  await report.step('people: quality in figures', async () => {
    await alice.press('Quality');
    await alice.shows('Voice · Received');
    await alice.shows('Camera · Sent');
    const codecs = await alice.page.locator('.flow dl div:first-child dd').allTextContents();
    expect(codecs.includes('opus') && codecs.includes('VP8'), `codecs are ${codecs}`);
    return codecs;
  });

  await report.step('people: somebody whom nobody knows is not added, in words', async () => {
    await alice.press('People');
    await alice.page.getByLabel('Name, alias or ID').fill('nobody-of-this-name');
    await alice.press('Add');
    await alice.shows('nobody-of-this-name was not added');
  });

  await report.step('people: hang up, both see how it ended, and it is in the history', async () => {
    await alice.press('Hang up');
    await alice.shows('Call ended');
    await bob.page.getByRole('heading', { level: 1 }).getByText(/ended|Ended/).waitFor();
    await alice.press('Back to calls');
    await alice.page.locator('.recents .row').first().waitFor();
    await alice.picture('home');
    return { history: await alice.page.locator('.recents .row-name').first().textContent() };
  });

  await report.step('people: a missed call is counted until it is seen', async () => {
    await charlie.press('Back to calls');
    await charlie.page.goto(`${stage.origin}/app/?as=charlie#/chat`);
    await charlie.page.getByRole('heading', { name: 'Chat' }).waitFor();
    await bob.press('Back to calls');
    await bob.press('Call Charlie Cole');
    await charlie.shows('Bob Baker is calling');
    await bob.press('Hang up');
    await charlie.shows('You missed a call from Bob Baker.');
    await charlie.page.getByLabel('1 missed call not seen yet').waitFor();
    await charlie.page.getByRole('link', { name: /Calls/ }).click();
    await charlie.page.locator('.row.missed').first().waitFor();
    await charlie.page.getByLabel('1 missed call not seen yet').waitFor({ state: 'detached' });
  });

  await report.step('people: a call that is declined says so', async () => {
    await bob.press('Back to calls');
    await bob.press('Call Alice Archer');
    await alice.press('Decline');
    await bob.shows('Declined');
  });

  for (const tab of [alice, bob, charlie]) await tab.close();
}
