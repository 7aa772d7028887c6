#ifndef PUSH_NODE_H
#define PUSH_NODE_H

#include "broker/broker.h"
#include "broker/library/keys.h"
#include "store/shard/store.h"
#include "store/shm/cluster_words.h"

/*
 * A cluster, as one child of a node takes part in it.
 *
 *   workers   call the broker's functions; they queue commands at the courier
 *             and wait
 *   courier   one thread a child; see redis/courier.h
 *   link      one thread a child, but only the one that has the lead of the
 *             words works: it drains this node's inboxes, and waits for Redis
 *             on behalf of no single log or device
 *   steward   one thread a child; what has to wait for Redis but has no worker
 *   herald    one thread a child, of which the one beside the link works: it
 *             publishes what Redis keeps for later, at its time
 */

#define PUSH_LEASE_EVERY_MS 3000 /* how often a node renews its number */

struct push_courier_t;
struct push_link_t;
struct push_steward_t;
struct push_redis_settings_t;
struct push_saver_t;
struct push_relay_t;
struct push_herald_t;
struct push_relay_options_t;
struct push_rows_t;

/* What a node has to say; server/cluster.c makes log messages of it. */
typedef enum push_cluster_event_t {
    PUSH_CLUSTER_TROUBLE,    /* a master's inbox has a hole: logs are asked */
    PUSH_CLUSTER_AWAY,       /* a master does not answer */
    PUSH_CLUSTER_BACK,       /* it does again */
    PUSH_CLUSTER_REFUSED,    /* Redis says that something is set up wrongly */
    PUSH_CLUSTER_NO_WRITES,  /* it takes none now, but goes on reading */
    PUSH_CLUSTER_UNREADABLE, /* a record that this version cannot read */
    PUSH_CLUSTER_LEASE_LATE, /* the lease could not be renewed */
    PUSH_CLUSTER_LEASED,     /* this node has a number, or another one */
    PUSH_CLUSTER_CROWDED,    /* there are as many nodes as may be */
    PUSH_CLUSTER_FOREIGN,    /* Redis has another cluster's data now */
    PUSH_CLUSTER_CUT_OFF,    /* Redis answers a peer, but not this node */
    PUSH_CLUSTER_LEFT,       /* the node has ended, and has no device more */
    PUSH_CLUSTER_LEFT_SOME,  /* it had no time to give up all of them */
    PUSH_CLUSTER_OVERTOOK,   /* the child with the link stands still */
    PUSH_CLUSTER_OVERTAKEN,  /* it was this one */
    PUSH_CLUSTER_EVENTS
} push_cluster_event_t;

typedef struct push_cluster_options_t {
    const struct push_redis_settings_t *redis; /* how it is reached */
    const char *prefix;                        /* of all keys and channels */
    const char *url;                           /* of this node; "" for none */
    const char *version;                       /* of the module */
    unsigned replicas;                         /* PushClusterReplicas */
    int64_t linger;                            /* ms */
    int64_t patience;                          /* ms; 0: without end */
    push_durability_t durability;
    unsigned char check[16]; /* of PushClusterSecret, see push_meta_call_t */
    const struct push_relay_options_t *relay; /* to regions; NULL: to none */
    /* Any thread. */
    void (*report)(void *data, push_cluster_event_t what, const char *detail);
    void (*part)(void); /* lets this child's streams go; the steward's */
    void *data;
} push_cluster_options_t;

typedef struct push_cluster_t {
    push_store_t *store;
    push_broker_t local; /* this machine's store alone; broker/local.h */
    push_cluster_words_t *words;
    push_cluster_options_t options; /* what it refers to is borrowed */
    push_text_t prefix;             /* as options has it */
    struct push_courier_t *courier;
    struct push_link_t *link;
    struct push_steward_t *steward;
    struct push_saver_t *saver;
    struct push_herald_t *herald;
    struct push_relay_t *relay; /* NULL: there is no other region */
    _Atomic unsigned yielding;  /* yields of this child, until settled: */
    push_bell_t settled;        /* rung then */
    _Atomic unsigned yielded;   /* those by which a device went */
    /* what a survey asks a node; broker/views/answers.h */
    bool (*answer)(struct push_cluster_t *cluster, unsigned kind,
                   push_text_t question, struct push_rows_t *rows);
    _Atomic bool
        linked; /* this child has the link; see push_cluster_leads() */
    _Atomic uint32_t term; /* in which it has, or had it */
    _Atomic bool runs;     /* all threads of this child do */
} push_cluster_t;

/* This node's number in Redis; PUSH_OWNER_NOBODY until it has one. */
static inline unsigned push_cluster_owner(const push_cluster_t *cluster)
{
    return atomic_load(&cluster->words->owner);
}

static inline push_lead_ref_t push_cluster_lead(const push_cluster_t *cluster)
{
    return (push_lead_ref_t){&cluster->words->link,
                             atomic_load(&cluster->term)};
}

/* This child has the link, and no other one has taken it meanwhile. */
static inline bool push_cluster_leads(const push_cluster_t *cluster)
{
    const push_lead_ref_t lead = push_cluster_lead(cluster);

    return atomic_load(&cluster->linked) && push_lead_is(&lead);
}

/* ---- where names live; see also broker/library/keys.h ---- */

/* The partition of a user or a channel; of the broadcast 0. */
static inline unsigned push_cluster_partition(const push_name_t *name)
{
    return name->shard << 4 | (unsigned)(name->hash >> 38 & 15);
}

static inline push_home_t push_cluster_home(const push_cluster_t *cluster,
                                            unsigned partition)
{
    return (push_home_t){cluster->prefix, partition};
}

/* ---- clocks ---- */

/*
 * The moment (mono ms) that a master's clock (wall ms) will say expires, by
 * the offset of the last drain; by this machine's clock before the first.
 */
int64_t push_cluster_until(const push_cluster_t *cluster, unsigned partition,
                           int64_t expires, const push_time_t *now);

#endif
