import { dispatch, emit } from './listeners.js';
import { messageOf } from './message.js';

/** @typedef {import('./client.js').PushClient<any>} PushClient */
/** @typedef {import('./message.js').PushMessage} PushMessage */
/** @typedef {[message: PushMessage, settle: (ok: boolean) => void]} Waiting */

/**
 * What becomes of what a source tells: events of the client, and messages for
 * those who iterate.
 *
 * @param {PushClient} client
 * @param {import('./settings.js').Settings} settings
 * @param {AbortController} unwatch aborted when the client is closed
 */
export const inboxOf = (client, { manualAck, receive }, unwatch) => {
  /** Why it is closed. @type {Error | undefined} */
  let error;
  /** Somebody wants messages. */
  let wanted = false;
  /** For those who iterate, once there was one. @type {Waiting[] | undefined} */
  let queue;
  /** They wait for something to happen here. @type {((nothing?: any) => void)[]} */
  const waiting = [];
  const nudge = () => waiting.splice(0).forEach((look) => look());
  const nudged = () => new Promise((resolve) => waiting.push(resolve));

  /** @type {import('./client.js').Hooks & {read(): void, iterate(): AsyncGenerator<PushMessage>}} */
  const inbox = {
    read() {
      wanted = true;
      nudge();
    },

    event: (type, properties) => emit(client, type, properties),

    state(told) {
      const { state, cause, transport = client.transport } = told;
      Object.assign(client, { state, transport });
      if (state === 'closed') {
        error = cause;
        unwatch.abort();
        /* What nobody took stays with the server. */
        queue?.splice(0).forEach(([, settle]) => settle(false));
        nudge();
      }
      emit(client, 'state', told);
      if (state === 'open') {
        emit(client, state);
      }
      if (cause) {
        emit(client, 'error', { error: cause });
      }
    },

    message(event) {
      client.lastEventId = event.lastEventId;
      return new Promise((resolve) => {
        const ack = () => resolve(true);
        /** @type {PushMessage} */
        let message;
        try {
          message = messageOf(event, receive.origin, ack);
        } catch (why) {
          emit(client, 'error', { error: why });
          /* It must not block those behind it. */
          return ack();
        }
        const results = dispatch(client, message);
        if (queue) {
          results.push(new Promise((done) => queue?.push([message, done])));
        }
        nudge();
        if (!manualAck) {
          Promise.all(results).then((all) => resolve(!all.includes(false)));
        }
      });
    },

    async ready() {
      while (!wanted || queue?.length) {
        await nudged();
      }
    },

    async *iterate() {
      queue ??= [];
      inbox.read();
      for (;;) {
        const [message, settle] = /** @type {Waiting} */ (queue.shift() ?? []);
        if (message) {
          nudge();
          try {
            yield message;
            settle(true);
          } finally {
            settle(false);
          }
        } else if (client.state === 'closed') {
          if (error) {
            throw error;
          }
          return;
        } else {
          await nudged();
        }
      }
    },
  };
  return inbox;
};
