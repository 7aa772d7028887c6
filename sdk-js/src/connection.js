import { afterHint, spread, wake } from './backoff.js';
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
  /** Ends the wait between attempts. @type {(() => void) | undefined} */
  #go;
  /** Failed attempts in a row. */
  #failures = 0;
  /** By the last `retry:`, ms. */
  #base = 1000;
  /** When an attempt last broke. */
  #broke = -Infinity;
  /** By the last `push.bye`, ms. @type {number | undefined} */
  #spread;
  /** Monotonic time of the last byte; Infinity where none is expected. */
  #lastByte = Infinity;
  /** Silent for too long, unless there is still something to read. */
  #suspect = false;
  /** Monotonic and wall time at which we last ran. */
  #lastRun = [Infinity, Infinity];
  /** The machine or the network was away: this stream is not to be trusted. */
  #mistrusted = false;
  /** The token is to be made anew. */
  #refresh = false;
  /** @type {Record<string, string>} */
  #headers = {};
  /** Id that the server is known to have as acknowledged. */
  #acked;
  /** @type {Promise<void> | undefined} */
  #acking;
  #ackAgain = false;
  /** Handlers at work. @type {Set<Promise<void>>} */
  #running = new Set();
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
      this.#lastByte = Infinity;
      let delay = this.#delay(error);
      if (error.code !== 'PUSH_ERR_SUPERSEDED') {
        this.#broke = performance.now();
      }
      if (error.final && delay) {
        this.#stop(error);
      }
      while (!this.#closed) {
        await this.#wait(delay, error);
        if (!this.#suspended) {
          break;
        }
        delay = 0;
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
    this.#ledger.leave();
    const url = beside(settings, 'receive');
    let first = true;
    let proven = Infinity;
    hooks.state('connecting');
    this.#later('deadline', settings.connectTimeout, () =>
      this.#end('TIMEOUT'),
    );
    try {
      if (cursor) {
        url.searchParams.set('id', cursor);
      }
      const headers = await this.#authorize(signal);
      const stream = await this.#transport();
      for await (const [events, retry] of stream({
        url,
        settings,
        signal,
        headers,
        hooks,
      })) {
        const now = performance.now();
        this.#base = retry ?? this.#base;
        if (first) {
          first = false;
          this.#opened(cursor);
        } else {
          proven = Math.min(proven, now + PROVEN);
        }
        this.#look();
        for (const event of events) {
          signal.throwIfAborted();
          this.#event(event);
        }
        /* While the application has enough to do, nothing is read. */
        this.#lastByte = Infinity;
        await hooks.ready();
        this.#lastByte = performance.now();
        signal.throwIfAborted();
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
    if (performance.now() > proven) {
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
    const { transport, fetch } = this.#settings;
    return transport !== 'eventsource' &&
      (transport || fetch || 'body' in Response.prototype)
      ? fetchStream
      : (await import('./eventsource.js')).nativeStream;
  }

  /** Ends the attempt. @param {string} code @param {object} [more] */
  #end(code, more) {
    this.#attempt.abort(new PushError('PUSH_ERR_' + code, more));
  }

  /** @param {PushError} error @returns {number} ms until the next attempt */
  #delay({ code, status, retryAfter }) {
    const { token, random } = this.#settings;
    const hint = this.#spread;
    this.#spread = undefined;
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
      this.#go = () => resolve(0);
      if (!this.#suspended) {
        this.#later('wait', delay, this.#go);
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
    const now = fields.ack === 'now';
    if (type === 'push.bye') {
      this.#bye(parsed(data));
    } else if (type === 'push.gap') {
      this.#hooks.gap(parsed(data));
    } else if (!+seq || !mid) {
      /* Nothing that could be acknowledged. */
      if (type !== 'heartbeat') {
        this.#hooks.message(event);
      }
    } else {
      const handling = this.#ledger.receive(id, mid);
      if (handling) {
        const finish = (/** @type {boolean} */ ok) => {
          this.#ledger.finish(mid, handling, ok);
          this.#ackSoon(now);
        };
        const handled = this.#hooks.message(event);
        if (handled === true) {
          finish(handled);
        } else {
          const running = Promise.resolve(handled).then(finish);
          this.#running.add(running);
          running.then(() => this.#running.delete(running));
        }
      } else {
        this.#ackSoon(now);
      }
    }
  }

  /** @param {{reason?: string, spread_ms?: number}} bye */
  #bye(bye) {
    const { reason, spread_ms } = bye;
    const { renew } = this.#settings;
    this.#spread = spread_ms;
    this.#refresh = reason === 'expired-token';
    this.#hooks.bye(bye);
    if (reason !== 'superseded') {
      this.#end('BYE', { message: 'push.bye: ' + reason });
      return;
    }
    this.#base = 1000; /* its `retry` is meant for others */
    if (performance.now() - this.#broke < STRAGGLER) {
      /* Most likely by a request of our own, late; not twice in a row. */
      this.#broke = -Infinity;
      this.#end('SUPERSEDED');
    } else {
      renew?.(true);
      this.#end('SUPERSEDED', { final: !renew });
    }
  }

  /* ---- acknowledgement ---- */

  /** @param {boolean} [now] */
  #ackSoon(now) {
    const { size, passed, failed } = this.#ledger;
    const { maxInFlight, ackInterval, redeliverAfter } = this.#settings;
    if (failed) {
      this.#later(
        'redeliver',
        redeliverAfter,
        () => this.#ledger.failed && this.#end('REDELIVER'),
      );
    }
    if (passed && (now || passed * 2 + size >= maxInFlight)) {
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
    this.#ackAgain = true;
    await (keepalive
      ? this.#post(keepalive)
      : (this.#acking ??= this.#acknowledge()));
  }

  /** One request at a time; what is asked for meanwhile goes with the next. */
  async #acknowledge() {
    while (this.#ackAgain) {
      this.#ackAgain = false;
      await this.#post();
    }
    this.#acking = undefined;
    this.#ackSoon();
  }

  /** @param {boolean} [keepalive] */
  async #post(keepalive) {
    const settings = this.#settings;
    const ledger = this.#ledger;
    const { cursor, passed } = ledger;
    const attempt = this.#attempt;
    if (cursor === this.#acked) {
      return;
    }
    const url = beside(settings, 'ack');
    url.searchParams.set('id', cursor);
    try {
      const { status, ok, body } = await request(settings, url, {
        method: 'POST',
        headers: this.#headers,
        keepalive,
        signal: AbortSignal.timeout(settings.connectTimeout),
      });
      body?.cancel();
      /* An answer to an earlier stream says nothing of this one. */
      if (attempt !== this.#attempt) {
        return;
      }
      if (ok) {
        this.#acked = cursor;
        ledger.passed -= passed;
      } else if (status === 409) {
        this.#end('STALE', { status });
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
    const run = [performance.now(), Date.now()];
    const away = Math.max(...run.map((now, i) => now - this.#lastRun[i]));
    this.#lastRun = run;
    if (away >= this.#settings.silence) {
      this.wake(true);
    }
  }

  /** The watchdog. Looks at the clock, never trusts a timer to be on time. */
  #tick() {
    const { silence } = this.#settings;
    this.#look();
    const idle = performance.now() - this.#lastByte;
    const silent = idle >= silence;
    if (silent && this.#suspect) {
      this.#end('SILENCE');
    }
    this.#suspect = silent;
    this.#later('tick', silent ? DRAIN : Math.min(1000, silence - idle), () =>
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
    this.#later('wake', wake(this.#settings.random()), () => {
      if (this.#go) {
        this.#go();
      } else if (this.#mistrusted) {
        this.#end('WAKE');
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
      this.#clear('tick');
      this.#end('WAKE');
    }
  }

  resume() {
    if (this.#suspended) {
      this.#suspended = false;
      this.#lastRun = [Infinity, Infinity];
      this.#tick();
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
        Promise.all(this.#running).then(() => resolve(clearTimeout(timer)));
      });
      await this.#acking;
      await this.flush(true);
    }
  }
}

/** @param {string} json */
function parsed(json) {
  try {
    return Object(JSON.parse(json));
  } catch {
    return {};
  }
}
