/** Five tabs of one origin share one stream, whatever happens to the leader. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../../tests/browser/wait.js';
import { world } from '../world.js';
import { launch, NEEDS_DRIVER } from './browser.js';
import { RawContext } from './raw.js';

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

const LIMIT = { timeout: 300000 };
const DRIVEN = { ...LIMIT, ...NEEDS_DRIVER };

let groups = 0;

/** Some tabs of one user, in a profile of their own. */
class Group {
  /** `more`: of the query of its pages. */
  static async open(count = 5, context = browser.newContext(), more = '') {
    const group = new Group();
    group.more = more;
    group.user = `tabs${++groups}${own.tag}`;
    group.context = await context;
    group.pages = [];
    for (let i = 0; i < count; i++) {
      await group.add();
    }
    await until('one leads', () => group.leader());
    return group;
  }

  async add() {
    const page = await this.context.newPage();
    page.name = `tab${this.pages.length}`;
    await page.goto(
      `${own.base}/sdk-js/test/browser/tab.html?user=${this.user}&name=${page.name}${this.more}`,
    );
    await until('the tab takes part', () =>
      page.evaluate(() => window.tab?.client.readyState === 1),
    );
    this.pages.push(page);
  }

  async leader() {
    for (const page of this.pages) {
      if (await page.evaluate(() => window.tab.leads())) {
        return page;
      }
    }
    return undefined;
  }

  /** Takes a page out of what is looked at. */
  without(page) {
    this.pages = this.pages.filter((other) => other !== page);
  }

  publish(text, options) {
    return own.publish({ user: this.user }, text, options);
  }

  /** Every tab that is looked at got these, each once. */
  async allGot(texts, what = 'all tabs got it', ms = 30000) {
    await until(
      what,
      async () => {
        for (const page of this.pages) {
          const got = await page.evaluate(() => window.tab.got);
          if (got.length < texts.length) {
            return false;
          }
        }
        return true;
      },
      ms,
    );
    for (const page of this.pages) {
      assert.deepEqual(
        await page.evaluate(() => window.tab.got),
        texts,
        page.name,
      );
    }
  }

  async leading() {
    let count = 0;
    for (const page of this.pages) {
      count += await page.evaluate(() => window.tab.leads());
    }
    return count;
  }

  /** One stream at the server, in one tab, and it stays so. */
  async oneStream() {
    await until('one stream', async () => {
      const devices = await own.devices(this.user);
      return (
        devices.length === 1 &&
        devices[0].online &&
        (await this.leading()) === 1
      );
    });
    assert.equal(await this.leading(), 1);
  }

  /**
   * Publishes at once after something was done to the leader; how long it
   * took the others to get it, in ms.
   */
  async moves(texts, text) {
    const since = performance.now();
    await this.publish(text);
    await this.allGot([...texts, text], 'the others got it', 30000);
    return performance.now() - since;
  }

  close() {
    return this.context.close();
  }
}

/**
 * The process of a page: the renderer that works when the page does, and
 * clearly more than any other that was there before.
 */
async function processOf(page) {
  const session = await browser.newBrowserCDPSession();
  const times = async () => {
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    return new Map(
      processInfo
        .filter(({ type }) => type === 'renderer')
        .map(({ id, cpuTime }) => [id, cpuTime]),
    );
  };
  const found = await until('one process works', async () => {
    const start = await times();
    await page.evaluate(() => {
      const end = performance.now() + 300;
      while (performance.now() < end);
    });
    const now = await times();
    const [[id, most], [, next]] = [...start]
      .map(([id, time]) => [id, (now.get(id) ?? 0) - time])
      .sort(([, a], [, b]) => b - a);
    return most > 0.1 && most > 3 * next && id;
  });
  await session.detach();
  return found;
}

/** A group that got a message, and the tab that leads it. */
async function begun(t) {
  const group = await Group.open();
  t.after(() => group.close());
  await group.publish('a');
  await group.allGot(['a']);
  return { group, leader: await group.leader() };
}

/**
 * A test whose body returns how long the stream took to move. That must be in
 * 2 s: a busy machine may need longer, but not each time.
 */
const moves = (name, limit, body) =>
  test(name, limit, async (t) => {
    const took = [];
    while (took.length < 3 && !(took.at(-1) <= 2000)) {
      took.push(await body(t));
    }
    assert.ok(took.at(-1) <= 2000, `took ${took} ms`);
  });

test(
  'tabs share polls, and the next leader goes on polling',
  LIMIT,
  async () => {
    const group = await Group.open(3, undefined, '&poll');
    const sent = [];
    const all = async (text) => {
      sent.push(text);
      await group.publish(text);
      await group.allGot(sent);
    };
    await all('a');
    await all('b');
    const led = await group.leader();
    group.without(led);
    await led.close();
    await until('another leads', () => group.leader());
    await all('c');
    for (const page of group.pages) {
      assert.ok(
        await page.evaluate(() => window.tab.states.includes('open by poll')),
      );
    }
    await group.close();
  },
);

test(
  'any tab can reconnect, and acknowledgements name the numbering of the stream',
  LIMIT,
  async () => {
    const group = await Group.open(2);
    const leader = await group.leader();
    const follower = group.pages.find((page) => page !== leader);
    const named = () =>
      until('an acknowledgement that names the stream', () =>
        leader.evaluate(
          () => window.tab.sessions.at(-1) === window.tab.numberings.at(-1),
        ),
      );
    await group.publish('a');
    await group.allGot(['a']);
    await named();
    await follower.evaluate(() => window.tab.client.reconnect());
    await until('another stream', () =>
      leader.evaluate(
        () =>
          window.tab.streams.length === 2 && window.tab.client.readyState === 1,
      ),
    );
    await group.publish('b');
    await group.allGot(['a', 'b']);
    await named();
    assert.notEqual(
      ...(await leader.evaluate(() => window.tab.numberings.slice(-2))),
    );
    await group.context.close();
  },
);

test(
  'five tabs have one stream, and each hands over each message once',
  LIMIT,
  async (t) => {
    const group = await Group.open();
    t.after(() => group.close());
    await group.publish('a');
    await group.publish('b');
    await group.allGot(['a', 'b']);
    await group.oneStream();
    await until('one stream in all', async () => {
      const answer = await fetch(`${own.direct}/push/streams?limit=200`);
      const { streams } = await answer.json();
      return streams.filter(({ user }) => user === group.user).length === 1;
    });
  },
);

test(
  'a message is acknowledged when the last tab is done with it',
  LIMIT,
  async (t) => {
    const group = await Group.open(3);
    t.after(() => group.close());
    const leader = await group.leader();
    const slow = group.pages.find((page) => page !== leader);
    await slow.evaluate(() => {
      window.tab.hold = new Promise(
        (resolve) => (window.tab.release = resolve),
      );
    });
    const { id } = await group.publish('a', { receipt: true });
    await group.allGot(['a']);
    await leader.evaluate(() => window.tab.client.flush());
    assert.equal((await own.message(id)).counts.acked ?? 0, 0);
    await slow.evaluate(() => window.tab.release());
    await until(
      'acknowledged',
      async () => (await own.message(id)).counts.acked === 1,
    );
  },
);

test('a follower that closes is not waited for', LIMIT, async (t) => {
  const group = await Group.open(3);
  t.after(() => group.close());
  const leader = await group.leader();
  const slow = group.pages.find((page) => page !== leader);
  await slow.evaluate(() => {
    window.tab.hold = new Promise(() => {});
  });
  const { id } = await group.publish('a');
  await group.allGot(['a']);
  group.without(slow);
  await slow.close();
  await until(
    'acknowledged',
    async () => (await own.message(id)).counts.acked === 1,
  );
});

moves(
  'the leader closes: the stream moves in 2 s, nothing twice',
  LIMIT,
  async (t) => {
    const { group, leader } = await begun(t);
    group.without(leader);
    await leader.close();
    const took = await group.moves(['a'], 'b');
    await group.oneStream();
    return took;
  },
);

moves(
  'the leader crashes: the stream moves in 2 s, nothing twice',
  DRIVEN,
  async (t) => {
    const { group, leader } = await begun(t);
    const pid = await processOf(leader);
    group.without(leader);
    process.kill(pid, 'SIGKILL');
    const took = await group.moves(['a'], 'b');
    await group.oneStream();
    return took;
  },
);

for (const [when, more] of [
  ['', ''],
  [', though it is told late', '&late'],
]) {
  moves(
    `the leader is stopped without a word: the stream moves in 2 s, and back it is a follower${when}`,
    DRIVEN,
    async (t) => {
      const group = await Group.open(5, browser.newContext(), more);
      t.after(() => group.close());
      await group.publish('a');
      await group.allGot(['a']);
      const leader = await group.leader();
      const pid = await processOf(leader);
      const all = group.pages;
      let took;
      group.without(leader);
      process.kill(pid, 'SIGSTOP');
      try {
        took = await group.moves(['a'], 'b');
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      group.pages = all;
      await group.publish('c');
      await group.allGot(['a', 'b', 'c']);
      await group.oneStream();
      assert.equal(await leader.evaluate(() => window.tab.leads()), false);
      return took;
    },
  );
}

moves(
  'the leader is frozen by the browser: the stream moves in 2 s',
  DRIVEN,
  async (t) => {
    const group = await Group.open(5, RawContext.of(browser));
    t.after(() => group.close());
    await group.publish('a');
    await group.allGot(['a']);
    const leader = await group.leader();
    group.without(leader);
    await leader.send('Page.setWebLifecycleState', { state: 'frozen' });
    const took = await group.moves(['a'], 'b');
    await leader.send('Page.setWebLifecycleState', { state: 'active' });
    group.pages.push(leader);
    await group.publish('c');
    await group.allGot(['a', 'b', 'c']);
    await group.oneStream();
    return took;
  },
);

moves(
  'the leader goes into the back/forward cache: the stream moves in 2 s, and back it takes part',
  DRIVEN,
  async (t) => {
    const group = await Group.open(3);
    t.after(() => group.close());
    await group.publish('a');
    await group.allGot(['a']);
    const leader = await group.leader();
    const { name } = leader;
    group.without(leader);
    await leader.evaluate(() => void (location.href = '/'));
    const took = await group.moves(['a'], 'b');
    await group.oneStream();
    await leader.waitForURL('**/');
    await leader.evaluate(() => history.back());
    const [other] = group.pages;
    await until('the page is back', () =>
      other.evaluate((name) => window.ask(name), name),
    );
    await group.publish('c');
    await group.allGot(['a', 'b', 'c']);
    const back = await until('the page got it', async () => {
      const said = await other.evaluate((name) => window.ask(name), name);
      return said?.got.includes('c') && said;
    });
    assert.equal(back.restored, 1, JSON.stringify(back));
    /* What it missed is told. */
    assert.deepEqual(back.gaps, back.got.includes('b') ? [] : ['suspended']);
    /* Whether it got b depends on which was faster; twice it must not be. */
    assert.deepEqual(back.got, [...new Set(back.got)]);
    await group.oneStream();
    return took;
  },
);

test(
  'many messages while leaders come and go: each tab hands over each once',
  LIMIT,
  async (t) => {
    const group = await Group.open();
    t.after(() => group.close());
    const total = 600;
    const expected = Array.from({ length: total }, (_, i) => String(i));
    /* Who came last leads last. */
    const last = group.pages.at(-1);
    const feeding = own.feed(group.user, total, () =>
      last.evaluate(() => window.tab.got.length),
    );
    while (group.pages.length > 1) {
      const goal = (5 - group.pages.length + 1) * 100;
      const leader = await until('one leads', () => group.leader());
      await until('some arrive', () =>
        leader.evaluate((goal) => window.tab.got.length >= goal, goal),
      );
      group.without(leader);
      await leader.close();
    }
    await feeding;
    await group.allGot(expected, 'all arrived', 60000);
  },
);

test(
  'a superseded leader that is not alone stops in all tabs',
  LIMIT,
  async (t) => {
    const group = await Group.open(2);
    t.after(() => group.close());
    const device = await group.pages[0].evaluate(() =>
      new URL(window.tab.client.url).searchParams.get('device'),
    );
    const stop = new AbortController();
    t.after(() => stop.abort());
    fetch(
      `${own.base}/ramen/receive?user=${group.user}&device=${device}&ack=explicit`,
      {
        signal: stop.signal,
      },
    ).catch(() => {});
    await until('both stopped', async () => {
      const states = await Promise.all(
        group.pages.map((page) =>
          page.evaluate(() => window.tab.client.readyState),
        ),
      );
      return states.every((state) => state === 2);
    });
  },
);

for (const what of ['locks', 'channels']) {
  test(
    `where the browser refuses ${what} each tab has its own stream`,
    LIMIT,
    async (t) => {
      const group = await Group.open(
        2,
        browser.newContext(),
        `&refuse=${what}`,
      );
      t.after(() => group.close());
      /* One that is closed at once has none at all. */
      await group.pages[0].evaluate(async (user) => {
        const { PushClient } = await import('/sdk-js/src/index.js');
        const { tabs } = await import('/sdk-js/src/tabs.js');
        const url = `/ramen?user=${user}&app=closed`;
        new PushClient(url, { share: tabs }).close();
      }, group.user);
      const { id } = await group.publish('a');
      await group.allGot(['a']);
      const devices = await own.devices(group.user);
      assert.equal(devices.filter(({ app }) => app).length, 0);
      await until(
        'both acknowledged',
        async () => (await own.message(id)).counts.acked === 2,
      );
    },
  );
}
