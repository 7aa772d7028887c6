/**
 * Hooks for React 18 and later.
 *
 * @module mod-push-client/react
 */
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { PushClient } from './client.js';

/**
 * A client as long as the component is mounted. A change of the address, or of
 * options other than functions, makes a new one.
 *
 * @template {object} [Events={}]
 * @param {string | null} url null: none
 * @param {import('./settings.js').PushOptions} [options]
 * @returns {PushClient<Events> | null} null until the component is mounted
 */
export function usePushClient(url, options = {}) {
  const [client, setClient] = useState(
    /** @type {PushClient<Events> | null} */ (null),
  );
  const latest = useRef(options);
  latest.current = options;
  const key = JSON.stringify(options);
  useEffect(() => {
    if (url === null) {
      return;
    }
    /** @type {PushClient<Events>} */
    const own = new PushClient(url, latest.current);
    setClient(own);
    return () => {
      own.close();
      setClient(null);
    };
  }, [url, key]);
  return client;
}

/**
 * Calls a handler for every message of a type. The handler may return a
 * promise, which holds the acknowledgement, and may change between renders.
 *
 * @template {object} Events
 * @template {(keyof Events & string) | 'message' | (string & {})} K
 * @param {PushClient<Events> | null} client
 * @param {K} type `message`, or what the publisher gave
 * @param {(message: import('./client.js').EventOf<K, Events>) => unknown} handler
 */
export function usePushMessage(client, type, handler) {
  const latest = useRef(handler);
  latest.current = handler;
  useEffect(() => {
    const listener = (/** @type {any} */ message) => latest.current(message);
    client?.addEventListener(type, listener);
    return () => client?.removeEventListener(type, listener);
  }, [client, type]);
}

/**
 * The state of a client, for an indicator.
 *
 * @param {PushClient<any> | null} client
 * @returns {import('./client.js').PushState}
 */
export function usePushState(client) {
  return useSyncExternalStore(
    (changed) => {
      client?.addEventListener('state', changed);
      return () => client?.removeEventListener('state', changed);
    },
    () => client?.state ?? 'connecting',
    () => 'connecting',
  );
}
