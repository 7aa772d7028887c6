/*
 * pushc.h - receive from and publish to a mod_push server.
 *
 * A client keeps one event stream open for one device, reconnects by itself,
 * and hands over every message at least once; it acknowledges one only after
 * the application said that it is done with it. A publisher sends each message
 * once, by requests or over one streaming connection. See docs/protocol.md.
 *
 * Strings are UTF-8, times are milliseconds, functions return PUSHC_OK (0),
 * PUSHC_AGAIN, or a negative PUSHC_ERR_*. Different handles may be used by
 * different threads at once; of one handle, what is said at each function.
 */
#ifndef PUSHC_H
#define PUSHC_H

#include <stddef.h>
#include <stdint.h>

#include "pushc/init.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PUSHC_VERSION "1.0.0"

#if defined(__GNUC__)
#define PUSHC_API __attribute__((visibility("default")))
#else
#define PUSHC_API
#endif

/* ==== Status ==== */

/* What functions return, and why a stream or a publication ended. */
typedef enum pushc_status {
    PUSHC_OK = 0,
    PUSHC_AGAIN = 1,            /* nothing yet, or no room: not an error */
    PUSHC_ERR_ARGUMENT = -1,    /* an argument or option is not legal */
    PUSHC_ERR_MEMORY = -2,      /* an allocation failed */
    PUSHC_ERR_STATE = -3,       /* not possible in this state */
    PUSHC_ERR_SYSTEM = -4,      /* no descriptor, thread or random bytes */
    PUSHC_ERR_TIMEOUT = -5,     /* no answer in time */
    PUSHC_ERR_CLOSED = -6,      /* stopped by the application */
    PUSHC_ERR_NETWORK = -7,     /* no connection, or it broke */
    PUSHC_ERR_TLS = -8,         /* certificate, pin or handshake */
    PUSHC_ERR_DEADLINE = -9,    /* connect and head took too long */
    PUSHC_ERR_SILENCE = -10,    /* no byte for silence_ms */
    PUSHC_ERR_PROTOCOL = -11,   /* the answer is not what it should be */
    PUSHC_ERR_TOO_LARGE = -12,  /* an event above max_event_bytes */
    PUSHC_ERR_REDIRECT = -13,   /* a redirect that is not followed */
    PUSHC_ERR_AUTH = -14,       /* 401 after a fresh token, or 403 */
    PUSHC_ERR_HTTP = -15,       /* another final HTTP status */
    PUSHC_ERR_OVERLOAD = -16,   /* 408, 425, 429, 5xx: tried again */
    PUSHC_ERR_NO_CONTENT = -17, /* 204: the server wants no reconnect */
    PUSHC_ERR_SUPERSEDED = -18, /* a newer stream of this device is open */
    PUSHC_ERR_GOODBYE = -19,    /* the server closed in order: tried again */
    PUSHC_ERR_TOKEN = -20       /* the token hook failed */
} pushc_status;

/* A sentence for a status; static, never NULL. Any thread. */
PUSHC_API const char *pushc_strerror(int status);

/* PUSHC_VERSION of the library that is loaded; static. Any thread. */
PUSHC_API const char *pushc_version(void);

/* ==== Messages that arrive ==== */

/* One message. Owned by the client; valid until it is acknowledged or given
 * back. Fields are added at the end only. */
typedef struct pushc_message {
    uint64_t seq;         /* number in this session, 0 where none was given */
    const char *mid;      /* message id, "" where none was given */
    const char *id;       /* the whole cursor, "SEQ.MID" */
    const char *event;    /* type, "message" where the publisher gave none */
    const char *data;     /* payload, decoded; a NUL follows the last byte */
    size_t length;        /* bytes of data */
    const char *encoding; /* NULL; else data is still in this encoding */
    int ack_now;          /* the publisher waits for the acknowledgement */
    unsigned attempt;     /* 1, and one more each time it is handed over */
    const char *type, *channel, *urgency; /* if options.meta asks, or "" */
    uint64_t time;     /* likewise: of publishing, ms since 1970, or 0 */
    const char *trace; /* likewise: a traceparent (W3C Trace Context), or "" */
} pushc_message;

/* What a message handler answers. */
typedef enum pushc_verdict {
    PUSHC_DONE = 0,  /* done with it: acknowledge; the message is gone */
    PUSHC_RETRY = 1, /* could not: the same again, those behind it wait */
    PUSHC_LATER = 2  /* keeps it, and calls pushc_ack() or pushc_retry() */
} pushc_verdict;

/* ==== What else happens ==== */

typedef enum pushc_event_kind {
    PUSHC_CONNECTING = 1, /* an attempt begins */
    PUSHC_OPEN = 2,       /* the stream is open, or polls are answered */
    PUSHC_WAITING = 3,    /* it ended; the next attempt comes in delay_ms */
    PUSHC_STOPPED = 4,    /* it ended for good; the last event */
    PUSHC_GAP = 5,        /* the server had to drop messages */
    PUSHC_BYE = 6,        /* the server announced that it closes */
    PUSHC_SKIPPED = 7     /* a message was too large, and is acknowledged */
} pushc_event_kind;

/* An event; valid until the hook returns. */
typedef struct pushc_event {
    pushc_event_kind kind;
    int status;          /* WAITING, STOPPED, SKIPPED: why */
    long http_status;    /* WAITING, STOPPED: of the answer, 0 if none */
    const char *detail;  /* text, never a secret; GAP, BYE: the reason */
    unsigned attempt;    /* failed attempts in a row */
    uint64_t delay_ms;   /* WAITING: until the next; BYE: the spread */
    uint64_t dropped;    /* GAP: how many messages */
    const char *urgency; /* GAP: their urgency, "" if not told */
    const char *id;      /* SKIPPED: of the message, "" if it had none */
    int transport;       /* PUSHC_TRANSPORT_STREAM or _POLL, 0: none yet */
} pushc_event;

/* ==== Hooks ==== */

/* realloc() in all its meanings: size 0 frees and returns NULL. libcurl and
 * jansson have their own: curl_global_init_mem(), json_set_alloc_funcs(). */
typedef void *(*pushc_realloc_fn)(void *ctx, void *pointer, size_t size);

/* Fill bytes with random ones; 0 on success. */
typedef int (*pushc_random_fn)(void *ctx, void *bytes, size_t length);

/* Milliseconds of a clock that never goes back. */
typedef uint64_t (*pushc_clock_fn)(void *ctx);

typedef enum pushc_log_level {
    PUSHC_LOG_ERROR = 0,
    PUSHC_LOG_WARNING = 1,
    PUSHC_LOG_INFO = 2,
    PUSHC_LOG_DEBUG = 3
} pushc_log_level;

/* One line of log, without its end; never contains a token or a payload. */
typedef void (*pushc_log_fn)(void *ctx, int level, const char *line);

/* Write the bearer token, with a NUL, into token, before every attempt and
 * publishing request; rejected is 1 after a 401: get a fresh one. What is not
 * PUSHC_OK fails the attempt. The driving thread waits meanwhile. */
typedef int (*pushc_token_fn)(void *ctx, int rejected, char *token,
                              size_t size);

/* Handle a message: a pushc_verdict. On the thread that drives the client;
 * may call any function of this client but pushc_client_destroy(). */
typedef int (*pushc_message_fn)(void *ctx, pushc_message *message);

/* Learn of an event. As pushc_message_fn. */
typedef void (*pushc_event_fn)(void *ctx, const pushc_event *event);

/* ==== Inside an application's own loop ==== */

typedef struct pushc_source pushc_source;
#define PUSHC_READ  1
#define PUSHC_WRITE 2

/* The application's event loop. All functions are called on its thread,
 * out of the functions of the handle; they return 0, else the handle fails
 * with PUSHC_ERR_SYSTEM. Ready ones: pushc/uv.h and pushc/libevent.h. */
typedef struct pushc_loop {
    size_t size; /* sizeof(pushc_loop) */
    void *ctx;
    /* Watch fd for what (PUSHC_READ|PUSHC_WRITE) in place of what was asked
     * before, level-triggered, and call pushc_source_ready(); 0: forget it,
     * it may be closed and its number used again. */
    int (*watch)(void *ctx, pushc_source *source, int fd, int what);
    /* Call pushc_source_timeout() once, in ms milliseconds, in place of the
     * time asked for before; -1: not at all. */
    int (*timer)(void *ctx, pushc_source *source, long ms);
    void (*closed)(void *ctx); /* free ctx: the handle is gone; or NULL */
} pushc_loop;

/* fd is ready for what (an error counts as both). The loop's thread only. */
PUSHC_API void pushc_source_ready(pushc_source *source, int fd, int what);

/* The time is up. The loop's thread only. */
PUSHC_API void pushc_source_timeout(pushc_source *source);

/* ==== Options ==== */

/* How a client receives. */
typedef enum pushc_transport_kind {
    PUSHC_TRANSPORT_AUTO = 0,   /* by polls where streams are held back */
    PUSHC_TRANSPORT_STREAM = 1, /* by streams alone */
    PUSHC_TRANSPORT_POLL = 2    /* by polls alone */
} pushc_transport_kind;

/* Options of clients and publishers. Begin with PUSHC_OPTIONS_INIT; 0 and
 * NULL mean the default. All strings and arrays are copied. */
typedef struct pushc_options {
    size_t size;     /* sizeof(pushc_options) */
    const char *url; /* "https://h/ramen"; of a publisher: "https://h/push" */

    /* Who I am. */
    const char *token;               /* bearer token, fixed */
    pushc_token_fn on_token;         /* or asked for before every attempt */
    const char *username, *password; /* or basic authentication */
    const char *query;               /* more of the query: "user=ann" */
    const char *const *headers;      /* more headers, "Name: value" */
    size_t header_count;

    /* The network. */
    const char *ca_file;                             /* CA certificates, PEM */
    const char *cert_file, *key_file, *key_password; /* the client's, PEM */
    const char *pinned_key;       /* "sha256//..." or a file */
    const char *proxy, *no_proxy; /* as CURLOPT_PROXY, _NOPROXY */
    unsigned attempt_ms;          /* connect and head of an answer: 10000 */

    /* Hooks; ctx is the first argument of every one of them. */
    void *ctx;
    pushc_message_fn on_message; /* NULL: messages wait for pushc_next() */
    pushc_event_fn on_event;
    pushc_log_fn on_log;
    pushc_realloc_fn on_realloc;
    pushc_random_fn on_random;
    pushc_clock_fn on_clock;
    const pushc_loop *loop; /* NULL: a thread of the handle's own */

    /* Clients: what to receive. */
    const char *device; /* device id; NULL: made up for this handle */
    const char *app, *app_version, *os, *os_version, *locale;
    const char *const *channels;
    size_t channel_count;
    const char *urgency; /* the lowest wanted; NULL: all */
    int from_oldest;     /* new channels begin at the oldest kept */
    const char *cursor;  /* of an earlier run, from pushc_cursor() */

    /* Clients: how to receive. */
    unsigned silence_ms;    /* no byte for so long is a dead stream: 7000 */
    unsigned base_ms;       /* first backoff, until retry: comes: 1000 */
    unsigned proof_ms;      /* up so long, a stream counts as good: 10000 */
    unsigned ack_ms;        /* acknowledge at least so often: 30000 */
    unsigned retry_ms;      /* first pause after PUSHC_RETRY: 1000 */
    unsigned window;        /* in flight, if Push-Window is not less: 1024 */
    unsigned max_messages;  /* unfinished, then reading stops: 1024 */
    size_t max_bytes;       /* waiting, then reading stops: 8 MiB */
    size_t max_event_bytes; /* one event: Push-Max-Message, 1 to 16 MiB */
    unsigned dedup;         /* message ids remembered: 4096 */

    /* Publishers. */
    int streaming;          /* 1: all over one connection, as NDJSON */
    unsigned parallel;      /* 0 streaming: requests at a time: 4 */
    unsigned max_in_flight; /* publications without a result: 1024 */
    unsigned publish_ms;    /* give up after so long: 30000 */
    unsigned idle_ms;       /* a streaming request rests, then ends: 5000 */
    unsigned stop_ms;  /* both: for last acknowledgements, results: 3000 */
    int stop_on_large; /* clients: 1: stop there instead of PUSHC_SKIPPED */
    const char *meta;  /* clients: some of "type,channel,urgency,time,trace" */
    int transport;     /* clients: a pushc_transport_kind */
} pushc_options;

#define PUSHC_OPTIONS_INIT PUSHC_SIZED(pushc_options)

/* ==== Client ==== */

typedef struct pushc_client pushc_client;

/* Make a client in *client; it connects after pushc_client_start().
 * PUSHC_OK, PUSHC_ERR_ARGUMENT, PUSHC_ERR_MEMORY, PUSHC_ERR_SYSTEM. */
PUSHC_API int pushc_client_create(const pushc_options *options,
                                  pushc_client **client);

/* Start to receive: on a thread of its own, or, with options.loop, on the
 * calling thread, which must be the loop's. Does not block. Once.
 * PUSHC_OK, PUSHC_ERR_STATE, PUSHC_ERR_MEMORY, PUSHC_ERR_SYSTEM. */
PUSHC_API int pushc_client_start(pushc_client *client);

/* End in order: hand over nothing more, acknowledge what is done, close.
 * Returns at once; PUSHC_STOPPED follows within stop_ms. Any thread. */
PUSHC_API void pushc_client_stop(pushc_client *client);

/* Free the client and every message of it. With a thread of its own: ends in
 * order first, which takes stop_ms at most. With options.loop: at once, on
 * the loop's thread, and not out of a hook. NULL does nothing. */
PUSHC_API void pushc_client_destroy(pushc_client *client);

/* Take the next message, waiting up to timeout_ms (0: not at all, -1: for
 * ever). It stays yours until pushc_ack() or pushc_retry(). Only without
 * on_message. Any thread, but not the loop's with a timeout. PUSHC_OK,
 * PUSHC_AGAIN when none came, PUSHC_ERR_STATE, or what stopped the client. */
PUSHC_API int pushc_next(pushc_client *client, int timeout_ms,
                         pushc_message **message);

/* Done with a message that pushc_next() gave or a handler kept: it will be
 * acknowledged, and is gone now. Any thread. PUSHC_OK, PUSHC_ERR_ARGUMENT. */
PUSHC_API int pushc_ack(pushc_client *client, pushc_message *message);

/* Give such a message back: it is handed over again, before all others, after
 * a pause that doubles each time. Any thread. PUSHC_OK, PUSHC_ERR_ARGUMENT. */
PUSHC_API int pushc_retry(pushc_client *client, pushc_message *message);

/* Acknowledge now what is done. Does not wait. Any thread. */
PUSHC_API void pushc_flush(pushc_client *client);

/* The network is back, or the machine woke up: check the stream, or try to
 * connect within a second instead of when backoff says. Any thread. */
PUSHC_API void pushc_wake(pushc_client *client);

/* Copy the cursor up to which all is done, with a NUL, into buffer; "" if
 * none. For options.cursor of a later run. Any thread.
 * PUSHC_OK, PUSHC_ERR_ARGUMENT when size is too small (64 is enough). */
PUSHC_API int pushc_cursor(pushc_client *client, char *buffer, size_t size);

/* Tell the server where this device is: degrees from -90 to 90 and from -180
 * to 180, and the accuracy, 100000 metres at most. Does not wait: the newest
 * is sent while the client is open, one a second at most. What does not get
 * through is tried again; what the server refuses is logged (404: without
 * PushPositions). Any thread. PUSHC_OK, PUSHC_ERR_ARGUMENT. */
PUSHC_API int pushc_report_position(pushc_client *client, double lat,
                                    double lon, unsigned accuracy);

/* Tell it that nobody is to know any more where this device is. Likewise. */
PUSHC_API void pushc_forget_position(pushc_client *client);

/* Counters of a client. */
typedef struct pushc_stats {
    size_t size;         /* sizeof(pushc_stats), set by the caller */
    int state;           /* PUSHC_CONNECTING to PUSHC_STOPPED, 0 before */
    unsigned waiting;    /* messages not yet handed over */
    unsigned unfinished; /* messages not yet done, those included */
    uint64_t attempts;   /* streams and polls tried */
    uint64_t opened;     /* streams opened, polls answered */
    uint64_t received;   /* messages, without repeats */
    uint64_t repeated;   /* messages dropped as repeats */
    uint64_t done;       /* messages done */
    uint64_t acks;       /* acknowledgements the server took */
    int transport;       /* PUSHC_TRANSPORT_STREAM or _POLL, 0 before */
} pushc_stats;

/* Read the counters. Any thread. PUSHC_OK, PUSHC_ERR_ARGUMENT. */
PUSHC_API int pushc_client_stats(pushc_client *client, pushc_stats *stats);

/* ==== Publisher ==== */

typedef struct pushc_publisher pushc_publisher;

/* One message to publish. Begin with PUSHC_OUTGOING_INIT. Exactly one of
 * user (with or without device), channel and broadcast. */
typedef struct pushc_outgoing {
    size_t size; /* sizeof(pushc_outgoing) */
    const char *user, *device, *channel;
    int broadcast;
    const void *data;
    size_t length;
    const char *content_type; /* text/plain; not told when streaming */
    const char *event;        /* event type */
    const char *urgency;      /* high, normal, low, very-low */
    const char *topic;        /* collapse key */
    const char *key;          /* idempotency key; NULL: made up */
    long ttl;                 /* seconds, -1: the server's default */
    int receipt;              /* 1: a receipt is wanted */
} pushc_outgoing;

#define PUSHC_OUTGOING_INIT PUSHC_SIZED_BUT(pushc_outgoing, ttl, -1)

/* What became of it. */
typedef struct pushc_result {
    size_t size;      /* sizeof(pushc_result), set by who makes it */
    int status;       /* PUSHC_OK: accepted. _TIMEOUT, _NETWORK, _CLOSED: may
                         have been, or not; safe to repeat with its key */
    long http_status; /* of the answer, or of the line's error; 0 if none */
    char id[32];      /* message id */
    char key[72];     /* its idempotency key */
    long recipients;  /* device contexts; -1 if not told */
    long connected;   /* of those, with an open stream; -1 if not told */
    long ttl;         /* granted seconds; -1 if not told */
    unsigned attempts;
    char detail[200]; /* what the server, or the library, says was wrong */
} pushc_result;

/* Learn the result; on the thread that drives the publisher. Called exactly
 * once for every pushc_publish() that returned PUSHC_OK. */
typedef void (*pushc_result_fn)(void *ctx, const pushc_result *result);

/* Make a publisher in *publisher, ready to publish; with options.loop on the
 * loop's thread. As pushc_client_create(). */
PUSHC_API int pushc_publisher_create(const pushc_options *options,
                                     pushc_publisher **publisher);

/* Publish a message, which is copied; on_result (may be NULL) gets ctx and
 * the result. Where max_in_flight are under way, wait for room up to
 * timeout_ms (0: not at all, -1: for ever; not on the loop's thread).
 * Any thread. PUSHC_OK, PUSHC_AGAIN when there is no room,
 * PUSHC_ERR_ARGUMENT, PUSHC_ERR_MEMORY, PUSHC_ERR_CLOSED. */
PUSHC_API int pushc_publish(pushc_publisher *publisher,
                            const pushc_outgoing *message, int timeout_ms,
                            pushc_result_fn on_result, void *ctx);

/* Publish a message and wait for its result (set result->size). Any thread
 * but the one that drives the publisher. result->status, or as above. */
PUSHC_API int pushc_publish_wait(pushc_publisher *publisher,
                                 const pushc_outgoing *message,
                                 pushc_result *result);

/* Wait until all results are there. As pushc_publish_wait().
 * PUSHC_OK, PUSHC_AGAIN when timeout_ms (-1: for ever) is over. */
PUSHC_API int pushc_publisher_flush(pushc_publisher *publisher,
                                    int timeout_ms);

/* Free the publisher. What has no result yet gets stop_ms (with a thread of
 * its own), then PUSHC_ERR_CLOSED. As pushc_client_destroy(). */
PUSHC_API void pushc_publisher_destroy(pushc_publisher *publisher);

#ifdef __cplusplus
}
#endif

#endif
