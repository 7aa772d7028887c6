import { PushError } from './error.js';
import { check, request } from './fetch.js';
import { beside } from './settings.js';

/**
 * One stream by the browser's own `EventSource`, for browsers that cannot
 * stream a `fetch`. It sees neither headers nor unknown fields nor bytes:
 * identity comes by a ticket, signs of life by heartbeat events, and only
 * types that somebody listens to are heard.
 *
 * @param {import('./fetch.js').Io} io
 */
export async function nativeStream(io) {
  const { url, settings, signal, headers, hooks } = io;
  const { searchParams } = url;
  searchParams.set('heartbeat', 'event');
  if (headers.Authorization) {
    const answer = await request(settings, beside(settings, 'ticket'), {
      method: 'POST',
      headers,
      signal,
    });
    await check(answer, 'application/json');
    searchParams.set('ticket', (await answer.json()).ticket);
  }
  const { withCredentials } = settings;
  const stream = new EventSource(url, { withCredentials });
  let lastId = searchParams.get('id') ?? '';
  try {
    await new Promise((resolve, reject) => {
      const receive = (
        /** @type {MessageEvent} */ { type, data, lastEventId },
      ) => {
        if (signal.aborted) {
          return;
        }
        const id = lastEventId === lastId ? undefined : lastEventId;
        lastId = lastEventId;
        io.alive();
        io.event({ event: type, data, id, lastEventId, fields: {} });
      };
      const hear = (/** @type {string} */ type) =>
        stream.addEventListener(type, receive);
      hooks.onType = hear;
      for (const type of [
        'heartbeat',
        'push.gap',
        'push.bye',
        ...hooks.types,
      ]) {
        hear(type);
      }
      stream.onopen = io.opened;
      stream.onerror = () => reject(new PushError('PUSH_ERR_NETWORK'));
      signal.addEventListener('abort', resolve, { once: true });
    });
  } finally {
    hooks.onType = undefined;
    stream.close();
  }
}
