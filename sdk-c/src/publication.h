/*
 * publication.h - one message to publish: its request or its line, made when
 * it is given, and what became of it.
 *
 * Made by any thread; afterwards the driving thread's.
 */
#ifndef PUSHC_PUBLICATION_H
#define PUSHC_PUBLICATION_H

#include "list.h"
#include "transport.h"

#define PUSHC_KEY_MAX 72 /* with its NUL */

struct pushc_publication {
    struct pushc_link link; /* in one list of the publisher, or in none */
    const struct pushc_settings *set; /* borrowed */
    pushc_publisher *publisher;       /* the one that it was given to */
    pushc_result_fn on_result;
    void *ctx;
    uint64_t deadline;   /* ms: when it is given up */
    uint64_t not_before; /* of the next attempt */
    uint64_t started;    /* of this one */
    unsigned reported;   /* 1: the result was, an answer is due still */
    unsigned refused;    /* 401s in a row */
    pushc_result result; /* of the last attempt */
    struct pushc_exchange *exchange;        /* post.c */
    struct pushc_buf answer;                /* post.c */
    const char *headers[PUSHC_HEADERS_MAX]; /* into text */
    unsigned header_count;
    size_t body; /* where in text: the payload, or the line */
    size_t body_length;
    size_t sent;           /* upload.c: bytes of the line */
    struct pushc_buf text; /* URL, headers, payload; or the line */
};

/* Check and copy a message. PUSHC_OK, _ERR_ARGUMENT, _MEMORY, _SYSTEM. */
int pushc_publication_create(const struct pushc_settings *set,
                             const pushc_outgoing *m,
                             struct pushc_publication **out);
void pushc_publication_destroy(struct pushc_publication *pub);

/* The publication of a link; NULL for NULL. */
static inline struct pushc_publication *pushc_publication_of(
    struct pushc_link *link)
{
    return link ? PUSHC_LINKED(link, struct pushc_publication) : NULL;
}

/* Take the first one out of a list; NULL where it is empty. */
struct pushc_publication *pushc_publication_take(struct pushc_list *list);

/* Note in its result why the last attempt failed; "" for detail: in the words
 * for status. */
void pushc_publication_fail(struct pushc_publication *pub, int status,
                            long http_status, const char *detail);

#endif
