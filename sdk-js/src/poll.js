/**
 * Long polls as the transport, for where no stream gets through: a proxy that
 * holds an answer back until it is complete passes these on. Each answer is a
 * batch of events and ends; the next request shows the cursor, and acknowledges
 * by it.
 *
 * The batch is taken as events, not as JSON: so it is read by the parser that
 * streams have, a payload is the text that was published and not what was made
 * of it, and what holds of a stream's limits, gaps and end is the same code.
 *
 * @module mod-push-client/poll
 */
import { PushError } from './error.js';
import { fetchStream, request } from './fetch.js';
import { firstToPass } from './passing.js';

/** @typedef {import('./settings.js').Settings} Settings */
/** @typedef {import('./settings.js').Transport} Transport */
/** @typedef {import('./fetch.js').Bytes} Bytes */
/** @typedef {import('./parser.js').SseEvent} SseEvent */
/** @typedef {Parameters<Transport>[2]} Init */

/**
 * @typedef {object} PollOptions
 * @property {number} [wait] seconds that a poll waits for a message, 1 to 600,
 *   and at most the server's `PushMaxWait` (55); 25
 */

/**
 * What a connection remembers from poll to poll.
 *
 * @typedef {object} Memory
 * @property {number} at monotonic time at which the last poll was done with, if
 *   it was answered
 * @property {number} pace ms until the next poll, where messages of this one
 *   are not finished
 * @property {string[]} gaps that were told, with no message behind them
 * @property {string} [shown] by the last poll, if it brought no message
 * @property {string | null} [cursor] to be shown instead, as that one said
 */

/** @type {Memory} */
const NONE = { at: -Infinity, pace: 1000, gaps: [] };
/** Tells the connection that all is well: no byte came, and none is due. */
const SIGN = /** @type {Bytes} */ ([null, [], {}]);
/** So often, ms; and how fast waits without a message follow each other. */
const BEAT = 1000;

/**
 * A stream where it passes, else polls: give it as the option `transport`.
 *
 * Streams count as held up when two in a row brought no byte but with their
 * head, or no head, in the time they had. Then polls are tried. Once one was
 * answered the page polls at this Location, and tries a stream again every 30
 * minutes.
 *
 * @param {PollOptions} [options]
 * @returns {Transport}
 */
export const pollFallback = (options) =>
  firstToPass([fetchStream, poll(options)]);

/**
 * Polls, also where a stream would pass.
 *
 * @param {PollOptions} [options]
 * @returns {Transport}
 */
export const poll = ({ wait = 25 } = {}) => {
  if (!Number.isInteger(wait) || wait < 1 || wait > 600) {
    throw new TypeError('wait: 1 to 600');
  }
  /** @type {WeakMap<Settings, Memory>} */
  const memories = new WeakMap();
  return async function* (settings, url, init) {
    const memory = memories.get(settings) ?? NONE;
    const query = url.searchParams;
    const shown = query.get('id') ?? '';
    const began = performance.now();
    /* The first poll does not wait: it finds out whether polls pass. */
    const waits = began - memory.at < BEAT;
    query.set('wait', String(waits ? wait : 0));
    if (memory.cursor && memory.shown === shown) {
      query.set('id', memory.cursor);
    }
    memories.set(settings, { ...memory, at: NONE.at });
    const parts = batch(settings, url, init);
    const { messages, gaps, cursor } = yield* news(
      waits ? patient(parts, wait * 1000, settings, init) : parts,
      memory.gaps,
    );
    if (waits && !messages) {
      yield* hold(init, new Promise(() => {}), began + BEAT);
    }
    const pace = yield* finished(settings, init, memory.pace);
    const at = performance.now();
    memories.set(
      settings,
      messages
        ? { ...NONE, at, pace }
        : { at, pace, gaps, shown, cursor: cursor ?? memory.cursor },
    );
    throw new PushError('AGAIN');
  };
};

/**
 * One poll: a short stream, or nothing.
 *
 * @type {Transport}
 */
async function* batch(settings, url, init) {
  /** @type {any} */
  let answer;
  const one = async () => {
    const headers = { ...init.headers, Accept: 'text/event-stream' };
    answer = await request(settings, url, { ...init, headers });
    /* It is no error, and has no events. */
    return answer.status === 204
      ? new Response('', { headers: { 'Content-Type': 'text/event-stream' } })
      : answer;
  };
  for await (const part of fetchStream(
    { ...settings, fetch: one },
    url,
    init,
  )) {
    yield part[0] ? [answer.headers, 'poll'] : part;
  }
}

/**
 * Leaves out gaps that the poll before has told: without a message behind them
 * the server cannot know that they were.
 *
 * @param {AsyncGenerator<Bytes>} parts
 * @param {string[]} told
 * @returns {AsyncGenerator<Bytes, {messages: number, gaps: string[],
 *   cursor: string | null}>} what was seen, and where the session stood before
 */
async function* news(parts, told) {
  /** @type {string[]} */
  const gaps = [];
  let messages = 0;
  /** @type {string | null} */
  let cursor = null;
  /** @param {Iterable<SseEvent>} events */
  const fresh = function* (events) {
    for (const event of events) {
      messages += event.id ? 1 : 0;
      if (event.event === 'push.gap') {
        gaps.push(event.data);
      }
      if (event.event !== 'push.gap' || !told.includes(event.data)) {
        yield event;
      }
    }
  };
  for await (const part of parts) {
    const [head] = part;
    if (head) {
      cursor = head.get('Push-Cursor');
    }
    yield head ? part : [null, fresh(part[1]), part[2]];
  }
  return { messages, gaps, cursor };
}

/**
 * Takes the place of the connection's watchdog, which knows nothing of the
 * wait: a proxy may hold back all heartbeats. Once one came, the next has to.
 *
 * @param {AsyncGenerator<Bytes>} parts
 * @param {number} wait ms
 * @param {Settings} settings
 * @param {Init} init
 * @returns {AsyncGenerator<Bytes>}
 */
async function* patient(parts, wait, { silence }, { signal }) {
  let due = performance.now() + wait + silence;
  for (let next = parts.next(); ;) {
    const part = await Promise.race([next, tick(BEAT, signal)]);
    signal.throwIfAborted();
    if (!part) {
      if (performance.now() > due) {
        throw new PushError('SILENCE');
      }
      yield SIGN;
    } else if (part.done) {
      return;
    } else {
      if (!part.value[0]) {
        due = performance.now() + silence;
      }
      yield part.value;
      next = parts.next();
    }
  }
}

/**
 * Waits until the batch is handled: what is not would come again at once. So
 * it does after a while, for it must not hold up what is new.
 *
 * @param {Settings} settings
 * @param {Init} init
 * @param {number} pace ms, at most
 * @returns {AsyncGenerator<Bytes, number>} the next pace
 */
async function* finished({ ackInterval }, init, pace) {
  const all = init.handled().then((ok) => ok || new Promise(() => {}));
  return (yield* hold(init, all, performance.now() + pace))
    ? BEAT
    : Math.min(2 * pace, ackInterval);
}

/**
 * Waits, and gives signs of life.
 *
 * @param {Init} init
 * @param {Promise<unknown>} promise of something
 * @param {number} end monotonic time
 * @returns {AsyncGenerator<Bytes, unknown>} that; nothing: the time was over
 */
async function* hold({ signal }, promise, end) {
  for (;;) {
    const left = Math.min(BEAT, end - performance.now());
    const value = await Promise.race([promise, tick(left, signal)]);
    signal.throwIfAborted();
    if (value || left < BEAT) {
      return value;
    }
    yield SIGN;
  }
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal ends it at once
 * @returns {Promise<void>}
 */
const tick = (ms, signal) =>
  new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal.addEventListener('abort', over);
  });
