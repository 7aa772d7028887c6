/* The browser's own EventSource, on a bare page, against the module. */

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { launch } from './chromium.js';
import { Httpd } from './httpd.js';
import { Network } from './proxy.js';
import { until } from './wait.js';

const TYPES = ['message', 'heartbeat', 'note', 'push.gap', 'push.bye'];

describe('native EventSource', { timeout: 600000 }, () => {
  let httpd;
  let network;
  let browser;
  let page;
  let users = 0;
  let user;

  before(async () => {
    httpd = await Httpd.start();
    network = await Network.to(httpd.port);
    browser = await launch();
    page = await browser.newPage();
    await page.goto(`${network.base}/icon.svg`);
  });

  after(async () => {
    await browser?.close();
    await network?.close();
    await httpd?.stop();
  });

  beforeEach(() => {
    user = `rider${++users}`;
    network.restore();
  });

  /* Opens a stream in the page; what it gets is kept there. */
  async function subscribe(name, query) {
    await page.evaluate(
      ([name, query, types]) => {
        const kept = { events: [], opened: 0, errors: 0 };
        const source = new EventSource(`/ramen/receive?${query}`);
        source.onopen = () => kept.opened++;
        source.onerror = () => kept.errors++;
        for (const type of types) {
          source.addEventListener(type, (event) =>
            kept.events.push({
              type: event.type,
              id: event.lastEventId,
              data: event.data,
            }),
          );
        }
        globalThis[name] = Object.assign(kept, { source });
      },
      [name, new URLSearchParams(query).toString(), TYPES],
    );
    await until('the stream is open', async () => (await state(name)).opened);
  }

  function state(name) {
    return page.evaluate((name) => {
      const { events, opened, errors, source } = globalThis[name];
      return { events, opened, errors, readyState: source.readyState };
    }, name);
  }

  async function messages(name, count) {
    const { events } = await until(
      `${count} messages`,
      async () => {
        const now = await state(name);
        now.events = now.events.filter(({ type }) =>
          ['message', 'note'].includes(type),
        );
        return now.events.length >= count && now;
      },
      20000,
    );
    return events;
  }

  const close = (name) =>
    page.evaluate((name) => globalThis[name].source.close(), name);

  const seqs = (events) => events.map(({ id }) => Number(id.split('.')[0]));
  const texts = (events) => events.map(({ data }) => data);

  it('gets what was published before it came, the urgent first', async () => {
    const urgencies = ['low', 'high', 'normal', 'very-low', 'high', 'low'];
    for (const [n, urgency] of urgencies.entries()) {
      await httpd.publish({ user }, `${urgency} ${n}`, { Urgency: urgency });
    }
    await subscribe('s', { user });
    const events = await messages('s', 6);
    assert.deepEqual(texts(events), [
      'high 1',
      'high 4',
      'normal 2',
      'low 0',
      'low 5',
      'very-low 3',
    ]);
    assert.deepEqual(seqs(events), [1, 2, 3, 4, 5, 6]);
    await close('s');
  });

  it('goes on behind the last event after a cut, by Last-Event-ID', async () => {
    await subscribe('s', { user });
    for (const text of ['one', 'two', 'three']) {
      await httpd.publish({ user }, text);
    }
    await messages('s', 3);

    network.refuse();
    network.cut();
    await until('the page sees the cut', async () => (await state('s')).errors);
    await httpd.publish({ user }, 'later', { Urgency: 'low' });
    await httpd.publish({ user }, 'urgent', { Urgency: 'high' });
    network.restore();
    await reopened('s', 2);

    const events = await messages('s', 5);
    assert.deepEqual(texts(events), ['one', 'two', 'three', 'urgent', 'later']);
    assert.deepEqual(seqs(events), [1, 2, 3, 4, 5]);
    await close('s');
  });

  /* By the browser's own doing: nothing here opens a stream again. */
  async function reopened(name, times) {
    await until('the stream is open again', async () => {
      const { opened, readyState } = await state(name);
      assert.notEqual(readyState, 2, 'the browser gave up');
      return opened >= times;
    });
  }

  it('loses nothing when it is cut again and again', async () => {
    const COUNT = 300;
    await subscribe('s', { user });
    for (let n = 0; n < COUNT; n++) {
      await httpd.publish({ user }, `message ${n}`);
      if (n % 60 === 30) {
        network.cut();
      }
    }
    const seen = await until(
      'all of them',
      async () => {
        const { events } = await state('s');
        const data = new Set(
          events.filter(({ type }) => type === 'message').map((e) => e.data),
        );
        return data.size >= COUNT && data;
      },
      30000,
    );
    for (let n = 0; n < COUNT; n++) {
      assert.ok(seen.has(`message ${n}`), `message ${n}`);
    }
    const { opened } = await state('s');
    assert.ok(opened > 1, `it was cut and came back: ${opened}`);
    await close('s');
  });

  it('keeps the streams of two tabs of one rider apart', async () => {
    await subscribe('s', { user });
    await subscribe('t', { user });
    const answer = await httpd.publish({ user }, 'to both');
    assert.equal(answer.recipients, 2);
    assert.equal(answer.connected, 2);
    assert.deepEqual(texts(await messages('s', 1)), ['to both']);
    assert.deepEqual(texts(await messages('t', 1)), ['to both']);
    assert.equal((await state('s')).opened, 1, 'neither took the other over');
    assert.equal((await state('t')).opened, 1);
    await close('s');
    await close('t');
  });

  it('sees heartbeats as events only where it asked for them', async () => {
    await subscribe('s', { user, heartbeat: 'event' });
    await subscribe('t', { user });
    await until('two heartbeats', async () => {
      const { events } = await state('s');
      return events.filter(({ type }) => type === 'heartbeat').length >= 2;
    });
    assert.deepEqual((await state('t')).events, []);
    const { events } = await state('s');
    assert.ok(
      events.every(({ id }) => id === ''),
      'a heartbeat has no id',
    );
    await close('s');
    await close('t');
  });

  it('gets types, lines and UTF-8 as they were published', async () => {
    const text = 'first\nsecond\n\nfourth: ∑ 日本 🚗';
    await subscribe('s', { user });
    await httpd.publish({ user }, text, { 'Push-Event': 'note' });
    const [event] = await messages('s', 1);
    assert.equal(event.type, 'note');
    assert.equal(event.data, text);
    await close('s');
  });

  it('gets what goes to its channel and to everyone', async () => {
    await subscribe('s', { user, channel: 'city.porto' });
    await httpd.publish({ channel: 'city.porto' }, 'rain');
    await httpd.publish({ channel: 'city.faro' }, 'sun');
    await httpd.publish({ broadcast: 1 }, 'hello');
    assert.deepEqual(texts(await messages('s', 2)), ['rain', 'hello']);
    await close('s');
  });

  it('is told by a status, not a stream, that a channel is closed to it', async () => {
    const answer = await page.evaluate(async () => {
      const response = await fetch('/ramen/receive?user=x&channel=secret');
      return [response.status, response.headers.get('content-type')];
    });
    assert.deepEqual(answer, [403, 'application/problem+json']);
  });

  it('comes back by itself after a graceful restart', async () => {
    await subscribe('s', { user });
    await httpd.publish({ user }, 'before');
    await messages('s', 1);
    const old = httpd.children();
    httpd.graceful();
    await until('the old children are gone', () => {
      const now = httpd.children();
      return now.length > 0 && !now.some((pid) => old.includes(pid));
    });
    await httpd.publish({ user }, 'after');
    const events = await messages('s', 2);
    assert.deepEqual(texts(events), ['before', 'after']);
    assert.deepEqual(seqs(events), [1, 2]);
    await close('s');
  });

  it('comes back by itself when a child is killed', async () => {
    httpd.expect(/exit signal Killed/);
    await subscribe('s', { user });
    await httpd.publish({ user }, 'before');
    await messages('s', 1);
    for (const pid of httpd.children()) {
      process.kill(pid, 'SIGKILL');
    }
    await until('the page sees it', async () => (await state('s')).errors > 0);
    await reopened('s', 2);
    await until('a publisher gets through', () =>
      httpd.publish({ user }, 'after').catch(() => false),
    );
    const events = await messages('s', 2);
    assert.deepEqual(texts(events), ['before', 'after']);
    await close('s');
  });
});
