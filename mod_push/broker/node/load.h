#ifndef PUSH_NODE_LOAD_H
#define PUSH_NODE_LOAD_H

#include "broker/library/follow_calls.h"
#include "broker/node/node.h"
#include "redis/request.h"
#include "store/ops/follow.h"
#include "store/ops/follow_walk.h"

/*
 * Brings a log to this node: begins to follow it, asks Redis, and puts the
 * answer into the segment.  For threads that may wait: workers, the saver.
 */

typedef struct push_load_t {
    push_text_t log; /* borrowed until the end */
    push_follow_t follow;
    push_request_t request;
    bool asked;            /* request was sent, and */
    bool waited;           /* it is over */
    bool taken;            /* the log has a piece of this errand's answer, */
    bool whole;            /* which is a whole one */
    push_dropped_t *marks; /* of all its pieces */
    unsigned marks_count;
} push_load_t;

/*
 * Begins; if nobody else is at it, follow.mine says so, and (ask) Redis is
 * asked.  push_load_end() follows, whatever it returns.  PUSH_BUSY,
 * PUSH_NO_MEMORY.
 */
push_status_t push_load_begin(push_cluster_t *cluster, push_load_t *load,
                              push_text_t log, bool ask);

/*
 * What was begun without a question: Redis has answered, in another call.  The
 * log is loaded as far as that goes; push_load_end() asks for the rest.
 */
push_status_t push_load_take(push_cluster_t *cluster, push_load_t *load,
                             const push_followed_t *followed);

/* What is said of the log's devices here, with the one that is to come. */
push_following_t push_load_following(push_cluster_t *cluster,
                                     const push_load_t *load);

/* Waits until the log is LIVE.  PUSH_NO_STATE: Redis did not answer. */
push_status_t push_load_wait(push_cluster_t *cluster, push_load_t *load);

/* An errand that was not brought to its end is given up for others. */
void push_load_end(push_cluster_t *cluster, push_load_t *load);

/* All of that, with nothing else to be done meanwhile. */
push_status_t push_load_whole(push_cluster_t *cluster, push_text_t log);

/*
 * Rung when a log was loaded or left, or that was given up: of this one, or of
 * others in its shard.
 */
push_bell_t *push_load_bell(push_cluster_t *cluster, push_text_t log);

/* The name of the log of a user or a channel, in Redis and here. */
typedef struct push_log_name_t {
    char text[1 + PUSH_NAME_MAX];
    unsigned len;
} push_log_name_t;

push_log_name_t push_log_name(char kind, push_text_t name);

/* How long Redis keeps the record of a device of this user, ms. */
int64_t push_device_keep(const push_cluster_t *cluster, push_text_t user);

static inline push_text_t push_log_text(const push_log_name_t *name)
{
    return (push_text_t){name->text, name->len};
}

#endif
