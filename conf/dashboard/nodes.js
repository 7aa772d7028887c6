/* The nodes of a cluster, and the masters of its Redis: not there where the
 * server is alone. */

import { cluster } from './api.js';
import { $, el, fillRows, setText } from './dom.js';
import { bytes, count, duration, percent } from './format.js';

const EVERY_MS = 2000;
const LATE_MS = 5000; // a lease is renewed every 3 s
const LAG_MS = 3000; // a node drains every second

export function nodes() {
  let timer = 0;

  async function refresh() {
    clearTimeout(timer);
    if (!document.hidden && !(await shown())) {
      return;
    }
    timer = setTimeout(refresh, EVERY_MS);
  }
  document.addEventListener('visibilitychange', refresh);
  refresh();
}

/* False: it is alone, and stays so until its next start. */
async function shown() {
  try {
    const answer = await cluster();
    if (answer.node) {
      show(answer);
    }
    return Boolean(answer.node);
  } catch (error) {
    setText($('nodes-self'), error.message);
    return true;
  }
}

function show({ node, nodes: list, masters }) {
  $('nodes').hidden = false;
  $('nodes-link').hidden = false;
  setText(
    $('nodes-self'),
    node.leased
      ? `this is node ${node.id}`
      : 'this node has no lease: it cannot reach Redis',
  );
  fillRows($('nodes-rows'), list, (one) => `${one.id} ${one.url}`, nodeCells);
  fillRows($('masters-rows'), masters, ({ address }) => address, masterCells);
}

const nodeCells = (one) => [
  nodeName(one),
  age(one.age_ms, LATE_MS),
  count(one.streams),
  count(one.devices),
  count(one.published),
  count(one.delivered),
  {
    text: `${bytes(one.memory_used)}, ${percent(share(one))}`,
    level: share(one) > 0.9 ? 'bad' : '',
  },
  age(one.lag_ms, LAG_MS),
  { text: count(one.suspect), level: one.suspect ? 'warn' : '' },
  one.version,
];

const share = ({ memory_used, memory_size }) =>
  memory_size ? memory_used / memory_size : 0;

/* Only a url that a browser may go to becomes a link. */
function nodeName({ id, url }) {
  return /^https?:\/\//.test(url)
    ? el('a', { href: url }, `${id}`, ` ${url}`)
    : `${id}`;
}

const masterCells = (one) => [
  one.address,
  count(one.partitions),
  { text: count(one.suspect), level: one.suspect ? 'warn' : '' },
  age(one.drained_ms, LAG_MS),
  `${one.ahead_ms < 0 ? '−' : '+'}${duration(Math.abs(one.ahead_ms))}`,
];

function age(ms, late) {
  if (ms === null) {
    return { text: 'never', level: 'bad' };
  }
  return { text: `${duration(ms)} ago`, level: ms > late ? 'bad' : '' };
}
