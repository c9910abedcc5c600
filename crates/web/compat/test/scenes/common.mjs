// Steps that calls of every kind have in common.

import { expect } from '../support.mjs';

/** Both are on the call page, and each hears and sees the other. */
export async function hearAndSeeEachOther(name, report, one, other) {
  await report.step(`${name}: each hears the other's tone`, async () => {
    const heard = await Promise.all([one.hears(other.parameters.tone), other.hears(one.parameters.tone)]);
    expect(await one.ask('playing') > 0 && await other.ask('playing') > 0, 'the sound is not played');
    return heard;
  });
  await report.step(`${name}: each sees the other's colour`, async () => (
    Promise.all([one.sees(other.parameters.color), other.sees(one.parameters.color)])));
}

/** Mutes and unmutes with the button, and finds silence and sound on the other side. */
export async function muteAndUnmute(name, report, one, other) {
  await report.step(`${name}: mute silences, unmute brings the tone back`, async () => {
    await one.microphone();
    await one.until('is muted', ({ isMuted }) => isMuted);
    await other.until('sees the mute', ({ remote }) => remote[0]?.isMuted);
    await other.silence();
    const before = await other.ask('received');
    await other.page.waitForTimeout(1_000);
    const after = await other.ask('received');
    await one.microphone();
    await one.until('is not muted', ({ isMuted }) => !isMuted);
    await other.until('sees it', ({ remote }) => remote[0]?.isMuted === false);
    await other.hears(one.parameters.tone);
    expect(after.audioPackets === before.audioPackets, `${after.audioPackets - before.audioPackets} packets came while muted`);
  });
}

/** Turns the camera off and on with the button. */
export async function cameraOffAndOn(name, report, one, other) {
  await report.step(`${name}: the picture goes with the camera and comes back with it`, async () => {
    await one.camera();
    await other.seesNo(one.parameters.color);
    await other.picture(`${name}-camera-off`);
    await one.camera();
    await other.sees(one.parameters.color);
  });
}

/** Shares a screen and stops, with the button. */
export async function shareAndStop(name, report, one, other) {
  await report.step(`${name}: a shared screen is shown large on the other side`, async () => {
    await one.part('call-composite-screenshare-button').click();
    await one.until('shares', ({ isScreenSharingOn }) => isScreenSharingOn);
    const shown = await other.sees(one.parameters.screen);
    await other.picture(`${name}-screen-share`);
    await one.picture(`${name}-screen-share-own`);
    await one.part('call-composite-screenshare-button').click();
    await one.until('shares no longer', ({ isScreenSharingOn }) => !isScreenSharingOn);
    await other.seesNo(one.parameters.screen);
    expect(shown.width > 400, `the shared screen is ${shown.width} pixels wide`);
    return shown;
  });
}

/** Opens the people pane, finds these names, and closes it. */
export async function lookAtPeople(name, report, tab, names) {
  await report.step(`${name}: the people pane lists everybody`, async () => {
    await tab.part('common-call-composite-people-button').click();
    const pane = tab.part('people-pane-content');
    for (const person of names) await pane.getByText(person).first().waitFor();
    await tab.picture(`${name}-people`);
    await tab.part('common-call-composite-people-button').click();
    await pane.waitFor({ state: 'hidden' });
  });
}

/** Holds from the menu and resumes from the hold page. */
export async function holdAndResume(name, report, one, other) {
  await report.step(`${name}: hold silences both ways and resume brings both back`, async () => {
    await one.part('common-call-composite-more-button').click();
    await one.page.getByRole('menuitem', { name: 'Hold call' }).click();
    await one.onPage('hold');
    await one.picture(`${name}-hold`);
    await one.silence();
    await other.silence();
    await other.picture(`${name}-held`);
    await one.part('hold-page-resume-call-button').click();
    await one.onPage('call');
    await Promise.all([one.hears(other.parameters.tone), other.hears(one.parameters.tone)]);
    await one.sees(other.parameters.color);
    // The composite itself turns the camera off when it holds, and leaves it off.
    await one.camera();
    await other.sees(one.parameters.color);
  });
}

/** Leaves through the button and lands on the page that says so, and asks how it was. */
export async function leave(name, report, tab) {
  await report.step(`${name}: leaving leads to the end page`, async () => {
    await tab.leave();
    const { endReason } = await tab.onPage('leftCall');
    await tab.part('call-composite-survey').waitFor();
    await tab.picture(`${name}-survey`);
    await tab.rate(5);
    await tab.picture(`${name}-left`);
    return endReason;
  });
}
