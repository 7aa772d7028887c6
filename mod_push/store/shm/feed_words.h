#ifndef PUSH_FEED_WORDS_H
#define PUSH_FEED_WORDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/feed.h"

/* The server's own channels, as all processes know them; feeds/feeds.c. */
typedef struct push_feed_words_t {
    /* PUSH_FEED_BIT(): its channel may exist, with the lock of its shard;
     * PUSH_FEED_ELSEWHERE(): it does at another node of the cluster */
    _Atomic uint32_t known;
    _Atomic int64_t next[PUSH_FEEDS]; /* mono ms; of those that are periodic */
    _Atomic uint64_t dropped;         /* events that could not be published */
} push_feed_words_t;

#define PUSH_FEED_ELSEWHERE(bits) ((uint32_t)(bits) << 16)
#define PUSH_FEED_HERE            UINT16_MAX

/* Whether another node has told that its channel is followed there. */
static inline bool push_feed_elsewhere(const push_feed_words_t *words,
                                       push_feed_t feed)
{
    return atomic_load_explicit(&words->known, memory_order_relaxed)
           & PUSH_FEED_ELSEWHERE(PUSH_FEED_BIT(feed));
}

/* False: nobody follows the channel of this feed.  Takes no lock. */
static inline bool push_feed_known(const push_feed_words_t *words,
                                   push_feed_t feed)
{
    return atomic_load_explicit(&words->known, memory_order_relaxed)
           & (PUSH_FEED_BIT(feed) | PUSH_FEED_ELSEWHERE(PUSH_FEED_BIT(feed)));
}

#endif
