import { clamped } from './backoff.js';
import { PushError } from './error.js';

/**
 * @typedef {object} SseEvent
 * @property {string} event type; `message` where the stream named none
 * @property {string} data lines joined by LF
 * @property {string} [id] what an `id` line of this very event said
 * @property {string} lastEventId its id, or that of the last event with one
 * @property {Record<string, string>} fields all others, comments under `""`
 */

const encoder = new TextEncoder();

/** @param {string} text @returns {number} bytes */
const size = (text) => encoder.encode(text).length;

/** @returns {SseEvent} */
const blank = () => ({
  event: '',
  data: '',
  lastEventId: '',
  fields: /** @type {any} */ ({ __proto__: null }),
});

/**
 * Bytes in, events out: the event stream format of the WHATWG HTML standard,
 * section 9.2.6, however the bytes are cut. Knows nothing of connections.
 *
 * @param {number} [limit] longest line, and most data of an event, in bytes;
 *   1 MiB
 */
export function sseParser(limit = 1 << 20) {
  const decoder = new TextDecoder();
  /** The line so far, and its size in bytes. */
  let line = '';
  let lineBytes = 0;
  let afterCr = false;
  /** The event so far, and the size of its data in bytes. */
  let event = blank();
  let dataBytes = 0;

  const parser = {
    /** As the standard keeps it: lives on over events without `id`. */
    lastEventId: '',
    /** Last valid `retry` in ms, clamped to 0.5 s … 10 min. @type {number | undefined} */
    retry: undefined,
    /** Set once the limit was passed; nothing more is parsed then. @type {PushError | undefined} */
    error: undefined,

    /**
     * @param {Uint8Array} bytes the next ones, cut anywhere
     * @returns {SseEvent[]} the events that they complete
     */
    feed(bytes) {
      /** @type {SseEvent[]} */
      const events = [];
      let text = decoder.decode(bytes, { stream: true });
      if (text) {
        /* A CR ends its line at once; a LF that comes next belongs to it. */
        if (afterCr && text[0] === '\n') {
          text = text.slice(1);
        }
        afterCr = text.endsWith('\r');
        text.split(/\r\n?|\n/).forEach((piece, i) => {
          if (i && !parser.error) {
            endLine(events);
          }
          line += piece;
          check((lineBytes += size(piece)));
        });
      }
      return events;
    },
  };

  /** @param {number} bytes */
  const check = (bytes) => {
    if (bytes > limit) {
      parser.error ??= new PushError('PUSH_ERR_TOO_LARGE');
      line = '';
    }
  };

  /** @param {SseEvent[]} events */
  const endLine = (events) => {
    if (line) {
      const [, name, value] = /([^:]*):? ?(.*)/s.exec(line) ?? [];
      field(name, value);
    } else {
      dispatch(events);
    }
    line = '';
    lineBytes = 0;
  };

  /**
   * @param {string} name
   * @param {string} value
   */
  const field = (name, value) => {
    if (name === 'data') {
      event.data += value + '\n';
      check((dataBytes += size(value)));
      dataBytes++;
    } else if (name === 'event' || (name === 'id' && !value.includes('\0'))) {
      event[name] = value;
    } else if (name === 'retry' && /^\d+$/.test(value)) {
      parser.retry = clamped(+value);
    } else {
      event.fields[name] = value;
    }
  };

  /** @param {SseEvent[]} events */
  const dispatch = (events) => {
    event.lastEventId = parser.lastEventId = event.id ?? parser.lastEventId;
    if (event.data) {
      event.event ||= 'message';
      event.data = event.data.slice(0, -1);
      events.push(event);
    }
    event = blank();
    dataBytes = 0;
  };

  return parser;
}
