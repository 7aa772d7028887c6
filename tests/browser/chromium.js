/* A headless Chromium with a fresh profile. */

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const BINARY = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(
  existsSync,
);

export function launch() {
  return chromium.launch({
    executablePath: BINARY,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
