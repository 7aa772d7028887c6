import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger } from '../src/ledger.js';

const receive = (ledger, seq, mid) => ledger.receive(`${seq}.${mid}`, mid);

test('the cursor stops short of the first message that is not finished', () => {
  const ledger = new Ledger();
  const [a, b, c] = ['a', 'b', 'c'].map((mid, i) =>
    receive(ledger, i + 1, mid),
  );
  b(true);
  assert.equal(ledger.cursor, '');
  a(true);
  assert.equal(ledger.cursor, '2.b');
  c(true);
  assert.equal(ledger.cursor, '3.c');
  assert.equal(ledger.size, 0);
});

test('a message that failed is handed over again on the next stream, and holds the cursor', () => {
  const ledger = new Ledger();
  const a = receive(ledger, 1, 'a');
  a(false);
  const b = receive(ledger, 2, 'b');
  b(true);
  assert.equal(ledger.cursor, '');
  assert.ok(ledger.failed);
  ledger.restart();
  assert.ok(!ledger.failed);
  const again = receive(ledger, 1, 'a');
  assert.ok(again);
  assert.equal(receive(ledger, 2, 'b'), undefined);
  again(true);
  assert.equal(ledger.cursor, '2.b');
});

test('what finishes while an attempt is under way moves the cursor no more', () => {
  const ledger = new Ledger();
  const a = receive(ledger, 1, 'a');
  const b = receive(ledger, 2, 'b');
  a(true);
  ledger.leave();
  b(true);
  assert.equal(ledger.cursor, '1.a');
  assert.equal(ledger.passed, 1);
  ledger.restart();
  assert.equal(receive(ledger, 2, 'b'), undefined);
  assert.equal(ledger.cursor, '2.b');
});

test('a message still being handled is not handed over twice, and counts once it is done', () => {
  const ledger = new Ledger();
  const a = receive(ledger, 7, 'a');
  ledger.restart();
  assert.equal(receive(ledger, 1, 'a'), undefined);
  assert.equal(ledger.cursor, '');
  a(true);
  assert.equal(ledger.cursor, '1.a');
});

test('the cursor follows the stream also to a lower number', () => {
  const ledger = new Ledger('40.z');
  const a = receive(ledger, 1, 'a');
  assert.equal(ledger.cursor, '40.z');
  a(true);
  assert.equal(ledger.cursor, '1.a');
});

test('memory of ids is bounded, and never forgets what is being handled', () => {
  const ledger = new Ledger();
  receive(ledger, 1, 'slow');
  for (let i = 2; i < 20000; i++) {
    receive(ledger, i, `m${i}`)(true);
  }
  ledger.restart();
  assert.equal(receive(ledger, 1, 'slow'), undefined);
  assert.equal(receive(ledger, 2, 'm19999'), undefined);
  assert.ok(receive(ledger, 3, 'm2'));
});
