/*
 * A cluster as it is run, for faults: three nodes of two children each on a
 * Redis Cluster of three masters with a replica each, behind a balancer that
 * gives to each node in turn, so that acknowledgements and reconnects go
 * anywhere. Clients are bare ones and those of both SDKs. Every server has a
 * wall clock of its own, and the last node a network of its own, where the
 * machine permits that.
 */
#ifndef CHAOS_CLUSTER_SCENE_H
#define CHAOS_CLUSTER_SCENE_H

#include "chaos.h"
#include "cluster.h"
#include "crowd.h"
#include "feed.h"
#include "journal.h"
#include "loop.h"
#include "outsiders.h"
#include "wallclock.h"

#define SCENE_NODES 3
#define SCENE_KINDS 3 /* of clients: bare, C SDK, JavaScript SDK */
#define SCENE_FEEDS 4 /* to users of each kind, and to the channel of all */

struct scene {
    struct loop *loop;
    struct cluster *cluster;
    struct server *front; /* the balancer */
    struct journal *journal;
    struct dice dice;
    int clients; /* of each kind */
    struct crowd *crowd;
    struct outsiders *outsiders[SCENE_KINDS - 1];
    struct feed *feeds[SCENE_FEEDS];
    struct wallclock *clocks[SCENE_NODES];
    int far;       /* the network of the last node; 0: none */
    int64_t pause; /* for how long something stands still (ms) */
    int64_t bare;  /* for how long a master that took over had no replica
                      (ms): nothing can be committed then */
};

/* All of it, with so many clients of each kind, who all have a stream. It
 * lives until the test ends. */
struct scene *scene_start(int clients);

/* Start a node that was killed, without waiting. */
void scene_begin_node(const struct scene *scene, int i);

/* The clock of a redis-server of it. */
struct wallclock *scene_clock_of(const struct redis *r);

/* How many clients have a stream. */
int scene_open(const struct scene *scene);

/* NULL if all nodes and all of Redis are well, and no publisher waits; else
 * what is not.  It asks those that answer first, so that it takes long only
 * where all does. */
const char *scene_ill(const struct scene *scene);

/* The longest time for which a message has been tried, or was until it was
 * accepted, since scene_forget_waits() (ms). */
int64_t scene_longest_wait(const struct scene *scene);
void scene_forget_waits(struct scene *scene);

/* True if every node has the same of each log as the others that follow it,
 * and lacks nothing. *why says what differs. */
bool scene_agrees(const struct scene *scene, const char **why);

#endif
