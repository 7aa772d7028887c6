/** @typedef {import('./parser.js').SseEvent} SseEvent */
/** @typedef {(event: SseEvent) => Promise<boolean>} Handle */

/** Messages that a tab remembers to have handled. */
const REMEMBERED = 4096;

/**
 * Handles each message once, however often and from whomever it comes; again
 * only where it failed.
 *
 * @param {Handle} handle
 * @returns {Handle}
 */
export const once = (handle) => {
  /** Handled, or under way, by message id. @type {Map<string, Promise<boolean>>} */
  const handled = new Map();
  return (event) => {
    const { mid = '' } = event;
    const result = handled.get(mid) ?? handle(event);
    if (mid && !handled.has(mid)) {
      handled.set(mid, result);
      result.then((ok) => ok || handled.delete(mid));
      if (handled.size > REMEMBERED) {
        const [oldest] = handled.keys();
        handled.delete(oldest);
      }
    }
    return result;
  };
};
