/** Tokens and tickets, against the real module. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { EventSource } from 'undici';
import { Httpd } from '../../tests/browser/httpd.js';
import { eventSource } from '../src/eventsource.js';
import { PushClient } from '../src/index.js';
import { until } from './scripted.js';

process.removeAllListeners('warning');
globalThis.EventSource = EventSource;

const SECRET = 'a secret of this test, 32 bytes or more';
const base64url = (text) => Buffer.from(text).toString('base64url');

function sign(claims) {
  const text = `${base64url('{"alg":"HS256"}')}.${base64url(JSON.stringify(claims))}`;
  const mac = createHmac('sha256', SECRET).update(text).digest('base64url');
  return `${text}.${mac}`;
}

const now = () => Math.floor(Date.now() / 1000);
const token = (sub, seconds) => sign({ sub, iat: now(), exp: now() + seconds });

let httpd;
let directory;

before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'push-token-'));
  await chmod(directory, 0o755);
  const file = path.join(directory, 'secret');
  await writeFile(file, SECRET);
  await chmod(file, 0o600);
  httpd = await Httpd.start([
    '<Location "/private">',
    'PushEndpoint subscribe',
    'PushUser jwt',
    `PushJWTKey ${file}`,
    'PushJWTLeeway 0',
    '</Location>',
  ]);
});

after(async () => {
  await httpd.stop();
  await rm(directory, { recursive: true });
});

/** A client whose messages are collected. */
function client(t, options) {
  const made = new PushClient(`${httpd.base}/private`, {
    ackInterval: 100,
    random: () => 0,
    ...options,
  });
  const got = [];
  const byes = [];
  made.addEventListener('message', ({ data }) => void got.push(data));
  made.onbye = ({ reason }) => void byes.push(reason);
  t.after(() => made.close());
  return { made, got, byes };
}

const publish = (user, text) => httpd.publish({ user }, text);
const open = (made) => until(() => made.readyState === 1);
const pending = async (user) => {
  const answer = await fetch(`${httpd.base}/push/users/${user}/devices`);
  const { devices } = await answer.json();
  return devices.reduce((sum, d) => sum + d.pending + d.in_flight, 0);
};

test('native EventSource comes in by tickets, a new one for each stream', async (t) => {
  const { made, got } = client(t, {
    device: 'd',
    token: () => token('ada', 300),
    transport: eventSource(),
  });
  await open(made);
  await publish('ada', 'one');
  await until(() => got.length === 1);
  const gone = await fetch(`${httpd.base}/push/users/ada/streams`, {
    method: 'DELETE',
  });
  assert.equal((await gone.json()).disconnected, 1);
  await publish('ada', 'two');
  await until(() => got.length === 2);
  assert.deepEqual(got, ['one', 'two']);
  await until(async () => (await pending('ada')) === 0);
});

test('a stream that ends with its token goes on with a fresh one', async (t) => {
  const asked = [];
  const { made, got, byes } = client(t, {
    device: 'd',
    token: ({ refresh }) => {
      asked.push(refresh);
      return token('bob', refresh ? 300 : 5);
    },
  });
  await open(made);
  await publish('bob', 'before');
  await until(() => byes.length === 1, 'push.bye', 20000);
  assert.deepEqual(byes, ['expired-token']);
  await publish('bob', 'after');
  await until(() => got.length === 2, 'the second message', 20000);
  assert.deepEqual(got, ['before', 'after']);
  assert.ok(asked.includes(true));
});

test('after a revocation only a token issued later is let in', async (t) => {
  const old = token('cid', 300);
  const { made, byes } = client(t, { device: 'd', token: () => old });
  const codes = [];
  made.onerror = ({ error }) => void codes.push(error.code);
  await open(made);
  await fetch(`${httpd.base}/push/users/cid/revoke`, { method: 'POST' });
  await until(() => byes.length === 1, 'push.bye', 20000);
  assert.deepEqual(byes, ['expired-token']);
  await until(() => made.readyState === 2, 'the end', 20000);
  assert.equal(codes.at(-1), 'PUSH_ERR_AUTH');
  /* Times in tokens are whole seconds: the next one is a new time. */
  const second = now();
  await until(() => now() > second);
  const fresh = client(t, { device: 'd', token: () => token('cid', 300) });
  await publish('cid', 'for the new one');
  await until(() => fresh.got.length === 1, 'the message', 20000);
});
