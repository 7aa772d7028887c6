/** @typedef {{done?: boolean}} Handling of one message, over all its deliveries */
/** @typedef {[id: string, handling: Handling, weight: number]} Entry */

/**
 * What was received and what is finished. Pure: no clock, no I/O.
 *
 * @param {() => number} remembered how many message ids are kept to drop what
 *   is sent again; more than a server has in flight
 */
export const ledgerOf = (remembered) => {
  /** Of this stream, in order, what was not yet passed. @type {Entry[]} */
  let open = [];
  /** @type {Map<string, Handling>} */
  const byMid = new Map();

  return {
    /**
     * An attempt shows the cursor. Whether it is answered or not, the server
     * may number anew behind that: what the streams before had sent moves the
     * cursor no more. What is still being handled remains known.
     */
    leave() {
      open = [];
    },

    /**
     * @param {string} id as received
     * @param {string} mid the part of it that names the message
     * @param {number} weight
     * @returns {((ok: boolean) => boolean) | undefined} to be told when it was
     *   handled (or not: let it come again); undefined: it was before, or is
     *   being handled right now
     */
    receive(id, mid, weight) {
      const known = byMid.get(mid);
      const handling = known ?? {};
      open.push([id, handling, weight]);
      if (!known) {
        byMid.set(mid, handling);
        if (byMid.size > remembered()) {
          const [[oldest]] = byMid;
          byMid.delete(oldest);
        }
        return (ok) => {
          if (!ok) {
            byMid.delete(mid);
          }
          return (handling.done = ok);
        };
      }
    },

    /**
     * An acknowledgement covers everything before it, so the cursor stops
     * short of the first message whose handling is not finished.
     *
     * @returns {Generator<Entry>} what the cursor may pass now, in order
     */
    *pass() {
      while (open[0]?.[1].done) {
        yield /** @type {Entry} */ (open.shift());
      }
    },
  };
};
