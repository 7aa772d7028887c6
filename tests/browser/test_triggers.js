/* Triggers as people see them: the panel of the dashboard, and the board of the
 * demo, on a real server and an application that does as it is told. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { launch } from './chromium.js';
import { Httpd } from './httpd.js';
import { until } from './wait.js';

const SECRET = 'a secret of the order';

describe('triggers', { timeout: 600000 }, () => {
  let application;
  let httpd;
  let browser;
  let context;
  let page;
  let complaints;
  let status = 200;

  before(async () => {
    application = createServer((request, answer) => {
      answer.writeHead(status);
      answer.end();
    });
    await new Promise((done) => application.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${application.address().port}`;
    httpd = await Httpd.start([
      '<PushTrigger orders>',
      `PushWhen "event('type') == 'order'"`,
      `PushPost "${url}/orders?key=hidden"`,
      '</PushTrigger>',
    ]);
    httpd.expect(/PUSH0241/); // what is given up is logged
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    await httpd?.stop();
    application.closeAllConnections();
    application.close();
  });

  beforeEach(async () => {
    complaints = [];
    context = await browser.newContext();
    page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) {
        complaints.push(message.text());
      }
    });
  });

  afterEach(async () => {
    assert.deepEqual(complaints, []);
    await context.close();
  });

  const text = (selector) => page.textContent(selector);

  const shows = (selector, expected) =>
    until(`${selector} shows ${expected}`, async () =>
      expected instanceof RegExp
        ? expected.test(await text(selector))
        : (await text(selector)) === expected,
    );

  /* What the panel has in a column, by its head. */
  async function cell(trigger, head) {
    const heads = await page.$$eval('#triggers thead th', (list) =>
      list.map((one) => one.textContent),
    );
    const at = heads.indexOf(head);
    assert.ok(at > 0, head);
    return page.textContent(
      `#triggers-rows tr[data-key="${trigger}"] > :nth-child(${at + 1})`,
    );
  }

  const has = (trigger, head, expected) =>
    until(
      `${head} of ${trigger} is ${expected}`,
      async () => (await cell(trigger, head)) === expected,
    );

  async function order(number) {
    const answer = await fetch(
      `${httpd.base}/push/events?type=order&id=${number}`,
      {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ number, note: SECRET }),
      },
    );
    assert.equal(answer.status, 202, await answer.text());
  }

  it('shows how they stand, and what was given up can be tried again', async () => {
    status = 404;
    await order(1);
    await order(2);
    await page.goto(`${httpd.base}/push/`);
    await has('orders', 'Given up', '2');
    await has('orders', 'State', 'runs');
    await has('orders', 'Waiting', '0');
    await has('board', 'Last error', '–');
    assert.match(await cell('orders', 'Last error'), /^\d\d:\d\d:\d\d .*404/);
    assert.ok(await page.isVisible('#triggers-link'));
    assert.ok(!(await text('#triggers')).includes('hidden'));

    await page.click('[aria-label="Dead letters of orders"]');
    await shows('#dead-count', '2 events given up.');
    assert.match(await text('#dead-rows'), /order.*it answers 404/);
    assert.ok(!(await text('body')).includes(SECRET));
    await page.click('#dead-retry');
    await page.keyboard.press('Escape');
    await until('the dialog is gone', () => page.isHidden('#confirm'));
    assert.equal(await text('#dead-said'), '');

    status = 200;
    await page.click('#dead-retry');
    await page.click('#confirm-yes');
    await shows('#dead-said', '2 events queued again.');
    await shows('#dead-count', 'There is none.');
    await until('both went through', async () => {
      const answer = await fetch(`${httpd.base}/push/triggers`);
      const { triggers } = await answer.json();
      const { requests } = triggers.find(({ trigger }) => trigger === 'orders');
      return requests['2xx'] === 2;
    });
  });

  it('drops what was given up', async () => {
    status = 410;
    await order(3);
    await page.goto(`${httpd.base}/push/`);
    await has('orders', 'Given up', '3');
    await page.click('[aria-label="Dead letters of orders"]');
    await shows('#dead-count', '1 event given up.');
    await page.click('#dead-drop');
    await shows('#confirm-text', /“orders” has given up are forgotten/);
    await page.click('#confirm-yes');
    await shows('#dead-said', '1 event forgotten.');
    const left = await fetch(`${httpd.base}/push/triggers/orders/dead`);
    assert.deepEqual((await left.json()).dead, []);
    await page.click('#dead-close');
    assert.ok(await page.isHidden('#dead'));
  });

  it('fits 360 pixels', async () => {
    status = 404;
    await order(4);
    await page.setViewportSize({ width: 360, height: 740 });
    await page.goto(`${httpd.base}/push/`);
    await has('orders', 'State', 'runs');
    await page.click('[aria-label="Dead letters of orders"]');
    await until('the list is open', () => page.isVisible('#dead'));
    const width = await page.evaluate(
      () => document.documentElement.scrollWidth,
    );
    assert.ok(width <= 360, `${width}`);
  });

  describe('the board', () => {
    const counts = async () => {
      const answer = await fetch(`${httpd.base}/board/board.cgi?counts`);
      return answer.json();
    };
    const number = async (id) => Number(await text(`#${id}`));

    it('is the same polled and pushed, with fewer requests', async () => {
      const before = await counts();
      assert.equal(before.pushed.requests, 0, 'nobody has followed');
      await page.goto(`${httpd.base}/board/`);
      for (const side of ['polled', 'pushed']) {
        await until(`${side} has changed`, async () =>
          / s$/.test(await text(`#${side}-age`)),
        );
        const trains = await page.$$(`#${side} tbody tr`);
        assert.equal(trains.length, 4);
      }
      // Both are of the same board as soon as none of them is late.
      await until('they are the same', async () => {
        const [polled, pushed] = [
          await text('#polled tbody'),
          await text('#pushed tbody'),
        ];
        return polled === pushed;
      });
      await until('it was asked a few times', async () => {
        return (await number('pushed-requests')) >= 3;
      });
      const asked = await number('polled-requests');
      assert.ok(asked >= 4 * (await number('pushed-requests')), `${asked}`);
      assert.ok(
        (await number('polled-drawn')) > (await number('pushed-drawn')),
      );
    });

    it('asks for nobody when the last one leaves', async () => {
      await page.goto(`${httpd.base}/board/`);
      await until(
        'somebody follows',
        async () => (await number('pushed-drawn')) > 0,
      );
      await page.click('#leave');
      await shows('#leave', 'Come back');
      await until('nobody follows', async () => {
        const answer = await fetch(`${httpd.base}/push/channels?prefix=board`);
        const { channels } = await answer.json();
        return channels[0].connected === 0;
      });
      // One request may be under way; what visitors poll goes on meanwhile.
      const before = await counts();
      await until('ten polls more', async () => {
        const now = await counts();
        return now.polled.requests >= before.polled.requests + 10;
      });
      const now = await counts();
      assert.ok(now.pushed.requests <= before.pushed.requests + 1);
      await page.click('#leave');
      await until('it is asked for again', async () => {
        const { pushed } = await counts();
        return pushed.requests > now.pushed.requests;
      });
    });

    it('fits 360 pixels', async () => {
      await page.setViewportSize({ width: 360, height: 740 });
      await page.goto(`${httpd.base}/board/`);
      const width = await page.evaluate(
        () => document.documentElement.scrollWidth,
      );
      assert.ok(width <= 360, `${width}`);
    });
  });
});
