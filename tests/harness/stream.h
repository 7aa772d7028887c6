/*
 * A Server-Sent Events stream, watched: each event with its fields, every
 * byte with its time.
 */
#ifndef HARNESS_STREAM_H
#define HARNESS_STREAM_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "reply.h"
#include "server.h"
#include "sse.h"
#include "wait.h"
#include "wire.h"

/* One event as it stood on the wire; it lives until the test ends. */
struct event {
    int64_t seq;        /* the number before the first dot of the id; -1
                           where the event has no id */
    const char *id;     /* the whole id, "" if none */
    const char *mid;    /* its second part, "" if none */
    const char *device; /* its third part, "" if none */
    const char *type;   /* the field event, "" if none */
    const char *data;   /* the data lines, joined by LF */
    size_t length;      /* of data */
    const char *enc;    /* the field enc, "" if none */
    const char *ack;    /* the field ack, "" if none */
    int64_t at;         /* when its end was read (ms, monotonic) */
};

struct draft;

struct stream {
    struct wire *wire;
    int status;
    const char *head;       /* status line and headers */
    int64_t retry;          /* the last retry field (ms), -1 before any */
    int beats;              /* empty lines that ended no event */
    struct reply_body body; /* in chunks where a proxy put it into them */
    struct sse sse;
    struct draft *draft; /* the event that is being read */
};

/* Ask for a stream and read the head of the answer, whatever its status.
 * query is what follows "receive?"; headers are CRLF lines or NULL. */
struct stream *stream_try(const struct server *s, const char *query,
                          const char *headers);

/* The same of a connection on which the head of the answer was taken. */
struct stream *stream_begin(struct wire *w, const char *head);

/* As stream_try(), and fail the test unless a stream was opened. */
struct stream *stream_open(const struct server *s, const char *query,
                           const char *headers);

/* The same, with a small receive buffer, for a reader that is to be slow. */
struct stream *stream_open_narrow(const struct server *s, const char *query);

/* The value of a header of the answer; NULL where it is absent. */
const char *stream_header(const struct stream *st, const char *name);

/* The next event, waiting up to so many ms; NULL where none came in time or
 * the stream ended. */
const struct event *stream_next_in(struct stream *st, int64_t milliseconds);

/* The next event; fails the test when none comes within WAIT_MS. */
const struct event *stream_next(struct stream *st);

/* Wait for the end of the stream, taking no event. Fails the test when it
 * does not end within WAIT_MS or another event comes before. */
void stream_expect_end(struct stream *st);

/* Close it as a client that goes away. */
void stream_close(struct stream *st);

/* Fail the test unless the next event is this message. */
#define expect_message(st, number, text)                                      \
    do {                                                                      \
        const struct event *e_ = stream_next(st);                             \
        ck_assert_msg(strcmp(e_->data, (text)) == 0,                          \
                      "expected \"%.80s\", got \"%.80s\" (event \"%s\")",     \
                      (text), e_->data, e_->type);                            \
        ck_assert_int_eq(e_->seq, (number));                                  \
    } while (0)

/* Fail the test unless the next event is a gap of so many messages, for the
 * reason if one is given. */
void stream_expect_gap(struct stream *st, int dropped, const char *reason);

/* Fail the test unless push.bye with the reason comes next, and the end. */
void stream_expect_bye(struct stream *st, const char *reason);

#endif
