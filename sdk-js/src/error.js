/**
 * What is known of an error, beside its `message` and its `cause`.
 *
 * @typedef {object} PushErrorDetails
 * @property {string} [code] one of those of PushError
 * @property {number} [status] HTTP status, where there was an answer
 * @property {boolean} [final] the client has stopped for good
 * @property {string} [id] of the message, as it came
 * @property {number} [retryAfter] what `Retry-After` asked for, ms
 * @property {number} [spread] what `push.bye` asked for: the window of the
 *   next attempt, ms
 * @property {any} [problem] the `application/problem+json` of the answer; its
 *   `detail` is the message
 */

/**
 * The one error of this package. Where it has nothing to add, `message` is
 * the code.
 *
 * | code | meaning | the client goes on |
 * | --- | --- | --- |
 * | `PUSH_ERR_NETWORK` | no connection, or it broke | yes |
 * | `PUSH_ERR_TIMEOUT` | no answer within the connect time | yes |
 * | `PUSH_ERR_SILENCE` | connected, but no byte within the silence time | yes |
 * | `PUSH_ERR_END` | the server ended the stream | yes |
 * | `PUSH_ERR_BYE` | the server announced that it ends the stream | yes |
 * | `PUSH_ERR_WAKE` | was asleep, offline or suspended: connects afresh | yes |
 * | `PUSH_ERR_REDELIVER` | connects afresh so that a failed message returns | yes |
 * | `PUSH_ERR_STALE` | the server did not know our place in the stream | yes |
 * | `PUSH_ERR_TOO_LARGE` | a message larger than `maxEventBytes`: its `id`; skipped | yes, unless `stopAtTooLarge` |
 * | `PUSH_ERR_ENCODING` | a message whose base64 is none: its `id`; skipped | yes |
 * | `PUSH_ERR_STATUS` | an HTTP status that means trouble | 408, 425, 429, 5xx |
 * | `PUSH_ERR_AUTH` | 401 or 403 | 401 once, with a fresh token |
 * | `PUSH_ERR_TOKEN` | the `token` callback failed | yes |
 * | `PUSH_ERR_HANDLER` | a listener threw: see `cause` | yes |
 * | `PUSH_ERR_STOPPED` | 204: the server wants no more of this client | no |
 * | `PUSH_ERR_TYPE` | the answer is no event stream (a captive portal's?) | yes |
 * | `PUSH_ERR_REDIRECT` | the server redirects; never followed | no |
 * | `PUSH_ERR_SUPERSEDED` | another client took over this device | once, where an attempt broke just before |
 * | `PUSH_ERR_CLOSED` | the publisher was closed | no |
 */
export class PushError
  extends /** @type {new (message: string, more: any) => Error & PushErrorDetails} */ (
    Error
  )
{
  name = 'PushError';
  final = false;

  /**
   * @param {string} code one of the above, without `PUSH_ERR_`
   * @param {PushErrorDetails & {cause?: unknown, message?: string}} [more]
   */
  constructor(code, more = {}) {
    code = 'PUSH_ERR_' + code;
    super(more.problem?.detail ?? code, more);
    Object.assign(this, { code }, more);
  }
}
