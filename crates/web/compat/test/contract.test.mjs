// The library's own stateful client, and the calling package below it, in a browser: 18 rules.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { rules } from '../contract/rules.mjs';
import { openBrowser, openContext, openExchange } from './support.mjs';

let exchange;
let browser;

before(async () => {
  exchange = await openExchange();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await exchange?.close();
});

assert.deepEqual(rules.map(({ number }) => number), Array.from({ length: 18 }, (_, index) => index + 1));

for (const { number, title } of rules) {
  test(`rule ${number}: ${title}`, { timeout: 120_000 }, async (context) => {
    const { origin } = exchange;
    const troubles = [];
    const browserContext = await openContext(browser, { origin, troubles });
    try {
      const page = await browserContext.newPage();
      await page.goto(`${origin}/compat/contract.html`);
      await page.waitForFunction(() => globalThis.contract);
      const found = await page.evaluate((wanted) => globalThis.contract.run(wanted), number);
      if (found) context.diagnostic(`rule ${number}: ${JSON.stringify(found)}`);
      const violations = await page.evaluate(() => globalThis.probe.violations);
      assert.deepEqual(violations, []);
      // What a rule provokes is told to whoever asked and to nobody else.
      assert.deepEqual(troubles.filter((trouble) => !trouble.startsWith('console error: Failed to load resource')), []);
    } finally {
      await browserContext.close();
    }
  });
}
