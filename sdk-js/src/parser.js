import { PushError } from './error.js';

/**
 * @typedef {object} SseEvent
 * @property {string} event type; `message` where the stream named none
 * @property {string} data lines joined by LF
 * @property {string} [id] what an `id` line of this very event said
 * @property {string} [enc] `base64`: so is the data
 * @property {string} [ack] `now`: to be acknowledged at once
 * @property {string} [type] of the payload, as `meta` asks for it, and so
 *   `channel`, `urgency`, `time` and `trace`
 * @property {string} [channel]
 * @property {string} [urgency]
 * @property {number} [time]
 * @property {string} [trace]
 * @property {string} lastEventId its id, or that of the last event with one
 * @property {string} [mid] the part of `id` that names the message
 * @property {boolean} [large] above the limit: its data was dropped
 */

/**
 * @typedef {object} SseParser
 * @property {string} lastEventId as the standard keeps it: lives on over
 *   events without `id`
 * @property {number} [retry] last valid one, ms
 * @property {(bytes: Uint8Array) => Generator<SseEvent>} feed takes the next
 *   bytes, cut anywhere, and gives the events that they complete. To be taken to
 *   its end: what is not taken is not parsed. Throws a PushError with `stop`,
 *   above the limit: feed no more then
 */

const encoder = new TextEncoder();

/** @param {string} text @returns {number} bytes */
const size = (text) => encoder.encode(text).length;

/**
 * Bytes in, events out: the event stream format of the WHATWG HTML standard,
 * section 9.2.6, however the bytes are cut. Knows nothing of connections.
 *
 * An event above the limit is read through: it comes without its data, as
 * `large`, when it ends.
 *
 * @param {number} [limit] longest line, and most data of an event, in bytes
 * @param {boolean} [stop] throws at what is above the limit instead
 */
export const sseParser = (limit = Infinity, stop) => {
  const decoder = new TextDecoder();
  /** The line so far, and its size in bytes. */
  let line = '';
  let lineBytes = 0;
  let afterCr = false;
  /** The event so far, and the size of its data in bytes. */
  let event = /** @type {SseEvent} */ ({ data: '' });
  let dataBytes = 0;

  /** @type {SseParser} */
  const parser = {
    lastEventId: '',

    *feed(bytes) {
      /* A CR ends its line at once; a LF that comes next belongs to it. */
      const text = decoder
        .decode(bytes, { stream: true })
        .replace(afterCr ? /^\n/ : '', '');
      afterCr = text.endsWith('\r');
      for (const [i, piece] of text.split(/\r\n?|\n/).entries()) {
        if (i) {
          if (line) {
            field();
          } else if (!lineBytes) {
            event.lastEventId = parser.lastEventId =
              event.id ?? parser.lastEventId;
            if (event.data || event.large) {
              event.event ||= 'message';
              event.data = event.data.slice(0, -1);
              yield event;
            }
            event = /** @type {SseEvent} */ ({ data: '' });
            dataBytes = 0;
          }
          line = '';
          lineBytes = 0;
        }
        lineBytes += size(piece);
        line = over(lineBytes) ? '' : line + piece;
      }
    },
  };

  /**
   * @param {number} bytes of a line, or of the data
   * @returns whether they are too many: the event is `large` then
   */
  const over = (bytes) => {
    if (bytes > limit) {
      if (stop) {
        throw new PushError('TOO_LARGE', { id: event.id, final: true });
      }
      return (event.large = true);
    }
  };

  /** The line is a field of the event. */
  const field = () => {
    const [, name, value] = /** @type {string[]} */ (
      /([^:]*):? ?(.*)/s.exec(line)
    );
    if (name === 'data') {
      over((dataBytes += size(value)));
      dataBytes++;
      event.data = event.large ? '' : event.data + value + '\n';
    } else if (/^(retry: ?\d+|time: ?\d{1,15})$/.test(line)) {
      /** @type {any} */ (name === 'time' ? event : parser)[name] = +value;
    } else if (
      /^(event|enc|ack|type|channel|urgency|trace|id(?!.*\0))(:|$)/s.test(line)
    ) {
      event[/** @type {'event'} */ (name)] = value;
    }
  };

  return parser;
};
