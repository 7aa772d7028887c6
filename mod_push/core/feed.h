#ifndef PUSH_FEED_H
#define PUSH_FEED_H

#include "core/types.h"

/*
 * The server's own channels, to which it publishes what happens.  They are
 * followed like any other, by whoever a pattern that begins with `$` lets.
 */
typedef enum push_feed_t {
    PUSH_FEED_RECEIPTS,
    PUSH_FEED_DEADLETTERS,
    PUSH_FEED_PRESENCE,
    PUSH_FEED_STATS,
    PUSH_FEEDS
} push_feed_t;

#define PUSH_FEED_BIT(feed) (1u << (feed))

/* The name of its channel, "$receipts"; borrowed for good. */
push_text_t push_feed_channel(push_feed_t feed);

/* PUSH_FEED_BIT() of the feed with this channel; 0: it is none of them. */
uint32_t push_feed_bit(push_text_t channel);

#endif
