// One person's tab: what a test does there and what it finds.

import path from 'node:path';

import { expect, until } from './support.mjs';

/** Received bins are 6 Hz wide and Opus keeps a sine where it is. */
const TONE_TOLERANCE_HZ = 12;
/** A tone arrives at some 0.28 RMS; what a decoder makes of nothing is far below this. */
const AUDIBLE = 0.02;
const SILENT = 0.002;

const COLORS = {
  red: ([r, g, b]) => r > 170 && g < 90 && b < 90,
  blue: ([r, g, b]) => b > 170 && r < 90 && g < 90,
  lime: ([r, g, b]) => g > 170 && r < 90 && b < 90,
};

export class Tab {
  /** Opens the app with these parameters of its address. */
  static async open({ context, origin, pictures }, parameters = {}, fragment = '') {
    const page = await context.newPage();
    await page.goto(`${origin}/app/?${new URLSearchParams(parameters)}${fragment}`);
    return new Tab(page, { name: parameters.as ?? 'somebody', pictures });
  }

  constructor(page, { name, pictures }) {
    Object.assign(this, { page, name, pictures });
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true }).first();
  }

  press(name) {
    return this.button(name).click();
  }

  shows(words) {
    return this.page.getByText(words).first().waitFor();
  }

  /** Waits until a call is in this state, as its page says in words. */
  isIn(words) {
    return this.page.locator('.call-title [role=status]', { hasText: words }).waitFor();
  }

  hears(hertz) {
    return until(`${this.name} hears ${hertz} Hz`, () => this.page.evaluate(() => globalThis.probe.heard()),
      ({ hertz: found, level }) => level > AUDIBLE && Math.abs(found - hertz) <= TONE_TOLERANCE_HZ);
  }

  silence() {
    return until(`${this.name} hears nothing`, () => this.page.evaluate(() => globalThis.probe.heard()), ({ level }) => level < SILENT);
  }

  sees(color) {
    return until(`${this.name} sees ${color}`, () => this.page.evaluate(() => globalThis.probe.seen()), (found) => found.some(COLORS[color]));
  }

  seesNo(color) {
    return until(`${this.name} sees no ${color}`, () => this.page.evaluate(() => globalThis.probe.seen()), (found) => !found.some(COLORS[color]));
  }

  async picture(name) {
    await this.page.waitForTimeout(300);
    return this.page.screenshot({ path: path.join(this.pictures, `${name}.png`) });
  }

  async close() {
    const violations = await this.page.evaluate(() => globalThis.probe.violations);
    expect(violations.length === 0, `${this.name}: the policy was violated: ${[...new Set(violations)].join(', ')}`);
    // Whoever is in a call is asked whether to leave; the test does not ask.
    await this.page.close({ runBeforeUnload: false });
  }
}
