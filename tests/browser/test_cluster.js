/* The dashboard of a node of a cluster, as an operator uses it: three real
 * nodes on a real Redis. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { launch } from './chromium.js';
import { Httpd } from './httpd.js';
import { Redis } from './redis.js';
import { until } from './wait.js';

describe('the dashboard of a cluster', { timeout: 600000 }, () => {
  let directory;
  let redis;
  let nodes = [];
  let killed; // a node that was; the list has it for a minute
  let browser;
  let context;
  let page;
  let complaints;
  let hosts;
  let watched; // the node whose dashboard it is
  const streams = new Set();
  let application; // that a trigger tells of orders
  const asked = []; // how to answer what it was asked

  before(async () => {
    directory = await fs.mkdtemp(path.join(tmpdir(), 'push-cluster-'));
    const secret = path.join(directory, 'secret');
    await fs.writeFile(secret, randomBytes(32), { mode: 0o600 });
    redis = await Redis.start();
    application = createServer((request, answer) => {
      request.resume();
      asked.push((status) => answer.writeHead(status).end());
    });
    await new Promise((done) => application.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${application.address().port}`;
    for (let i = 0; i < 3; i++) {
      const node = await Httpd.start([
        `PushCluster "${redis.url}"`,
        `PushClusterSecret "${secret}"`,
        'PushClusterUrl "${PUSH_DEMO_URL}/push"',
        '<PushTrigger orders>',
        `PushWhen "event('type') == 'order'"`,
        `PushPost "${url}/orders" timeout=60s`,
        '</PushTrigger>',
      ]);
      nodes.push(node);
      node.expect(/PUSH0207|PUSH0214/); // a slow machine
      node.expect(/PUSH0241/); // what is given up is logged
    }
    browser = await launch();
  });

  after(async () => {
    for (const stream of streams) {
      stream.abort();
    }
    await browser?.close();
    await Promise.all(nodes.map((node) => node.stop()));
    redis?.stop();
    application?.closeAllConnections();
    application?.close();
    await fs.rm(directory, { recursive: true });
  });

  beforeEach(() => open());

  afterEach(async () => {
    assert.deepEqual(complaints, []);
    assert.deepEqual([...hosts], [new URL(watched.base).host]);
    await context.close();
  });

  async function open(options = {}, node = nodes[0]) {
    watched = node;
    await context?.close();
    complaints = [];
    hosts = new Set();
    context = await browser.newContext(options);
    page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) {
        complaints.push(message.text());
      }
    });
    page.on('request', (request) => hosts.add(new URL(request.url()).host));
    await page.goto(`${node.base}/push/`);
    await page.waitForSelector('html[data-fed]', { timeout: 60000 });
    await page.waitForSelector('#nodes-rows tr', { timeout: 60000 });
  }

  /* Of each node that the panel shows, its cells by the heads of the columns;
   * and of each master of Redis. */
  const table = (of) =>
    page.$eval(of, (body) => {
      const heads = [...body.parentElement.querySelectorAll('thead th')];
      return [...body.rows].map((row) =>
        Object.fromEntries(
          heads.map(({ textContent: head }, i) => [
            head,
            {
              text: row.cells[i].textContent,
              level: row.cells[i].dataset.level ?? '',
            },
          ]),
        ),
      );
    });

  const rowOf = async (node) =>
    (await table('#nodes-rows')).find((row) =>
      row.Node.text.endsWith(`${node.base}/push`),
    );

  const has = (node, head, expected) =>
    until(`${head} of ${node.base} is ${expected}`, async () => {
      const { [head]: cell } = (await rowOf(node)) ?? {};
      return cell && expected.test(cell.text);
    });

  const says = (selector, expected) =>
    until(`${selector} says ${expected}`, async () =>
      expected.test(await page.textContent(selector)),
    );

  async function follow(node, user) {
    const end = new AbortController();
    const answer = await fetch(
      `${node.base}/ramen/receive?user=${user}&device=d&seq=0`,
      { signal: end.signal },
    );
    assert.equal(answer.status, 200);
    streams.add(end);
    read(answer.body).catch(() => {});
  }

  /* A body that nobody reads ends its stream at some time. */
  async function read(body) {
    const reader = body.getReader();
    while (!(await reader.read()).done);
  }

  it('shows each node, and what it does', async () => {
    await follow(nodes[1], 'anna');
    await follow(nodes[1], 'bert');
    await nodes[2].publish({ user: 'anna' }, 'one');
    assert.ok(await page.isVisible('#nodes-link'));
    await says('#nodes-self', /^this is node \d+$/);
    await until(
      'all nodes are there',
      async () => (await table('#nodes-rows')).length === 3,
    );
    for (const node of nodes) {
      await has(node, 'Heard of', /ago$/);
      await has(node, 'Drained', /ago$/);
      await has(node, 'Suspect', /^0$/);
    }
    await has(nodes[1], 'Streams', /^2$/);
    await has(nodes[1], 'Devices', /^2$/);
    await has(nodes[1], 'Written', /^1$/);
    await has(nodes[2], 'Streams', /^0$/);
    await says('#of-nodes', /3 nodes/);
    const links = await page.$$eval('#nodes-rows a', (list) =>
      list.map(({ href }) => href),
    );
    const expected = nodes.map(({ base }) => `${base}/push`);
    assert.deepEqual(links.sort(), expected.sort(), 'each leads there');
  });

  it('shows how far it is with each master of Redis', async () => {
    await until('no partition is suspect', async () => {
      const [master] = await table('#masters-rows');
      return master.Suspect.text === '0' && master.Drained.level === '';
    });
    const masters = await table('#masters-rows');
    assert.equal(masters.length, 1);
    assert.equal(masters[0].Address.text, new URL(redis.url).host);
    assert.equal(masters[0].Partitions.text, '1,024');
    assert.match(masters[0].Drained.text, /ago$/);
  });

  /* Of the trigger of orders, as a node tells it, or the panel. */
  async function orders(node) {
    const answer = await fetch(`${node.base}/push/triggers`);
    const { triggers } = await answer.json();
    return triggers.find(({ trigger }) => trigger === 'orders');
  }

  const shows = (head, expected) =>
    until(`${head} of orders is ${expected}`, async () => {
      const rows = await table('#triggers-rows');
      const row = rows.find((one) => one.Trigger.text === 'orders');
      return row && expected.test(row[head].text);
    });

  it('shows the queue of a trigger that another node works on', async () => {
    let owner;
    await until('a node has the queue', async () => {
      const all = await Promise.all(nodes.map(orders));
      owner = nodes[all.findIndex(({ child }) => child)];
      return owner;
    });
    await open(
      {},
      nodes.find((node) => node !== owner),
    );
    await says('#triggers-whose', /^what waits is the cluster’s, .* node \d+$/);
    await shows('State', /^runs$/);
    const answer = await fetch(`${nodes[2].base}/push/events?type=order&id=1`, {
      method: 'POST',
      body: '{"number":1}',
    });
    assert.equal(answer.status, 202, await answer.text());
    await until('it is asked', () => asked.length === 1);
    assert.equal((await orders(owner)).running, 1);
    await shows('Waiting', /^1$/);
    await shows('Running', /^0$/);

    asked[0](404);
    await shows('Waiting', /^0$/);
    await shows('Given up', /^0$/);
    // Whichever node gave it up, each has it, and may try it again.
    await page.click('[aria-label="Dead letters of orders"]');
    await says('#dead-count', /^1 event given up\.$/);
    assert.match(await page.textContent('#dead-rows'), /order.*it answers 404/);
    await page.click('#dead-retry');
    await page.click('#confirm-yes');
    await says('#dead-said', /^1 event queued again\.$/);
    await until('it is asked again', () => asked.length === 2);
    asked[1](200);
    await until('none is left', async () => {
      const left = await fetch(`${owner.base}/push/triggers/orders/dead`);
      return (await left.json()).dead?.length === 0;
    });
    await shows('Waiting', /^0$/);
    assert.equal(asked.length, 2);
    const done = await Promise.all(nodes.map(orders));
    assert.equal(
      done.reduce((sum, { requests }) => sum + requests['2xx'], 0),
      1,
    );
  });

  it('marks a node that is killed', async () => {
    killed = nodes.pop();
    await killed.kill();
    await until('it is marked', async () => {
      const { 'Heard of': heard } = await rowOf(killed);
      return heard.level === 'bad';
    });
    await has(nodes[0], 'Heard of', /ago$/);
    await says('#of-nodes', / 2 (of 3 )?nodes/);
  });

  for (const colorScheme of ['light', 'dark']) {
    it(`fits 360 pixels, ${colorScheme}`, async () => {
      await open({ viewport: { width: 360, height: 740 }, colorScheme });
      const wide = await page.evaluate(
        () => document.documentElement.scrollWidth,
      );
      assert.ok(wide <= 360, `${wide} pixels`);
    });
  }

  it('forgets a node that was killed', async () => {
    await until('it is gone', async () => !(await rowOf(killed)), 90000);
    assert.equal((await table('#nodes-rows')).length, 2);
    await says('#of-nodes', /2 nodes$/);
    const [master] = await table('#masters-rows');
    assert.equal(master.Suspect.text, '0');
  });
});
