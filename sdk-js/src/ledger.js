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
  /** Among them is one that is to be acknowledged at once. */
  urgent = false;
  /**
   * Of this stream, in order, beyond the cursor.
   * @type {[id: string, handling: Handling, urgent: boolean][]}
   */
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
    this.failed = this.urgent = false;
    this.passed = 0;
  }

  /**
   * @param {string} id as received
   * @param {string} mid the part of it that names the message
   * @param {boolean} [urgent] to be acknowledged at once
   * @returns {((ok: boolean) => void) | undefined} to be told when it was
   *   handled (or not: let it come again); undefined: it was before, or is
   *   being handled right now
   */
  receive(id, mid, urgent = false) {
    const byMid = this.#byMid;
    const known = byMid.get(mid);
    const handling = known ?? { done: false };
    this.#open.push([id, handling, urgent]);
    if (known) {
      this.#advance();
      return;
    }
    byMid.set(mid, handling);
    if (byMid.size > REMEMBERED) {
      /* The oldest is forgotten, unless it is being handled. */
      const [[old, oldest]] = byMid;
      byMid.delete(old);
      if (!oldest.done) {
        byMid.set(old, oldest);
      }
    }
    return (ok) => {
      handling.done = ok;
      if (ok) {
        this.#advance();
      } else {
        byMid.delete(mid);
        this.failed = true;
      }
    };
  }

  #advance() {
    const open = this.#open;
    while (open[0]?.[1].done) {
      const [[id, , urgent]] = open.splice(0, 1);
      this.cursor = id;
      this.passed++;
      this.urgent ||= urgent;
    }
  }
}
