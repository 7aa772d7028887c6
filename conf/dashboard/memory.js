/* The shared memory, the state on disk, and mailboxes that fill up. */

import { Chart } from './chart.js';
import { $, setText } from './dom.js';
import { bytes, count, percent } from './format.js';
import { levelOf } from './flow.js';

export function memory(feed) {
  const line = new Chart(
    $('chart-memory'),
    [{ label: 'used', colour: '--series-1', read: (p) => p.memory }],
    (value) => (value === null ? '–' : bytes(value)),
    Array.from({ length: 50 }, (none, power) => 2 ** power),
  );
  return () => {
    const { memory: is, state } = feed.last;
    const share = is.used / is.size;
    const meter = $('memory-meter');
    meter.max = is.size;
    meter.value = is.used;
    meter.high = is.size * 0.9;
    meter.low = is.size * 0.7;
    setText(
      $('memory-text'),
      `${bytes(is.used)} of ${bytes(is.size)} (${percent(share)})`,
    );
    $('memory-text').dataset.level = levelOf(share);
    setText($('durability'), state.durability);
    setText($('disk'), diskText(state));
    $('disk').dataset.level = diskLevel(state);
    setText($('state-writes'), state.disk ? writesText(state) : '–');
    line.draw(feed.points);
  };
}

const diskText = ({ disk }) =>
  disk === undefined
    ? 'nothing is on disk'
    : disk === 'catching-up'
      ? 'catching up'
      : disk;

const diskLevel = ({ disk }) =>
  disk === 'failing' ? 'bad' : disk === 'catching-up' ? 'warn' : '';

const writesText = ({ writes, records, errors }) =>
  `${count(writes)} writes of ${count(records)} records, ${count(errors)} failed`;

/* samples: of <admin>/metrics. */
export function nearFull(samples) {
  const found = samples.find(({ name }) => name === 'push_mailboxes_near_full');
  $('near-full-row').hidden = !found;
  if (found) {
    setText($('near-full'), count(found.value));
    $('near-full').dataset.level = found.value > 0 ? 'warn' : '';
  }
}
