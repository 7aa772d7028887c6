/** Longest wait that a failed attempt leads to, ms. */
const CEILING = 30000;

/**
 * @param {number} u random, 0 ≤ u < 1
 * @param {number} top ms
 * @returns {number} spread evenly over 100 … top
 */
const within = (u, top) => 100 + Math.floor(u * Math.max(0, top - 100));

/**
 * @param {number} ms the server's `retry:`, or an option
 * @returns {number} what of it counts
 */
export const clamped = (ms) => Math.min(600000, Math.max(500, ms));

/**
 * The wait after failed attempts: full jitter below a ceiling that doubles.
 *
 * @param {number} u random, 0 ≤ u < 1
 * @param {number} n failed attempts in a row before this wait, from 0
 * @param {number} base ms, by option or by the last `retry:`
 * @returns {number} ms, 100 … 30,000
 */
export function backoff(u, n, base) {
  return within(u, Math.min(CEILING, clamped(base) * 2 ** Math.min(n, 16)));
}

/**
 * The wait before the first attempt after `push.bye`; with a second also the
 * one after the network came back or the machine woke up.
 *
 * @param {number} u random, 0 ≤ u < 1
 * @param {number} hint `spread_ms`: the window that the server wants
 * @returns {number} ms
 */
export function spread(u, hint) {
  return within(u, Math.min(hint, 600000));
}

/**
 * The wait that `Retry-After` asked for, and jitter on top.
 *
 * @param {number} u random, 0 ≤ u < 1
 * @param {number} n as for `backoff`
 * @param {number} base as for `backoff`
 * @param {number} hint ms
 * @returns {number} ms
 */
export function afterHint(u, n, base, hint) {
  return Math.min(Math.max(0, hint), 3600000) + backoff(u, n, base);
}
