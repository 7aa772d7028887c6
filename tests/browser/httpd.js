/*
 * A real httpd with the module and the demo: its own ServerRoot in a
 * temporary directory, a free port, two children.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './wait.js';

const TREE = fileURLToPath(new URL('../..', import.meta.url));
const HTTPD = ['/usr/sbin/apache2', '/usr/sbin/httpd'].find(existsSync);
const MODULE =
  process.env.PUSH_MODULE ?? path.join(TREE, 'build', 'mod_push.so');
const MODULES = [
  'mpm_event',
  'unixd',
  'authz_core',
  'authz_host',
  'dir',
  'mime',
  'headers',
  'log_config',
  'setenvif',
  'cgid',
];

export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

function configuration(root, port, lines) {
  const libexec = execFileSync('apxs', ['-q', 'LIBEXECDIR'], {
    encoding: 'utf8',
  }).trim();
  const load = MODULES.map((name) => [
    name,
    path.join(libexec, `mod_${name}.so`),
  ])
    .filter(([, file]) => existsSync(file))
    .map(([name, file]) => `LoadModule ${name}_module "${file}"`);
  const root_lines =
    process.getuid() === 0 ? ['User www-data', 'Group www-data'] : [];
  return [
    ...load,
    `LoadModule push_module "${MODULE}"`,
    ...root_lines,
    'ServerName 127.0.0.1',
    `Listen 127.0.0.1:${port}`,
    `PidFile "${root}/httpd.pid"`,
    `DefaultRuntimeDir "${root}/run"`,
    `ErrorLog "${root}/error.log"`,
    'LogLevel warn',
    'TypesConfig /dev/null',
    'ServerLimit 3',
    'StartServers 2',
    'ThreadsPerChild 25',
    'MaxRequestWorkers 75',
    'MinSpareThreads 30',
    'MaxSpareThreads 75',
    `PushDashboard "${root}/dashboard"`,
    `Define PUSH_DEMO "${root}/htdocs"`,
    `Define PUSH_DEMO_URL "http://127.0.0.1:${port}"`,
    `Define PUSH_DEMO_COUNTS "${root}/counts"`,
    `Include "${TREE}/conf/examples/demo.conf"`,
    ...lines,
    '',
  ].join('\n');
}

/* They have threads, the daemon of mod_cgid has none; one may be gone by now. */
function serves(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

export class Httpd {
  #child;
  #root;
  #expected = [/PUSH\d{4}: .*query:/];

  /* lines: of configuration, after the demo's; or what makes them, anew at each
   * attempt: somebody else may take a port before httpd does. */
  static async start(lines = []) {
    for (let left = 3; ; left--) {
      try {
        const own = typeof lines === 'function' ? await lines() : lines;
        return await Httpd.#begin(own);
      } catch (error) {
        if (!left) {
          throw error;
        }
      }
    }
  }

  static async #begin(lines) {
    const httpd = new Httpd();
    const root = await fs.mkdtemp(path.join(tmpdir(), 'push-browser-'));
    httpd.#root = root;
    httpd.port = await freePort();
    httpd.base = `http://127.0.0.1:${httpd.port}`;
    await fs.chmod(root, 0o755);
    await fs.mkdir(path.join(root, 'run'));
    await fs.mkdir(path.join(root, 'counts'));
    await fs.chmod(path.join(root, 'counts'), 0o1777); // of the board's CGI
    await fs.cp(
      path.join(TREE, 'conf', 'examples', 'demo'),
      path.join(root, 'htdocs'),
      { recursive: true },
    );
    await fs.cp(
      path.join(TREE, 'sdk-js', 'src'),
      path.join(root, 'htdocs', 'sdk'),
      { recursive: true },
    );
    execFileSync(path.join(TREE, 'conf', 'lay-dashboard'), [
      path.join(root, 'dashboard'),
    ]);
    const file = path.join(root, 'httpd.conf');
    await fs.writeFile(file, configuration(root, httpd.port, lines));
    httpd.#child = spawn(HTTPD, ['-d', root, '-f', file, '-DFOREGROUND'], {
      stdio: 'inherit',
    });
    try {
      await until('httpd answers', async () => {
        assert.ok(!httpd.#ended(), await httpd.errors());
        return (await fetch(httpd.base).catch(() => ({ ok: false }))).ok;
      });
    } catch (error) {
      httpd.#child.kill('SIGTERM');
      throw error;
    }
    return httpd;
  }

  #ended() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  errors() {
    return fs
      .readFile(path.join(this.#root, 'error.log'), 'utf8')
      .catch(() => '');
  }

  /* What the test does on purpose may stand in the error log. */
  expect(pattern) {
    this.#expected.push(pattern);
  }

  #children() {
    const pid = this.#child.pid;
    const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return list.trim().split(' ').filter(Boolean).map(Number);
  }

  /* The ids of the children that serve. */
  children() {
    return this.#children().filter(serves);
  }

  graceful() {
    this.#child.kill('SIGUSR1');
  }

  /* All its processes at once, as a power cut does; nothing is judged. */
  async kill() {
    const all = [this.#child.pid, ...this.#children()];
    all.forEach((pid) => process.kill(pid, 'SIGKILL'));
    await until('httpd has ended', () => this.#ended());
    await fs.rm(this.#root, { recursive: true });
  }

  /* Publishes one message, and returns the answer's object. */
  async publish(to, body, headers = {}) {
    const response = await fetch(
      `${this.base}/push/messages?${new URLSearchParams(to)}`,
      { method: 'POST', headers, body },
    );
    const answer = await response.json();
    assert.equal(response.status, 201, JSON.stringify(answer));
    return answer;
  }

  async stop() {
    this.#child.kill('SIGTERM');
    await until('httpd has ended', () => this.#ended());
    const log = await this.errors();
    await fs.rm(this.#root, { recursive: true });
    const bad = log
      .split('\n')
      .filter((line) =>
        /:(warn|error|crit|alert|emerg)\]|exit signal|Sanitizer/.test(line),
      )
      .filter((line) => !this.#expected.some((known) => known.test(line)));
    assert.deepEqual(bad, [], 'nothing unexpected in the error log');
  }
}
