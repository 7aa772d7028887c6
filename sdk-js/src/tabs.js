import { connect } from './connection.js';
import { PushError } from './error.js';

/** The leader shows itself this often, ms. */
const BEAT = 400;
/** A leader that did not show itself for this long is asked to, ms. */
const DOUBT = 600;
/** One that does not answer within this, and up to twice this, is frozen, ms. */
const PATIENCE = 300;
/** A follower that does not answer for this long is not waited for, ms. */
const ABSENT = 3000;
/** Messages that a tab remembers to have handled. */
const REMEMBERED = 4096;

/**
 * One stream for all tabs of an origin: give it as the option `share`.
 *
 * The tab that holds a Web Lock has the connection, and tells the others by a
 * BroadcastChannel. Every tab hands every message to its own listeners, once;
 * it is acknowledged when all tabs are done with it. When the leader closes or
 * crashes, its lock goes to another tab at once; a leader that is frozen is
 * noticed by its silence, and its lock is taken away.
 *
 * Where the browser has no Web Locks, or refuses what tabs share (all cookies
 * are blocked, or the page is in a sandbox), each tab has its own stream.
 *
 * @type {import('./settings.js').Share}
 */
export const tabs = (settings, hooks) => {
  try {
    return (globalThis.navigator?.locks ? join : connect)(settings, hooks);
  } catch {
    /* No channel is to be had. */
    return connect(settings, hooks);
  }
};

/**
 * What tabs tell each other: who says what, since when it leads (0: it does
 * not), and more about it.
 *
 * @typedef {[from: string, say: 'beat' | 'ask' | 'hello' | 'here' | 'message'
 *   | 'done' | 'flush' | 'reconnect' | 'tell', since: number, more?: any]} Notice
 *
 * @typedef {object} Follower
 * @property {number} seen when it last showed itself
 * @property {Map<string, (ok: boolean) => void>} owes answers, by message id
 *
 * @typedef {import('./client.js').Source} Source
 * @typedef {import('./client.js').Hooks} Hooks
 * @typedef {import('./parser.js').SseEvent} SseEvent
 */

/**
 * One tab among those that share a stream. As `connect`, a function whose
 * variables are its state.
 *
 * @param {import('./settings.js').Settings} settings
 * @param {Hooks} hooks
 * @returns {Source}
 */
function join(settings, hooks) {
  const name = 'mod-push ' + settings.receive;
  let id = '';
  /** @type {BroadcastChannel | undefined} */
  let channel;
  /** Aborted when we leave the others. */
  let stay = new AbortController();
  /** Of the request for the leader's lock; aborted to take it by force. */
  let queue = new AbortController();
  /** Aborted when we lead no more. */
  let reign = new AbortController();
  /** Where we lead. @type {Source | undefined} */
  let source;
  /** Wall time at which we took the lead; 0: we do not have it. */
  let since = 0;
  /** Where we lead. @type {Map<string, Follower>} */
  const followers = new Map();
  /** Handled, or under way, by message id. @type {Map<string, Promise<boolean>>} */
  const handled = new Map();
  /** Id of the last message that came. */
  let last = '';
  /** Just back from the back/forward cache. */
  let back = false;
  /** When the leader last showed itself, and when it was asked to. */
  let sign = 0;
  let asked = 0;
  /** When we last showed ourselves as leader. */
  let beaten = 0;
  /** @type {{told: any, cursor: string}} */
  let status = {
    told: { state: 'connecting' },
    cursor: settings.lastEventId ?? '',
  };

  /* ---- coming and going ---- */

  const enter = () => {
    id = Math.random().toString(36).slice(2);
    stay = new AbortController();
    channel ??= new BroadcastChannel(name);
    channel.onmessage = ({ data }) => heard(data);
    sign = performance.now();
    hold(presence(id), {}, () => {
      say('hello');
      campaign();
    }).catch(refused);
    const timer = setInterval(tick, BEAT / 2);
    stay.signal.onabort = () => {
      clearInterval(timer);
      queue.abort();
    };
  };

  /** Leaves the others to themselves, and the lead to one of them. */
  const leave = () => {
    stay.abort();
    return abdicate();
  };

  /** Hears of nothing any more. */
  const hangUp = () => {
    channel?.close();
    channel = undefined;
  };

  const abdicate = () => {
    const led = source;
    source = undefined;
    since = 0;
    sign = performance.now();
    reign.abort();
    return led;
  };

  /** Name of the lock that a tab holds as long as it is there. @param {string} tab */
  const presence = (tab) => name + ' ' + tab;

  /**
   * Holds a lock until we leave.
   *
   * @param {string} lock
   * @param {LockOptions} options
   * @param {() => void} then
   */
  const hold = (lock, options, then) => {
    const { signal } = stay;
    return navigator.locks.request(lock, options, async () => {
      if (!signal.aborted) {
        then();
        await new Promise((left) => signal.addEventListener('abort', left));
      }
    });
  };

  /** Waits for the lead. @param {boolean} [steal] takes it from a frozen tab */
  const campaign = (steal) => {
    const { signal } = stay;
    const own = (queue = new AbortController());
    hold(name, steal ? { steal } : { signal: own.signal }, lead).catch(
      (why) => {
        if (why.name === 'AbortError' && own === queue && !signal.aborted) {
          /* We were frozen and are no more: the lead is another tab's. */
          abdicate()?.close();
          campaign();
        }
      },
    );
  };

  /** No lock is to be had: we are on our own. @param {Error} why */
  const refused = ({ name: why }) => {
    if (why === 'SecurityError' && !stay.signal.aborted) {
      lead();
    }
  };

  const tick = () => {
    const now = performance.now();
    if (source) {
      if (now - beaten >= BEAT) {
        for (const { seen, owes } of followers.values()) {
          /* It is frozen: not waited for. */
          if (seen < beaten && now - seen > ABSENT) {
            owes.forEach((settle) => settle(true));
          }
        }
        beat();
      }
    } else if (asked) {
      if (now - asked > PATIENCE * (1 + Math.random())) {
        sign = now;
        asked = 0;
        queue.abort();
        campaign(true);
      }
    } else if (now - sign > DOUBT) {
      asked = now;
      say('ask');
    }
  };

  /* ---- leading ---- */

  const lead = async () => {
    const { signal } = (reign = new AbortController());
    since = Date.now();
    followers.clear();
    for (const [lock] of await locks()) {
      if (lock.startsWith(presence(''))) {
        admit(lock.slice(presence('').length));
      }
    }
    if (signal.aborted) {
      return;
    }
    const own = { ...settings, lastEventId: status.cursor, renew: undefined };
    const led = (source = connect(own, {
      ...hooks,
      state: (told) => {
        if (led === source) {
          changed(told);
        }
      },
      message: spread,
      event: (type, properties) => {
        say('tell', [type, properties]);
        hooks.event(type, properties);
      },
      ready: async () => followers.size || hooks.ready(),
    }));
    beat();
  };

  /** @returns {Promise<Map<string, string>>} who holds which lock */
  const locks = async () => {
    const { held } = await navigator.locks.query().catch(() => ({ held: [] }));
    return new Map(held?.map((lock) => [lock.name ?? '', lock.clientId ?? '']));
  };

  /** @param {string} tab */
  const admit = (tab) => {
    if (tab === id || followers.has(tab)) {
      return;
    }
    const follower = { seen: performance.now(), owes: new Map() };
    followers.set(tab, follower);
    const settle = (/** @type {boolean} */ ok) =>
      follower.owes.forEach((answer) => answer(ok));
    /* Its lock comes to us when it is gone: then we do not wait for it. */
    const { signal } = reign;
    navigator.locks
      .request(presence(tab), { mode: 'shared', signal }, () => {
        followers.delete(tab);
        settle(true);
      })
      .catch(() => settle(false)); /* we lead no more: let it come again */
  };

  const beat = () => {
    beaten = performance.now();
    status.cursor = source?.cursor ?? status.cursor;
    say('beat', { ...status, last });
  };

  /** @type {Hooks['state']} */
  const changed = async (told) => {
    const { state, cause } = told;
    if (cause?.code === 'PUSH_ERR_SUPERSEDED') {
      /* A lead that was taken is known to the browser before it is to us. */
      const held = await locks();
      if (held.get(name) !== held.get(presence(id))) {
        return; /* by one of us */
      }
    }
    /* An error itself cannot be told. */
    const said = cause && { ...cause, message: cause.message };
    status = { ...status, told: { ...told, cause: said } };
    beat();
    if (state === 'closed') {
      leave();
    }
    hooks.state(told);
  };

  /** Hands a message to all tabs. @param {SseEvent} event */
  const spread = (event) => {
    const { id: key = '' } = event;
    say('message', { event, last });
    const answers = [handle(event)];
    for (const { owes } of followers.values()) {
      answers.push(
        new Promise((settle) => {
          owes.set(key, (ok) => {
            owes.delete(key);
            settle(ok);
          });
        }),
      );
    }
    return Promise.all(answers).then((all) => !all.includes(false));
  };

  /* ---- all tabs ---- */

  /** @param {SseEvent} event @returns {Promise<boolean>} */
  const handle = (event) => {
    const { mid = '' } = event;
    last = mid || last;
    const result = handled.get(mid) ?? hooks.message(event);
    if (mid && !handled.has(mid)) {
      handled.set(mid, result);
      result.then((ok) => ok || handled.delete(mid));
      if (handled.size > REMEMBERED) {
        const [oldest] = handled.keys();
        handled.delete(oldest);
      }
    }
    return result;
  };

  /** @param {Notice[1]} what @param {any} [more] */
  const say = (what, more) => {
    if (!stay.signal.aborted) {
      channel?.postMessage([id, what, since, more]);
    }
  };

  /** @param {Notice} notice */
  const heard = ([from, what, taken, more]) => {
    if (source && taken > since) {
      /* We were frozen, and the lead was taken: hear what the other says. */
      abdicate()?.close();
    }
    if (source) {
      const follower = followers.get(from);
      if (follower) {
        follower.seen = performance.now();
      }
      if (what === 'hello') {
        admit(from);
      } else if (what === 'done') {
        follower?.owes.get(more.id)?.(more.ok);
      } else if (what === 'flush') {
        source.flush();
      } else if (what === 'reconnect') {
        source.resume(true);
      }
      if (what === 'hello' || what === 'ask') {
        beat();
      }
    } else if (what === 'beat') {
      follow(more);
      say('here');
    } else if (what === 'message') {
      const { event } = more;
      follow({ ...status, last: more.last });
      handle(event).then((ok) => say('done', { id: event.id, ok }));
    } else if (what === 'tell') {
      hooks.event(more[0], more[1]);
    }
  };

  /** The leader showed itself. @param {any} its status */
  const follow = (its) => {
    const { state } = status.told;
    sign = performance.now();
    asked = 0;
    if (back && its.last) {
      back = false;
      if (its.last !== last) {
        hooks.event('gap', { reason: 'suspended' });
      }
    }
    status = its;
    const { told } = its;
    if (state !== told.state) {
      const { cause } = told;
      if (told.state === 'closed') {
        leave();
      }
      hooks.state({ ...told, cause: cause && new PushError('', cause) });
    }
  };

  enter();

  return {
    get cursor() {
      return source?.cursor ?? status.cursor;
    },

    async flush() {
      say('flush');
      await source?.flush();
    },

    async close() {
      if (status.told.state !== 'closed') {
        const led = leave();
        hangUp();
        status.told = { state: 'closed' };
        hooks.state({ state: 'closed' });
        await led?.close();
      }
    },

    resume(mistrust, tell) {
      if (stay.signal.aborted && status.told.state !== 'closed') {
        back = !channel;
        enter();
      }
      source?.resume(mistrust);
      if (tell) {
        say('reconnect');
      }
    },

    /* A frozen page hears what it missed when it goes on. In the back/forward
     * cache it cannot: an open channel would keep it out. */
    freeze(cached) {
      leave()?.freeze(cached);
      if (cached !== undefined) {
        hangUp();
      }
    },
  };
}
