/*
 * Requests to the administration that this page belongs to.  What the server
 * refuses is thrown as an Error whose message is the problem's detail.
 */

/* <admin>/: the page stands there, and its scripts in ui/. */
export const BASE = new URL('.', document.baseURI);

const part = (text) => encodeURIComponent(text);

async function ask(method, path, init = {}) {
  let response;
  try {
    response = await fetch(new URL(path, BASE), {
      method,
      cache: 'no-store',
      ...init,
      headers: { 'Push-Client': 'dashboard', ...init.headers },
    });
  } catch (cause) {
    throw new Error('The server did not answer.', { cause });
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const text = answer.detail ?? answer.title ?? response.statusText;
    const error = new Error(`${response.status}: ${text}`);
    error.status = response.status;
    throw error;
  }
  return answer;
}

/*
 * Whom messages were for, as far as it was seen here.  A machine alone finds a
 * message by its id; where it is one of several, they find it by this.
 */
const addresses = new Map();
const ADDRESSES_MAX = 1000;

/* to: { user, device }, { channel } or { broadcast }. */
export function addressed(mid, to) {
  if (addresses.size === ADDRESSES_MAX) {
    addresses.delete(addresses.keys().next().value);
  }
  addresses.set(mid, to);
}

const queryOf = (to) =>
  new URLSearchParams(
    Object.entries(to)
      .filter(([, value]) => value)
      .map(([name, value]) => [name, value === true ? 1 : value]),
  );

const addressOf = (mid, to = addresses.get(mid) ?? {}) =>
  `messages/${part(mid)}?${queryOf(to)}`;

export const stats = () => ask('GET', 'stats');

export const metrics = async () => {
  const answer = await fetch(new URL('metrics', BASE), { cache: 'no-store' });
  return answer.ok ? answer.text() : '';
};

export const devices = (user) => ask('GET', `users?user=${part(user)}`);

/* What the server subscribes the user to. */
export const tags = (user) => ask('GET', `subscriptions?${queryOf({ user })}`);

export const tag = (user, channel) =>
  ask('PUT', `subscriptions?${queryOf({ user, channel })}`);

export const untag = (user, channel) =>
  ask('DELETE', `subscriptions?${queryOf({ user, channel })}`);

/* to: where it may be as well, if it is not known whom it was for. */
export async function message(mid, to = {}) {
  const answer = await ask('GET', addressOf(mid)).catch((error) => {
    if (error.status !== 404 || addresses.has(mid) || !to.user) {
      throw error;
    }
    return ask('GET', addressOf(mid, to));
  });
  addressed(mid, answer.audience);
  return answer;
}

export const cluster = () => ask('GET', 'cluster');

export const triggers = () => ask('GET', 'triggers');

export const dead = (trigger) => ask('GET', `triggers/${part(trigger)}/dead`);

export const retryDead = (trigger) =>
  ask('POST', `triggers/${part(trigger)}/retry`);

export const dropDead = (trigger) =>
  ask('DELETE', `triggers/${part(trigger)}/dead`);

export const slowest = (sort) => ask('GET', `streams?sort=${sort}&limit=8`);

/* of: { message, user, device }, what is known of them. */
export function explain(of) {
  const { channel, broadcast } = addresses.get(of.message) ?? {};
  return ask('GET', `explain?${queryOf({ ...of, channel, broadcast })}`);
}

export const recall = (mid) => ask('DELETE', addressOf(mid));

export const disconnect = (user) => ask('DELETE', `streams?user=${part(user)}`);

/* to: { user }, { channel } or { broadcast: 1 }. */
export async function publish(to, { text, urgency, ttl, topic, event }) {
  const headers = {
    'Content-Type': 'text/plain; charset=utf-8',
    'Idempotency-Key': crypto.randomUUID?.() ?? String(Math.random()),
    Urgency: urgency,
    TTL: String(ttl),
  };
  if (topic) {
    headers.Topic = topic;
  }
  if (event) {
    headers['Push-Event'] = event;
  }
  const query = queryOf(to);
  const answer = await ask('POST', `messages?${query}`, {
    headers,
    body: text,
  });
  addressed(answer.id, to);
  return answer;
}
