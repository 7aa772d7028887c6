/**
 * What must hold against the real module, written once: runs in Node and in a
 * page. A test gets a world (world.js): the server's addresses, a network
 * that can break, and a publisher.
 *
 * @typedef {import('./world.js').World} World
 */
import { PushClient } from '../src/index.js';
import { poll, pollFallback } from '../src/poll.js';

/* ---- helpers ---- */

function equal(actual, expected, what = '') {
  const [a, b] = [actual, expected].map((value) => JSON.stringify(value));
  if (a !== b) {
    throw new Error(`${what}: ${a} is not ${b}`);
  }
}

async function until(what, condition, ms = 30000) {
  const end = performance.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (performance.now() > end) {
      throw new Error(`not within ${ms} ms: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

let users = 0;

/** A new user, and how to follow and to address it. */
function someone(world, location = 'ramen') {
  const user = `u${world.tag}${++users}`;
  const errors = [];
  const follow = (options = {}) => {
    const client = new PushClient(`${world.base}/${location}?user=${user}`, {
      device: 'd1',
      ...options,
    });
    client.onerror = ({ error }) => void errors.push(error.code);
    world.clients.push(client);
    return client;
  };
  const publish = (body, options) => world.publish({ user }, body, options);
  const device = async () => (await world.devices(user))[0];
  return { user, follow, publish, device, errors };
}

const texts = (client, got = []) => {
  client.onmessage = ({ data }) => void got.push(data);
  return got;
};

const opened = (client) => until('open', () => client.readyState === 1);

/**
 * Every message comes once, in order, while connections are cut: about every
 * so many messages. What a browser asks again by itself is no cut to a client.
 */
async function underCuts(world, total, every, least, options) {
  const one = someone(world);
  const client = one.follow({
    random: () => Math.random() * 0.02,
    ...options,
  });
  const got = [];
  let opened = 0;
  let cutAt = 0;
  client.onopen = () => void opened++;
  client.onmessage = ({ data }) => {
    got.push(+data);
    if (got.length >= cutAt) {
      cutAt = got.length + every * (0.4 + 1.2 * Math.random());
      /* In the middle of a poll, too. */
      setTimeout(() => world.network.cut(), Math.random() * 10);
    }
  };
  await until('open', () => opened);
  equal(await world.feed(one.user, total, () => got.length), total);
  await until('all', () => got.length >= total, 90000);
  if (opened < least) {
    throw new Error(`opened only ${opened} times: hardly a cut`);
  }
  equal(got.length, total);
  got.forEach((n, i) => n === i || equal(n, i, 'order'));
}

/* ---- the walk ---- */

export const suite = {
  async 'a message published is a message received and acknowledged'(world) {
    const one = someone(world);
    const client = one.follow();
    const message = new Promise((resolve) =>
      client.addEventListener('trip', resolve),
    );
    await opened(client);
    const { id } = await one.publish('{"trip":9}', { event: 'trip' });
    const got = await message;
    equal(
      [got.type, got.json(), got.seq, got.mid],
      ['trip', { trip: 9 }, 1, id],
    );
    await client.flush();
    const { counts } = await world.message(id);
    equal(counts.acked, 1);
  },

  async 'payloads of several lines, and of bytes, arrive as they were'(world) {
    const one = someone(world);
    const client = one.follow();
    const got = [];
    client.onmessage = ({ data }) => void got.push(data);
    await opened(client);
    await one.publish('a\n\nb é 🚗\n');
    await world.publishBytes({ user: one.user }, [0, 255, 10, 13]);
    await until('both', () => got.length === 2);
    equal(got[0], 'a\n\nb é 🚗\n');
    equal([...got[1]], [0, 255, 10, 13]);
  },

  async 'what a message is comes to those who ask for it, and to no others'(
    world,
  ) {
    const one = someone(world);
    const got = [];
    const hear = (client) => {
      client.onmessage = (message) => void got.push(message);
      return opened(client);
    };
    await hear(one.follow({ meta: 'type,channel,urgency,time', device: 'a' }));
    await hear(one.follow({ device: 'b' }));
    const before = Date.now();
    await one.publish({ trip: 9 }, { urgency: 'high' });
    await until('both', () => got.length === 2);
    const [asked, other] = got.sort((a, b) => !!b.time - !!a.time);
    equal(
      [asked.type, asked.contentType, asked.channel, asked.urgency],
      ['message', 'application/json', undefined, 'high'],
    );
    equal(Math.abs(asked.time - before) < 60000, true, 'the time');
    equal(
      [other.contentType, other.channel, other.urgency, other.time],
      [undefined, undefined, undefined, undefined],
    );
    const news = one.follow({ meta: 'channel', channels: ['city.a'] });
    await hear(news);
    await world.publish({ channel: 'city.a' }, 'n');
    const third = await until('it', () => got.find(({ data }) => data === 'n'));
    equal([third.channel, third.urgency], ['city.a', undefined]);
  },

  async 'urgent messages come first, and a receipt is answered at once'(world) {
    const one = someone(world);
    const first = one.follow();
    texts(first);
    await opened(first);
    await first.close();
    for (const urgency of ['very-low', 'low', 'normal', 'high']) {
      await one.publish(urgency, { urgency });
    }
    const { id } = await one.publish('receipt', {
      urgency: 'very-low',
      receipt: true,
    });
    const got = texts(one.follow());
    await until('all', () => got.length === 5);
    equal(got, ['high', 'normal', 'low', 'very-low', 'receipt']);
    await until(
      'the receipt',
      async () => (await world.message(id)).counts.acked === 1,
    );
  },

  async 'a client that comes back gets what it missed, and no more'(world) {
    const one = someone(world);
    const first = one.follow();
    const before = texts(first);
    await opened(first);
    await one.publish('a');
    await one.publish('b');
    await until('both', () => before.length === 2);
    await first.close();
    await one.publish('c');
    const after = texts(one.follow());
    await until('the third', () => after.length === 1);
    equal(after, ['c']);
  },

  /* ---- handlers ---- */

  async 'what a listener failed on is delivered again, the rest is not'(world) {
    const one = someone(world);
    const ids = [];
    /* They wait for it, so that they come together. */
    for (const text of ['a', 'b', 'c']) {
      ids.push((await one.publish(text)).id);
    }
    const client = one.follow({ ackInterval: 300 });
    const got = [];
    client.onmessage = ({ data }) => {
      got.push(data);
      if (data === 'b' && got.filter((text) => text === 'b').length < 3) {
        throw new RangeError('on purpose');
      }
    };
    await until('b for the third time', () => got.length === 5);
    equal(got, ['a', 'b', 'c', 'b', 'b']);
    equal(one.errors.filter((code) => code === 'PUSH_ERR_HANDLER').length, 2);
    await client.flush();
    for (const id of ids) {
      equal((await world.message(id)).counts.acked, 1);
    }
  },

  async 'nothing is acknowledged before its handler finished'(world) {
    const one = someone(world);
    const client = one.follow();
    let finish;
    client.onmessage = () => new Promise((resolve) => (finish = resolve));
    await opened(client);
    const { id } = await one.publish('a', { receipt: true });
    await until('the handler', () => finish);
    await client.flush();
    world.network.cut();
    await until(
      'a new stream',
      async () => client.readyState === 1 && one.errors.length,
    );
    equal((await world.message(id)).counts.acked ?? 0, 0);
    finish();
    await until(
      'the end',
      async () => (await world.message(id)).counts.acked === 1,
    );
  },

  async 'a loop that stops leaves the rest at the server'(world) {
    const one = someone(world);
    const client = one.follow();
    await opened(client);
    const ids = [];
    for (let i = 0; i < 5; i++) {
      ids.push((await one.publish(String(i))).id);
    }
    for await (const message of client) {
      equal(message.data, '0');
      message.ack();
      break;
    }
    await client.close();
    await until(
      'one acknowledged',
      async () => (await world.message(ids[0])).counts.acked === 1,
    );
    const rest = texts(one.follow());
    await until('the rest', () => rest.length === 4);
    equal(rest, ['1', '2', '3', '4']);
  },

  async 'a slow loop slows the server down, and loses nothing'(world) {
    const one = someone(world);
    const client = one.follow();
    await opened(client);
    /* Without a browser's help the server's window is what holds. */
    const [least, size] = world.readsAhead ? [1100, 10] : [400, 40000];
    const body = 'x'.repeat(size);
    let total = 0;
    let pending = 0;
    while (total < least || !(pending > 0)) {
      if (total === least + 500) {
        throw new Error('all was sent although nobody read');
      }
      await one.publish(`${total++} ${body}`);
      if (total % 100 === 0) {
        ({ pending } = await one.device());
      }
    }
    let next = 0;
    for await (const { data } of client) {
      equal(+data.split(' ')[0], next++);
      if (next === total) {
        break;
      }
    }
  },

  async 'manual acknowledgement reaches the server'(world) {
    const one = someone(world);
    const client = one.follow({ manualAck: true });
    const got = [];
    client.onmessage = (message) => void got.push(message);
    await opened(client);
    const { id } = await one.publish('a');
    await until('it', () => got.length);
    await client.flush();
    equal((await world.message(id)).counts.acked ?? 0, 0);
    got[0].ack();
    await client.flush();
    equal((await world.message(id)).counts.acked, 1);
  },

  /* ---- coming and going ---- */

  async 'close and abort end the stream at the server'(world) {
    const one = someone(world);
    const stop = new AbortController();
    const client = one.follow({ signal: stop.signal });
    texts(client);
    await until('online', async () => (await one.device())?.online);
    stop.abort();
    await until('offline', async () => !(await one.device()).online);
    equal(client.readyState, 2);
  },

  async 'the newer client of a device takes over, and the older one stops'(
    world,
  ) {
    const one = someone(world);
    const older = one.follow();
    const lost = texts(older);
    await opened(older);
    const newer = one.follow();
    const got = texts(newer);
    await until('the older one stopped', () => older.readyState === 2);
    equal(one.errors, ['PUSH_ERR_SUPERSEDED']);
    await one.publish('a');
    await until('the message', () => got.length);
    equal(lost, []);
    equal(newer.readyState, 1);
  },

  async 'silence is noticed at 7.0 to 7.5 s, and what was sent meanwhile comes'(
    world,
  ) {
    const one = someone(world, 'quiet');
    const client = one.follow();
    const got = texts(client);
    await opened(client);
    const sent = [];
    let silent;
    /* Never early; late only where the machine is busy, but not each time. */
    do {
      sent.push(`before ${sent.length}`, `after ${sent.length}`);
      await one.publish(sent.at(-2));
      await until('the first', () => got.length === sent.length - 1);
      const since = performance.now();
      await world.network.swallow();
      const lost = new Promise((resolve) => {
        client.onstate = ({ state, cause }) =>
          state === 'waiting' && resolve([cause.code, performance.now()]);
      });
      await one.publish(sent.at(-1));
      const [code, at] = await lost;
      equal(code, 'PUSH_ERR_SILENCE');
      silent = at - since;
      await world.network.restore();
      if (silent < 6950) {
        throw new Error(`noticed after ${silent} ms`);
      }
      await until('the second', () => got.length === sent.length);
    } while (silent > 7600 && sent.length < 6);
    if (silent > 7600) {
      throw new Error(`noticed after ${silent} ms`);
    }
    equal(got, sent);
  },

  async 'heartbeats keep a quiet stream alive'(world) {
    const one = someone(world);
    const client = one.follow({ silence: 3000 });
    texts(client);
    await opened(client);
    const since = performance.now();
    await until('some time', () => performance.now() - since > 7000);
    equal([client.readyState, one.errors], [1, []]);
  },

  async 'a graceful restart loses nothing'(world) {
    const one = someone(world);
    const client = one.follow();
    const got = texts(client);
    await opened(client);
    await one.publish('before');
    await world.graceful();
    await one.publish('during');
    await until('both', () => got.length === 2, 20000);
    await one.publish('after');
    await until('all', () => got.length === 3, 20000);
    equal(got, ['before', 'during', 'after']);
  },

  async 'while the server refuses connections the client keeps trying'(world) {
    const one = someone(world);
    const client = one.follow({ random: () => 0.1 });
    const got = texts(client);
    await opened(client);
    await world.network.refuse();
    await world.network.cut();
    await until('some attempts', () => one.errors.length > 3, 20000);
    await one.publish('a');
    await world.network.restore();
    await until('the message', () => got.length, 20000);
    if (
      one.errors.some(
        (code) => code !== 'PUSH_ERR_NETWORK' && code !== 'PUSH_ERR_END',
      )
    ) {
      throw new Error(one.errors.join());
    }
  },

  async 'a proxy that holds answers back: polls bring all, once, in order'(
    world,
  ) {
    await world.network.hold();
    const one = someone(world);
    const client = one.follow({
      transport: pollFallback({ wait: 2 }),
      connectTimeout: 500,
      silence: 1000,
    });
    const states = [];
    client.onstate = ({ state, transport }) =>
      void states.push(transport ?? state);
    const got = texts(client);
    await opened(client);
    /* Before them one may find a connection that hold() has ended. */
    const before = one.errors.length;
    equal(one.errors.slice(-2), ['PUSH_ERR_TIMEOUT', 'PUSH_ERR_TIMEOUT']);
    equal(states.slice(-2), ['connecting', 'poll']);
    equal(client.transport, 'poll');
    const sent = Array.from({ length: 250 }, (_, i) => String(i));
    for (const text of sent) {
      await one.publish(text);
    }
    await until('all', () => got.length >= sent.length);
    equal(got, sent);
    /* The next poll's cursor acknowledged them. */
    const { id } = await one.publish('last', { receipt: true });
    await until(
      'the acknowledgement',
      async () => (await world.message(id)).counts.acked === 1,
    );
    equal(states.at(-1), 'poll');
    equal(one.errors.length, before);
  },

  async '10,000 messages under cuts: each is handled exactly once, in order'(
    world,
  ) {
    await underCuts(world, 10000, 250, 5);
  },

  async '4,000 messages by polls under cuts: each exactly once, in order'(
    world,
  ) {
    await underCuts(world, 4000, 25, 3, { transport: poll() });
  },
};
