/*
 * scripted.h - an HTTP server that does what a test says, faults included.
 *
 * One thread a connection; the script of a test is called there for every
 * request, and writes whatever bytes it likes.
 */
#ifndef PUSHC_TEST_SCRIPTED_H
#define PUSHC_TEST_SCRIPTED_H

#include <stddef.h>
#include <stdint.h>

struct scripted;

struct scripted_request {
    struct scripted *server;
    int fd;
    unsigned number;   /* of all requests of this server, from 1 */
    unsigned receives; /* of those to .../receive, this one included */
    unsigned acks;     /* of those to .../ack, this one included */
    int connection;    /* number of its connection, from 1 */
    char method[16];
    char target[4096];
    char head[8192];  /* all of it, lines end in CRLF */
    char body[65536]; /* not read where it is chunked */
    size_t body_length;
};

/* 1: the connection may be used again. */
typedef int (*scripted_fn)(void *ctx, struct scripted_request *r);

/* Listen on a loopback port, and start. */
struct scripted *scripted_start(scripted_fn script, void *ctx);

/* Close everything, join every thread. Wakes scripted_hold(). */
void scripted_stop(struct scripted *s);

/* "http://127.0.0.1:PORT", borrowed. */
const char *scripted_url(const struct scripted *s);

/* Have the listening socket closed, or open again on the same port. */
void scripted_refuse(struct scripted *s);
void scripted_accept(struct scripted *s);

/* Requests so far, to a path that contains part. */
unsigned scripted_count(struct scripted *s, const char *part);

/* Wait until there were n of them; fails the test after 30 s. */
void scripted_wait(struct scripted *s, const char *part, unsigned n);

/* ---- within a script ---- */

/* A header's value into out, "" where there is none. */
void scripted_header(const struct scripted_request *r, const char *name,
                     char *out, size_t size);

/* The value of a query parameter, not decoded, "" where there is none. */
void scripted_query(const struct scripted_request *r, const char *name,
                    char *out, size_t size);

/* Write; 0, or -1 when the peer is gone. */
int scripted_say(struct scripted_request *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int scripted_write(struct scripted_request *r, const void *bytes, size_t n);

/* Read what comes next on the connection, up to size, waiting for it. */
long scripted_read(struct scripted_request *r, void *bytes, size_t size);

/* A whole answer with a body. */
int scripted_answer(struct scripted_request *r, int status,
                    const char *headers, const char *body);

/* The head of a stream. */
int scripted_stream(struct scripted_request *r);

/* Keep the connection open until the peer or the server closes it, or ms
 * (-1: ever) are over; 1: the peer closed it. */
int scripted_hold(struct scripted_request *r, int ms);

/* ---- time, in tests ---- */
uint64_t now_ms(void);

/* Wait for a condition, 30 s at most, else fail the test with its text. */
#define WAIT_FOR(condition)                                                   \
    do {                                                                      \
        uint64_t wait_end = now_ms() + 30000;                                 \
        while (!(condition)) {                                                \
            ck_assert_msg(now_ms() < wait_end, "waited for %s", #condition);  \
            pause_briefly();                                                  \
        }                                                                     \
    } while (0)
void pause_briefly(void);

#endif
