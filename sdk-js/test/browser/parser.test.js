/** The parser agrees with Chromium's own EventSource on random streams. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { sseParser } from '../../src/parser.js';
import { pieces, randomStream } from '../streams.js';
import { launch } from './browser.js';

let browser;
let page;
let server;
let input;

before(async () => {
  server = createServer(async (request, response) => {
    if (request.url !== '/stream') {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>');
      return;
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    for (const piece of pieces(input.stream, input.cuts)) {
      response.write(piece);
      await new Promise(setImmediate);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  browser = await launch();
  page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
});
after(async () => {
  await browser?.close();
  server?.close();
  server?.closeAllConnections();
});

function ours({ stream, cuts }) {
  const parser = sseParser();
  return pieces(stream, cuts)
    .flatMap((piece) => [...parser.feed(piece)])
    .map(({ event, data, lastEventId }) => [event, data, lastEventId]);
}

/** In the page: all events until the one of type `end`. */
const theirs = () =>
  new Promise((resolve, reject) => {
    const source = new EventSource('/stream');
    const events = [];
    const take = ({ type, data, lastEventId }) =>
      void events.push([type, data, lastEventId]);
    for (const type of ['message', 'a', 'trip.accepted', 'é', 'end']) {
      source.addEventListener(type, take);
    }
    source.addEventListener('end', () => {
      source.close();
      resolve(events);
    });
    source.onerror = () => {
      source.close();
      reject(new Error('ended without its end'));
    };
  });

test('what Chromium dispatches is what we dispatch, however the stream is cut', async () => {
  await fc.assert(
    fc.asyncProperty(randomStream(fc), async (given) => {
      input = given;
      assert.deepEqual(ours(given), await page.evaluate(theirs));
    }),
    { numRuns: 300 },
  );
});
