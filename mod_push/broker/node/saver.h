#ifndef PUSH_NODE_SAVER_H
#define PUSH_NODE_SAVER_H

#include "broker/node/node.h"

/*
 * The saver: a thread of each child that writes what this node knows of its
 * devices to Redis.  Which devices are to be written is noted as for a state
 * on disk: at a shard's end, and by the sweep for those that only read on.
 * What another node has taken meanwhile ends here (FENCED); what Redis has
 * lost is claimed anew (GONE).
 *
 * In one child of the node at a time it also releases devices that have been
 * away for PushClusterLinger, and leaves logs that nobody here needs.
 */

typedef struct push_saver_t push_saver_t;

/* Starts the thread, and takes what the store hands over.  NULL, with errno. */
push_saver_t *push_saver_start(push_cluster_t *cluster);

/*
 * Sends what is queued, waits for it a second at most, and joins the thread.
 * What was sent may still be answered until the courier has stopped;
 * push_saver_free() is for behind that.
 */
void push_saver_stop(push_saver_t *saver);
void push_saver_free(push_saver_t *saver);

/* ---- any thread ---- */

/* A device of this user came back without a claim; its publishers are told. */
void push_saver_came_back(push_cluster_t *cluster, push_text_t user);

/*
 * Writes one device now, to as many replicas as PushClusterReplicas says, and
 * waits.  PUSH_STALE: another node has it; PUSH_NOT_FOUND: it is not ours here,
 * or there is no record of it; PUSH_NO_STATE.
 */
push_status_t push_saver_write(push_cluster_t *cluster, push_text_t user,
                               const unsigned char *id);

#endif
