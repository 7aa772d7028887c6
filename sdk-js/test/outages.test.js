/** Silence, failures in a row, sleep, and the end of a client: the clocks. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { PushClient } from '../src/index.js';
import { listening, open, scripted, spawned, until } from './scripted.js';

test('silence is noticed at 7.0 to 7.5 s, and any byte counts', async (t) => {
  const last = [];
  const { server, errors, got } = await listening(t, (s, n) => {
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
  const { errors, got } = await listening(t, (s, n) => n === 1 || open(s), {
    connectTimeout: 100,
  });
  await until(() => got.length);
  assert.equal(errors[0].code, 'PUSH_ERR_TIMEOUT');
});

test('an error body that never ends is a time-out too', async (t) => {
  const { errors, got } = await listening(
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
  const { server, client, errors } = await listening(t, (s, n) => {
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

test('the count of failures starts anew only after a stream proved itself', async (t) => {
  const { client } = await listening(
    t,
    (s) => s.open().send(1, 'aaa', 'a').end(),
    {
      random: () => 0.01,
    },
  );
  const delays = [];
  client.onstate = ({ delay }) => delay && delays.push(delay);
  await until(() => delays.length === 4);
  assert.deepEqual(delays, [104, 109, 119, 139]);
});

test('a stream of 10 s lets the next wait be short again', async (t) => {
  const { client } = await listening(
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
    const { client } = await listening(t, (s) => s.cut(), {
      random: undefined,
    });
    client.onstate = ({ delay }) => delay && delays.push(delay);
    schedules.push(delays);
  }
  await until(() => schedules.every((delays) => delays.length >= 3));
  assert.notDeepEqual(schedules[0].slice(0, 3), schedules[1].slice(0, 3));
});

test('a busy application is no silence: pending bytes are read before judgement', async (t) => {
  const { server, errors, got } = await listening(t, (s) => open(s), {
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

/** @returns {Promise<number>} ms from going on to the next attempt */
async function stoppedForLong(t) {
  const own = await scripted((s, n) => s.open().send(n, `m${n}`, n));
  t.after(() => own.close());
  const { child, lines } = spawned(t, 'follower.js', own.url);
  await until(() => lines.length === 1);
  child.kill('SIGSTOP');
  const stopped = performance.now();
  await until(() => performance.now() - stopped > 8000, 'the stop to last');
  /* What was sent meanwhile is handed over, and not twice. */
  own.streams[0].send(2, 'late', 'late');
  child.kill('SIGCONT');
  const woken = performance.now();
  await until(() => own.streams.length === 2);
  assert.equal(own.streams[1].cursor, '2.late');
  await until(() => lines.length === 3);
  assert.deepEqual(lines, ['1.m1 1', '2.late late', '2.m2 2']);
  return own.streams[1].at - woken;
}

test('a process that was stopped for long tries within a second of going on', async (t) => {
  const took = [];
  /* Late only where the machine is busy, but not each time. */
  do {
    took.push(await stoppedForLong(t));
  } while (took.length < 3 && took.at(-1) > 1000);
  assert.ok(took.at(-1) <= 1000, `${took} ms`);
});

test('a sleep that the monotonic clock did not see is seen by the wall clock', async (t) => {
  const { server } = await listening(t, (s) => {
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
  const { server, errors, got } = await listening(t, (s, n) => {
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

test('an AbortSignal closes, also one that had fired', async (t) => {
  const stop = new AbortController();
  const { server, client } = await listening(t, open, { signal: stop.signal });
  await until(() => client.readyState === 1);
  stop.abort();
  await server.streams[0].ended;
  assert.equal(client.readyState, 2);
  const { client: never, server: unused } = await listening(t, open, {
    signal: AbortSignal.abort(),
  });
  assert.equal(never.readyState, 2);
  assert.equal(unused.streams.length, 0);
});

test('nothing is handed over after close, not even what was read before', async (t) => {
  const { client } = await listening(t, (s) =>
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
  const { server, client } = await listening(t, open);
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
  const { server, client } = await listening(t, open);
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
  const { child, lines } = spawned(t, 'closer.js', server.url);
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
  const { server, client, got } = await listening(
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

test('a client that is closed while it says that it connects opens no stream', async (t) => {
  const { server, client } = await listening(t, (s, n) =>
    n === 1 ? open(s).cut() : open(s),
  );
  const told = [];
  client.onstate = ({ state }) => {
    told.push(state);
    if (state === 'connecting') {
      client.close();
    }
  };
  await until(() => told.includes('closed'));
  /* An attempt would have come by the time that another request has. */
  await fetch(`${server.url}/ack?id=1`, { method: 'POST' });
  assert.deepEqual(told, ['waiting', 'connecting', 'closed']);
  assert.equal(server.streams.length, 1);
});
