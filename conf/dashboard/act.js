/* What an administrator does: a test publish, a recall, sending a user away.
 * Each asks first. */

import * as api from './api.js';
import { $, confirm, el } from './dom.js';
import { plural } from './format.js';

/* show: what find() returned. */
export function act(show) {
  $('publish-audience').addEventListener('change', nameTheName);
  on('publish-form', 'published', () => publish(show));
  on('recall-form', 'recalled', recall);
  on('disconnect-form', 'disconnected', disconnect);
  nameTheName();
}

/* Runs what the form is for, and says in output what came of it. */
function on(form, output, run) {
  $(form).addEventListener('submit', async (event) => {
    event.preventDefault();
    const said = $(output);
    try {
      const result = await run();
      if (result) {
        said.replaceChildren(...result);
        said.dataset.level = '';
      }
    } catch (error) {
      said.replaceChildren(error.message);
      said.dataset.level = 'bad';
    }
  });
}

function nameTheName() {
  const audience = $('publish-audience').value;
  $('publish-name-field').hidden = audience === 'broadcast';
  $('publish-name').required = audience !== 'broadcast';
  $('publish-name-label').textContent =
    audience === 'channel' ? 'Name of the channel' : 'Name of the user';
}

function audience() {
  const kind = $('publish-audience').value;
  const name = $('publish-name').value;
  return kind === 'broadcast'
    ? { to: { broadcast: 1 }, text: 'everyone' }
    : { to: { [kind]: name }, text: `the ${kind} “${name}”` };
}

async function publish(show) {
  const { to, text } = audience();
  const urgency = $('publish-urgency').value;
  const asked = `It goes to ${text}, with urgency ${urgency}. Real devices get it.`;
  if (!(await confirm('Publish a message?', asked, 'Publish'))) {
    return null;
  }
  const { id, recipients, connected } = await api.publish(to, {
    text: $('publish-text').value,
    urgency,
    ttl: $('publish-ttl').value,
    topic: $('publish-topic').value,
    event: $('publish-event').value,
  });
  $('recall-message').value = id;
  return [
    'Accepted as ',
    el(
      'button',
      { type: 'button', class: 'link', onclick: () => show.message(id) },
      id,
    ),
    ` for ${plural(recipients, 'device')}, ${connected} connected.`,
  ];
}

async function recall() {
  const id = $('recall-message').value.trim();
  const asked = `What is not acknowledged of ${id} is taken back: it is not sent any more.`;
  if (!(await confirm('Recall the message?', asked, 'Recall'))) {
    return null;
  }
  const { recalled } = await api.recall(id);
  return [`${id} is recalled; ${plural(recalled, 'device')} will not get it.`];
}

async function disconnect() {
  const user = $('disconnect-user').value;
  const asked = `All open streams of “${user}” end. Clients come again by themselves.`;
  if (!(await confirm('Disconnect the user?', asked, 'Disconnect'))) {
    return null;
  }
  const { disconnected } = await api.disconnect(user);
  return [`${plural(disconnected, 'stream')} of ${user} ended.`];
}
