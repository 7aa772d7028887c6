#ifndef PUSH_FOLLOWERS_H
#define PUSH_FOLLOWERS_H

#include "stream/loop/map.h"

/*
 * Which streams of this reactor follow which channel.  A publish to a channel
 * wakes each reactor once; from there the wake-up spreads through these lists.
 * One thread.
 */

typedef struct push_follower_t {
    uint32_t channel;        /* reference in shared memory */
    uint32_t stream;         /* index */
    uint32_t next, prev;     /* of the same channel; index + 1 */
    uint32_t next_of_stream; /* index + 1; also links free entries */
} push_follower_t;

typedef struct push_followers_t {
    push_map_t first; /* channel → its first follower, index + 1 */
    push_follower_t *entries;
    uint32_t room;
    uint32_t used; /* entries that were ever used */
    uint32_t free; /* index + 1 */
} push_followers_t;

bool push_followers_init(push_followers_t *followers);
void push_followers_cleanup(push_followers_t *followers);

/* Adds a channel to a stream's list; false when there is no memory. */
bool push_followers_add(push_followers_t *followers, uint32_t channel,
                        uint32_t stream, uint32_t *list);

/*
 * Takes the first channel off a stream's list.  True if nobody follows it any
 * more.
 */
bool push_followers_drop(push_followers_t *followers, uint32_t *list,
                         uint32_t *channel);

/* The first follower of a channel, or NULL. */
const push_follower_t *push_followers_of(const push_followers_t *followers,
                                         uint32_t channel);
const push_follower_t *push_followers_next(const push_followers_t *followers,
                                           const push_follower_t *follower);

#endif
