/** The publisher against a server that does what the test says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Publisher } from '../src/publish.js';
import { scripted, until } from './scripted.js';

async function body(request) {
  let text = '';
  for await (const piece of request) {
    text += piece;
  }
  return text;
}

const answer = (response, status, value, headers = {}) =>
  response
    .writeHead(status, { 'Content-Type': 'application/json', ...headers })
    .end(JSON.stringify(value));

/** A server whose publishes a test answers, and a publisher. */
async function pair(t, other, options = {}) {
  const server = await scripted(() => {}, { other });
  t.after(() => server.close());
  return new Publisher(`${server.origin}/push`, {
    random: () => 0,
    ...options,
  });
}

test('metadata goes in the headers of RFC 8030, the payload with its type', async (t) => {
  const seen = [];
  const publisher = await pair(
    t,
    async (request, response, url) => {
      seen.push({ url, headers: request.headers, body: await body(request) });
      answer(
        response,
        201,
        { id: 'm1', recipients: 2, connected: 1 },
        { TTL: '60' },
      );
    },
    { token: () => 'secret', headers: { 'X-A': 'b' } },
  );
  const published = await publisher.publish(
    { user: 'ann', device: 'd1' },
    { trip: 9 },
    {
      ttl: 60,
      urgency: 'high',
      topic: 't',
      event: 'trip',
      key: 'k',
      receipt: true,
    },
  );
  assert.deepEqual(published, {
    id: 'm1',
    recipients: 2,
    connected: 1,
    ttl: 60,
  });
  await publisher.publish({ channel: 'news' }, 'text');
  await publisher.publish({ broadcast: true }, Uint8Array.of(255));
  const [first, second, third] = seen;
  assert.equal(
    first.url.href.split('/push')[1],
    '/messages?user=ann&device=d1',
  );
  assert.equal(first.body, '{"trip":9}');
  const { headers } = first;
  assert.deepEqual(
    [
      'content-type',
      'ttl',
      'urgency',
      'topic',
      'push-event',
      'idempotency-key',
      'prefer',
      'x-a',
      'authorization',
    ].map((name) => headers[name]),
    [
      'application/json',
      '60',
      'high',
      't',
      'trip',
      'k',
      'respond-async',
      'b',
      'Bearer secret',
    ],
  );
  assert.equal(second.url.search, '?channel=news');
  assert.equal(second.headers['content-type'], 'text/plain; charset=utf-8');
  assert.equal(second.headers.ttl, undefined);
  assert.match(second.headers['idempotency-key'], /^[0-9a-f-]{36}$/);
  assert.equal(third.url.search, '?broadcast=1');
  assert.equal(third.headers['content-type'], 'application/octet-stream');
});

/** Payloads that are bytes, each of [1, 255]. */
const bytes = {
  Uint8Array: Uint8Array.of(1, 255),
  ArrayBuffer: Uint8Array.of(1, 255).buffer,
  SharedArrayBuffer: new Uint8Array(new SharedArrayBuffer(2)).fill(1),
  'a part of an ArrayBuffer': Uint8Array.of(9, 1, 255, 9).subarray(1, 3),
  DataView: new DataView(Uint8Array.of(9, 1, 255).buffer, 1),
  Uint16Array: new Uint16Array(Uint8Array.of(1, 255).buffer),
  Blob: new Blob([Uint8Array.of(1, 255)]),
};
bytes.SharedArrayBuffer[1] = 255;
bytes.SharedArrayBuffer = bytes.SharedArrayBuffer.buffer;

test('bytes of all kinds are sent as they are, one by one and by a stream, in order', async (t) => {
  const seen = [];
  const publisher = await pair(t, async (request, response) => {
    if (request.headers['content-type'] === 'application/x-ndjson') {
      return ndjson(request, response, ({ base64 }) => {
        seen.push(base64);
        return { id: 'x', recipients: 1 };
      });
    }
    const pieces = [];
    for await (const piece of request) {
      pieces.push(piece);
    }
    const type = request.headers['content-type'];
    seen.push([...Buffer.concat(pieces)].join(), type);
    answer(response, 201, { id: 'x', recipients: 1 });
  });
  for (const [kind, payload] of Object.entries(bytes)) {
    await publisher.publish({ user: 'u' }, payload);
    assert.deepEqual(
      seen.splice(0),
      ['1,255', 'application/octet-stream'],
      kind,
    );
  }
  await publisher.publish({ user: 'u' }, new Blob(['a'], { type: 'x/y' }));
  assert.deepEqual(seen.splice(0), ['97', 'x/y']);
  const stream = publisher.stream();
  const all = Object.values(bytes).map((payload) =>
    stream.publish({ user: 'u' }, payload),
  );
  all.unshift(stream.publish({ user: 'u' }, new Blob(['b'])));
  all.push(stream.publish({ user: 'u' }, Uint8Array.of(0)));
  await stream.close();
  await Promise.all(all);
  const same = Object.keys(bytes).map(() => 'Af8=');
  assert.deepEqual(seen, [...same, 'Yg==', 'AA==']);
});

const cyclic = {};
cyclic.self = cyclic;
const unsaid = [
  undefined,
  () => {},
  Symbol('s'),
  1n,
  NaN,
  [Infinity],
  { a: new Map() },
  new Set(),
  { a: () => {} },
  cyclic,
];

test('what JSON cannot say is a TypeError, and nothing is sent', async (t) => {
  const publisher = await pair(t, () => assert.fail('sent'));
  const stream = publisher.stream();
  for (const payload of unsaid) {
    for (const to of [publisher, stream]) {
      await assert.rejects(to.publish({ user: 'u' }, payload), {
        name: 'TypeError',
      });
    }
  }
  await stream.close();
});

test('what JSON leaves out by its own rules is left out', async (t) => {
  const seen = [];
  const publisher = await pair(t, async (request, response) => {
    seen.push(await body(request));
    answer(response, 201, { id: 'x', recipients: 1 });
  });
  for (const payload of [{ a: undefined, b: null }, null, 0, false, '']) {
    await publisher.publish({ user: 'u' }, payload);
  }
  assert.deepEqual(seen, ['{"b":null}', 'null', '0', 'false', '']);
});

test('a publish that broke is sent again with the same key', async (t) => {
  const keys = [];
  const publisher = await pair(t, (request, response) => {
    keys.push(request.headers['idempotency-key']);
    if (keys.length === 1) {
      request.socket.destroy();
    } else if (keys.length === 2) {
      answer(response, 503, {}, { 'Retry-After': '0' });
    } else {
      answer(response, 201, { id: 'm1', recipients: 1, connected: 1 });
    }
  });
  await publisher.publish({ user: 'ann' }, 'x');
  assert.equal(keys.length, 3);
  assert.equal(new Set(keys).size, 1);
});

test('what makes no sense to repeat is not repeated', async (t) => {
  let asked = 0;
  const problem = {
    status: 422,
    detail: 'the key was used with another payload',
  };
  const publisher = await pair(t, (_, response) => {
    asked++;
    answer(response, 422, problem);
  });
  await assert.rejects(publisher.publish({ user: 'ann' }, 'x'), {
    name: 'PushError',
    code: 'PUSH_ERR_STATUS',
    status: 422,
    message: problem.detail,
  });
  assert.equal(asked, 1);
});

test('after so many attempts a failure is final', async (t) => {
  let asked = 0;
  const publisher = await pair(
    t,
    (request) => (asked++, request.socket.destroy()),
    { attempts: 3 },
  );
  await assert.rejects(publisher.publish({ user: 'ann' }, 'x'), {
    code: 'PUSH_ERR_NETWORK',
  });
  assert.equal(asked, 3);
});

/** Reads NDJSON lines and answers each by what a function says. */
async function ndjson(request, response, reply) {
  response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
  let rest = '';
  for await (const piece of request) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const value = reply(JSON.parse(line));
      if (value) {
        response.write(JSON.stringify(value) + '\n');
      }
    }
  }
  response.end();
}

test('a stream publishes many over one connection, one bad line harms no other', async (t) => {
  let connections = 0;
  const lines = [];
  const publisher = await pair(t, (request, response) => {
    connections++;
    return ndjson(request, response, (line) => {
      lines.push(line);
      return line.user === 'bad'
        ? { error: { status: 400, detail: 'no' } }
        : { id: `m${lines.length}`, recipients: 1 };
    });
  });
  const stream = publisher.stream();
  const results = await Promise.allSettled([
    stream.publish({ user: 'a' }, 'text', { urgency: 'low', ttl: 5 }),
    stream.publish({ user: 'bad' }, 'x'),
    stream.publish({ channel: 'c' }, { n: 1 }),
    stream.publish({ broadcast: true }, Uint8Array.of(1)),
  ]);
  await stream.close();
  assert.deepEqual(
    results.map(({ value, reason }) => value?.id ?? reason.message),
    ['m1', 'no', 'm3', 'm4'],
  );
  assert.equal(connections, 1);
  const plain = lines.map(({ key, ...line }) => line);
  assert.deepEqual(plain, [
    { user: 'a', urgency: 'low', ttl: 5, text: 'text' },
    { user: 'bad', text: 'x' },
    { channel: 'c', data: { n: 1 } },
    { broadcast: true, base64: 'AQ==' },
  ]);
  await assert.rejects(stream.publish({ user: 'a' }, 'late'), {
    code: 'PUSH_ERR_CLOSED',
  });
});

test('what had no answer when the connection broke is sent again, with its key', async (t) => {
  const seen = [];
  const publisher = await pair(t, (request, response) => {
    const connection = [];
    seen.push(connection);
    return ndjson(request, response, (line) => {
      connection.push(line);
      if (seen.length === 1 && connection.length === 3) {
        request.socket.destroy();
        return null;
      }
      return { id: line.text, recipients: 1 };
    }).catch(() => {});
  });
  const stream = publisher.stream();
  const texts = ['a', 'b', 'c', 'd', 'e'];
  const published = await Promise.all(
    texts.map((text) => stream.publish({ user: 'u' }, text)),
  );
  await stream.close();
  assert.deepEqual(
    published.map(({ id }) => id),
    texts,
  );
  const [first, second] = seen;
  const again = second.map(({ text }) => text);
  assert.equal(again.at(-1), 'e');
  for (const { text, key } of second) {
    const before = first.find((line) => line.text === text);
    assert.ok(!before || before.key === key);
  }
});

test('a line that ends the request answers no message', async (t) => {
  let connections = 0;
  const end = { error: { status: 401, detail: 'exp' }, end: true };
  const publisher = await pair(t, (request, response) => {
    const ends = ++connections === 1;
    let count = 0;
    return ndjson(request, response, (line) => {
      if (ends && ++count === 3) {
        response.end(`${JSON.stringify(end)}\n`);
        return null;
      }
      return { id: line.text, recipients: 1 };
    }).catch(() => {});
  });
  const stream = publisher.stream();
  const texts = ['a', 'b', 'c', 'd'];
  const published = await Promise.all(
    texts.map((text) => stream.publish({ user: 'u' }, text)),
  );
  await stream.close();
  assert.deepEqual(
    published.map(({ id }) => id),
    texts,
  );
  assert.equal(connections, 2);
});

test('a stream sends no more than maxInFlight lines ahead of the answers', async (t) => {
  let unanswered = 0;
  let most = 0;
  const held = [];
  const publisher = await pair(
    t,
    (request, response) =>
      ndjson(request, response, () => {
        most = Math.max(most, ++unanswered);
        held.push(() => {
          unanswered--;
          response.write('{"id":"x","recipients":0}\n');
        });
      }),
    { maxInFlight: 5 },
  );
  const stream = publisher.stream();
  const all = [];
  let sent = 0;
  const sending = (async () => {
    for (; sent < 20; sent++) {
      await stream.ready();
      all.push(stream.publish({ user: 'u' }, 'x'));
    }
  })();
  await until(() => held.length === 5);
  assert.equal(sent, 5);
  while (sent < 20 || stream.inFlight) {
    await until(() => held.length || !stream.inFlight);
    held.shift()?.();
    await new Promise(setImmediate);
  }
  await sending;
  await Promise.all(all);
  await stream.close();
  assert.ok(most <= 5, `${most}`);
});

test('a line that another attempt still holds is tried again, the others go on', async (t) => {
  const seen = [];
  const publisher = await pair(t, (request, response) =>
    ndjson(request, response, ({ text }) => {
      seen.push(text);
      return text === 'busy' && seen.filter((one) => one === text).length < 3
        ? { error: { status: 409, detail: 'still runs' } }
        : { id: text, recipients: 1 };
    }),
  );
  const stream = publisher.stream();
  const published = await Promise.all(
    ['a', 'busy', 'b'].map((text) => stream.publish({ user: 'u' }, text)),
  );
  await stream.close();
  assert.deepEqual(
    published.map(({ id }) => id),
    ['a', 'busy', 'b'],
  );
  assert.deepEqual(seen, ['a', 'busy', 'b', 'busy', 'busy']);
});

test('a stream that is refused for good rejects what waits', async (t) => {
  const publisher = await pair(t, (_, response) =>
    answer(response, 403, { detail: 'who?' }),
  );
  const stream = publisher.stream();
  await assert.rejects(stream.publish({ user: 'u' }, 'x'), {
    code: 'PUSH_ERR_AUTH',
    status: 403,
  });
  await stream.close();
});
