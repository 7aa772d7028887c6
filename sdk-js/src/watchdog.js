import { DRAIN } from './times.js';

/**
 * Looks at the clocks, and never trusts a timer to be on time.
 *
 * @param {import('./settings.js').Settings} settings
 * @param {(code: string) => void} onLate what was expected did not come
 * @param {() => void} onAwake we did not run for long: asleep, frozen, stopped
 * @param {() => void} onRound it is time for what is done regularly
 * @returns {[expect: (code: string, ms?: number) => void, stop: () => void]}
 */
export const watchdog = (
  { silence, ackInterval },
  onLate,
  onAwake,
  onRound,
) => {
  /** Monotonic time until which something has to come. */
  let due = Infinity;
  /** The error if it does not; none: silence, once all was read. */
  let late = '';
  /** Monotonic time of the next round. */
  let nextRound = 0;
  /** Wall time, which goes on while the machine sleeps. @type {any} */
  let lastRun;
  /** @type {any} */
  let timer;

  const tick = () => {
    const now = performance.now();
    clearTimeout(timer);
    if (Date.now() - lastRun >= silence) {
      onAwake();
    }
    lastRun = Date.now();
    if (now >= nextRound) {
      nextRound = now + ackInterval;
      onRound();
    }
    if (now >= due && late) {
      due = Infinity;
      onLate(late);
    } else if (now >= due) {
      late = 'SILENCE';
      due = now + DRAIN;
    }
    timer = setTimeout(tick, Math.min(silence / 7, ackInterval, due - now));
  };

  /**
   * Something has to come within a time.
   *
   * @param {string} code of the error if it does not; none: silence, unless
   *   there is still something to read
   * @param {number} [ms] none: it may take as long as it likes
   */
  const expect = (code, ms = Infinity) => {
    late = code;
    due = performance.now() + ms;
    tick();
  };

  return [expect, () => clearTimeout(timer)];
};
