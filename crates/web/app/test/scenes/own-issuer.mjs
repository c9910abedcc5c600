// An exchange as people run one: no development identities, an issuer of the configuration, and its tokens verified by its own keys.

import { randomBytes, randomUUID } from 'node:crypto';

import { openIssuer } from '../issuer.mjs';
import { expect, openContext, openServed } from '../support.mjs';
import { Tab } from '../tab.mjs';

const CLIENT_ID = 'trunkline-app';
const AUDIENCE = 'https://calls.contoso.invalid';
const TENANT = randomUUID();
const USERS = [{ alias: 'alice', name: 'Alice Archer' }, { alias: 'bob', name: 'Bob Baker' }].map((user) => ({ ...user, oid: randomUUID() }));

export async function ownIssuer({ report, browser, pictures, troubles }) {
  const issuer = await openIssuer({ clientId: CLIENT_ID, users: USERS, accessToken });
  const { origin, close } = await openServed((data) => configuration({ data, issuer: issuer.issuer }));
  const context = await openContext(browser, { origin, troubles, issuers: [issuer.origin] });
  const own = { context, origin, pictures };

  /** A token as a directory gives one to this app for this user. */
  function accessToken({ oid, name }, jwt) {
    const now = Math.floor(Date.now() / 1000);
    return jwt({
      iss: issuer.issuer, aud: AUDIENCE, iat: now, nbf: now, exp: now + 3600, sub: 'subject', oid, tid: TENANT, name, azp: CLIENT_ID,
      scp: 'Teams.ManageCalls Teams.ManageChats',
    });
  }

  try {
    const alice = await Tab.open(own, { tone: 440 });
    await report.step('own issuer: the only way in; nobody is listed, nobody is a guest', async () => {
      await alice.button('Sign in with your organisation').waitFor();
      await alice.page.getByText('Sign in as').waitFor({ state: 'detached' });
      expect(await alice.page.getByText('Continue as guest').count() === 0, 'guests are offered');
      await alice.picture('own-issuer');
    });
    if (process.env.TRUNKLINE_APP_SERVED) {
      await report.step('own issuer: the page’s policy names the issuer, and no other answer’s does', async () => {
        const policy = async (path) => (await context.request.get(`${origin}${path}`)).headers()['content-security-policy'];
        const [page, other] = [await policy('/app/'), await policy('/call')];
        expect(page === other.replace("connect-src 'self'", `connect-src 'self' ${issuer.origin}`), `the policy is ${page}`);
      });
    }
    await report.step('own issuer: signed in, with a token of the exchange for the issuer’s', async () => {
      await enter(alice, 'Alice Archer');
      await alice.shows('Recent calls');
      await alice.page.getByRole('button', { name: /^Alice Archer, Available/ }).waitFor();
      await alice.shows('Nobody is listed here.');
      expect(await alice.page.getByRole('alert').count() === 0, 'the page complains');
      await alice.picture('own-issuer-calls');
    });
    const bob = await Tab.open(own, { tone: 880 });
    await report.step('own issuer: a call by alias', async () => {
      await enter(bob, 'Bob Baker');
      await bob.shows('Recent calls');
      // The voice is that of the address which the page was loaded with, and that was the issuer's answer.
      await bob.page.reload();
      await bob.shows('Recent calls');
      await alice.page.getByLabel('Name, alias, ID or number').fill('bob');
      await alice.page.keyboard.press('Enter');
      await bob.shows('Alice Archer is calling');
      await bob.press('Accept');
      await alice.isIn('Connected');
      await alice.hears(880);
      await bob.hears(440);
      await alice.press('Hang up');
      await alice.press('Back to calls');
      await bob.press('Back to calls');
      await bob.press('Sign out');
      await bob.close();
    });
    let link;
    await report.step('own issuer: a meeting is made', async () => {
      await alice.page.getByRole('link', { name: 'New meeting' }).click();
      await alice.page.getByLabel('Subject').fill('House call');
      await alice.press('Make the meeting');
      await alice.shows('The meeting is ready.');
      [link] = await alice.page.locator('.made code').allTextContents();
    });
    const late = await Tab.open(own, { meeting: link });
    await report.step('own issuer: whoever follows its link signs in first and is at the meeting then', async () => {
      await enter(late, 'Bob Baker');
      await late.button('Join now').waitFor();
      await late.picture('own-issuer-meeting');
    });
    await late.close();
    await alice.close();
    await report.step('own issuer: development identities are not there', async () => {
      for (const path of ['/dev/users', '/adfs/.well-known/openid-configuration', '/adfs/oauth2/authorize']) {
        const answer = await context.request.get(`${origin}${path}`);
        expect(answer.status() === 404, `${path} answered ${answer.status()}`);
      }
    });
    // A browser complains of the list that is not there; the page does not.
    const absent = troubles.filter((trouble) => trouble.includes('404') && trouble.includes('/dev/users'));
    troubles.splice(0, troubles.length, ...troubles.filter((trouble) => !absent.includes(trouble)));
    await guests({ report, browser, pictures, troubles, issuer });
  } finally {
    await context.close();
    await close();
    await issuer.close();
  }
}

/** The same exchange as far as people see, where guests come to meetings. */
async function guests({ report, browser, pictures, troubles, issuer }) {
  const { origin, close } = await openServed((data) => `${configuration({ data, issuer: issuer.issuer })}\n[guests]\nenabled = true\n`);
  const context = await openContext(browser, { origin, troubles, issuers: [issuer.origin] });
  const own = { context, origin, pictures };
  try {
    const alice = await Tab.open(own, { tone: 440 });
    await enter(alice, 'Alice Archer');
    await alice.page.getByRole('link', { name: 'New meeting' }).click();
    await alice.press('Make the meeting');
    await alice.shows('The meeting is ready.');
    const [link, digits, passcode] = await alice.page.locator('.made code').allTextContents();
    await alice.page.locator('.made').getByRole('button', { name: 'Join', exact: true }).click();
    await alice.press('Join now');
    await alice.isIn('Connected');

    const guest = await Tab.open(own, { meeting: link, tone: 880 });
    await report.step('own issuer: a guest comes by the link, and waits in the lobby', async () => {
      await guest.button('Sign in with your organisation').waitFor();
      await guest.page.getByText('Sign in as').waitFor({ state: 'detached' });
      expect(await guest.page.getByLabel('Meeting link or ID').count() === 0, 'the meeting is asked for, which the address names');
      await guest.page.getByLabel('Your name').fill('Zoe');
      await guest.picture('own-issuer-guest');
      await guest.press('Continue as guest');
      await guest.press('Join now');
      await guest.shows('You are in the lobby');
      await guest.silence();
    });
    await report.step('own issuer: a reload makes nobody else of a guest; let in, it is heard', async () => {
      const who = () => guest.page.evaluate(() => JSON.parse(atob(JSON.parse(sessionStorage.getItem('trunkline.as')).token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'))));
      const before = await who();
      await guest.page.reload();
      await guest.press('Join now');
      await guest.shows('You are in the lobby');
      const after = await who();
      expect(after.skypeid === before.skypeid, 'the guest is another one');
      expect(after.acsScope === 'chat.join.limited,voip.join', `the token is good for ${after.acsScope}`);
      await alice.shows('Zoe waits in the lobby.');
      await alice.button('Admit').click();
      await guest.isIn('Connected');
      await guest.hears(440);
      await alice.hears(880);
    });
    const other = await Tab.open(own);
    await report.step('own issuer: a guest comes by id and passcode, and a wrong one leads nowhere', async () => {
      await other.page.getByText('Sign in as').waitFor({ state: 'detached' });
      await other.page.getByLabel('Your name').fill('Max');
      await other.page.getByLabel('Meeting link or ID').fill(digits);
      await other.page.getByLabel('Passcode').fill(`${passcode.startsWith('a') ? 'b' : 'a'}${passcode.slice(1)}`);
      await other.press('Continue as guest');
      await other.shows('No meeting takes guests by that link, or by that id and passcode.');
      await other.page.getByLabel('Passcode').fill(passcode);
      await other.press('Continue as guest');
      await other.press('Join now');
      await other.shows('You are in the lobby');
    });
    await Promise.all([alice, guest, other].map((tab) => tab.close()));
    const expected = troubles.filter((trouble) => trouble.includes('404') && /\/dev\/users|\/sign-in\/guest/.test(trouble));
    troubles.splice(0, troubles.length, ...troubles.filter((trouble) => !expected.includes(trouble)));
  } finally {
    await context.close();
    await close();
  }
}

async function enter(tab, name) {
  await tab.press('Sign in with your organisation');
  await tab.page.getByRole('link', { name: `I am ${name}` }).click();
}

function configuration({ data, issuer }) {
  const key = () => randomBytes(48).toString('base64');
  const directory = USERS.map(({ alias, oid, name }) => `[[directory]]\nalias = "${alias}"\nobject_id = "${oid}"\ndisplay_name = "${name}"\nlicenses = ["Teams"]\n`);
  return `
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
media_ip = "127.0.0.1"
data_directory = "${data}/data"
resource = "${randomUUID()}"
tenant = "${TENANT}"
access_keys = ["${key()}", "${key()}"]
${directory.join('\n')}
[[issuers]]
issuer = "${issuer}"
tenant = "${TENANT}"
audiences = ["${AUDIENCE}"]
app_client_id = "${CLIENT_ID}"
name = "Contoso"
app_scopes = ["Teams.ManageCalls", "Teams.ManageChats"]
`;
}
