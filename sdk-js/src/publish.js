/**
 * Publishes from Node: one message a request, or many over one connection.
 * Every message has an idempotency key, so that trying again after a broken
 * connection never sends twice.
 *
 * @module mod-push-client/publish
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import * as http from 'node:http';
import * as https from 'node:https';
import { createInterface } from 'node:readline';
import { backoff } from './backoff.js';
import { PushError } from './error.js';
import { check, request } from './fetch.js';
import { encoded, member } from './payload.js';
import { NAME } from './settings.js';

/**
 * @typedef {{user: string, device?: string} | {channel: string} |
 *   {broadcast: true}} Audience
 */
/**
 * @typedef {object} MessageOptions
 * @property {number} [ttl] seconds; 0: only to streams that are open now
 * @property {'high' | 'normal' | 'low' | 'very-low'} [urgency]
 * @property {string} [topic] the newest message of a topic replaces those
 *   that are not yet delivered
 * @property {string} [event] type that subscribers listen to
 * @property {string} [key] idempotency key; default: a new one
 * @property {boolean} [receipt] asks devices to acknowledge at once
 * @property {string} [type] content type; default by the payload: text, JSON
 *   or bytes
 */
/**
 * @typedef {object} Published
 * @property {string} id of the message
 * @property {number} recipients devices that it is meant for
 * @property {number} [connected] of them, with a stream now
 * @property {number} [refused] of them, whose mailbox is full
 * @property {number} [ttl] granted, in seconds (single messages only)
 */
/**
 * @typedef {object} PublisherOptions
 * @property {string | (() => string | Promise<string>)} [token]
 * @property {Record<string, string>} [headers]
 * @property {number} [attempts] in a row before a failure is final; 6
 * @property {number} [maxInFlight] of a stream: lines without an answer; 1,000
 * @property {AbortSignal} [signal]
 * @property {typeof fetch} [fetch]
 * @property {() => number} [random]
 */

/** A server has this long to end its answer when a stream is closed, ms. */
const LAST_CALL = 5000;

/** Statuses after which the same request may be sent again. */
const AGAIN = [408, 409, 425, 429];

/** @param {number} ms @param {AbortSignal} [signal] */
const pause = (ms, signal) =>
  new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });

/** Publishes to one server. */
export class Publisher {
  #url;
  #options;

  /**
   * @param {string | URL} url base of the admin endpoint
   * @param {PublisherOptions} [options]
   */
  constructor(url, options = {}) {
    this.#url = new URL(url);
    this.#url.pathname = this.#url.pathname.replace(
      /(\/messages)?\/?$/,
      '/messages',
    );
    this.#options = {
      attempts: 6,
      maxInFlight: 1000,
      random: Math.random,
      ...options,
    };
  }

  /**
   * Publishes one message; tries again while that makes sense.
   *
   * @param {Audience} audience
   * @param {unknown} payload a string, bytes (an ArrayBuffer, a view of one, or
   *   a Blob), or anything that JSON can say: a TypeError for what it cannot,
   *   such as `undefined`, a Map or NaN
   * @param {MessageOptions} [options]
   * @returns {Promise<Published>}
   */
  async publish(audience, payload, options = {}) {
    const { attempts, random, signal } = this.#options;
    const url = new URL(this.#url);
    for (const [name, value] of Object.entries(audience)) {
      url.searchParams.set(name, value === true ? '1' : value);
    }
    const [body, type] = await encoded(payload);
    const headers = {
      'Content-Type': options.type ?? type,
      ...(await this.#headers()),
      ...metadata(options),
    };
    for (let n = 0; ; n++) {
      try {
        return await this.#post(url, { method: 'POST', headers, body, signal });
      } catch (error) {
        const failure = asPushError(error);
        const again = !failure.final || AGAIN.includes(failure.status ?? 0);
        if (signal?.aborted || !again || n + 1 >= attempts) {
          throw failure;
        }
        await pause(backoff(random(), n, 1000, failure.retryAfter), signal);
      }
    }
  }

  /**
   * Opens a stream of messages over one connection (NDJSON).
   *
   * @returns {PublishStream}
   */
  stream() {
    return new PublishStream(this.#url, this.#options, () => this.#headers());
  }

  async #headers() {
    const { token, headers } = this.#options;
    const bearer = typeof token === 'function' ? await token() : token;
    const own = { 'Push-Client': NAME, ...headers };
    return bearer ? { ...own, Authorization: `Bearer ${bearer}` } : own;
  }

  /** @param {URL} url @param {RequestInit} init @returns {Promise<Published>} */
  async #post(url, init) {
    const answer = await request(/** @type {any} */ (this.#options), url, init);
    await check(answer, /^application\/json\s*(;|$)/i);
    const ttl = answer.headers.get('TTL');
    return { ...(await answer.json()), ttl: ttl ? +ttl : undefined };
  }
}

/** @param {unknown} error */
function asPushError(error) {
  return error instanceof PushError
    ? error
    : new PushError('NETWORK', { cause: error });
}

/** Headers of RFC 8030 and friends. @param {MessageOptions} options */
function metadata({ ttl, urgency, topic, event, key = randomUUID(), receipt }) {
  const headers = {
    TTL: ttl?.toString(),
    Urgency: urgency,
    Topic: topic,
    'Push-Event': event,
    'Idempotency-Key': key,
    Prefer: receipt ? 'respond-async' : undefined,
  };
  return Object.fromEntries(
    Object.entries(headers).filter(([, value]) => value !== undefined),
  );
}

/** @typedef {{line: string, resolve: (p: Published) => void, reject: (e: unknown) => void, refusals?: number}} Line */

/**
 * Many messages over one connection. A connection that breaks is made anew,
 * and what had no answer is sent again.
 */
export class PublishStream {
  #url;
  #options;
  #headers;
  /** Sent, in order, without an answer yet. @type {Line[]} */
  #sent = [];
  /** Not sent yet. @type {Line[]} */
  #queue = [];
  /** @type {http.ClientRequest | undefined} */
  #request;
  /** Lines that wait to be tried again, or for their payload. */
  #pausing = 0;
  /** Settled when all payloads so far are there. @type {Promise<unknown>} */
  #payloads = Promise.resolve();
  #connecting = false;
  #closing = false;
  #failures = 0;
  /** @type {(() => void)[]} */
  #waiting = [];

  /**
   * @param {URL} url
   * @param {any} options
   * @param {() => Promise<Record<string, string>>} headers
   */
  constructor(url, options, headers) {
    this.#url = url;
    this.#options = options;
    this.#headers = headers;
  }

  /** Lines without an answer. */
  get inFlight() {
    return this.#sent.length + this.#queue.length + this.#pausing;
  }

  /** Resolves when another message may be sent without waiting in a queue. */
  async ready() {
    while (this.inFlight >= this.#options.maxInFlight) {
      await new Promise((resolve) => this.#waiting.push(() => resolve(0)));
    }
  }

  /**
   * @param {Audience} audience
   * @param {unknown} payload as for `publish` of one message
   * @param {MessageOptions} [options] `type` does not apply
   * @returns {Promise<Published>} the server's answer to this message
   */
  async publish(audience, payload, { type, ...options } = {}) {
    if (this.#closing) {
      throw new PushError('CLOSED', { final: true });
    }
    const head = { ...audience, key: randomUUID(), ...options };
    const body = member(payload);
    /* Without a value: one would hold those of all before. */
    const turn = Promise.allSettled([this.#payloads, body]).then(() => {});
    this.#payloads = turn;
    this.#pausing++;
    let rest;
    try {
      /* A Blob takes a while: what is published behind it waits. */
      await turn;
      rest = await body;
    } catch (error) {
      this.#room();
      throw error;
    } finally {
      this.#pausing--;
    }
    const line = `${JSON.stringify(head).slice(0, -1)},${rest}}\n`;
    return new Promise((resolve, reject) => {
      this.#queue.push({ line, resolve, reject });
      this.#pump();
    });
  }

  /** Resolves when every message has its answer, and the connection ended. */
  async close() {
    this.#closing = true;
    while (this.inFlight) {
      await new Promise((resolve) => this.#waiting.push(() => resolve(0)));
    }
    const outgoing = this.#request;
    this.#request = undefined;
    if (outgoing && !outgoing.closed) {
      const ended = once(outgoing, 'close');
      outgoing.setTimeout(LAST_CALL, () => outgoing.destroy()).end();
      await ended;
    }
  }

  #pump() {
    const { maxInFlight } = this.#options;
    if (!this.#request) {
      this.#connect();
      return;
    }
    while (this.#queue.length && this.#sent.length < maxInFlight) {
      const next = /** @type {Line} */ (this.#queue.shift());
      this.#sent.push(next);
      this.#request.write(next.line);
    }
  }

  async #connect() {
    if (this.#connecting) {
      return;
    }
    this.#connecting = true;
    let failure;
    try {
      const { request: make } = this.#url.protocol === 'https:' ? https : http;
      const headers = {
        'Content-Type': 'application/x-ndjson',
        ...(await this.#headers()),
      };
      const outgoing = make(this.#url, {
        method: 'POST',
        headers,
        agent: false,
      });
      outgoing.on('response', (answer) => {
        this.#answered(outgoing, answer).catch(() => outgoing.destroy());
      });
      outgoing.on('error', (cause) =>
        this.#broke(outgoing, new PushError('NETWORK', { cause })),
      );
      outgoing.on('close', () => this.#broke(outgoing, new PushError('END')));
      this.#request = outgoing;
    } catch (cause) {
      failure = new PushError('TOKEN', { cause });
    }
    this.#connecting = false;
    if (failure) {
      this.#later(failure);
    } else {
      this.#pump();
    }
  }

  /**
   * @param {http.ClientRequest} outgoing
   * @param {http.IncomingMessage} answer
   */
  async #answered(outgoing, answer) {
    const { statusCode = 0, headers } = answer;
    if (statusCode === 200) {
      for await (const line of createInterface(answer)) {
        this.#settle(line);
      }
      this.#broke(outgoing, new PushError('END'));
      return;
    }
    let body = '';
    for await (const piece of answer) {
      body += piece;
    }
    const response = new Response(statusCode === 204 ? null : body, {
      status: statusCode,
      headers: /** @type {any} */ ({ ...headers }),
    });
    this.#broke(outgoing, await refusal(response));
  }

  /** @param {string} answer one line */
  #settle(answer) {
    const { error, end, ...published } = JSON.parse(answer);
    if (end) {
      return; // says why the server ends the request, and answers no line
    }
    const line = this.#sent.shift();
    this.#failures = 0;
    if (error && line) {
      const { status, detail: message } = error;
      this.#refused(
        line,
        new PushError('STATUS', {
          message,
          status,
          problem: error,
          final: true,
        }),
      );
    } else {
      line?.resolve(published);
    }
    this.#room();
    this.#pump();
  }

  /** @param {Line} line @param {PushError} error */
  #refused(line, error) {
    const { attempts, random } = this.#options;
    const { status = 0 } = error;
    const n = (line.refusals = (line.refusals ?? 0) + 1);
    if (n < attempts && (status >= 500 || AGAIN.includes(status))) {
      this.#pausing++;
      setTimeout(
        () => {
          this.#pausing--;
          this.#queue.push(line);
          this.#pump();
        },
        backoff(random(), n - 1, 1000),
      );
    } else {
      line.reject(error);
    }
  }

  #room() {
    for (const wake of this.#waiting.splice(0)) {
      wake();
    }
  }

  /** @param {http.ClientRequest} outgoing @param {PushError} error */
  #broke(outgoing, error) {
    if (outgoing !== this.#request) {
      return;
    }
    this.#request = undefined;
    outgoing.destroy();
    this.#queue.unshift(...this.#sent.splice(0));
    if (this.#queue.length) {
      this.#later(error);
    }
  }

  /** @param {PushError} error */
  #later(error) {
    const { attempts, random } = this.#options;
    const n = this.#failures++;
    if (
      (error.final && !AGAIN.includes(error.status ?? 0)) ||
      n + 1 >= attempts
    ) {
      for (const { reject } of this.#queue.splice(0)) {
        reject(error);
      }
      this.#room();
    } else {
      setTimeout(
        () => this.#connect(),
        backoff(random(), n, 1000, error.retryAfter),
      );
    }
  }
}

/** @param {Response} answer one that is not 200 @returns {Promise<PushError>} */
const refusal = (answer) =>
  check(answer, /^application\/x-ndjson\s*(;|$)/i).then(
    () => new PushError('TYPE', { final: true }),
    (error) => error,
  );
