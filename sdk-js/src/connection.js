import { backoff, spread } from './backoff.js';
import { PushError } from './error.js';
import { fetchStream, request } from './fetch.js';
import { ledgerOf } from './ledger.js';
import { beside, NAME } from './settings.js';
import { DRAIN, LAST_CALL, LAST_WORD, PROVEN } from './times.js';

/** @typedef {import('./parser.js').SseEvent} SseEvent */

/**
 * One device's stream: connects, watches, reconnects, acknowledges. It knows
 * no listeners and no tabs (hooks), and no bytes (transport).
 *
 * A function whose variables are its state, and not a class: their names are
 * not shipped.
 *
 * @param {import('./settings.js').Settings & {token?: any}} settings
 * @param {import('./client.js').Hooks} hooks
 * @returns {import('./client.js').Source}
 */
export const connect = (settings, hooks) => {
  const {
    token,
    renew,
    transport,
    lastEventId = '',
    silence,
    connectTimeout,
    ackInterval,
    maxInFlight,
    random,
  } = settings;
  /** Replaced for every attempt; its reason is why that attempt ended. */
  let attempt = new AbortController();
  let closed = false;
  let suspended = false;
  /** That it is open was told, and there was no failure since. */
  let opened = false;
  /** Attempts in a row that failed or were given up. */
  let failures = 0;
  /** By the last `retry:`, ms. */
  let base = 1000;
  /** The token is to be made anew. */
  let refresh = false;
  /** @type {Record<string, string>} */
  let headers;

  /** Monotonic time until which something has to come. @type {number} */
  let due;
  /**
   * The error if nothing does. None: silence, unless there is still something
   * to read.
   * @type {string}
   */
  let late;
  /** Ends the wait between attempts. @type {((nothing?: any) => void) | undefined} */
  let go;
  /** @type {any} */
  let timer;
  /** Wall time, which goes on while the machine sleeps. @type {any} */
  let lastRun;

  /** Most messages in flight by the server. */
  let granted = maxInFlight;
  /** The server's name for the numbering of the current stream. @type {any} */
  let session;
  const ledger = ledgerOf(() => 4 * Math.max(maxInFlight, granted));
  /** Id up to which everything of the current stream is finished. */
  let cursor = lastEventId;
  /** Id that the server is known to have as acknowledged. */
  let acked = cursor;
  /** Messages between them. */
  let passed = 0;
  /** A handler failed: only a new stream brings its message back. */
  let failed = false;
  /** Monotonic time of the next regular acknowledgement. */
  let nextRound = 0;
  /** Resolves when no acknowledgement is under way. */
  let acking = Promise.resolve();
  /** The one that has not begun yet. @type {Promise<void> | undefined} */
  let nextAck;
  /** Resolves when no handler is at work. */
  let handled = acking;

  /* ---- the loop ---- */

  const run = async () => {
    /* Listeners that are added right after construction miss nothing. */
    await null;
    while (!closed) {
      let error;
      hooks.state({ state: 'connecting' });
      opened = false;
      do {
        error = await stream();
      } while (!closed && error.code === 'PUSH_ERR_AGAIN');
      const delay = nextDelay(error);
      if (error.final) {
        stop(error);
      } else if (!closed) {
        await new Promise((resolve) => {
          go = resolve;
          /* What is to come now is the next attempt. */
          expect('WAKE', delay);
          hooks.state({ state: 'waiting', cause: error, delay });
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
    const shown = cursor;
    let code = 'TOKEN';
    ledger.leave();
    failed = false;
    expect('TIMEOUT', connectTimeout);
    try {
      const value = token?.call
        ? await Promise.race([
            token({ refresh, signal }),
            new Promise((resolve) => {
              signal.onabort = resolve;
            }),
          ])
        : token;
      code = 'NETWORK';
      signal.throwIfAborted();
      headers = {
        'Push-Client': NAME,
        ...(value && { Authorization: 'Bearer ' + value }),
        ...settings.headers,
      };
      for await (const [head, what, parser] of transport(
        settings,
        beside(settings, 'receive', shown),
        { headers, signal, handled: () => handled.then(() => !failed) },
      )) {
        due = Infinity;
        if (head) {
          /* The server took the cursor: it is acknowledged up to there. */
          acked = shown;
          session = head.get('Push-Session');
          granted = Number(head.get('Push-Window')) || maxInFlight;
          AbortSignal.timeout(PROVEN).onabort = () => {
            failures = signal.aborted ? failures : 0;
          };
          refresh = false;
          if (!opened) {
            opened = true;
            hooks.state({ state: 'open', transport: what ?? 'stream' });
          }
        } else {
          for (const event of what) {
            take(event);
            signal.throwIfAborted();
          }
          base = parser.retry ?? base;
        }
        /* While the application has enough to do, nothing is read. */
        await hooks.ready();
        expect('', silence);
      }
      end('END');
    } catch (cause) {
      if (cause instanceof PushError) {
        attempt.abort(cause);
      }
      end(code, { cause });
    }
    return signal.reason;
  };

  /** Ends the attempt. @param {string} code @param {any} [more] */
  const end = (code, more) => attempt.abort(new PushError(code, more));

  /** @param {PushError} error @returns {number} ms until the next attempt */
  const nextDelay = (error) => {
    const { code, status, retryAfter, spread: hint } = error;
    if (code === 'PUSH_ERR_SUPERSEDED') {
      /* Where an attempt just failed: most likely by that one, late. */
      if (!failures) {
        error.final = !renew;
        renew?.(true);
      }
      failures = 0;
    }
    if (status === 401 && !refresh && token?.call) {
      refresh = true;
      error.final = false;
      return 0;
    }
    return hint == null
      ? backoff(random(), failures++, base, retryAfter)
      : spread(random(), hint);
  };

  /* ---- what comes in ---- */

  /** @param {SseEvent} event */
  const take = (event) => {
    const { event: type, data, id, ack } = event;
    const mid = (event.mid = id?.split('.')[1]);
    if (type.startsWith('push.')) {
      notice(type.slice(5), data);
    } else if (mid) {
      const finish = ledger.receive(id, mid, ack === 'now' ? Infinity : 1);
      if (finish) {
        const done = hooks.message(event).then(finish).then(settle);
        handled = handled.then(() => done);
      } else {
        settle(true);
      }
    } else {
      /* Nothing that could be acknowledged. */
      hooks.message(event);
    }
  };

  /**
   * The server speaks of itself. What is not known is ignored: it may be newer.
   *
   * @param {string} type
   * @param {string} data
   */
  const notice = (type, data) => {
    /** @type {any} */
    let told;
    try {
      told = JSON.parse(data);
    } catch {
      /* said all the same */
    }
    const { dropped, reason, urgency, spread_ms } = told ?? {};
    if (type === 'gap') {
      hooks.event(type, { dropped, reason, urgency });
    }
    if (type === 'bye') {
      hooks.event(type, { reason });
      refresh = reason === 'expired-token';
      end(reason === 'superseded' ? 'SUPERSEDED' : 'BYE', {
        spread: spread_ms > 0 ? spread_ms : 1000,
      });
    }
  };

  /* ---- acknowledgement ---- */

  /** @param {boolean} ok whether a message was handled */
  const settle = (ok) => {
    failed ||= !ok;
    for (const [id, , weight] of ledger.pass()) {
      cursor = id;
      passed += weight;
    }
    if (passed * 2 >= Math.min(maxInFlight, granted)) {
      flush();
    }
  };

  /**
   * Acknowledges what is finished. Never rejects: what does not arrive goes
   * with the next batch, or with the next connect. One request at a time; what
   * is asked for meanwhile goes with the next.
   */
  const flush = () =>
    (nextAck ??= acking =
      acking.then(() => {
        nextAck = undefined;
        return post();
      }));

  /** @param {boolean} [keepalive] the page may be gone before the answer */
  const post = async (keepalive) => {
    const during = attempt;
    const shown = cursor;
    passed = 0;
    if (shown !== acked) {
      try {
        const { status, ok, body } = await request(
          settings,
          beside(settings, 'ack', shown, session),
          {
            method: 'POST',
            headers,
            keepalive,
            signal: AbortSignal.timeout(connectTimeout),
          },
        );
        body?.cancel();
        /* An answer to an earlier stream says nothing of this one. */
        if (during === attempt) {
          if (ok) {
            acked = shown;
          } else if (status === 409) {
            end('STALE', { status });
          }
        }
      } catch {
        /* the next batch or the next connect carries it */
      }
    }
  };

  /* ---- life ---- */

  /**
   * Something has to come within a time.
   *
   * @param {string} code of the error if it does not
   * @param {number} ms
   */
  const expect = (code, ms) => {
    late = code;
    due = performance.now() + ms;
    tick();
  };

  /** Looks at the clocks, and never trusts a timer to be on time. */
  const tick = () => {
    const now = performance.now();
    clearTimeout(timer);
    /* Did we run lately? If not: asleep, frozen, stopped. */
    if (Date.now() - lastRun >= silence) {
      resume(true);
    }
    lastRun = Date.now();
    if (now >= nextRound) {
      nextRound = now + ackInterval;
      flush();
      if (failed) {
        end('REDELIVER');
      }
    }
    if (now >= due) {
      if (late) {
        due = Infinity;
        end(late);
        if (!suspended) {
          go?.();
        }
      } else {
        late = 'SILENCE';
        due = now + DRAIN;
      }
    }
    if (!closed) {
      timer = setTimeout(tick, Math.min(silence / 7, ackInterval, due - now));
    }
  };

  /** @param {boolean} [mistrust] */
  const resume = (mistrust) => {
    const doubted = attempt;
    suspended = false;
    setTimeout(() => {
      if (mistrust) {
        /* It may still reach the server, and supersede the next one. */
        failures++;
        doubted.abort(new PushError('WAKE', { spread: 0 }));
      }
      go?.();
    }, random() * 800);
  };

  /** @param {PushError} [error] */
  const stop = (error) => {
    closed = true;
    clearTimeout(timer);
    attempt.abort(error);
    hooks.state({ state: 'closed', cause: error });
  };

  run();

  return {
    get cursor() {
      return cursor;
    },
    flush,
    resume,

    /* A request that outlives a page in the back/forward cache would keep it
     * out of there. */
    freeze(cached) {
      suspended = true;
      post(!cached);
      end('WAKE');
    },

    /* Ends the stream, gives handlers a last call, acknowledges the rest. */
    async close() {
      if (!closed) {
        stop();
        /* A listener may have called us: `handled` knows of it in a moment. */
        await null;
        await within(LAST_CALL, handled);
        await within(
          LAST_WORD,
          acking.then(() => post(true)),
        );
      }
    },
  };
};

/**
 * Waits, but not for long. The timer keeps Node alive: nothing else might.
 *
 * @param {number} ms
 * @param {Promise<unknown>} promise that is not rejected
 */
const within = (ms, promise) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    promise.then(() => {
      clearTimeout(timer);
      resolve(0);
    });
  });
