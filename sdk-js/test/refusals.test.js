/**
 * What the server refuses, or sends and should not: what the client survives,
 * and what it gives up on.  Single answers: answers.test.js.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { listening, open, until } from './scripted.js';

for (const status of [301, 302, 307]) {
  test(`a redirect (${status}) is final, and no header goes to another origin`, async (t) => {
    let reached = 0;
    const other = createServer((_, response) => {
      reached++;
      response.end();
    });
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    t.after(() => other.close());
    const Location = `http://127.0.0.1:${other.address().port}/`;
    const { server, client, errors } = await listening(
      t,
      (s) => s.refuse(status, { Location }),
      { token: 'secret', headers: { 'X-Key': 'secret' } },
    );
    await until(() => client.readyState === 2);
    assert.deepEqual(
      [errors[0].code, errors[0].status, errors[0].final],
      ['PUSH_ERR_REDIRECT', status, true],
    );
    assert.equal(server.streams.length, 1);
    assert.equal(reached, 0);
  });
}

test('problem+json is read: its detail is the message', async (t) => {
  const problem = {
    type: 'urn:x',
    title: 'Bad',
    status: 400,
    detail: 'device: 1 to 128 characters',
  };
  const { client, errors } = await listening(t, (s) =>
    s.refuse(
      400,
      { 'Content-Type': 'application/problem+json' },
      JSON.stringify(problem),
    ),
  );
  await until(() => client.readyState === 2);
  assert.equal(errors[0].message, problem.detail);
  assert.deepEqual(errors[0].problem, problem);
});

test('Retry-After is waited for, also where it is a date', async (t) => {
  const { server, client, errors, got } = await listening(t, (s, n) =>
    n === 1
      ? s.refuse(503, {
          'Retry-After': new Date(Date.now() + 2000).toUTCString(),
        })
      : open(s),
  );
  const delays = [];
  client.onstate = ({ delay }) => delay && delays.push(delay);
  await until(() => got.length);
  const [{ retryAfter }] = errors;
  assert.ok(retryAfter > 0 && retryAfter <= 2000, `${retryAfter}`);
  assert.equal(delays[0], retryAfter + 100);
  const waited = server.streams[1].at - server.streams[0].at;
  assert.ok(waited >= retryAfter, `${waited}`);
});

test('401 refreshes the token once; the token goes with acknowledgements too', async (t) => {
  const asked = [];
  const { server, got } = await listening(
    t,
    (s) => {
      if (s.request.headers.authorization === 'Bearer t2') {
        s.open().send(1, 'aaa', 'a', { ack: 'now' });
      } else {
        s.refuse(401);
      }
    },
    {
      token: async ({ refresh }) => {
        asked.push(refresh);
        return refresh ? 't2' : 't1';
      },
    },
  );
  await until(() => server.acks.length);
  assert.deepEqual(asked, [false, true]);
  assert.equal(got.length, 1);
  assert.equal(server.acks[0].headers.authorization, 'Bearer t2');
});

test('a second 401 after the refresh is final', async (t) => {
  const { server, client, errors } = await listening(t, (s) => s.refuse(401), {
    token: () => 'bad',
  });
  await until(() => client.readyState === 2);
  assert.equal(server.streams.length, 2);
  assert.deepEqual(
    [errors.at(-1).code, errors.at(-1).final],
    ['PUSH_ERR_AUTH', true],
  );
});

test('expired-token refreshes the token', async (t) => {
  const asked = [];
  const { got } = await listening(
    t,
    (s, n) =>
      n === 1
        ? s
            .open()
            .write(
              'event: push.bye\ndata: {"reason":"expired-token","spread_ms":0}\n\n',
            )
        : open(s),
    { token: ({ refresh }) => (asked.push(refresh), 't') },
  );
  await until(() => got.length);
  assert.deepEqual(asked, [false, true]);
});

test('a token callback that throws, rejects or hangs is tried again', async (t) => {
  const ways = [
    () => {
      throw new Error('thrown');
    },
    () => Promise.reject(new Error('rejected')),
    () => new Promise(() => {}),
    () => 'good',
  ];
  const { got, errors } = await listening(t, open, {
    /* The good one stays: to connect may take longer than that, too. */
    token: () => (ways.length > 1 ? ways.shift() : ways[0])(),
    connectTimeout: 100,
  });
  await until(() => got.length);
  assert.deepEqual(
    errors.slice(0, 3).map(({ code }) => code),
    ['PUSH_ERR_TOKEN', 'PUSH_ERR_TOKEN', 'PUSH_ERR_TIMEOUT'],
  );
});

/** Writes one line of so many bytes, as fast as they are read. */
async function pour(s, bytes) {
  const piece = 'x'.repeat(65536);
  for (let written = 0; written < bytes; written += piece.length) {
    if (!s.response.write(piece)) {
      await Promise.race([once(s.response, 'drain'), s.ended]);
    }
  }
}

test('a message that is too large blocks none behind it, and is told and acknowledged', async (t) => {
  const { server, client, errors, got } = await listening(t, async (s) => {
    s.open().send(1, 'aaa', 'a').write('id: 2.bbb\ndata: ');
    await pour(s, 64 << 20);
    s.write('\n\n').send(3, 'ccc', 'c', { ack: 'now' });
  });
  await until(() => server.acks.length, 'the acknowledgement', 60000);
  assert.deepEqual(got, ['a', 'c']);
  assert.deepEqual(
    errors.map(({ code, id, final }) => [code, id, final]),
    [['PUSH_ERR_TOO_LARGE', '2.bbb', false]],
  );
  assert.equal(server.acks[0].id, '3.ccc');
  assert.equal(client.lastEventId, '3.ccc');
  assert.equal(server.streams.length, 1);
});

test('stopAtTooLarge: the client stops before it', async (t) => {
  const { server, client, errors, got } = await listening(
    t,
    (s) =>
      s
        .open()
        .send(1, 'aaa', 'a')
        .write(`id: 2.bbb\ndata: ${'x'.repeat(100)}`),
    { maxEventBytes: 64, stopAtTooLarge: true },
  );
  await until(() => client.readyState === 2);
  assert.deepEqual(
    errors.map(({ code, id, final }) => [code, id, final]),
    [['PUSH_ERR_TOO_LARGE', '2.bbb', true]],
  );
  await client.close();
  assert.deepEqual([got, client.cursor], [['a'], '1.aaa']);
  assert.equal(server.streams.length, 1);
});

/** The limit by what the server says, and by the option. */
const limits = [
  [{}, undefined, 1 << 20],
  [{ 'Push-Max-Message': '65536' }, undefined, 1 << 20],
  [{ 'Push-Max-Message': '2097152' }, undefined, 3 << 20],
  [{ 'Push-Max-Message': '2097152' }, 1 << 20, 1 << 20],
  [{ 'Push-Max-Message': 'many' }, undefined, 1 << 20],
];

for (const [head, maxEventBytes, most] of limits) {
  test(`${JSON.stringify(head)} and maxEventBytes ${maxEventBytes}: ${most} bytes fit`, async (t) => {
    const { errors, got } = await listening(
      t,
      (s) =>
        s
          .open('', head)
          .send(1, 'aaa', 'x'.repeat(most - 6))
          .send(2, 'bbb', 'x'.repeat(most + 2048))
          .send(3, 'ccc', 'c'),
      { maxEventBytes },
    );
    await until(() => got.includes('c'));
    assert.deepEqual(
      errors.map(({ id }) => id),
      ['2.bbb'],
    );
    assert.equal(got[0].length, most - 6);
  });
}

test('what is no base64 blocks nothing, and is told and acknowledged', async (t) => {
  const { server, errors, got } = await listening(t, (s) =>
    s
      .open()
      .send(1, 'aaa', '%%%', { enc: 'base64' })
      .send(2, 'bbb', 'b', { ack: 'now' }),
  );
  await until(() => server.acks.length);
  assert.deepEqual(got, ['b']);
  assert.deepEqual(
    errors.map(({ code, id }) => [code, id]),
    [['PUSH_ERR_ENCODING', '1.aaa']],
  );
  assert.equal(server.acks[0].id, '2.bbb');
});

test('members of gaps and goodbyes that are not known disturb nothing', async (t) => {
  const more = { reason: 'memory', type: 'x', target: 1, isTrusted: true };
  const { server, client, errors, got } = await listening(t, (s, n) => {
    if (n === 1) {
      s.open()
        .write(`event: push.gap\ndata: ${JSON.stringify(more)}\n\n`)
        .write(`event: push.bye\ndata: ${JSON.stringify(more)}\n\n`);
    } else {
      open(s);
    }
  });
  const told = [];
  client.ongap = client.onbye = ({ type, reason }) => told.push([type, reason]);
  await until(() => got.length);
  assert.deepEqual(told, [
    ['gap', 'memory'],
    ['bye', 'memory'],
  ]);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['PUSH_ERR_BYE'],
  );
  assert.equal(server.streams.length, 2);
});

test('events of the server that are not known are ignored, whatever they say', async (t) => {
  const { client, errors, got } = await listening(t, (s) =>
    s
      .open()
      .write('event: push.open\ndata: {}\n\nevent: push.x\ndata: what?\n\n')
      .write('event: push.\ndata: null\n\nevent: push.gap\ndata: what?\n\n')
      .send(1, 'aaa', 'a'),
  );
  let opened = 0;
  let gaps = 0;
  client.onopen = () => void opened++;
  client.ongap = () => void gaps++;
  await until(() => got.length);
  assert.deepEqual([opened, gaps, errors], [1, 1, []]);
});

test('acknowledgements that fail go with the next', async (t) => {
  const { server } = await listening(
    t,
    (s) => {
      s.open();
      for (let i = 1; i <= 3; i++) {
        s.send(i, `m${i}`, i, i === 3 ? {} : { ack: 'now' });
      }
    },
    { ackInterval: 100 },
    {
      ack: (request, response, { id }) =>
        id === '3.m3'
          ? response.writeHead(204).end()
          : request.socket.destroy(),
    },
  );
  await until(() => server.acks.at(-1)?.id === '3.m3');
});

test('a server that refuses acknowledgements at half of the window is left alone', async (t) => {
  const { server, client, got } = await listening(
    t,
    (s) => {
      s.open();
      for (let i = 1; i <= 8; i++) {
        s.send(i, `m${i}`, i);
      }
    },
    { maxInFlight: 10, ackInterval: 1000 },
    { ack: (_, response) => response.writeHead(503).end() },
  );
  await until(() => got.length === 8 && server.acks.length >= 2);
  const [first, second] = server.acks;
  assert.ok(second.at - first.at > 500, `${second.at - first.at} ms`);
  await client.close();
});
