// A socket that breaks in a call: the page says so, comes back, and the call goes on.

import { Tab } from '../tab.mjs';

export async function network(stage) {
  const { report, context } = stage;
  const bob = await Tab.open(stage, { as: 'bob', answer: 'auto', tone: 880 });
  await bob.shows('Recent calls');
  const alice = await Tab.open(stage, { as: 'alice', call: 'bob', tone: 440 });
  await alice.isIn('Connected');
  await bob.hears(440);

  await report.step('network: without the exchange a banner says so', async () => {
    await context.setOffline(true);
    await alice.page.evaluate(() => globalThis.probe.cut());
    await alice.shows('The connection to the exchange is lost.');
    await alice.picture('reconnecting');
  });

  await report.step('network: the banner goes and the call goes on', async () => {
    await context.setOffline(false);
    await alice.page.getByText('The connection to the exchange is lost.').waitFor({ state: 'detached' });
    await alice.press('Mute');
    await bob.silence();
    await alice.press('Unmute');
    await bob.hears(440);
    // The browser notes every connection that it could not make.
    stage.troubles.splice(0, stage.troubles.length, ...stage.troubles.filter((trouble) => !/ERR_INTERNET_DISCONNECTED|WebSocket/.test(trouble)));
  });
  await alice.close();
  await bob.close();
}
