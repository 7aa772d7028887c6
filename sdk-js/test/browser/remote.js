/**
 * Browsers that no driver steers: such a one is given an address, and its page
 * asks by HTTP what to do (asking.js). As much of playwright's Browser and
 * Page as the tests need.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';

/** @type {Record<string, (home: string) => string[]>} */
const COMMANDS = {
  firefox: (home) => [
    'firefox-esr',
    '--headless',
    '--no-remote',
    '--profile',
    home,
  ],
  webkit: () => [
    'xvfb-run',
    '-a',
    '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
  ],
};
/** A cold start of a browser on a busy machine, ms. */
const START = 60000;

const settled = async (work) => {
  try {
    return { value: await work() };
  } catch ({ message }) {
    return { error: message };
  }
};

/** One page. `place`: shows an address somewhere, and takes it away again. */
class Page {
  #place;
  #server = createServer((request, answer) => this.#hear(request, answer));
  #functions = {};
  #tasks = [];
  /** The page asked, and there was nothing to do. */
  #asking;
  /** By the task's number: who waits for its outcome. */
  #outcomes = new Map();

  constructor(place) {
    this.#place = place;
  }

  exposeFunction(name, body) {
    this.#functions[name] = body;
  }

  /** Resolves once the page asks what to do. */
  async goto(url) {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = new URL(url);
    address.searchParams.set(
      'remote',
      `http://127.0.0.1:${this.#server.address().port}/`,
    );
    const asked = once(this.#server, 'asked', {
      signal: AbortSignal.timeout(START),
    });
    await this.#place.show(address.href);
    await asked;
  }

  /** Calls `body` in the page; it cannot see what is around it here. */
  evaluate(body, argument) {
    return new Promise((resolve, reject) => {
      const id = this.#outcomes.size;
      this.#outcomes.set(id, ({ value, error }) =>
        error ? reject(new Error(error)) : resolve(value),
      );
      this.#tasks.push({ id, body: String(body), argument });
      this.#give();
    });
  }

  async close() {
    await this.#place.hide();
    this.forget();
  }

  /** What it stood in is gone. */
  forget() {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#outcomes.forEach((settle) => settle({ error: 'the page is closed' }));
  }

  async #hear(request, answer) {
    answer.setHeader('Access-Control-Allow-Origin', '*');
    /* A page may end in the middle of it. */
    const body = await text(request).catch(() => '');
    if (!body) {
      return;
    }
    /* JSON has no undefined, and arguments that were left out are no null. */
    const said = JSON.parse(body, (_, one) => one ?? undefined);
    if (request.url === '/next') {
      this.#asking = answer;
      this.#server.emit('asked');
      this.#give();
    } else if (request.url === '/call') {
      const { name, args } = said;
      const outcome = await settled(() => this.#functions[name](...args));
      answer.end(JSON.stringify(outcome));
    } else {
      this.#outcomes.get(said.id)(said.outcome);
      answer.end('{}');
    }
  }

  #give() {
    if (this.#asking && this.#tasks.length) {
      this.#asking.end(JSON.stringify(this.#tasks.shift()));
      this.#asking = undefined;
    }
  }
}

/** A browser of its own, with a home of its own. */
const inBrowser = (command) => {
  let home;
  let browser;
  return {
    async show(url) {
      home = await mkdtemp(path.join(tmpdir(), 'push-browser-'));
      const [program, ...args] = command(home);
      browser = spawn(program, [...args, url], {
        detached: true,
        stdio: 'ignore',
        env: { ...process.env, HOME: home },
      });
      await once(browser, 'spawn');
    },
    async hide() {
      if (browser?.exitCode === null && !browser.signalCode) {
        const over = once(browser, 'exit');
        process.kill(-browser.pid, 'SIGKILL');
        await over;
        await rm(home, { recursive: true });
      }
    },
  };
};

/**
 * A frame of a page that all frames of a context share: with its storage, its
 * locks and its channels it is what a tab is.
 */
const inFrame = (context, name) => ({
  async show(url) {
    context.ready ??= context.page.goto(new URL('page.html', url));
    await context.ready;
    await context.page.evaluate(
      ([id, src]) => {
        const frame = document.createElement('iframe');
        document.body.append(Object.assign(frame, { id, src }));
      },
      [name, url],
    );
  },
  hide: () =>
    context.page.evaluate((id) => document.getElementById(id).remove(), name),
});

/** @param {string} name `firefox` or `webkit` */
export const remote = (name) => {
  const pages = [];
  const newPage = () => {
    pages.push(new Page(inBrowser(COMMANDS[name])));
    return pages.at(-1);
  };
  return {
    newPage,
    newContext() {
      const context = { page: newPage() };
      const frames = [];
      return {
        newPage() {
          frames.push(new Page(inFrame(context, `frame${frames.length}`)));
          return frames.at(-1);
        },
        close() {
          frames.forEach((frame) => frame.forget());
          return context.page.close();
        },
      };
    },
    close: () => Promise.all(pages.map((page) => page.close())),
  };
};
