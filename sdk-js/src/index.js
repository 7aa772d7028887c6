/**
 * Receives every message of a mod_push server once, in the browser and in
 * Node. The way of a message: fetch.js (bytes), parser.js (event),
 * connection.js (order, repeats, acknowledgement), client.js (listeners).
 *
 * @module mod-push-client
 */
export { PushClient } from './client.js';
export { PushError } from './error.js';
export { PushMessage } from './message.js';

export { deviceId } from './settings.js';

/** @typedef {import('./settings.js').PushOptions} PushOptions */
