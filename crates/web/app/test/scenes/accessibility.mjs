// axe-core finds nothing on any page, in both themes; nothing is cut off from a phone to a wall.

import { createRequire } from 'node:module';

import { expect, openContext } from '../support.mjs';
import { Tab } from '../tab.mjs';
import { say, turn } from './captions.mjs';

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const SIZES = [
  { name: 'phone', width: 390, height: 844, isPictured: true }, { name: 'tablet', width: 820, height: 1180 }, { name: 'desk', width: 1440, height: 900, isPictured: true },
  { name: 'wall', width: 3840, height: 2160 },
];

export async function accessibility(stage) {
  for (const colorScheme of ['light', 'dark']) await inTheme(stage, colorScheme);
}

async function inTheme(stage, colorScheme) {
  const { report, browser, origin, troubles } = stage;
  const context = await openContext(browser, { origin, troubles, colorScheme });
  const own = { ...stage, context };
  const step = (name, work) => report.step(`accessibility, ${colorScheme}: ${name}`, work);
  // Whatever is found is told together: one run shows all there is to mend.
  const problems = [];
  let looks = 0;
  const look = async (tab, name) => {
    await tab.page.setViewportSize({ width: 1440, height: 900 });
    looks += 1;
    problems.push(...(await violations(tab)).map((words) => `${name}: ${words}`));
    for (const { name: size, width, height, isPictured } of SIZES) {
      await tab.page.setViewportSize({ width, height });
      await tab.page.waitForTimeout(60);
      const cut = await tab.page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        const left = [...document.querySelectorAll('button, a, input, td')].find((element) => {
          const { right, left: from } = element.getBoundingClientRect();
          return from < -0.5 && right > 1;
        });
        if (left) return { left: left.textContent };
        if (scrollWidth <= clientWidth) return undefined;
        const widest = [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > clientWidth + 0.5);
        return { by: scrollWidth - clientWidth, widest: widest.map(({ tagName, className }) => `${tagName}.${className?.baseVal ?? className}`).slice(0, 6) };
      });
      if (cut) problems.push(`${name} on a ${size} is too wide: ${JSON.stringify(cut)}`);
      if (isPictured) await tab.picture(`a11y-${name}-${colorScheme}-${size}`);
    }
    await tab.page.setViewportSize({ width: 1080, height: 680 });
  };

  const visitor = await Tab.open(own);
  await step('sign in', async () => {
    await visitor.shows('Alice Archer');
    await look(visitor, 'sign-in');
  });
  await step('sign in with an organisation', async () => {
    await context.route(`${origin}/sign-in/issuers`, (route) => route.fulfill({ json: { issuers: [{ issuer: 'https://login.invalid/contoso', clientId: 'app' }] } }));
    await visitor.page.reload();
    await visitor.button('Sign in with your organisation').waitFor();
    await look(visitor, 'sign-in-organisation');
    await context.unroute(`${origin}/sign-in/issuers`);
  });
  await step('the page of the built-in issuer', async () => {
    await visitor.page.reload();
    await visitor.press('Sign in with your organisation');
    await visitor.page.getByRole('heading', { name: 'Who are you?' }).waitFor();
    await visitor.page.waitForLoadState('networkidle');
    await look(visitor, 'issuer');
    await visitor.page.goto(`${origin}/app/`);
  });
  await step('two chairs', async () => {
    await visitor.page.getByRole('link', { name: /Watch a call/ }).click();
    await visitor.button('Run the call').waitFor();
    await look(visitor, 'demo');
    await visitor.press('Run the call');
    await visitor.button('Run it again').waitFor();
    await look(visitor, 'demo-done');
  });
  await visitor.close();

  const bob = await Tab.open(own, { as: 'bob', color: 'blue', tone: 880 });
  const alice = await Tab.open(own, { as: 'alice', color: 'red', tone: 440 });
  await step('calls', async () => {
    await alice.shows('Recent calls');
    await look(alice, 'calls');
    await alice.page.locator('.self-place').getByRole('button').click();
    await look(alice, 'presence-menu');
    await alice.page.keyboard.press('Escape');
  });
  await step('a call that rings', async () => {
    await bob.shows('Recent calls');
    await alice.press('Video call Bob Baker');
    await bob.shows('Alice Archer is calling');
    await look(bob, 'incoming');
    await look(alice, 'ringing');
  });
  await step('in a call, with every pane', async () => {
    await bob.press('Accept with video');
    await alice.isIn('Connected');
    await alice.sees('blue');
    await look(alice, 'call');
    for (const pane of ['People', 'Chat', 'Keypad', 'Quality', 'Devices']) {
      await alice.press(pane);
      if (pane === 'Quality') await alice.shows('Voice · Sent');
      if (pane === 'Chat') {
        // The conversation of these two may be there from an earlier walk, or the other theme.
        const begin = alice.page.locator('.side-pane').getByRole('button', { name: 'Start' });
        const write = alice.page.getByLabel('Write a message');
        await begin.or(write).first().waitFor();
        if (await begin.isVisible()) await begin.click();
        await write.fill('Hello');
        await alice.press('Send');
        await alice.page.locator('.message.own time').first().waitFor();
      }
      await look(alice, `call-${pane.toLowerCase()}`);
    }
    await alice.page.locator('.side-pane').getByRole('button', { name: 'Close' }).click();
    await alice.press('Transfer…');
    await alice.page.locator('dialog').getByRole('radio', { name: /Charlie Cole/ }).check();
    await look(alice, 'call-transfer');
    await alice.page.locator('dialog').getByRole('searchbox').fill('nobody');
    await alice.press('Transfer to nobody');
    await alice.page.locator('dialog').getByRole('alert').waitFor();
    await look(alice, 'call-transfer-failed');
    await alice.page.keyboard.press('Escape');
    await look(alice, 'call-transfer-banner');
    await alice.page.locator('.banners').getByRole('button', { name: 'Close' }).click();
    await alice.press('Show captions');
    await alice.page.getByRole('region', { name: 'Captions' }).waitFor();
    await look(alice, 'call-captions-absent');
    await say(alice, 'Bob Baker', 'This is what I said a moment ago, and it is rather long so that it takes more than one line on a phone.', 'Final');
    await say(alice, 'Alice Archer', 'And this is what I am still say', 'Partial');
    await turn(alice, 'Recording', 'isRecordingActive', true);
    await look(alice, 'call-captions');
    await turn(alice, 'Recording', 'isRecordingActive', false);
    await alice.press('Hide captions');
    await bob.press('Share your screen');
    await alice.sees('lime');
    await look(alice, 'call-screen');
    await bob.press('Hold');
    await look(bob, 'call-held');
    await bob.press('Resume');
  });
  await step('how a call ended', async () => {
    await alice.press('Hang up');
    await alice.shows('Back to calls');
    await look(alice, 'ended');
    await alice.press('Back to calls');
    await alice.page.locator('.recents .row').first().waitFor();
    await look(alice, 'calls-recents');
  });
  await step('chat', async () => {
    await alice.page.getByRole('link', { name: 'Chat' }).click();
    await alice.shows('Choose a conversation');
    await alice.press('New conversation');
    await look(alice, 'chat-new');
    await alice.page.keyboard.press('Escape');
    await alice.page.locator('.thread').first().click();
    await alice.page.getByRole('log').waitFor();
    await look(alice, 'chat');
    await alice.press('2 members');
    await look(alice, 'chat-members');
    await alice.page.keyboard.press('Escape');
  });
  let link;
  await step('meetings', async () => {
    await alice.page.getByRole('link', { name: 'Meetings' }).click();
    await alice.press('New meeting');
    await look(alice, 'meetings-new');
    await alice.press('Make the meeting');
    await alice.shows('The meeting is ready.');
    link = await alice.page.locator('.made code').first().textContent();
    await look(alice, 'meetings');
  });
  await step('joining, and the lobby on both sides', async () => {
    await alice.page.locator('.made').getByRole('button', { name: 'Join' }).click();
    await alice.sees('red');
    await look(alice, 'pre-join');
    await alice.press('Join now');
    await alice.isIn('Connected');
    const guest = await Tab.open(own, { meeting: link });
    await guest.shows('Your name');
    await look(guest, 'join-guest');
    await guest.page.getByLabel('Your name').fill('Zoe');
    await guest.press('Continue as guest');
    await guest.press('Join now');
    await guest.shows('You are in the lobby');
    await look(guest, 'lobby');
    await alice.press('People');
    await alice.page.getByRole('heading', { name: 'Waiting in the lobby 1' }).waitFor();
    await look(alice, 'lobby-host');
    await alice.button('React').click();
    await look(alice, 'reactions');
    await guest.close();
    await alice.press('End for everybody');
    await alice.shows('Back to calls');
  });
  await step('the join form', async () => {
    await bob.press('Back to calls');
    await bob.page.getByRole('link', { name: 'Join a meeting' }).click();
    await bob.page.getByLabel('Meeting link or ID').fill('123 456 789 012');
    await look(bob, 'join');
  });
  await step('the console', async () => {
    await bob.page.getByRole('link', { name: 'Console' }).click();
    await bob.page.getByLabel('Access key').fill(stage.accessKey);
    await bob.shows('No live calls.');
    await look(bob, 'console');
    await bob.page.getByRole('link', { name: 'Policy tester' }).click();
    await bob.page.getByLabel('From', { exact: true }).waitFor();
    await look(bob, 'console-policy');
    await bob.page.getByRole('link', { name: 'Identities' }).click();
    await bob.shows('Raw ID');
    await look(bob, 'console-identities');
  });
  await step('axe finds nothing, and nothing is cut off', async () => {
    expect(problems.length === 0, [...new Set(problems)].join('\n'));
    return { looks };
  });
  await context.close();
}

/** What axe finds. It is evaluated from outside: the page itself loads nothing that is not its own. */
async function violations({ page }) {
  await page.evaluate(await source());
  const { violations: found } = await page.evaluate((values) => globalThis.axe.run(document, { runOnly: { type: 'tag', values } }), RULES);
  return found.flatMap(({ id, help, nodes }) => nodes.map(({ html, any }) => `${id}: ${help}: ${html.slice(0, 160)} ${any.map(({ message }) => message).join('; ')}`));
}

let text;
async function source() {
  const { readFile } = await import('node:fs/promises');
  text ??= await readFile(axePath, 'utf8');
  return text;
}
