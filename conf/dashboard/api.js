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

export const stats = () => ask('GET', 'stats');

export const metrics = async () => {
  const answer = await fetch(new URL('metrics', BASE), { cache: 'no-store' });
  return answer.ok ? answer.text() : '';
};

export const devices = (user) => ask('GET', `users?user=${part(user)}`);

export const message = (mid) => ask('GET', `messages/${part(mid)}`);

export const cluster = () => ask('GET', 'cluster');

export const slowest = (sort) => ask('GET', `streams?sort=${sort}&limit=8`);

/* of: { message, user, device }, what is known of them. */
export function explain(of) {
  const known = Object.entries(of).filter(([, value]) => value);
  return ask('GET', `explain?${new URLSearchParams(known)}`);
}

export const recall = (mid) => ask('DELETE', `messages/${part(mid)}`);

export const disconnect = (user) => ask('DELETE', `streams?user=${part(user)}`);

/* to: { user }, { channel } or { broadcast: 1 }. */
export function publish(to, { text, urgency, ttl, topic, event }) {
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
  const query = new URLSearchParams(to);
  return ask('POST', `messages?${query}`, { headers, body: text });
}
