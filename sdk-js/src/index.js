/**
 * Receives every message of a mod_push server once, in the browser and in
 * Node. The way of a message: fetch.js (bytes), parser.js (event),
 * connection.js (when), ledger.js (once), inbox.js and listeners.js (to whom).
 *
 * @module mod-push-client
 */
export { PushClient } from './client.js';
export { PushError } from './error.js';

export { deviceId } from './settings.js';

/** @typedef {import('./message.js').PushMessage} PushMessage */
/** @typedef {import('./settings.js').PushOptions} PushOptions */
