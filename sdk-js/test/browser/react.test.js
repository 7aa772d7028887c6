/** The React example, built as its head says, against the real module. */
import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { until } from '../../../tests/browser/wait.js';
import { world } from '../world.js';
import { launch } from './browser.js';

const EXAMPLE = fileURLToPath(new URL('../../examples/react', import.meta.url));

let own;
let browser;

before(async () => {
  own = await world();
  const folder = path.join(own.root, 'react');
  await build({
    entryPoints: [path.join(EXAMPLE, 'app.jsx')],
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"development"' },
    outdir: folder,
    logLevel: 'warning',
  });
  await cp(path.join(EXAMPLE, 'index.html'), path.join(folder, 'index.html'));
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await own?.end();
});

test(
  'the React example shows state and messages, and follows another rider',
  { timeout: 180000 },
  async () => {
    const page = await browser.newPage();
    const complaints = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    const rider = `rider${own.tag}`;
    await page.goto(`${own.base}/sdk-js/react/index.html?user=${rider}`);
    const shows = (selector, text) =>
      until(
        `${selector} shows ${text}`,
        async () => (await page.textContent(selector)) === text,
      );
    await shows('[role=status]', 'open');
    await own.publish(
      { user: rider },
      { stage: 'picked up' },
      { event: 'trip' },
    );
    await own.publish({ user: rider }, 'first');
    await own.publish({ user: rider }, 'second');
    await shows('h1', 'picked up');
    await shows('li', 'second');
    assert.deepEqual(
      await page.$$eval('li', (all) => all.map((one) => one.textContent)),
      ['second', 'first'],
    );
    assert.equal(
      (await own.devices(rider)).length,
      1,
      'strict mode mounts twice, one device',
    );
    await page.fill('input', `${rider}2`);
    await until(
      'the other is followed',
      async () => (await own.devices(`${rider}2`))[0]?.online,
    );
    await until(
      'the first is left',
      async () => !(await own.devices(rider))[0].online,
    );
    await own.publish({ user: `${rider}2` }, 'other');
    await shows('li', 'other');
    assert.deepEqual(complaints, []);
  },
);
