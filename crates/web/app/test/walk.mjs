// The walk through the app in several tabs: `node test/walk.mjs [scene]…`, see README.md for its variables.

import path from 'node:path';

import { canStart, openBrowser, openContext, openExchange, picturesFolder, Report } from './support.mjs';
import { accessibility } from './scenes/accessibility.mjs';
import { captions } from './scenes/captions.mjs';
import { chat } from './scenes/chat.mjs';
import { consolePages } from './scenes/console.mjs';
import { demo } from './scenes/demo.mjs';
import { figures } from './scenes/figures.mjs';
import { keyboard } from './scenes/keyboard.mjs';
import { meeting } from './scenes/meeting.mjs';
import { network } from './scenes/network.mjs';
import { people } from './scenes/people.mjs';
import { presence } from './scenes/presence.mjs';
import { builtInIssuer } from './scenes/built-in-issuer.mjs';
import { ownIssuer } from './scenes/own-issuer.mjs';
import { signIn } from './scenes/sign-in.mjs';
import { transfer } from './scenes/transfer.mjs';

const SCENES = { people, presence, transfer, captions, 'sign-in': signIn, 'built-in-issuer': builtInIssuer, 'own-issuer': ownIssuer, demo, keyboard, meeting, chat, console: consolePages, network, figures, accessibility };

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(SCENES).filter((name) => canStart || name !== 'own-issuer');
for (const name of wanted) if (!SCENES[name]) throw new Error(`${name}: choose among ${Object.keys(SCENES).join(', ')}`);

const pictures = await picturesFolder();
const report = new Report(path.join(pictures, 'report.json'));
const exchange = await openExchange();
let browser;
try {
  browser = await openBrowser();
  report.figures.chromium = browser.version();
  for (const name of wanted) {
    const troubles = [];
    const context = await openContext(browser, { origin: exchange.origin, troubles });
    const stage = { browser, context, ready: exchange.ready, origin: exchange.origin, accessKey: exchange.accessKey ?? accessKeyOf(exchange.ready), pictures, report, troubles };
    try {
      await SCENES[name](stage);
      await report.step(`${name}: no console error, no request elsewhere`, async () => {
        if (troubles.length > 0) throw new Error(troubles.join('\n'));
      });
    } catch (error) {
      const pages = context.pages();
      await Promise.all(pages.map((page, index) => page.screenshot({ path: path.join(pictures, `failed-${name}-${index}.png`) }).catch(() => {})));
      throw error;
    } finally {
      report.troubles.push(...troubles);
      await context.close();
    }
  }
} catch (error) {
  report.failure = String(error.stack ?? error);
  console.log(report.failure);
  process.exitCode = 1;
} finally {
  await browser?.close();
  await exchange.close();
  report.write();
}

function accessKeyOf({ connectionString = '' } = {}) {
  return /accesskey=([^;]+)/i.exec(connectionString)?.[1];
}
