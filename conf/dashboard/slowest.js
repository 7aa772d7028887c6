/* The streams that take their messages slowest, asked for while one looks. */

import { slowest as ask } from './api.js';
import { $, el, fillRows, setText } from './dom.js';
import { clock, count, duration } from './format.js';

const EVERY_MS = 5000;

/* find(user): shows the devices of the user. */
export function slowest(find) {
  const sort = $('slowest-sort');
  let timer = 0;

  async function refresh() {
    clearTimeout(timer);
    if (!document.hidden) {
      try {
        show((await ask(sort.value)).streams, find);
      } catch (error) {
        setText($('slowest-empty'), error.message);
        $('slowest-empty').hidden = false;
      }
    }
    timer = setTimeout(refresh, EVERY_MS);
  }
  sort.addEventListener('change', refresh);
  document.addEventListener('visibilitychange', refresh);
  refresh();
}

function show(streams, find) {
  const several = streams.some(({ node }) => node !== undefined);
  $('slowest-node').hidden = !several;
  setText($('slowest-empty'), 'No stream is open.');
  $('slowest-empty').hidden = streams.length > 0;
  $('slowest-table').hidden = !streams.length;
  fillRows(
    $('slowest-rows'),
    streams,
    ({ user, device }) => `${device} ${user}`,
    (stream) => [
      ...(several ? [String(stream.node)] : []),
      el(
        'button',
        { type: 'button', class: 'link', onclick: () => find(stream.user) },
        stream.user,
      ),
      stream.label || stream.device,
      {
        text: stream.blocked_ms ? duration(stream.blocked_ms) : 'no',
        level: stream.blocked_ms > 5000 ? 'warn' : '',
      },
      count(stream.pending),
      count(stream.in_flight),
      stream.transport,
      clock(stream.since),
    ],
  );
}
