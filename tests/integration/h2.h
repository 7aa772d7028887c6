/*
 * A connection that speaks HTTP/2, with any number of requests on it at a
 * time. Nothing moves but in h2_turn() and what calls it.
 */
#ifndef TESTS_H2_H
#define TESTS_H2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h2;

/* A request and what came of it so far; it lives until the test ends. */
struct exchange {
    struct h2 *connection;
    int32_t id;      /* of its stream */
    char *head;      /* "name: value" lines of the answer */
    char *body;      /* received, then a NUL */
    size_t length;   /* of body */
    int status;      /* 0 until the answer begins */
    bool ended;      /* nothing more will come */
    bool whole;      /* it ended in good order */
    bool paused;     /* what comes is not confirmed: the window closes */
    size_t withheld; /* bytes that were not confirmed */
    char *upload;    /* what is still to be sent of the body */
    bool upload_end; /* and nothing will be added */
};

/* What a request asks; NULL and zero where it does not. */
struct h2_request {
    const char *method; /* "GET" */
    const char *target;
    const char *headers[3][2]; /* names in lower case, and values */
    const char *body;          /* with it, more may follow: h2_feed() */
};

/* Connect to a port of 127.0.0.1, by prior knowledge or, with tls, by ALPN.
 * Fails the test when the server does not speak HTTP/2. */
struct h2 *h2_open(int port, bool tls);

/* The same in clear, with a small receive buffer, for a reader that is to be
 * slow. */
struct h2 *h2_open_narrow(int port);

/* Close it as a client that goes away. */
void h2_close(struct h2 *c);

/* Send a request. */
struct exchange *h2_ask(struct h2 *c, const struct h2_request *q);

/* GET the target. */
struct exchange *h2_get(struct h2 *c, const char *target);

/* Send and receive what is at hand, waiting up to so many ms for it. */
void h2_turn(struct h2 *c, int milliseconds);

/* Wait for text in the body; fails the test where it does not come. Returns
 * where it stands. */
const char *h2_await(struct exchange *x, const char *text);

/* Wait for the end of the answer; fails the test where that does not come or
 * has another status. */
void h2_expect(struct exchange *x, int status);

/* Add to the body of the request; NULL ends it. */
void h2_feed(struct exchange *x, const char *text);

/* Confirm nothing of this answer any more, or all again. */
void h2_pause(struct exchange *x, bool pause);

/* Cancel the request: RST_STREAM. */
void h2_reset(struct exchange *x);

/* The value of a header (its name in lower case); NULL where it is absent. */
const char *h2_header(const struct exchange *x, const char *name);

/* Like wait_until(), with the connection alive meanwhile. */
#define h2_wait_until(c, condition)                                           \
    do {                                                                      \
        int64_t end_ = wait_now() + WAIT_MS;                                  \
        while (!(condition)) {                                                \
            ck_assert_msg(wait_now() < end_, "never came true: %s",           \
                          #condition);                                        \
            h2_turn(c, 20);                                                   \
        }                                                                     \
    } while (0)

#endif
