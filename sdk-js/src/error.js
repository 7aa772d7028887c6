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
 * | `PUSH_ERR_TOO_LARGE` | an event larger than `maxEventBytes` | yes |
 * | `PUSH_ERR_STATUS` | an HTTP status that means trouble | 408, 425, 429, 5xx |
 * | `PUSH_ERR_AUTH` | 401 or 403 | 401 once, with a fresh token |
 * | `PUSH_ERR_TOKEN` | the `token` callback failed | yes |
 * | `PUSH_ERR_HANDLER` | a listener threw: see `cause` | yes |
 * | `PUSH_ERR_STOPPED` | 204: the server wants no more of this client | no |
 * | `PUSH_ERR_TYPE` | the answer is no event stream | no |
 * | `PUSH_ERR_REDIRECT` | the server redirects; never followed | no |
 * | `PUSH_ERR_SUPERSEDED` | another client took over this device | once, where an attempt broke just before |
 * | `PUSH_ERR_CLOSED` | the publisher was closed | no |
 */
export class PushError extends Error {
  name = 'PushError';
  /** HTTP status, where there was an answer. @type {number | undefined} */
  status;
  /** The client has stopped for good. */
  final = false;
  /** What `Retry-After` asked for, ms. */
  retryAfter = 0;
  /** What `push.bye` asked for: the window of the next attempt, ms. @type {number | undefined} */
  spread;
  /** The `application/problem+json` of the answer. @type {any} */
  problem;

  /**
   * @param {string} code one of the above
   * @param {{message?: string, cause?: unknown, status?: number,
   *   final?: boolean, retryAfter?: number, spread?: number, problem?: any}} [more]
   */
  constructor(code, more) {
    super(code, more);
    Object.assign(this, more);
    /** One of the codes above. */
    this.code = code;
  }
}
