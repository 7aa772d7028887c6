#ifndef PUSH_CLUSTER_WORDS_H
#define PUSH_CLUSTER_WORDS_H

#include <stdatomic.h>

#include "store/shm/address_words.h"
#include "store/shm/awaited.h"
#include "store/shm/lead.h"
#include "store/shm/relay_words.h"
#include "store/shm/roster.h"

/*
 * What all children of a node of a cluster must agree on: who holds the link,
 * how far each inbox is drained, which partitions are suspect.  A shared
 * mapping of its own beside the segment, made with it by the parent, and there
 * in a cluster only.
 *
 * Whoever has the link writes all but the lead.  It may die at any instruction:
 * `have` is stored when what was drained is applied, and an entry that is
 * applied twice is skipped by its log's version.
 */

#define PUSH_MASTERS_MAX        64u
#define PUSH_CLUSTER_PARTITIONS 1024u

/*
 * A partition whose state has this bit is suspect: its entries are not applied
 * until its logs are asked for.  See push_partition_suspected().
 */
#define PUSH_PARTITION_SUSPECT 1u

/* One master, as the link knows it. */
typedef struct push_master_words_t {
    uint64_t name;           /* hash of its address; 0: none was seen */
    char vm[24];             /* the id of its library's state; "": none */
    _Atomic uint64_t have;   /* the last entry of its inbox that is applied */
    _Atomic int64_t drained; /* mono ms, 0: never; the inbox was empty */
    _Atomic int64_t offset;  /* ms; its clock (wall) less ours (mono) */
} push_master_words_t;

/* A node that is asked for devices, see broker/node/frozen.h. */
typedef struct push_frozen_words_t {
    _Atomic uint32_t missed; /* owner << 16 | time-outs */
    _Atomic int64_t until;   /* mono ms; until then it is not asked */
} push_frozen_words_t;

/* A partition whose devices are written anew, see broker/node/anew.h. */
typedef struct push_anew_words_t {
    _Atomic uint16_t wanted; /* counts up, and begins again */
    _Atomic uint16_t done;   /* of that */
} push_anew_words_t;

#define PUSH_NODES_MAX 64u

/* Logs share them: who is woken looks whether it was its own. */
#define PUSH_LOAD_BELLS 64u

typedef struct push_cluster_words_t {
    push_lead_t link;            /* had by the child that is the node's link */
    _Atomic uint32_t owner;      /* this node's number, or 0: it has none */
    _Atomic int64_t lease;       /* mono ms, 0: never; when it was renewed */
    _Atomic uint32_t unreadable; /* records that this version cannot read */
    push_master_words_t masters[PUSH_MASTERS_MAX];
    uint8_t home[PUSH_CLUSTER_PARTITIONS]; /* its master's index, + 1 */
    _Atomic uint32_t states[PUSH_CLUSTER_PARTITIONS]; /* of suspicion */
    /* of the data of each; 0: not known */
    _Atomic uint64_t epochs[PUSH_CLUSTER_PARTITIONS];
    push_anew_words_t anew[PUSH_CLUSTER_PARTITIONS];
    push_frozen_words_t frozen[PUSH_NODES_MAX];
    _Atomic uint64_t tags_due; /* shards, as bits; broker/node/tags.h */
    _Atomic int64_t tags_look; /* mono ms; when all are looked at next */
    _Atomic uint32_t partings; /* how often all streams were let go */
    _Atomic uint32_t departs; /* pid of the process that ends the node, or 0 */
    _Atomic int64_t linger;   /* mono ms; when what is idle is given up next */
    /* a log was loaded or left, or that was given up */
    push_bell_t loads[PUSH_LOAD_BELLS];
    push_awaited_t awaited;         /* what threads of the node wait for */
    push_roster_t roster;           /* who else takes part */
    push_relay_words_t relay;       /* what waits for other regions */
    push_address_words_t addresses; /* with many streams, of all nodes */
} push_cluster_words_t;

/* In zeroed shared memory; false: no lock can be made. */
bool push_cluster_words_create(push_cluster_words_t *words);

#endif
