import { openBrowser, openContext, openExchange, picturesFolder } from './support.mjs';
import { Tab } from './tab.mjs';
const exchange = await openExchange();
console.log(JSON.stringify(exchange.ready));
const browser = await openBrowser();
const troubles = [];
try {
  const context = await openContext(browser, { origin: exchange.origin, troubles });
  const stage = { context, origin: exchange.origin, pictures: await picturesFolder() };
  const s = await Tab.open(stage); await s.shows('Sign in as'); await s.page.waitForTimeout(500); await s.picture('sign-in');
  const a = await Tab.open(stage, { as: 'alice', tone: 440, color: 'red' });
  await a.shows('Recent calls'); await a.page.waitForTimeout(500); await a.picture('home');
  const b = await Tab.open(stage, { as: 'bob', tone: 880, color: 'blue' });
  await b.shows('Recent calls');
  await a.press('Call Bob Baker'); 
  await b.button('Accept').waitFor(); await b.picture('incoming');
  await a.picture('ringing');
  await b.page.keyboard.press('v');
  await a.isIn('Connected');
  await a.press('Turn the camera on');
  await a.hears(880); await b.hears(440); await b.page.waitForTimeout(2000); await a.picture('a1'); await b.picture('b1'); await b.sees('red'); await a.sees('blue');
  await a.picture('call');
  await a.press('People'); await a.picture('people');
  await a.press('Quality'); await a.page.waitForTimeout(2500); await a.picture('quality');
  await a.press('Hang up'); await a.shows('Back to calls'); await a.picture('ended');
  await b.shows('Back to calls');
  await a.press('Back to calls'); await a.page.waitForTimeout(800); await a.picture('home2');
} catch (e) { for (const [i, p] of (browser.contexts()[0]?.pages() ?? []).entries()) { await p.screenshot({ path: `/tmp/app-pics/fail-${i}.png` }); console.log(i, (await p.locator('body').ariaSnapshot()).slice(0, 1500)); } throw e; } finally { console.log(troubles); await browser.close(); await exchange.close(); }
