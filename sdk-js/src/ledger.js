/** How many message ids are remembered to drop what is sent again. */
const REMEMBERED = 4096;

/** @typedef {{done: boolean}} Handling of one message, over all its deliveries */

/**
 * What was received, what is finished, and how far that may be acknowledged.
 * An acknowledgement covers everything before it, so it stops short of the
 * first message whose handling is not finished. Pure: no clock, no I/O.
 */
export class Ledger {
  /** Id up to which everything of the current stream is finished. */
  cursor;
  /** A handler failed on this stream: only a new one brings its message back. */
  failed = false;
  /** Messages that the cursor has passed and that are not yet acknowledged. */
  passed = 0;
  /** Of this stream, in order, beyond the cursor. @type {{id: string, handling: Handling}[]} */
  #open = [];
  /** @type {Map<string, Handling>} */
  #byMid = new Map();

  /** @param {string} [cursor] */
  constructor(cursor = '') {
    this.cursor = cursor;
  }

  /** Messages of this stream that the cursor does not cover. */
  get size() {
    return this.#open.length;
  }

  /**
   * An attempt shows the cursor. Whether it is answered or not, the server may
   * number anew behind that: what the streams before had sent moves the cursor
   * no more.
   */
  leave() {
    this.#open = [];
  }

  /** A new stream begins. What is still being handled remains known. */
  restart() {
    this.leave();
    this.failed = false;
    this.passed = 0;
  }

  /**
   * @param {string} id as received
   * @param {string} mid the part of it that names the message
   * @returns {Handling | undefined} undefined: handled before, or right now
   */
  receive(id, mid) {
    const known = this.#byMid.get(mid);
    const handling = known ?? { done: false };
    this.#open.push({ id, handling });
    if (known) {
      this.#advance();
      return;
    }
    this.#byMid.set(mid, handling);
    this.#forget();
    return handling;
  }

  /**
   * @param {string} mid
   * @param {Handling} handling
   * @param {boolean} ok false: the message was not handled, let it come again
   */
  finish(mid, handling, ok) {
    handling.done = ok;
    if (ok) {
      this.#advance();
    } else {
      this.#byMid.delete(mid);
      this.failed = true;
    }
  }

  #advance() {
    const open = this.#open;
    let n = 0;
    while (n < open.length && open[n].handling.done) {
      n++;
    }
    if (n) {
      this.cursor = open[n - 1].id;
      open.splice(0, n);
      this.passed += n;
    }
  }

  #forget() {
    if (this.#byMid.size > REMEMBERED) {
      for (const [mid, { done }] of this.#byMid) {
        if (done) {
          this.#byMid.delete(mid);
          break;
        }
      }
    }
  }
}
