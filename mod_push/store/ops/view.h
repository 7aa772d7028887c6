#ifndef PUSH_VIEW_H
#define PUSH_VIEW_H

#include "store/ops/publish.h"

/*
 * What an administrator may see.  Visitors run with a shard locked: they look
 * and copy, and do nothing that can wait.  Texts are borrowed until they
 * return.
 */

typedef struct push_device_view_t {
    const unsigned char *id;
    push_text_t user;
    push_text_t labels[PUSH_LABELS];
    bool online;
    bool explicit_acks;
    int64_t first_seen, last_seen, last_ack; /* wall ms; 0: never */
    uint32_t pending;
    uint64_t in_flight;
    uint64_t acked, sent; /* seq */
    unsigned channels_count;
    push_text_t channels[PUSH_CHANNELS_MAX];
} push_device_view_t;

typedef void push_device_visit_t(void *data, const push_device_view_t *view);

/* Every device of a user.  PUSH_NOT_FOUND, PUSH_BUSY. */
push_status_t push_view_devices(push_store_t *store, push_text_t user,
                                const push_time_t *now,
                                push_device_visit_t *visit, void *data);

/* One device by its context id.  PUSH_NOT_FOUND, PUSH_BUSY. */
push_status_t push_view_device(push_store_t *store, const unsigned char *id,
                               const push_time_t *now,
                               push_device_visit_t *visit, void *data);

typedef struct push_message_view_t {
    uint64_t mid;
    push_log_kind_t kind;
    push_text_t name; /* of the user or channel */
    push_text_t device;
    push_text_t topic;
    push_text_t event;
    push_urgency_t urgency;
    push_fate_t fate; /* of the whole; PUSH_LIVE: not over */
    int64_t created;  /* wall ms */
    int64_t ends;     /* wall ms: its TTL's end, or when it did end */
    uint32_t size;    /* bytes of its payload */
} push_message_view_t;

typedef struct push_life_view_t {
    const unsigned char *id;
    push_fate_t fate;
    int64_t at; /* wall ms; 0: not known */
} push_life_view_t;

/* Who looks at a message. */
typedef struct push_visitor_t {
    void (*message)(void *data, const push_message_view_t *view);
    void (*life)(void *data, const push_life_view_t *view);
    void *data;
} push_visitor_t;

/*
 * A message, then its life for each device.  PUSH_NOT_FOUND, PUSH_BUSY.
 * For a channel's message the devices are looked for in all shards.
 */
push_status_t push_view_message(push_store_t *store, uint64_t mid,
                                const push_time_t *now,
                                const push_visitor_t *visitor);

/*
 * Takes back what is not yet acknowledged; recalled counts the devices that
 * will not get it any more.  With `commit` it blocks until that is on disk.
 * PUSH_NOT_FOUND, PUSH_OVER, PUSH_BUSY; PUSH_NO_STATE: it is recalled, but
 * may come back after a restart.
 */
push_status_t push_store_recall(push_store_t *store, uint64_t mid,
                                const push_time_t *now, uint32_t *recalled);

typedef struct push_channel_view_t {
    push_text_t name;
    uint32_t messages, subscribers, connected;
} push_channel_view_t;

typedef void push_channel_visit_t(void *data, const push_channel_view_t *view);

void push_view_channels(push_store_t *store, const push_time_t *now,
                        push_channel_visit_t *visit, void *data);

typedef struct push_stats_view_t {
    uint64_t users, devices, channels, messages, streams;
    uint64_t pumped; /* of streams: those that hold a worker thread */
    uint64_t memory_size, memory_used;
    uint64_t recovered;
} push_stats_view_t;

void push_view_stats(push_store_t *store, push_stats_view_t *stats);

#endif
