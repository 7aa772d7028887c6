/*
 * The server's own channels as they come: receipts, presence, dead letters.
 * They are CloudEvents; of their data only what names a thing is shown.
 */

import { BASE, addressed } from './api.js';
import { $, el, say, setText } from './dom.js';
import { open } from './feed.js';
import { clock, plural } from './format.js';

const CHANNELS = {
  'tail-receipts': '$receipts',
  'tail-presence': '$presence',
  'tail-deadletters': '$deadletters',
};
const TYPES = ['receipt', 'presence', 'deadletter'];
const ROWS = 200;

/* show: what find() returned. */
export function tail(show) {
  let client = null;
  let seen = 0;

  function take(message) {
    const event = read(message);
    if (!event) {
      return;
    }
    seen++;
    $('tail-empty').hidden = true;
    $('tail-log').prepend(row(event, message.event, show));
    while ($('tail-log').children.length > ROWS) {
      $('tail-log').lastElementChild.remove();
    }
    setText($('tail-count'), plural(seen, 'event'));
    say(`${plural(seen, 'event')} in the live tail.`);
  }

  function follow() {
    const channels = Object.keys(CHANNELS)
      .filter((id) => $(id).checked)
      .map((id) => CHANNELS[id]);
    client?.close();
    client = null;
    setText($('tail-state'), channels.length ? 'connecting' : 'off');
    if (!channels.length) {
      return;
    }
    const own = open(BASE, 'tail', channels, (state, why) => {
      if (own === client) {
        setText($('tail-state'), state === 'open' ? 'live' : why || state);
      }
    });
    client = own;
    own.ongap = ({ dropped }) =>
      setText($('tail-missed'), `${plural(dropped, 'event')} missed.`);
    for (const type of TYPES) {
      own.addEventListener(type, take);
    }
  }

  for (const id of Object.keys(CHANNELS)) {
    $(id).addEventListener('change', follow);
  }
  $('tail-clear').addEventListener('click', () => {
    seen = 0;
    $('tail-log').replaceChildren();
    $('tail-empty').hidden = false;
    setText($('tail-count'), '');
    setText($('tail-missed'), '');
  });
}

function read(message) {
  try {
    return message.json();
  } catch {
    return null;
  }
}

/* The members of data that name something; a payload is not among them. */
const NAMED = [
  'reason',
  'event',
  'topic',
  'urgency',
  'channel',
  'app',
  'transport',
  'subscribers',
];

function row({ type = '', subject = '', time, data }, kind, show) {
  const known = data ?? {};
  if (known.message && known.audience) {
    addressed(known.message, known.audience);
  }
  const what = type.replace(/^push\./, '');
  const named = NAMED.filter((name) => isPlain(known[name]));
  const missed = Array.isArray(known.devices) ? known.devices.length : 0;
  const details = named.map((name) => `${name} ${known[name]}`);
  if (missed) {
    details.push(`missed by ${plural(missed, 'device')}`);
  }
  return el(
    'li',
    {},
    el('time', {}, clock(Date.parse(time) || Date.now())),
    el('span', { class: 'chip', 'data-kind': kind }, what),
    el('span', { class: 'what' }, subject || 'everyone'),
    el(
      'span',
      { class: 'detail' },
      isPlain(known.message) ? messageLink(known.message, show) : null,
      details.join(' · '),
    ),
  );
}

const messageLink = (id, show) =>
  el(
    'button',
    { type: 'button', class: 'link', onclick: () => show.message(id) },
    id,
  );

const isPlain = (value) =>
  typeof value === 'string' || typeof value === 'number';
