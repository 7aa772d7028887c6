/*
 * How long from publish to socket, and from there to the acknowledgement: the
 * quantiles of the last minute, by urgency.
 */

import { $, fillRows } from './dom.js';
import { seconds } from './format.js';
import { between, quantile } from './rates.js';

const URGENCIES = ['high', 'normal', 'low', 'very-low'];
const QUANTILES = [0.5, 0.95, 0.99];

export function latency(feed) {
  return () => {
    const { last, minuteAgo } = feed;
    const here = Boolean(last.write_latency || last.ack_latency);
    $('latency').hidden = !here;
    if (!here) {
      return;
    }
    fillRows(
      $('latency-rows'),
      URGENCIES,
      (urgency) => urgency,
      (urgency) => [
        urgency,
        ...quantiles(last.write_latency, minuteAgo?.write_latency, urgency),
        ...quantiles(last.ack_latency, minuteAgo?.ack_latency, urgency),
      ],
    );
  };
}

function quantiles(now, before, urgency) {
  const counts = now?.[urgency];
  if (!counts) {
    return QUANTILES.map(() => '–');
  }
  const recent = between(counts, before?.[urgency]);
  return QUANTILES.map((q) => seconds(quantile(q, now.buckets, recent)));
}
