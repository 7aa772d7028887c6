import { PushError } from './error.js';
import { progressOf } from './progress.js';
import { delayAfter } from './retry.js';
import { beside, NAME } from './settings.js';
import { LAST_CALL, LAST_WORD, PROVEN } from './times.js';
import { watchdog } from './watchdog.js';

/** @typedef {import('./settings.js').Settings & {token?: any}} Settings */

/**
 * One device's stream: connects, reconnects, and ends. It knows no listeners
 * and no tabs (hooks), and no bytes (transport). Its parts are when it tries
 * again (retry.js), whether there is life (watchdog.js), and how far it came
 * (progress.js).
 *
 * A function whose variables are its state, as each of these, and not a class:
 * their names are not shipped.
 *
 * @param {Settings} settings
 * @param {import('./client.js').Hooks} hooks
 * @returns {import('./client.js').Source}
 */
export const connect = (settings, hooks) => {
  const { transport, silence, connectTimeout, random } = settings;
  /** Replaced for every attempt; its reason is why that attempt ended. */
  let attempt = new AbortController();
  /** How often it broke off, and how often it had when `open` was told. */
  let breaks = 0;
  let openAt = -1;
  /** @type {import('./retry.js').Retry} */
  const known = { failures: 0, refresh: false };
  /** @type {Record<string, string>} */
  let headers;
  let closed = false;
  let suspended = false;
  /** Ends the wait between attempts. @type {((nothing?: any) => void) | undefined} */
  let go;

  /** Ends the attempt. @param {string} code @param {any} [more] */
  const end = (code, more) => attempt.abort(new PushError(code, more));

  const [cursor, begin, accepted, receive, handled, round, flush, post] =
    progressOf(settings, hooks, () => headers, end);
  const [expect, rest] = watchdog(
    settings,
    (code) => {
      end(code);
      if (!suspended) {
        go?.();
      }
    },
    () => resume(true),
    round,
  );

  const run = async () => {
    /* Listeners that are added right after construction miss nothing. */
    await null;
    while (!closed) {
      let error;
      do {
        error = await stream();
      } while (!closed && error.code === 'PUSH_ERR_AGAIN');
      breaks++;
      const delay = delayAfter(settings, known, error);
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
    let code = 'TOKEN';
    begin();
    expect('TIMEOUT', connectTimeout);
    if (openAt !== breaks) {
      hooks.state({ state: 'connecting' });
    }
    try {
      headers = await credentials(settings, known.refresh, signal);
      code = 'NETWORK';
      signal.throwIfAborted();
      const parts = transport(settings, beside(settings, 'receive', cursor()), {
        headers,
        signal,
        handled,
      });
      for await (const part of parts) {
        signal.throwIfAborted();
        /* While the application has enough to do, nothing is read. */
        expect('');
        take(part, signal);
        await hooks.ready();
        signal.throwIfAborted();
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

  /**
   * @param {import('./fetch.js').Bytes} part
   * @param {AbortSignal} signal
   */
  const take = ([head, what, parser], signal) => {
    if (head) {
      accepted(head);
      known.refresh = false;
      if (openAt !== breaks) {
        const since = (openAt = breaks);
        AbortSignal.timeout(PROVEN).onabort = () => {
          if (since === breaks) {
            known.failures = 0;
          }
        };
        hooks.state({ state: 'open', transport: what ?? 'stream' });
      }
      return;
    }
    for (const event of what) {
      if (event.event.startsWith('push.')) {
        notice(event.event.slice(5), event.data);
      } else {
        receive(event);
      }
      signal.throwIfAborted();
    }
    known.retry = parser.retry ?? known.retry;
  };

  /**
   * The server speaks of itself. What is not known is ignored: it may be newer.
   *
   * @param {string} type
   * @param {string} data
   */
  const notice = (type, data) => {
    const { dropped, reason, urgency, spread_ms } = parsed(data) ?? {};
    if (type === 'gap') {
      hooks.event(type, { dropped, reason, urgency });
    }
    if (type === 'bye') {
      hooks.event(type, { reason });
      known.refresh = reason === 'expired-token';
      end(reason === 'superseded' ? 'SUPERSEDED' : 'BYE', {
        spread: spread_ms > 0 ? spread_ms : 1000,
      });
    }
  };

  /** @param {boolean} [mistrust] */
  const resume = (mistrust) => {
    const doubted = attempt;
    suspended = false;
    setTimeout(() => {
      if (mistrust) {
        /* It may still reach the server, and supersede the next one. */
        known.failures++;
        doubted.abort(new PushError('WAKE', { spread: 0 }));
      }
      go?.();
    }, random() * 800);
  };

  /** @param {PushError} [error] */
  const stop = (error) => {
    closed = true;
    rest();
    attempt.abort(error);
    hooks.state({ state: 'closed', cause: error });
  };

  run();

  return {
    get cursor() {
      return cursor();
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
        /* A listener may have called us: it is known as at work in a moment. */
        await null;
        await within(LAST_CALL, handled());
        await within(LAST_WORD, flush(true));
      }
    },
  };
};

/**
 * @param {Settings} settings
 * @param {boolean} refresh
 * @param {AbortSignal} signal
 * @returns {Promise<Record<string, string>>} headers of the requests to come
 */
const credentials = async ({ token, headers }, refresh, signal) => {
  const value = token?.call
    ? await Promise.race([
        token({ refresh, signal }),
        new Promise((resolve) => {
          signal.onabort = resolve;
        }),
      ])
    : token;
  return {
    'Push-Client': NAME,
    ...(value && { Authorization: 'Bearer ' + value }),
    ...headers,
  };
};

/** @param {string} data @returns {any} nothing where it is no JSON */
const parsed = (data) => {
  try {
    return JSON.parse(data);
  } catch {
    /* said all the same */
  }
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
