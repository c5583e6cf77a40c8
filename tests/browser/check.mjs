// Opens pages in a browser and fails on anything that would keep a person out.
//
// Usage: node check.mjs '[{"name":"form","url":"http://…","public":true,"cookies":[{"name":"s","value":"x"}]}]' OUT_DIR
// (or @file.json instead of the list). For each page at 1280 and 390 px, with script on and off, it wants: a 2xx
// answer (or the page's own "status"), no policy violation, no console error, no request to another origin, no
// sideways scroll (also at 320 px, and with text at twice its size at 390 px), targets of 44 px on public pages and 32 px
// on staff pages, and no finding of axe with every <details> open. It walks the page with Tab and wants a ring of
// 2 px or more at each stop. It saves a picture per page and width, prints one JSON result, and exits with 1 if
// anything failed. The browser is $CHROMIUM or /usr/bin/chromium.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { launch, tidy } from './launch.mjs';

// With a third argument '{"form":URL,"claim":URL,"worklist":URL,"repairs":URL,"cookies":[…]}' a person without script also sends the form: once
// with a mistake, once mended, up to the page that confirms it; and a member of staff claims an inquiry, and mends one.
const [listed, out = 'out', walked] = process.argv.slice(2);
if (!listed) {
  console.error("usage: node check.mjs '[{\"name\":…,\"url\":…}]' OUT_DIR");
  process.exit(2);
}
const pages = JSON.parse(listed.startsWith('@') ? readFileSync(listed.slice(1), 'utf8') : listed);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
mkdirSync(out, { recursive: true });

// A tab that writes down what goes wrong while a page loads.
async function open(context, page) {
  const origin = new URL(page.url).origin;
  const failures = [];
  if (page.cookies) await context.addCookies(page.cookies.map((cookie) => ({ url: origin, ...cookie })));
  const tab = await context.newPage();
  tab.on('console', (line) => {
    const expected = page.status && line.text().includes(`status of ${page.status}`);
    if (['error', 'warning'].includes(line.type()) && !expected) failures.push(`console: ${line.text().slice(0, 200)}`);
  });
  tab.on('pageerror', (error) => failures.push(`script error: ${error.message.slice(0, 200)}`));
  tab.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) failures.push(`request to another origin: ${request.url()}`);
  });
  tab.on('response', (response) => {
    const wanted = response.url() === page.url && page.status ? response.status() === page.status : response.status() < 400;
    if (!wanted) failures.push(`answer ${response.status()} for ${new URL(response.url()).pathname}`);
  });
  await tab.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) =>
      window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample ?? ''}`),
    );
  });
  await tab.goto(page.url, { waitUntil: 'load' });
  return { tab, failures };
}

const overflow = (tab) => tab.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

// Controls smaller than the floor. A link inside a sentence is exempt; a box counts with its whole label.
function smallTargets(least) {
  const seen = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && getComputedStyle(element).visibility !== 'hidden' && box.right > 0;
  };
  return [...document.querySelectorAll('a[href],button,select,textarea,input:not([type=hidden]),summary')]
    .filter(seen)
    .filter((element) => !(element.matches('a') && getComputedStyle(element).display === 'inline'))
    .map((element) => {
      const target = element.matches('[type=radio],[type=checkbox]') ? (element.closest('label') ?? element) : element;
      const box = target.getBoundingClientRect();
      const words = (element.innerText || element.name || element.id || '').slice(0, 30).replaceAll('\n', ' ');
      return { words, width: Math.round(box.width), height: Math.round(box.height) };
    })
    .filter((target) => target.height < least || target.width < 24);
}

async function walk(tab) {
  let stops = 0;
  const bare = [];
  await tab.evaluate(() => {
    document.activeElement?.blur();
    window.scrollTo(0, 0);
  });
  const visited = new Set();
  for (let step = 0; step < 250; step += 1) {
    await tab.keyboard.press('Tab');
    const stop = await tab.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const style = getComputedStyle(element);
      return {
        place: [...document.querySelectorAll('*')].indexOf(element),
        words: (element.innerText || element.name || element.id || element.tagName).slice(0, 30),
        ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
      };
    });
    if (!stop || visited.has(stop.place)) break;
    visited.add(stop.place);
    stops += 1;
    if (!stop.ring) bare.push(stop.words);
  }
  return { stops, bare };
}

async function checkWithScript(context, page, width) {
  const { tab, failures } = await open(context, page);
  await tab.evaluate(() => document.fonts.ready);
  await tab.screenshot({ path: join(out, `${page.name}-${width}.png`), fullPage: true });
  await tab.evaluate(() => document.querySelectorAll('details').forEach((part) => (part.open = true)));
  if (await overflow(tab) > 0) failures.push(`scrolls sideways at ${width} px`);
  const least = page.public || width < 600 ? 44 : 32;
  for (const small of await tab.evaluate(smallTargets, least)) {
    failures.push(`target "${small.words}" is ${small.width}×${small.height} px, wants ${least}`);
  }
  const { stops, bare } = await walk(tab);
  for (const words of bare) failures.push(`no focus ring on "${words}"`);
  for (const violation of await tab.evaluate(() => window.violations)) failures.push(`policy: ${violation}`);
  await tab.evaluate(`${axe};void 0`);
  const found = await tab.evaluate((values) => axe.run(document, { runOnly: { type: 'tag', values } }), rules);
  for (const violation of found.violations) {
    const where = violation.nodes.slice(0, 3).map((node) => node.target.join(' '));
    failures.push(`axe ${violation.id} ×${violation.nodes.length}: ${where.join(' | ')}`);
  }
  if (width === 390) {
    await tab.setViewportSize({ width: 320, height: 640 });
    if (await overflow(tab) > 0) failures.push('scrolls sideways at 320 px');
    if (page.public) {
      await tab.setViewportSize({ width: 390, height: 844 });
      await tab.evaluate(() => {
        const large = new CSSStyleSheet();
        large.replaceSync('html{font-size:200%!important}');
        document.adoptedStyleSheets = [large];
      });
      if (await overflow(tab) > 0) failures.push('scrolls sideways at 390 px with text at twice its size');
    }
  }
  await tab.close();
  return { name: page.name, width, script: true, stops, passes: found.passes.length, review: found.incomplete.map((rule) => rule.id), failures };
}

async function checkWithoutScript(context, page, width) {
  const { tab, failures } = await open(context, page);
  const headings = await tab.locator('h1').count();
  if (headings !== 1) failures.push(`${headings} first headings without script`);
  await tab.close();
  return { name: page.name, width, script: false, failures };
}

// The form as a person without script fills it.
async function sendForm(context, form) {
  const { tab, failures } = await open(context, { url: form });
  const want = (holds, what) => {
    if (!holds) failures.push(what);
  };
  await tab.locator('input[name=who][value=patient]').check();
  await tab.locator('input[name=email]').fill('browserthree@example.org');
  await tab.locator('select[name=cancer_area], input[name=cancer_area]').first().evaluate((field) => field.tagName).then((tag) =>
    tag === 'SELECT'
      ? tab.locator('select[name=cancer_area]').selectOption('gi')
      : tab.locator('input[name=cancer_area][value=gi]').check(),
  );
  await tab.locator('input[name=consent_email]').check();
  await tab.locator('form button[type=submit]').last().click();
  want(tab.url() === form, `a form with a mistake leads to ${tab.url()}`);
  want((await tab.locator('#err-sum').count()) === 1, 'no summary of mistakes stands above the form');
  want((await tab.locator('.err input[name=name]').count()) === 1, 'the mistake is not told beside its question');
  want((await tab.locator('input[name=email]').inputValue()) === 'browserthree@example.org', 'the answers are gone');
  failures.splice(0, failures.length, ...failures.filter((failure) => !failure.includes('422')));
  await tab.locator('input[name=name]').fill('Testpatient Browserthree');
  await tab.locator('form button[type=submit]').last().click();
  want(new URL(tab.url()).pathname.endsWith('/done'), `a mended form leads to ${tab.url()}`);
  want((await tab.locator('.done strong').count()) > 0, 'the confirmation names no number');
  await tab.close();
  return { name: 'walk-form', script: false, failures };
}

// Files as a person sends them by the link: one that is fine, and one that is none.
async function sendFiles(context, own, script) {
  const { tab, failures } = await open(context, { url: own });
  const pdf = Buffer.from(`%PDF-1.4\n(sent ${script ? 'with' : 'without'} script)${'x'.repeat(3e6)}\nstartxref\n9\n%%EOF\n`);
  const program = Buffer.from(`MZ\x90\0${'x'.repeat(3e6)}`);
  await tab.locator('#file').setInputFiles([
    { name: 'report.pdf', mimeType: 'application/pdf', buffer: pdf },
    { name: 'renamed.pdf', mimeType: 'application/pdf', buffer: program },
  ]);
  await tab.locator('form[enctype] button[type=submit]').click();
  await tab.waitForURL(/\/records$/);
  const told = await tab.locator('main').innerText();
  for (const words of ['We have your file.', 'renamed.pdf (4 MB): This file is a program', 'Files you sent']) {
    if (!told.includes(words)) failures.push(`after sending files "${words}" is not said: ${told.slice(0, 200)}`);
  }
  // A file that is refused is an answer of the server, not a mistake of the page.
  const rest = failures.filter((failure) => !failure.includes('422'));
  await tab.close();
  return { name: 'walk-files', script, failures: rest };
}

// The claim of a member of staff, and the funnel afterwards.
async function claim(context, walk) {
  const { tab, failures } = await open(context, { url: walk.claim, cookies: walk.cookies });
  await tab.getByRole('button', { name: /^Claim/ }).first().click();
  if ((await tab.getByRole('button', { name: /^Release/ }).count()) === 0) failures.push('claimed, but it can not be released');
  await tab.goto(new URL('/funnel', walk.claim).href);
  if ((await tab.locator('main table tbody tr').count()) === 0) failures.push('the funnel shows no row without script');
  await tab.close();
  return { name: 'walk-claim', script: false, failures };
}

// The note's draft is kept while it is typed, also by who never leaves the field and by a slow line: what was typed last is kept.
async function draft(context, walk) {
  const { tab, failures } = await open(context, { url: walk.claim, cookies: walk.cookies });
  let first = true;
  await tab.route('**/draft', async (route) => {
    const slow = first;
    first = false;
    if (slow) await new Promise((done) => setTimeout(done, 5000));
    await route.continue();
  });
  const field = tab.locator('#note-diagnosis');
  const kept = () => tab.waitForResponse((answer) => answer.url().endsWith('/draft') && answer.request().postData().includes('three'));
  await field.focus();
  const last = kept();
  for (const word of ['one ', 'two ', 'three']) {
    await tab.keyboard.type(word);
    await tab.waitForTimeout(1300);
  }
  const status = await last.then((answer) => answer.status(), () => 0);
  if (status !== 204) failures.push(`a draft that is typed is answered with ${status}`);
  await tab.waitForTimeout(500);
  await tab.reload();
  const typed = await field.inputValue();
  if (typed !== 'one two three') failures.push(`of the draft "${typed}" was kept`);
  if (!(await tab.locator('main').innerText()).includes('Your draft of')) failures.push('it is not said that a draft is shown');
  await tab.getByRole('button', { name: 'Drop the draft' }).click();
  if ((await field.inputValue()) !== '') failures.push('a dropped draft is still shown');
  await tab.close();
  return { name: 'walk-draft', script: true, failures };
}

// The worklist's rows refresh in place: nobody loses their place, and nothing moves under who is inside the list.
async function refresh(context, walk) {
  const { tab, failures } = await open(context, { url: walk.worklist, cookies: walk.cookies });
  const want = (holds, words) => holds || failures.push(words);
  want(await tab.evaluate(() => Boolean(window.htmx)), 'the staff pages have no htmx');
  want(await tab.evaluate(() => document.fonts.ready.then(() => [...document.fonts].some((font) => font.status === 'loaded'))), 'the font is not loaded');
  await tab.clock.install();
  await tab.reload();
  // A row that was changed here only: the server's words come back, into the same row.
  const spoil = () => tab.evaluate(() => {
    const row = document.querySelector('#rows tr');
    row.kept = true;
    row.querySelector('small').textContent = 'stale';
  });
  const stale = () => tab.evaluate(() => document.querySelector('#rows tr small').textContent === 'stale');
  const same = () => tab.evaluate(() => document.querySelector('#rows tr').kept === true);
  await spoil();
  await tab.locator('#rows a').first().focus();
  await tab.clock.fastForward(31000);
  await new Promise((done) => setTimeout(done, 500));
  want(await stale(), 'the list changed under somebody who is inside it');
  const asked = tab.waitForResponse((answer) => answer.url().includes('part=rows'));
  await tab.evaluate(() => document.getElementById('rows').dispatchEvent(new Event('refresh')));
  want((await asked).status() === 200, 'the rows are not answered');
  await tab.waitForFunction(() => document.querySelector('#rows tr small').textContent !== 'stale', null, { timeout: 10000 }).catch(() => failures.push('the rows did not change'));
  want(await same(), 'a row that stays was made anew');
  want(await tab.evaluate(() => document.activeElement?.matches('#rows a')), 'the refresh took the focus away');
  await spoil();
  await tab.evaluate(() => document.activeElement.blur());
  await tab.clock.fastForward(31000);
  await new Promise((done) => setTimeout(done, 500));
  want(await stale(), 'the list is asked for although nobody has been there for a minute');
  // That is said. Who presses the button has it all fresh, also what counts the rows; a row that was not there is told.
  const said = () => tab.locator('.head').innerText();
  want((await said()).includes('Paused.'), 'it is not said that the list stands still');
  await tab.evaluate(() => {
    for (const place of ['#as-of', '#figures dd', '#views b', '#caption']) document.querySelector(place).textContent = 'stale';
    document.querySelector('#rows tr').id = 'i-another';
  });
  await tab.getByRole('button', { name: 'Press to refresh' }).click();
  await tab.waitForFunction(() => document.getElementById('came').textContent === '1 new', null, { timeout: 10000 }).catch(() => failures.push('a new row is not told'));
  for (const place of ['#as-of', '#figures dd', '#views b', '#caption'])
    want((await tab.locator(place).first().innerText()) !== 'stale', `${place} does not refresh with the rows`);
  want(!(await said()).includes('Paused.'), 'the list is fresh and said to stand still');
  want(await tab.evaluate(() => document.activeElement !== document.body), 'the button took the focus with it');
  await spoil();
  await tab.keyboard.press('Shift');
  await tab.clock.fastForward(31000);
  await tab.waitForFunction(() => document.querySelector('#rows tr small').textContent !== 'stale', null, { timeout: 10000 }).catch(() => failures.push('the rows do not refresh by themselves'));
  want(await tab.evaluate(() => document.getElementById('came').textContent === ''), 'the same rows are told as new');
  for (const violation of await tab.evaluate(() => window.violations)) failures.push(`policy: ${violation}`);
  await tab.close();
  return { name: 'walk-refresh', script: true, failures };
}

// The script of a call, as somebody says it.
async function callScript(context, walk) {
  const { tab, failures } = await open(context, { url: walk.claim, cookies: walk.cookies });
  const said = await tab.locator('.script').first().innerText();
  if (!said.includes('Testpatient browsertwo')) failures.push(`the script does not say the name: ${said.slice(0, 200)}`);
  if (/_____|\{\{|\.\.|Step \d/.test(said)) failures.push(`the script has a hole: ${said}`);
  await tab.close();
  return { name: 'walk-script', script: false, failures };
}

// An inquiry of the repair queue is mended: once with a phone that is none, then with one that is.
async function mend(context, walk) {
  const { tab, failures } = await open(context, { url: walk.repairs, cookies: walk.cookies });
  const want = (holds, words) => holds || failures.push(words);
  const row = tab.locator('tbody tr', { hasText: 'An answer that can’t be read' }).first();
  await row.getByRole('link', { name: /^Open/ }).click();
  want((await tab.locator('.err input[name=phone]').count()) === 1, 'the fault is not told beside its answer');
  const save = tab.getByRole('button', { name: 'Save the mended answers' });
  await tab.locator('input[name=phone]').fill('13');
  await save.click();
  want((await tab.locator('#err-sum').count()) === 1, 'no summary of faults stands above the form');
  want((await tab.locator('input[name=phone]').inputValue()) === '13', 'what was typed is gone');
  failures.splice(0, failures.length, ...failures.filter((failure) => !failure.includes('422')));
  await tab.locator('input[name=phone]').fill('206 555 0142');
  await save.click();
  want(new URL(tab.url()).pathname === '/repairs', `a mended inquiry leads to ${tab.url()}`);
  const said = await tab.locator('main').innerText();
  want(said.includes('are mended.'), `it is not said that it is mended: ${said.slice(0, 200)}`);
  want((await tab.locator('tbody tr').count()) === 6, 'what is mended is still listed');
  await tab.close();
  return { name: 'walk-mend', script: false, failures };
}

// A change of a referral is taken over, answer by answer, and papers are put to the inquiry that they belong to.
async function finish(context, walk) {
  const { tab, failures } = await open(context, { url: walk.repairs, cookies: walk.cookies });
  const want = (holds, words) => holds || failures.push(words);
  const row = (words) => tab.locator('tbody tr', { hasText: words }).first().getByRole('link', { name: /^Open/ });
  await row('A change to a referral').click();
  const told = await tab.locator('main').innerText();
  want(told.includes('5550199') && told.includes('5550177'), `the old and the new phone do not stand side by side: ${told.slice(0, 400)}`);
  await tab.getByRole('button', { name: 'Take over what is chosen' }).click();
  want((await tab.locator('main').innerText()).includes('Choose at least one answer'), 'nothing chosen is not told');
  await tab.locator('input[name=take-phone]').check();
  await tab.getByRole('button', { name: 'Take over what is chosen' }).click();
  want(new URL(tab.url()).pathname === '/repairs', `what is taken over leads to ${tab.url()}`);
  want((await tab.locator('main').innerText()).includes('says now what you chose'), 'it is not said that it is taken over');

  await row('Papers for a referral').click();
  const belongs = tab.getByRole('button', { name: /^It belongs here/ });
  // The person index reads in the background.
  for (let tries = 0; tries < 60 && (await belongs.count()) === 0; tries += 1) {
    await tab.waitForTimeout(500);
    await tab.reload();
  }
  want((await belongs.count()) === 1, 'the inquiry that the papers belong to is not named');
  await belongs.first().click();
  want(new URL(tab.url()).pathname === '/repairs', `papers that are put to their inquiry lead to ${tab.url()}`);
  want((await tab.locator('main').innerText()).includes('It is put to '), 'it is not said to which inquiry they are put');
  want((await tab.locator('tbody tr').count()) === 4, 'what is finished is still listed');
  await tab.close();
  return { name: 'walk-finish', script: false, failures };
}

const results = [];
if (walked) {
  const walk = JSON.parse(walked);
  const context = await launch(390, 844, false);
  const scripted = await launch(390, 844, true);
  for (const step of [
    () => sendForm(context, walk.form),
    () => sendFiles(context, walk.own, false),
    () => sendFiles(scripted, walk.own, true),
    () => callScript(context, walk),
    () => claim(context, walk),
    () => draft(scripted, walk),
    () => refresh(scripted, walk),
    () => mend(context, walk),
    () => finish(context, walk),
  ]) {
    try {
      results.push(await step());
    } catch (error) {
      results.push({ name: 'walk', script: false, failures: [`could not be walked: ${error.message}`] });
    }
  }
  await scripted.close();
  await context.close();
}
try {
  for (const [width, height] of [[1280, 900], [390, 844]]) {
    for (const script of [true, false]) {
      const context = await launch(width, height, script);
      for (const page of pages) {
        const check = script ? checkWithScript : checkWithoutScript;
        try {
          results.push(await check(context, page, width));
        } catch (error) {
          results.push({ name: page.name, width, script, failures: [`could not be checked: ${error.message}`] });
        }
        await context.clearCookies();
      }
      await context.close();
    }
  }
} finally {
  tidy();
}
const failed = results.filter((result) => result.failures.length > 0);
console.log(JSON.stringify({ ok: failed.length === 0, pages: pages.length, checks: results.length, failed: failed.length, results }));
process.exit(failed.length === 0 ? 0 : 1);
