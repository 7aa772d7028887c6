#ifndef PUSH_CORE_WHOLE_H
#define PUSH_CORE_WHOLE_H

#include "core/health.h"
#include "core/nodes.h"
#include "core/view.h"

/* The server as a whole, be it one machine or all nodes of a cluster. */

/* What <admin>/stats says: figures are sums; something is failing, lagging or
 * refusing where it is so at some node. */
typedef struct push_whole_t {
    push_stats_view_t stats;
    push_health_t health;
    bool alone; /* there is one machine: nodes are not set */
    push_nodes_asked_t nodes;
} push_whole_t;

#define PUSH_READING_CHILDREN 256u /* reactors of which it tells, at most */

/* What `$stats` says, each second. */
typedef struct push_reading_t {
    push_whole_t whole;
    uint64_t sums[PUSH_COUNTS]; /* by push_count_t; of latencies alone */
    unsigned children_count;
    push_reactor_view_t children[PUSH_READING_CHILDREN];
} push_reading_t;

#endif
