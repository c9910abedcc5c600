// What every browser script shares: the browser, tabs that report what went wrong, a report file.

import { createRequire } from 'node:module';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

/** Reads the environment that the Rust test sets; says which variable is missing. */
export function settings() {
  const read = (name) => {
    const value = process.env[name];
    if (!value) throw new Error(`set ${name}`);
    return value;
  };
  return {
    origin: read('TRUNKLINE_ORIGIN'),
    chromium: read('TRUNKLINE_CHROMIUM'),
    playwright: read('TRUNKLINE_PLAYWRIGHT'),
    report: read('TRUNKLINE_REPORT'),
    pictures: read('TRUNKLINE_PICTURES'),
  };
}

/** Starts a browser that trusts the development certificate and asks nobody for permission. */
export async function launch({ chromium, playwright, args = [] }) {
  const require = createRequire(path.join(path.resolve(playwright), 'package.json'));
  const browser = await require('playwright-core').chromium.launch({
    executablePath: chromium,
    timeout: 60_000,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
      '--autoplay-policy=no-user-gesture-required', ...args,
    ],
  });
  return browser;
}

/** A context whose tabs note console errors, page errors and requests that leave the origin. */
export async function newContext(browser, { origin, troubles, ...options }) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: { width: 1440, height: 900 },
    colorScheme: 'light',
    ...options,
  });
  context.setDefaultTimeout(15_000);
  context.on('page', (page) => {
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') {
        troubles.push(`console ${message.type()}: ${message.text()} (${message.location().url})`);
      }
    });
    page.on('pageerror', (error) => troubles.push(`page error: ${error.stack ?? error}`));
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(origin) && !url.startsWith('blob:') && !url.startsWith('data:')) {
        troubles.push(`a request left the origin: ${url}`);
      }
    });
  });
  await context.addInitScript({ path: new URL('./probe.js', import.meta.url).pathname });
  return context;
}

/** Runs named steps and keeps what they found. A failed step ends the run. */
export class Report {
  steps = [];
  figures = {};
  troubles = [];
  failure = null;

  constructor(file) {
    this.file = file;
  }

  async step(name, work) {
    const startedAt = Date.now();
    try {
      const found = await work();
      this.steps.push({ name, ok: true, ms: Date.now() - startedAt, found: found ?? null });
      console.log(`ok   ${name} (${Date.now() - startedAt} ms) ${found ? JSON.stringify(found) : ''}`);
    } catch (error) {
      this.steps.push({ name, ok: false, ms: Date.now() - startedAt, found: String(error.stack ?? error) });
      console.log(`FAIL ${name}: ${error.stack ?? error}`);
      throw error;
    }
  }

  write() {
    const { steps, figures, troubles, failure } = this;
    writeFileSync(this.file, `${JSON.stringify({ steps, figures, troubles, failure }, null, 2)}\n`);
  }
}

/** Runs a script with a browser and a report, whatever happens in it. */
export async function run(script) {
  const options = settings();
  const report = new Report(options.report);
  let browser;
  try {
    browser = await launch(options);
    report.figures.chromium = browser.version();
    await script({ ...options, browser, report });
  } catch (error) {
    report.failure = String(error.stack ?? error);
    console.log(report.failure);
    process.exitCode = 1;
  } finally {
    await browser?.close();
    report.write();
  }
}

/** Asks until the answer satisfies, or says what the last answer was. */
export async function until(what, ask, satisfies, { within = 15_000, every = 100 } = {}) {
  const deadline = Date.now() + within;
  let last;
  do {
    last = await ask();
    if (satisfies(last)) return last;
    await new Promise((resolve) => setTimeout(resolve, every));
  } while (Date.now() < deadline);
  throw new Error(`${what}: not within ${within} ms; the last answer was ${JSON.stringify(last)}`);
}

/** Throws with words when a condition does not hold. */
export function expect(condition, words) {
  if (!condition) throw new Error(words);
}
