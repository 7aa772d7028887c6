/** The client against a server that does what the test says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PushClient } from '../src/index.js';
import { collect, pair, until } from './scripted.js';

test('messages arrive in the shape of EventSource', async (t) => {
  const { server, client } = await pair(t, (s) =>
    s.open().send(1, 'aaa', '{"a":1}').send(2, 'bbb', 'two', { event: 'trip' }),
  );
  const message = new Promise((resolve) =>
    client.addEventListener('message', resolve),
  );
  const trip = new Promise((resolve) =>
    client.addEventListener('trip', resolve, { once: true }),
  );
  const first = await message;
  assert.ok(first instanceof MessageEvent);
  assert.deepEqual(
    [
      first.type,
      first.data,
      first.lastEventId,
      first.seq,
      first.mid,
      first.json(),
    ],
    ['message', '{"a":1}', '1.aaa', 1, 'aaa', { a: 1 }],
  );
  assert.equal(first.origin, server.origin);
  assert.deepEqual([(await trip).data, client.lastEventId], ['two', '2.bbb']);
  assert.equal(client.readyState, client.OPEN);
  assert.equal(PushClient.OPEN, 1);
  assert.equal(client.url, `${server.url}/receive?ack=explicit&device=d1`);
  assert.equal(
    server.streams[0].request.headers['push-client'].split('/')[0],
    'mod-push-client',
  );
  await client.close();
  assert.equal(client.readyState, PushClient.CLOSED);
  await until(() => server.acks.at(-1)?.id === '2.bbb');
  assert.equal(server.acks.length, 1);
});

test('the address may be the Location or its receive, and keeps its own query', async (t) => {
  for (const path of ['', '/', '/receive', '/receive/']) {
    const { server, client } = await pair(t, (s) => s.open(), {
      channels: ['a', 'b'],
    });
    await client.close();
    const query = '?user=u&channel=z&locale=de&urgency=low';
    const other = new PushClient(`${server.url}${path}${query}`, {
      device: 'd',
      channels: ['a', 'b'],
    });
    await until(() =>
      server.streams.find((s) => s.url.searchParams.get('user')),
    );
    await other.close();
    const { url } = server.streams.at(-1);
    assert.equal(url.pathname, '/ramen/receive');
    assert.deepEqual(url.searchParams.getAll('channel'), ['z', 'a', 'b']);
    assert.equal(url.searchParams.get('locale'), 'de');
    assert.equal(url.searchParams.get('urgency'), 'low');
  }
});

/* Firefox lets a stream wait while another of its address is in its cache. */
test('no cache is asked', async (t) => {
  const { server, client } = await pair(t, (s) => s.open().send(1, 'aaa', 'a'));
  const got = collect(client);
  await until(() => got.length);
  await client.flush();
  for (const { headers } of [server.streams[0].request, server.acks[0]]) {
    assert.equal(headers['cache-control'], 'no-cache');
  }
});

test('a cut stream resumes at the last message that was handled', async (t) => {
  const { server, client } = await pair(t, (s, n) => {
    s.open();
    if (n === 1) {
      s.send(1, 'aaa', 'a').send(2, 'bbb', 'b');
    } else {
      s.send(3, 'ccc', 'c');
    }
  });
  const got = collect(client);
  await until(() => got.length === 2);
  server.streams[0].cut();
  await until(() => got.length === 3);
  assert.deepEqual(got, ['a', 'b', 'c']);
  assert.equal(server.streams[0].cursor, null);
  assert.equal(server.streams[1].cursor, '2.bbb');
});

test('a message cut anywhere is not handed over until it is whole', async (t) => {
  const whole = 'id: 1.aaa\nevent: message\ndata: one\n\n';
  for (let at = 0; at < whole.length; at++) {
    const { server, client } = await pair(t, (s, n) => {
      if (n === 1) {
        s.open('\n').write(whole.slice(0, at)).end();
      } else {
        s.open('\n').write(whole);
      }
    });
    const got = collect(client);
    await until(() => got.length === 1);
    assert.deepEqual(got, ['one'], `cut at ${at}`);
    assert.equal(server.streams[1].cursor, null);
    await client.close();
  }
});

test('what is sent again is dropped, and acknowledged under its new number', async (t) => {
  const { server, client } = await pair(t, (s, n) => {
    s.open();
    if (n === 1) {
      s.send(1, 'aaa', 'a').send(2, 'bbb', 'b').end();
    } else {
      s.send(1, 'bbb', 'b')
        .send(2, 'aaa', 'a')
        .send(3, 'ccc', 'c', { ack: 'now' });
    }
  });
  const got = collect(client);
  await until(() => server.acks.length);
  assert.deepEqual(got, ['a', 'b', 'c']);
  assert.equal(server.acks[0].id, '3.ccc');
});

test('ack: now is acknowledged at once, the rest with the next batch', async (t) => {
  const { server, client } = await pair(
    t,
    (s) => s.open().send(1, 'aaa', 'a').send(2, 'bbb', 'b', { ack: 'now' }),
    { ackInterval: 1000 },
  );
  const got = collect(client);
  await until(() => server.acks.length);
  assert.equal(server.acks[0].id, '2.bbb');
  server.streams[0].send(3, 'ccc', 'c');
  await until(() => server.acks.length === 2);
  assert.equal(got.length, 3);
  assert.equal(server.acks.at(-1).id, '3.ccc');
  const { url, headers } = server.acks[0];
  assert.equal(url.searchParams.get('device'), 'd1');
  assert.match(headers['push-client'], /^mod-push-client\//);
});

test('a receipt that waits for an earlier message goes out when that is done', async (t) => {
  const { server, client } = await pair(t, (s) =>
    s.open().send(1, 'aaa', 'slow').send(2, 'bbb', 'b', { ack: 'now' }),
  );
  let finish;
  client.onmessage = ({ data }) =>
    data === 'slow' ? new Promise((resolve) => (finish = resolve)) : undefined;
  await until(() => finish && client.lastEventId === '2.bbb');
  assert.equal(server.acks.length, 0);
  finish();
  await until(() => server.acks.length);
  assert.equal(server.acks[0].id, '2.bbb');
});

/** The server's window, ours, and how many are finished before we say so. */
const windows = [
  [undefined, 10, 5],
  ['16', undefined, 8],
  ['16', 10, 5],
  ['4096', 10, 5],
  ['1', undefined, 1],
  ['none', 10, 5],
];

for (const [granted, maxInFlight, at] of windows) {
  test(`Push-Window ${granted}, maxInFlight ${maxInFlight}: acknowledged after ${at}`, async (t) => {
    const { server, client } = await pair(
      t,
      (s) => {
        s.open('', granted && { 'Push-Window': granted });
        for (let i = 1; i <= at; i++) {
          s.send(i, `m${i}`, i);
        }
      },
      { maxInFlight },
    );
    collect(client);
    await until(() => server.acks.length);
    assert.equal(server.acks[0].id, at > 1 ? `${at}.m${at}` : '1.m1');
  });
}

test('acknowledgements name the numbering of their stream, where it has a name', async (t) => {
  const names = ['s-1', undefined, 'S_2'];
  const { server, client } = await pair(t, (s, n) => {
    const name = names[n - 1];
    s.open('', name ? { 'Push-Session': name } : {});
    s.send(1, `m${n}`, n, { ack: 'now' });
  });
  collect(client);
  for (let n = 1; n <= names.length; n++) {
    await until(() => server.acks.length === n);
    server.streams[n - 1].cut();
  }
  assert.deepEqual(
    server.acks.map(({ url }) => url.searchParams.get('session')),
    ['s-1', null, 'S_2'],
  );
});

for (const head of [{}, { 'Push-Session': 's1' }]) {
  test(`409 to an acknowledgement makes the client resume: ${JSON.stringify(head)}`, async (t) => {
    let refuse = true;
    const { server, client, errors } = await pair(
      t,
      (s, n) =>
        s.open('', n === 1 ? head : {}).send(n, `m${n}`, n, { ack: 'now' }),
      {},
      {
        ack: (_, response) => {
          response.writeHead(refuse ? 409 : 204).end();
          refuse = false;
        },
      },
    );
    collect(client);
    await until(() => server.acks.length === 2);
    assert.deepEqual(
      [errors[0].code, errors[0].status],
      ['PUSH_ERR_STALE', 409],
    );
    assert.equal(server.streams[1].cursor, '1.m1');
    assert.equal(server.acks[1].id, '2.m2');
  });
}

test('an id of any characters goes into addresses as it came', async (t) => {
  const id = '1.a&device=x#+%20 é';
  const { server, client } = await pair(
    t,
    (s) => s.open().write(`id: ${id}\nack: now\ndata: a\n\n`),
    { lastEventId: id },
  );
  collect(client);
  await until(() => server.streams.length);
  assert.equal(server.streams[0].cursor, id);
  assert.deepEqual(server.streams[0].url.searchParams.getAll('device'), ['d1']);
});

test('reconnect makes a new stream within a second, also instead of a wait', async (t) => {
  const { server, client, errors } = await pair(t, (s, n) =>
    n === 2 ? s.refuse(503, { 'Retry-After': '3600' }) : s.open(),
  );
  collect(client);
  await until(() => client.readyState === 1);
  client.reconnect();
  await until(() => errors.length === 2 && client.state === 'waiting');
  client.reconnect();
  await until(() => client.readyState === 1 && server.streams.length === 3);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['PUSH_ERR_WAKE', 'PUSH_ERR_STATUS'],
  );
});

/** What is no option, and what is said of it. */
const illegal = [
  [{ silence: 0 }, /^silence: 1 to/],
  [{ silence: '7000' }, /^silence: /],
  [{ connectTimeout: -1 }, /^connectTimeout: /],
  [{ ackInterval: NaN }, /^ackInterval: /],
  [{ ackInterval: 2 ** 31 }, /^ackInterval: /],
  [{ maxInFlight: 1.5 }, /^maxInFlight: /],
  [{ maxEventBytes: null }, /^maxEventBytes: /],
  [{ channels: 'news' }, /^channels: an array/],
  [{ random: null }, /^random: a function/],
  [{ fetch: {} }, /^fetch: a function/],
  [{ share: true }, /^share: a function/],
  [{ transport: 'fetch' }, /^transport: a function/],
  [{ device: 'a b' }, /^device: 1 to 128/],
  [{ device: 'x'.repeat(129) }, /^device: /],
];

for (const [options, message] of illegal) {
  test(`a TypeError that says what is legal: ${message.source}`, () => {
    assert.throws(() => new PushClient('http://127.0.0.1:9/', options), {
      name: 'TypeError',
      message,
    });
  });
}

for (const url of ['/ramen', 'http://', '', undefined, null]) {
  test(`a TypeError for the address ${url}`, () => {
    assert.throws(() => new PushClient(url), {
      name: 'TypeError',
      message: /^url: /,
    });
  });
}

test('a promise of a listener holds the acknowledgement, of later messages too', async (t) => {
  const { server, client } = await pair(t, (s) =>
    s.open().send(1, 'aaa', 'slow').send(2, 'bbb', 'fast', { ack: 'now' }),
  );
  let finish;
  client.addEventListener('message', ({ data }) =>
    data === 'slow' ? new Promise((resolve) => (finish = resolve)) : undefined,
  );
  await until(() => finish && client.lastEventId === '2.bbb');
  await client.flush();
  assert.equal(client.cursor, '');
  assert.equal(server.acks.length, 0);
  finish();
  await until(() => client.cursor === '2.bbb');
  await client.flush();
  assert.equal(server.acks.at(-1).id, '2.bbb');
});

test('a listener that throws disturbs nothing and is told, and its message returns', async (t) => {
  const { server, client, errors } = await pair(
    t,
    (s, n) => {
      s.open();
      if (n === 1) {
        s.send(1, 'aaa', 'a').send(2, 'bbb', 'b').send(3, 'ccc', 'c');
      } else {
        s.send(1, 'bbb', 'b').send(2, 'ccc', 'c', { ack: 'now' });
      }
    },
    { ackInterval: 100 },
  );
  const got = [];
  let bad = 2;
  client.addEventListener('message', ({ data }) => {
    got.push(data);
    if (data === 'b' && bad--) {
      if (bad) {
        throw new TypeError('sync');
      }
      return Promise.reject(new TypeError('async'));
    }
  });
  await until(() => server.acks.some(({ id }) => id === '2.ccc'));
  assert.deepEqual(got, ['a', 'b', 'c', 'b', 'b']);
  const handler = errors.filter(({ code }) => code === 'PUSH_ERR_HANDLER');
  assert.deepEqual(
    handler.map(({ cause }) => cause.message),
    ['sync', 'async'],
  );
  /* The failed one was never covered. */
  assert.deepEqual(
    server.streams.map(({ cursor }) => cursor),
    [null, '1.aaa', '1.aaa'],
  );
});

test('listeners of other events that throw disturb nothing either', async (t) => {
  const { client } = await pair(t, (s) => s.open().send(1, 'aaa', 'a'));
  client.onstate =
    client.onopen =
    client.onerror =
      () => {
        throw new Error('bad');
      };
  const got = collect(client);
  await until(() => got.length);
});

test('manualAck: only ack() acknowledges', async (t) => {
  const { server, client } = await pair(
    t,
    (s) =>
      s
        .open()
        .send(1, 'aaa', 'a', { ack: 'now' })
        .send(2, 'bbb', 'b', { ack: 'now' }),
    { manualAck: true },
  );
  const got = [];
  client.onmessage = (m) => void got.push(m);
  await until(() => got.length === 2);
  assert.equal(client.cursor, '');
  got[1].ack();
  await client.flush();
  assert.equal(client.cursor, '');
  got[0].ack();
  await until(() => server.acks.length);
  assert.equal(server.acks[0].id, '2.bbb');
});

test('for await takes one by one, and a break keeps the unfinished', async (t) => {
  const { client } = await pair(t, (s) =>
    s.open().send(1, 'aaa', 'a').send(2, 'bbb', 'b').send(3, 'ccc', 'c'),
  );
  const got = [];
  for await (const { data } of client) {
    got.push(data);
    if (data === 'b') {
      break;
    }
  }
  await until(() => client.cursor === '1.aaa');
  for await (const message of client) {
    got.push(message.data);
    message.ack();
    break;
  }
  assert.deepEqual(got, ['a', 'b', 'c']);
  assert.equal(client.cursor, '1.aaa');
});

test('for await ends with close, and throws what was final', async (t) => {
  const { client } = await pair(t, (s) => s.open().send(1, 'aaa', 'a'));
  for await (const message of client) {
    client.close();
    assert.equal(message.data, 'a');
  }
  const { client: refused } = await pair(t, (s) => s.refuse(404));
  await assert.rejects(
    async () => {
      for await (const message of refused) {
        assert.fail(message);
      }
    },
    { code: 'PUSH_ERR_STATUS', status: 404, final: true },
  );
});

test('nothing is read until somebody listens, and no more than a loop can take', async (t) => {
  const total = 3000;
  let written = 0;
  const { client } = await pair(t, (s) => {
    s.open();
    const more = () => {
      while (written < total) {
        written++;
        if (
          !s.response.write(
            `id: ${written}.m${written}\ndata: ${'x'.repeat(20000)}\n\n`,
          )
        ) {
          s.response.once('drain', more);
          return;
        }
      }
    };
    more();
  });
  await until(() => client.readyState === 1);
  const stuck = await settled(() => written);
  assert.ok(stuck < total, `${stuck} of ${total} were read by nobody`);
  let got = 0;
  for await (const { seq } of client) {
    assert.equal(seq, ++got);
    if (got === 50) {
      const paused = await settled(() => written);
      assert.ok(paused < total, `${paused} of ${total} were read ahead`);
    }
    if (got === total) {
      break;
    }
  }
  assert.equal(got, total);
});

/** The value that a number settles on. */
async function settled(value) {
  let last = -1;
  let since = 0;
  await until(() => {
    since = value() === last ? since + 1 : 0;
    last = value();
    return since > 30;
  });
  return last;
}

test('base64 payloads come as bytes', async (t) => {
  const { client } = await pair(t, (s) =>
    s.open().send(1, 'aaa', '/wA=', { enc: 'base64' }),
  );
  const message = await new Promise((resolve) => (client.onmessage = resolve));
  assert.deepEqual([...message.data], [255, 0]);
});

test('a publisher cannot pass a message off as one of our own events', async (t) => {
  const { client, errors } = await pair(t, (s) =>
    s
      .open()
      .send(1, 'aaa', 'a', { event: 'error' })
      .send(2, 'bbb', 'b', { event: 'state' }),
  );
  const got = [];
  client.onmessage = ({ type, event, data }) =>
    void got.push([type, event, data]);
  await until(() => got.length === 2);
  assert.deepEqual(got[0], ['message', 'error', 'a']);
  assert.deepEqual(errors, []);
});

test('gaps and goodbyes are told', async (t) => {
  const { server, client, errors } = await pair(t, (s, n) => {
    s.open();
    if (n === 1) {
      s.write(
        'event: push.gap\ndata: {"dropped":3,"reason":"memory","urgency":"low"}\n\n',
      );
      s.write(
        'retry: 900\nevent: push.bye\ndata: {"reason":"restart","spread_ms":300}\n\n',
      );
    }
  });
  const told = [];
  client.ongap = ({ dropped, reason, urgency }) =>
    told.push([dropped, reason, urgency]);
  client.onbye = ({ reason }) => told.push(reason);
  client.onstate = ({ state, delay }) =>
    state === 'waiting' && told.push(delay);
  collect(client);
  await until(() => server.streams.length === 2);
  assert.deepEqual(told, [[3, 'memory', 'low'], 'restart', 100]);
  assert.deepEqual([errors[0].code, errors[0].final], ['PUSH_ERR_BYE', false]);
});

test('superseded is final for a device id that was given', async (t) => {
  const { client, errors } = await pair(t, (s) =>
    s.open().write('event: push.bye\ndata: {"reason":"superseded"}\n\n'),
  );
  collect(client);
  await until(() => client.readyState === 2);
  assert.deepEqual(
    [errors[0].code, errors[0].final],
    ['PUSH_ERR_SUPERSEDED', true],
  );
});

test('superseded leads to another device id where it was our own', async (t) => {
  const { server, client } = await pair(
    t,
    (s, n) => {
      s.open();
      if (n === 1) {
        s.write(
          'retry: 30000\nevent: push.bye\ndata: {"reason":"superseded"}\n\n',
        );
      }
    },
    { device: undefined },
  );
  collect(client);
  await until(() => server.streams.length === 2);
  const [a, b] = server.streams.map(({ url }) =>
    url.searchParams.get('device'),
  );
  assert.notEqual(a, b);
  assert.match(a, /^[a-z0-9]{5,}$/);
});
