/*
 * What is not in $stats: some of <admin>/metrics, asked for while somebody
 * looks, in Prometheus's text form.
 */

import { metrics } from './api.js';
import { parse } from './samples.js';

const EVERY_MS = 10000;

/* heard(samples): an array of { name, labels, value }. */
export function figures(heard) {
  let timer = 0;

  async function refresh() {
    clearTimeout(timer);
    if (!document.hidden) {
      await metrics()
        .then((text) => heard(parse(text)))
        .catch(() => {}); // the panels keep what they showed
    }
    timer = setTimeout(refresh, EVERY_MS);
  }
  document.addEventListener('visibilitychange', refresh);
  refresh();
}
