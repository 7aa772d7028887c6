#ifndef PUSH_APPLY_H
#define PUSH_APPLY_H

#include "store/shard/store.h"
#include "store/shm/lead.h"

/*
 * Applying: from what a cluster has stored already to the logs of this node.
 * Order and acceptance were decided elsewhere; the core's own rules (Topic,
 * mailbox, history, gaps) run here.
 */

typedef enum push_apply_t {
    PUSH_APPLIED,        /* it stands in the log, or nobody is to have it */
    PUSH_APPLY_LOST,     /* no memory: its readers are told by a gap */
    PUSH_APPLY_REPEATED, /* it had been applied */
    PUSH_APPLY_UNKNOWN,  /* this node does not follow the log */
    PUSH_APPLY_LATER,  /* noted as dropped: an errand loads it with the log */
    PUSH_APPLY_BEHIND, /* the same, and nobody is about to load the log */
    PUSH_APPLY_UNREADABLE, /* a record of another version; passed over */
    PUSH_APPLY_BUSY,     /* the shard is stuck: nothing was changed or noted */
    PUSH_APPLY_OVERTAKEN /* it is for another process: nothing was changed */
} push_apply_t;

/* One message or recall as an inbox has it; all that it refers to is borrowed. */
typedef struct push_applied_t {
    push_text_t log;    /* 'u' and the user, 'c' and the channel, or 'b' */
    uint64_t tick;      /* of the message, or of the recall */
    uint64_t recall;    /* a mid; 0: it is a message */
    push_text_t record; /* the value of push_message_make() */
    int64_t until;      /* mono ms; it expires.  0: TTL 0 */
    bool suspect;       /* its partition is: it is noted as dropped, no more */
    push_apply_t outcome; /* set by push_store_apply() */
} push_applied_t;

/*
 * Applies entries in order, neighbours of one shard under one lock.  Entries of
 * a shard that is stuck are passed over (PUSH_APPLY_BUSY): they are to be given
 * again before later ones of the same partition, or their logs loaded anew
 * (push_follow_drop()).  Returns how many were.
 *
 * lead: the caller's; from where it is another one's, nothing is applied any
 * more (PUSH_APPLY_OVERTAKEN), whatever stands between the look and the store.
 * NULL: nobody else can apply.
 */
unsigned push_store_apply(push_store_t *store, const push_lead_ref_t *lead,
                          push_applied_t *entries, unsigned count,
                          const push_time_t *now);

/* The audience of a log's name; false: no such log can be. */
bool push_log_name_parse(push_text_t log, push_log_kind_t *kind,
                         push_text_t *name);

/* Where it lives.  Of the broadcast: hash and shard 0. */
push_name_t push_log_name_hash(const push_store_t *store, push_text_t log);

/* 0–1023 */
unsigned push_log_partition(const push_store_t *store, push_text_t log);


#endif
