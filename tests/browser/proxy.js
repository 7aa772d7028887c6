/*
 * The network between a browser and httpd, as a TCP proxy that can break it:
 * cut every connection, refuse new ones, or swallow all bytes.
 */

import { connect, createServer } from 'node:net';

export class Network {
  #server;
  #pairs = new Set();
  #refusing = false;
  #swallowing = false;
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
    far.on('error', end).on('close', end);
    near.on('data', (bytes) => this.#pass(bytes, near, far));
    far.on('data', (bytes) => this.#pass(bytes, far, near));
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
      near.resetAndDestroy();
      far.resetAndDestroy();
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

  restore() {
    if (this.#swallowing) {
      this.cut(); // what was swallowed leaves a hole in every connection
    }
    this.#refusing = false;
    this.#swallowing = false;
  }

  async close() {
    this.cut();
    await new Promise((done) => this.#server.close(done));
  }
}
