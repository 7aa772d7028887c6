/*
 * From a user to the devices, from a device or a message to what became of
 * it, and from there to the reason.  Payloads are neither asked for nor shown.
 */

import * as api from './api.js';
import { $, el, fillRows, say, setText } from './dom.js';
import { ago, bytes, clock, count, plural } from './format.js';
import { tags } from './tags.js';

let added;

export function find() {
  added = tags();
  $('find-form').addEventListener('submit', (event) => {
    event.preventDefault();
    search();
  });
  return { user: showUser, message: showMessage };
}

const fields = () => ({
  user: $('find-user').value.trim(),
  message: $('find-message').value.trim(),
});

function showUser(user) {
  $('find-user').value = user;
  $('find-message').value = '';
  $('find').scrollIntoView();
  $('find-user').focus({ preventScroll: true });
  return search();
}

function showMessage(mid) {
  $('find-user').value = '';
  $('find-message').value = mid;
  $('find').scrollIntoView();
  $('find-message').focus({ preventScroll: true });
  return search();
}

async function search() {
  const { user, message } = fields();
  for (const id of ['found-devices', 'found-message', 'verdict']) {
    $(id).hidden = true;
  }
  added.hide();
  if (!user && !message) {
    tell('Give a user, the id of a message, or both.', 'warn');
    return;
  }
  tell('Looking …');
  try {
    const said = [];
    if (user) {
      said.push(await devicesOf(user), await tagsOf(user));
    }
    if (message) {
      said.push(await lifeOf(message, user));
    }
    tell(said.filter(Boolean).join(' '));
    if (user && message) {
      await showVerdict({ user, message });
    }
  } catch (error) {
    tell(error.message, 'bad');
  }
}

function tell(text, level = '') {
  setText($('found'), text);
  $('found').dataset.level = level;
}

/* What is not there is an answer too. */
const unless404 = (text) => (error) => {
  if (error.status !== 404) {
    throw error;
  }
  return text;
};

/* ---- a user's devices ---- */

/* Devices are shown all the same. */
const tagsOf = (user) => added.show(user).catch((error) => error.message);

const devicesOf = (user) =>
  api
    .devices(user)
    .then(showDevices)
    .catch(unless404(`No device of ${user} is known here.`));

function showDevices({ user, devices }) {
  const now = Date.now();
  $('device-rows').replaceChildren();
  fillRows(
    $('device-rows'),
    devices,
    ({ id }) => id,
    (device) => [
      nameOf(device),
      device.online
        ? { text: 'online', level: 'good' }
        : { text: `away, seen ${ago(device.last_seen, now)}`, level: '' },
      device.pending === null ? '–' : count(device.pending),
      device.in_flight === null ? '–' : count(device.in_flight),
      device.sent_seq === null
        ? '–'
        : `${device.acked_seq} of ${device.sent_seq}`,
      ago(device.last_ack, now),
      device.channels.join(', ') || '–',
      el(
        'button',
        {
          type: 'button',
          'aria-label': `Explain ${nameOf(device)}`,
          onclick: () => explainDevice(user, device),
        },
        'Explain',
      ),
    ],
  );
  setText($('devices-title'), `Devices of ${user}`);
  $('found-devices').hidden = !devices.length;
  return devices.length
    ? `${user} has ${plural(devices.length, 'device')}.`
    : `No device of ${user} is known here.`;
}

const nameOf = ({ device, app, id }) =>
  [device || id, app].filter(Boolean).join(', ');

function explainDevice(user, device) {
  const { message } = fields();
  const of = { user, device: device.id, message };
  return showVerdict(of).catch((error) => tell(error.message, 'bad'));
}

/* ---- a message's life ---- */

const lifeOf = (mid, user) =>
  api
    .message(mid, { user })
    .then((message) => showLife(message, user))
    .catch(unless404(`Message ${mid} is not known, or not any more.`));

const facts = (message) => [
  ['To', audienceText(message.audience)],
  ['State', message.state],
  ['Urgency', message.urgency],
  ['Topic', message.topic],
  ['Event', message.event],
  ['Size', bytes(message.size)],
  ['Published', clock(message.created)],
  message.expires
    ? ['Expires', clock(message.expires)]
    : ['Ended', clock(message.ended)],
];

export function audienceText({ broadcast, user, channel, device }) {
  if (broadcast) {
    return 'everyone';
  }
  if (channel !== undefined) {
    return `channel ${channel}`;
  }
  return device ? `${user}, device ${device}` : `${user}`;
}

function showLife(message, user) {
  setText($('message-title'), `Message ${message.id}`);
  $('message-facts').replaceChildren(
    ...facts(message)
      .filter(([, value]) => value !== undefined && value !== '')
      .map(([name, value]) =>
        el('div', {}, el('dt', {}, name), el('dd', {}, String(value))),
      ),
  );
  const counts = Object.entries(message.counts).filter(([, n]) => n);
  setText(
    $('message-counts'),
    counts.length
      ? counts.map(([state, n]) => `${count(n)} ${state}`).join(' · ')
      : 'It has met no device yet.',
  );
  $('life-rows').replaceChildren();
  fillRows(
    $('life-rows'),
    message.devices.slice(0, 50),
    ({ device }) => device,
    ({ device, state, at }) => [device, state, clock(at)],
  );
  $('life-table').hidden = !message.devices.length;
  $('found-message').hidden = false;
  const whom = message.audience.user ?? user;
  $('explain-message').hidden = !whom;
  $('explain-message').onclick = () =>
    showVerdict({ message: message.id, user: whom }).catch((error) =>
      tell(error.message, 'bad'),
    );
  return `Message ${message.id} is ${message.state}.`;
}

/* ---- why ---- */

async function showVerdict(of) {
  const { verdict, cause, steps = [] } = await api.explain(of);
  setText($('verdict-text'), verdict);
  setText($('verdict-cause'), cause ?? '');
  $('verdict-cause').hidden = !cause;
  $('verdict-steps').replaceChildren(
    ...steps.map(({ at, text, what }) =>
      el(
        'li',
        { 'data-what': what ?? '' },
        el('time', {}, at ? clock(at) : ''),
        el('span', {}, text),
      ),
    ),
  );
  $('verdict').hidden = false;
  $('verdict').focus();
  say(verdict);
}
