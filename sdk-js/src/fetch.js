import { PushError } from './error.js';
import { SseParser } from './parser.js';

/**
 * What a connection gives its transport.
 *
 * @typedef {object} Io
 * @property {URL} url with the cursor in it
 * @property {import('./settings.js').Settings} settings
 * @property {AbortSignal} signal ends the attempt; its reason is a PushError
 * @property {Record<string, string>} headers
 * @property {import('./client.js').Hooks} hooks
 * @property {() => void} opened the server accepted
 * @property {() => void} alive bytes came
 * @property {(event: import('./parser.js').SseEvent) => void} event
 * @property {(ms?: number) => void} retry the server asked for another base
 * @property {() => Promise<void>} ready before reading on
 */

/** One stream by `fetch`. @param {Io} io */
export async function fetchStream(io) {
  const { settings, signal, headers, url } = io;
  const answer = await request(settings, url, { headers, signal });
  await check(answer, 'text/event-stream');
  const parser = new SseParser(settings.maxEventBytes);
  const reader = /** @type {any} */ (answer.body).getReader();
  io.opened();
  for (;;) {
    await io.ready();
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    io.alive();
    for (const event of parser.feed(value)) {
      io.event(event);
      signal.throwIfAborted();
    }
    io.retry(parser.retry);
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
  const { status, headers } = answer;
  let code;
  let more = {};
  if (answer.type === 'opaqueredirect' || (status >= 300 && status < 400)) {
    code = 'REDIRECT';
  } else if (status === 204) {
    code = 'STOPPED';
  } else if (!answer.ok) {
    const problem = await answer.json().catch(() => {});
    const after = headers.get('Retry-After');
    code = status === 401 || status === 403 ? 'AUTH' : 'STATUS';
    more = {
      message: problem?.detail ?? `status ${status}`,
      final: status < 500 && ![408, 425, 429].includes(status),
      /* RFC 9110, 10.2.3 */
      retryAfter:
        after &&
        (+after * 1000 || Math.max(0, Date.parse(after) - Date.now()) || 0),
      problem,
    };
  } else if (!headers.get('Content-Type')?.startsWith(type)) {
    code = 'TYPE';
  }
  if (code) {
    throw new PushError('PUSH_ERR_' + code, { status, final: true, ...more });
  }
}
