/* The demo page, as a visitor uses it. */

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { launch } from './chromium.js';
import { Httpd } from './httpd.js';
import { Network } from './proxy.js';
import { until } from './wait.js';

for (const line of ['sdk', 'eventsource']) {
  describe(`the demo page on ${line}`, { timeout: 600000 }, () => {
    let httpd;
    let network;
    let browser;
    let context;
    let page;
    let complaints;
    let users = 0;
    let user;

    before(async () => {
      httpd = await Httpd.start();
      network = await Network.to(httpd.port);
      browser = await launch();
    });

    after(async () => {
      await browser?.close();
      await network?.close();
      await httpd?.stop();
    });

    beforeEach(async () => {
      network.restore();
      user = `visitor${++users}`;
      context = await browser.newContext();
      page = await open();
    });

    afterEach(() => context.close());

    async function open() {
      const page = await context.newPage();
      complaints = [];
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('console', (message) => {
        if (/Content Security Policy/.test(message.text())) {
          complaints.push(message.text());
        }
      });
      await page.goto(`${network.base}/?user=${user}&line=${line}`);
      await connected(page);
      return page;
    }

    const connected = (page) =>
      page.waitForSelector('#pill[data-state="open"]', { timeout: 60000 });

    const figure = async (name) => Number(await page.textContent(`#${name}`));

    /* The messages in the list, newest first. */
    const rows = () =>
      page.$$eval('#log li[data-kind="message"]', (list) =>
        list.map((row) => ({
          seq: Number(row.querySelector('.number').textContent),
          urgency: row.querySelector('.chip').textContent,
          text: row.querySelector('.what').textContent,
        })),
      );

    const arrived = (count) =>
      until(`${count} messages in the list`, async () => {
        const list = await rows();
        return list.length >= count && list;
      });

    async function send(fields) {
      for (const name of ['text', 'ttl', 'event', 'topic']) {
        if (name in fields) {
          await page.fill(`#${name}`, fields[name]);
        }
      }
      for (const name of ['audience', 'urgency']) {
        if (name in fields) {
          await page.selectOption(`#${name}`, fields[name]);
        }
      }
      await page.evaluate(() => {
        document.getElementById('answer').textContent = '';
      });
      await page.click('.send button');
      return until('an answer', () => page.textContent('#answer'));
    }

    it('follows a trip from dispatch to drop-off', async () => {
      await page.click('#play');
      await until(
        'the drop-off',
        async () =>
          (await page.textContent('#headline')).includes('You have arrived'),
        25000,
      );
      const done = await page.$$eval('#steps li', (list) =>
        list.map((item) => item.dataset.done),
      );
      assert.deepEqual(done, ['yes', 'yes', 'yes']);
      assert.equal(await figure('missed'), 0);
      assert.equal(await figure('reconnects'), 0);
      assert.deepEqual(complaints, []);
    });

    it('shows seq, urgency and text of what its form publishes', async () => {
      const answer = await send({ text: 'first', urgency: 'high' });
      assert.match(answer, /^Accepted as [0-9A-Za-z]{11} for 1 device, 1 conn/);
      await arrived(1);
      await send({ text: 'second', urgency: 'very-low', event: 'my.own' });
      assert.deepEqual(await arrived(2), [
        { seq: 2, urgency: 'very-low', text: 'second' },
        { seq: 1, urgency: 'high', text: 'first' },
      ]);
    });

    it('reaches its channel and everyone', async () => {
      await send({ text: 'to the city', audience: 'channel' });
      await arrived(1);
      await send({ text: 'to everyone', audience: 'broadcast' });
      const texts = (await arrived(2)).map(({ text }) => text);
      assert.deepEqual(texts, ['to everyone', 'to the city']);
    });

    it('says why a message was refused', async () => {
      const answer = await send({ text: 'x', event: 'push.mine' });
      assert.match(answer, /^Refused \(400\): .*Push-Event/);
    });

    it('gets the urgent first after a tunnel, and only the newest position', async () => {
      await send({ text: 'on board', urgency: 'normal', ttl: '300' });
      await arrived(1);
      await page.click('#away');
      await page.waitForSelector('#pill[data-state="away"]');
      await send({ text: 'position 1', urgency: 'low', topic: 'position' });
      await send({ text: 'position 2', urgency: 'low', topic: 'position' });
      await send({ text: 'eta', urgency: 'normal', topic: '' });
      await send({ text: 'the driver calls', urgency: 'high' });
      assert.equal((await rows()).length, 1, 'nothing comes in the tunnel');
      await page.click('#away');
      await connected(page);
      assert.deepEqual(await arrived(4), [
        { seq: 4, urgency: 'low', text: 'position 2' },
        { seq: 3, urgency: 'normal', text: 'eta' },
        { seq: 2, urgency: 'high', text: 'the driver calls' },
        { seq: 1, urgency: 'normal', text: 'on board' },
      ]);
      assert.equal(await figure('missed'), 0);
      assert.equal(await figure('repeated'), 0);
      assert.equal(await figure('reconnects'), 1);
    });

    it('counts a reconnect when the line is cut, and misses nothing', async () => {
      await send({ text: 'before' });
      await arrived(1);
      network.cut();
      await until(
        'a reconnect',
        async () => (await figure('reconnects')) === 1,
      );
      await connected(page);
      await httpd.publish({ user }, 'after');
      const texts = (await arrived(2)).map(({ text }) => text);
      assert.deepEqual(texts, ['after', 'before']);
      assert.equal(await figure('missed'), 0);
    });

    it('notices a line that has fallen silent, and takes another', async () => {
      await send({ text: 'before' });
      await arrived(1);
      network.swallow();
      await httpd.publish({ user }, 'into the void');
      await page.waitForSelector('#pill[data-state="connecting"]', {
        timeout: 40000,
      });
      network.restore();
      await until(
        'the message',
        async () => (await rows())[0]?.text === 'into the void',
        25000,
      );
      assert.equal(await figure('missed'), 0);
      assert.ok((await figure('reconnects')) >= 1);
    });

    it('shows markup in a message as text', async () => {
      const text = '<img src=x onerror="document.title=1"><b>bold</b>';
      await httpd.publish({ user }, text);
      await httpd.publish({ user }, JSON.stringify({ text, urgency: text }));
      const list = await arrived(2);
      assert.deepEqual(
        list.map((row) => row.text),
        [text, text],
      );
      assert.equal(
        await page.$$eval('#log img, #log b', (all) => all.length),
        0,
      );
      assert.deepEqual(complaints, []);
    });

    it('shows a plain text that curl would send', async () => {
      await httpd.publish({ user }, 'plain', { Urgency: 'low' });
      assert.deepEqual(await arrived(1), [
        { seq: 1, urgency: 'unknown', text: 'plain' },
      ]);
    });

    it('fits a phone', async () => {
      await page.setViewportSize({ width: 360, height: 640 });
      await send({ text: 'x'.repeat(200) });
      await arrived(1);
      const width = await page.evaluate(
        () => document.documentElement.scrollWidth,
      );
      assert.ok(width <= 360, `${width} pixels wide`);
    });

    it('names every control for those who do not see it', async () => {
      const nameless = await page.$$eval('input, select, button', (all) =>
        all
          .filter((one) => !one.textContent.trim() && !one.labels?.length)
          .map((one) => one.outerHTML),
      );
      assert.deepEqual(nameless, []);
    });
  });
}

describe('the demo page without JavaScript', { timeout: 180000 }, () => {
  it('says where the stream is, on whatever port it is served', async (t) => {
    const httpd = await Httpd.start();
    t.after(() => httpd.stop());
    const browser = await launch();
    t.after(() => browser.close());
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(`${httpd.base}/`);
    assert.ok(await page.isVisible('noscript'));
    const link = await page.getAttribute('noscript a', 'href');
    const stream = new AbortController();
    const answer = await fetch(new URL(link, page.url()), stream);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type'), /^text\/event-stream/);
    stream.abort();
    assert.doesNotMatch(await page.textContent('noscript'), /:\d{2,}/);
  });
});
