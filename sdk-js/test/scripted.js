/**
 * A server on 127.0.0.1 that does what the test says, also what no good
 * server does: for faults, and for what a real one cannot be told to do.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PushClient } from '../src/index.js';

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

/**
 * A server and a client, both gone when the test is; what the client tells of
 * errors.
 */
export async function pair(t, script, options = {}, more = {}) {
  const server = await scripted(script, more);
  const client = new PushClient(server.url, {
    device: 'd1',
    random: () => 0,
    ...options,
  });
  const errors = [];
  client.addEventListener('error', ({ error }) => errors.push(error));
  t.after(async () => {
    await client.close();
    await server.close();
  });
  return { server, client, errors };
}

/** The payloads that a client hands over. */
export function collect(client) {
  const got = [];
  client.onmessage = ({ data }) => void got.push(data);
  return got;
}

/** Such a pair, whose client listens. */
export async function listening(...how) {
  const made = await pair(...how);
  return { ...made, got: collect(made.client) };
}

/** One message on a new stream. */
export const open = (stream) => stream.open().send(1, 'aaa', 'a');

/** A Node process of its own, and the lines that it prints. */
export function spawned(t, file, ...args) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines = [];
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  return { child, lines };
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
