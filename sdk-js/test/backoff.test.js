import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff, spread } from '../src/backoff.js';
import { rows } from './vectors.js';

const kinds = {
  backoff: ({ u, n, base }) => backoff(u, n, base),
  spread: ({ u, hint }) => spread(u, hint),
  'retry-after': ({ u, n, base, hint }) => backoff(u, n, base, hint),
  wake: ({ u }) => spread(u, 1000),
};

rows('backoff').forEach((row, i) => {
  test(`backoff, row ${i}: ${row.description}`, () => {
    assert.equal(kinds[row.kind](row), row.delay);
  });
});

test('no delay is below 100 ms, however many failures came before', () => {
  for (let n = 0; n <= 1e6; n = n * 2 + 1) {
    for (const u of [0, 1e-9, 0.5, 1 - 1e-9]) {
      const delay = backoff(u, n, 1000);
      assert.ok(delay >= 100 && delay < 30000, `${n} ${u}: ${delay}`);
    }
  }
});

test('10,000 clients after a restart with a spread of 10 s come at most 2 % in 100 ms', () => {
  const perSlot = new Map();
  for (let i = 0; i < 10000; i++) {
    const slot = Math.floor(spread(Math.random(), 10000) / 100);
    perSlot.set(slot, (perSlot.get(slot) ?? 0) + 1);
  }
  assert.ok(Math.max(...perSlot.values()) <= 200);
});
