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
 * Where the browser has no Web Locks each tab has its own stream.
 *
 * @type {import('./settings.js').Share}
 */
export const tabs = (settings, hooks, connect) =>
  globalThis.navigator?.locks
    ? new Tab(settings, hooks, connect)
    : connect(settings, hooks);

/**
 * What tabs tell each other.
 *
 * @typedef {object} Notice
 * @property {string} from the tab
 * @property {'beat' | 'ask' | 'hello' | 'here' | 'message' | 'done' | 'flush'
 *   | 'tell'} say
 * @property {any} [what]
 *
 * @typedef {object} Follower
 * @property {number} seen when it last showed itself
 * @property {Map<string, (ok: boolean) => void>} owes answers, by message id
 *
 * @typedef {import('./client.js').Source} Source
 * @typedef {import('./client.js').Hooks} Hooks
 * @typedef {import('./parser.js').SseEvent} SseEvent
 * @implements {Source}
 */
class Tab {
  #settings;
  #hooks;
  #connect;
  #name;
  #id = '';
  /** @type {BroadcastChannel | undefined} */
  #channel;
  /** Aborted when we leave the others. */
  #stay = new AbortController();
  /** Of the request for the leader's lock; aborted to take it by force. */
  #queue = new AbortController();
  /** Aborted when we lead no more. */
  #reign = new AbortController();
  /** Where we lead. @type {Source | undefined} */
  #source;
  /** Where we lead. @type {Map<string, Follower>} */
  #followers = new Map();
  /** Handled, or under way, by message id. @type {Map<string, Promise<boolean>>} */
  #handled = new Map();
  /** Id of the last message that came. */
  #last = '';
  /** Just back from the back/forward cache. */
  #back = false;
  /** When the leader last showed itself, and when it was asked to. */
  #sign = 0;
  #asked = 0;
  /** When we last showed ourselves as leader. */
  #beaten = 0;
  /** @type {{state: any, cause?: any, delay?: number, cursor: string}} */
  #status;

  /**
   * @param {import('./settings.js').Settings} settings
   * @param {Hooks} hooks
   * @param {(settings: any, hooks: Hooks) => Source} connect
   */
  constructor(settings, hooks, connect) {
    this.#settings = settings;
    this.#hooks = hooks;
    this.#connect = connect;
    this.#name = 'mod-push ' + settings.receive;
    this.#status = { state: 'connecting', cursor: settings.lastEventId ?? '' };
    this.#join();
  }

  get cursor() {
    return this.#source?.cursor ?? this.#status.cursor;
  }

  /* ---- coming and going ---- */

  #join() {
    this.#id = Math.random().toString(36).slice(2);
    const stay = (this.#stay = new AbortController());
    this.#channel ??= new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#heard(data);
    this.#sign = performance.now();
    this.#hold(this.#presence(this.#id), {}, () => {
      this.#say('hello');
      this.#campaign();
    });
    const timer = setInterval(() => this.#tick(), BEAT / 2);
    stay.signal.onabort = () => {
      clearInterval(timer);
      this.#queue.abort();
    };
  }

  /** Leaves the others to themselves, and the lead to one of them. */
  #leave() {
    this.#stay.abort();
    return this.#abdicate();
  }

  /** Hears of nothing any more. */
  #hangUp() {
    this.#channel?.close();
    this.#channel = undefined;
  }

  #abdicate() {
    const source = this.#source;
    this.#source = undefined;
    this.#sign = performance.now();
    this.#reign.abort();
    return source;
  }

  /** Name of the lock that a tab holds as long as it is there. @param {string} id */
  #presence(id) {
    return this.#name + ' ' + id;
  }

  /**
   * Holds a lock until we leave.
   *
   * @param {string} name
   * @param {LockOptions} options
   * @param {() => void} then
   */
  #hold(name, options, then) {
    const { signal } = this.#stay;
    return navigator.locks.request(name, options, async () => {
      if (!signal.aborted) {
        then();
        await new Promise((left) => signal.addEventListener('abort', left));
      }
    });
  }

  /** Waits for the lead. @param {boolean} [steal] takes it from a frozen tab */
  #campaign(steal) {
    const stay = this.#stay;
    const queue = (this.#queue = new AbortController());
    const options = steal ? { steal } : { signal: queue.signal };
    this.#hold(this.#name, options, () => this.#lead()).catch(() => {
      if (queue === this.#queue && !stay.signal.aborted) {
        /* We were frozen and are no more: the lead is another tab's. */
        this.#abdicate()?.close();
        this.#campaign();
      }
    });
  }

  #tick() {
    const now = performance.now();
    if (this.#source) {
      if (now - this.#beaten >= BEAT) {
        this.#excuse(now);
        this.#beat();
      }
    } else if (this.#asked) {
      if (now - this.#asked > PATIENCE * (1 + Math.random())) {
        this.#sign = now;
        this.#asked = 0;
        this.#queue.abort();
        this.#campaign(true);
      }
    } else if (now - this.#sign > DOUBT) {
      this.#asked = now;
      this.#say('ask');
    }
  }

  /* ---- leading ---- */

  async #lead() {
    const reign = (this.#reign = new AbortController());
    const settings = {
      ...this.#settings,
      lastEventId: this.#status.cursor,
      renew: undefined,
    };
    this.#followers.clear();
    const { held = [] } = await navigator.locks.query();
    for (const { name = '' } of held) {
      if (name.startsWith(this.#presence(''))) {
        this.#admit(name.slice(this.#presence('').length));
      }
    }
    if (reign.signal.aborted) {
      return;
    }
    const leads = () => source === this.#source;
    /** @type {Source} */
    const source = (this.#source = this.#connect(settings, {
      ...this.#hooks,
      state: (state, cause, delay) => {
        if (leads()) {
          this.#changed(state, cause, delay);
        }
      },
      message: (event) => this.#spread(event),
      tell: (type, properties) => {
        this.#say('tell', [type, properties]);
        this.#hooks.tell(type, properties);
      },
      ready: async () => this.#followers.size || this.#hooks.ready(),
    }));
    this.#beat();
  }

  /** @param {string} id */
  #admit(id) {
    const followers = this.#followers;
    if (id === this.#id || followers.has(id)) {
      return;
    }
    const follower = { seen: performance.now(), owes: new Map() };
    followers.set(id, follower);
    const settle = (/** @type {boolean} */ ok) =>
      follower.owes.forEach((answer) => answer(ok));
    /* Its lock comes to us when it is gone: then we do not wait for it. */
    const { signal } = this.#reign;
    navigator.locks
      .request(this.#presence(id), { mode: 'shared', signal }, () => {
        followers.delete(id);
        settle(true);
      })
      .catch(() => settle(false)); /* we lead no more: let it come again */
  }

  /** Waits no longer for tabs that are frozen. @param {number} now */
  #excuse(now) {
    for (const { seen, owes } of this.#followers.values()) {
      if (seen < this.#beaten && now - seen > ABSENT) {
        owes.forEach((settle) => settle(true));
      }
    }
  }

  #beat() {
    this.#beaten = performance.now();
    const { cursor } = this;
    this.#say('beat', { ...this.#status, cursor, last: this.#last });
  }

  /**
   * @param {import('./client.js').PushState} state
   * @param {PushError} [cause]
   * @param {number} [delay]
   */
  async #changed(state, cause, delay) {
    if (cause?.code === 'PUSH_ERR_SUPERSEDED' && !(await this.#holdsLead())) {
      return; /* by one of us */
    }
    this.#status = {
      state,
      cause: cause && plain(cause),
      delay,
      cursor: this.cursor,
    };
    this.#beat();
    if (state === 'closed') {
      this.#leave();
    }
    this.#hooks.state(state, cause, delay);
  }

  /** A lead that was taken is known to the browser before it is to us. */
  async #holdsLead() {
    const { held = [] } = await navigator.locks.query();
    const holder = (/** @type {string} */ name) =>
      held.find((lock) => lock.name === name)?.clientId;
    return holder(this.#name) === holder(this.#presence(this.#id));
  }

  /** Hands a message to all tabs. @param {SseEvent} event */
  #spread(event) {
    const { id = '' } = event;
    this.#say('message', { event, last: this.#last });
    const answers = [this.#handle(event)];
    for (const { owes } of this.#followers.values()) {
      answers.push(
        new Promise((settle) => {
          owes.set(id, (ok) => {
            owes.delete(id);
            settle(ok);
          });
        }),
      );
    }
    return Promise.all(answers).then((all) => !all.includes(false));
  }

  /* ---- all tabs ---- */

  /** @param {SseEvent} event @returns {Promise<boolean>} */
  #handle(event) {
    const mid = event.id?.split('.')[1] ?? '';
    const handled = this.#handled;
    this.#last = mid || this.#last;
    const result = handled.get(mid) ?? this.#hooks.message(event);
    if (mid && !handled.has(mid)) {
      handled.set(mid, result);
      result.then((ok) => ok || handled.delete(mid));
      if (handled.size > REMEMBERED) {
        const [oldest] = handled.keys();
        handled.delete(oldest);
      }
    }
    return result;
  }

  /** @param {Notice['say']} say @param {any} [what] */
  #say(say, what) {
    if (!this.#stay.signal.aborted) {
      this.#channel?.postMessage({ from: this.#id, say, what });
    }
  }

  /** @param {Notice} notice */
  #heard({ from, say, what }) {
    if (this.#source) {
      const follower = this.#followers.get(from);
      if (follower) {
        follower.seen = performance.now();
      }
      if (say === 'hello') {
        this.#admit(from);
      } else if (say === 'done') {
        follower?.owes.get(what.id)?.(what.ok);
      } else if (say === 'flush') {
        this.#source.flush();
      }
      if (say === 'hello' || say === 'ask') {
        this.#beat();
      }
    } else if (say === 'beat') {
      this.#follow(what);
      this.#say('here');
    } else if (say === 'message') {
      const { event, last } = what;
      this.#follow({ ...this.#status, last });
      this.#say('here');
      this.#handle(event).then((ok) => this.#say('done', { id: event.id, ok }));
    } else if (say === 'tell') {
      this.#hooks.tell(what[0], what[1]);
    }
  }

  /** The leader showed itself. @param {any} status */
  #follow(status) {
    const { state } = this.#status;
    this.#sign = performance.now();
    this.#asked = 0;
    if (this.#back && status.last) {
      this.#back = false;
      if (status.last !== this.#last) {
        this.#hooks.tell('gap', { reason: 'suspended' });
      }
    }
    this.#status = status;
    if (state !== status.state) {
      const { cause, delay } = status;
      const error = cause && new PushError(cause.code, cause);
      if (status.state === 'closed') {
        this.#leave();
      }
      this.#hooks.state(status.state, error, delay);
    }
  }

  /* ---- what the client asks ---- */

  async flush() {
    this.#say('flush');
    await this.#source?.flush();
  }

  async close() {
    const { state } = this.#status;
    if (state !== 'closed') {
      const source = this.#leave();
      this.#hangUp();
      this.#status.state = 'closed';
      this.#hooks.state('closed');
      await source?.close();
    }
  }

  /** @param {boolean} [mistrust] */
  wake(mistrust) {
    if (this.#stay.signal.aborted && this.#status.state !== 'closed') {
      this.#back = !this.#channel;
      this.#join();
    }
    this.#source?.wake(mistrust);
  }

  /**
   * A frozen page hears what it missed when it goes on. In the back/forward
   * cache it cannot: an open channel would keep it out.
   *
   * @param {boolean} [cached]
   */
  suspend(cached) {
    this.#leave()?.suspend(cached);
    if (cached !== undefined) {
      this.#hangUp();
    }
  }
}

/** What can be told of an error. @param {PushError} error */
function plain({ code, message, status, final, retryAfter, problem }) {
  return { code, message, status, final, retryAfter, problem };
}
