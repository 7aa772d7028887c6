/* The dashboard at <admin>/, as an operator uses it, on a real server. */

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { readFileSync } from 'node:fs';
import { capacity, writeSize } from '../../conf/dashboard/capacity.js';
import { bytes, duration, seconds } from '../../conf/dashboard/format.js';
import {
  between,
  quantile,
  rate,
  sameNodes,
} from '../../conf/dashboard/rates.js';
import { parse, sums } from '../../conf/dashboard/samples.js';
import { launch } from './chromium.js';
import { Httpd } from './httpd.js';
import { Network } from './proxy.js';
import { until } from './wait.js';

const MARKUP = '<img src=x onerror="document.title=1"><b>eve</b>';

describe('the dashboard', { timeout: 600000 }, () => {
  let httpd;
  let network;
  let browser;
  let context;
  let page;
  let complaints;
  let hosts;
  const streams = new Set();

  before(async () => {
    httpd = await Httpd.start();
    network = await Network.to(httpd.port);
    browser = await launch();
  });

  after(async () => {
    for (const stream of streams) {
      stream.abort();
    }
    await browser?.close();
    await network?.close();
    await httpd?.stop();
  });

  beforeEach(async () => {
    network.restore();
    complaints = [];
    hosts = new Set();
    page = await open();
  });

  afterEach(async () => {
    assert.deepEqual(complaints, []);
    assert.deepEqual([...hosts], [new URL(network.base).host]);
    await context.close();
  });

  async function open(options = {}) {
    await context?.close();
    context = await browser.newContext(options);
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) {
        complaints.push(message.text());
      }
    });
    page.on('request', (request) => hosts.add(new URL(request.url()).host));
    await page.goto(`${network.base}/push/`);
    await page.waitForSelector('html[data-fed]', { timeout: 60000 });
    return page;
  }

  const text = (selector) => page.textContent(selector);

  const shows = (selector, expected) =>
    until(`${selector} shows ${expected}`, async () =>
      expected instanceof RegExp
        ? expected.test(await text(selector))
        : (await text(selector)) === expected,
    );

  const stats = async () => (await fetch(`${httpd.base}/push/stats`)).json();

  /* A device that reads; what it takes is acknowledged by ack(). */
  async function device(user, name, more = '') {
    const end = new AbortController();
    const query = `user=${encodeURIComponent(user)}&device=${name}&seq=0`;
    const answer = await fetch(
      `${httpd.base}/ramen/receive?${query}&ack=explicit${more}`,
      { signal: end.signal },
    );
    assert.equal(answer.status, 200);
    streams.add(end);
    const reading = read(answer.body).catch(() => {});
    return {
      ack: async (seq) => {
        const done = await fetch(
          `${httpd.base}/ramen/ack?user=${encodeURIComponent(user)}&device=${name}&seq=${seq}`,
          { method: 'POST', headers: { 'Push-Client': 'test' } },
        );
        assert.ok(done.ok, `${done.status}`);
      },
      ended: reading,
      end: () => end.abort(),
    };
  }

  async function read(body) {
    const reader = body.getReader();
    while (!(await reader.read()).done);
  }

  const inAll = async (outcome) =>
    (await text(`#outcome-rows tr[data-key="${outcome}"] td`)).replace(',', '');

  /* What the page shows lies between what the server says now, and what it says
   * when the page has been told once more. */
  async function lies(name, read) {
    const { [name]: from } = await stats();
    const shown = await until(`${name} is not older`, async () => {
      const shown = Number((await read()).replaceAll(',', ''));
      return shown >= from && shown;
    });
    const { [name]: to } = await stats();
    assert.ok(shown <= to, `${name}: ${shown} of ${to}`);
  }

  it('shows what the server counted', async () => {
    const before = await stats();
    const phone = await device('anna', 'phone');
    for (const body of ['one', 'two', 'three']) {
      await httpd.publish({ user: 'anna' }, body);
    }
    await until('they are written', async () => {
      const now = await stats();
      return now.delivered >= before.delivered + 3;
    });
    await phone.ack(3);
    await httpd.publish({ user: 'anna', device: 'gone' }, 'x').catch(() => {});
    await device('bob', 'away').then(({ end }) => end());
    await until('bob is away', async () => {
      const { devices } = await devicesOf('bob');
      return !devices[0].online;
    });
    await httpd.publish({ user: 'bob' }, 'old', { Topic: 't' });
    await httpd.publish({ user: 'bob' }, 'new', { Topic: 't' });
    await httpd.publish({ user: 'bob' }, 'brief', { TTL: '1' });
    const now = await until('all have their outcome', async () => {
      const now = await stats();
      return (
        now.expired > before.expired &&
        now.replaced > before.replaced &&
        now.acked >= before.acked + 3 &&
        now
      );
    });
    for (const name of ['expired', 'recalled']) {
      await until(`${name} on the page`, async () => {
        const { [name]: counted } = await stats();
        return Number(await inAll(name)) === counted;
      });
    }
    /* The page's own messages, one a second, are among these; where it is slow
     * each replaces the one before. */
    await lies('replaced', () => inAll('replaced'));
    await lies('published', () => text('#total-published'));
    await lies('delivered', () => text('#total-written'));
    await lies('acked', () => inAll('acked'));
    assert.ok(now.acked - before.acked >= 3);
    await until('streams, devices, users and channels', async () => {
      const now = await stats();
      const shown = await Promise.all(
        ['streams', 'devices', 'users', 'channels'].map((name) =>
          text(`#now-${name}`),
        ),
      );
      return (
        shown.join() ===
        [now.streams, now.devices, now.users, now.channels].join()
      );
    });
    phone.end();
  });

  const devicesOf = async (user) =>
    (
      await fetch(
        `${httpd.base}/push/users/${encodeURIComponent(user)}/devices`,
      )
    ).json();

  it('shows the children that serve, and the memory', async () => {
    const rows = await until('two children', async () => {
      const rows = await page.$$eval('#children-rows tr', (rows) =>
        rows.map((row) => [...row.cells].map((cell) => cell.textContent)),
      );
      return rows.length >= 2 && rows;
    });
    const children = httpd.children();
    for (const [pid] of rows) {
      assert.ok(children.includes(Number(pid)), pid);
    }
    const { memory } = await stats();
    await shows(
      '#memory-text',
      new RegExp(` of ${bytes(memory.size).replace('.', '\\.')} `),
    );
    await shows('#durability', 'memory');
    await shows('#near-full', '0');
    await shows('#total-gaps', /^\d+$/);
    const seen = await page.$$eval('#latency-rows tr', (rows) =>
      rows.map((row) => [...row.cells].map((cell) => cell.textContent)),
    );
    assert.deepEqual(
      seen.map(([urgency]) => urgency),
      ['high', 'normal', 'low', 'very-low'],
    );
    await shows('#latency-rows tr[data-key="low"] td', /^[\d.]+ (µs|ms|s)$/);
  });

  it('draws lines, and tells them in a sentence and a table', async () => {
    await page.waitForSelector('#chart-rates canvas');
    await shows('#rates-sentence', /published: .+ now, at most .+; written/);
    await page.click('#chart-rates summary');
    await until('a row', () =>
      page.$eval('#chart-rates tbody', (body) => body.rows.length > 0),
    );
    for (const id of ['rates', 'streams', 'memory']) {
      assert.equal(
        await page.getAttribute(`#chart-${id}`, 'aria-describedby'),
        `${id}-sentence`,
      );
    }
  });

  it('goes from a user to a device, to a message, to the reason', async () => {
    const laptop = await device('carol', 'laptop');
    const { id } = await httpd.publish({ user: 'carol' }, 'where is it');
    await page.fill('#find-user', 'carol');
    await page.press('#find-user', 'Enter');
    await shows('#found', 'carol has 1 device.');
    const row = await page.$$eval('#device-rows tr:first-child > *', (cells) =>
      cells.map((cell) => cell.textContent),
    );
    assert.equal(row[0], 'laptop');
    assert.equal(row[1], 'online');
    await page.fill('#find-message', id);
    await page.press('#find-message', 'Enter');
    await shows('#message-title', `Message ${id}`);
    await page.waitForSelector('#verdict:not([hidden])');
    assert.ok((await text('#verdict-text')).length > 10);
    assert.match(await text('#verdict-cause'), /^[a-z-]+$/);
    assert.ok((await page.$$('#verdict-steps li')).length > 0);
    await page.click('#device-rows button');
    await page.waitForSelector('#verdict:focus');
    assert.ok(!(await text('main')).includes('where is it'), 'no payload');
    laptop.end();
  });

  it('subscribes a user to channels, and asks before', async () => {
    const tags = async () => {
      const answer = await fetch(`${httpd.base}/push/subscriptions?user=tess`);
      return (await answer.json()).channels;
    };
    const tv = await device('tess', 'tv');
    await page.fill('#find-user', 'tess');
    await page.press('#find-user', 'Enter');
    await shows('#found', 'tess has 1 device.');
    await page.waitForSelector('#tag-none:visible');
    await page.fill('#tag-channel', MARKUP);
    await page.click('#tag-form button');
    await shows('#confirm-text', /All devices of “tess”/);
    await page.keyboard.press('Escape');
    assert.deepEqual(await tags(), []);
    await page.click('#tag-form button');
    await page.click('#confirm-yes');
    await shows('#tagged', `tess is subscribed to ${MARKUP}.`);
    await shows('#tag-list li span', MARKUP);
    assert.deepEqual(await tags(), [MARKUP]);
    assert.equal(await page.$('main img, main b'), null);
    await page.fill('#tag-channel', '$stats');
    await page.click('#tag-form button');
    await page.click('#confirm-yes');
    await shows('#tagged', /400: channel: /);
    await page.click('#tag-list button');
    await shows('#confirm-text', /nothing more/);
    await page.click('#confirm-yes');
    await shows('#tagged', `tess is not subscribed to ${MARKUP} any more.`);
    assert.deepEqual(await tags(), []);
    assert.equal(await page.isVisible('#tag-none'), true);
    tv.end();
  });

  it('says so when there is no such user or message', async () => {
    await page.fill('#find-user', 'nobody-of-this-name');
    await page.press('#find-user', 'Enter');
    await shows('#found', /No device of nobody-of-this-name/);
    await page.fill('#find-user', '');
    await page.fill('#find-message', 'zzzzzzzzzzz');
    await page.press('#find-message', 'Enter');
    await shows('#found', /is not known, or not any more/);
  });

  it('shows markup in names as text', async () => {
    const evil = await device(
      MARKUP,
      'd',
      `&app=${encodeURIComponent(MARKUP)}`,
    );
    await page.fill('#find-user', MARKUP);
    await page.press('#find-user', 'Enter');
    await shows('#devices-title', `Devices of ${MARKUP}`);
    assert.match(await text('#device-rows th'), /onerror/);
    await until('it is among the streams', async () =>
      (await text('#slowest-rows')).includes(MARKUP),
    );
    assert.equal(await page.$('main img, main b'), null);
    assert.equal(await page.title(), 'mod_push');
    evil.end();
  });

  it('publishes, recalls and disconnects, and asks before', async () => {
    await device('dora', 'tv').then(({ end }) => end());
    await page.fill('#publish-name', 'dora');
    await page.click('#publish-form button.primary');
    await shows('#confirm-text', /the user “dora”/);
    await page.keyboard.press('Escape');
    await until('the dialog is gone', () => page.isHidden('#confirm'));
    assert.equal(await text('#published'), '');
    assert.equal(
      await page.evaluate(() => document.activeElement.textContent),
      'Publish …',
    );
    await page.click('#publish-form button.primary');
    await page.click('#confirm-yes');
    await shows('#published', /^Accepted as [0-9A-Za-z]{11} for 1 device/);
    const id = await page.inputValue('#recall-message');
    await page.click('#recall-form button');
    const [request] = await Promise.all([
      page.waitForRequest((asked) => asked.method() === 'DELETE'),
      page.click('#confirm-yes'),
    ]);
    assert.ok(request.url().endsWith(`/push/messages/${id}?user=dora`));
    await shows('#recalled', `${id} is recalled; 1 device will not get it.`);
    const life = await fetch(`${httpd.base}/push/messages/${id}`);
    assert.equal((await life.json()).state, 'recalled');

    const tv = await device('dora', 'tv');
    await page.fill('#disconnect-user', 'dora');
    await page.click('#disconnect-form button');
    await page.click('#confirm-yes');
    await shows('#disconnected', '1 stream of dora ended.');
    await tv.ended;
    await page.fill('#recall-message', id);
    await page.click('#recall-form button');
    await page.click('#confirm-yes');
    await shows('#recalled', /^409: /);
  });

  it('follows receipts and dead letters without payloads', async () => {
    await page.check('#tail-receipts');
    await page.check('#tail-deadletters');
    await shows('#tail-state', 'live');
    const watch = await device('frank', 'watch');
    const asked = await fetch(`${httpd.base}/push/messages?user=frank`, {
      method: 'POST',
      headers: { Prefer: 'respond-async' },
      body: 'a secret payload',
    });
    assert.equal(asked.status, 202);
    await until('it is written', async () => {
      const { devices } = await devicesOf('frank');
      return devices[0].sent_seq >= 1;
    });
    await watch.ack(1);
    await shows('#tail-log', /message\.acked.*frank/);
    watch.end();
    await until('the watch is away', async () => {
      const { devices } = await devicesOf('frank');
      return !devices[0].online;
    });
    await httpd.publish({ user: 'frank' }, 'a secret payload', { TTL: '1' });
    await shows('#tail-log', /message\.expired/);
    assert.ok(!(await text('body')).includes('a secret payload'));
    await page.click('#tail-clear');
    assert.equal(await page.$('#tail-log li'), null);
  });

  it('can be used by keys alone, and shows where the focus is', async () => {
    await page.keyboard.press('Tab');
    assert.equal(
      await page.evaluate(() => document.activeElement.className),
      'skip',
    );
    await page.keyboard.press('Enter');
    await until('the focus is at the figures', () =>
      page.evaluate(() => location.hash === '#now'),
    );
    const wanted = await page.evaluate(() =>
      [...document.querySelectorAll('input, select, button, summary, nav a')]
        .filter((one) => one.checkVisibility() && one.closest('main'))
        .map((one) => (one.id ||= `unnamed-${Math.random()}`)),
    );
    const reached = new Set();
    for (let n = 0; n < 200; n++) {
      await page.keyboard.press('Tab');
      const [id, outline, body] = await page.evaluate(() => {
        const at = document.activeElement;
        const { outlineStyle } = getComputedStyle(at);
        return [at.id, outlineStyle, at === document.body];
      });
      if (reached.has(id) && id === wanted[0]) {
        break;
      }
      reached.add(id);
      assert.ok(body || outline !== 'none', `${id} shows its focus`);
    }
    assert.deepEqual(
      wanted.filter((id) => !reached.has(id)),
      [],
    );
  });

  it('has a name for every control and landmark', async () => {
    const nameless = await page.evaluate(() =>
      [
        ...document.querySelectorAll(
          'input, select, button, summary, section, nav, figure, [role=region]',
        ),
      ]
        .filter(
          (one) =>
            !(
              one.labels?.length ||
              one.getAttribute('aria-label') ||
              document.getElementById(one.getAttribute('aria-labelledby')) ||
              (/BUTTON|SUMMARY/.test(one.tagName) && one.textContent.trim()) ||
              one.id === 'confirm-yes' // named when it is asked
            ),
        )
        .map((one) => one.outerHTML.slice(0, 80)),
    );
    assert.deepEqual(nameless, []);
    const ids = await page.$$eval('[id]', (all) => all.map(({ id }) => id));
    assert.equal(new Set(ids).size, ids.length, 'ids are unique');
  });

  for (const colorScheme of ['light', 'dark']) {
    it(`fits 360 pixels and is legible, ${colorScheme}`, async () => {
      page = await open({
        viewport: { width: 360, height: 740 },
        colorScheme,
        reducedMotion: 'reduce',
      });
      const width = await page.evaluate(
        () => document.documentElement.scrollWidth,
      );
      assert.ok(width <= 360, `${width}`);
      const colours = await page.evaluate(() => {
        const style = getComputedStyle(document.documentElement);
        return Object.fromEntries(
          'ground card tint ink faint accent on-accent good warn bad'
            .split(' ')
            .map((name) => [name, style.getPropertyValue(`--${name}`).trim()]),
        );
      });
      for (const ink of ['ink', 'faint', 'accent', 'good', 'warn', 'bad']) {
        assert.ok(contrast(colours[ink], colours.card) >= 4.5, ink);
      }
      assert.ok(contrast(colours.faint, colours.ground) >= 4.5);
      assert.ok(contrast(colours.ink, colours.tint) >= 4.5);
      assert.ok(contrast(colours['on-accent'], colours.accent) >= 4.5);
    });
  }

  it('says that the figures stand still when the server is gone', async () => {
    network.refuse();
    network.cut();
    await shows('#notice', /^The figures stand still: ./);
    await shows('#state', 'no connection');
    network.restore();
    await shows('#state', 'live');
    assert.ok(await page.isHidden('#notice'));
  });
});

/* Of WCAG 2: from 1 to 21. */
function contrast(one, other) {
  const [light, dark] = [luminance(one), luminance(other)].sort(
    (a, b) => b - a,
  );
  return (light + 0.05) / (dark + 0.05);
}

function luminance(hex) {
  const parts = [1, 3, 5].map(
    (at) => parseInt(hex.slice(at, at + 2), 16) / 255,
  );
  const [r, g, b] = parts.map((c) =>
    c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

describe('what the dashboard reckons', () => {
  it('how large, as the guide does', () => {
    const is = capacity({
      users: 125000,
      devices: 2,
      streams: 200000,
      rate: 1000,
      recipients: 2,
      ttl: 300,
      payload: 300,
      keys: true,
      tls: 0,
      children: 4,
      threads: 64,
    });
    const guide = readFileSync(
      new URL('../../docs/guides/sizing.md', import.meta.url),
      'utf8',
    );
    const mib = Math.floor(is.needed / 1048576);
    assert.match(guide, new RegExp(`^${mib} MiB$`, 'm'));
    assert.match(guide, new RegExp(`PushShmSize ${writeSize(is.shm)}`));
    assert.equal(is.streams, 62500);
    assert.ok(is.descriptors >= is.streams + 128 + 2 * 64 + 3 * 32);
    assert.ok(is.descriptors < 65536);
  });

  it('sizes as they are configured', () => {
    const few = { users: 1, devices: 1, streams: 1, rate: 0, recipients: 1 };
    const rest = { ttl: 1, payload: 1, keys: false, tls: 1 };
    const small = capacity({ ...few, ...rest, children: 1, threads: 1 });
    assert.equal(writeSize(small.shm), '16M');
    const large = { ...few, ...rest, rate: 1e6, ttl: 3600, payload: 1000 };
    assert.ok(capacity({ ...large, children: 1, threads: 1 }).tooLarge);
  });

  it('quantiles between the bounds of cumulative buckets', () => {
    const bounds = [0.1, 0.2, 0.4];
    assert.equal(quantile(0.5, bounds, [0, 0, 0, 0]), null);
    assert.equal(quantile(0.5, bounds, [10, 10, 10, 10]), 0.05);
    assert.equal(quantile(0.5, bounds, [0, 10, 10, 10]).toFixed(3), '0.150');
    assert.equal(quantile(0.99, bounds, [0, 0, 0, 10]), 0.4);
    assert.equal(quantile(1, bounds, [2, 4, 4, 4]), 0.2);
  });

  it('no rate of two sums that are of other nodes', () => {
    const of = (...answered) => ({ nodes: { answered, silent: [] } });
    assert.ok(sameNodes({}, {}));
    assert.ok(sameNodes(of(0, 1), of(1, 0)));
    assert.ok(!sameNodes(of(0, 1), of(0)));
    assert.ok(!sameNodes({}, of(0)));
  });

  it('rates, and none where a counter began anew', () => {
    assert.equal(rate({ time: 2000, n: 9 }, { time: 1000, n: 4 }, 'n'), 5);
    assert.equal(rate({ time: 2000, n: 1 }, { time: 1000, n: 4 }, 'n'), null);
    assert.equal(rate({ time: 1000, n: 9 }, { time: 1000, n: 4 }, 'n'), null);
    assert.deepEqual(between([3, 5], [1, 2]), [2, 3]);
    assert.deepEqual(between([1, 2], [3, 5]), [1, 2]);
    assert.deepEqual(between([1, 2], undefined), [1, 2]);
  });

  it('sums of metrics', () => {
    const samples = parse(
      '# TYPE a counter\na{x="1",y="2"} 3\na{x="1",y="3"} 4\nb 1e3\n',
    );
    assert.deepEqual(sums(samples, 'a', 'x'), { 1: 7 });
    assert.deepEqual(sums(samples, 'b', 'x'), { '': 1000 });
  });

  it('says numbers as one reads them', () => {
    assert.equal(bytes(1023), '1,023 B');
    assert.equal(bytes(1536), '1.5 KiB');
    assert.equal(bytes(67108864), '64 MiB');
    assert.equal(duration(90000), '1 min 30 s');
    assert.equal(duration(90061000), '1 d 1 h');
    assert.equal(seconds(0.00025), '250 µs');
    assert.equal(seconds(0.0025), '2.5 ms');
    assert.equal(seconds(12.3), '12.3 s');
  });
});
