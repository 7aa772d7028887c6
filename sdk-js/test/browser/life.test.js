/** What browsers do to connections, against the real module. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../../tests/browser/wait.js';
import { world } from '../world.js';
import { launch, NEEDS_DRIVER } from './browser.js';
import { RawContext } from './raw.js';

const LIMIT = { timeout: 180000 };
const DRIVEN = { ...LIMIT, ...NEEDS_DRIVER };

let own;
let browser;

before(async () => {
  own = await world();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await own?.end();
});
let users = 0;

/** A page that follows a user of its own, with a client `client`. */
async function follow(context, options = {}) {
  const page = await context.newPage();
  const user = `life${++users}${own.tag}`;
  await page.goto(`${own.base}/sdk-js/test/browser/plain.html`);
  await until('the page is there', () =>
    page.evaluate(() => window.follow !== undefined),
  );
  await page.evaluate(
    ([user, options]) => window.follow(user, options),
    [user, options],
  );
  await until('it is open', () =>
    page.evaluate(() => window.client.readyState === 1),
  );
  return { page, user };
}

const device = async (user) => (await own.devices(user))[0];
const got = (page) => page.evaluate(() => window.got);
const gets = (page, texts) =>
  until(
    `${texts} arrive`,
    async () => (await got(page)).length >= texts.length,
  ).then(async () => assert.deepEqual(await got(page), texts));

test(
  'offline and online again: one attempt within a second',
  DRIVEN,
  async () => {
    const context = await browser.newContext();
    const { page, user } = await follow(context);
    await context.setOffline(true);
    own.network.cut();
    await until('several failures', () =>
      page.evaluate(() => window.errors.length > 2),
    );
    await page.evaluate(() => {
      window.slow = true;
    });
    await until('a long wait', () => page.evaluate(() => window.delay > 5000));
    await own.publish({ user }, 'a');
    await page.evaluate(() => {
      window.slow = false;
    });
    const since = performance.now();
    await context.setOffline(false);
    await gets(page, ['a']);
    const took = performance.now() - since;
    assert.ok(took < 2000, `${took} ms`);
    await context.close();
  },
);

test('a page that becomes visible tries within a second', LIMIT, async () => {
  const context = await browser.newContext();
  const { page, user } = await follow(context);
  await page.evaluate(() => {
    window.slow = true;
  });
  own.network.refuse();
  own.network.cut();
  await until('a long wait', () => page.evaluate(() => window.delay > 5000));
  own.network.restore();
  await own.publish({ user }, 'a');
  await page.evaluate(() => {
    window.slow = false;
  });
  const since = performance.now();
  await page.evaluate(() =>
    document.dispatchEvent(new Event('visibilitychange')),
  );
  await gets(page, ['a']);
  const took = performance.now() - since;
  assert.ok(took < 2000, `${took} ms`);
  await context.close();
});

test('a page that is left acknowledges what it handled', LIMIT, async () => {
  const context = await browser.newContext();
  const { page, user } = await follow(context);
  const { id } = await own.publish({ user }, 'a');
  await gets(page, ['a']);
  assert.equal((await own.message(id)).counts.acked ?? 0, 0);
  await page.close({ runBeforeUnload: true });
  await until(
    'acknowledged',
    async () => (await own.message(id)).counts.acked === 1,
  );
  await until('gone', async () => !(await device(user)).online);
  await context.close();
});

test(
  'into the back/forward cache and back: the stream ends, resumes, nothing is lost',
  DRIVEN,
  async () => {
    const raw = await RawContext.of(browser);
    const { page, user } = await follow(raw);
    const { id } = await own.publish({ user }, 'a');
    await gets(page, ['a']);
    await page.evaluate(() => void (location.href = '/'));
    await until('gone', async () => !(await device(user)).online);
    await until(
      'acknowledged',
      async () => (await own.message(id)).counts.acked === 1,
    );
    await own.publish({ user }, 'b');
    await until('the other page is there', () =>
      page.evaluate(() => location.pathname === '/'),
    );
    await page.evaluate(() => void history.back());
    await until('back', () => page.evaluate(() => window.restored === 1));
    await gets(page, ['a', 'b']);
    assert.equal((await own.devices(user)).length, 1);
    await raw.close();
  },
);

test(
  'frozen and thawed: the stream ends, resumes, nothing is lost',
  DRIVEN,
  async () => {
    const raw = await RawContext.of(browser);
    const { page, user } = await follow(raw);
    const front = await raw.newPage();
    assert.ok(front);
    await own.publish({ user }, 'a');
    await gets(page, ['a']);
    await page.send('Page.setWebLifecycleState', { state: 'frozen' });
    await until('gone', async () => !(await device(user)).online);
    await own.publish({ user }, 'b');
    await page.send('Page.setWebLifecycleState', { state: 'active' });
    await gets(page, ['a', 'b']);
    await raw.close();
  },
);

test(
  'a copied tab takes another device, and neither steals from the other',
  DRIVEN,
  async () => {
    const context = await browser.newContext();
    const { page, user } = await follow(context);
    const [copy] = await Promise.all([
      context.waitForEvent('page'),
      page.evaluate(() => void window.open(location.href)),
    ]);
    await copy.waitForFunction(() => window.follow);
    await copy.evaluate(([user]) => window.follow(user), [user]);
    await until('two devices', async () => {
      const devices = await own.devices(user);
      return devices.filter(({ online }) => online).length === 2;
    });
    await own.publish({ user }, 'a');
    await gets(page, ['a']);
    await gets(copy, ['a']);
    await context.close();
  },
);

test('by native EventSource: types, resume and heartbeats', LIMIT, async () => {
  const context = await browser.newContext();
  const { page, user } = await follow(context, {
    native: ['trip'],
    silence: 3000,
  });
  await own.publish({ user }, 'a');
  await own.publish({ user }, 'b', { event: 'trip' });
  await gets(page, ['a', 'b']);
  own.network.cut();
  await own.publish({ user }, 'c');
  await gets(page, ['a', 'b', 'c']);
  const errors = await page.evaluate(() => window.errors.length);
  const since = performance.now();
  await until('heartbeats alone', () => performance.now() - since > 4000);
  assert.equal(await page.evaluate(() => window.errors.length), errors);
  await page.evaluate(() => window.client.flush());
  assert.equal((await device(user)).in_flight, 0);
  await context.close();
});
