/**
 * Tells the server where this device is, so that messages for whoever is near
 * reach it, and fences notice it.
 *
 * @module mod-push-client/position
 */
import { PushError } from './error.js';
import { check, request } from './fetch.js';
import { NAME } from './settings.js';

/**
 * @typedef {object} Position
 * @property {number} lat degrees, -90 to 90
 * @property {number} lon degrees, -180 to 180
 * @property {number} [accuracy] metres; 0
 */

/**
 * @typedef {object} ReportOptions
 * @property {string | (() => string | Promise<string>)} [token] as that of the
 *   client
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {typeof fetch} [fetch] instead of the platform's
 */

/** The most that a server takes as accuracy, metres. */
const ACCURACY_MAX = 100000;

/**
 * @param {Position | {coords: {latitude: number, longitude: number,
 *   accuracy: number}}} position
 * @returns {Position}
 */
const plain = (position) =>
  'coords' in position
    ? {
        lat: position.coords.latitude,
        lon: position.coords.longitude,
        accuracy: Math.min(position.coords.accuracy, ACCURACY_MAX),
      }
    : position;

/**
 * Reports where the device of this client is; at most once a second. The
 * server keeps it in memory alone, for `PushPositionAge`. A server without
 * `PushPositions on` answers 404.
 *
 * @param {{url: string, withCredentials?: boolean}} client a `PushClient`
 * @param {Position | {coords: {latitude: number, longitude: number,
 *   accuracy: number}} | null} position, also a `GeolocationPosition` of a
 *   browser; `null`: nobody is to know any more
 * @param {ReportOptions} [options]
 * @returns {Promise<void>} rejects with a {@link PushError}; nothing is tried
 *   again, since the next report is better than this one
 */
export const reportPosition = async (client, position, options = {}) => {
  const { token, headers, signal } = options;
  const url = new URL(client.url);
  url.pathname = url.pathname.replace(/receive$/, 'position');
  const bearer = typeof token === 'function' ? await token() : token;
  /** @type {Response} */
  let answer;
  try {
    answer = await request(
      /** @type {any} */ ({
        fetch: options.fetch,
        withCredentials: client.withCredentials,
      }),
      url,
      {
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          'Push-Client': NAME,
          ...headers,
          ...(bearer && { Authorization: `Bearer ${bearer}` }),
        },
        body: JSON.stringify(position && plain(position)),
        signal,
      },
    );
  } catch (cause) {
    throw new PushError('NETWORK', { cause });
  }
  if (answer.status !== 204) {
    /* A page of somebody else, as of a captive portal, says nothing. */
    await check(answer, /^$(?!)/);
  }
};
