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
 */
export class SseParser {
  /** As the standard keeps it: lives on over events without `id`. */
  lastEventId = '';
  /** Last valid `retry` in ms, clamped to 0.5 s … 10 min. @type {number | undefined} */
  retry;
  /** Set once the limit was passed; nothing more is parsed then. @type {PushError | undefined} */
  error;
  #decoder = new TextDecoder();
  #limit;
  /** The line so far, and its size in bytes. */
  #line = '';
  #lineBytes = 0;
  #afterCr = false;
  /** The event so far, and the size of its data in bytes. */
  #event = blank();
  #dataBytes = 0;

  /** @param {number} [limit] longest line, and most data of an event, in bytes; 1 MiB */
  constructor(limit = 1 << 20) {
    this.#limit = limit;
  }

  /**
   * @param {Uint8Array} bytes the next ones, cut anywhere
   * @returns {SseEvent[]} the events that they complete
   */
  feed(bytes) {
    /** @type {SseEvent[]} */
    const events = [];
    let text = this.#decoder.decode(bytes, { stream: true });
    if (text) {
      /* A CR ends its line at once; a LF that comes next belongs to it. */
      if (this.#afterCr && text[0] === '\n') {
        text = text.slice(1);
      }
      this.#afterCr = text.endsWith('\r');
      text.split(/\r\n?|\n/).forEach((piece, i) => {
        if (i) {
          this.#endLine(events);
        }
        this.#line += piece;
        this.#check((this.#lineBytes += size(piece)));
      });
    }
    return events;
  }

  /** @param {number} bytes */
  #check(bytes) {
    if (bytes > this.#limit) {
      this.error ??= new PushError('PUSH_ERR_TOO_LARGE');
      this.#line = '';
    }
  }

  /** @param {SseEvent[]} events */
  #endLine(events) {
    const line = this.#line;
    if (this.error) {
      return;
    }
    if (line) {
      const parts = /([^:]*):? ?(.*)/s.exec(line) ?? [];
      this.#field(parts[1], parts[2]);
    } else {
      this.#dispatch(events);
    }
    this.#line = '';
    this.#lineBytes = 0;
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  #field(name, value) {
    const event = this.#event;
    if (name === 'data') {
      event.data += value + '\n';
      this.#check((this.#dataBytes += size(value)));
      this.#dataBytes++;
    } else if (name === 'event' || (name === 'id' && !value.includes('\0'))) {
      event[name] = value;
    } else if (name === 'retry' && /^\d+$/.test(value)) {
      this.retry = clamped(+value);
    } else {
      event.fields[name] = value;
    }
  }

  /** @param {SseEvent[]} events */
  #dispatch(events) {
    const event = this.#event;
    event.lastEventId = this.lastEventId = event.id ?? this.lastEventId;
    if (event.data) {
      event.event ||= 'message';
      event.data = event.data.slice(0, -1);
      events.push(event);
    }
    this.#event = blank();
    this.#dataBytes = 0;
  }
}
