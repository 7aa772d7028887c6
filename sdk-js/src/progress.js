import { request } from './fetch.js';
import { ledgerOf } from './ledger.js';
import { beside } from './settings.js';

/** @typedef {import('./parser.js').SseEvent} SseEvent */

/**
 * What the connection does with it.
 *
 * @typedef {[
 *   cursor: () => string,
 *   begin: () => void,
 *   accepted: (head: Headers) => void,
 *   receive: (event: SseEvent) => void,
 *   handled: () => Promise<boolean>,
 *   round: () => void,
 *   flush: (keepalive?: boolean) => Promise<void>,
 *   post: (keepalive?: boolean) => Promise<void>]} Progress
 */

/**
 * How far the stream is handled, and what of that the server knows. One
 * acknowledgement is under way at a time, and none rejects: what does not
 * arrive goes with the next batch, or with the next connect.
 *
 * @param {import('./settings.js').Settings} settings
 * @param {import('./client.js').Hooks} hooks
 * @param {() => Record<string, string>} headers of requests
 * @param {(code: string, more?: object) => void} end of the attempt
 * @returns {Progress}
 */
export const progressOf = (settings, hooks, headers, end) => {
  const { connectTimeout, maxInFlight, lastEventId = '' } = settings;
  /** Most messages in flight by the server. */
  let granted = maxInFlight;
  const ledger = ledgerOf(() => 4 * Math.max(maxInFlight, granted));
  /** The server's name for the numbering of the current stream. @type {any} */
  let session;
  /** Attempts so far. */
  let attempts = 0;
  /** Id up to which everything of the current stream is finished. */
  let finished = lastEventId;
  /** Id that the server is known to have as acknowledged. */
  let acked = finished;
  /** Messages between them. */
  let passed = 0;
  /** A handler failed: only a new stream brings its message back. */
  let failed = false;
  /** Resolves when no acknowledgement is under way. */
  let sending = Promise.resolve();
  /** The one that has not begun yet. @type {Promise<void> | undefined} */
  let next;
  /** Resolves when no handler is at work. */
  let working = sending;

  /** An attempt begins, and shows the cursor. */
  const begin = () => {
    attempts++;
    ledger.leave();
    failed = false;
  };

  /** The server took the cursor. @param {Headers} head */
  const accepted = (head) => {
    acked = finished;
    session = head.get('Push-Session');
    granted = Number(head.get('Push-Window')) || maxInFlight;
  };

  /** @param {SseEvent} event that is a message */
  const receive = (event) => {
    const { id, ack } = event;
    const mid = (event.mid = id?.split('.')[1]);
    if (!id || !mid) {
      /* Nothing that could be acknowledged. */
      hooks.message(event);
      return;
    }
    const finish = ledger.receive(id, mid, ack === 'now' ? Infinity : 1);
    if (finish) {
      const done = hooks.message(event).then(finish).then(settle);
      working = working.then(() => done);
    } else {
      settle(true);
    }
  };

  /** @param {boolean} ok whether a message was handled */
  const settle = (ok) => {
    failed ||= !ok;
    for (const [id, , weight] of ledger.pass()) {
      finished = id;
      passed += weight;
    }
    if (passed * 2 >= Math.min(maxInFlight, granted)) {
      flush();
    }
  };

  /** What all handlers that are at work come to: is all well? */
  const handled = () => working.then(() => !failed);

  /** What is due every now and then. */
  const round = () => {
    flush();
    if (failed) {
      end('REDELIVER');
    }
  };

  /**
   * Acknowledges behind what is under way; what is asked for meanwhile goes
   * with it.
   *
   * @param {boolean} [keepalive] the page may be gone before the answer
   */
  const flush = (keepalive) =>
    (next ??= sending =
      sending.then(() => {
        next = undefined;
        return post(keepalive);
      }));

  /** Acknowledges now. @param {boolean} [keepalive] */
  const post = async (keepalive) => {
    const during = attempts;
    const shown = finished;
    passed = 0;
    if (shown !== acked) {
      try {
        const { status, ok, body } = await request(
          settings,
          beside(settings, 'ack', shown, session),
          {
            method: 'POST',
            headers: headers(),
            keepalive,
            signal: AbortSignal.timeout(connectTimeout),
          },
        );
        body?.cancel();
        /* An answer to an earlier stream says nothing of this one. */
        if (during === attempts) {
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

  return [
    () => finished,
    begin,
    accepted,
    receive,
    handled,
    round,
    flush,
    post,
  ];
};
