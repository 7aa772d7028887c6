#ifndef PUSH_NODES_H
#define PUSH_NODES_H

#include "core/types.h"

/* What administrators see of a cluster: its nodes, and this one's masters. */

/* What each node tells the others of itself with its lease, by these words
 * (docs/protocol.md).  All are gauges or only grow. */
#define PUSH_NODE_TABLE(FIGURE)                                               \
    FIGURE(STREAMS, "streams") /* that are open */                            \
    FIGURE(USERS, "users")     /* in its memory, as the next two */           \
    FIGURE(DEVICES, "devices")                                                \
    FIGURE(CHANNELS, "channels")                                              \
    FIGURE(PUBLISHED, "published") /* messages that came to it */             \
    FIGURE(DELIVERED, "delivered")                                            \
    FIGURE(ACKED, "acked")                                                    \
    FIGURE(MEMORY_SIZE, "memory_size") /* bytes of PushShmSize */             \
    FIGURE(MEMORY_USED, "memory_used")                                        \
    FIGURE(MASTERS, "masters") /* of Redis */                                 \
    FIGURE(LAG, "lag_ms")      /* of the one drained longest ago */           \
    FIGURE(SUSPECT, "suspect") /* partitions that are asked for */

typedef enum push_node_figure_t {
#define PUSH_NODE_FIGURE(name, word) PUSH_NODE_##name,
    PUSH_NODE_TABLE(PUSH_NODE_FIGURE)
#undef PUSH_NODE_FIGURE
        PUSH_NODE_FIGURES
} push_node_figure_t;

#define PUSH_NODES_MAX    64u
#define PUSH_NODE_URL     256u /* bytes of PushClusterUrl */
#define PUSH_NODE_VERSION 23u
#define PUSH_MASTER_NAME  127u
#define PUSH_REGION_NAME  64u
#define PUSH_REGIONS_MAX  8u

typedef struct push_node_view_t {
    uint32_t owner;                      /* node id << 10 | incarnation */
    uint32_t self;                       /* 1: this node */
    int64_t renewed;                     /* mono ms of this machine */
    char url[PUSH_NODE_URL + 1];         /* "": it has none */
    char version[PUSH_NODE_VERSION + 1]; /* of its module */
    uint32_t feeds; /* PUSH_FEED_BIT(): whose channels are followed there */
    uint64_t of[PUSH_NODE_FIGURES]; /* as of its last lease */
} push_node_view_t;

/* Of which nodes something is asked; a single machine is all of them. */
#define PUSH_OF_ALL          0u
#define PUSH_OF_SELF         1u
#define PUSH_OF_NODE(number) (2u + (number))

/* Who was asked for something that all nodes have a part of, by number. */
typedef struct push_nodes_asked_t {
    unsigned answered_count, silent_count;
    uint8_t answered[PUSH_NODES_MAX];
    uint8_t silent[PUSH_NODES_MAX]; /* what they have is not in it */
} push_nodes_asked_t;

/* One master of Redis, as this node sees it. */
typedef struct push_master_view_t {
    char name[PUSH_MASTER_NAME + 1]; /* its address */
    unsigned partitions;
    unsigned suspect; /* of them: those that are being asked for */
    int64_t drained;  /* mono ms; 0: never */
    int64_t offset;   /* its clock less this machine's, ms */
} push_master_view_t;

/* Another region, as PushRelay names it. */
typedef struct push_region_view_t {
    char name[PUSH_REGION_NAME + 1];
    uint64_t waiting; /* messages for it, in all of the cluster */
    int64_t oldest;   /* wall ms of the first of them; 0: none waits */
    int64_t trouble;  /* wall ms since when it takes nothing; 0: it does */
} push_region_view_t;

typedef struct push_cluster_view_t {
    bool leased;
    uint32_t owner;
    int64_t lease;       /* mono ms; 0: never */
    uint32_t unreadable; /* records that this version could not read */
    unsigned nodes_count, masters_count, regions_count;
    push_node_view_t nodes[PUSH_NODES_MAX];
    push_master_view_t masters[PUSH_NODES_MAX];
    push_region_view_t regions[PUSH_REGIONS_MAX];
    int64_t relay_known; /* wall ms; as of when waiting and oldest are */
} push_cluster_view_t;

#endif
