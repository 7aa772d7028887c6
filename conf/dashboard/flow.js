/* Streams, and how much is published, written and acknowledged a second. */

import { Chart } from './chart.js';
import { $, setText } from './dom.js';
import { count, perSecond, percent } from './format.js';

const FIGURES = ['streams', 'devices', 'users', 'channels', 'messages'];

export function flow(feed) {
  const rates = new Chart(
    $('chart-rates'),
    [
      { label: 'published', colour: '--series-1', read: (p) => p.published },
      { label: 'written', colour: '--series-2', read: (p) => p.written },
      {
        label: 'acknowledged',
        colour: '--series-3',
        dash: [6, 4],
        read: (p) => p.acked,
      },
    ],
    perSecond,
  );
  const streams = new Chart(
    $('chart-streams'),
    [{ label: 'streams', colour: '--series-1', read: (p) => p.streams }],
    (value) => (value === null ? '–' : count(value)),
  );
  return () => {
    const { last, points } = feed;
    for (const name of FIGURES) {
      setText($(`now-${name}`), count(last[name]));
    }
    const point = points.at(-1);
    for (const name of ['published', 'written', 'acked']) {
      setText($(`rate-${name}`), perSecond(point[name]));
    }
    const share = last.memory.used / last.memory.size;
    setText($('now-memory'), percent(share));
    $('now-memory').dataset.level = levelOf(share);
    rates.draw(points);
    streams.draw(points);
  };
}

export const levelOf = (share) =>
  share > 0.9 ? 'bad' : share > 0.7 ? 'warn' : '';
