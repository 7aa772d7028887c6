/*
 * publisher_state.h - the state of a publisher, and what becomes of an
 * attempt.
 *
 *   publisher.c     the public functions; the turn
 *   post.c          one request a message
 *   upload.c        all messages over one streaming request
 *
 * A publication goes from inbox to queue, to sent (on its way, no answer),
 * perhaps over later back to queue, and at last to finished, where its result
 * is reported.
 */
#ifndef PUSHC_PUBLISHER_STATE_H
#define PUSHC_PUBLISHER_STATE_H

#include "publication.h"
#include "source.h"
#include "token.h"

struct pushc_publisher {
    struct pushc_settings set; /* first: see pushc_settings_create() */
    pushc_source source;

    /* ---- the driving thread only ---- */
    struct pushc_list queue; /* to be sent */
    struct pushc_list later; /* to be sent again, after a pause */
    struct pushc_list sent;  /* in the order of their lines */
    struct pushc_list finished;
    uint64_t deadline_at; /* no publication is late before */
    unsigned busy;        /* requests under way */
    struct pushc_token token;
    uint64_t stop_at; /* 0: not stopping */

    struct pushc_exchange *upload;
    struct pushc_buf answers; /* a line that is not whole yet */
    int headed;               /* the head of its answer came */
    int resting;              /* the upload waits for lines */
    int ending;               /* the upload ends after what was sent */
    int upload_over;          /* the upload ended: the fields below */
    int upload_status;
    long upload_http;
    uint64_t upload_retry_after;
    char upload_detail[200];
    uint64_t progress_at; /* the last answer, or the first line sent */
    uint64_t rest_at;     /* since when the upload rests */
    unsigned failed;      /* uploads in a row */
    uint64_t retry_at;

    /* ---- any thread, under source.lock ---- */
    struct pushc_list inbox;
    unsigned in_flight; /* without a reported result */
    unsigned result_waiters;
    int stop_wanted;
};

/* The result of a publication is known: report it and free it in this turn.
 * pub is in no list. */
void pushc_publisher_finish(pushc_publisher *p, struct pushc_publication *pub);

/* An attempt failed, with what stands in pub->result: finish it where that
 * is final, else queue it again, after retry_after ms and jitter. pub is in
 * no list. */
void pushc_publisher_again(pushc_publisher *p, struct pushc_publication *pub,
                           uint64_t retry_after);

/* The time of the next attempt after so many failures in a row, ms.
 * retry_after: the pause that the server asked for, ms, or 0. */
uint64_t pushc_publisher_retry_at(pushc_publisher *p, unsigned failed,
                                  uint64_t retry_after);

#endif
