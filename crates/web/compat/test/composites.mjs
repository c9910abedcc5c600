// Unmodified composites hold real calls and chats with each other, in a browser.
//
//     TRUNKLINE_EXCHANGE=…/trunkline TRUNKLINE_CHROMIUM=… TRUNKLINE_PLAYWRIGHT=… \
//         node test/composites.mjs [chat|group|user|directory|call-with-chat|captions|ends|meeting]…

import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { scenes } from './scenes.mjs';
import { Report, openBrowser, openContext, openExchange } from './support.mjs';

const wanted = process.argv.slice(2);
for (const name of wanted) {
  if (!scenes[name]) throw new Error(`${name}: choose from ${Object.keys(scenes).join(', ')}`);
}
const pictures = process.env.TRUNKLINE_PICTURES ?? path.join(tmpdir(), 'trunkline-compat-pictures');
mkdirSync(pictures, { recursive: true });

const report = new Report(process.env.TRUNKLINE_REPORT ?? path.join(pictures, 'report.json'));
const { troubles } = report;
let exchange;
let browser;
try {
  exchange = await openExchange();
  browser = await openBrowser();
  report.figures.chromium = browser.version();
  const { origin } = exchange;
  for (const [name, play] of Object.entries(scenes)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const context = await openContext(browser, { origin, troubles });
    const before = troubles.length;
    try {
      await play({ context, report, origin, pictures });
      await report.step(`${name}: nothing went wrong on the way`, async () => {
        if (troubles.length > before) throw new Error(troubles.slice(before).join('\n'));
      });
    } catch (error) {
      report.failure ??= `${name}: ${error.stack ?? error}`;
      const pages = context.pages();
      for (const [index, page] of pages.entries()) {
        await page.screenshot({ path: path.join(pictures, `failed-${name}-${index}.png`) }).catch(() => {});
        console.log(`     ${name}, tab ${index}: ${JSON.stringify(await page.evaluate(() => globalThis.probe?.state()).catch(String))}`);
      }
      for (const trouble of troubles.slice(before, before + 8)) console.log(`     ${trouble.slice(0, 600)}`);
    } finally {
      await context.close();
    }
  }
} catch (error) {
  report.failure ??= String(error.stack ?? error);
} finally {
  await browser?.close();
  await exchange?.close();
  report.write();
}
const failed = report.steps.filter(({ ok }) => !ok).length;
console.log(`${report.steps.length - failed} passed, ${failed} failed; pictures in ${pictures}`);
if (report.failure || failed > 0) {
  console.log(report.failure);
  process.exitCode = 1;
}
