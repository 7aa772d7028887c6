/** Runs the suite in a page; what a page cannot do, the test's process does. */
import { suite } from '../suite.js';

const far =
  (name) =>
  (...args) =>
    window.control(name, args);
const names = ['publish', 'publishBytes', 'message', 'devices', 'graceful'];
const clients = [];
let handled = () => 0;
window.handled = () => handled();

const world = {
  ...Object.fromEntries(names.map((name) => [name, far(name)])),
  base: location.origin,
  tag: Math.random().toString(36).slice(2, 8),
  clients,
  /* Firefox and WebKit read a stream whether or not the page does. */
  readsAhead: !navigator.userAgent.includes('Chrome'),
  network: Object.fromEntries(
    ['cut', 'refuse', 'swallow', 'hold', 'restore'].map((name) => [
      name,
      far(`network.${name}`),
    ]),
  ),
  feed: (user, total, count) => {
    handled = count;
    return window.control('feed', [user, total]);
  },
};

window.run = (name) => suite[name](world);
window.tidy = () =>
  Promise.all(clients.splice(0).map((client) => client.close()));
