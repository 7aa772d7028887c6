/**
 * The browser's own `EventSource` as the transport, for where a `fetch` cannot
 * be read while it lasts. It sees neither headers nor unknown fields nor bytes:
 * identity comes by a ticket, signs of life by heartbeat events, and only types
 * that are named are heard. Where it gave up for good, one request by `fetch`
 * finds out why.
 *
 * @module mod-push-client/eventsource
 */
import { PushError } from './error.js';
import { check, EVENT_STREAM, fetchStream, request } from './fetch.js';
import { beside } from './settings.js';

/** @typedef {import('./settings.js').Settings} Settings */
/** @typedef {import('./settings.js').Transport} Transport */

/**
 * `fetch` where it can stream, else native `EventSource`: give it as the option
 * `transport`.
 *
 * @param {string[]} [types] of messages to hear, beside `message`
 * @returns {Transport}
 */
export const fallback = (types) =>
  'body' in Response.prototype ? fetchStream : eventSource(types);

/**
 * Native `EventSource`, also where `fetch` could stream.
 *
 * @param {string[]} [types] of messages to hear, beside `message`
 * @returns {Transport}
 */
export const eventSource = (types = []) =>
  async function* (settings, url, { headers, signal }) {
    const query = url.searchParams;
    query.set('heartbeat', 'event');
    if (headers.Authorization) {
      query.set('ticket', await ticket(settings, headers, signal));
    }
    const { withCredentials } = settings;
    const source = new EventSource(url, { withCredentials });
    let lastId = query.get('id') ?? '';
    /** What came and was not yet asked for. @type {import('./fetch.js').Bytes[]} */
    const parts = [];
    /** @type {PushError | undefined} */
    let broken;
    let more = () => {};
    const add = (/** @type {import('./fetch.js').Bytes} */ part) => {
      parts.push(part);
      more();
    };
    const hear = (/** @type {MessageEvent} */ { type, data, lastEventId }) => {
      const id = lastEventId === lastId ? undefined : lastEventId;
      lastId = lastEventId;
      add([null, [{ event: type, data, id, lastEventId }], {}]);
    };
    for (const type of ['message', 'push.gap', 'push.bye', ...types]) {
      source.addEventListener(type, hear);
    }
    source.addEventListener('heartbeat', () => add([null, [], {}]));
    source.onopen = () => add([new Headers(), 'eventsource']);
    source.onerror = async () => {
      broken =
        source.readyState === 2
          ? await refusal(settings, url, headers, signal)
          : new PushError('NETWORK');
      more();
    };
    const aborted = () => more();
    signal.addEventListener('abort', aborted);
    try {
      while (!signal.aborted) {
        const part = parts.shift();
        if (part) {
          yield part;
        } else if (broken) {
          throw broken;
        } else {
          await new Promise((resolve) => {
            more = () => resolve(0);
          });
        }
      }
    } finally {
      signal.removeEventListener('abort', aborted);
      source.close();
    }
  };

/**
 * @param {Settings} settings
 * @param {URL} url that an `EventSource` was refused
 * @param {Record<string, string>} headers
 * @param {AbortSignal} signal
 * @returns {Promise<PushError>} why, as `fetch` would have been told
 */
async function refusal(settings, url, headers, signal) {
  const stop = new AbortController();
  const abort = () => stop.abort();
  signal.addEventListener('abort', abort);
  try {
    /* A ticket is good for one attempt. */
    const again = new URL(url);
    again.searchParams.delete('ticket');
    const init = { headers, signal: stop.signal };
    await check(await request(settings, again, init), EVENT_STREAM);
  } catch (why) {
    if (why instanceof PushError) {
      return why;
    }
  } finally {
    signal.removeEventListener('abort', abort);
    abort();
  }
  return new PushError('NETWORK');
}

/**
 * @param {Settings} settings
 * @param {Record<string, string>} headers
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 */
async function ticket(settings, headers, signal) {
  const answer = await request(settings, beside(settings, 'ticket', ''), {
    method: 'POST',
    headers,
    signal,
  });
  await check(answer, /^application\/json\s*(;|$)/i);
  return (await answer.json()).ticket;
}
