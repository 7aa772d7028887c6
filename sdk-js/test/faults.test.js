/** Faults: what the client must survive, and what it must give up on. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { PushClient, PushError } from '../src/index.js';
import { scripted, until } from './scripted.js';

async function pair(t, script, options = {}, more = {}) {
  const server = await scripted(script, more);
  const client = new PushClient(server.url, {
    device: 'd1',
    random: () => 0,
    ...options,
  });
  const errors = [];
  const got = [];
  client.onerror = ({ error }) => void errors.push(error);
  client.onmessage = ({ data }) => void got.push(data);
  t.after(async () => {
    await client.close();
    await server.close();
  });
  return { server, client, errors, got };
}

const open = (s) => s.open().send(1, 'aaa', 'a');

/** What is refused first, and what then. */
const answers = [
  [204, { final: true, code: 'PUSH_ERR_STOPPED' }],
  [301, { final: true, code: 'PUSH_ERR_REDIRECT' }],
  [307, { final: true, code: 'PUSH_ERR_REDIRECT' }],
  [400, { final: true, code: 'PUSH_ERR_STATUS' }],
  [401, { final: true, code: 'PUSH_ERR_AUTH' }],
  [403, { final: true, code: 'PUSH_ERR_AUTH' }],
  [404, { final: true, code: 'PUSH_ERR_STATUS' }],
  [408, { final: false, code: 'PUSH_ERR_STATUS' }],
  [410, { final: true, code: 'PUSH_ERR_STATUS' }],
  [425, { final: false, code: 'PUSH_ERR_STATUS' }],
  [429, { final: false, code: 'PUSH_ERR_STATUS' }],
  [500, { final: false, code: 'PUSH_ERR_STATUS' }],
  [502, { final: false, code: 'PUSH_ERR_STATUS' }],
  [503, { final: false, code: 'PUSH_ERR_STATUS' }],
];

for (const [status, { final, code }] of answers) {
  test(`${status} is ${final ? 'final' : 'tried again'}`, async (t) => {
    const { server, client, errors, got } = await pair(t, (s, n) =>
      n === 1 ? s.refuse(status, { Location: 'http://127.0.0.2:9/' }) : open(s),
    );
    await until(() => (final ? client.readyState === 2 : got.length));
    assert.ok(errors[0] instanceof PushError);
    assert.deepEqual(
      [errors[0].code, errors[0].status, errors[0].final],
      [code, status, final],
    );
    assert.equal(server.streams.length, final ? 1 : 2);
  });
}

test('a redirect to another origin takes no header along', async (t) => {
  let reached = 0;
  const other = createServer((_, response) => {
    reached++;
    response.end();
  });
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const { client, errors } = await pair(
    t,
    (s) =>
      s.refuse(302, { Location: `http://127.0.0.1:${other.address().port}/` }),
    { token: 'secret', headers: { 'X-Key': 'secret' } },
  );
  await until(() => client.readyState === 2);
  assert.equal(errors[0].code, 'PUSH_ERR_REDIRECT');
  assert.equal(reached, 0);
});

test('another content type is a captive portal, and tried again', async (t) => {
  const { errors, got } = await pair(t, (s, n) =>
    n === 1 ? s.refuse(200, { 'Content-Type': 'text/html' }) : open(s),
  );
  await until(() => got.length);
  assert.deepEqual([errors[0].code, errors[0].final], ['PUSH_ERR_TYPE', false]);
});

test('problem+json is read: its detail is the message', async (t) => {
  const problem = {
    type: 'urn:x',
    title: 'Bad',
    status: 400,
    detail: 'device: 1 to 128 characters',
  };
  const { client, errors } = await pair(t, (s) =>
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

for (const value of ['1', () => new Date(Date.now() + 2000).toUTCString()]) {
  test(`503 with Retry-After ${typeof value === 'string' ? value : 'as a date'} is honoured`, async (t) => {
    const { server, errors, got, client } = await pair(t, (s, n) =>
      n === 1
        ? s.refuse(503, {
            'Retry-After': typeof value === 'string' ? value : value(),
          })
        : open(s),
    );
    const delays = [];
    client.onstate = ({ delay }) => delay && delays.push(delay);
    await until(() => got.length);
    assert.ok(errors[0].retryAfter > 0 && errors[0].retryAfter <= 2000);
    assert.equal(delays[0], errors[0].retryAfter + 100);
    const waited = server.streams[1].at - server.streams[0].at;
    assert.ok(waited >= errors[0].retryAfter, `${waited}`);
  });
}

test('401 refreshes the token once; the token goes with acknowledgements too', async (t) => {
  const asked = [];
  const { server, got } = await pair(
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
  const { server, client, errors } = await pair(t, (s) => s.refuse(401), {
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
  const { got } = await pair(
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
  const { got, errors } = await pair(t, open, {
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

test('silence is noticed at 7.0 to 7.5 s, and any byte counts', async (t) => {
  const last = [];
  const { server, errors, got } = await pair(t, (s, n) => {
    open(s);
    const beat = setTimeout(() => {
      s.write('x');
      last[n - 1] = performance.now();
    }, 1500);
    s.response.on('close', () => clearTimeout(beat));
  });
  const silences = [];
  /* Never early; late only where the machine is busy, but not each time. */
  do {
    const n = silences.length;
    const ended = await until(() => server.streams[n]?.ended);
    silences.push(ended - last[n]);
    assert.ok(silences[n] >= 7000, `${silences[n]} ms`);
  } while (silences.length < 3 && silences.at(-1) > 7500);
  assert.ok(silences.at(-1) <= 7500, `${silences} ms`);
  await until(() => server.streams.length > silences.length);
  assert.equal(errors[0].code, 'PUSH_ERR_SILENCE');
  assert.equal(server.streams[1].cursor, '1.aaa');
  assert.equal(got.length, 1);
});

test('no head within the connect time is a time-out', async (t) => {
  const { errors, got } = await pair(t, (s, n) => n === 1 || open(s), {
    connectTimeout: 100,
  });
  await until(() => got.length);
  assert.equal(errors[0].code, 'PUSH_ERR_TIMEOUT');
});

test('an error body that never ends is a time-out too', async (t) => {
  const { errors, got } = await pair(
    t,
    (s, n) => {
      if (n > 1) {
        return open(s);
      }
      s.response
        .writeHead(500, { 'Content-Type': 'application/problem+json' })
        .write('{"a":');
    },
    { connectTimeout: 100 },
  );
  await until(() => got.length);
  assert.equal(errors[0].code, 'PUSH_ERR_TIMEOUT');
});

test('nobody there, and then somebody: the wait grows with each failure', async (t) => {
  const server = await scripted(open);
  const { url } = server;
  await server.close();
  const client = new PushClient(url, { device: 'd1', random: () => 0.001 });
  t.after(() => client.close());
  const delays = [];
  client.onmessage = () => {};
  client.onstate = ({ delay, cause }) =>
    delay && delays.push([delay, cause.code]);
  await until(() => delays.length === 4);
  assert.deepEqual(
    delays,
    [100, 101, 103, 107].map((delay) => [delay, 'PUSH_ERR_NETWORK']),
  );
});

test('superseded by a straggler of its own the client goes on, once', async (t) => {
  const bye =
    'retry: 30000\nevent: push.bye\ndata: {"reason":"superseded"}\n\n';
  const { server, client, errors } = await pair(t, (s, n) => {
    if (n === 1) {
      s.cut();
    } else {
      s.open().write(bye);
    }
  });
  await until(() => client.readyState === 2);
  assert.equal(server.streams.length, 3);
  assert.deepEqual(
    errors.map(({ code, final }) => [code, final]),
    [
      ['PUSH_ERR_NETWORK', false],
      ['PUSH_ERR_SUPERSEDED', false],
      ['PUSH_ERR_SUPERSEDED', true],
    ],
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
  const { server, client, errors, got } = await pair(t, async (s) => {
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
  const { server, client, errors, got } = await pair(
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
    const { errors, got } = await pair(
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
  const { server, errors, got } = await pair(t, (s) =>
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

test('events of the server that are not known are ignored, whatever they say', async (t) => {
  const { client, errors, got } = await pair(t, (s) =>
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

test('a refused acknowledgement makes the client resume', async (t) => {
  let refuse = true;
  const { server, errors } = await pair(
    t,
    (s, n) => s.open().send(n, `m${n}`, n, { ack: 'now' }),
    {},
    {
      ack: (_, response) => {
        response.writeHead(refuse ? 409 : 204).end();
        refuse = false;
      },
    },
  );
  await until(() => server.acks.length === 2);
  assert.deepEqual([errors[0].code, errors[0].status], ['PUSH_ERR_STALE', 409]);
  assert.equal(server.streams[1].cursor, '1.m1');
});

test('acknowledgements that fail go with the next', async (t) => {
  const { server } = await pair(
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
  const { server, client, got } = await pair(
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

test('the count of failures starts anew only after a stream proved itself', async (t) => {
  const { client } = await pair(t, (s) => s.open().send(1, 'aaa', 'a').end(), {
    random: () => 0.01,
  });
  const delays = [];
  client.onstate = ({ delay }) => delay && delays.push(delay);
  await until(() => delays.length === 4);
  assert.deepEqual(delays, [104, 109, 119, 139]);
});

test('a stream of 10 s lets the next wait be short again', async (t) => {
  const { client } = await pair(
    t,
    (s, n) => {
      s.open();
      if (n < 3) {
        s.end();
      } else if (n === 3) {
        setTimeout(() => s.end(), 11500);
      }
    },
    { random: () => 0.01, silence: 20000 },
  );
  const delays = [];
  client.onstate = ({ delay }) => delay && delays.push(delay);
  await until(() => delays.length === 3, 'the third end', 40000);
  assert.deepEqual(delays, [104, 109, 104]);
});

test('two clients never share a schedule', async (t) => {
  const schedules = [];
  for (let i = 0; i < 2; i++) {
    const delays = [];
    const { client } = await pair(t, (s) => s.cut(), { random: undefined });
    client.onstate = ({ delay }) => delay && delays.push(delay);
    schedules.push(delays);
  }
  await until(() => schedules.every((delays) => delays.length >= 3));
  assert.notDeepEqual(schedules[0].slice(0, 3), schedules[1].slice(0, 3));
});

test('an AbortSignal closes, also one that had fired', async (t) => {
  const stop = new AbortController();
  const { server, client } = await pair(t, open, { signal: stop.signal });
  await until(() => client.readyState === 1);
  stop.abort();
  await server.streams[0].ended;
  assert.equal(client.readyState, 2);
  const { client: never, server: unused } = await pair(t, open, {
    signal: AbortSignal.abort(),
  });
  assert.equal(never.readyState, 2);
  assert.equal(unused.streams.length, 0);
});

test('nothing is handed over after close, not even what was read before', async (t) => {
  const { client } = await pair(t, (s) =>
    s.open('').write('id: 1.aaa\ndata: a\n\nid: 2.bbb\ndata: b\n\n'),
  );
  const got = [];
  client.onmessage = ({ data }) => {
    got.push(data);
    client.close();
  };
  await until(() => got.length);
  assert.deepEqual(got, ['a']);
});

test('a listener that closes the client has finished its message', async (t) => {
  const { server, client } = await pair(t, open);
  const closed = new Promise((resolve) => {
    client.onmessage = () => {
      client.close().then(resolve);
    };
  });
  await closed;
  assert.deepEqual(
    server.acks.map(({ id }) => id),
    ['1.aaa'],
  );
});

test('close waits for a running listener and acknowledges what it finished', async (t) => {
  const { server, client } = await pair(t, open);
  let finish;
  client.onmessage = () => new Promise((resolve) => (finish = resolve));
  await until(() => finish);
  const closed = client.close();
  await server.streams[0].ended;
  assert.equal(server.acks.length, 0);
  finish();
  await closed;
  assert.deepEqual(
    server.acks.map(({ id }) => id),
    ['1.aaa'],
  );
});

test('close ends within 5 s although a listener never settles, and acknowledges what was finished', async (t) => {
  const server = await scripted((s) =>
    s.open().send(1, 'aaa', 'a').send(2, 'bbb', 'b'),
  );
  t.after(() => server.close());
  /* Nothing of its own keeps that process alive. */
  const child = spawn(
    process.execPath,
    [new URL('closer.js', import.meta.url).pathname, server.url],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  t.after(() => child.kill('SIGKILL'));
  const lines = [];
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
  await until(() => lines.length);
  const ms = +lines[0];
  assert.ok(ms <= 5500, `${ms} ms`);
  assert.deepEqual(
    server.acks.map(({ id }) => id),
    ['1.aaa'],
  );
});

test('close does not wait for an acknowledgement without an answer', async (t) => {
  const { server, client, got } = await pair(
    t,
    (s) => s.open().send(1, 'aaa', 'a', { ack: 'now' }),
    {},
    { ack: () => {} },
  );
  await until(() => got.length && server.acks.length);
  const since = performance.now();
  await client.close();
  const ms = performance.now() - since;
  assert.ok(ms < 9000, `${ms} ms: the connect time is 10 s`);
});

test('a process that was stopped for long tries within a second of going on', async (t) => {
  const own = await scripted((s, n) => s.open().send(n, `m${n}`, n));
  t.after(() => own.close());
  const child = spawn(
    process.execPath,
    [new URL('follower.js', import.meta.url).pathname, own.url],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  t.after(() => child.kill('SIGKILL'));
  const lines = [];
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  await until(() => lines.length === 1);
  child.kill('SIGSTOP');
  const stopped = performance.now();
  await until(() => performance.now() - stopped > 8000, 'the stop to last');
  /* What was sent meanwhile is handed over, and not twice. */
  own.streams[0].send(2, 'late', 'late');
  child.kill('SIGCONT');
  const woken = performance.now();
  await until(() => own.streams.length === 2);
  assert.ok(
    own.streams[1].at - woken <= 1000,
    `${own.streams[1].at - woken} ms`,
  );
  assert.equal(own.streams[1].cursor, '2.late');
  await until(() => lines.length === 3);
  assert.deepEqual(lines, ['1.m1 1', '2.late late', '2.m2 2']);
});

test('a sleep that the monotonic clock did not see is seen by the wall clock', async (t) => {
  const { server } = await pair(t, (s) => {
    open(s);
    const beat = setInterval(() => s.beat(), 200);
    s.response.on('close', () => clearInterval(beat));
  });
  await until(() => server.streams.length === 1);
  const { now } = Date;
  t.after(() => {
    Date.now = now;
  });
  Date.now = () => now() + 600000;
  const woken = performance.now();
  await until(() => server.streams.length === 2);
  assert.ok(server.streams[1].at - woken <= 1500);
});

test('superseded right after a sleep is taken for a straggler of its own', async (t) => {
  const { server, errors, got } = await pair(t, (s, n) => {
    if (n === 2) {
      s.open().write('event: push.bye\ndata: {"reason":"superseded"}\n\n');
    } else {
      open(s);
    }
  });
  await until(() => got.length === 1);
  const { now } = Date;
  t.after(() => {
    Date.now = now;
  });
  Date.now = () => now() + 600000;
  await until(() => server.streams.length === 3);
  assert.deepEqual(
    errors.map(({ code, final }) => [code, final]),
    [
      ['PUSH_ERR_WAKE', false],
      ['PUSH_ERR_SUPERSEDED', false],
    ],
  );
});

test('a busy application is no silence: pending bytes are read before judgement', async (t) => {
  const { server, errors, got } = await pair(t, (s) => open(s), {
    silence: 1500,
  });
  await until(() => got.length === 1);
  const stream = server.streams[0];
  stream.send(2, 'bbb', 'b');
  /* The bytes are on their way; now nothing runs until the watchdog is due. */
  const end = performance.now() + 1495;
  while (performance.now() < end);
  await until(() => got.length === 2);
  assert.ok(!errors.some(({ code }) => code === 'PUSH_ERR_SILENCE'));
});
