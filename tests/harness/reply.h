/* HTTP/1.1 answers as they arrive: the head, then the body's own bytes. */
#ifndef HARNESS_REPLY_H
#define HARNESS_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLY_LINE      256 /* what is kept of a header line; the rest is cut */
#define REPLY_VALIDATOR 64  /* and of a validator, its end included */

/* The head of one answer. No pointer; feed it from one thread. */
struct reply_head {
    bool done;                      /* the empty line was seen */
    bool chunked;                   /* Transfer-Encoding: chunked */
    int status;                     /* 0 until the status line was read */
    bool closes;                    /* Connection: close */
    int64_t content_length;         /* -1 where none was given */
    int64_t retry_after;            /* s; likewise */
    char etag[REPLY_VALIDATOR];     /* ETag; "" where none was given */
    char modified[REPLY_VALIDATOR]; /* Last-Modified */
    size_t len;                     /* bytes in `line` */
    char line[REPLY_LINE];
};

/* Where a body ends. */
enum reply_body_kind {
    REPLY_BODY_TO_EOF,
    REPLY_BODY_LENGTH,
    REPLY_BODY_CHUNKED
};

/* A body that is being read (RFC 9112 sections 6 and 7.1). */
struct reply_body {
    uint8_t kind;  /* enum reply_body_kind */
    uint8_t state; /* where in the chunk framing; private */
    bool done;     /* the last byte was read */
    bool broken;   /* the framing is wrong: nothing more can be read */
    uint64_t left; /* bytes of the body or of the chunk still to come */
};

/* A stretch of the body inside the caller's buffer. */
struct reply_slice {
    const char *at;
    size_t len;
};

void reply_head_init(struct reply_head *head);

/*
 * Take bytes (borrowed) into the head. Returns how many belonged to it: all of
 * them until `done`. -1 where this is not an HTTP/1 answer.
 */
ptrdiff_t reply_head_feed(struct reply_head *head, const char *at, size_t len);

/* Begin the body that belongs to this head. */
void reply_body_init(struct reply_body *body, const struct reply_head *head);

/*
 * Take bytes (borrowed) and set `slice` to the next stretch of the body in
 * them, which may be empty. Returns how many bytes were used up; call it again
 * with the rest. 0 only when `done` or `broken`, or `len` is 0.
 */
size_t reply_body_feed(struct reply_body *body, const char *at, size_t len,
                       struct reply_slice *slice);

#endif
