import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clamped } from '../src/backoff.js';
import { sseParser } from '../src/parser.js';
import { bytesOf, rows } from './vectors.js';

const MIB = 1 << 20;

/** What a row promises, from a parser that was fed these pieces. */
function outcome(pieces, limit, stop = true) {
  const parser = sseParser(limit ?? MIB, stop);
  const events = [];
  const errors = [];
  try {
    for (const piece of pieces) {
      for (const event of parser.feed(piece)) {
        const { event: type, data, lastEventId: id, enc, ack } = event;
        const seen = event.large
          ? { too_large: true, id: event.id ?? '', ack }
          : { event: type, data, id, enc, ack };
        events.push(JSON.parse(JSON.stringify(seen)));
      }
    }
  } catch (error) {
    assert.equal(error.code, 'PUSH_ERR_TOO_LARGE');
    errors.push('event-too-large');
  }
  return {
    events,
    retry: parser.retry === undefined ? null : clamped(parser.retry),
    lastEventId: parser.lastEventId,
    errors,
  };
}

/** The events of one that was fed whole, with what `meta` asks for. */
const told = (input) =>
  [...sseParser().feed(bytesOf(input))].map((event) => {
    const { event: type, data, lastEventId: id, ack } = event;
    const { type: contentType, channel, urgency, time, trace } = event;
    return JSON.parse(
      JSON.stringify({
        event: type,
        data,
        id,
        ack,
        type: contentType,
        channel,
        urgency,
        time,
        trace,
      }),
    );
  });

function expected(row) {
  const events = row.events.map((e) =>
    e.too_large ? e : { ...e, data: bytesOf(e.data).toString() },
  );
  const { retry, lastEventId, errors = [] } = row;
  return { events, retry, lastEventId, errors };
}

function* cuts(length) {
  const step = length > 4096 ? Math.ceil(length / 60) : 1;
  for (let at = 0; at <= length; at += step) {
    yield at;
  }
}

/** A row, fed in all ways. */
function check(row, stop) {
  const input = bytesOf(row.input);
  const feed = (pieces) => outcome(pieces, row.max_event_bytes, stop);
  test(`the parser, whole: ${row.description}`, () => {
    assert.deepEqual(feed([input]), expected(row));
  });
  test(`the parser, byte by byte: ${row.description}`, () => {
    const pieces = Array.from(input, (byte) => Uint8Array.of(byte));
    assert.deepEqual(feed(pieces), expected(row));
  });
  test(`the parser, cut in two anywhere: ${row.description}`, () => {
    for (const at of cuts(input.length)) {
      const pieces = [input.subarray(0, at), input.subarray(at)];
      assert.deepEqual(feed(pieces), expected(row), `cut at ${at}`);
    }
  });
}

for (const row of rows('sse')) {
  check(row, true);
}
for (const row of rows('large')) {
  check(row, false);
}

for (const { description, input, events } of rows('meta')) {
  test(`what a message is: ${description}`, () => {
    assert.deepEqual(told(input), events);
  });
}

test('a stream cut behind every byte dispatches what is whole', () => {
  const pieces = rows('transcript');
  const bytes = (from) =>
    Buffer.concat(pieces.slice(from).map(({ piece }) => bytesOf(piece)));
  const seen = (events) => [...events].map(({ id, data }) => ({ id, data }));
  const messages = (from, to) =>
    pieces
      .slice(from, to)
      .filter(({ id }) => id)
      .map(({ id, data }) => ({ id, data }));
  const stream = bytes(0);
  for (let at = 0; at <= stream.length; at++) {
    const behind = pieces.findLastIndex(
      ({ id }, i) => id && stream.length - bytes(i + 1).length <= at,
    );
    const parser = sseParser();
    const got = seen(parser.feed(stream.subarray(0, at)));
    assert.deepEqual(got, messages(0, behind + 1), `cut at ${at}`);
    assert.equal(parser.lastEventId, got.at(-1)?.id ?? '');
    assert.deepEqual(
      seen(sseParser().feed(bytes(behind + 1))),
      messages(behind + 1),
    );
  }
});

test('a limit counts bytes, not characters', () => {
  const feed = (limit, text) => [
    ...sseParser(limit, true).feed(Buffer.from(text)),
  ];
  assert.equal(feed(12, 'data: éé').length, 0);
  assert.equal(feed(10, 'data: éé\n\n').length, 1);
  assert.throws(() => feed(9, 'data: éé\n\n'), { code: 'PUSH_ERR_TOO_LARGE' });
});

test('a line without end is an error at the limit, where the parser is to stop', () => {
  const parser = sseParser(MIB, true);
  const piece = Buffer.alloc(65536, 'x');
  for (let fed = 0; fed < MIB; fed += piece.length) {
    assert.deepEqual([...parser.feed(piece)], []);
  }
  assert.throws(() => [...parser.feed(piece)], { code: 'PUSH_ERR_TOO_LARGE' });
});

test('an own id is told from one that lives on', () => {
  const [a, b] = sseParser().feed(
    Buffer.from('id: 1.a\ndata: 1\n\ndata: 2\n\n'),
  );
  assert.deepEqual([a.id, b.id, b.lastEventId], ['1.a', undefined, '1.a']);
});

test('fields that are not known leave nothing behind, whatever they are called', () => {
  const [event] = sseParser().feed(
    Buffer.from('__proto__: x\nconstructor: y\nmid: z\n: c\ndata: 1\n\n'),
  );
  assert.deepEqual(Object.keys(event).sort(), ['data', 'event', 'lastEventId']);
});
