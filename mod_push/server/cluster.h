#ifndef PUSH_SERVER_CLUSTER_H
#define PUSH_SERVER_CLUSTER_H

#include "broker/broker.h"
#include "http/settings.h"
#include "store/limits/guard.h"
#include "store/shard/store.h"
#include "stream/loop/reactor.h"

/* This server as a node of a cluster (PushCluster), as httpd runs it. */

/* ---- the parent; false after a sentence in the log ---- */

/* Takes over the settings, and reads the files that they name. */
bool push_server_cluster_read(server_rec *s, const push_global_t *global);

/* The same alone, for the test of a configuration. */
bool push_server_cluster_check(server_rec *s, const push_global_t *global);

/* True if the settings that were read are those of a node. */
bool push_server_cluster_wanted(void);

/*
 * Before a segment is made: looks whether Redis is as it must be, and gets the
 * key by which the cluster hashes names.  True where it is not wanted.
 */
bool push_server_cluster_meet(server_rec *s);

/* 16 bytes, since push_server_cluster_meet(); NULL: not wanted. */
const unsigned char *push_server_cluster_key(void);

/*
 * For a segment that is made: the words of the node, and what all nodes' guards
 * have in common.  True where it is not wanted, *words is NULL then.
 */
bool push_server_cluster_make(server_rec *s, push_guard_t *guard, void **words,
                              uint64_t *size);

/* ---- a child ---- */

/* The broker of this node or, without words, of this machine alone. */
void push_server_cluster_init(server_rec *s, push_store_t *store, void *words,
                              push_broker_t *broker);

/*
 * A node's threads, and their end; no-ops on one machine.  leave: how long
 * another child may come, then the node ends with this one if it is the last;
 * NULL: another generation of children goes on with it.
 */
void push_server_cluster_start(server_rec *s);
void push_server_cluster_stop(const push_leave_t *leave);

#endif
