import { fetchStream } from './fetch.js';

/** Sent as `Push-Client`, so that the server answers overload with 503. */
export const NAME = 'mod-push-client/1.0.0';

/**
 * @typedef {object} PushOptions
 * @property {string[]} [channels] to follow, beside what is sent to the user
 * @property {string} [meta] what else to tell of every message: some of
 *   `type,channel,urgency,time,trace`. Default: nothing
 * @property {string} [device] 1–128 of `A-Za-z0-9._~-`; one stream a device.
 *   Default: one that the tab keeps (with `share`: all tabs of the origin);
 *   in Node a new one each time, so give one there
 * @property {string} [lastEventId] where an earlier client stopped
 * @property {string | TokenSource} [token] sent as `Authorization: Bearer`
 * @property {Record<string, string>} [headers] sent with every request
 * @property {boolean} [withCredentials] cookies to another origin too
 * @property {AbortSignal} [signal] closes the client
 * @property {boolean} [manualAck] only `message.ack()` acknowledges
 * @property {Share} [share] `tabs` of `mod-push-client/tabs`
 * @property {Transport} [transport] `pollFallback` or `poll` of
 *   `mod-push-client/poll`, `fallback` or `eventSource` of
 *   `mod-push-client/eventsource`; default: a stream by `fetch`
 * @property {number} [silence] ms without a byte that end a stream; 7,000
 * @property {number} [connectTimeout] ms for connection and head; 10,000
 * @property {number} [ackInterval] ms, at most, from finished to acknowledged,
 *   and from a listener's failure until its message is asked for again; 30,000
 * @property {number} [maxInFlight] messages without an acknowledgement, at most;
 *   the server's own limit (`Push-Window`) holds too; 1,024
 * @property {number} [maxEventBytes] largest line or event; 1 MiB, or what the
 *   server's largest message (`Push-Max-Message`) can take, where that is more.
 *   A larger one is read through, told as an `error` event with its id, and
 *   acknowledged
 * @property {boolean} [stopAtTooLarge] the client stops there instead
 * @property {typeof fetch} [fetch] instead of the platform's
 * @property {() => number} [random] 0 ≤ u < 1, instead of `Math.random`
 */

/**
 * @callback TokenSource called before every attempt, and every poll
 * @param {{refresh: boolean, signal: AbortSignal}} why `refresh`: the server
 *   refused the last one
 * @returns {string | Promise<string>}
 */

/** @typedef {import('./client.js').Hooks} Hooks */
/** @typedef {import('./client.js').Source} Source */
/** @typedef {(settings: Settings, hooks: Hooks) => Source} Share */

/**
 * @callback Transport one stream, with the cursor in its address
 * @param {Settings} settings
 * @param {URL} url
 * @param {{headers: Record<string, string>, signal: AbortSignal,
 *   handled: () => Promise<boolean>}} init `signal` ends it; its reason is a
 *   PushError. `handled` waits for all that came so far: was it well?
 * @returns {AsyncGenerator<import('./fetch.js').Bytes>}
 */

/**
 * @typedef {object} Made what the options are completed by
 * @property {URL} receive address of the stream, without a cursor
 * @property {(renew?: boolean) => void} [renew] takes another device id, where
 *   it is our own
 */

/**
 * @typedef {PushOptions & Made & Required<Pick<PushOptions, 'silence'
 *   | 'connectTimeout' | 'ackInterval' | 'maxInFlight' | 'random'
 *   | 'transport'>>} Settings
 */

/**
 * An id that a storage keeps; where nothing can be kept, a new one.
 *
 * @param {'localStorage' | 'sessionStorage'} [storage] one a browser, or one
 *   a tab (also over reloads)
 * @param {string} [key] two applications of one origin take two
 * @param {boolean} [renew] another one than before
 * @returns {string} about 50 random bits, fit for a device id
 */
export const deviceId = (storage = 'localStorage', key = 'mod-push', renew) => {
  let id = Math.random().toString(36).slice(2);
  try {
    const kept = globalThis[storage];
    kept[key] = id = (!renew && kept[key]) || id;
  } catch {
    /* missing, forbidden or full */
  }
  return id;
};

/** @typedef {[legal: (value: any) => unknown, range: string, initial?: any]} Rule */

/** @param {number} [initial] @returns {Rule} */
const count = (initial) => [
  (value) => (value | 0) === value && value > 0,
  '1 to 2147483647',
  initial,
];
/** @param {Function} [initial] @returns {Rule} */
const called = (initial) => [(value) => value?.call, 'a function', initial];

/**
 * What options must be, where they are given, and what they are elsewhere.
 *
 * @type {Record<string, Rule>}
 */
const RULES = {
  silence: count(7000),
  connectTimeout: count(10000),
  ackInterval: count(30000),
  maxInFlight: count(1024),
  maxEventBytes: count(),
  random: called(Math.random),
  fetch: called(),
  share: called(),
  transport: called(fetchStream),
  channels: [Array.isArray, 'an array of names'],
  device: [
    (value) => /^[A-Za-z0-9._~-]{1,128}$/.test(value),
    '1 to 128 of A-Za-z0-9._~-',
  ],
};

/**
 * @param {string | URL} url base of the subscribers' Location, or its `receive`
 * @param {PushOptions} options
 * @returns {Settings}
 * @throws {TypeError} with the name of an option, and what is legal
 */
export const configure = (url, options) => {
  /** @type {any} */
  const settings = { ...options };
  for (const name in RULES) {
    const [legal, range, initial] = RULES[name];
    if (settings[name] === undefined) {
      settings[name] = initial;
    } else if (!legal(settings[name])) {
      throw new TypeError(`${name}: ${range}`);
    }
  }
  /** @type {URL} */
  let receive;
  try {
    receive = new URL(url, globalThis.document?.baseURI);
  } catch {
    throw new TypeError('url: absolute, or relative to a page');
  }
  const query = receive.searchParams;
  receive.pathname = receive.pathname.replace(/(\/receive)?\/?$/, '/receive');
  const { channels, device, meta, share } = settings;
  const given = { ack: 'explicit', device, meta };
  for (const [name, value] of Object.entries(given)) {
    if (value) {
      query.set(name, value);
    }
  }
  channels?.forEach((/** @type {string} */ channel) =>
    query.append('channel', channel),
  );
  settings.receive = receive;
  if (!query.get('device')) {
    const key = 'mod-push ' + receive;
    settings.renew = (/** @type {boolean} */ renew) =>
      query.set(
        'device',
        deviceId(share ? 'localStorage' : 'sessionStorage', key, renew),
      );
    settings.renew();
  }
  return settings;
};

/**
 * @param {Settings} settings
 * @param {string} name of a resource of the Location
 * @param {string} cursor or nothing
 * @param {string} [session] that the cursor is of, where it is known
 */
export const beside = ({ receive }, name, cursor, session) =>
  new URL(
    name +
      receive.search +
      (cursor && '&id=' + encodeURIComponent(cursor)) +
      (session ? '&session=' + session : ''),
    receive,
  );
