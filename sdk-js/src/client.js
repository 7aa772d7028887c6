/// <reference lib="esnext.disposable" preserve="true" />
import { connect } from './connection.js';
import { watchLife } from './life.js';
import { inboxOf } from './inbox.js';
import { wrapped } from './listeners.js';
import { OWN } from './message.js';
import { configure } from './settings.js';

/**
 * Where messages come from: a connection, or a tab that has one.
 *
 * @typedef {object} Source
 * @property {string} cursor id up to which everything is finished
 * @property {() => Promise<void>} flush acknowledges now
 * @property {() => Promise<void>} close
 * @property {(mistrust?: boolean, tell?: boolean) => void} resume one attempt
 *   within a second, where there is no stream; with `mistrust` (the network came
 *   back, or the machine woke up) also where there is one; with `tell` also where
 *   another tab has it
 * @property {(cached?: boolean) => void} freeze no stream until `resume`: the
 *   page is left (`cached`: it may come back), or frozen (neither)
 */

/**
 * What a source tells.
 *
 * @typedef {object} Hooks
 * @property {(told: Told) => void} state
 * @property {(event: SseEvent) => Promise<boolean>} message handled, or to be delivered again?
 * @property {(what: string, properties: object) => void} event
 * @property {() => Promise<unknown>} ready to be waited for before more is read
 */

/** @typedef {Omit<PushStateEvent, 'type'>} Told what a `state` event tells */
/** @typedef {import('./error.js').PushError} PushError */
/** @typedef {'connecting' | 'open' | 'waiting' | 'closed'} PushState */
/** @typedef {import('./parser.js').SseEvent} SseEvent */

/**
 * @typedef {object} PushStateEvent
 * @property {'state'} type
 * @property {PushState} state
 * @property {PushError} [cause] why the last attempt or stream ended
 * @property {number} [delay] ms until the next attempt
 * @property {string} [transport] with `open`, how: `stream`, `poll` or
 *   `eventsource`
 */
/**
 * @typedef {object} PushErrorEvent
 * @property {'error'} type
 * @property {PushError} error
 */
/**
 * @typedef {object} PushGapEvent messages were dropped
 * @property {'gap'} type
 * @property {number} [dropped] how many
 * @property {string} reason by the server: `memory`, `mailbox`, `state-lost`;
 *   `suspended`: other tabs handled them while this one was in the
 *   back/forward cache
 * @property {string} [urgency] theirs
 */
/**
 * @typedef {object} PushByeEvent the server is about to end the stream
 * @property {'bye'} type
 * @property {string} reason `restart`, `superseded`, `expired-token`,
 *   `disconnected`, `shutdown`
 */
/**
 * @typedef {{open: Event, state: PushStateEvent, error: PushErrorEvent,
 *   gap: PushGapEvent, bye: PushByeEvent, message: PushMessage}} PushEventMap
 */
/**
 * @template {string} K
 * @template {object} [Events={}]
 * @typedef {K extends keyof Omit<PushEventMap, 'message'> ? PushEventMap[K]
 *   : K extends keyof Events ? PushMessage<Events[K]> : PushMessage} EventOf
 */
/**
 * @template {string} K
 * @template {object} [Events={}]
 * @typedef {{handleEvent(event: EventOf<K, Events>): unknown}} ListenerObject
 */
/**
 * @template {string} K
 * @template {object} [Events={}]
 * @typedef {ListenerObject<K, Events>
 *   | ListenerObject<K, Events>['handleEvent']} Listener
 */
/**
 * @template {object} Events
 * @typedef {[keyof Events] extends [never] ? any : Events[keyof Events]} PayloadOf
 */
/**
 * @template [T=any]
 * @typedef {import('./message.js').PushMessage<T>} PushMessage
 */
/**
 * @typedef {object} Handlers
 * @property {((event: Event) => unknown) | null} [onopen]
 * @property {((event: PushErrorEvent) => unknown) | null} [onerror]
 * @property {((event: PushStateEvent) => unknown) | null} [onstate]
 * @property {((event: PushGapEvent) => unknown) | null} [ongap]
 * @property {((event: PushByeEvent) => unknown) | null} [onbye]
 */

/**
 * A stream of messages that loses none: it resumes where it stopped, drops
 * what is sent again, and acknowledges what its listeners have finished.
 *
 * It has the shape of `EventSource`, so existing code moves over by changing
 * the line that makes one. Beyond it:
 *
 * - A listener that returns a promise holds the acknowledgement of its message
 *   until the promise settles. One that throws or rejects disturbs nothing: it
 *   is reported as an `error` event, and its message is delivered again.
 * - `for await (const message of client)` takes messages one by one. A message
 *   is finished when the next is asked for; leaving the loop by `break` leaves
 *   the last one unfinished, unless `message.ack()` was called. While one
 *   waits, no more is read. Two loops share the messages.
 * - Nothing is read until somebody listens to messages or iterates.
 *
 * Events: `message` and the types that publishers give ({@link PushMessage}),
 * `open`, `state`, `error`, `gap`, `bye`.
 *
 * In TypeScript `PushClient<{'trip.accepted': Trip}>` says what the payloads
 * are: `json()` of such a message returns a `Trip`.
 *
 * @template {object} [Events={}]
 */
export class PushClient
  extends /** @type {new () => EventTarget & Handlers} */ (EventTarget)
{
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSED = 2;
  CONNECTING = /** @type {const} */ (0);
  OPEN = /** @type {const} */ (1);
  CLOSED = /** @type {const} */ (2);

  /** `connecting`, `open`, `waiting` or `closed`. @type {PushState} */
  state = 'connecting';
  /** How it was open last: `stream`, `poll`, `eventsource`, or nothing yet. */
  transport = '';
  /** Id of the last message handed over. */
  lastEventId = '';

  /** @type {Source} */
  #source;
  #inbox;
  /** @type {((event: EventOf<'message', Events>) => unknown) | null} */
  #onmessage = null;

  /**
   * @param {string | URL} url of the Location, with or without `/receive`. Its
   *   query is kept: `urgency`, the lowest wanted, and what is to be known of
   *   the device (`app`, `app_version`, `os`, `os_version`, `locale`)
   * @param {import('./settings.js').PushOptions} [options]
   */
  constructor(url, options = {}) {
    super();
    const settings = configure(url, options);
    const { signal, share = connect, receive } = settings;
    const unwatch = new AbortController();
    /** Address of the stream, with the device id that it began with. */
    this.url = receive.href;
    /** Whether cookies go to another origin too. */
    this.withCredentials = !!settings.withCredentials;
    this.#inbox = inboxOf(this, settings, unwatch);
    this.#source = share(settings, this.#inbox);
    watchLife(this.#source, unwatch.signal);
    signal?.addEventListener('abort', () => this.close(), unwatch);
    if (signal?.aborted) {
      this.close();
    }
  }

  /** 0 connecting or waiting, 1 open, 2 closed. */
  get readyState() {
    return ['open', 'closed'].indexOf(this.state) + 1;
  }

  /** Id up to which every message is finished: give it to a later client. */
  get cursor() {
    return this.#source.cursor;
  }

  get onmessage() {
    return this.#onmessage;
  }

  set onmessage(listener) {
    this.#onmessage = listener;
    this.#inbox.read();
  }

  /**
   * @template {(keyof Events & string) | keyof PushEventMap | (string & {})} K
   * @param {K} type
   * @param {Listener<K, Events> | null} listener
   * @param {boolean | AddEventListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, wrapped(listener), options);
    if (!OWN.includes(type)) {
      this.#inbox.read();
    }
  }

  /**
   * @template {(keyof Events & string) | keyof PushEventMap | (string & {})} K
   * @param {K} type
   * @param {Listener<K, Events> | null} listener
   * @param {boolean | EventListenerOptions} [options]
   */
  removeEventListener(type, listener, options) {
    super.removeEventListener(type, wrapped(listener), options);
  }

  /** Acknowledges now what is finished, instead of with the next batch. */
  async flush() {
    /* What has settled by now is to be counted first. */
    await new Promise((resolve) => setTimeout(resolve));
    return this.#source.flush();
  }

  /**
   * Ends the stream, if there is one, and makes a new one within a second,
   * instead of at the end of the wait. A client that was closed stays so.
   */
  reconnect() {
    this.#source.resume(true, true);
  }

  /**
   * Ends the stream. Resolves once running listeners are finished (5 s at
   * most) and acknowledged.
   */
  close() {
    return this.#source.close();
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }

  /** @returns {AsyncGenerator<PushMessage<PayloadOf<Events>>>} */
  [Symbol.asyncIterator]() {
    return this.#inbox.iterate();
  }
}
