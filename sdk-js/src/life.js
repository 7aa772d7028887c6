/**
 * Tells a source what happens to the page, where there is one. Leaving is
 * `pagehide`, never `unload`, so that the back/forward cache stays possible.
 *
 * @param {import('./client.js').Source} source
 * @param {AbortSignal} signal stops it
 */
export function watchLife(source, signal) {
  const page = globalThis.document;
  const on = (
    /** @type {any} */ target,
    /** @type {string} */ types,
    /** @type {(event: any) => void} */ then,
  ) => {
    for (const type of types.split(' ')) {
      target?.addEventListener?.(type, then, { signal });
    }
  };
  const suspend = (/** @type {any} */ { persisted }) =>
    source.suspend(persisted);
  const resume = () => source.resume();
  on(globalThis, 'online', () => source.wake(true));
  on(globalThis, 'pagehide', suspend);
  on(globalThis, 'pageshow', resume);
  on(page, 'freeze', suspend);
  on(page, 'resume', resume);
  on(page, 'visibilitychange', () => page.hidden || source.wake());
}
