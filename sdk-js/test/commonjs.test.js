import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { open, scripted, spawned } from './scripted.js';

test('CommonJS takes the package by import()', async (t) => {
  const server = await scripted(open);
  t.after(() => server.close());
  const { child, lines } = spawned(t, 'commonjs.cjs', server.url);
  const [code] = await once(child, 'close');
  assert.deepEqual([code, lines], [0, ['a function']]);
  assert.equal(server.acks[0].id, '1.aaa');
});
