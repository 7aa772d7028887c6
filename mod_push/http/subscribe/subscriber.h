#ifndef PUSH_SUBSCRIBER_H
#define PUSH_SUBSCRIBER_H

#include "codec/codec.h"
#include "http/identify.h"
#include "http/subscribe/wait.h"
#include "core/checkin.h"

/*
 * A subscriber's request: its device, its cursor and its wishes, checked and
 * ready for the store.
 */

typedef struct push_subscriber_t {
    push_identity_t identity;
    push_checkin_t checkin;
    push_cursor_t cursor; /* checkin.cursor points here, if one was given */
    char device[PUSH_DEVICE_MAX + 1]; /* a device id that was not given */
    push_wait_t wait;
    bool event_beats;
    unsigned meta; /* PUSH_META_* */
    bool takes_ticket;
    bool by_ticket;     /* the identity is that of a ticket */
    uint32_t heartbeat; /* ms; 0: PushHeartbeat */
    push_text_t first;  /* what a stream begins with; borrowed until opened */
    push_text_t last;   /* the answer of a poll that finds nothing; likewise.
                           Empty: the codec's */
    int64_t ends; /* mono ms; when its right to a stream ends; 0: never */
    push_params_t params;
} push_subscriber_t;

/* Everything that GET receive takes, but for the reactor's seat. */
const push_problem_t *push_subscriber_parse(request_rec *r,
                                            push_subscriber_t *subscriber);

/* What httpd knows of a subscriber that is complete else, and its limits. */
void push_subscriber_limit(request_rec *r, push_subscriber_t *subscriber);

/* User, device and cursor: all that an acknowledgement takes. */
const push_problem_t *push_subscriber_parse_ack(request_rec *r,
                                                push_subscriber_t *subscriber);

/* User and device, of a device that says something of itself. */
const push_problem_t *push_subscriber_parse_device(
    request_rec *r, push_subscriber_t *subscriber);

/* The channels of these names, which the user may follow. */
const push_problem_t *push_subscriber_channels(
    request_rec *r, push_subscriber_t *subscriber,
    const apr_array_header_t *names);

/* User and the one channel of the query, which the user may follow. */
const push_problem_t *push_subscriber_parse_channel(
    request_rec *r, push_subscriber_t *subscriber, const char **channel);

#endif
