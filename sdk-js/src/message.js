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
 */
export const messageOf = (sent, origin, ack) =>
  Object.assign(
    new MessageEvent(OWN.includes(sent.event) ? 'message' : sent.event, {
      ...sent,
      data:
        sent.enc === 'base64'
          ? Uint8Array.from(atob(sent.data), (/** @type {any} */ c) =>
              c.charCodeAt(),
            )
          : sent.data,
      origin,
    }),
    {
      event: sent.event,
      seq: parseInt(/** @type {string} */ (sent.id)),
      mid: /** @type {string} */ (sent.mid),
      ack,
      json: () => JSON.parse(sent.data),
    },
  );
