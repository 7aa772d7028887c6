import { afterHint, spread } from './backoff.js';
import { PushError } from './error.js';
import { fetchStream, request } from './fetch.js';
import { Ledger } from './ledger.js';
import { beside, NAME } from './settings.js';

/** A stream that lived this long lets the next wait be short again, ms. */
const PROVEN = 10000;
/** What came while we slept has this long to be read before we judge, ms. */
const DRAIN = 200;
/** A request of ours that broke may still reach the server within this, ms. */
const STRAGGLER = 20000;
/** Handlers have this long to finish when the client is closed, ms. */
const LAST_CALL = 5000;

/**
 * @typedef {import('./settings.js').Settings} Settings
 * @typedef {import('./client.js').Hooks} Hooks
 * @typedef {import('./client.js').Source} Source
 * @typedef {import('./parser.js').SseEvent} SseEvent
 */

/**
 * One device's stream: connects, watches, reconnects, acknowledges. It knows
 * no listeners and no tabs (hooks), and no bytes (transport).
 *
 * @implements {Source}
 */
export class Connection {
  #settings;
  #hooks;
  #ledger;
  /** Replaced for every attempt; its reason is why that attempt ended. */
  #attempt = new AbortController();
  #closed = false;
  #suspended = false;
  /** Ends the wait between attempts. @type {((nothing?: any) => void) | undefined} */
  #go;
  /** Failed attempts in a row. */
  #failures = 0;
  /** By the last `retry:`, ms. */
  #base = 1000;
  /** When an attempt last broke. */
  #broke = -Infinity;
  /** Monotonic time of the last byte; Infinity where none is expected. */
  #lastByte = Infinity;
  /** Silent for too long, unless there is still something to read. */
  #suspect = false;
  /** Wall time at which we last ran: it goes on while the machine sleeps. */
  #lastRun = Infinity;
  /** The machine or the network was away: this stream is not to be trusted. */
  #mistrusted = false;
  /** The token is to be made anew. */
  #refresh = false;
  /** @type {Record<string, string>} */
  #headers = {};
  /** Id that the server is known to have as acknowledged. */
  #acked;
  /** Resolves when no acknowledgement is under way. */
  #acking = Promise.resolve();
  /** The one that has not begun yet. @type {Promise<void> | undefined} */
  #nextAck;
  /** Resolves when no handler is at work. */
  #handled = Promise.resolve();
  /** By what they are for. @type {Map<string, any>} */
  #timers = new Map();

  /**
   * @param {Settings} settings
   * @param {Hooks} hooks
   */
  constructor(settings, hooks) {
    this.#settings = settings;
    this.#hooks = hooks;
    this.#acked = settings.lastEventId;
    this.#ledger = new Ledger(this.#acked);
    this.#run();
  }

  get cursor() {
    return this.#ledger.cursor;
  }

  /* ---- the loop ---- */

  async #run() {
    this.#tick();
    /* Listeners that are added right after construction miss nothing. */
    await null;
    while (!this.#closed) {
      const error = await this.#stream();
      const delay = this.#delay(error);
      this.#lastByte = Infinity;
      if (error.code !== 'PUSH_ERR_SUPERSEDED') {
        this.#broke = performance.now();
      }
      if (error.final && delay) {
        this.#stop(error);
      }
      if (!this.#closed) {
        await this.#wait(delay, error);
      }
    }
  }

  /**
   * One attempt, from the token to the end of the stream.
   * @returns {Promise<PushError>} why it ended
   */
  async #stream() {
    const settings = this.#settings;
    const hooks = this.#hooks;
    const { signal } = (this.#attempt = new AbortController());
    const { cursor } = this.#ledger;
    /** @type {number | undefined} */
    let proven;
    hooks.state('connecting');
    this.#later('deadline', settings.connectTimeout, () =>
      this.#end('TIMEOUT'),
    );
    try {
      const headers = await this.#authorize(signal);
      const stream = await this.#transport();
      const url = beside(settings, 'receive', cursor);
      const attempt = { url, settings, signal, headers, hooks };
      for await (const [events, retry] of stream(attempt)) {
        this.#look();
        if (events) {
          proven ??= performance.now() + PROVEN;
          this.#base = retry ?? this.#base;
          for (const event of events) {
            signal.throwIfAborted();
            this.#event(event);
          }
        } else {
          this.#opened(cursor);
        }
        /* While the application has enough to do, nothing is read. */
        this.#lastByte = Infinity;
        await hooks.ready();
        this.#lastByte = performance.now();
      }
      this.#end('END');
    } catch (cause) {
      this.#attempt.abort(
        cause instanceof PushError
          ? cause
          : new PushError('PUSH_ERR_NETWORK', { cause }),
      );
    }
    this.#clear('deadline');
    if (proven && performance.now() > proven) {
      this.#failures = 0;
    }
    return signal.reason;
  }

  /** @param {string} cursor that the server took: acknowledged up to there */
  #opened(cursor) {
    this.#clear('deadline');
    this.#suspect = this.#refresh = this.#mistrusted = false;
    this.#acked = cursor;
    this.#ledger.restart();
    this.#hooks.state('open');
  }

  async #transport() {
    const { transport } = this.#settings;
    return (transport ? transport === 'fetch' : 'body' in Response.prototype)
      ? fetchStream
      : (await import('./eventsource.js')).nativeStream;
  }

  /** Ends the attempt. @param {string} code @param {object} [more] */
  #end(code, more) {
    this.#attempt.abort(new PushError('PUSH_ERR_' + code, more));
  }

  /** @param {PushError} error @returns {number} ms until the next attempt */
  #delay({ code, status, retryAfter, spread: hint }) {
    const { token, random } = this.#settings;
    if (status === 401 && typeof token === 'function' && !this.#refresh) {
      this.#refresh = true;
      return 0;
    }
    if (code === 'PUSH_ERR_WAKE') {
      return 0;
    }
    return hint == null
      ? afterHint(random(), this.#failures++, this.#base, retryAfter)
      : spread(random(), hint);
  }

  /** @param {number} delay @param {PushError} error */
  async #wait(delay, error) {
    await new Promise((resolve) => {
      this.#go = resolve;
      if (!this.#suspended) {
        this.#later('wait', delay, () => resolve(0));
      }
      this.#hooks.state('waiting', error, delay);
    });
    this.#clear('wait');
    this.#go = undefined;
  }

  /** @param {AbortSignal} signal */
  async #authorize(signal) {
    let { token, headers } = this.#settings;
    if (typeof token === 'function') {
      try {
        token = await Promise.race([
          token({ refresh: this.#refresh, signal }),
          new Promise((_, reject) => {
            signal.onabort = reject;
          }),
        ]);
      } catch (cause) {
        this.#end('TOKEN', { cause });
      }
      signal.throwIfAborted();
    }
    this.#headers = { 'Push-Client': NAME, ...headers };
    if (token) {
      this.#headers.Authorization = 'Bearer ' + token;
    }
    return this.#headers;
  }

  /* ---- what comes in ---- */

  /** @param {SseEvent} event */
  #event(event) {
    const { event: type, data, id = '', fields } = event;
    const [seq, mid] = id.split('.');
    const ledger = this.#ledger;
    if (type === 'push.bye') {
      this.#bye(JSON.parse(data));
    } else if (type === 'push.gap') {
      this.#hooks.tell('gap', JSON.parse(data));
    } else if (+seq && mid) {
      const handling = ledger.receive(id, mid, fields.ack === 'now');
      if (handling) {
        const handled = this.#hooks.message(event).then((ok) => {
          ledger.finish(handling, ok);
          this.#ackSoon();
        });
        this.#handled = this.#handled.then(() => handled);
      }
      this.#ackSoon();
    } else if (type !== 'heartbeat') {
      /* Nothing that could be acknowledged. */
      this.#hooks.message(event);
    }
  }

  /** @param {{reason?: string, spread_ms?: number}} bye */
  #bye(bye) {
    const { reason, spread_ms } = bye;
    const { renew } = this.#settings;
    this.#refresh = reason === 'expired-token';
    this.#hooks.tell('bye', bye);
    if (reason !== 'superseded') {
      this.#end('BYE', { message: 'push.bye: ' + reason, spread: spread_ms });
      return;
    }
    /* Most likely by a request of our own, late; not twice in a row. */
    const ours = performance.now() - this.#broke < STRAGGLER;
    this.#broke = -Infinity;
    this.#base = 1000; /* its `retry` is meant for others */
    if (!ours) {
      renew?.(true);
    }
    this.#end('SUPERSEDED', { final: !ours && !renew });
  }

  /* ---- acknowledgement ---- */

  #ackSoon() {
    const { size, passed, urgent, failed } = this.#ledger;
    const { maxInFlight, ackInterval, redeliverAfter } = this.#settings;
    if (failed) {
      this.#later(
        'redeliver',
        redeliverAfter,
        () => this.#ledger.failed && this.#end('REDELIVER'),
      );
    }
    if (passed && (urgent || passed * 2 + size >= maxInFlight)) {
      this.flush();
    } else if (passed) {
      this.#later('ack', ackInterval, () => this.flush());
    }
  }

  /**
   * Acknowledges what is finished. Never rejects: what does not arrive goes
   * with the next batch, or with the next connect.
   *
   * @param {boolean} [keepalive] the page may be gone before the answer
   */
  async flush(keepalive) {
    this.#clear('ack');
    if (keepalive) {
      return this.#post(keepalive);
    }
    /* One request at a time; what is asked for meanwhile goes with the next. */
    this.#nextAck ??= this.#acking.then(() => {
      this.#nextAck = undefined;
      return this.#post();
    });
    return (this.#acking = this.#nextAck);
  }

  /** @param {boolean} [keepalive] */
  async #post(keepalive) {
    const settings = this.#settings;
    const ledger = this.#ledger;
    const { cursor, passed } = ledger;
    ledger.urgent = false;
    const attempt = this.#attempt;
    if (cursor === this.#acked) {
      return;
    }
    /* For the case that this one fails. */
    this.#later('ack', settings.ackInterval, () => this.flush());
    try {
      const url = beside(settings, 'ack', cursor);
      const { status, ok, body } = await request(settings, url, {
        method: 'POST',
        headers: this.#headers,
        keepalive,
        signal: AbortSignal.timeout(settings.connectTimeout),
      });
      body?.cancel();
      /* An answer to an earlier stream says nothing of this one. */
      if (attempt === this.#attempt) {
        if (ok) {
          this.#acked = cursor;
          ledger.passed -= passed;
        } else if (status === 409) {
          this.#end('STALE', { status });
        }
      }
    } catch {
      /* the next batch or the next connect carries it */
    }
  }

  /* ---- life ---- */

  /**
   * One timer for each purpose: while it runs, another is not set.
   *
   * @param {string} what
   * @param {number} ms
   * @param {() => void} then
   */
  #later(what, ms, then) {
    const timers = this.#timers;
    if (!this.#closed && !timers.has(what)) {
      timers.set(
        what,
        setTimeout(() => {
          timers.delete(what);
          then();
        }, ms),
      );
    }
  }

  /** @param {string} what */
  #clear(what) {
    clearTimeout(this.#timers.get(what));
    this.#timers.delete(what);
  }

  /** Did we run lately? If not: asleep, frozen, stopped. */
  #look() {
    const now = Date.now();
    if (now - this.#lastRun >= this.#settings.silence) {
      this.wake(true);
    }
    this.#lastRun = now;
  }

  /** The watchdog. Looks at the clock, never trusts a timer to be on time. */
  #tick() {
    this.#look();
    const left = this.#settings.silence - performance.now() + this.#lastByte;
    const silent = left <= 0;
    if (silent && this.#suspect) {
      this.#end('SILENCE');
    }
    this.#suspect = silent;
    this.#later('tick', silent ? DRAIN : Math.min(1000, left), () =>
      this.#tick(),
    );
  }

  /**
   * The page became visible: one attempt within a second, where there is no
   * stream.
   *
   * @param {boolean} [mistrust] the network came back, or the machine woke up:
   *   also where there is one
   */
  wake(mistrust) {
    this.#mistrusted ||= !!mistrust;
    this.#later('wake', spread(this.#settings.random(), 1000), () => {
      if (this.#mistrusted) {
        this.#end('WAKE');
      }
      if (!this.#suspended) {
        this.#go?.();
      }
    });
  }

  /**
   * No stream until `resume`.
   *
   * @param {boolean} [cached] the page goes into the back/forward cache: a
   *   request that outlives it would keep it out
   */
  suspend(cached) {
    if (!this.#suspended) {
      this.#suspended = true;
      this.flush(!cached);
      this.#clear('wait');
      this.#end('WAKE');
    }
  }

  resume() {
    if (this.#suspended) {
      this.#suspended = false;
      this.wake();
    }
  }

  /** @param {PushError} [error] */
  #stop(error) {
    this.#closed = true;
    for (const what of this.#timers.keys()) {
      this.#clear(what);
    }
    this.#attempt.abort(error);
    this.#go?.();
    this.#hooks.state('closed', error);
  }

  /** Ends the stream, gives handlers a last call, acknowledges the rest. */
  async close() {
    if (!this.#closed) {
      this.#stop();
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, LAST_CALL);
        this.#handled.then(() => resolve(clearTimeout(timer)));
      });
      await this.#acking;
      await this.#post(true);
    }
  }
}
