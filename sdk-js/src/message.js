/** Names of our own events: a message of such a type comes as `message`. */
export const OWN = ['open', 'error', 'state', 'gap', 'bye'];

/**
 * One message, in the shape of what `EventSource` dispatches.
 *
 * @extends {MessageEvent<any>}
 */
export class PushMessage extends MessageEvent {
  /**
   * @param {import('./parser.js').SseEvent} event
   * @param {string} origin
   * @param {() => void} ack
   */
  constructor({ event, data, id = '', lastEventId, fields }, origin, ack) {
    super(OWN.includes(event) ? 'message' : event, {
      data: fields.enc === 'base64' ? bytes(data) : data,
      lastEventId,
      origin,
    });
    const [seq, mid] = id.split('.');
    /** The type that the publisher gave; `message` where it gave none. */
    this.event = event;
    /** Place in the order in which the server sent to this device. */
    this.seq = +seq;
    /** The message's id, the same however often it is delivered. */
    this.mid = mid;
    /** I am done with this message: acknowledge it. */
    this.ack = ack;
  }

  /** The payload, parsed. @returns {any} */
  json() {
    return JSON.parse(this.data);
  }
}

/** @param {string} base64 */
function bytes(base64) {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}
