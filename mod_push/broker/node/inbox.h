#ifndef PUSH_INBOX_H
#define PUSH_INBOX_H

#include "broker/library/follow_calls.h"
#include "broker/node/node.h"

/*
 * The link's part of a drain: whether the inbox goes on where it was, and what
 * its entries say, in their order.  It waits for nothing but locks of shards.
 */

/* Who takes an entry of a kind; it never waits for Redis. */
typedef void push_entry_take_t(push_cluster_t *cluster,
                               const push_inbox_entry_t *entry);

/*
 * What a master gave of our inbox.  master: its index in the words.  partition
 * is the one that was asked with.  True if partitions became suspect.
 */
bool push_inbox_take(push_cluster_t *cluster, unsigned master,
                     unsigned partition, const push_drain_reply_t *drained);

#endif
