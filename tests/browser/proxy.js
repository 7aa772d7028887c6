/*
 * The network between a browser and httpd, as a TCP proxy that can break it:
 * cut every connection, refuse new ones, swallow all bytes, or hold each answer
 * back until it is complete.
 */

import { connect, createServer } from 'node:net';

/* How much of these bytes is one whole answer of HTTP/1.1; 0: it is not whole,
 * or has no length, and so ends with its connection. */
function whole(bytes) {
  const end = bytes.indexOf('\r\n\r\n') + 4;
  const head = bytes.toString('latin1', 0, end);
  const [, length] = /^content-length: *(\d+)/im.exec(head) ?? [];
  const total = end + (/^HTTP\S+ (1\d\d|[23]04) /.test(head) ? 0 : +length);
  return end > 3 && total <= bytes.length ? total : 0;
}

/* A socket that is being shut down cannot be reset: it would stay for ever. */
const reset = (socket) =>
  socket.writableEnded ? socket.destroy() : socket.resetAndDestroy();

export class Network {
  #server;
  #pairs = new Set();
  #refusing = false;
  #swallowing = false;
  #holding = false;
  connections = 0;

  static async to(port) {
    const network = new Network();
    network.#server = createServer({ noDelay: true }, (near) =>
      network.#accept(near, port),
    );
    await new Promise((done) => network.#server.listen(0, '127.0.0.1', done));
    network.base = `http://127.0.0.1:${network.#server.address().port}`;
    return network;
  }

  #accept(near, port) {
    this.connections++;
    if (this.#refusing) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ port, host: '127.0.0.1', noDelay: true });
    const pair = { near, far };
    const end = () => {
      near.destroy();
      far.destroy();
      this.#pairs.delete(pair);
    };
    this.#pairs.add(pair);
    near.on('error', end).on('close', end);
    far.on('error', end);
    near.on('data', (bytes) => this.#pass(bytes, near, far));
    if (this.#holding) {
      this.#complete(near, far);
    } else {
      far.on('close', end);
      far.on('data', (bytes) => this.#pass(bytes, far, near));
    }
  }

  /* Passes on what far says by whole answers, or all when it has said all. */
  #complete(near, far) {
    let held = Buffer.alloc(0);
    far.on('data', (bytes) => {
      held = Buffer.concat([held, bytes]);
      for (let length; (length = whole(held)) > 0;) {
        near.write(held.subarray(0, length));
        held = held.subarray(length);
      }
    });
    far.on('close', () => near.end(held));
  }

  /* A reader that is slow slows the writer down, as a network does. */
  #pass(bytes, from, to) {
    if (!this.#swallowing && !to.write(bytes)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  }

  /* Every connection ends now, both sides of it. */
  cut() {
    for (const { near, far } of [...this.#pairs]) {
      reset(near);
      reset(far);
    }
  }

  /* No new connection until restore(). */
  refuse() {
    this.#refusing = true;
  }

  /* Connections stay, bytes vanish, until restore(). */
  swallow() {
    this.#swallowing = true;
  }

  /* Answers come when they are complete, as by a proxy that buffers; those of
   * connections that stand end now. Until restore(). */
  hold() {
    this.#holding = true;
    this.cut();
  }

  restore() {
    if (this.#swallowing || this.#holding) {
      this.cut(); // what was swallowed leaves a hole in every connection
    }
    this.#refusing = false;
    this.#swallowing = false;
    this.#holding = false;
  }

  async close() {
    this.cut();
    await new Promise((done) => this.#server.close(done));
  }
}
