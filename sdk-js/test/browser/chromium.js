/** A headless Chromium with a fresh profile, and the pages of the tests. */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const BINARY = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(
  existsSync,
);

/**
 * Pages are to be frozen and cached as a user's are: no emulated focus, and
 * the back/forward cache stays on. Each has its own process: one that is
 * stopped or killed must not be another's too.
 */
export const launch = () =>
  chromium.launch({
    executablePath: BINARY,
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--renderer-process-limit=100',
    ],
  });
