/* httpd's children: what each carries, and how busy its reactor is. */

import { $, fillRows } from './dom.js';
import { count, percent } from './format.js';

export function children(feed) {
  return () => {
    const { last, minuteAgo } = feed;
    const list = last.children ?? [];
    const several = Boolean(last.nodes);
    $('children-empty').hidden = list.length > 0;
    $('children-node').hidden = !several;
    fillRows(
      $('children-rows'),
      [...list].sort((a, b) => a.node - b.node || a.seat - b.seat),
      ({ node, pid, seat }) => `${node} ${pid} ${seat}`,
      (child) => [
        ...(several ? [String(child.node)] : []),
        String(child.pid),
        String(child.seat),
        count(child.streams),
        busyCell(child, last, minuteAgo),
        String(child.generation),
        child.draining
          ? { text: 'draining', level: 'warn' }
          : { text: 'serves', level: '' },
      ],
    );
  };
}

function busyCell(child, now, before) {
  const then = before?.children?.find(
    ({ node, pid, seat }) =>
      node === child.node && pid === child.pid && seat === child.seat,
  );
  const time = before ? now.time - before.time : 0;
  if (!then || !(time > 0) || child.busy_ms < then.busy_ms) {
    return '–';
  }
  const share = (child.busy_ms - then.busy_ms) / time;
  return {
    text: percent(share),
    level: share > 0.9 ? 'bad' : share > 0.6 ? 'warn' : '',
  };
}
