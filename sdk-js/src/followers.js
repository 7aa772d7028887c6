/** A follower that does not answer for this long is not waited for, ms. */
const ABSENT = 3000;

/**
 * A tab, as the one that leads sees it.
 *
 * @typedef {object} Follower
 * @property {number} seen when it last showed itself
 * @property {Map<string, (ok: boolean) => void>} owes answers, by message id
 */

/** The tabs that follow one. */
export class Followers {
  /** @type {Map<string, Follower>} */
  #all = new Map();

  get size() {
    return this.#all.size;
  }

  /**
   * @param {string} tab
   * @param {string} presence the lock that it holds as long as it is there
   * @param {AbortSignal} signal we lead no more
   */
  admit(tab, presence, signal) {
    if (this.#all.has(tab)) {
      return;
    }
    const follower = { seen: performance.now(), owes: new Map() };
    this.#all.set(tab, follower);
    /* Its lock comes to us when it is gone: then we do not wait for it. */
    navigator.locks
      .request(presence, { mode: 'shared', signal }, () => {
        this.#all.delete(tab);
        settle(follower, true);
      })
      .catch(() =>
        settle(follower, false),
      ); /* let it come to the next leader */
  }

  /** It showed itself. @param {string} tab */
  see(tab) {
    const follower = this.#all.get(tab);
    if (follower) {
      follower.seen = performance.now();
    }
  }

  /** It is done with a message. @param {string} tab @param {string} id @param {boolean} ok */
  hear(tab, id, ok) {
    this.#all.get(tab)?.owes.get(id)?.(ok);
  }

  /** @param {string} id of a message @returns {Promise<boolean>[]} their answers */
  answers(id) {
    return [...this.#all.values()].map(
      ({ owes }) =>
        new Promise((resolve) => {
          owes.set(id, (ok) => {
            owes.delete(id);
            resolve(ok);
          });
        }),
    );
  }

  /** Those that are frozen are not waited for. @param {number} beaten when they were last to show themselves */
  excuse(beaten) {
    for (const follower of this.#all.values()) {
      const { seen } = follower;
      if (seen < beaten && performance.now() - seen > ABSENT) {
        settle(follower, true);
      }
    }
  }
}

/** Answers all that it owes. @param {Follower} follower @param {boolean} ok */
const settle = ({ owes }, ok) => owes.forEach((answer) => answer(ok));
