/*
 * A cluster for one test: several httpd of two children each with the module,
 * on one redis-server or on a Redis Cluster. All of it ends with the test.
 */
#ifndef HARNESS_CLUSTER_H
#define HARNESS_CLUSTER_H

#include "cable.h"
#include "rediscluster.h"
#include "server.h"

#define CLUSTER_NODES_MAX 8

/* How a cluster differs from the usual one; zero and NULL mean the usual. */
struct cluster_options {
    int nodes;                  /* 3 */
    int masters;                /* of a Redis Cluster; usually one
                                    redis-server alone */
    int replicas;               /* of each master */
    struct redis_options redis; /* how each redis-server is */
    struct server_options node; /* how each node is; its `global` lines come
                                    behind those that make it a node; its
                                    `port` is for one node alone */
    bool cables;                /* each node reaches the redis-server that is
                                    alone by a cable of its own */
    const char *user;           /* "NAME:PASSWORD@" within its PushCluster */
};

struct cluster {
    struct cluster_options options;
    int count;
    struct server *nodes[CLUSTER_NODES_MAX];
    struct cable *cables[CLUSTER_NODES_MAX]; /* of each node, or NULL */
    struct redis *redis;          /* the one that is alone, or NULL */
    struct redis_cluster *engine; /* the Redis Cluster, or NULL */
    const char *secret;           /* the file of PushClusterSecret */
};

/* Start all, and wait until each node is well and knows all the others.
 * options may be NULL. */
struct cluster *cluster_start(const struct cluster_options *options);

/* The same without any node: cluster_add() starts them one by one. */
struct cluster *cluster_prepare(const struct cluster_options *options);

/* Start one more node; it may not be well yet. */
struct server *cluster_add(struct cluster *c);

/* The lines that make a server a node of this cluster, which listens on this
 * port. */
const char *cluster_lines(const struct cluster *c, int port);

/* Kill a node with all its processes by SIGKILL, as a power cut does; start it
 * again, at its port, with server_again(). */
void cluster_kill(struct server *node);

/* All processes of a node stand still, and go on. */
void cluster_pause(const struct server *node);
void cluster_continue(const struct server *node);

/* True if the node says that all is well with it. */
bool cluster_node_is_well(const struct server *node);

/* Wait until all nodes that run are well. */
void cluster_await_well(const struct cluster *c);

#endif
