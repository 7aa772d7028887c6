import { backoff, spread } from './backoff.js';

/**
 * What is remembered from attempt to attempt.
 *
 * @typedef {object} Retry
 * @property {number} failures attempts in a row that failed or were given up
 * @property {boolean} refresh the token is to be made anew
 * @property {number} [retry] what the last `retry:` said, ms
 */

/**
 * When to try again, and as whom.
 *
 * @param {import('./settings.js').Settings & {token?: any}} settings
 * @param {Retry} known
 * @param {import('./error.js').PushError} error that ended an attempt: it is
 *   told whether it is final
 * @returns {number} ms
 */
export const delayAfter = ({ random, renew, token }, known, error) => {
  const { code, status, retryAfter, spread: hint } = error;
  if (code === 'PUSH_ERR_SUPERSEDED') {
    /* Where an attempt just failed: most likely by that one, late. */
    if (!known.failures) {
      error.final = !renew;
      renew?.(true);
    }
    known.failures = 0;
  }
  if (status === 401 && !known.refresh && token?.call) {
    known.refresh = true;
    error.final = false;
    return 0;
  }
  return hint == null
    ? backoff(random(), known.failures++, known.retry ?? 1000, retryAfter)
    : spread(random(), hint);
};
