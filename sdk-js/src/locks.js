/**
 * Web Locks, as tabs use them.
 */

/**
 * Holds a lock from when it is to be had.
 *
 * @param {string} name
 * @param {LockOptions} options
 * @param {AbortSignal} signal gives it back
 * @param {() => void} then it is held; not called where it was given back
 * @returns {Promise<void>} rejected where there is none, or it was taken away
 */
export const hold = (name, options, signal, then) =>
  navigator.locks.request(name, options, async () => {
    if (!signal.aborted) {
      then();
      await new Promise((left) => signal.addEventListener('abort', left));
    }
  });

/** @returns {Promise<Map<string, string>>} who holds which lock */
export const held = async () => {
  const { held } = await navigator.locks.query().catch(() => ({ held: [] }));
  return new Map(held?.map((lock) => [lock.name ?? '', lock.clientId ?? '']));
};
