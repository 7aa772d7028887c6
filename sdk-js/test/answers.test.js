/** What the client makes of answers: the vectors that both SDKs share. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PushClient } from '../src/index.js';
import { scripted, until } from './scripted.js';
import { bytesOf, rows } from './vectors.js';

for (const row of rows('answers')) {
  test(`an answer: ${row.description}`, async (t) => {
    const server = await scripted((s, n) =>
      n === 1
        ? s.response
            .writeHead(row.status, { ...row.headers, Connection: 'close' })
            .end(bytesOf(row.body))
        : s.open(),
    );
    const client = new PushClient(server.url, {
      device: 'd1',
      random: () => row.random ?? Math.random(),
    });
    t.after(async () => {
      await client.close();
      await server.close();
    });
    const got = [];
    let opened = 0;
    let first;
    client.onmessage = ({ data }) => void got.push(data);
    client.onopen = () => void opened++;
    client.onstate = ({ state, delay }) => {
      if (state === 'waiting' || state === 'closed') {
        first ??= { state, delay, opened };
      }
    };
    await until(() => first);
    const { outcome, wait, messages, cursor } = row;
    if (outcome === 'stop') {
      assert.equal(first.state, 'closed');
    } else {
      assert.deepEqual(
        [first.state, first.opened],
        ['waiting', outcome === 'open' ? 1 : 0],
      );
      const [least, most] = wait;
      assert.ok(first.delay >= least && first.delay <= most, `${first.delay}`);
      client.reconnect();
      await until(() => server.streams.length === 2);
      assert.equal(server.streams[1].cursor ?? '', cursor ?? '');
    }
    if (messages) {
      assert.deepEqual(got, messages);
    }
  });
}
