#ifndef PUSH_PLACES_H
#define PUSH_PLACES_H

#include "store/shard/store.h"

/*
 * The places in logs that a device takes at a check-in, and what channels
 * count of them.
 */

/* Prepared before the device's shard is locked. */
typedef struct push_places_t {
    push_sub_t subs[PUSH_SUB_CHANNELS + PUSH_CHANNELS_MAX];
    unsigned count;
    bool room; /* there is memory for a new channel, user or context */
} push_places_t;

/*
 * Finds the channels of a check-in, or brings them into being as far as there
 * is room and the limit lets it: PUSH_NO_MEMORY, PUSH_BUSY,
 * PUSH_TOO_MANY_CHANNELS.  New places begin at the end of the channel, or at
 * what is still kept (from_oldest).  Whatever it returns,
 * push_places_arrived() follows.
 */
push_status_t push_places_take(push_store_t *store, push_places_t *places,
                               const push_text_t *channels, unsigned count,
                               bool from_oldest);

/* The check-in is over: no channel has to wait for it any more. */
void push_places_arrived(push_store_t *store, const push_places_t *places);

/* True if the channel is among them. */
bool push_places_have(const push_places_t *places, push_ref_t log);

/*
 * Counts by how many devices channels are followed, or by how many open
 * streams.  Up before the device says so, and down after: a count that a
 * death left behind is too high, so no channel goes that somebody reads.
 */
void push_places_count(push_store_t *store, const push_sub_t *subs,
                       unsigned count, int by);
void push_places_connect(push_store_t *store, const push_sub_t *subs,
                         unsigned count, int by);

#endif
