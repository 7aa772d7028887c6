import { hold } from './locks.js';

/** A leader that did not show itself for this long is asked to, ms. */
const DOUBT = 600;
/** One that does not answer within this, and up to twice this, is frozen, ms. */
const PATIENCE = 300;

/**
 * Who leads: the tab that holds the lock. It is taken from one that is frozen.
 *
 * @param {string} lock
 * @param {AbortSignal} signal we take part no more
 * @param {object} on
 * @param {() => void} on.lead it is us
 * @param {() => void} on.lost we were frozen, and the lead is another tab's
 * @param {() => void} on.doubt the leader is to show itself
 */
export const electionOf = (lock, signal, on) => {
  /** Of the request for the lock; aborted to take it by force. */
  let queue = new AbortController();
  /** When the leader last showed itself, and when it was asked to. */
  let sign = performance.now();
  let asked = 0;
  signal.addEventListener('abort', () => queue.abort());

  /** Waits for the lead. @param {boolean} [steal] takes it from a frozen tab */
  const campaign = (steal) => {
    const own = (queue = new AbortController());
    const how = steal ? { steal } : { signal: own.signal };
    hold(lock, how, signal, on.lead).catch((why) => {
      if (why.name === 'AbortError' && own === queue && !signal.aborted) {
        on.lost();
        campaign();
      }
    });
  };

  return {
    campaign,

    /** The leader showed itself; or we led ourselves. */
    seen() {
      sign = performance.now();
      asked = 0;
    },

    /** To be called every now and then where we do not lead. */
    doubt() {
      const now = performance.now();
      if (asked) {
        if (now - asked > PATIENCE * (1 + Math.random())) {
          sign = now;
          asked = 0;
          queue.abort();
          campaign(true);
        }
      } else if (now - sign > DOUBT) {
        asked = now;
        on.doubt();
      }
    },
  };
};
