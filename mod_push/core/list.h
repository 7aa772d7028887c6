#ifndef PUSH_LIST_H
#define PUSH_LIST_H

#include "core/device.h"

/*
 * Lists for an administrator, see core/view.h: channels, streams, reactors, and
 * which part of them is asked for.
 */

typedef struct push_channel_view_t {
    push_text_t name;
    uint32_t messages, subscribers, connected;
} push_channel_view_t;

typedef void push_channel_visit_t(void *data, const push_channel_view_t *view);

typedef void push_user_visit_t(void *data, push_text_t user);

/* An open stream, and how far its client is behind. */
typedef struct push_stream_view_t {
    unsigned char id[PUSH_CONTEXT_BYTES]; /* of its device context */
    push_text_t user;
    push_text_t label;  /* the device id that the client gave */
    unsigned transport; /* PUSH_BY_TRANSPORT_* */
    int64_t since;      /* wall ms; when it was opened */
    int64_t blocked;    /* ms that its socket takes nothing; 0: it takes */
    uint32_t pending;
    uint64_t in_flight;
    uint64_t behind; /* messages that may be pending, at most */
    unsigned node;   /* 1 + its number; 0: there is but one */
} push_stream_view_t;

typedef void push_stream_visit_t(void *data, const push_stream_view_t *view);

/* A reactor of some child. */
typedef struct push_reactor_view_t {
    uint32_t pid;
    unsigned seat;
    uint32_t streams;
    uint32_t reserved; /* streams that its child has on their way elsewhere */
    uint64_t busy;     /* ms; processor time */
    uint32_t generation;
    bool draining; /* it takes no more streams */
    int64_t beat;  /* mono ms; when it last looked around */
    unsigned node; /* 1 + its number; 0: there is but one */
} push_reactor_view_t;

typedef void push_reactor_visit_t(void *data, const push_reactor_view_t *view);

/* What a list is in the order of, the first of each first. */
typedef enum push_order_t {
    PUSH_ORDER_NAME,
    PUSH_ORDER_MESSAGES, /* of channels */
    PUSH_ORDER_SUBSCRIBERS,
    PUSH_ORDER_CONNECTED,
    PUSH_ORDER_BLOCKED, /* of streams: those blocked longest, then by pending */
    PUSH_ORDER_PENDING,
    PUSH_ORDER_TIME /* of what is kept for later */
} push_order_t;

/* Which part of a list is asked for, and whether there is more of it. */
typedef struct push_list_t {
    push_order_t order;
    uint32_t limit;
    push_text_t prefix; /* of the names of channels */
    bool *more;         /* set: some did not fit */
} push_list_t;

#endif
