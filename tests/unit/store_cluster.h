#ifndef STORE_CLUSTER_H
#define STORE_CLUSTER_H

#include "store/ops/export.h"
#include "store/ops/follow.h"
#include "store_shared.h"

/*
 * Two nodes of a cluster, in one process: each has a segment of its own.  What
 * the cluster itself keeps and gives is played here.
 */

/* A segment of a node; name: another one has another key of sessions. */
void node_init(fixture_t *node, size_t size);

/* The node follows the log, which has nothing up to this tick. */
void node_follow(fixture_t *node, const char *log, uint64_t tick);

/* What may differ from message to message. */
typedef struct order_t {
    const char *log; /* "uada" */
    uint64_t tick;
    const char *text;
    push_urgency_t urgency;
    const char *topic;  /* NULL: none */
    const char *device; /* NULL: all of the user */
    int64_t ttl;        /* ms; 0: five minutes; -1: TTL 0 */
    bool suspect;
} order_t;

/* An entry as the cluster has it; what it refers to lives until the next 1024. */
push_applied_t entry_of(const fixture_t *node, const order_t *order);
/* The same of a text at the urgency normal. */
push_applied_t said(const fixture_t *node, const char *log, uint64_t tick,
                    const char *text);
push_applied_t recall_of(const char *log, uint64_t tick, uint64_t mid);

/* Applies one, and gives what came of it. */
push_apply_t node_apply(fixture_t *node, const order_t *order);

/* A text at its tick, at the urgency normal. */
push_apply_t node_say(fixture_t *node, const char *log, uint64_t tick,
                      const char *text);

/* The mid of what is published to the log at that tick. */
uint64_t node_mid(const fixture_t *node, const char *log, uint64_t tick);

/* A device that comes as the first one ever, by this fence. */
push_stream_ref_t node_come(fixture_t *node, const char *user,
                            const char *device, const char *channel,
                            uint32_t fence);

/* A check-in of the device d, which is here; cursor may be NULL. */
push_status_t node_checkin(fixture_t *node, const char *user,
                           const char *channel, const push_cursor_t *cursor,
                           push_stream_ref_t *stream_ref);

/* The same while nobody says whether another node has it. */
push_status_t node_checkin_unsure(fixture_t *node, const char *user,
                                  push_stream_ref_t *stream_ref);

void node_id(const char *user, const char *device, unsigned char *id);

#endif
