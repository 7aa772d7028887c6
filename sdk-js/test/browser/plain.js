/** A page with one client, whose waits are long once `slow` is set. */
import { eventSource } from '../../src/eventsource.js';
import { PushClient } from '../../src/index.js';

Object.assign(window, {
  got: [],
  errors: [],
  delay: 0,
  restored: 0,
  slow: false,
});

window.follow = (user, { native, ...options } = {}) => {
  const client = new PushClient(`/ramen?user=${user}`, {
    random: () => (window.slow ? 0.9 : 0.1),
    transport: native && eventSource(native),
    ...options,
  });
  window.client = client;
  const take = ({ data }) => void window.got.push(data);
  client.onmessage = take;
  client.addEventListener('trip', take);
  client.onerror = ({ error }) => void window.errors.push(error.code);
  client.onstate = ({ delay = 0 }) => {
    window.delay = delay;
  };
};

addEventListener('pageshow', ({ persisted }) => {
  window.restored += persisted ? 1 : 0;
});
