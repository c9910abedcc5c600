// The two chairs: one press, and a call goes from ringing to hanging up, with media both ways and the exchange's own events.

import { expect, openContext, until } from '../support.mjs';
import { Tab } from '../tab.mjs';

const STEPS = ['Alice calls', 'It rings at Bob', 'Bob accepts', 'Alice mutes', 'Alice holds', 'Alice resumes', 'Alice hangs up'];
const TOGETHER_LIMIT_MS = 15_000;

export async function demo(stage) {
  const { report, browser, origin, troubles } = stage;
  // Nobody gives this page a camera: what it shows is made.
  const context = await openContext(browser, { origin, troubles, permissions: [] });
  const tab = await Tab.open({ ...stage, context });

  await report.step('demo: found from the start page, without signing in', async () => {
    await tab.page.getByRole('link', { name: 'Watch a call in ten seconds, alone in this tab' }).click();
    await tab.page.getByRole('heading', { name: 'Two chairs' }).waitFor();
    await tab.page.evaluate(() => {
      globalThis.stepsSeen = [];
      globalThis.statesSeen = { alice: [], bob: [] };
      const note = (list, words) => { if (words && list.at(-1) !== words) list.push(words); };
      new MutationObserver(() => {
        note(globalThis.stepsSeen, document.querySelector('[aria-current=step]')?.textContent);
        const [alice, bob] = [...document.querySelectorAll('.demo-state')].map(({ textContent }) => textContent);
        note(globalThis.statesSeen.alice, alice);
        note(globalThis.statesSeen.bob, bob);
      }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
    });
  });

  await report.step('demo: one press runs the call, and each sees and hears the other', async () => {
    const begun = Date.now();
    await tab.press('Run the call');
    await tab.page.locator('[aria-current=step]', { hasText: 'Bob accepts' }).waitFor();
    await tab.sees('red');
    await tab.sees('blue');
    // Bob receives Alice's tone, Alice Bob's: one of the two is the stronger.
    await until('a tone is received', () => tab.page.evaluate(() => globalThis.probe.heard()), ({ hertz, level }) => level > 0.02 && (Math.abs(hertz - 440) < 12 || Math.abs(hertz - 660) < 12));
    await tab.picture('demo-running');
    await tab.button('Run it again').waitFor();
    const ms = Date.now() - begun;
    expect(ms < TOGETHER_LIMIT_MS, `it took ${ms} ms`);
    return { ms };
  });

  await report.step('demo: every step was shown, and what each side saw of it', async () => {
    const { steps, states } = await tab.page.evaluate(() => ({ steps: globalThis.stepsSeen, states: globalThis.statesSeen }));
    expect(steps.join() === STEPS.join(), `the steps were ${steps}`);
    const inOrder = (seen, wanted) => wanted.reduce((from, words) => (from < 0 ? from : seen.indexOf(words, from)), 0) >= 0;
    expect(inOrder(states.alice, ['Ringing…', 'Connected', 'Connected · muted', 'On hold · muted', 'Connected · muted', 'Ended · muted']), `alice was ${states.alice}`);
    expect(inOrder(states.bob, ['Ready', 'Ringing…', 'Connected', 'The other side holds', 'Connected', 'Ended']), `bob was ${states.bob}`);
    return states;
  });

  await report.step('demo: the log has the events of the call by growing numbers, to its end', async () => {
    const rows = tab.page.locator('.timeline tbody tr');
    await rows.filter({ hasText: 'callEnded' }).waitFor();
    const seqs = (await tab.page.locator('.timeline tbody td:first-child').allTextContents()).map(Number);
    expect(seqs.length > 8 && seqs.every((seq, index) => index === 0 || seq > seqs[index - 1]), `the numbers are ${seqs}`);
    const details = await tab.page.locator('.timeline tbody tr', { hasText: 'callStateChanged' }).locator('td:last-child').allTextContents();
    expect(details.every((words) => /^(Alice Archer|Bob Baker): /.test(words)), `somebody has no name: ${details}`);
    await tab.picture('demo-done');
    return { events: seqs.length };
  });

  await report.step('demo: it runs again', async () => {
    await tab.press('Run it again');
    await tab.page.locator('[aria-current=step]', { hasText: 'Alice hangs up' }).waitFor();
    await tab.button('Run it again').waitFor();
    expect(await tab.page.getByRole('alert').count() === 0, 'something is complained about');
  });
  await tab.close();
  await context.close();

  await report.step('demo: with devices where there are some', async () => {
    const real = await Tab.open(stage, { color: 'lime' }, '#/demo');
    await real.page.getByLabel('Use my camera and microphone').check();
    await real.press('Run the call');
    await real.sees('lime');
    await real.button('Run it again').waitFor();
    await real.page.getByRole('link', { name: 'To the app' }).click();
    await real.shows('Alice Archer');
    await real.close();
  });
}
