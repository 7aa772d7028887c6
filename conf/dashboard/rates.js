/* What can be told of counters and histograms that only rise. */

/* How much a second, or null: the counter began anew, or no time passed. */
export function rate(now, before, name) {
  const time = (now.time - before.time) / 1000;
  const more = now[name] - before[name];
  return time > 0 && more >= 0 ? more / time : null;
}

/*
 * A quantile of a histogram whose counts are cumulative and whose last bucket
 * has no bound, straight between the bounds of a bucket; null where it is
 * empty.  What lies above the last bound counts as that bound.
 */
export function quantile(q, bounds, counts) {
  const total = counts[counts.length - 1];
  if (!(total > 0)) {
    return null;
  }
  const rank = q * total;
  const at = counts.findIndex((sum) => sum >= rank);
  if (at >= bounds.length) {
    return bounds[bounds.length - 1];
  }
  const below = at ? counts[at - 1] : 0;
  const from = at ? bounds[at - 1] : 0;
  const inside = counts[at] - below;
  return inside > 0
    ? from + ((bounds[at] - from) * (rank - below)) / inside
    : bounds[at];
}

/* What came between two readings; all of it where it began anew. */
export function between(now, before) {
  if (!before || now.some((sum, at) => sum < (before[at] ?? 0))) {
    return now;
  }
  return now.map((sum, at) => sum - (before[at] ?? 0));
}

/* Whether two readings are sums of the same nodes; of a server that is alone
 * they always are. */
export function sameNodes(one, other) {
  return nodesOf(one) === nodesOf(other);
}

const nodesOf = ({ nodes }) =>
  [...(nodes?.answered ?? [])].sort((a, b) => a - b).join(' ');
