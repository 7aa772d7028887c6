/** The browser of the tests, with fresh profiles. */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { remote } from './remote.js';

/** `chromium`, `firefox` or `webkit`. */
export const BROWSER = process.env.PUSH_BROWSER ?? 'chromium';

/** Of a test that stops, freezes, caches or disconnects pages. */
export const NEEDS_DRIVER = {
  skip: BROWSER !== 'chromium' && 'no driver steers this browser',
};

const BINARY = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(
  existsSync,
);

/**
 * Pages are to be frozen and cached as a user's are: no emulated focus, and
 * the back/forward cache stays on. Each has its own process: one that is
 * stopped or killed must not be another's too.
 */
const driven = () =>
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

export const launch = () =>
  BROWSER === 'chromium' ? driven() : remote(BROWSER);
