import { afterHint, backoff, spread, wake } from './backoff.js';
import { PushError } from './error.js';
import { fetchStream, request } from './fetch.js';
import { Ledger } from './ledger.js';
import { beside, NAME } from './settings.js';

/** A stream that lived this long lets the next wait be short again, ms. */
const PROVEN = 10000;
/** What came while we slept has this long to be read before we judge, ms. */
const DRAIN = 200;
/** Handlers have this long to finish when the client is closed, ms. */
const LAST_CALL = 5000;

/**
 * One device's stream: connects, watches, reconnects, acknowledges. It knows
 * no listeners and no tabs (hooks), and no bytes (transport).
 *
 * @typedef {import('./settings.js').Settings} Settings
 * @typedef {import('./client.js').Hooks} Hooks
 * @typedef {import('./parser.js').SseEvent} SseEvent
 * @typedef {ReturnType<typeof setTimeout> | undefined} Timer
 * @implements {Source}
 */
/** @typedef {import('./client.js').Source} Source */
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
  /** @type {Timer} */
  #tickTimer;
  /** @type {Timer} */
  #wakeTimer;
  /** @type {Timer} */
  #ackTimer;
  /** @type {Timer} */
  #redeliverTimer;

  /**
   * @param {Settings} settings
   * @param {Hooks} hooks
   */
  constructor(settings, hooks) {
    this.#settings = settings;
    this.#hooks = hooks;
    this.#acked = settings.lastEventId;
    this.#ledger = new Ledger(this.#acked);
    this.#tick();
    this.#run();
  }

  get cursor() {
    return this.#ledger.cursor;
  }

  /* ---- the loop ---- */

  async #run() {
    /* Listeners that are added right after construction miss nothing. */
    await null;
    while (!this.#closed) {
      const error = await this.#stream();
      this.#lastByte = Infinity;
      if (this.#closed) {
        return;
      }
      let delay = this.#delay(error);
      if (error.final && delay) {
        this.#stop(error);
        return;
      }
      do {
        await this.#wait(delay, error);
        delay = 0;
      } while (this.#suspended && !this.#closed);
    }
  }

  /**
   * One attempt, from the token to the end of the stream.
   * @returns {Promise<PushError>} why it ended
   */
  async #stream() {
    const settings = this.#settings;
    const attempt = (this.#attempt = new AbortController());
    const { signal } = attempt;
    const { cursor } = this.#ledger;
    const url = beside(settings, 'receive');
    let opened = Infinity;
    const deadline = setTimeout(
      () => this.#end('TIMEOUT'),
      settings.connectTimeout,
    );
    this.#hooks.state('connecting');
    try {
      if (cursor) {
        url.searchParams.set('id', cursor);
      }
      await this.#authorize(signal);
      const stream = await this.#transport();
      await stream({
        url,
        settings,
        signal,
        headers: this.#headers,
        hooks: this.#hooks,
        opened: () => {
          clearTimeout(deadline);
          this.#lastByte = performance.now();
          this.#suspect = this.#refresh = this.#mistrusted = false;
          this.#acked = cursor;
          this.#ledger.restart();
          this.#hooks.state('open');
        },
        alive: () => {
          this.#look();
          this.#lastByte = performance.now();
          opened = Math.min(opened, this.#lastByte);
        },
        event: (event) => this.#event(event),
        retry: (ms = this.#base) => {
          this.#base = ms;
        },
        ready: () => this.#ready(),
      });
      throw new PushError('PUSH_ERR_END');
    } catch (cause) {
      const error = signal.aborted ? signal.reason : cause;
      return error instanceof PushError
        ? error
        : new PushError('PUSH_ERR_NETWORK', { cause });
    } finally {
      clearTimeout(deadline);
      attempt.abort();
      if (performance.now() - opened >= PROVEN) {
        this.#failures = 0;
      }
    }
  }

  /** @returns {Promise<(io: import('./fetch.js').Io) => Promise<void>>} */
  async #transport() {
    const { transport, fetch } = this.#settings;
    return transport !== 'eventsource' &&
      (transport || fetch || 'body' in Response.prototype)
      ? fetchStream
      : (await import('./eventsource.js')).nativeStream;
  }

  /** While the application has enough to do, nothing is read. */
  async #ready() {
    const ready = this.#hooks.ready();
    if (ready) {
      this.#lastByte = Infinity;
      await ready;
      this.#lastByte = performance.now();
    }
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
    if (hint != null) {
      return spread(random(), hint);
    }
    return afterHint(random(), this.#failures++, this.#base, retryAfter ?? 0);
  }

  /** @param {number} delay @param {PushError} error */
  async #wait(delay, error) {
    await new Promise((resolve) => {
      const timer = this.#suspended ? undefined : setTimeout(resolve, delay);
      this.#go = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
      this.#hooks.state('waiting', error, delay);
    });
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
        throw new PushError('PUSH_ERR_TOKEN', { cause });
      }
    }
    this.#headers = { 'Push-Client': NAME, ...headers };
    if (token) {
      this.#headers.Authorization = 'Bearer ' + token;
    }
  }

  /* ---- what comes in ---- */

  /** @param {SseEvent} event */
  #event(event) {
    const { event: type, data, id } = event;
    if (type === 'push.bye') {
      this.#bye(parsed(data));
    } else if (type === 'push.gap') {
      this.#hooks.gap(parsed(data));
    } else if (type !== 'heartbeat' || id) {
      this.#message(event);
    }
  }

  /** @param {SseEvent} event */
  #message(event) {
    const { id = '', fields } = event;
    const [seq, mid] = id.split('.');
    const now = fields.ack === 'now';
    if (!mid || !+seq) {
      this.#hooks.message(event); /* nothing that could be acknowledged */
      return;
    }
    const handling = this.#ledger.receive(id, mid);
    if (!handling) {
      this.#ackSoon(now);
      return;
    }
    const finish = (/** @type {boolean} */ ok) => {
      this.#ledger.finish(mid, handling, ok);
      if (ok) {
        this.#ackSoon(now);
      } else {
        this.#redeliverSoon();
      }
    };
    const handled = this.#hooks.message(event);
    if (handled === true) {
      finish(true);
    } else {
      const running = Promise.resolve(handled).then(finish);
      this.#running.add(running);
      running.then(() => this.#running.delete(running));
    }
  }

  /** @param {{reason?: string, spread_ms?: number}} bye */
  #bye(bye) {
    const { reason, spread_ms } = bye;
    const { renew } = this.#settings;
    const superseded = reason === 'superseded';
    this.#spread = spread_ms;
    this.#refresh = reason === 'expired-token';
    this.#hooks.bye(bye);
    if (superseded && renew) {
      renew(true);
      this.#base = 1000;
    }
    if (superseded && !renew) {
      this.#end('SUPERSEDED', { final: true });
    } else {
      this.#end('BYE', { message: 'push.bye: ' + reason });
    }
  }

  #redeliverSoon() {
    this.#redeliverTimer ??= setTimeout(() => {
      this.#redeliverTimer = undefined;
      if (this.#ledger.failed) {
        this.#end('REDELIVER');
      }
    }, this.#settings.redeliverAfter);
  }

  /* ---- acknowledgement ---- */

  /** @param {boolean} [now] */
  #ackSoon(now) {
    const { size, passed } = this.#ledger;
    const { maxInFlight, ackInterval } = this.#settings;
    if (this.#closed || !passed) {
      return;
    }
    if (now || passed * 2 + size >= maxInFlight) {
      this.flush();
    } else {
      this.#ackTimer ??= setTimeout(() => this.flush(), ackInterval);
    }
  }

  /**
   * Acknowledges what is finished. Never rejects: what does not arrive goes
   * with the next batch, or with the next connect.
   *
   * @param {boolean} [keepalive] the page may be gone before the answer
   */
  async flush(keepalive) {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
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
    const { cursor, passed } = this.#ledger;
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
      if (attempt === this.#attempt) {
        if (ok) {
          this.#acked = cursor;
          this.#ledger.passed -= passed;
        } else if (status === 409) {
          this.#end('STALE', { status });
        }
      }
    } catch {
      /* the next batch or the next connect carries it */
    }
  }

  /* ---- life ---- */

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
    this.#tickTimer = setTimeout(
      () => this.#tick(),
      silent ? DRAIN : Math.min(1000, silence - idle),
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
    this.#wakeTimer ??= setTimeout(() => {
      this.#wakeTimer = undefined;
      if (this.#go) {
        this.#go();
      } else if (this.#mistrusted) {
        this.#end('WAKE');
      }
    }, wake(this.#settings.random()));
  }

  /** No stream until `resume`: the page goes into the back/forward cache. */
  suspend() {
    this.#suspended = true;
    this.flush(true);
    clearTimeout(this.#tickTimer);
    this.#end('WAKE');
  }

  resume() {
    if (this.#suspended && !this.#closed) {
      this.#suspended = false;
      this.#lastRun = [Infinity, Infinity];
      this.#tick();
      this.wake();
    }
  }

  /** @param {PushError} [error] */
  #stop(error) {
    this.#closed = true;
    clearTimeout(this.#tickTimer);
    clearTimeout(this.#wakeTimer);
    clearTimeout(this.#ackTimer);
    clearTimeout(this.#redeliverTimer);
    this.#attempt.abort(error);
    this.#go?.();
    this.#hooks.state('closed', error);
  }

  /** Ends the stream, gives handlers a last call, acknowledges the rest. */
  async close() {
    if (!this.#closed) {
      this.#stop();
      await new Promise((resolve) => {
        this.#tickTimer = setTimeout(resolve, LAST_CALL);
        Promise.all(this.#running).then(resolve);
      });
      clearTimeout(this.#tickTimer);
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
