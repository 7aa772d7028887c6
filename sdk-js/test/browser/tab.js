/** One tab of an application whose tabs share a stream. */
import { PushClient } from '../../src/index.js';
import { poll } from '../../src/poll.js';
import { tabs } from '../../src/tabs.js';

const query = new URLSearchParams(location.search);

/* A browser may be late to tell a tab that its lock was taken away. */
if (query.has('late')) {
  const request = LockManager.prototype.request;
  LockManager.prototype.request = async function (...args) {
    try {
      return await request.apply(this, args);
    } catch (error) {
      await new Promise((resolve) => setTimeout(resolve, 3000));
      throw error;
    }
  };
}

/* A browser refuses what tabs share: locks, or (Firefox) channels too. */
const refuse = () => {
  throw new DOMException('refused', 'SecurityError');
};
if (query.has('refuse')) {
  Object.defineProperty(window, 'localStorage', { get: refuse });
  LockManager.prototype.request = async () => refuse();
  LockManager.prototype.query = async () => refuse();
}
if (query.get('refuse') === 'channels') {
  window.BroadcastChannel = refuse;
}

/** Signals of the streams that this tab opened. */
const streams = [];
/** The numberings that their heads named, and that its acknowledgements did. */
const numberings = [];
const sessions = [];

const client = new PushClient(`/ramen?user=${query.get('user')}`, {
  share: tabs,
  transport: query.has('poll') ? poll() : undefined,
  ackInterval: 200,
  fetch: async (url, init) => {
    if (url.pathname.endsWith('/receive')) {
      streams.push(init.signal);
      const response = await fetch(url, init);
      numberings.push(response.headers.get('Push-Session'));
      return response;
    }
    sessions.push(url.searchParams.get('session'));
    return fetch(url, init);
  },
});

const tab = {
  got: [],
  states: [],
  streams,
  numberings,
  sessions,
  restored: 0,
  gaps: [],
  client,
  hold: undefined,
  leads: () =>
    client.readyState === 1 && streams.some((signal) => !signal.aborted),
};
window.tab = tab;

client.onmessage = ({ data }) => {
  tab.got.push(data);
  return tab.hold;
};
client.ongap = ({ reason }) => void tab.gaps.push(reason);
client.onstate = ({ state, transport }) =>
  void tab.states.push(transport ? `${state} by ${transport}` : state);

/* A page back from the cache cannot be asked by the test: others ask for it.
 * While it is in there it must not be: a message would throw it out. */
let probe;
const listen = () => {
  probe = new BroadcastChannel('probe');
  probe.onmessage = ({ data }) => {
    if (data === 'who') {
      probe.postMessage({
        name: query.get('name'),
        got: tab.got,
        restored: tab.restored,
        gaps: tab.gaps,
      });
    }
  };
};
window.addEventListener('pageshow', ({ persisted }) => {
  tab.restored += persisted ? 1 : 0;
  listen();
});
window.addEventListener('pagehide', () => probe.close());

/** What the tab of that name says, asked from this one. */
window.ask = (name) =>
  new Promise((resolve) => {
    const channel = new BroadcastChannel('probe');
    const timer = setTimeout(() => resolve(null), 500);
    channel.onmessage = ({ data }) => {
      if (data.name === name) {
        clearTimeout(timer);
        channel.close();
        resolve(data);
      }
    };
    channel.postMessage('who');
  });
