/*
 * client.h - the state of a client, shared by the files that run it.
 *
 *   client.c     the public functions; the turn: what to do next
 *   stream.c     attempts, redirects, watchdog, backoff, the end
 *   receive.c    bytes of the stream -> parser -> session, gap and bye
 *   ack.c        acknowledgements
 */
#ifndef PUSHC_CLIENT_H
#define PUSHC_CLIENT_H

#include "session.h"
#include "source.h"

#define PUSHC_TOKEN_MAX 8192

struct pushc_client {
    struct pushc_settings set;
    pushc_source source;
    char device[129];

    /* ---- the driving thread only ---- */
    int state;        /* PUSHC_CONNECTING to PUSHC_STOPPED, or 0 */
    int announced;    /* the state of the last event */
    int stopping;     /* only the last acknowledgement is missing */
    uint64_t stop_at; /* then it is given up */
    uint64_t due;     /* when the loop expected this turn */
    char token[PUSHC_TOKEN_MAX];
    int has_token;
    int token_rejected; /* the hook must get a fresh one */
    int token_retried;  /* it did, and no stream opened since */

    struct pushc_exchange *stream;
    struct pushc_parser parser;
    struct pushc_buf backlog; /* read, not parsed: the session is full */
    size_t backlog_at;
    int paused;          /* the exchange keeps more */
    int trusted;         /* the stream is at our own origin */
    unsigned hops;       /* redirects of this attempt */
    uint64_t attempt_at; /* when it began */
    uint64_t last_byte;
    uint64_t opened_at;
    int proven; /* a byte came in */
    int ended;  /* the exchange is over: the fields below */
    int end_status;
    struct pushc_answer end_answer; /* its location is ours */
    int fault;                      /* why a callback aborted it */
    char fault_detail[200];
    int bye;                /* push.bye was received */
    char final_detail[200]; /* of an end that the server wanted, or "" */
    int superseded;
    int expired;     /* the token of the stream did */
    uint64_t spread; /* of the bye, ms */

    unsigned failed; /* attempts in a row */
    uint64_t base;   /* ms, of backoff */
    uint64_t retry_at;
    uint64_t prompt_until; /* a stream that ends before is tried soon */

    struct pushc_exchange *ack;
    unsigned generation;               /* of streams */
    char numbering[PUSHC_SESSION_MAX]; /* Push-Session of the last, or "" */
    unsigned ack_generation;
    uint64_t ack_at; /* the next batch; 0: nothing to acknowledge */
    uint64_t ack_started;
    unsigned ack_failed;
    int stale; /* the server does not know the cursor */

    /* ---- any thread, under source.lock ---- */
    struct pushc_session session;
    int started;
    int stop_wanted;
    int flush_wanted;
    int wake_wanted;
    int throttled; /* the backlog is not empty */
    int over;      /* stopped; final is why */
    int final;
    int state_shown; /* copy of state */
    uint64_t attempts, opened, acks;
};

/* ---- client.c ---- */

/* Call the event hook, and log. */
void pushc_client_tell(pushc_client *c, const pushc_event *event);
void pushc_client_enter(pushc_client *c, int state);

/* End for good with a status, after a last acknowledgement. */
void pushc_client_finish(pushc_client *c, int status);

/* ---- stream.c ---- */
void pushc_stream_connect(pushc_client *c);
/* The exchange ended, or is ended here with a status: what now? */
void pushc_stream_settle(pushc_client *c);
void pushc_stream_drop(pushc_client *c, int status, const char *detail);
/* Look at the clock: deadline, silence, next attempt. */
void pushc_stream_check(pushc_client *c, uint64_t now);
void pushc_stream_wake(pushc_client *c, uint64_t now);
uint64_t pushc_stream_due(const pushc_client *c);
/* Have c->token filled in; PUSHC_OK or PUSHC_ERR_TOKEN. */
int pushc_stream_token(pushc_client *c);

/* ---- receive.c ---- */
int pushc_receive_head(void *ctx, const struct pushc_answer *answer);
enum pushc_taken pushc_receive_body(void *ctx, const char *bytes, size_t n);
void pushc_receive_done(void *ctx, int status,
                        const struct pushc_answer *answer);
/* Parse what is waiting, as far as the session has room, or all of it. */
void pushc_receive_backlog(pushc_client *c, int all);

/* ---- ack.c ---- */
void pushc_ack_check(pushc_client *c, uint64_t now);
void pushc_ack_cancel(pushc_client *c);
uint64_t pushc_ack_due(const pushc_client *c);

#endif
