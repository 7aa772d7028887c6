/* The calculator: what to configure for how much. */

import { capacity, writeSize } from './capacity.js';
import { $, setText } from './dom.js';
import { bytes, count } from './format.js';

const NUMBERS = [
  'users',
  'devices',
  'streams',
  'rate',
  'recipients',
  'ttl',
  'payload',
  'tls',
  'children',
  'threads',
];

export function sizing() {
  const form = $('sizing-form');
  const update = () => show(form);
  form.addEventListener('input', update);
  form.addEventListener('submit', (event) => event.preventDefault());
  update();
}

function read() {
  const needs = { keys: $('sizing-keys').checked };
  for (const name of NUMBERS) {
    needs[name] = Number($(`sizing-${name}`).value);
  }
  needs.tls /= 100;
  return needs;
}

function show(form) {
  const legal = form.checkValidity();
  setText(
    $('sizing-note'),
    legal ? '' : 'A figure is missing, or outside of what is possible.',
  );
  if (!legal) {
    return;
  }
  const needs = read();
  const is = capacity(needs);
  setText($('size-shm'), writeSize(is.shm));
  setText(
    $('size-shm-why'),
    `${bytes(is.parts.messages)} for ${count(is.messages)} messages, ` +
      `${bytes(is.parts.devices)} for ${count(needs.users * needs.devices)} devices` +
      `${is.parts.keys ? `, ${bytes(is.parts.keys)} for keys` : ''}; a third on top`,
  );
  setText($('size-streams'), count(is.streams));
  setText($('size-nofile'), count(is.descriptors));
  setText($('size-files'), count(is.files));
  setText($('size-ram'), bytes(is.memory.all));
  setText(
    $('size-ram-why'),
    `${bytes(is.memory.shm)} shared, ${bytes(is.memory.user)} of streams, ` +
      `${bytes(is.memory.kernel)} of the kernel, ${bytes(is.memory.tls)} of TLS; ` +
      'httpd itself comes on top',
  );
  setText(
    $('size-conf'),
    `PushShmSize ${writeSize(is.shm)}\n` +
      `PushMaxStreams ${is.streams}\n` +
      `StartServers ${needs.children}\n` +
      `ServerLimit ${needs.children * 2}\n` +
      `ThreadsPerChild ${needs.threads}\n` +
      `# LimitNOFILE=${is.descriptors} (systemd), or ulimit -n ${is.descriptors}`,
  );
  if (is.tooLarge) {
    setText(
      $('sizing-note'),
      'PushShmSize goes up to 30G: a shorter TTL helps most.',
    );
  }
}
