// The samples against an exchange: what compiles strictly does what it says.
//
// Environment: TRUNKLINE_EXCHANGE (the program to start), TRUNKLINE_CHROMIUM, TRUNKLINE_PLAYWRIGHT.

import { openMeeting } from '../../../compat/test/meetings.mjs';
import { expect, newContext } from '../../../../../tests/browser/harness.mjs';
import { bundle, openPage, perform, serve } from './stage.mjs';

/** A number of the range that is kept for fiction. */
const PHONE = '+12025550123';
const THREAD = '19:samples@thread.v2';

await perform('samples', {
  async script({ browser, exchange: { origin }, report }) {
    const context = await newContext(browser, { origin, troubles: report.troubles });
    await serve(context, origin, await bundle('samples-page.ts'));
    const issue = async (data) => (await context.request.post(`${origin}/dev/token`, { data })).json();
    const people = Object.fromEntries(await Promise.all(['alice', 'bob', 'charlie'].map(async (user) => [user, await issue({ user })])));
    const idOf = (name) => people[name].identifier.rawId.replace('8:orgid:', '');
    const page = await openPage(context, origin);
    const scene = (name, ...parameters) => page.evaluate(([which, values]) => globalThis.scenes[which](...values), [name, parameters]);

    await report.step('directory users sign in', async () => {
      const states = await scene('open', Object.fromEntries(Object.entries(people).map(([name, { token }]) => [name, token])));
      expect(states.length === 3 && states.every(([, state]) => state === 'Connected'), JSON.stringify(states));
    });
    await report.step('one calls another, mutes around, shows a camera and leaves', async () => {
      const { ringing, before, during, after, end } = await scene('colleague', idOf('bob'));
      expect(ringing.id === before.callee.id && ringing.caller === 'Alice Archer' && before.callee.caller === ringing.caller, JSON.stringify(ringing));
      expect(before.caller.direction === 'Outgoing' && before.callee.direction === 'Incoming', 'directions');
      expect(before.caller.others[0].kind === 'microsoftTeamsUser' && before.caller.others[0].state === 'Connected', JSON.stringify(before));
      expect(during.localVideos === 1 && !during.isMuted && !during.isScreenSharingOn, JSON.stringify(during));
      expect(after.state === 'Disconnected' && after.code === 0 && after.localVideos === 0 && end.code === 0, JSON.stringify(after));
      return { ringing, end };
    });
    await report.step('a camera is painted over while it is sent, and lives until it is not', async () => {
      const found = await scene('effect', idOf('bob'));
      expect(found.types.join() === 'Video,RawMedia,Video' && found.sources.length === 2, JSON.stringify(found));
      expect(found.during.camera === 'live' && found.during.isOwn && found.during.isUnpainted, JSON.stringify(found));
      expect(found.before.camera === 'ended' && found.before.next === 'live' && found.after.next === 'ended', JSON.stringify(found));
      return found;
    });
    await report.step('a call that is declined says so on both sides', async () => {
      const { caller, callee } = await scene('declined', idOf('bob'));
      expect(caller.code === 603 && callee.code === 603, JSON.stringify({ caller, callee }));
    });
    await report.step('a phone that no trunk leads to ends with a reason', async () => {
      const { figure, reason } = await scene('phone', PHONE);
      expect(figure.state === 'Disconnected' && reason.code >= 400 && reason.message, JSON.stringify(reason));
      const group = await scene('groupWithPhone', idOf('bob'), PHONE, THREAD);
      expect(group.subCode === reason.subCode, JSON.stringify(group));
      return reason;
    });
    await report.step('a group call with a thread: one more comes and is let go', async () => {
      const found = await scene('group', idOf('bob'), idOf('charlie'), PHONE, THREAD);
      expect(found.full.threadId === THREAD, `the thread is ${found.full.threadId}`);
      expect(found.isSame && found.isGone, JSON.stringify(found));
      expect(found.phone.code >= 400 && found.phone.message, JSON.stringify(found.phone));
      return { removed: found.reason, phone: found.phone };
    });
    await report.step('a meeting by link, coordinates and code, and a guest from the lobby', async () => {
      const ways = await openMeeting(origin, { token: people.alice.token, subject: 'Samples' });
      const { token } = await issue({ displayName: 'Gina' });
      const found = await scene('meeting', token, ways);
      expect(found.name === 'Gina' && found.states.includes('InLobby') && found.left?.code === 0, JSON.stringify(found));
      expect(new Set(found.threads).size === 1 && found.threads[0] === ways.coordinates.threadId, JSON.stringify(found.threads));
      return { states: found.states, traffic: found.traffic };
    });
    await report.step('guests of a group, with a name and without', async () => {
      const tokens = await Promise.all(['Hal', 'Ida'].map(async (displayName) => (await issue({ displayName })).token));
      const found = await scene('guests', tokens);
      expect(found.groups.every(Boolean) && found.names[1][0] === 'Hal', JSON.stringify(found));
      return found;
    });
  },
});
