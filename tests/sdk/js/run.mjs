// Drives the official, unmodified JavaScript SDKs against an exchange; see ../README.md.

import { Report, checkCoverage, within } from "./checks.mjs";
import * as chat from "./chat.mjs";
import * as identity from "./identity.mjs";
import * as numbers from "./numbers.mjs";
import * as rooms from "./rooms.mjs";

const suites = { identity, chat, rooms, numbers };

// Each suite takes seconds; this is for an exchange that hangs.
const LIMIT_SECONDS = 120;

const names = process.argv.slice(2);
const reports = [];
const begun = Date.now();
for (const name of names.length ? names : Object.keys(suites)) {
  const report = new Report(`js/${name}`);
  reports.push(report);
  try {
    await within(LIMIT_SECONDS, suites[name].run(report));
  } catch (error) {
    report.check("the suite runs to its end", false, error);
  }
  checkCoverage(report, name);
}
const checks = reports.reduce((sum, report) => sum + report.made, 0);
const failed = reports.reduce((sum, report) => sum + report.failed, 0);
console.log(JSON.stringify({ done: true, checks, failed, seconds: (Date.now() - begun) / 1000 }));
process.exit(failed || !checks ? 1 : 0);
