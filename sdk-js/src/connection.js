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

/** @typedef {import('./parser.js').SseEvent} SseEvent */

/**
 * One device's stream: connects, watches, reconnects, acknowledges. It knows
 * no listeners and no tabs (hooks), and no bytes (transport).
 *
 * A function whose variables are its state, and not a class: their names are
 * not shipped.
 *
 * @param {import('./settings.js').Settings} settings
 * @param {import('./client.js').Hooks} hooks
 * @returns {import('./client.js').Source}
 */
export function connect(settings, hooks) {
  const {
    token,
    transport,
    renew,
    lastEventId,
    silence = 7000,
    connectTimeout = 10000,
    ackInterval = 30000,
    redeliverAfter = 30000,
    maxInFlight = 1024,
    random = Math.random,
  } = settings;
  const ledger = new Ledger(lastEventId);
  /** By what they are for. @type {Record<string, any>} */
  const timers = {};
  /** Replaced for every attempt; its reason is why that attempt ended. */
  let attempt = new AbortController();
  let closed = false;
  let suspended = false;
  /** Ends the wait between attempts. @type {((nothing?: any) => void) | undefined} */
  let go;
  /** Failed attempts in a row. */
  let failures = 0;
  /** By the last `retry:`, ms. */
  let base = 1000;
  /** When an attempt last broke. */
  let broke = -Infinity;
  /** Monotonic time of the last byte; Infinity where none is expected. */
  let lastByte = Infinity;
  /** Silent for too long, unless there is still something to read. */
  let suspect = false;
  /** Wall time at which we last ran: it goes on while the machine sleeps. */
  let lastRun = Infinity;
  /** The machine or the network was away: this stream is not to be trusted. */
  let mistrusted = false;
  /** The token is to be made anew. */
  let refresh = false;
  /** @type {Record<string, string>} */
  let headers = {};
  /** Id that the server is known to have as acknowledged. */
  let acked = ledger.cursor;
  /** Resolves when no acknowledgement is under way. */
  let acking = Promise.resolve();
  /** The one that has not begun yet. @type {Promise<void> | undefined} */
  let nextAck;
  /** Resolves when no handler is at work. */
  let handled = Promise.resolve();

  /* ---- the loop ---- */

  const run = async () => {
    /* Listeners that are added right after construction miss nothing. */
    await null;
    while (!closed) {
      const error = await stream();
      const delay = nextDelay(error);
      lastByte = Infinity;
      if (error.code !== 'PUSH_ERR_SUPERSEDED') {
        broke = performance.now();
      }
      if (error.final && delay) {
        stop(error);
      }
      if (!closed) {
        await new Promise((resolve) => {
          go = resolve;
          if (!suspended) {
            later('wait', delay, go);
          }
          hooks.state('waiting', error, delay);
        });
      }
    }
  };

  /**
   * One attempt, from the token to the end of the stream.
   * @returns {Promise<PushError>} why it ended
   */
  const stream = async () => {
    const { signal } = (attempt = new AbortController());
    const { cursor } = ledger;
    ledger.leave();
    clearAll();
    tick();
    hooks.state('connecting');
    later('deadline', connectTimeout, () => end('TIMEOUT'));
    try {
      await authorize(signal);
      const url = beside(settings, 'receive', cursor);
      const open =
        transport === 'fetch' || (!transport && 'body' in Response.prototype)
          ? fetchStream
          : (await import('./eventsource.js')).nativeStream;
      for await (const [events, retry] of open(
        settings,
        url,
        headers,
        signal,
        hooks,
      )) {
        look();
        if (events) {
          later('proven', PROVEN, () => {
            failures = signal.aborted ? failures : 0;
          });
          base = retry ?? base;
          for (const event of events) {
            signal.throwIfAborted();
            take(event);
          }
        } else {
          /* The server took the cursor: it is acknowledged up to there. */
          clear('deadline');
          suspect = refresh = mistrusted = false;
          acked = cursor;
          ledger.restart();
          hooks.state('open');
        }
        /* While the application has enough to do, nothing is read. */
        lastByte = Infinity;
        await hooks.ready();
        lastByte = performance.now();
      }
      end('END');
    } catch (cause) {
      if (cause instanceof PushError) {
        attempt.abort(cause);
      }
      end('NETWORK', { cause });
    }
    return signal.reason;
  };

  /** Ends the attempt. @param {string} code @param {object} [more] */
  const end = (code, more) =>
    attempt.abort(new PushError('PUSH_ERR_' + code, more));

  /** @param {PushError} error @returns {number} ms until the next attempt */
  const nextDelay = ({ code, status, retryAfter, spread: hint }) => {
    if (status === 401 && typeof token === 'function' && !refresh) {
      refresh = true;
      return 0;
    }
    if (code === 'PUSH_ERR_WAKE') {
      return 0;
    }
    return hint == null
      ? afterHint(random(), failures++, base, retryAfter)
      : spread(random(), hint);
  };

  /** @param {AbortSignal} signal */
  const authorize = async (signal) => {
    let value = token;
    if (typeof token === 'function') {
      try {
        value = await Promise.race([
          token({ refresh, signal }),
          new Promise((_, reject) => {
            signal.onabort = reject;
          }),
        ]);
      } catch (cause) {
        end('TOKEN', { cause });
      }
      signal.throwIfAborted();
    }
    headers = { 'Push-Client': NAME, ...settings.headers };
    if (value) {
      headers.Authorization = 'Bearer ' + value;
    }
  };

  /* ---- what comes in ---- */

  /** @param {SseEvent} event */
  const take = (event) => {
    const { event: type, data, id = '', fields } = event;
    const [seq, mid] = id.split('.');
    if (type === 'push.bye') {
      leave(JSON.parse(data));
    } else if (type === 'push.gap') {
      hooks.tell('gap', JSON.parse(data));
    } else if (+seq && mid) {
      const finish = ledger.receive(id, mid, fields.ack === 'now');
      if (finish) {
        const done = hooks.message(event).then(finish).then(ackSoon);
        handled = handled.then(() => done);
      }
      ackSoon();
    } else if (type !== 'heartbeat') {
      /* Nothing that could be acknowledged. */
      hooks.message(event);
    }
  };

  /** @param {{reason?: string, spread_ms?: number}} bye */
  const leave = (bye) => {
    const { reason, spread_ms } = bye;
    hooks.tell('bye', bye);
    refresh = reason === 'expired-token';
    if (reason === 'superseded') {
      /* Most likely by a request of our own, late; not twice in a row. */
      const ours = performance.now() - broke < STRAGGLER;
      broke = -Infinity;
      base = 1000; /* its `retry` is meant for others */
      if (!ours) {
        renew?.(true);
      }
      end('SUPERSEDED', { final: !ours && !renew });
    } else {
      end('BYE', { spread: spread_ms });
    }
  };

  /* ---- acknowledgement ---- */

  const ackSoon = () => {
    const { size, passed, urgent, failed } = ledger;
    if (failed) {
      later('redeliver', redeliverAfter, () => end('REDELIVER'));
    }
    if (passed) {
      later('ack', ackInterval, flush);
      if (urgent || passed * 2 + size >= maxInFlight) {
        flush();
      }
    }
  };

  /**
   * Acknowledges what is finished. Never rejects: what does not arrive goes
   * with the next batch, or with the next connect. One request at a time; what
   * is asked for meanwhile goes with the next.
   */
  const flush = () => {
    nextAck ??= acking.then(() => {
      nextAck = undefined;
      return post();
    });
    return (acking = nextAck);
  };

  /** @param {boolean} [keepalive] the page may be gone before the answer */
  const post = async (keepalive) => {
    const { cursor, passed } = ledger;
    const { signal } = attempt;
    clear('ack');
    ledger.urgent = false;
    if (cursor === acked) {
      return;
    }
    /* For the case that this one fails. */
    later('ack', ackInterval, flush);
    try {
      const url = beside(settings, 'ack', cursor);
      const { status, ok, body } = await request(settings, url, {
        method: 'POST',
        headers,
        keepalive,
        signal: AbortSignal.timeout(connectTimeout),
      });
      body?.cancel();
      /* An answer to an earlier stream says nothing of this one. */
      if (signal === attempt.signal) {
        if (ok) {
          acked = cursor;
          ledger.passed -= passed;
        } else if (status === 409) {
          end('STALE', { status });
        }
      }
    } catch {
      /* the next batch or the next connect carries it */
    }
  };

  /* ---- life ---- */

  /**
   * One timer for each purpose: while it runs, another is not set.
   *
   * @param {string} what
   * @param {number} ms
   * @param {() => void} then
   */
  const later = (what, ms, then) => {
    if (!closed) {
      timers[what] ??= setTimeout(() => {
        clear(what);
        then();
      }, ms);
    }
  };

  /** @param {string} what */
  const clear = (what) => {
    clearTimeout(timers[what]);
    delete timers[what];
  };

  const clearAll = () => Object.keys(timers).forEach(clear);

  /** Did we run lately? If not: asleep, frozen, stopped. */
  const look = () => {
    const now = Date.now();
    if (now - lastRun >= silence) {
      wake(true);
    }
    lastRun = now;
  };

  /** The watchdog. Looks at the clock, never trusts a timer to be on time. */
  const tick = () => {
    look();
    const left = silence - performance.now() + lastByte;
    const silent = left <= 0;
    if (silent && suspect) {
      end('SILENCE');
    }
    suspect = silent;
    later('tick', silent ? DRAIN : Math.min(1000, silence / 2, left), tick);
  };

  /** @param {boolean} [mistrust] */
  const wake = (mistrust) => {
    suspended = false;
    mistrusted ||= !!mistrust;
    later('wake', spread(random(), 1000), () => {
      if (mistrusted) {
        end('WAKE');
      }
      go?.();
    });
  };

  /** @param {PushError} [error] */
  const stop = (error) => {
    closed = true;
    clearAll();
    attempt.abort(error);
    go?.();
    hooks.state('closed', error);
  };

  run();

  return {
    get cursor() {
      return ledger.cursor;
    },
    flush,
    wake,

    /* A request that outlives a page in the back/forward cache would keep it
     * out of there. */
    suspend(cached) {
      suspended = true;
      post(!cached);
      clear('wait');
      end('WAKE');
    },

    /* Ends the stream, gives handlers a last call, acknowledges the rest. */
    async close() {
      if (!closed) {
        stop();
        /* A listener may have called us: `handled` knows of it in a moment. */
        await null;
        await new Promise((resolve) => {
          const timer = setTimeout(resolve, LAST_CALL);
          handled.then(() => resolve(clearTimeout(timer)));
        });
        await acking;
        await post(true);
      }
    },
  };
}
