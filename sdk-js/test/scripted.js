/**
 * A server on 127.0.0.1 that does what the test says, also what no good
 * server does: for faults, and for what a real one cannot be told to do.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';

/**
 * @param {(stream: Stream, n: number) => unknown} script for the n-th stream
 * @param {{ack?: Function, other?: Function}} [more]
 */
export async function scripted(script, more = {}) {
  const server = {
    /** @type {Stream[]} */
    streams: [],
    /** @type {{id: string, headers: object, url: URL, at: number}[]} */
    acks: [],
    url: '',
    origin: '',
    async close() {
      http.close();
      http.closeAllConnections();
    },
  };
  const http = createServer((request, response) => {
    const url = new URL(request.url, 'http://127.0.0.1');
    response.on('error', () => {});
    if (url.pathname.endsWith('/receive')) {
      const stream = new Stream(request, response, url);
      server.streams.push(stream);
      script(stream, server.streams.length);
    } else if (url.pathname.endsWith('/ack')) {
      const id = url.searchParams.get('id');
      const ack = { id, headers: request.headers, url, at: performance.now() };
      server.acks.push(ack);
      if (more.ack) {
        more.ack(request, response, ack);
      } else {
        response.writeHead(204).end();
      }
    } else {
      more.other?.(request, response, url);
    }
  });
  http.keepAliveTimeout = 100;
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  server.origin = `http://127.0.0.1:${http.address().port}`;
  server.url = `${server.origin}/ramen`;
  return server;
}

export class Stream {
  constructor(request, response, url) {
    this.request = request;
    this.response = response;
    this.url = url;
    this.at = performance.now();
    this.cursor = url.searchParams.get('id');
    this.ended = once(response, 'close').then(() => performance.now());
  }

  /** Accepts, as the module does. */
  open(body = 'retry: 500\n\n', head = {}) {
    this.response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      Connection: 'close',
      ...head,
    });
    this.response.write(body);
    return this;
  }

  write(text) {
    this.response.write(text);
    return this;
  }

  /** One message, framed as the module frames it. */
  send(seq, mid, data, fields = {}) {
    let text = `id: ${seq}.${mid}\n`;
    for (const [name, value] of Object.entries(fields)) {
      text += `${name}: ${value}\n`;
    }
    return this.write(`${text}data: ${data}\n\n`);
  }

  beat() {
    return this.write('\n');
  }

  end() {
    this.response.end();
    return this;
  }

  /** Cuts the connection without a word. */
  cut() {
    this.response.socket?.resetAndDestroy();
    return this;
  }

  refuse(status, headers = {}, body = '') {
    this.response.writeHead(status, headers).end(body);
    return this;
  }
}

/** Waits for a condition, with a deadline. */
export async function until(condition, what = String(condition), ms = 20000) {
  const end = performance.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (performance.now() > end) {
      throw new Error(`not within ${ms} ms: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
