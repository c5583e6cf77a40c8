// Sends forms that want a proof of work: with script, where a worker does it, and without.
//
// Usage: node work.mjs '{"hold":URL,"take":URL}'. Prints the request numbers by case, and what went wrong.
import { launch, tidy } from './launch.mjs';

const forms = JSON.parse(process.argv[2]);
const told = { failures: [] };

async function fill(tab, name) {
  await tab.locator('input[name=who][value=patient]').check();
  await tab.locator('input[name=email]').fill(`${name}@example.org`);
  const area = tab.locator('select[name=cancer_area]');
  if ((await area.count()) > 0) await area.selectOption('gi');
  else await tab.locator('input[name=cancer_area][value=gi]').check();
  const consult = tab.locator('input[name=consult_type][value=second_opinion]');
  if ((await consult.count()) > 0) await consult.check();
  await tab.locator('input[name=consent_email]').check();
}

const send = (tab) => tab.locator('form button[type=submit]').last().click();

async function number(tab, what) {
  await tab.waitForURL('**/done*', { timeout: 30000 }).catch(() => {});
  if (!new URL(tab.url()).pathname.endsWith('/done')) {
    told.failures.push(`${what} leads to ${tab.url()}`);
    return '';
  }
  const found = /HV-[0-9A-Z]+-[0-9A-Z]+/.exec(await tab.locator('main').innerText());
  if (!found) told.failures.push(`${what}: the confirmation names no number`);
  return found?.[0];
}

async function withScript(url) {
  const context = await launch(390, 844, true);
  const tab = await context.newPage();
  tab.on('pageerror', (error) => told.failures.push(`script error: ${error.message}`));
  tab.on('console', (line) => {
    if (['error', 'warning'].includes(line.type()) && !line.text().includes('422')) told.failures.push(line.text());
  });
  await tab.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.violatedDirective));
  });
  await tab.goto(url);
  await fill(tab, 'browserscript');
  await tab.waitForFunction(() => document.querySelector('input[name=proof]').value !== '', null, { timeout: 30000 });
  const proof = await tab.locator('input[name=proof]').inputValue();
  for (const violation of await tab.evaluate(() => window.violations)) told.failures.push(`policy: ${violation}`);
  // The name is missing: the page comes back, and its proof with it.
  await send(tab);
  await tab.locator('#err-sum').waitFor();
  if ((await tab.locator('input[name=proof]').inputValue()) !== proof) told.failures.push('the work has to be done again');
  await tab.locator('input[name=name]').fill('Testpatient Browserscript');
  await send(tab);
  told.scripted = await number(tab, 'a form with script');
  // Sent before the work can be done, here because the line is slow: the page waits for it, says so, and sends by itself.
  const begin = new URL(await tab.goto(url).then(() => tab.locator('form[data-begin]').getAttribute('data-begin')), url);
  await tab.route(begin.href, async (route) => {
    await new Promise((done) => setTimeout(done, 1500));
    await route.continue();
  });
  await fill(tab, 'browserquick');
  await tab.locator('input[name=name]').fill('Testpatient Browserquick');
  await send(tab);
  told.quick = await number(tab, 'a form that is sent at once');
  await context.close();
}

async function withoutScript(url, what) {
  const context = await launch(390, 844, false);
  const tab = await context.newPage();
  await tab.goto(url);
  await fill(tab, `browser${what}`);
  await tab.locator('input[name=name]').fill(`Testpatient Browser${what}`);
  // Nobody fills a form in within less than three seconds.
  await tab.waitForTimeout(3500);
  await send(tab);
  told[what] = await number(tab, `a form without script (${what})`);
  await context.close();
}

try {
  await withScript(forms.hold);
  await withoutScript(forms.hold, 'hold');
  await withoutScript(forms.take, 'take');
} catch (error) {
  told.failures.push(`could not be walked: ${error.message}`);
} finally {
  tidy();
}
console.log(JSON.stringify(told));
process.exit(told.failures.length === 0 ? 0 : 1);
