/**
 * A world for the suite: httpd with the module, a network in between that can
 * break, and what only the test's own process can do.
 */
import { cp, mkdtemp, chmod, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Httpd } from '../../tests/browser/httpd.js';
import { Network } from '../../tests/browser/proxy.js';
import { Publisher } from '../src/publish.js';

const HERE = fileURLToPath(new URL('..', import.meta.url));

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** The SDK unbuilt at /sdk-js/, and Locations that the tests want. */
const lines = (root, otherPort) => [
  '<IfModule !alias_module>',
  'LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so',
  '</IfModule>',
  `Listen 127.0.0.1:${otherPort}`,
  `Alias /sdk-js/ "${root}/"`,
  `<Directory "${root}">`,
  'Require all granted',
  '</Directory>',
  '<Location "/quiet">',
  'PushEndpoint subscribe',
  'PushUser query:user',
  'PushHeartbeat 60',
  '</Location>',
  '<Location "/cors">',
  'PushEndpoint subscribe',
  'PushUser query:user',
  `PushAllowOrigin http://127.0.0.1:${otherPort}`,
  '</Location>',
  'PushMaxMessageSize 64K',
];

/** @typedef {Awaited<ReturnType<typeof world>>} World */
export async function world() {
  const root = await mkdtemp(path.join(tmpdir(), 'push-sdk-js-'));
  await chmod(root, 0o755);
  for (const name of ['src', 'test']) {
    await cp(path.join(HERE, name), path.join(root, name), { recursive: true });
  }
  let otherPort;
  const httpd = await Httpd.start(async () => {
    otherPort = await freePort();
    return lines(root, otherPort);
  });
  const network = await Network.to(httpd.port);
  const publisher = new Publisher(`${httpd.base}/push`);
  const admin = async (what) => {
    const answer = await fetch(`${httpd.base}/push/${what}`);
    return answer.status === 404 ? undefined : answer.json();
  };
  return {
    root,
    base: network.base,
    other: `http://127.0.0.1:${otherPort}`,
    direct: httpd.base,
    httpd,
    network,
    publisher,
    /** Clients that a test made: closed when it is over. */
    clients: [],
    tag: Math.random().toString(36).slice(2, 8),
    publish: (to, body, options) => publisher.publish(to, body, options),
    publishBytes: (to, bytes) => publisher.publish(to, Uint8Array.from(bytes)),
    message: (id) => admin(`messages/${id}`),
    devices: async (user) =>
      (await admin(`users/${user}/devices`))?.devices ?? [],
    graceful: () => httpd.graceful(),
    /** Publishes 0 … total − 1, never far ahead of what was handled. */
    async feed(user, total, handled) {
      const stream = publisher.stream();
      const all = [];
      for (let i = 0; i < total; i++) {
        await stream.ready();
        while (i % 50 === 0 && i - (await handled()) > 400) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        all.push(stream.publish({ user }, String(i)));
      }
      await Promise.all(all);
      await stream.close();
      return total;
    },
    /** What a test leaves behind must not disturb the next. */
    async tidy() {
      network.restore();
      await Promise.all(this.clients.splice(0).map((client) => client.close()));
    },
    async end() {
      await network.close();
      await httpd.stop();
      await rm(root, { recursive: true });
    },
    /** Opens the page of the tests, and does for it what it cannot. */
    async open(page, origin = network.base) {
      await page.exposeFunction('control', (name, args) => {
        if (name === 'feed') {
          return this.feed(...args, () =>
            page.evaluate(() => window.handled()),
          );
        }
        const [of, method] = name.split('.');
        return method ? this[of][method](...args) : this[of](...args);
      });
      await page.goto(`${origin}/sdk-js/test/browser/page.html`);
    },
  };
}
