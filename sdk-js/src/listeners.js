import { PushError } from './error.js';

/** What `addEventListener` was given, to what it gives on. */
const wrappers = new WeakMap();
/** An event's member: whether each of its listeners was content. */
const RESULTS = Symbol();

/**
 * @param {any} target
 * @param {any} event
 * @returns {Promise<boolean>[]} whether each listener was content
 */
export const dispatch = (target, event) => {
  event[RESULTS] = [];
  target.dispatchEvent(event);
  wrapped(target['on' + event.type])?.(event);
  return event[RESULTS];
};

/**
 * @param {any} target
 * @param {string} type
 * @param {object} [properties]
 */
export const emit = (target, type, properties) =>
  dispatch(target, Object.assign(new Event(type), properties));

/** @param {any} listener */
export const wrapped = (listener) => {
  let wrapper = wrappers.get(listener);
  if (listener && !wrapper) {
    wrapper = (/** @type {any} */ event) =>
      event[RESULTS]?.push(call(listener, event));
    wrappers.set(listener, wrapper);
  }
  return wrapper;
};

/**
 * A listener that throws must not disturb the stream, nor the process.
 *
 * @param {any} listener
 * @param {Event} event
 * @returns {Promise<boolean>} whether it did not
 */
const call = async (listener, event) => {
  try {
    await (listener.handleEvent
      ? listener.handleEvent(event)
      : listener.call(event.target, event));
    return true;
  } catch (cause) {
    globalThis.reportError?.(cause);
    if (event.type !== 'error') {
      emit(event.target, 'error', {
        error: new PushError('HANDLER', { cause }),
      });
    }
    return false;
  }
};
