import { PushError } from './error.js';

/** Names of our own events: a message of such a type comes as `message`. */
export const OWN = ['open', 'error', 'state', 'gap', 'bye'];

/**
 * One message: a `MessageEvent`, as `EventSource` dispatches, and
 *
 * @template [T=any]
 * @typedef {object} PushMessageDetails
 * @property {string} event the type that the publisher gave; `message` where
 *   it gave none
 * @property {number} seq place in the order in which the server sent to this
 *   device
 * @property {string} mid the message's id, the same however often it is
 *   delivered
 * @property {string} [contentType] the content type that the publisher gave;
 *   this and the next four where the option `meta` asks for them. (`type` is
 *   the event's, as everywhere in the DOM)
 * @property {string} [channel] that it was published to; none: to a user, a
 *   device or everyone
 * @property {'high' | 'normal' | 'low' | 'very-low'} [urgency]
 * @property {number} [time] when it was published, ms since 1970
 * @property {string} [trace] the publisher's `traceparent` (W3C Trace Context)
 * @property {() => void} ack I am done with this message: acknowledge it
 * @property {<Payload = T>() => Payload} json the payload, parsed
 */
/**
 * @template [T=any]
 * @typedef {MessageEvent<any> & PushMessageDetails<T>} PushMessage
 */

/**
 * @param {import('./parser.js').SseEvent} sent
 * @param {string} origin
 * @param {() => void} ack
 * @returns {PushMessage}
 * @throws {PushError} where nobody can take it
 */
export const messageOf = (sent, origin, ack) => {
  const { event, data, id, enc, large, type, lastEventId, ...rest } = sent;
  if (large) {
    throw new PushError('TOO_LARGE', { id });
  }
  return Object.assign(
    new MessageEvent(OWN.includes(event) ? 'message' : event, {
      ...sent,
      data: enc === 'base64' ? bytesOf(sent) : data,
      origin,
    }),
    {
      .../** @type {any} */ (rest),
      event,
      seq: parseInt(/** @type {string} */ (id)),
      contentType: type,
      ack,
      json: () => JSON.parse(data),
    },
  );
};

/** @param {import('./parser.js').SseEvent} sent in base64 */
const bytesOf = ({ data, id }) => {
  try {
    return Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  } catch (cause) {
    throw new PushError('ENCODING', { id, cause });
  }
};
