/*
 * What the server does, each second: the messages of its channel $stats, by
 * the SDK that this project ships.  Readings are kept for 15 minutes.
 */

import { deviceId, PushClient } from './sdk/index.js';
import { rate, sameNodes } from './rates.js';

export const MINUTES = 15;
const WINDOW_MS = 60000;
const SMOOTH_MS = 4500; // of rates: acknowledgements come in batches

export class Feed {
  #listeners = new Set();
  #client;
  points = []; // { time, streams, memory, published, written, acked }: lines
  recent = []; // whole readings of the last minute, the oldest first

  /* told(state, detail): open, waiting or closed, and why. */
  constructor(base, told) {
    this.#client = open(base, 'stats', ['$stats'], told);
    this.#client.addEventListener('stats', (message) =>
      this.#take(message.json()),
    );
  }

  /* heard(feed) is called after each reading. */
  listen(heard) {
    this.#listeners.add(heard);
  }

  get last() {
    return this.recent[this.recent.length - 1];
  }

  /* The oldest reading of the last minute, or undefined while there is but
   * one. */
  get minuteAgo() {
    return this.recent.length > 1 ? this.recent[0] : undefined;
  }

  /* How much more there is of a counter than a minute ago. */
  inMinute(name) {
    const before = this.minuteAgo;
    return before ? Math.max(0, this.last[name] - before[name]) : 0;
  }

  /* What rates are made against: the last reading that is old enough. */
  #earlier(time) {
    const old = this.recent.filter((one) => one.time <= time - SMOOTH_MS);
    return old[old.length - 1] ?? this.recent[0];
  }

  #take(reading) {
    const before = this.last;
    if (before && reading.time <= before.time) {
      return;
    }
    if (before && !sameNodes(before, reading)) {
      this.recent = []; // sums of other nodes: nothing came between them
    }
    const earlier = this.#earlier(reading.time);
    this.recent.push(reading);
    while (this.recent[0].time < reading.time - WINDOW_MS) {
      this.recent.shift();
    }
    this.points.push({
      time: reading.time,
      streams: reading.streams,
      memory: reading.memory.used,
      published: earlier ? rate(reading, earlier, 'published') : null,
      written: earlier ? rate(reading, earlier, 'delivered') : null,
      acked: earlier ? rate(reading, earlier, 'acked') : null,
    });
    while (this.points[0].time < reading.time - MINUTES * 60000) {
      this.points.shift();
    }
    for (const heard of this.#listeners) {
      heard(this);
    }
  }
}

/*
 * A client of channels of the server's own.  Each has a device id of its own,
 * so that the streams of a page do not take each other over; it is kept as
 * long as the tab.
 */
export function open(base, name, channels, told) {
  const client = new PushClient(base, {
    channels,
    device: `dashboard-${deviceId('sessionStorage', `mod-push ${name}`)}`,
  });
  client.onstate = ({ state, cause }) => told(state, cause?.message ?? '');
  return client;
}
