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
  } finally {
    await context.close();
    await close();
    await issuer.close();
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
