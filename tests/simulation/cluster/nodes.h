#ifndef CS_NODES_H
#define CS_NODES_H

#include "broker/broker.h"
#include "simulation/cluster/threads.h"
#include "store/shard/store.h"

/*
 * The nodes: each a segment, the words of a cluster and all that
 * broker/cluster/cluster.h starts, in one process each.  Names are chosen so
 * that the broadcast, the first user and nobody else are in partition 0, the
 * second user and the channel in another.
 */

#define CS_USERS           2
#define CS_LOGS            4 /* as the model has them: users, channel, all */
#define CS_OTHER_PARTITION (17u << 4 | 3)

/* The names are looked for; once in a process. */
void cs_names_choose(void);
push_text_t cs_user_name(unsigned user);
push_text_t cs_channel_name(void);
push_text_t cs_log_name(unsigned log);
unsigned cs_log_master(unsigned log);

/* All are down. */
void cs_nodes_reset(bool commit);

void cs_node_start(int node);

/* Its processes die at once; nothing is left of them. */
void cs_node_kill(int node);
bool cs_node_is_up(int node);

/* One sweep of its segment. */
void cs_node_sweep(int node);

push_broker_t *cs_node_broker(int node);
push_store_t *cs_node_store(int node);

/* Which life of the node this is; from 1 on. */
unsigned cs_node_life(int node);

/* Who has this number; CS_NOBODY: nobody who is up. */
int cs_node_of(unsigned owner);

/* How many connections of that owner wait for wakes. */
unsigned cs_node_listens(unsigned owner);

/* Whether no partition is suspect there, and it has a number. */
bool cs_node_is_well(int node);

#endif
