/* The triggers of the configuration: what waits, what fails, and what was given
 * up.  Not there where the configuration has none. */

import * as api from './api.js';
import { $, confirm, el, fillRows, setText } from './dom.js';
import { clock, count, duration, perSecond, plural } from './format.js';
import { rate } from './rates.js';

const EVERY_MS = 3000;
const OLD_MS = 60000;

export function triggers() {
  let timer = 0;
  let before = null;

  async function refresh() {
    clearTimeout(timer);
    if (!document.hidden) {
      before = await shown(before);
      if (before && !before.list.length) {
        return;
      }
    }
    timer = setTimeout(refresh, EVERY_MS);
  }
  document.addEventListener('visibilitychange', refresh);
  $('dead-retry').addEventListener('click', () => act(retry, refresh));
  $('dead-drop').addEventListener('click', () => act(drop, refresh));
  $('dead-close').addEventListener('click', () => close());
  whose();
  refresh();
}

/* Shows how they stand, and returns that; of before where nobody answers. */
async function shown(before) {
  try {
    const { triggers: list } = await api.triggers();
    const now = { time: Date.now(), list };
    show(now, before);
    return now;
  } catch (error) {
    setText($('triggers-said'), error.message);
    return before;
  }
}

/* What waits is every node's; what was counted is this one's. */
async function whose() {
  const { node } = await api.cluster().catch(() => ({}));
  setText(
    $('triggers-whose'),
    node ? `what waits is the cluster’s, the rest is of node ${node.id}` : '',
  );
}

function show(now, before) {
  const { list } = now;
  $('triggers').hidden = !list.length;
  $('triggers-link').hidden = !list.length;
  setText($('triggers-said'), '');
  fillRows(
    $('triggers-rows'),
    list,
    ({ trigger }) => trigger,
    (one) => cells(one, now, before),
  );
}

const asked = ({ requests }) =>
  Object.values(requests).reduce((sum, value) => sum + value, 0);

function cells(one, now, before) {
  const then = before?.list.find(({ trigger }) => trigger === one.trigger);
  const reading = ({ time }, of) => ({ ...of, time, asked: asked(of) });
  const each = (name) =>
    perSecond(
      then ? rate(reading(now, one), reading(before, then), name) : null,
    );
  const age = one.oldest ? now.time - one.oldest : 0;
  return [
    one.trigger,
    { text: one.taken ? 'runs' : 'waits', level: one.taken ? '' : 'warn' },
    count(one.waiting),
    {
      text: one.oldest ? duration(Math.max(0, age)) : '–',
      level: age > OLD_MS ? 'warn' : '',
    },
    count(one.running),
    each('asked'),
    each('published'),
    count(one.retries),
    { text: count(one.dead), level: one.dead ? 'warn' : '' },
    one.error ? `${clock(one.error.at)} ${one.error.text}` : '–',
    el(
      'button',
      {
        type: 'button',
        class: 'link',
        'aria-label': `Dead letters of ${one.trigger}`,
        onclick: () => open(one.trigger),
      },
      'Show',
    ),
  ];
}

/* ---- dead letters ---- */

let opened = '';

async function open(trigger, answer = '') {
  opened = trigger;
  try {
    const { dead, more } = await api.dead(trigger);
    if (opened === trigger) {
      setText($('dead-said'), answer);
      list(trigger, dead, more);
    }
  } catch (error) {
    setText($('triggers-said'), error.message);
  }
}

function list(trigger, dead, more) {
  $('dead').hidden = false;
  setText($('dead-title'), `Dead letters of ${trigger}`);
  setText(
    $('dead-count'),
    dead.length
      ? `${plural(dead.length, 'event')}${more ? ' and more' : ''} given up.`
      : 'There is none.',
  );
  $('dead-table').hidden = !dead.length;
  $('dead-retry').disabled = !dead.length;
  $('dead-drop').disabled = !dead.length;
  fillRows(
    $('dead-rows'),
    dead,
    ({ id }) => id,
    ({ since, event }) => [
      clock(since),
      event?.type ?? '–',
      event?.id ?? '–',
      event?.pusherror ?? '–',
      attempts(event),
    ],
  );
  $('dead').focus();
}

/* Those that it had; the first one is number 0. */
const attempts = (event) => (event?.push ? count(event.push.attempt + 1) : '–');

function close() {
  opened = '';
  $('dead').hidden = true;
}

async function act(what, refresh) {
  const trigger = opened;
  try {
    const answer = await what(trigger);
    if (answer) {
      await open(trigger, answer);
      refresh();
    }
  } catch (error) {
    setText($('dead-said'), error.message);
  }
}

async function retry(trigger) {
  const text = `All events that “${trigger}” has given up are tried as if they were new.`;
  if (!(await confirm('Try them again?', text, 'Try again'))) {
    return '';
  }
  const { queued } = await api.retryDead(trigger);
  return `${plural(queued, 'event')} queued again.`;
}

async function drop(trigger) {
  const text = `All events that “${trigger}” has given up are forgotten.`;
  if (!(await confirm('Drop them?', text, 'Drop'))) {
    return '';
  }
  const { forgotten } = await api.dropDead(trigger);
  return `${plural(forgotten, 'event')} forgotten.`;
}
