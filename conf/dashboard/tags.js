/* What the server subscribes a user to, whatever the devices ask for: shown
 * beside the devices, and changed there.  Each change asks first. */

import * as api from './api.js';
import { $, confirm, el } from './dom.js';
import { plural } from './format.js';

let user = '';

export function tags() {
  $('tag-form').addEventListener('submit', (event) => {
    event.preventDefault();
    run(subscribe);
  });
  return { show, hide };
}

function hide() {
  $('found-tags').hidden = true;
}

/* Gives what is to be said of them: nothing where there are none. */
async function show(name) {
  user = name;
  const count = await list();
  $('tagged').replaceChildren();
  $('found-tags').hidden = false;
  return count ? `The server adds ${plural(count, 'channel')}.` : '';
}

async function list() {
  const { channels } = await api.tags(user);
  $('tag-list').replaceChildren(
    ...channels.map((channel) =>
      el(
        'li',
        { class: 'tag' },
        el('span', {}, channel),
        el(
          'button',
          {
            type: 'button',
            'aria-label': `Unsubscribe ${user} from ${channel}`,
            onclick: () => run(() => unsubscribe(channel)),
          },
          'Unsubscribe …',
        ),
      ),
    ),
  );
  $('tag-none').hidden = channels.length > 0;
  return channels.length;
}

async function run(change) {
  const said = $('tagged');
  try {
    const text = await change();
    if (text) {
      await list();
      said.replaceChildren(text);
      said.dataset.level = '';
    }
  } catch (error) {
    said.replaceChildren(error.message);
    said.dataset.level = 'bad';
  }
}

async function subscribe() {
  const channel = $('tag-channel').value;
  const asked = `All devices of “${user}” follow “${channel}” from now on, also those that come later.`;
  if (!(await confirm('Subscribe the user?', asked, 'Subscribe'))) {
    return null;
  }
  await api.tag(user, channel);
  $('tag-channel').value = '';
  return `${user} is subscribed to ${channel}.`;
}

async function unsubscribe(channel) {
  const asked = `Devices of “${user}” get nothing more of “${channel}”, unless they ask for it themselves.`;
  if (!(await confirm('Unsubscribe the user?', asked, 'Unsubscribe'))) {
    return null;
  }
  await api.untag(user, channel);
  $('tag-channel').focus();
  return `${user} is not subscribed to ${channel} any more.`;
}
