// One JSON line for each check and each event, and a sum at the end.

import { createInterface } from "node:readline";
import { isDeepStrictEqual } from "node:util";

export class Report {
  made = 0;
  failed = 0;
  suite = "";
  #answers = null;

  /** Asks whoever runs the script for something; the next line of the input is the answer. */
  async ask(question) {
    this.#answers ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    console.log(JSON.stringify({ suite: this.suite, ask: question }));
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`nobody answers: ${question}`);
    return value;
  }

  /** Prints what came. */
  event(listener, name, key) {
    const at = Math.round(performance.now());
    console.log(JSON.stringify({ suite: this.suite, at, listener, event: name, key }));
  }

  /** Notes whether something is as it should be; `found` says what was there instead. */
  check(name, isOk, found) {
    this.made += 1;
    const line = { suite: this.suite, check: name, ok: Boolean(isOk) };
    if (!isOk) {
      this.failed += 1;
      line.found = String(found instanceof Error ? found.stack : JSON.stringify(found)).slice(0, 2000);
    }
    console.log(JSON.stringify(line));
  }

  /** Notes whether two values are equal. */
  equal(name, found, expected) {
    this.check(name, isDeepStrictEqual(found, expected), { found, expected });
  }

  /** Prints figures. */
  figures(figures) {
    console.log(JSON.stringify({ suite: this.suite, ...figures }));
  }

  /** Prints the sum and returns the exit code. */
  end() {
    const seconds = Math.round(performance.now()) / 1000;
    console.log(JSON.stringify({ done: true, checks: this.made, failed: this.failed, seconds }));
    return this.failed === 0 ? 0 : 1;
  }
}
