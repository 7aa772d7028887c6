import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ledgerOf } from '../src/ledger.js';

/** A ledger, and the cursor that follows it. */
function follower(remembered = 4096) {
  const ledger = ledgerOf(() => remembered);
  const own = {
    cursor: '',
    passed: 0,
    leave: ledger.leave,
    look() {
      for (const [id, , weight] of ledger.pass()) {
        own.cursor = id;
        own.passed += weight;
      }
    },
    receive(seq, mid, weight = 1) {
      const finish = ledger.receive(`${seq}.${mid}`, mid, weight);
      own.look();
      return (
        finish &&
        ((ok) => {
          assert.equal(finish(ok), ok);
          own.look();
        })
      );
    },
  };
  return own;
}

test('the cursor stops short of the first message that is not finished', () => {
  const own = follower();
  const [a, b, c] = ['a', 'b', 'c'].map((mid, i) => own.receive(i + 1, mid));
  b(true);
  assert.equal(own.cursor, '');
  a(true);
  assert.equal(own.cursor, '2.b');
  c(true);
  assert.equal(own.cursor, '3.c');
  assert.equal(own.passed, 3);
});

test('what weighs more counts when the cursor passes it, and not before', () => {
  const own = follower();
  const a = own.receive(1, 'a');
  own.receive(2, 'b', Infinity)(true);
  assert.equal(own.passed, 0);
  a(true);
  assert.equal(own.passed, Infinity);
});

test('a message that failed is handed over again on the next stream, and holds the cursor', () => {
  const own = follower();
  own.receive(1, 'a')(false);
  own.receive(2, 'b')(true);
  assert.equal(own.cursor, '');
  own.leave();
  const again = own.receive(1, 'a');
  assert.ok(again);
  assert.equal(own.receive(2, 'b'), undefined);
  again(true);
  assert.equal(own.cursor, '2.b');
});

test('what finishes while an attempt is under way moves the cursor no more', () => {
  const own = follower();
  const a = own.receive(1, 'a');
  const b = own.receive(2, 'b');
  a(true);
  own.leave();
  b(true);
  assert.equal(own.cursor, '1.a');
  assert.equal(own.passed, 1);
  assert.equal(own.receive(2, 'b'), undefined);
  assert.equal(own.cursor, '2.b');
});

test('a message still being handled is not handed over twice, and counts once it is done', () => {
  const own = follower();
  const a = own.receive(7, 'a');
  own.leave();
  assert.equal(own.receive(1, 'a'), undefined);
  assert.equal(own.cursor, '');
  a(true);
  assert.equal(own.cursor, '1.a');
});

test('memory of ids is bounded, and holds as many as was asked for', () => {
  const own = follower(100);
  for (let i = 1; i <= 1000; i++) {
    own.receive(i, `m${i}`)(true);
  }
  own.leave();
  assert.equal(own.receive(1, 'm1000'), undefined);
  assert.equal(own.receive(2, 'm901'), undefined);
  assert.ok(own.receive(3, 'm900'));
});
