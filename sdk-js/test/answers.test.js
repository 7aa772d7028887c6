/** What the client makes of answers: the vectors that both SDKs share. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PushError } from '../src/index.js';
import { listening, until } from './scripted.js';
import { bytesOf, rows } from './vectors.js';

/** What an answer that is no stream is called, by its status. */
const CODES = {
  200: 'PUSH_ERR_TYPE',
  204: 'PUSH_ERR_STOPPED',
  401: 'PUSH_ERR_AUTH',
  403: 'PUSH_ERR_AUTH',
};

for (const row of rows('answers')) {
  test(`an answer: ${row.description}`, async (t) => {
    const { server, client, errors, got } = await listening(
      t,
      (s, n) =>
        n === 1
          ? s.response
              .writeHead(row.status, { ...row.headers, Connection: 'close' })
              .end(bytesOf(row.body))
          : s.open(),
      { random: () => row.random ?? Math.random() },
    );
    let opened = 0;
    let first;
    client.onopen = () => void opened++;
    client.onstate = ({ state, delay }) => {
      if (state === 'waiting' || state === 'closed') {
        first ??= { state, delay, opened };
      }
    };
    await until(() => first && errors.length);
    const { status, outcome, wait, messages, cursor } = row;
    assert.ok(errors[0] instanceof PushError);
    assert.equal(errors[0].final, outcome === 'stop');
    if (!opened) {
      assert.deepEqual(
        [errors[0].code, errors[0].status],
        [CODES[status] ?? 'PUSH_ERR_STATUS', status],
      );
    }
    if (outcome === 'stop') {
      assert.equal(first.state, 'closed');
      assert.equal(server.streams.length, 1);
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
