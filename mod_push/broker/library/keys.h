#ifndef PUSH_LIBRARY_KEYS_H
#define PUSH_LIBRARY_KEYS_H

#include "redis/command.h"

/*
 * Where things of the cluster live: a name's partition, the names of its keys
 * and of its log in Redis, and the numbers that tell them.
 */

#define PUSH_PREFIX_MAX   64  /* bytes of PushClusterPrefix */
#define PUSH_LOG_NAME_MAX 512 /* bytes of a log's name in Redis */

/* The cluster's keys, and the partition that a call is about. */
typedef struct push_home_t {
    push_text_t prefix; /* 1 to PUSH_PREFIX_MAX bytes, without braces */
    unsigned partition; /* below PUSH_PARTITIONS */
} push_home_t;

/* hash: that of the name, by the cluster's key.  The broadcast's: 0. */
static inline unsigned push_partition_of(uint64_t hash)
{
    return (unsigned)((hash >> 32) % 64) << 4 | (unsigned)(hash >> 38 & 15);
}

static inline unsigned push_partition_of_mid(uint64_t mid)
{
    return (unsigned)(mid >> 6 & 63) << 4 | (unsigned)(mid & 15);
}

static inline uint64_t push_mid_of_tick(uint64_t tick, unsigned partition)
{
    return tick << 12 | (uint64_t)(partition >> 4) << 6 | (partition & 15);
}

static inline uint64_t push_tick_of_mid(uint64_t mid)
{
    return mid >> 12;
}

/*
 * Who owns a device: a node (0 to 63) and which life of it (1 to 1023).
 * Nobody's number is 0.
 */
#define PUSH_OWNER_NOBODY      0u
#define PUSH_CLUSTER_NODES     64u
#define PUSH_OWNER_INCARNATION 1023u

static inline unsigned push_owner_make(unsigned node, unsigned incarnation)
{
    return node << 10 | incarnation;
}

static inline unsigned push_owner_node(unsigned owner)
{
    return owner >> 10;
}

/* Kinds of keys; what follows the kind is a log, a user, a name, or nothing. */
#define PUSH_KEY_HEADER    'h' /* ceiling of ticks, epoch of the data */
#define PUSH_KEY_FOLLOWERS 'f' /* log → who follows it */
#define PUSH_KEY_LANE      '0' /* + urgency; a lane of a log */
#define PUSH_KEY_TOPICS    'T' /* of a log */
#define PUSH_KEY_DEVICES   'D' /* of a user's log: context id → record */
#define PUSH_KEY_ANSWER    'K' /* of an idempotency key */
#define PUSH_KEY_RECALLS   'X' /* of a partition, in the last ten minutes */
#define PUSH_KEY_TICKET    'W' /* that was used */
#define PUSH_KEY_RATE      'Q' /* a bucket */
#define PUSH_KEY_RELAY     'O' /* of a region: what waits for it */
#define PUSH_KEY_LEASE                                                        \
    'o' /* of a region: who sends what waits; or push_hold's */
#define PUSH_KEY_LATER    'A' /* ids of what is kept, in order of time */
#define PUSH_KEY_LATER_OF 'a' /* id → what is kept */
#define PUSH_KEY_TAGS     'S' /* of a user's log: what the server adds */
#define PUSH_KEY_META     'm' /* of the cluster; partition 0 */
#define PUSH_KEY_NODES    'n' /* likewise */
#define PUSH_KEY_REVOKED  'r' /* likewise */

/*
 * One key as a word of the command.  The name is what follows the kind, and is
 * at most PUSH_LOG_NAME_MAX bytes, or the command fails.
 */
void push_library_key(push_command_t *command, const push_home_t *home,
                      char kind, push_text_t name);

/* The channel on which an owner is woken; terminated, *size bytes at most.
 * False if it does not fit. */
bool push_library_wake(const push_home_t *home, unsigned owner, char *text,
                       size_t size);

#endif
