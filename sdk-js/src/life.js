/**
 * Tells a source what happens to the page, where there is one. Leaving is
 * `pagehide`, never `unload`, so that the back/forward cache stays possible.
 *
 * @param {import('./client.js').Source} source
 * @param {AbortSignal} signal stops it
 */
export const watchLife = (source, signal) => {
  const wake = () => source.resume();
  const suspend = (/** @type {any} */ event) => source.freeze(event.persisted);
  /** @type {Record<string, (event: any) => void>} */
  const handlers = {
    online: () => source.resume(true),
    pagehide: suspend,
    pageshow: wake,
    freeze: suspend,
    resume: wake,
    visibilitychange: () => document.hidden || wake(),
  };
  for (const type in handlers) {
    /* Some go to the document only: the window sees them on their way. */
    globalThis.addEventListener?.(type, handlers[type], {
      capture: true,
      signal,
    });
  }
};
