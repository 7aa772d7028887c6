/**
 * Tells a source what happens to the page, where there is one. Leaving is
 * `pagehide`, never `unload`, so that the back/forward cache stays possible.
 *
 * @param {import('./client.js').Source} source
 * @param {AbortSignal} signal stops it
 */
export function watchLife(source, signal) {
  const suspend = (/** @type {any} */ { persisted }) =>
    source.suspend(persisted);
  const resume = () => source.resume();
  /** @type {Record<string, (event: any) => void>} */
  const handlers = {
    online: () => source.wake(true),
    pagehide: suspend,
    pageshow: resume,
    freeze: suspend,
    resume,
    visibilitychange: () => document.hidden || source.wake(),
  };
  for (const type in handlers) {
    /* Some go to the document only: the window sees them on their way. */
    globalThis.addEventListener?.(type, handlers[type], {
      capture: true,
      signal,
    });
  }
}
