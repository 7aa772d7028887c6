import { connect } from './connection.js';
import { PushError } from './error.js';
import { watchLife } from './life.js';
import { OWN, PushMessage } from './message.js';
import { configure } from './settings.js';

/**
 * Where messages come from: a connection, or a tab that has one.
 *
 * @typedef {object} Source
 * @property {string} cursor id up to which everything is finished
 * @property {() => Promise<void>} flush acknowledges now
 * @property {() => Promise<void>} close
 * @property {(mistrust?: boolean) => void} wake one attempt within a second,
 *   where there is no stream; with `mistrust` (the network came back, or the
 *   machine woke up) also where there is one
 * @property {(cached?: boolean) => void} suspend no stream until `wake`;
 *   `cached`: the page goes into the back/forward cache
 */

/**
 * What a source tells.
 *
 * @typedef {object} Hooks
 * @property {(state: PushState, cause?: PushError, delay?: number) => void} state
 * @property {(event: SseEvent) => Promise<boolean>} message handled, or to be delivered again?
 * @property {(what: 'gap' | 'bye', properties: object) => void} tell
 * @property {() => Promise<unknown>} ready to be waited for before more is read
 * @property {Set<string>} types that somebody listens to
 * @property {(type: string) => void} [onType] somebody listens to another type
 */

/** @typedef {'connecting' | 'open' | 'waiting' | 'closed'} PushState */
/** @typedef {import('./parser.js').SseEvent} SseEvent */

/**
 * @typedef {object} PushStateEvent
 * @property {'state'} type
 * @property {PushState} state
 * @property {PushError} [cause] why the last attempt or stream ended
 * @property {number} [delay] ms until the next attempt
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
 * @typedef {K extends keyof PushEventMap ? PushEventMap[K] : PushMessage} EventOf
 */
/**
 * @template {string} K
 * @typedef {{handleEvent(event: EventOf<K>): unknown}} ListenerObject
 */
/**
 * @template {string} K
 * @typedef {ListenerObject<K> | ListenerObject<K>['handleEvent']} Listener
 */
/** @typedef {[message: PushMessage, settle: (ok: boolean) => void]} Waiting */

/** An event's member: whether each of its listeners was content. */
const RESULTS = Symbol();

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
 *   the last one unfinished, unless `message.ack()` was called. While too many
 *   wait, the stream is not read. Two loops share the messages.
 * - Nothing is read until somebody listens to messages or iterates.
 *
 * Events: `message` and the types that publishers give ({@link PushMessage}),
 * `open`, `state`, `error`, `gap`, `bye`.
 */
export class PushClient extends EventTarget {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSED = 2;
  CONNECTING = /** @type {const} */ (0);
  OPEN = /** @type {const} */ (1);
  CLOSED = /** @type {const} */ (2);

  /** @type {((event: Event) => unknown) | null} */
  onopen = null;
  /** @type {((event: PushErrorEvent) => unknown) | null} */
  onerror = null;
  /** @type {((event: PushStateEvent) => unknown) | null} */
  onstate = null;
  /** @type {((event: PushGapEvent) => unknown) | null} */
  ongap = null;
  /** @type {((event: PushByeEvent) => unknown) | null} */
  onbye = null;

  #settings;
  /** @type {Source} */
  #source;
  /** @type {PushState} */
  #state = 'connecting';
  #lastEventId;
  /** Why it is closed. @type {PushError | undefined} */
  #error;
  /** @type {((event: PushMessage) => unknown) | null} */
  #onmessage = null;
  /** What `addEventListener` was given, to what it gave on. */
  #wrappers = new WeakMap();
  /** Somebody wants messages. */
  #wanted = false;
  /** Messages for `for await`, once there was one. @type {Waiting[] | undefined} */
  #queue;
  /** Those who wait for something to happen here. @type {((nothing?: any) => void)[]} */
  #waiting = [];
  #unwatch = new AbortController();

  /** What the source tells. @type {Hooks} */
  #hooks = {
    types: new Set(['message']),
    tell: (type, properties) => this.#emit(type, properties),
    state: (state, cause, delay) => {
      this.#state = state;
      if (state === 'closed') {
        this.#error = cause;
        this.#unwatch.abort();
        /* What nobody took stays with the server. */
        this.#queue?.splice(0).forEach(([, settle]) => settle(false));
        this.#nudge();
      }
      this.#emit('state', { state, cause, delay });
      if (state === 'open') {
        this.#emit(state);
      }
      if (cause) {
        this.#emit('error', { error: cause });
      }
    },
    message: (event) => {
      let settle = (/** @type {boolean} */ ok) => {};
      const { receive, manualAck } = this.#settings;
      const ack = () => settle(true);
      const message = new PushMessage(event, receive.origin, ack);
      this.#lastEventId = event.lastEventId;
      return new Promise((resolve) => {
        settle = resolve;
        const results = this.#emit(message);
        if (this.#queue) {
          results.push(
            new Promise((done) => this.#queue?.push([message, done])),
          );
          this.#nudge();
        }
        if (!manualAck) {
          Promise.all(results).then((all) => resolve(!all.includes(false)));
        }
      });
    },
    ready: async () => {
      const { highWater = 16 } = this.#settings;
      while (!this.#wanted || Number(this.#queue?.length) >= highWater) {
        await this.#nudged();
      }
    },
  };

  /**
   * @param {string | URL} url of the Location, with or without `/receive`
   * @param {import('./settings.js').PushOptions} [options]
   */
  constructor(url, options = {}) {
    super();
    const settings = (this.#settings = configure(url, options));
    const { signal, share = connect } = settings;
    this.#lastEventId = settings.lastEventId ?? '';
    this.#source = share(settings, this.#hooks, connect);
    watchLife(this.#source, this.#unwatch.signal);
    const close = () => this.close();
    signal?.addEventListener('abort', close, { signal: this.#unwatch.signal });
    if (signal?.aborted) {
      close();
    }
  }

  /** Address of the stream. */
  get url() {
    return this.#settings.receive.href;
  }

  get withCredentials() {
    return !!this.#settings.withCredentials;
  }

  /** 0 connecting or waiting, 1 open, 2 closed. */
  get readyState() {
    return { open: 1, closed: 2 }[/** @type {'open'} */ (this.#state)] ?? 0;
  }

  /** @returns {PushState} */
  get state() {
    return this.#state;
  }

  /** Id of the last message handed over. */
  get lastEventId() {
    return this.#lastEventId;
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
    this.#want();
  }

  /**
   * @template {string} K
   * @param {K} type
   * @param {Listener<K> | null} listener
   * @param {boolean | AddEventListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, this.#wrapped(listener), options);
    if (!OWN.includes(type)) {
      this.#hooks.types.add(type);
      this.#hooks.onType?.(type);
      this.#want();
    }
  }

  /**
   * @template {string} K
   * @param {K} type
   * @param {Listener<K> | null} listener
   * @param {boolean | EventListenerOptions} [options]
   */
  removeEventListener(type, listener, options) {
    super.removeEventListener(type, this.#wrapped(listener), options);
  }

  /** Acknowledges now what is finished, instead of with the next batch. */
  async flush() {
    /* What has settled by now is to be counted first. */
    await new Promise((resolve) => setTimeout(resolve));
    await this.#source.flush();
  }

  /**
   * Ends the stream. Resolves once running listeners are finished (5 s at
   * most) and acknowledged.
   */
  async close() {
    this.#unwatch.abort();
    await this.#source.close();
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }

  async *[Symbol.asyncIterator]() {
    const queue = (this.#queue ??= []);
    this.#want();
    for (;;) {
      for (let next; (next = queue.shift());) {
        const [message, settle] = next;
        let finished = false;
        this.#nudge();
        try {
          yield message;
          finished = true;
        } finally {
          settle(finished);
        }
      }
      if (this.#state === 'closed') {
        if (this.#error) {
          throw this.#error;
        }
        return;
      }
      await this.#nudged();
    }
  }

  #want() {
    this.#wanted = true;
    this.#nudge();
  }

  /** Something happened: let those who wait for it look. */
  #nudge() {
    this.#waiting.splice(0).forEach((look) => look());
  }

  #nudged() {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /* ---- listeners ---- */

  /**
   * @param {string | Event} event
   * @param {object} [properties]
   * @returns {Promise<boolean>[]} whether each listener was content
   */
  #emit(event, properties) {
    /** @type {any} */
    const told = typeof event === 'string' ? new Event(event) : event;
    const on = /** @type {any} */ (this)['on' + told.type];
    told[RESULTS] = [];
    this.dispatchEvent(Object.assign(told, properties));
    if (on) {
      told[RESULTS].push(this.#call(on, told));
    }
    return told[RESULTS];
  }

  /** @param {any} listener */
  #wrapped(listener) {
    let wrapper = this.#wrappers.get(listener);
    if (listener && !wrapper) {
      wrapper = (/** @type {any} */ event) =>
        event[RESULTS]?.push(this.#call(listener, event));
      this.#wrappers.set(listener, wrapper);
    }
    return wrapper;
  }

  /**
   * A listener that throws must not disturb the stream, nor the process.
   *
   * @param {any} listener
   * @param {Event} event
   * @returns {Promise<boolean>} whether it did not
   */
  async #call(listener, event) {
    try {
      await (listener.handleEvent
        ? listener.handleEvent(event)
        : listener.call(this, event));
      return true;
    } catch (cause) {
      globalThis.reportError?.(cause);
      if (event.type !== 'error') {
        const error = new PushError('PUSH_ERR_HANDLER', { cause });
        this.#emit('error', { error });
      }
      return false;
    }
  }
}
