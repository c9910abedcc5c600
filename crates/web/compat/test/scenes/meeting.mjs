// A meeting by its link: a directory user's Teams adapter, and guests who wait in the lobby.

import { ask, expect, newUser } from '../support.mjs';
import { newMeeting } from '../meetings.mjs';
import { Tab } from '../tab.mjs';
import { UMA, YAN, ZOE, as } from '../people.mjs';
import { hearAndSeeEachOther, leave } from './common.mjs';

export async function meeting(stage) {
  const { context, report, origin } = stage;
  const { token } = await ask(context, { origin, route: '/dev/token', body: { user: 'alice' } });
  let link;
  let host;
  let guest;

  await report.step('meeting: the organizer makes one and joins by its link', async () => {
    link = await newMeeting(origin, { token, subject: 'House call' });
    host = await Tab.open(stage, {
      ...as(YAN, { rawId: 'alice', displayName: 'Alice' }), agent: 'teams', meeting: link,
    });
    await host.start();
    await host.onPage('call');
  });

  await report.step('meeting: a guest waits in the lobby, without media', async () => {
    guest = await Tab.open(stage, { ...as(ZOE, await newUser(context, origin, 'Zoe')), meeting: link });
    await guest.start();
    await guest.until('waits', ({ page, state }) => page === 'lobby' && state === 'InLobby');
    await guest.page.getByText('Waiting to be admitted').first().waitFor();
    await guest.picture('meeting-lobby');
    await guest.page.waitForTimeout(1_000);
    const { audioPackets, videoPackets } = await guest.ask('received');
    expect(audioPackets === 0 && videoPackets === 0, `${audioPackets} and ${videoPackets} packets came`);
    expect((await host.state()).remote.every(({ state }) => state !== 'Connected'), 'the guest is in the meeting');
  });

  await report.step('meeting: admitted, the guest is on the call page', async () => {
    // The composite has no button to admit somebody; whoever builds on it asks the call.
    await host.page.evaluate(() => globalThis.adapter.call.lobby.admitAll());
    await guest.onPage('call');
    // Waiting mutes nobody: the guest speaks as chosen before.
    await guest.until('is not muted', ({ isMuted }) => !isMuted);
  });

  await hearAndSeeEachOther('meeting', report, host, guest);
  await host.picture('meeting-call');

  await report.step('meeting: a raised hand is seen by the other and comes down again', async () => {
    await guest.part('call-composite-raisehand-button').click();
    await host.until('sees the hand', ({ remote }) => remote.some(({ hasRaisedHand }) => hasRaisedHand));
    await host.picture('meeting-hand');
    await guest.part('call-composite-raisehand-button').click();
    await host.until('sees it no longer', ({ remote }) => remote.every(({ hasRaisedHand }) => !hasRaisedHand));
  });

  await report.step('meeting: a guest who is turned away is told so', async () => {
    const uma = await newUser(context, origin, 'Uma');
    const turnedAway = await Tab.open(stage, { ...as(UMA, uma), meeting: link });
    await turnedAway.start({ camera: false });
    await turnedAway.until('waits', ({ state }) => state === 'InLobby');
    await host.page.evaluate((id) => globalThis.adapter.call.lobby.reject({ communicationUserId: id }), uma.rawId);
    const { endReason } = await turnedAway.onPage('accessDeniedTeamsMeeting');
    await turnedAway.page.getByText('Dismissed from lobby').waitFor();
    await turnedAway.picture('end-dismissed');
    await turnedAway.close();
    expect(endReason.subCode === 5854, `it ended with ${JSON.stringify(endReason)}`);
    return endReason;
  });

  await leave('meeting', report, guest);
  await host.leave();
  await host.onPage('leftCall');
  await guest.close();
  await host.close();
}
