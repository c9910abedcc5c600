// One person's tab with a composite: what a test does there and what it finds.

import path from 'node:path';

import { expect, until } from './support.mjs';

/** Received bins are 6 Hz wide and Opus keeps a sine where it is. */
const TONE_TOLERANCE_HZ = 12;

/** A tone arrives at some 0.28 RMS; what a decoder makes of nothing is far below this. */
const AUDIBLE = 0.02;
const SILENT = 0.001;

/**
 * The chat SDK's signaling client asks for the global object by evaluating text, and does without
 * when that is forbidden.
 */
const EXPECTED_VIOLATION = 'script-src eval';

const COLORS = {
  red: ([r, g, b]) => r > 170 && g < 90 && b < 90,
  blue: ([r, g, b]) => b > 170 && r < 90 && g < 90,
  lime: ([r, g, b]) => g > 170 && r < 90 && b < 90,
  yellow: ([r, g, b]) => r > 170 && g > 170 && b < 90,
};

export class Tab {
  /** Opens the composite page with these parameters of its address. */
  static async open({ context, origin, pictures }, parameters) {
    const page = await context.newPage();
    await page.goto(`${origin}/compat/index.html?${new URLSearchParams(parameters)}`, { waitUntil: 'commit' });
    return new Tab(page, { parameters, pictures });
  }

  constructor(page, { parameters, pictures }) {
    Object.assign(this, { page, parameters, pictures });
  }

  /** The element that the library marks with this id. */
  part(id) {
    return this.page.locator(`[data-ui-id="${id}"]`).first();
  }

  button(name) {
    return this.page.getByRole('button', { name }).first();
  }

  async picture(name) {
    // What was drawn a moment ago is not painted yet on a busy machine.
    await this.page.waitForTimeout(400);
    return this.page.screenshot({ path: path.join(this.pictures, `${name}.png`) });
  }

  ask(question, ...parameters) {
    return this.page.evaluate(([name, values]) => globalThis.probe[name](...values), [question, parameters]);
  }

  state() {
    return this.ask('state');
  }

  /** Waits until the adapter's state satisfies. */
  until(what, satisfies) {
    return until(`${this.parameters.name ?? this.parameters.as}: ${what}`, () => this.state(), (state) => state && satisfies(state));
  }

  onPage(name) {
    return this.until(`the ${name} page`, ({ page }) => page === name);
  }

  /** Turns the camera and the microphone of the first page to these, and starts. */
  async start({ camera = true, microphone = true } = {}) {
    await this.part('call-composite-start-call-button').waitFor();
    await this.until('the devices', ({ cameras }) => cameras?.length > 0);
    await this.#turn('camera', camera);
    await this.#turn('microphone', microphone);
    await this.part('call-composite-start-call-button').click();
  }

  async #turn(device, wanted) {
    const read = () => this.page.evaluate((name) => {
      const { devices, isLocalPreviewMicrophoneEnabled } = globalThis.adapter.getState();
      return name === 'camera' ? devices.unparentedViews.length > 0 : isLocalPreviewMicrophoneEnabled;
    }, device);
    if (await read() !== wanted) {
      await this.part(`call-composite-local-device-settings-${device}-button`).click();
      await until(`the ${device} is ${wanted}`, read, (value) => value === wanted);
    }
  }

  /** Gives the call so many stars, or passes the question over. */
  async rate(stars) {
    if (stars === undefined) {
      await this.button('Skip').click();
      return;
    }
    await this.page.locator('.ms-Rating-button').nth(stars - 1).click();
    await this.button('Send Feedback').click();
    await this.part('thank-you-page').waitFor();
  }

  hears(hertz) {
    return until(`${this.parameters.name} hears ${hertz} Hz`, () => this.ask('heard'), ({ hertz: found, level }) => (
      level > AUDIBLE && Math.abs(found - hertz) <= TONE_TOLERANCE_HZ));
  }

  silence() {
    return until(`${this.parameters.name} hears nothing`, () => this.ask('heard'), ({ level }) => level < SILENT);
  }

  /** Waits for a picture of this colour. */
  async sees(color) {
    const seen = await until(`${this.parameters.name} sees ${color}`, () => this.ask('seen'), (found) => (
      found.some((picture) => picture.color && picture.width > 0 && COLORS[color](picture.color))));
    return seen.find((picture) => picture.color && picture.width > 0 && COLORS[color](picture.color));
  }

  seesNo(color) {
    return until(`${this.parameters.name} sees no ${color}`, () => this.ask('seen'), (found) => (
      !found.some((picture) => picture.color && COLORS[color](picture.color))));
  }

  /** Accepts what rings with video, from the menu beside the button. */
  async acceptWithVideo() {
    await this.page.locator('button[aria-haspopup="true"]').first().click();
    await this.page.getByRole('menuitem', { name: 'Accept with Video' }).click();
  }

  /** Presses the microphone button of the call, the wide part of it. */
  microphone() {
    return this.part('call-composite-microphone-button').click();
  }

  /** Presses the camera button of the call, the wide part of it. */
  camera() {
    return this.part('call-composite-camera-button').click();
  }

  /** Leaves through the button and its question. */
  async leave() {
    await this.part('call-composite-hangup-button').click();
    const confirm = this.page.getByRole('dialog').getByRole('button', { name: /^Leave$/ });
    await confirm.click({ timeout: 3_000 }).catch(() => {});
  }

  async close() {
    const found = await this.page.evaluate(() => globalThis.probe.violations);
    const violations = found.filter((violation) => violation !== EXPECTED_VIOLATION);
    expect(violations.length === 0, `the policy was violated: ${[...new Set(violations)].join(', ')}`);
    await this.page.close();
  }
}
