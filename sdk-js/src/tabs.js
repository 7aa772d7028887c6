import { connect } from './connection.js';
import { electionOf } from './election.js';
import { PushError } from './error.js';
import { Followers } from './followers.js';
import { held, hold } from './locks.js';
import { once } from './once.js';

/** The leader shows itself this often, ms. */
const BEAT = 400;

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
  /** @type {ReturnType<typeof electionOf>} */
  let election;
  /** Aborted when we lead no more. */
  let reign = new AbortController();
  /** Where we lead. @type {Source | undefined} */
  let source;
  /** Wall time at which we took the lead; 0: we do not have it. */
  let since = 0;
  /** Where we lead. */
  let followers = new Followers();
  /** Id of the last message that came. */
  let last = '';
  /** Just back from the back/forward cache. */
  let back = false;
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
    election = electionOf(name, stay.signal, {
      lead,
      lost: () => abdicate()?.close(),
      doubt: () => say('ask'),
    });
    hold(presence(id), {}, stay.signal, () => {
      say('hello');
      election.campaign();
    }).catch(refused);
    const timer = setInterval(tick, BEAT / 2);
    stay.signal.onabort = () => clearInterval(timer);
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
    election.seen();
    reign.abort();
    return led;
  };

  /** Name of the lock that a tab holds as long as it is there. @param {string} tab */
  const presence = (tab) => name + ' ' + tab;

  /** No lock is to be had: we are on our own. @param {Error} why */
  const refused = ({ name: why }) => {
    if (why === 'SecurityError' && !stay.signal.aborted) {
      lead();
    }
  };

  const tick = () => {
    if (!source) {
      election.doubt();
    } else if (performance.now() - beaten >= BEAT) {
      followers.excuse(beaten);
      beat();
    }
  };

  /* ---- leading ---- */

  const lead = async () => {
    const { signal } = (reign = new AbortController());
    since = Date.now();
    followers = new Followers();
    for (const [lock] of await held()) {
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

  /** @param {string} tab */
  const admit = (tab) => {
    if (tab !== id) {
      followers.admit(tab, presence(tab), reign.signal);
    }
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
      const owner = await held();
      if (owner.get(name) !== owner.get(presence(id))) {
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
    const answers = [handle(event), ...followers.answers(key)];
    return Promise.all(answers).then((all) => !all.includes(false));
  };

  /* ---- all tabs ---- */

  const deliver = once(hooks.message);

  /** @param {SseEvent} event @returns {Promise<boolean>} */
  const handle = (event) => {
    last = event.mid || last;
    return deliver(event);
  };

  /** @param {Notice[1]} what @param {any} [more] */
  const say = (what, more) => {
    if (!stay.signal.aborted) {
      channel?.postMessage([id, what, since, more]);
    }
  };

  /** @param {Notice} notice */
  const heard = (notice) => {
    const [, , taken] = notice;
    if (source && taken > since) {
      /* We were frozen, and the lead was taken: hear what the other says. */
      abdicate()?.close();
    }
    (source ? heardLeading : heardFollowing)(notice);
  };

  /** @param {Notice} notice */
  const heardLeading = ([from, what, , more]) => {
    followers.see(from);
    if (what === 'hello') {
      admit(from);
    } else if (what === 'done') {
      followers.hear(from, more.id, more.ok);
    } else if (what === 'flush') {
      source?.flush();
    } else if (what === 'reconnect') {
      source?.resume(true);
    }
    if (what === 'hello' || what === 'ask') {
      beat();
    }
  };

  /** @param {Notice} notice */
  const heardFollowing = ([, what, , more]) => {
    if (what === 'beat') {
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
    election.seen();
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
