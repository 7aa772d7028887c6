/*
 * A Redis Cluster of redis-servers for one test: masters that share all slots
 * evenly, each with as many replicas.
 */
#ifndef HARNESS_REDISCLUSTER_H
#define HARNESS_REDISCLUSTER_H

#include "redis.h"

#define REDIS_CLUSTER_MAX 12

struct redis_cluster {
    int masters; /* of servers[], the first ones at the start */
    int count;   /* of servers[] */
    struct redis *servers[REDIS_CLUSTER_MAX]; /* server i replicates
                                                 i % masters at the start */
};

/* Start so many masters (usually 3) with so many replicas each, and wait until
 * all are well. node-timeout is 2 s. options may be NULL. */
struct redis_cluster *redis_cluster_start(int masters, int replicas,
                                          const struct redis_options *options);

/* True if all servers that run say that the cluster is well, each slot has its
 * master, and each replica is in step with one. */
bool redis_cluster_is_well(struct redis_cluster *c);

/* The server that has the slot now, as others say; NULL where nobody is known
 * to have it. */
struct redis *redis_cluster_master_of(struct redis_cluster *c, int slot);

/* A replica of a server that runs, or NULL. */
struct redis *redis_cluster_replica_of(struct redis_cluster *c,
                                       const struct redis *master);

/* Move slots first to last, with what is in them, to another master. */
void redis_cluster_move(struct redis_cluster *c, int first, int last,
                        struct redis *to);

/* Two addresses of it, as PushCluster takes them. */
const char *redis_cluster_urls(const struct redis_cluster *c);

#endif
