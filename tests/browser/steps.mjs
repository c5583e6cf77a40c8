// One person's way through the pages, step by step, in a browser of their own.
//
// Usage: node steps.mjs @FILE. The file holds { width, height, script, picture, steps: [{ go: URL } | { fill: [SELECTOR, TEXT] } |
// { answer: [NAME, VALUE] } | { choose: [SELECTOR, VALUE] } | { press: LABEL, in: WORDS } | { follow: LABEL } | { open: LABEL } |
// { files: [SELECTOR, NAMES] } | { see: WORDS } | { unseen: WORDS } | { at: PATH } | { wait: MILLISECONDS } |
// { keep: NAME, of: SELECTOR }] }. Prints what was kept and what went wrong, as JSON; a step that goes wrong is the last one.
import { readFileSync } from 'node:fs';
import { launch, tidy } from './launch.mjs';

const way = JSON.parse(readFileSync(process.argv[2].slice(1), 'utf8'));
const told = { kept: {}, failures: [] };
const PATIENCE = 30000;

const paper = (name) => ({
  name,
  mimeType: 'application/pdf',
  buffer: Buffer.from(`%PDF-1.4\n(${name})${'x'.repeat(2000)}\nstartxref\n9\n%%EOF\n`),
});

// Letters, so that a label may hold any sign.
const exactly = (label) => new RegExp(`^${label.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`);

const smooth = (text) => text.replace(/\s+/g, ' ');

async function words(tab) {
  return smooth(await tab.locator('main').innerText());
}

async function seen(tab, wanted) {
  for (const until = Date.now() + PATIENCE; ; ) {
    const text = await words(tab);
    if (text.includes(wanted)) return;
    if (Date.now() > until) throw new Error(`"${wanted}" is not said`);
    // What comes by the bus is there a moment later; a person looks again.
    await new Promise((done) => setTimeout(done, 500));
    await tab.reload();
  }
}

// A question with few answers is a list of buttons, one with many a list to open.
async function answer(tab, name, value) {
  const list = tab.locator(`select[name=${name}]`);
  if ((await list.count()) > 0) await list.selectOption(value);
  else await tab.locator(`input[name=${name}][value=${value}]`).check({ timeout: PATIENCE });
}

async function step(tab, one) {
  if (one.go) {
    const answer = await tab.goto(one.go);
    if (answer.status() !== 200) throw new Error(`answered with ${answer.status()}`);
  } else if (one.fill) await tab.locator(one.fill[0]).fill(one.fill[1], { timeout: PATIENCE });
  else if (one.answer) await answer(tab, ...one.answer);
  else if (one.choose) await tab.locator(one.choose[0]).selectOption(one.choose[1], { timeout: PATIENCE });
  else if (one.press) {
    const button = tab.getByRole('button', { name: exactly(one.press) });
    const holds = tab.locator('li, tr, form, section').filter({ hasText: one.in ?? '' }).filter({ has: button });
    const within = one.in ? holds.last() : tab.locator('body');
    await within.getByRole('button', { name: exactly(one.press) }).first().click({ timeout: PATIENCE });
    await tab.waitForLoadState();
  } else if (one.follow) {
    await tab.getByRole('link', { name: exactly(one.follow) }).first().click({ timeout: PATIENCE });
    await tab.waitForLoadState();
  } else if (one.open) await tab.locator('summary').filter({ hasText: one.open }).first().click({ timeout: PATIENCE });
  else if (one.files) await tab.locator(one.files[0]).setInputFiles(one.files[1].map(paper));
  else if (one.see) await seen(tab, smooth(one.see));
  else if (one.unseen) {
    if ((await words(tab)).includes(smooth(one.unseen))) throw new Error(`"${one.unseen}" is said`);
  } else if (one.at) await tab.waitForURL(new RegExp(one.at), { timeout: PATIENCE });
  else if (one.wait) await tab.waitForTimeout(one.wait);
  else if (one.keep) told.kept[one.keep] = smooth(await tab.locator(one.of).first().innerText({ timeout: PATIENCE }));
  else throw new Error('no such step');
}

try {
  const context = await launch(way.width, way.height, way.script);
  const tab = await context.newPage();
  tab.on('pageerror', (error) => told.failures.push(`script error: ${error.message}`));
  for (const [number, one] of way.steps.entries()) {
    try {
      await step(tab, one);
    } catch (error) {
      const text = await words(tab).catch(() => '');
      told.failures.push(`step ${number} ${JSON.stringify(one)}: ${error.message}; at ${tab.url()}: ${text.slice(0, 1500)}`);
      break;
    }
  }
  if (way.picture) await tab.screenshot({ path: way.picture, fullPage: true });
  told.url = tab.url();
  await context.close();
} catch (error) {
  told.failures.push(`could not be walked: ${error.message}`);
} finally {
  tidy();
}
console.log(JSON.stringify(told));
process.exit(told.failures.length === 0 ? 0 : 1);
