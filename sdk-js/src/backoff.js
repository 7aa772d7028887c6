/** Longest wait that a failed attempt leads to by itself, ms. */
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
  Math.min(3600000, Math.max(0, hint)) +
  within(u, Math.min(CEILING, clamped(base) * 2 ** n));

/**
 * The wait before the first attempt after `push.bye`; with a second also the
 * one after the network came back or the machine woke up.
 *
 * @param {number} u random, 0 ≤ u < 1
 * @param {number} hint `spread_ms`: the window that the server wants
 * @returns {number} ms
 */
export const spread = (u, hint) => within(u, Math.min(600000, hint));
