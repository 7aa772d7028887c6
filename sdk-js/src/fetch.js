import { PushError } from './error.js';
import { sseParser } from './parser.js';

/**
 * Once the head: the server has accepted; and the name of the transport, where
 * that is no stream. Then, whenever bytes came, no head but the events that
 * they complete, to be taken one by one, and behind them the wait that the
 * server asked for, in ms. A sign of life alone has no events.
 *
 * @typedef {[head: Headers, name?: string] | [head: null,
 *   events: Iterable<import('./parser.js').SseEvent>,
 *   parser: {retry?: number}]} Bytes
 */

/** The content type of a stream. */
export const EVENT_STREAM = /^text\/event-stream\s*(;|$)/i;

/**
 * One stream by `fetch`. It is read on when the caller asks for more.
 *
 * @type {import('./settings.js').Transport}
 */
export async function* fetchStream(settings, url, init) {
  const answer = await request(settings, url, init);
  await check(answer, EVENT_STREAM);
  const { headers } = answer;
  /* Base64 takes a third more, a message has a head of its own, and a server
   * may be told to take larger ones while the stream is open. */
  const most = /** @type {any} */ (headers.get('Push-Max-Message'));
  const parser = sseParser(
    settings.maxEventBytes ?? Math.max(1 << 20, most * 1.5 + 1024 || 0),
    settings.stopAtTooLarge,
  );
  const reader = /** @type {any} */ (answer.body).getReader();
  yield [headers];
  for (let next; !(next = await reader.read()).done;) {
    yield [null, parser.feed(next.value), parser];
  }
}

/**
 * Never follows a redirect: no header of ours must reach another origin. Never
 * asks a cache: Firefox lets a stream wait while another has its address.
 *
 * @param {import('./settings.js').Settings} settings
 * @param {URL} url
 * @param {RequestInit} init
 * @returns {Promise<Response>}
 */
export const request = (settings, url, init) =>
  (settings.fetch ?? fetch)(url, {
    cache: 'no-store',
    credentials: settings.withCredentials ? 'include' : undefined,
    redirect: 'manual',
    ...init,
  });

/**
 * @param {Response} answer
 * @param {RegExp} type the content type that it must have
 * @throws {PushError} unless it is what we asked for
 */
export const check = async (answer, type) => {
  const { headers, ok, status } = /** @type {any} */ (answer);
  const code =
    /** @type {any} */ ({ 204: 'STOPPED', 401: 'AUTH', 403: 'AUTH' })[status] ??
    (ok
      ? !type.test(headers.get('Content-Type')) && 'TYPE'
      : status < 400 /* 0 in a browser */
        ? 'REDIRECT'
        : 'STATUS');
  if (code) {
    const problem = !ok && (await answer.json().catch(() => {}));
    const after = headers.get('Retry-After');
    throw new PushError(code, {
      status,
      /* What is no stream may be a captive portal's. */
      final: code !== 'TYPE' && !/408|425|429|5../.test(status),
      problem,
      /* RFC 9110, 10.2.3: seconds, or a date */
      retryAfter:
        (/^\d+$/.test(after)
          ? +after * 1000
          : Date.parse(after) - Date.now()) || 0,
    });
  }
};
