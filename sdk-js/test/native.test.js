/** The fallback by native EventSource, with undici's in Node. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventSource } from 'undici';
import { eventSource, fallback } from '../src/eventsource.js';
import { fetchStream } from '../src/fetch.js';
import { listening, open, pair, until } from './scripted.js';

process.removeAllListeners('warning');
globalThis.EventSource = EventSource;

test('tickets, heartbeat events, resume and named events by native EventSource', async (t) => {
  const tickets = [];
  const { server, client } = await pair(
    t,
    (s, n) => {
      s.open('retry: 60000\n\n');
      if (n === 1) {
        s.send(1, 'aaa', 'a').send(2, 'bbb', 'b', { event: 'trip' });
        s.write('event: heartbeat\ndata:\n\n');
      } else {
        s.send(1, 'bbb', 'b', { event: 'trip' }).send(2, 'ccc', 'c', {
          event: 'late',
        });
        s.write('event: push.gap\ndata: {"dropped":1,"reason":"memory"}\n\n');
      }
    },
    {
      token: 'secret',
      transport: eventSource(['trip', 'late']),
      ackInterval: 100,
    },
    {
      other: (request, response, url) => {
        assert.equal(request.method, 'POST');
        assert.equal(url.pathname, '/ramen/ticket');
        assert.equal(request.headers.authorization, 'Bearer secret');
        tickets.push(url.searchParams.get('device'));
        response
          .writeHead(200, { 'Content-Type': 'application/json' })
          .end(
            JSON.stringify({ ticket: `t${tickets.length}`, expires_in: 60 }),
          );
      },
    },
  );
  const got = [];
  const take = ({ type, data, seq }) => void got.push([type, data, seq]);
  client.addEventListener('message', take);
  client.addEventListener('trip', take);
  await until(() => got.length === 2);
  await until(() => server.acks.at(-1)?.id === '2.bbb');
  client.addEventListener('late', take);
  const gap = new Promise((resolve) => (client.ongap = resolve));
  server.streams[0].cut();
  await until(() => got.length === 3);
  assert.equal((await gap).dropped, 1);
  assert.deepEqual(got, [
    ['message', 'a', 1],
    ['trip', 'b', 2],
    ['late', 'c', 2],
  ]);
  const [first, second] = server.streams.map(({ url }) => url.searchParams);
  assert.deepEqual([first.get('ticket'), second.get('ticket')], ['t1', 't2']);
  assert.deepEqual([first.get('heartbeat'), first.get('id')], ['event', null]);
  assert.equal(second.get('id'), '2.bbb');
  assert.deepEqual(tickets, ['d1', 'd1']);
});

test('a ticket that is refused is told, and silence is noticed too', async (t) => {
  let refuse = false;
  const { client, errors } = await listening(
    t,
    (s) => s.open(),
    { token: 'secret', transport: eventSource(), silence: 300 },
    {
      other: (_, response) =>
        refuse
          ? response.writeHead(403).end()
          : response
              .writeHead(200, { 'Content-Type': 'application/json' })
              .end('{"ticket":"t","expires_in":60}'),
    },
  );
  await until(() => errors.some(({ code }) => code === 'PUSH_ERR_SILENCE'));
  refuse = true;
  await until(() => client.readyState === 2);
  assert.equal(errors.at(-1).code, 'PUSH_ERR_AUTH');
});

/** What a native EventSource cannot see. */
const refusals = [
  [204, 'PUSH_ERR_STOPPED', true],
  [401, 'PUSH_ERR_AUTH', true],
  [403, 'PUSH_ERR_AUTH', true],
  [404, 'PUSH_ERR_STATUS', true],
  [503, 'PUSH_ERR_STATUS', false],
];

for (const [status, code, final] of refusals) {
  test(`native EventSource: ${status} is ${final ? 'final' : 'tried again'}, and told`, async (t) => {
    const { client, errors, got } = await listening(
      t,
      (s, n) => (final || n < 3 ? s.refuse(status) : open(s)),
      { transport: eventSource() },
    );
    await until(() => (final ? client.readyState === 2 : got.length));
    assert.deepEqual(
      [errors[0].code, errors[0].status, errors[0].final],
      [code, status, final],
    );
  });
}

test('the fallback is taken only where fetch cannot stream', (t) => {
  assert.equal(fallback(['trip']), fetchStream);
  const body = Object.getOwnPropertyDescriptor(Response.prototype, 'body');
  delete Response.prototype.body;
  t.after(() => Object.defineProperty(Response.prototype, 'body', body));
  assert.notEqual(fallback(['trip']), fetchStream);
});
