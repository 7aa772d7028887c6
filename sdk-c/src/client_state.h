/*
 * client_state.h - the state of a client, and what each of its parts may do
 * to it.
 *
 *   client.c     the public functions; the turn: what to do next
 *   stream.c     attempts, redirects, watchdog, backoff, the end
 *   polls.c      the same by polls, and when
 *   receive.c    bytes of the stream -> parser -> session, gap and bye
 *   ack.c        acknowledgements
 *   position.c   reports of where the device is
 *
 * Each of these includes this header; nothing here knows them.
 */
#ifndef PUSHC_CLIENT_STATE_H
#define PUSHC_CLIENT_STATE_H

#include "json.h"
#include "parser.h"
#include "session.h"
#include "source.h"
#include "token.h"

#define PUSHC_GAPS_MAX 16 /* kinds of gaps */

struct pushc_position {
    int known;       /* 0: nobody is to know it */
    double lat, lon; /* degrees */
    unsigned accuracy;
};

struct pushc_client {
    struct pushc_settings set; /* first: see pushc_settings_create() */
    pushc_source source;
    char device[129];

    /* ---- the driving thread only ---- */
    int state;        /* PUSHC_CONNECTING to PUSHC_STOPPED, or 0 */
    int stopping;     /* only the last acknowledgement is missing */
    uint64_t stop_at; /* when that is given up */
    uint64_t due;     /* when this turn was asked for */
    struct pushc_token token;
    int token_retried; /* a fresh one was got, and no stream opened since */

    struct pushc_exchange *stream;
    struct pushc_parser parser;
    struct pushc_buf backlog; /* read, not parsed: the session is full */
    size_t backlog_at;
    int paused;          /* the exchange keeps more */
    int trusted;         /* the stream is at our own origin */
    unsigned hops;       /* redirects of this attempt */
    uint64_t attempt_at; /* when the attempt began */
    uint64_t last_byte;  /* when the last byte came */
    uint64_t opened_at;
    int proven; /* a byte came in */
    int ended;  /* the exchange is over: the fields below */
    int end_status;
    struct pushc_answer end_answer; /* its location is ours */
    int fault;                      /* why a callback aborted it */
    char fault_detail[200];
    int bye;                /* push.bye was received */
    char final_detail[200]; /* of an end that the server wanted, or "" */
    int superseded;         /* push.bye: by a newer stream */
    int expired;            /* push.bye: the token of the stream did */
    uint64_t spread;        /* push.bye: ms */

    uint64_t wait;      /* of a poll, ms; 0: a stream */
    int news;           /* the poll brought something */
    int unfinished;     /* and the application is not done with it */
    int answered;       /* the last attempt was a poll, and was answered */
    int polls_pass;     /* one was since the last stream */
    int suspect;        /* its bytes were held back, it seems */
    unsigned held_back; /* streams in a row of which that is true */
    uint64_t stream_at; /* polls until then, ms */
    struct pushc_notice gap[PUSHC_GAPS_MAX]; /* told, not behind the cursor */
    unsigned gaps;

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

    struct pushc_exchange *report; /* of the position */
    char report_body[96];          /* its body */
    uint64_t report_at;            /* not before this time, ms */
    uint64_t report_started;
    unsigned report_failed; /* in a row */

    /* ---- any thread, under source.lock ---- */
    struct pushc_session session;
    int started;
    int stop_wanted;
    int flush_wanted;
    int wake_wanted;
    int position_wanted; /* it is to be reported */
    struct pushc_position position;
    int throttled; /* each message that is done is worth a turn */
    int transport; /* PUSHC_TRANSPORT_*, of the last attempt */
    int final;     /* once source.over is set: why */
    int reported;  /* the state of the last event */
    uint64_t attempts, opened, acks;
};

/* Whether the attempt or stream is a poll. The driving thread only. */
int pushc_client_polls(const pushc_client *c);

/* Call the event hook, and log. */
void pushc_client_report(pushc_client *c, const pushc_event *event);

/* Enter a state, and report it. */
void pushc_client_enter(pushc_client *c, int state);

/* Note why the stream has failed; a callback aborts it then. */
void pushc_client_fault(pushc_client *c, int status, const char *detail);

/* End the stream or the attempt, which has a fault already or gets one;
 * pushc_stream_settle() decides what follows. */
void pushc_client_abort(pushc_client *c);
void pushc_client_drop(pushc_client *c, int status, const char *detail);

/* End for good with a status, after a last acknowledgement. */
void pushc_client_finish(pushc_client *c, int status);

#endif
