#ifndef PUSH_LIBRARY_PUBLISH_CALLS_H
#define PUSH_LIBRARY_PUBLISH_CALLS_H

#include "broker/library/library.h"
#include "core/content.h"
#include "core/idempotency.h"
#include "core/rate.h"

/* Where a message waits for another region; see relay_calls.h. */
typedef struct push_relay_list_t {
    push_text_t region; /* its name: 1 to PUSH_REGION_MAX bytes */
    int64_t keep;       /* ms that it may wait, where its TTL is longer */
    uint32_t entries;   /* at most; the oldest falls off */
    uint64_t bytes;     /* likewise */
} push_relay_list_t;

#define PUSH_REGION_MAX 64

/* ---- push_publish: one message into its log, and to all who follow it ---- */

typedef struct push_publish_call_t {
    push_home_t home;
    push_text_t log;
    unsigned lane;            /* push_urgency_t */
    int64_t ttl;              /* ms; 0: into no log, only to who follows now */
    push_text_t topic;        /* collapse key; empty for none */
    push_text_t device;       /* a user's device id; empty: all of them */
    push_text_t record;       /* value of push_message_make() */
    uint32_t cap;             /* messages of the lane; at least 1 */
    bool queue;               /* the lane of a queue: what is too much for it
                                 is refused */
    uint32_t rate;            /* a second, to this user; 0: any number */
    const unsigned char *key; /* PUSH_KEY_BYTES; NULL: none */
    uint64_t request;         /* with key: a hash of all that is asked for */
    int64_t window;           /* ms; with key: how long it is known */
    push_text_t relay;        /* the message as other regions get it */
    const push_relay_list_t *lists; /* in which it waits for them */
    unsigned lists_count;           /* 0: it is not for them */
    uint64_t kept; /* tick of what was kept for later, and is over by this;
                      with neither key nor rate.  0: none */
} push_publish_call_t;

#define PUSH_LIBRARY_TOPIC_ROOM (PUSH_TOPIC_MAX + 1 + sizeof(uint64_t))

/*
 * By what a message replaces an older one: not by its Topic alone where it has
 * a predicate, as both may be for other devices.  It borrows from the Topic or
 * from the room of PUSH_LIBRARY_TOPIC_ROOM bytes.
 */
push_text_t push_library_topic(push_text_t topic, push_text_t where,
                               char *room);

typedef enum push_published_t {
    PUSH_PUBLISHED_NEW,
    PUSH_PUBLISHED_AGAIN,  /* the first answer under this key */
    PUSH_PUBLISHED_REUSED, /* the key is another request's; not published */
    PUSH_PUBLISHED_RATE,   /* too many for this user; not published */
    PUSH_PUBLISHED_FULL,   /* too much is kept for later; likewise */
    PUSH_PUBLISHED_OVER,   /* what was kept is over, or is not due */
    PUSH_PUBLISHED_NO_ROOM /* as much as it may waits in the queue */
} push_published_t;

typedef struct push_publish_reply_t {
    push_published_t outcome;
    uint64_t tick; /* mid: push_mid_of_tick() */
    uint32_t recipients;
    uint32_t connected;
    int64_t now;      /* Redis ms at the call */
    push_rate_t rate; /* where one was given, and not of AGAIN or
                         REUSED; limit is 0, as the call has it */
    uint32_t fell;    /* messages that the lists' limits took out of them */
    bool later;       /* tick is that of what is kept for later */
} push_publish_reply_t;

void push_library_publish(push_command_t *command,
                          const push_publish_call_t *call);
bool push_publish_reply(const push_reply_t *reply,
                        push_publish_reply_t *published);

/* The device's number in a record's header, by which publish() counts it. */
uint32_t push_library_device_crc(push_text_t device);

/* ---- push_done: takes out of a queue what is done ---- */

typedef struct push_done_call_t {
    push_home_t home;
    push_text_t log;
    const uint64_t *mids;
    const uint8_t *lanes; /* push_urgency_t of each */
    unsigned count;
} push_done_call_t;

void push_library_done(push_command_t *command, const push_done_call_t *call);

/* ---- push_recall: takes a message out of its log, and tells followers ---- */

typedef struct push_recall_call_t {
    push_home_t home;
    push_text_t log;
    uint64_t mid;
} push_recall_call_t;

typedef struct push_recall_reply_t {
    bool found; /* else nothing was changed: it has ended, or never was */
    uint64_t tick;
    uint32_t connected;
} push_recall_reply_t;

void push_library_recall(push_command_t *command,
                         const push_recall_call_t *call);
bool push_recall_reply(const push_reply_t *reply,
                       push_recall_reply_t *recalled);

/* ---- push_take: tokens of a rate, up to as many as are wanted ---- */

typedef struct push_take_call_t {
    push_home_t home; /* the name's partition */
    push_text_t name; /* of the bucket: kind and who */
    uint32_t limit;   /* a second; 1 to PUSH_RATE_MAX */
    uint32_t want;
} push_take_call_t;

typedef struct push_take_reply_t {
    uint32_t taken;
    push_rate_t rate;
} push_take_reply_t;

void push_library_take(push_command_t *command, const push_take_call_t *call);
bool push_take_reply(const push_reply_t *reply, push_take_reply_t *taken);

/* ---- push_once: true the first time only, for so long; of a nonce with
 * values: where another one was the last ---- */

typedef struct push_once_call_t {
    push_home_t home; /* the nonce's partition */
    push_text_t nonce;
    int64_t ms;
    bool valued;
    int64_t value;
} push_once_call_t;

void push_library_once(push_command_t *command, const push_once_call_t *call);
bool push_once_reply(const push_reply_t *reply, bool *first);

#endif
