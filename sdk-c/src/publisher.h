/*
 * publisher.h - the state of a publisher, shared by the files that run it.
 *
 *   publisher.c     the public functions; the turn
 *   publication.c   one message: its request or its line, made when given
 *   post.c          one request a message
 *   upload.c        all messages over one streaming request
 *
 * A publication goes from inbox to queue, to sent (on its way, no answer),
 * perhaps over later back to queue, and at last to finished, where its result is told.
 */
#ifndef PUSHC_PUBLISHER_H
#define PUSHC_PUBLISHER_H

#include "source.h"

#define PUSHC_KEY_MAX    72 /* with its NUL */
#define PUSHC_TOKEN_ROOM 8192

struct pushc_publication {
    struct pushc_publication *prev, *next;
    pushc_publisher *publisher;
    pushc_result_fn on_result;
    void *ctx;
    uint64_t deadline;   /* ms: then it is given up */
    uint64_t not_before; /* of the next attempt */
    uint64_t started;    /* of this one */
    unsigned told;       /* 1: the result was told, an answer is due still */
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

struct pushc_publications {
    struct pushc_publication *first, *last;
};

struct pushc_publisher {
    struct pushc_settings set;
    pushc_source source;

    /* ---- the driving thread only ---- */
    struct pushc_publications queue; /* to be sent */
    struct pushc_publications later; /* to be sent again, after a pause */
    struct pushc_publications sent;  /* in the order of their lines */
    struct pushc_publications finished;
    uint64_t deadline_at; /* no publication is late before */
    unsigned busy;        /* requests under way */
    char token[PUSHC_TOKEN_ROOM];
    int token_rejected;
    uint64_t stop_at; /* 0: not stopping */

    struct pushc_exchange *upload;
    struct pushc_buf answers; /* a line that is not whole yet */
    int headed;               /* the head of its answer came */
    int resting;              /* the upload waits for lines */
    int ending;               /* it ends after what was sent */
    int upload_over;          /* it ended: the fields below */
    int upload_status;
    long upload_http;
    uint64_t upload_retry_after;
    char upload_detail[200];
    uint64_t progress_at; /* the last answer, or the first line sent */
    uint64_t rest_at;     /* when it came to rest */
    unsigned failed;      /* uploads in a row */
    uint64_t retry_at;

    /* ---- any thread, under source.lock ---- */
    struct pushc_publications inbox;
    unsigned in_flight; /* without a told result */
    unsigned result_waiters;
    int stop_wanted;
    int over;
};

/* ---- publication.c ---- */

/* Check and copy a message. PUSHC_OK, _ERR_ARGUMENT, _MEMORY, _SYSTEM. */
int pushc_publication_create(pushc_publisher *p, const pushc_outgoing *m,
                             struct pushc_publication **out);
void pushc_publication_destroy(struct pushc_publication *pub);

/* Lists. */
void pushc_publications_add(struct pushc_publications *list,
                            struct pushc_publication *pub);
void pushc_publications_add_first(struct pushc_publications *list,
                                  struct pushc_publication *pub);
void pushc_publications_remove(struct pushc_publications *list,
                               struct pushc_publication *pub);

/* ---- publisher.c ---- */

/* Its result is known: tell it and free it in this turn. pub is in no list. */
void pushc_publisher_finish(pushc_publisher *p, struct pushc_publication *pub);

/* An attempt failed, with what stands in pub->result: finish it where that
 * is final, else queue it again, after retry_after ms and jitter. */
void pushc_publisher_again(pushc_publisher *p, struct pushc_publication *pub,
                           uint64_t retry_after);

/* Have p->token filled in; NULL in *token where there is none. */
int pushc_publisher_token(pushc_publisher *p, const char **token);

/* ---- post.c, upload.c: send what is queued; when to come again ---- */
uint64_t pushc_post_turn(pushc_publisher *p, uint64_t now);
uint64_t pushc_upload_turn(pushc_publisher *p, uint64_t now);

#endif
