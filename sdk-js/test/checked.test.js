/**
 * Clients, cuts, a graceful restart and a killed child, judged by the
 * checker of tests/checker: every line that it reads is written here.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PushClient } from '../src/index.js';
import { until } from './scripted.js';
import { Wire } from './wire.js';
import { world } from './world.js';

const BUILD =
  process.env.PUSH_BUILD ??
  fileURLToPath(new URL('../../build', import.meta.url));
const USERS = 4;
const EACH = 1500;

/** What happened, for the checker. */
class Log {
  lines = [];

  add(what, members) {
    this.lines.push(JSON.stringify({ t: performance.now(), what, ...members }));
  }

  async check() {
    const folder = await mkdtemp(path.join(tmpdir(), 'push-checked-'));
    const file = path.join(folder, 'log.jsonl');
    await writeFile(file, this.lines.join('\n') + '\n');
    return new Promise((resolve) => {
      execFile(
        path.join(BUILD, 'push-checker'),
        [file],
        async (error, stdout, stderr) => {
          await rm(folder, { recursive: true });
          resolve({ code: error?.code ?? 0, said: stdout + stderr });
        },
      );
    });
  }
}

async function publish(log, own, users, handled) {
  const stream = own.publisher.stream();
  const all = [];
  for (let i = 0; i < EACH; i++) {
    for (const user of users) {
      const key = randomUUID();
      log.add('tried', { key });
      await stream.ready();
      all.push(
        stream
          .publish({ user }, key, { key })
          .then(({ id }) => log.add('accepted', { mid: id, key, user })),
      );
    }
    while (i * USERS - handled() > 1000) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
  await Promise.all(all);
  await stream.close();
}

/** Breaks something after so many handled messages: the n-th time this. */
function trouble(own) {
  const others = {
    4: () => own.graceful(),
    12: () => process.kill(own.httpd.children()[0], 'SIGKILL'),
  };
  let n = 0;
  let next = 0;
  return (handled) => {
    if (handled >= next) {
      next = handled + 100 + Math.random() * 200;
      own.network.cut();
      others[++n]?.();
    }
  };
}

test(
  'cuts, a restart and a killed child: the checker finds nothing',
  { timeout: 300000 },
  async (t) => {
    const own = await world();
    own.httpd.expect(/exit signal Killed/);
    t.after(() => own.end());
    const log = new Log();
    const total = USERS * EACH;
    const breaks = trouble(own);
    let handled = 0;
    const users = Array.from({ length: USERS }, (_, i) => `checked${i}`);
    const clients = users.map((user) => {
      const device = `${user}/d`;
      log.add('device', { device, user });
      const client = new PushClient(`${own.base}/ramen?user=${user}`, {
        device: 'd',
        random: () => Math.random() * 0.2,
        ackInterval: 100,
        fetch: new Wire(log, device).fetch,
      });
      client.onmessage = async ({ mid, data }) => {
        if (Math.random() < 0.2) {
          await new Promise((resolve) =>
            setTimeout(resolve, Math.random() * 20),
          );
        }
        log.add('delivered', { device, mid, key: data });
        breaks(++handled);
      };
      return client;
    });
    await until(() => clients.every(({ readyState }) => readyState === 1));
    await publish(log, own, users, () => handled);
    await until(() => handled >= total, 'all is handled', 60000);
    await Promise.all(clients.map((client) => client.close()));
    const { code, said } = await log.check();
    assert.equal(code, 0, said);
  },
);
