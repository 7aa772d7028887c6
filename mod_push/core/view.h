#ifndef PUSH_VIEW_TYPES_H
#define PUSH_VIEW_TYPES_H

#include "core/checkin.h"
#include "core/commit.h"
#include "core/copy_view.h"
#include "core/exemplar.h"
#include "core/families.h"
#include "core/later_view.h"
#include "core/list.h"
#include "core/nodes.h"
#include "core/publication.h"

/*
 * Views for an administrator.  Visitors run with locks held: they read and
 * copy, and do nothing that can wait.  Texts are borrowed until they return.
 */

typedef struct push_device_view_t {
    const unsigned char *id;
    push_text_t user;
    push_text_t labels[PUSH_LABELS];
    bool online;
    bool explicit_acks;
    bool unheld; /* no node has it in memory: pending, in_flight, acked and
                    sent are not known */
    bool stale;  /* nor are they: its node does not answer */
    int64_t first_seen, last_seen, last_ack; /* wall ms; 0: never */
    uint32_t pending;
    uint64_t in_flight;
    uint64_t acked, sent; /* seq */
    unsigned channels_count;
    push_text_t channels[PUSH_CHANNELS_MAX];
} push_device_view_t;

typedef void push_device_visit_t(void *data, const push_device_view_t *view);

typedef struct push_message_view_t {
    uint64_t mid;
    push_log_kind_t kind;
    push_text_t name; /* of the user or channel */
    push_text_t device;
    push_text_t topic;
    push_text_t event;
    push_text_t trace; /* PUSH_TRACEPARENT_BYTES, or empty */
    push_urgency_t urgency;
    push_fate_t fate; /* of the whole; PUSH_LIVE: not over */
    int64_t created;  /* wall ms */
    int64_t ends;     /* wall ms: its TTL's end, or when it did end */
    uint32_t size;    /* bytes of its payload */
} push_message_view_t;

typedef struct push_life_view_t {
    const unsigned char *id; /* NULL: of so many that are not named */
    uint32_t count;          /* 1, or of those */
    push_fate_t fate;
    int64_t at; /* wall ms; 0: not known */
    bool stale; /* as was last written: its node does not answer */
} push_life_view_t;

/* Which view is asked for. */
typedef enum push_view_kind_t {
    PUSH_VIEW_MESSAGE, /* a message, then its life for each device */
    PUSH_VIEW_DEVICE,
    PUSH_VIEW_DEVICES,  /* of a user */
    PUSH_VIEW_CHANNELS, /* a list */
    PUSH_VIEW_STREAMS,  /* likewise */
    PUSH_VIEW_ASSIGNED, /* channels that the server subscribes user to */
    PUSH_VIEW_PRESENT,  /* users who are connected to a channel */
    PUSH_VIEW_COPY,     /* of the log that message.audience is */
    PUSH_VIEW_LATER,    /* what is kept as message.mid, or was */
    PUSH_VIEW_LATERS,   /* a list of what is kept */
    PUSH_VIEW_REACTORS  /* takes no lock */
} push_view_kind_t;

typedef struct push_view_t {
    push_view_kind_t kind;
    push_sought_t message;
    const unsigned char *id; /* of the device context */
    push_text_t user;        /* of the devices */
    push_list_t list;
    push_text_t channel; /* to which users are connected */
    unsigned of; /* PUSH_OF_*: but for a message and a user's devices */
    push_time_t now;
} push_view_t;

/* The receiver of a view; it needs only the functions that the view calls. */
typedef struct push_visitor_t {
    void (*message)(void *data, const push_message_view_t *view);
    void (*life)(void *data, const push_life_view_t *view);
    push_device_visit_t *device;
    push_copy_visit_t *copy;
    push_channel_visit_t *channel;
    push_stream_visit_t *stream;
    push_reactor_visit_t *reactor;
    push_user_visit_t *user;
    push_later_visit_t *later;
    /* Last, where all nodes were asked; NULL: that is nobody's concern. */
    void (*nodes)(void *data, const push_nodes_asked_t *nodes);
    void *data;
} push_visitor_t;

typedef struct push_stats_view_t {
    uint64_t users, devices, channels, messages, streams;
    uint64_t bridged; /* of streams: those that hold a worker thread */
    uint64_t memory_size, memory_used;
    uint64_t recovered;
    uint64_t feeds_dropped; /* events that the server could not publish */
    uint64_t counts[PUSH_TOTALS]; /* by push_total_t */
} push_stats_view_t;

/* All for <admin>/metrics; no lock is taken for it. */
typedef struct push_metrics_t {
    uint64_t sums[PUSH_COUNTS]; /* by push_count_t */
    /* of each bucket of the write latency the last one; wall 0: none */
    push_sample_t exemplars[PUSH_EXEMPLARS];
    uint64_t streams[PUSH_BY_TRANSPORT_VALUES]; /* that are open */
    uint64_t users, devices, channels;
    uint64_t messages, near_full; /* as of the last sweep, a second ago */
    uint64_t memory_size, memory_used;
    uint64_t recovered;
    uint64_t layout;
    int64_t started;   /* wall ms; when the memory was made */
    bool kept;         /* there is a state on disk; what follows is of it */
    uint64_t state_ok; /* 1: it can be written */
    uint64_t state_size, state_used, state_waiting, state_errors;
} push_metrics_t;

#endif
