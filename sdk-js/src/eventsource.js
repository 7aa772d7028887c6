import { PushError } from './error.js';
import { check, request } from './fetch.js';
import { beside } from './settings.js';

/** @typedef {import('./settings.js').Settings} Settings */

/**
 * One stream by the browser's own `EventSource`, for browsers that cannot
 * stream a `fetch`. It sees neither headers nor unknown fields nor bytes:
 * identity comes by a ticket, signs of life by heartbeat events, and only
 * types that somebody listens to are heard.
 *
 * @param {Settings} settings
 * @param {URL} url with the cursor in it
 * @param {Record<string, string>} headers
 * @param {AbortSignal} signal ends the attempt
 * @param {import('./client.js').Hooks} hooks
 * @returns {AsyncGenerator<import('./fetch.js').Bytes>}
 */
export async function* nativeStream(settings, url, headers, signal, hooks) {
  const query = url.searchParams;
  query.set('heartbeat', 'event');
  if (headers.Authorization) {
    query.set('ticket', await ticket(settings, headers, signal));
  }
  const { withCredentials } = settings;
  const source = new EventSource(url, { withCredentials });
  let lastId = query.get('id') ?? '';
  /** What came and was not yet asked for. @type {import('./parser.js').SseEvent[]} */
  let events = [];
  let opened = false;
  let broken = false;
  let more = () => {};
  const receive = (/** @type {MessageEvent} */ { type, data, lastEventId }) => {
    const id = lastEventId === lastId ? undefined : lastEventId;
    lastId = lastEventId;
    events.push({ event: type, data, id, lastEventId, fields: {} });
    more();
  };
  const hear = (/** @type {string} */ type) =>
    source.addEventListener(type, receive);
  for (const type of ['heartbeat', 'push.gap', 'push.bye', ...hooks.types]) {
    hear(type);
  }
  hooks.onType = hear;
  source.onopen = () => {
    opened = true;
    more();
  };
  source.onerror = () => {
    broken = true;
    more();
  };
  const aborted = () => more();
  signal.addEventListener('abort', aborted);
  try {
    while (!signal.aborted) {
      if (opened) {
        opened = false;
        yield [];
      } else if (events.length) {
        yield [events.splice(0)];
      } else if (broken) {
        throw new PushError('PUSH_ERR_NETWORK');
      } else {
        await new Promise((resolve) => {
          more = () => resolve(0);
        });
      }
    }
  } finally {
    hooks.onType = undefined;
    signal.removeEventListener('abort', aborted);
    source.close();
  }
}

/**
 * @param {Settings} settings
 * @param {Record<string, string>} headers
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 */
async function ticket(settings, headers, signal) {
  const answer = await request(settings, beside(settings, 'ticket'), {
    method: 'POST',
    headers,
    signal,
  });
  await check(answer, 'application/json');
  return (await answer.json()).ticket;
}
