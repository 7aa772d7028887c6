/*
 * The server's own channels as they come: receipts, presence, dead letters.
 * They are CloudEvents; of their data only what names a thing is shown.
 */

import { BASE } from './api.js';
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

export function tail() {
  let client = null;
  let seen = 0;

  function take(message) {
    const event = read(message);
    if (!event) {
      return;
    }
    seen++;
    $('tail-empty').hidden = true;
    $('tail-log').prepend(row(event, message.event));
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
  'message',
  'id',
  'mid',
  'outcome',
  'reason',
  'event',
  'urgency',
  'channel',
  'user',
  'device',
  'app',
  'address',
  'transport',
];

function row({ type = '', subject = '', time, data = {} }, kind) {
  const what = type.replace(/^push\./, '');
  const named = NAMED.filter((name) => isPlain(data?.[name])).map(
    (name) => `${name} ${data[name]}`,
  );
  return el(
    'li',
    {},
    el('time', {}, clock(Date.parse(time) || Date.now())),
    el('span', { class: 'chip', 'data-kind': kind }, what),
    el('span', { class: 'what' }, subject),
    el('span', { class: 'detail' }, named.join(' · ')),
  );
}

const isPlain = (value) =>
  typeof value === 'string' || typeof value === 'number';
