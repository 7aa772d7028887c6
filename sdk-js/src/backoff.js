/** Longest wait that a failed attempt leads to by itself, ms. */
const CEILING = 30000;

/**
 * @param {number} least
 * @param {number} value
 * @param {number} most
 */
const between = (least, value, most) => Math.max(least, Math.min(value, most));

/**
 * @param {number} ms the server's `retry:`, or an option
 * @returns {number} what of it counts
 */
export const clamped = (ms) => between(500, ms, 600000);

/**
 * The wait before the first attempt after `push.bye`; with a second also the
 * one after the network came back or the machine woke up.
 *
 * @param {number} u random, 0 ≤ u < 1
 * @param {number} top the window that the server wants (`spread_ms`)
 * @returns {number} ms, spread evenly over 100 … top, or 10 minutes
 */
export const spread = (u, top) =>
  100 + Math.floor(u * between(0, top - 100, 599900));

/**
 * The wait after failed attempts: what `Retry-After` asked for, and full
 * jitter below a ceiling that doubles.
 *
 * @param {number} u random, 0 ≤ u < 1
 * @param {number} n failed attempts in a row before this wait, from 0
 * @param {number} base ms, by option or by the last `retry:`
 * @param {number} [hint] `Retry-After`, ms
 * @returns {number} ms, 100 … 30,000 more than the hint
 */
export const backoff = (u, n, base, hint = 0) =>
  between(0, hint, 3600000) +
  spread(u, Math.min(CEILING, clamped(base) * 2 ** n));
