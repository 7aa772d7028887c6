/* HTTP/1.1 answers as they arrive: the head, then the body's own bytes. */
#ifndef PUSHBENCH_HTTP_H
#define PUSHBENCH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PB_HEAD_LINE 256 /* what is kept of a header line; the rest is cut */
#define PB_VALIDATOR 64  /* and of a validator, its end included */

/* The head of one answer. No pointer; feed it from one thread. */
struct pb_head {
    bool done;                   /* the empty line was seen */
    bool chunked;                /* Transfer-Encoding: chunked */
    bool closes;                 /* Connection: close */
    int status;                  /* 0 until the status line was read */
    int64_t content_length;      /* -1 where none was given */
    char etag[PB_VALIDATOR];     /* ETag; "" where none was given */
    char modified[PB_VALIDATOR]; /* Last-Modified */
    size_t len;                  /* bytes in `line` */
    char line[PB_HEAD_LINE];
};

/* Where a body ends. */
enum pb_body_kind { PB_BODY_TO_EOF, PB_BODY_LENGTH, PB_BODY_CHUNKED };

/* A body that is being read (RFC 9112 sections 6 and 7.1). */
struct pb_body {
    uint8_t kind;  /* enum pb_body_kind */
    uint8_t state; /* where in the chunk framing; private */
    bool done;     /* the last byte was read */
    bool broken;   /* the framing is wrong: nothing more can be read */
    uint64_t left; /* bytes of the body or of the chunk still to come */
};

/* A stretch of the body inside the caller's buffer. */
struct pb_slice {
    const char *at;
    size_t len;
};

void pb_head_init(struct pb_head *head);

/*
 * Take bytes (borrowed) into the head. Returns how many belonged to it: all of
 * them until `done`. -1 where this is not an HTTP/1 answer.
 */
ptrdiff_t pb_head_feed(struct pb_head *head, const char *at, size_t len);

/* Begin the body that belongs to this head. */
void pb_body_init(struct pb_body *body, const struct pb_head *head);

/*
 * Take bytes (borrowed) and set `slice` to the next stretch of the body in
 * them, which may be empty. Returns how many bytes were used up; call it again
 * with the rest. 0 only when `done` or `broken`, or `len` is 0.
 */
size_t pb_body_feed(struct pb_body *body, const char *at, size_t len,
                    struct pb_slice *slice);

#endif
