/** Reports of positions, against a server that does what the test says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportPosition } from '../src/position.js';
import { scripted } from './scripted.js';

/** A server whose answers a test gives, and what it was sent. */
async function server(t, status, problem) {
  const seen = [];
  const made = await scripted(() => {}, {
    other: async (request, response, url) => {
      let body = '';
      for await (const piece of request) {
        body += piece;
      }
      seen.push({
        method: request.method,
        url,
        headers: request.headers,
        body,
      });
      response
        .writeHead(status, { 'Content-Type': 'application/problem+json' })
        .end(problem && JSON.stringify(problem));
    },
  });
  t.after(() => made.close());
  const url = `${made.origin}/ramen/receive?app=rider&device=d1&ack=explicit`;
  return { client: { url }, seen };
}

test('a position goes into the body, for the device of the client', async (t) => {
  const { client, seen } = await server(t, 204);
  await reportPosition(
    client,
    { lat: 38.7223, lon: -9.1393, accuracy: 12 },
    { token: async () => 'secret', headers: { 'X-A': 'b' } },
  );
  const [{ method, url, headers, body }] = seen;
  assert.equal(method, 'POST');
  assert.equal(url.pathname, '/ramen/position');
  assert.equal(url.searchParams.get('device'), 'd1');
  assert.equal(url.searchParams.get('app'), 'rider');
  assert.ok(!url.search.includes('38.7'));
  assert.equal(headers.authorization, 'Bearer secret');
  assert.equal(headers['x-a'], 'b');
  assert.match(headers['push-client'], /^mod-push-client/);
  assert.deepEqual(JSON.parse(body), {
    lat: 38.7223,
    lon: -9.1393,
    accuracy: 12,
  });
});

test('what a browser gives is taken, and null takes it back', async (t) => {
  const { client, seen } = await server(t, 204);
  const coords = { latitude: -90, longitude: 180, accuracy: 4e6, speed: null };
  await reportPosition(client, { coords, timestamp: 1 });
  await reportPosition(client, null);
  assert.deepEqual(JSON.parse(seen[0].body), {
    lat: -90,
    lon: 180,
    accuracy: 100000,
  });
  assert.equal(seen[1].body, 'null');
});

for (const [status, code, final] of [
  [400, 'PUSH_ERR_STATUS', true],
  [429, 'PUSH_ERR_STATUS', false],
  [403, 'PUSH_ERR_AUTH', true],
  [200, 'PUSH_ERR_TYPE', false],
]) {
  test(`an answer ${status} is told as ${code}`, async (t) => {
    const { client } = await server(t, status, { detail: 'lat: a number' });
    await assert.rejects(reportPosition(client, { lat: 1, lon: 2 }), {
      code,
      status,
      final,
      message: status === 200 ? code : 'lat: a number',
    });
  });
}

test('no connection is told as PUSH_ERR_NETWORK', async () => {
  const fetch = () => Promise.reject(new TypeError('no'));
  const client = { url: 'http://127.0.0.1:9/ramen/receive?device=d' };
  await assert.rejects(
    reportPosition(client, { lat: 1, lon: 2 }, { fetch }),
    ({ code, cause }) => code === 'PUSH_ERR_NETWORK' && cause.message === 'no',
  );
});
