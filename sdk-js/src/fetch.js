import { PushError } from './error.js';
import { sseParser } from './parser.js';

/**
 * Once nothing: the server has accepted. Then, whenever bytes came, what they
 * complete, and the wait that the server asked for, in ms.
 *
 * @typedef {[events?: import('./parser.js').SseEvent[], retry?: number]} Bytes
 */

/**
 * One stream by `fetch`. It is read on when the caller asks for more.
 *
 * @param {import('./settings.js').Settings} settings
 * @param {URL} url with the cursor in it
 * @param {Record<string, string>} headers
 * @param {AbortSignal} signal ends the attempt; its reason is a PushError
 * @returns {AsyncGenerator<Bytes>}
 */
export async function* fetchStream(settings, url, headers, signal) {
  const answer = await request(settings, url, { headers, signal });
  await check(answer, 'text/event-stream');
  const parser = sseParser(settings.maxEventBytes);
  const reader = /** @type {any} */ (answer.body).getReader();
  yield [];
  for (let next; !(next = await reader.read()).done;) {
    yield [parser.feed(next.value), parser.retry];
    if (parser.error) {
      throw parser.error;
    }
  }
}

/**
 * Never follows a redirect: no header of ours must reach another origin.
 *
 * @param {import('./settings.js').Settings} settings
 * @param {URL} url
 * @param {RequestInit} init
 * @returns {Promise<Response>}
 */
export const request = ({ fetch, withCredentials }, url, init) =>
  (fetch ?? globalThis.fetch)(url, {
    cache: 'no-store',
    credentials: withCredentials ? 'include' : 'same-origin',
    redirect: 'manual',
    ...init,
  });

/**
 * @param {Response} answer
 * @param {string} type the one that it must have
 * @throws {PushError} unless it is what we asked for
 */
export async function check(answer, type) {
  const { status, headers, ok } = answer;
  const code =
    status === 204
      ? 'STOPPED'
      : ok
        ? !headers.get('Content-Type')?.startsWith(type) && 'TYPE'
        : status < 400 /* 0 in a browser */
          ? 'REDIRECT'
          : status === 401 || status === 403
            ? 'AUTH'
            : 'STATUS';
  if (code) {
    const problem = ok ? null : await answer.json().catch(() => null);
    const after = /** @type {string} */ (headers.get('Retry-After'));
    throw new PushError('PUSH_ERR_' + code, {
      message: problem?.detail ?? 'status ' + status,
      status,
      final: status < 500 && ![408, 425, 429].includes(status),
      problem,
      /* RFC 9110, 10.2.3 */
      retryAfter: +after * 1000 || Date.parse(after) - Date.now() || 0,
    });
  }
}
