/*
 * The page at <admin>/: each panel is a file of its own, and most of them are
 * told when the server has said what it does.
 */

import { BASE } from './api.js';
import { act } from './act.js';
import { children } from './children.js';
import { $, say, setText } from './dom.js';
import { Feed } from './feed.js';
import { figures } from './figures.js';
import { find } from './find.js';
import { flow } from './flow.js';
import { clock } from './format.js';
import { latency } from './latency.js';
import { memory, nearFull } from './memory.js';
import { nodes } from './nodes.js';
import { gaps, outcomes } from './outcomes.js';
import { sizing } from './sizing.js';
import { slowest } from './slowest.js';
import { tail } from './tail.js';
import { triggers } from './triggers.js';

const STATES = {
  connecting: 'connecting',
  open: 'live',
  waiting: 'no connection',
  closed: 'closed',
};
const STALE_MS = 5000;

function told(state, why) {
  $('pill').dataset.state = state;
  setText($('state'), STATES[state] ?? state);
  const bad = state === 'waiting' || state === 'closed';
  $('notice').hidden = !bad;
  setText(
    $('notice'),
    bad ? `The figures stand still: ${why || 'the stream ended'}` : '',
  );
}

const feed = new Feed(BASE, told);
const panels = [flow, latency, outcomes, memory, children].map((panel) =>
  panel(feed),
);

function show() {
  if (!document.hidden && feed.last) {
    panels.forEach((panel) => panel());
    setText($('as-of'), clock(feed.last.time));
    setText($('of-nodes'), nodesText(feed.last));
    $('of-nodes').dataset.level = feed.last.nodes?.silent.length ? 'bad' : '';
    document.documentElement.dataset.fed = 'yes';
    warn();
  }
}

/* Whose figures these are the sums of. */
function nodesText({ nodes: of }) {
  if (!of) {
    return '';
  }
  const all = of.answered.length + of.silent.length;
  return of.silent.length
    ? `, of ${of.answered.length} of ${all} nodes: silent ${of.silent.join(', ')}`
    : `, of ${all} nodes`;
}

/* What somebody who does not look should hear. */
function warn() {
  const { memory: is, state } = feed.last;
  const lost = feed.inMinute('evicted') + feed.inMinute('refused');
  if (state.disk === 'failing') {
    say('The state on disk cannot be written.');
  } else if (is.used > is.size * 0.9) {
    say('The shared memory is nearly full.');
  } else if (lost > 0) {
    say('Messages were lost in the last minute: see outcomes.');
  }
}

/* A stream may be open and silent: the figures are old then. */
function age() {
  const old = feed.last && Date.now() - heard > STALE_MS;
  document.documentElement.dataset.stale = old ? 'yes' : 'no';
}

let heard = 0;
feed.listen(() => {
  heard = Date.now();
  show();
});
document.addEventListener('visibilitychange', show);
setInterval(age, 1000);

figures((samples) => {
  gaps(samples);
  nearFull(samples);
});

nodes();
triggers();
const shown = find();
slowest(shown.user);
act(shown);
tail(shown);
sizing();
