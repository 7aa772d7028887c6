#ifndef PUSH_RELAY_WORDS_H
#define PUSH_RELAY_WORDS_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/nodes.h"

/*
 * What waits for other regions in all of the cluster, as the node's child that
 * has the link heard it last from Redis; part of push_cluster_words_t.
 */

typedef struct push_relay_region_words_t {
    _Atomic uint64_t waiting;
    _Atomic int64_t oldest; /* wall ms of the first of them; 0: none waits */
    _Atomic int64_t
        trouble; /* wall ms since when it takes nothing; 0: it does */
} push_relay_region_words_t;

typedef struct push_relay_words_t {
    _Atomic int64_t known; /* wall ms of the last answer of all masters; 0 */
    push_relay_region_words_t regions[PUSH_REGIONS_MAX];
} push_relay_words_t;

#endif
