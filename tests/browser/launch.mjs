// The browser, with a profile of its own for each start. It is $CHROMIUM or /usr/bin/chromium.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const profiles = [];

export async function launch(width, height, javaScriptEnabled) {
  const profile = mkdtempSync(join(tmpdir(), 'causeway-browser-'));
  profiles.push(profile);
  return chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: flags,
    viewport: { width, height },
    javaScriptEnabled,
  });
}

export function tidy() {
  profiles.forEach((profile) => rmSync(profile, { recursive: true, force: true, maxRetries: 3 }));
}
