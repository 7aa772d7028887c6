/**
 * Receives every message of a mod_push server once, in the browser and in
 * Node. The way of a message: fetch.js (bytes), parser.js (event),
 * connection.js (when), progress.js and ledger.js (once), inbox.js and
 * listeners.js (to whom).
 *
 * @module mod-push-client
 */
export { PushClient } from './client.js';
export { PushError } from './error.js';

export { deviceId } from './settings.js';

/**
 * @template [T=any]
 * @typedef {import('./message.js').PushMessage<T>} PushMessage
 */
/** @typedef {import('./settings.js').PushOptions} PushOptions */
/** @typedef {import('./settings.js').TokenSource} TokenSource */
/** @typedef {import('./client.js').PushState} PushState */
/** @typedef {import('./client.js').PushStateEvent} PushStateEvent */
/** @typedef {import('./client.js').PushErrorEvent} PushErrorEvent */
/** @typedef {import('./client.js').PushGapEvent} PushGapEvent */
/** @typedef {import('./client.js').PushByeEvent} PushByeEvent */
/** @typedef {import('./client.js').PushEventMap} PushEventMap */
/** @typedef {import('./error.js').PushErrorDetails} PushErrorDetails */
