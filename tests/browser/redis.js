/* A redis-server of the test's own, with nothing on disk. */

import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { freePort } from './httpd.js';
import { until } from './wait.js';

const SETTINGS = {
  bind: '127.0.0.1',
  save: '',
  appendonly: 'no',
  'maxmemory-policy': 'noeviction',
  'zset-max-listpack-value': '1024',
  'hash-max-listpack-value': '1024',
  'latency-tracking': 'no',
  loglevel: 'warning',
};

export class Redis {
  #child;

  static async start() {
    const redis = new Redis();
    const port = await freePort();
    const words = Object.entries({ ...SETTINGS, port: `${port}` });
    redis.url = `redis://127.0.0.1:${port}`;
    redis.#child = spawn(
      'redis-server',
      words.flatMap(([name, value]) => [`--${name}`, value]),
      { stdio: 'ignore', cwd: '/' },
    );
    await until('Redis answers', () => answers(port));
    return redis;
  }

  stop() {
    this.#child.kill('SIGKILL');
  }
}

function answers(port) {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.on('data', (data) => {
      done(`${data}`.startsWith('+PONG'));
      socket.destroy();
    });
    socket.on('error', () => done(false));
  });
}
