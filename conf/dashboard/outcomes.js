/* What became of messages, by reason, and the gaps that devices were told. */

import { $, fillRows, setText } from './dom.js';
import { count } from './format.js';
import { sums } from './samples.js';

const OUTCOMES = [
  ['acked', 'acknowledged', 'the device is done with it'],
  ['expired', 'expired', 'its TTL ended first'],
  ['replaced', 'replaced', 'a newer one of its Topic came'],
  ['recalled', 'recalled', 'taken back by its publisher'],
  ['evicted', 'evicted', 'memory or a mailbox was full'],
  ['refused', 'refused', 'the mailbox was too full'],
  ['filtered', 'filtered', 'it was for other devices'],
  ['unacked', 'not acknowledged', 'the window was full for too long'],
  ['failed', 'failed', 'could not be delivered'],
];

/* Lost, against the wish of who published it. */
const BAD = new Set(['evicted', 'refused', 'failed']);

export function outcomes(feed) {
  return () => {
    const { last } = feed;
    const shown = OUTCOMES.filter(([name]) => name in last);
    fillRows(
      $('outcome-rows'),
      shown,
      ([name]) => name,
      ([name, label, why]) => [
        label,
        count(last[name]),
        { text: count(feed.inMinute(name)), level: levelOf(feed, name) },
        why,
      ],
    );
    setText($('total-published'), count(last.published));
    setText($('total-written'), count(last.delivered));
  };
}

/* samples: of <admin>/metrics. */
export function gaps(samples) {
  const reasons = Object.entries(sums(samples, 'push_gaps_total', 'reason'));
  const told = reasons.filter(([, number]) => number);
  const all = told.reduce((sum, [, number]) => sum + number, 0);
  $('gaps').hidden = !reasons.length;
  setText($('total-gaps'), count(all));
  setText(
    $('gap-reasons'),
    told.length
      ? ` (${told.map(([why, number]) => `${why} ${count(number)}`).join(', ')})`
      : '',
  );
}

const levelOf = (feed, name) =>
  BAD.has(name) && feed.inMinute(name) > 0 ? 'bad' : '';
