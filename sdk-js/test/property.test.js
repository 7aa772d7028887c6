/** The parser agrees with undici's EventSource on random streams. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventSource } from 'undici';
import { sseParser } from '../src/parser.js';
import { pieces, randomStream } from './streams.js';

process.removeAllListeners('warning');

/** What our parser makes of it, in the form of a MessageEvent. */
function ours(stream, cuts) {
  const parser = sseParser();
  const events = [];
  for (const piece of pieces(stream, cuts)) {
    for (const { event, data, lastEventId } of parser.feed(piece)) {
      events.push([event, data, lastEventId]);
    }
  }
  return events;
}

/** What EventSource makes of it; the stream must end with the event `end`. */
async function theirs(origin) {
  const source = new EventSource(`${origin}/`);
  const events = [];
  return new Promise((resolve, reject) => {
    const take = ({ type, data, lastEventId }) =>
      void events.push([type, data, lastEventId]);
    for (const type of ['message', 'a', 'trip.accepted', 'é']) {
      source.addEventListener(type, take);
    }
    source.addEventListener('end', (event) => {
      take(event);
      source.close();
      resolve(events);
    });
    source.onerror = () => {
      source.close();
      reject(new Error('ended without its end'));
    };
  });
}

/* Without empty `id` and `event`: undici does not reset by them, as it should. */
test('what undici dispatches is what we dispatch, however the stream is cut', async (t) => {
  let stream;
  let cuts;
  const server = createServer(async (_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    for (const piece of pieces(stream, cuts)) {
      response.write(piece);
      await new Promise(setImmediate);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const origin = `http://127.0.0.1:${server.address().port}`;
  await fc.assert(
    fc.asyncProperty(randomStream(fc, { empty: false }), async (input) => {
      ({ stream, cuts } = input);
      assert.deepEqual(ours(stream, cuts), await theirs(origin));
    }),
    { numRuns: 300 },
  );
});

test('how a stream is cut changes nothing', () => {
  fc.assert(
    fc.property(randomStream(fc), ({ stream, cuts }) => {
      assert.deepEqual(ours(stream, cuts), ours(stream, []));
    }),
    { numRuns: 2000 },
  );
});
