#ifndef PUSH_FEED_STATS_H
#define PUSH_FEED_STATS_H

#include "feeds/feeds.h"

/*
 * What $stats publishes: one message a second of the whole server, while a
 * stream follows it.  data is the push_broker_t.
 */
#define PUSH_STATS_EVERY_MS 1000

void push_feed_stats(push_feeds_t *feeds, const push_time_t *now, void *data);

#endif
