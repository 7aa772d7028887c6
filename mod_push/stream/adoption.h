#ifndef PUSH_ADOPTION_H
#define PUSH_ADOPTION_H

#include "stream/stream.h"

/* A socket that is to become a stream: taken. */
typedef struct push_adoption_t {
    int fd;
    push_ticket_t ticket;
    uint32_t heartbeat; /* ms */
    bool event_beats;
    bool pumped;        /* the other end is a worker's; it cannot move */
    int64_t expires;    /* mono ms; the stream ends then; 0: never */
    struct ssl_st *ssl; /* NULL: plain TCP; else taken, and cannot move */
} push_adoption_t;

/* What is known of a stream that has ended; borrowed until the callback returns. */
typedef struct push_ended_t {
    push_ticket_t ticket;
    push_end_t why;
    uint64_t duration; /* ms */
    uint32_t messages;
    uint64_t bytes;
} push_ended_t;

#endif
