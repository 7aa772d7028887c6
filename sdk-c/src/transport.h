/*
 * transport.h - HTTP exchanges, by libcurl, which only transport.c knows.
 *
 * All of it on the thread that drives the handle. The callbacks of an
 * exchange come out of pushc_transport_ready(), _timeout(), _drain() and
 * pushc_exchange_resume(); they must not cancel or start exchanges.
 */
#ifndef PUSHC_TRANSPORT_H
#define PUSHC_TRANSPORT_H

#include "head.h"
#include "settings.h"
#include "sockets.h"

struct pushc_transport;
struct pushc_exchange;

#define PUSHC_HEADERS_MAX 12

struct pushc_request {
    int post;        /* 1: POST, 0: GET */
    const char *url; /* all borrowed during pushc_exchange_start() only, */
    const char *headers[PUSHC_HEADERS_MAX]; /* "Name: value" */
    unsigned header_count;
    const char *token; /* bearer token or NULL */
    int trusted;       /* credentials and the user's headers go along */
    int fresh;         /* on a connection of its own, closed afterwards */
    const char *body;  /* but this until the end */
    size_t body_length;
    int upload; /* the body comes from on_upload, for as long as it likes */
};

/* An answer, as far as it has come. */
struct pushc_answer {
    long http_status; /* 0: none came */
    char content_type[64];
    struct pushc_head head;
    char *location;  /* absolute, of a redirect; or NULL */
    char body[1024]; /* beginning of the body of an error */
    size_t body_length;
    char error[180]; /* what the network said */
};

enum pushc_taken { PUSHC_TAKEN, PUSHC_TAKE_PAUSE, PUSHC_TAKE_ABORT };

#define PUSHC_UPLOAD_PAUSE ((size_t)-1)

struct pushc_exchange_ops {
    /* The head of the final answer is there; not 0: abort. */
    int (*on_head)(void *ctx, const struct pushc_answer *answer);
    /* Bytes of the body of a 2xx; after a pause the same come again. */
    enum pushc_taken (*on_body)(void *ctx, const char *bytes, size_t n);
    /* Fill buffer; the bytes filled, 0: the end, or PUSHC_UPLOAD_PAUSE. */
    size_t (*on_upload)(void *ctx, char *buffer, size_t size);
    /* The exchange ended and is freed on return. PUSHC_OK: the answer is
     * whole; PUSHC_ERR_CLOSED: one of the above aborted it. The location may
     * be taken, by setting it to NULL. */
    void (*on_done)(void *ctx, int status, struct pushc_answer *answer);
};

/* PUSHC_OK or PUSHC_ERR_MEMORY. set and watcher are borrowed. */
int pushc_transport_create(const struct pushc_settings *set,
                           pushc_watch_fn watch, void *watcher,
                           struct pushc_transport **out);

/* Frees what is under way too, without on_done. */
void pushc_transport_destroy(struct pushc_transport *t);

/* fd is ready for what. */
void pushc_transport_ready(struct pushc_transport *t, int fd, int what);

/* The time for pushc_transport_timeout(), ms; UINT64_MAX: never. */
uint64_t pushc_transport_due(const struct pushc_transport *t);
void pushc_transport_timeout(struct pushc_transport *t);

/* Read what already arrived on all connections. */
void pushc_transport_drain(struct pushc_transport *t);

/* Whether any connection is being watched. libcurl watches none when the
 * answer to an upload that pauses is over, and waits for the rest of the
 * request: the upload has to end. */
int pushc_transport_listens(const struct pushc_transport *t);

/* The loop could not watch a descriptor: nothing works any more. */
int pushc_transport_broken(const struct pushc_transport *t);

/* PUSHC_OK, PUSHC_ERR_MEMORY. Nothing is called before it returns. */
int pushc_exchange_start(struct pushc_transport *t,
                         const struct pushc_request *request,
                         const struct pushc_exchange_ops *ops, void *ctx,
                         struct pushc_exchange **out);

/* End it without on_done. */
void pushc_exchange_cancel(struct pushc_exchange *x);

/* Whether the request is sent. */
int pushc_exchange_is_sent(const struct pushc_exchange *x);

/* Go on after PUSHC_TAKE_PAUSE or PUSHC_UPLOAD_PAUSE. */
void pushc_exchange_resume(struct pushc_exchange *x);

/* Whether two URLs have scheme, host and port in common; and whether the
 * second one gives up the encryption of the first. */
int pushc_same_origin(const char *a, const char *b);
int pushc_is_downgrade(const char *from, const char *to);

#endif
