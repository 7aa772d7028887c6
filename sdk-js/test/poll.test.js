/** Polls: what the client makes of answers, and when it asks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PushClient } from '../src/index.js';
import { poll, pollFallback } from '../src/poll.js';
import { collect, listening, open, until } from './scripted.js';
import { bytesOf, rows } from './vectors.js';

const EVENTS = { 'Content-Type': 'text/event-stream; charset=utf-8' };

/** Answers a poll. */
const answer = (s, body, headers, status = 200) =>
  s.response.writeHead(status, { ...EVENTS, ...headers }).end(body);

/** One that found nothing, or these messages. */
const batch = (s, ...messages) =>
  messages.length
    ? answer(
        s,
        messages.map(([id, data]) => `id: ${id}\ndata: ${data}\n\n`).join(''),
      )
    : s.response.writeHead(204).end();

const waitOf = ({ url }) => url.searchParams.get('wait');

/** A client that polls. */
const polling = (t, script, options) =>
  listening(t, script, { transport: poll({ wait: 5 }), ...options });

/* ---- the vectors ---- */

/** A payload as the vectors write it. */
const payload = (data) =>
  typeof data === 'string'
    ? data
    : { base64: Buffer.from(data).toString('base64') };

const META = { type: 'contentType', channel: 0, urgency: 0, time: 0, trace: 0 };

function seen(message) {
  const { lastEventId: id, event, data } = message;
  const told = { id, event, data: payload(data) };
  for (const [name, mine] of Object.entries(META)) {
    const value = message[mine || name];
    if (value !== undefined) {
      told[name] = value;
    }
  }
  return told;
}

/** What is seen of a message of the vectors: `ack` is not handed over. */
const expected = ({ ack, ...message }) => message;

for (const row of rows('poll').filter(({ sse }) => sse !== undefined)) {
  test(`a poll: ${row.description}`, async (t) => {
    const { server, client, errors } = await polling(
      t,
      (s, n) => n === 1 && answer(s, bytesOf(row.sse), row.headers, row.status),
      { lastEventId: row.shown, random: Math.random },
    );
    const told = { messages: [], gaps: [], bye: undefined };
    let wait;
    const hear = (message) => void told.messages.push(seen(message));
    client.onmessage = hear;
    new Set(row.messages.map(({ event }) => event)).forEach(
      (event) => event === 'message' || client.addEventListener(event, hear),
    );
    client.ongap = ({ dropped, reason, urgency }) =>
      void told.gaps.push({ dropped, reason, urgency });
    client.onbye = ({ reason }) => void (told.bye = reason);
    client.onstate = ({ state, delay }) => {
      if (state === 'waiting') {
        wait ??= delay;
        client.reconnect();
      }
    };
    if (row.outcome === 'stop') {
      await until(() => client.readyState === 2);
      assert.equal(server.streams.length, 1);
      assert.equal(errors.at(-1).final, true);
    } else {
      await until(() => server.streams.length === 2);
      assert.equal(server.streams[1].cursor ?? '', row.next);
    }
    assert.equal(server.streams[0].cursor ?? '', row.shown);
    assert.deepEqual(told, {
      messages: row.messages.map(expected),
      gaps: row.gaps,
      bye: row.bye?.reason,
    });
    if (row.outcome === 'again') {
      assert.deepEqual(errors, []);
      assert.equal(waitOf(server.streams[1]), '5');
    } else if (row.outcome === 'retry') {
      const [least, most] = row.wait;
      assert.ok(wait >= least && wait <= most, `${wait}`);
    }
  });
}

/** What a batch in JSON tells, as docs/protocol.md has it; null: no batch. */
function told(text) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  if (!body?.messages) {
    return null;
  }
  return {
    messages: body.messages.map(
      ({ id, event = 'message', ack, data, text, base64, ...rest }) => ({
        id,
        event,
        data: base64 ? { base64 } : (text ?? JSON.stringify(data)),
        ...(ack && { ack }),
        ...Object.fromEntries(
          Object.entries(rest).filter(([name]) => name in META),
        ),
      }),
    ),
    gaps: body.gaps ?? [],
    bye: body.bye && { reason: body.bye, spread_ms: body.spread_ms },
    next: body.cursor,
  };
}

for (const row of rows('poll').filter(({ json }) => json !== undefined)) {
  test(`a poll in JSON says the same: ${row.description}`, () => {
    const batch = told(bytesOf(row.json).toString());
    const { status, headers, messages, gaps, bye } = row;
    const isBatch = status === 200 && headers['Content-Type'] === undefined;
    if (row.outcome !== 'again' && !bye) {
      assert.ok(!isBatch || batch === null);
    } else if (status === 204) {
      assert.equal(row.next, headers['Push-Cursor'] ?? row.shown);
    } else {
      const next = messages.length ? row.next : undefined;
      assert.deepEqual(batch, { messages, gaps, bye, next });
    }
  });
}

/* ---- when the next one comes ---- */

test('the first poll asks for what is there, those behind it wait', async (t) => {
  const { server, client } = await polling(t, (s, n) => n < 4 && batch(s));
  const states = [];
  client.onstate = ({ state, transport }) =>
    void states.push(transport ?? state);
  await until(() => server.streams.length === 4);
  assert.deepEqual(server.streams.map(waitOf), ['0', '5', '5', '5']);
  assert.ok(
    server.streams.every(
      ({ request }) => request.headers.accept === 'text/event-stream',
    ),
  );
  assert.deepEqual(states, ['poll']);
  assert.equal(client.transport, 'poll');
  /* Whatever answers a wait at once with nothing is not asked without pause. */
  const [, , third, fourth] = server.streams;
  assert.ok(fourth.at - third.at >= 900, `${fourth.at - third.at} ms`);
});

test('a batch is finished before the next is asked for', async (t) => {
  const { server, client } = await polling(t, (s, n) =>
    n === 1
      ? batch(s, ['1.aaa', 'a'], ['2.bbb', 'b'])
      : n === 2 && batch(s, ['3.ccc', 'c']),
  );
  let finish;
  client.onmessage = ({ data }) =>
    data === 'b' && new Promise((resolve) => (finish = resolve));
  await until(() => finish);
  assert.equal(server.streams.length, 1);
  finish();
  await until(() => server.streams.length === 3);
  assert.deepEqual(
    server.streams.map(({ cursor }) => cursor),
    [null, '2.bbb', '3.ccc'],
  );
  assert.deepEqual(server.acks, []);
});

test('a handler that fails or takes long holds up nothing for long', async (t) => {
  const { server, client, errors } = await polling(t, (s, n) =>
    n === 1
      ? batch(s, ['1.aaa', 'a'], ['2.bbb', 'b'], ['3.ccc', 'c'])
      : n === 2 && batch(s, ['2.bbb', 'b'], ['3.ccc', 'c'], ['4.ddd', 'd']),
  );
  const got = [];
  client.onmessage = ({ data }) => {
    got.push(data);
    if (data === 'b' && got.length === 2) {
      throw new Error('not yet');
    }
    return data === 'c' && new Promise(() => {});
  };
  await until(() => server.streams.length === 3);
  assert.deepEqual(got, ['a', 'b', 'c', 'b', 'd']);
  const [first, second, third] = server.streams;
  assert.deepEqual([second.cursor, third.cursor], ['1.aaa', '2.bbb']);
  assert.ok(second.at - first.at >= 900, `${second.at - first.at} ms`);
  assert.ok(third.at - second.at >= 1900, `${third.at - second.at} ms`);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['PUSH_ERR_HANDLER'],
  );
});

test('a gap is told once, however many polls tell it', async (t) => {
  const gap = (dropped) =>
    `event: push.gap\ndata: {"dropped":${dropped},"reason":"memory","urgency":"low"}\n\n`;
  const bodies = [
    gap(1),
    gap(1),
    gap(1) + gap(2),
    `${gap(1)}id: 1.a\ndata: a\n\n`,
    gap(1),
  ];
  const { server, client } = await polling(
    t,
    (s, n) => n <= bodies.length && answer(s, bodies[n - 1]),
  );
  const gaps = [];
  client.ongap = ({ dropped }) => void gaps.push(dropped);
  await until(() => server.streams.length > bodies.length);
  assert.deepEqual(gaps, [1, 2, 1]);
});

test('every poll has fresh credentials, and 401 asks for them once', async (t) => {
  let asked = 0;
  const { server, errors } = await polling(
    t,
    (s, n) => (n === 2 ? s.refuse(401) : n < 4 && batch(s)),
    { token: ({ refresh }) => `${++asked}${refresh ? ' anew' : ''}` },
  );
  await until(() => server.streams.length === 4);
  assert.deepEqual(
    server.streams.map(({ request }) => request.headers.authorization),
    ['Bearer 1', 'Bearer 2', 'Bearer 3 anew', 'Bearer 4'],
  );
  assert.deepEqual(
    errors.map(({ code, final }) => [code, final]),
    [['PUSH_ERR_AUTH', false]],
  );
});

test('silence: a wait that is not answered, and heartbeats that end', async (t) => {
  const { server, errors } = await listening(
    t,
    (s, n) => {
      if (n === 1 || n === 3) {
        batch(s);
      } else if (n === 4) {
        s.open('\n');
      }
    },
    { transport: poll({ wait: 1 }), silence: 700 },
  );
  await until(() => errors.length === 2);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['PUSH_ERR_SILENCE', 'PUSH_ERR_SILENCE'],
  );
  const [, second, , fourth] = server.streams;
  const [a, b] = await Promise.all([second.ended, fourth.ended]);
  assert.ok(a - second.at >= 1600, `${a - second.at} ms`);
  assert.ok(b - fourth.at >= 650, `${b - fourth.at} ms`);
});

test('a client that is closed leaves its poll at once', async (t) => {
  const { server, client } = await polling(t, (s, n) => n === 1 && batch(s));
  await until(() => server.streams.length === 2);
  const since = performance.now();
  await client.close();
  await server.streams[1].ended;
  assert.ok(performance.now() - since < 900);
  assert.equal(server.streams.length, 2);
});

test('a wait that is not legal is a TypeError', () => {
  for (const wait of [0, 601, 1.5, '5', NaN]) {
    assert.throws(() => poll({ wait }), {
      name: 'TypeError',
      message: 'wait: 1 to 600',
    });
  }
});

/* ---- when polls are taken ---- */

/** Where no stream passes, but polls do; `head`: heads pass. */
const holding = (head) => (s) => {
  if (waitOf(s) === '0') {
    batch(s);
  } else if (waitOf(s) === null && head) {
    s.open('retry: 500\n\n');
  }
};

const quick = { connectTimeout: 300, silence: 300 };

for (const [what, head, code] of [
  ['heads', true, 'PUSH_ERR_SILENCE'],
  ['not even heads', false, 'PUSH_ERR_TIMEOUT'],
]) {
  test(`two silent streams, of which ${what} pass, and the page polls`, async (t) => {
    const { server, client, errors } = await listening(t, holding(head), {
      transport: pollFallback(),
      ...quick,
    });
    await until(() => client.transport === 'poll');
    await until(() => server.streams.length === 4);
    assert.deepEqual(server.streams.map(waitOf), [null, null, '0', '25']);
    assert.deepEqual(
      errors.map((error) => error.code),
      [code, code],
    );
    /* The page knows. */
    const options = { device: 'd2', transport: pollFallback(), ...quick };
    const second = new PushClient(server.url, options);
    t.after(() => second.close());
    collect(second);
    await until(() => server.streams.length > 4);
    assert.equal(waitOf(server.streams[4]), '0');
    await until(() => second.readyState === 1 && server.streams.length === 6);
    /* Half an hour later a stream is tried, once. */
    await Promise.all([client.close(), second.close()]);
    const { now } = performance;
    performance.now = () => now.call(performance) + 1800001;
    t.after(() => (performance.now = now));
    const from = server.streams.length;
    const third = new PushClient(server.url, options);
    t.after(() => third.close());
    collect(third);
    await until(() => server.streams.length >= from + 2);
    assert.deepEqual(server.streams.slice(from, from + 2).map(waitOf), [
      null,
      '0',
    ]);
  });
}

test('where polls do not pass either, it is streams again', async (t) => {
  const { server } = await listening(
    t,
    (s, n) => (n === 4 ? open(s) : waitOf(s) && s.refuse(503)),
    { transport: pollFallback(), ...quick },
  );
  await until(() => server.streams.length === 4);
  assert.deepEqual(server.streams.map(waitOf), [null, null, '0', null]);
});

test('a stream that lived, and a server that is down, are no reason to poll', async (t) => {
  const { server } = await listening(
    t,
    (s, n) => {
      if (n % 2) {
        s.open();
        setTimeout(() => s.beat(), 1100);
      } else {
        s.cut();
      }
    },
    { transport: pollFallback(), connectTimeout: 300, silence: 1500 },
  );
  await until(() => server.streams.length === 5, 'five', 30000);
  assert.deepEqual(server.streams.map(waitOf), Array(5).fill(null));
});

test('polls that have passed are kept over failures', async (t) => {
  const { server, client } = await listening(
    t,
    (s) => (waitOf(s) === '0' ? batch(s) : waitOf(s) && s.cut()),
    { transport: pollFallback(), ...quick },
  );
  await until(() => client.transport === 'poll');
  await until(() => server.streams.length === 8);
  assert.deepEqual(server.streams.slice(2).map(waitOf), [
    '0',
    '25',
    '0',
    '25',
    '0',
    '25',
  ]);
});
