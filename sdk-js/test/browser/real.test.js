/**
 * The suite in a browser, against the real module: in a headless Chromium, or
 * in the one that PUSH_BROWSER names (browser.js).
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { suite } from '../suite.js';
import { world } from '../world.js';
import { BROWSER, launch } from './browser.js';

let own;
let browser;
let page;

before(async () => {
  own = await world();
  browser = await launch();
  page = await browser.newPage();
  await own.open(page);
});
after(async () => {
  await browser?.close();
  await own?.end();
});

for (const name of Object.keys(suite)) {
  test(`in ${BROWSER}: ${name}`, { timeout: 300000 }, async () => {
    try {
      await page.evaluate((name) => window.run(name), name);
    } finally {
      await page.evaluate(() => window.tidy());
      await own.tidy();
    }
  });
}

test(`in ${BROWSER}: another origin is served where it is allowed`, async () => {
  const other = await browser.newPage();
  await own.open(other, own.other);
  const follow = async (url) => {
    const { PushClient } = await import('/sdk-js/src/index.js');
    const client = new PushClient(url, { device: 'd1', ackInterval: 10 });
    return new Promise((resolve) => {
      client.onmessage = ({ data }) => {
        client.close().then(() => resolve(data));
      };
      client.onerror = ({ error }) => resolve(error.code);
    });
  };
  const allowed = other.evaluate(follow, `${own.direct}/cors?user=cors`);
  const until = Date.now() + 10000;
  while (!(await own.devices('cors')).length && Date.now() < until);
  const { id } = await own.publish({ user: 'cors' }, 'hello');
  assert.equal(await allowed, 'hello');
  assert.equal((await own.message(id)).counts.acked, 1);
  assert.equal(
    await other.evaluate(follow, `${own.direct}/ramen?user=cors`),
    'PUSH_ERR_NETWORK',
  );
});
