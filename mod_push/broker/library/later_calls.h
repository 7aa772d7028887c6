#ifndef PUSH_LIBRARY_LATER_CALLS_H
#define PUSH_LIBRARY_LATER_CALLS_H

#include "broker/library/publish_calls.h"

/*
 * What a partition keeps for later.  It is published by push_publish's call
 * with `kept`, which is one function of the library with its end.
 */

#define PUSH_LATER_ID 7u /* bytes: a tick */

/* One, as it is stored; its texts are borrowed. */
typedef struct push_kept_t {
    uint64_t id;      /* tick */
    unsigned state;   /* push_later_state_t; what follows `message` is of what
                         is kept alone */
    int64_t at;       /* Redis ms */
    uint64_t message; /* tick; 0: it is none */
    int64_t ttl;      /* ms */
    push_text_t log;
    push_text_t shown;  /* as push_schedule_call_t has it */
    push_text_t record; /* likewise; empty where it was not asked for */
} push_kept_t;

/* False if it is none. */
bool push_kept_read(uint64_t id, push_text_t value, push_kept_t *kept);

/* ---- push_schedule: keeps one ---- */

typedef struct push_schedule_call_t {
    push_home_t home;
    push_text_t log;
    push_text_t topic; /* of push_library_topic(): replaces what is kept */
    push_text_t device;
    push_text_t shown;  /* what an administrator may see */
    push_text_t record; /* value of push_message_make() */
    int64_t ttl;        /* ms */
    int64_t after;      /* ms from now on */
    int64_t window;     /* ms: how long it, and its key, are remembered */
    uint64_t most;      /* bytes that the partition keeps */
    uint32_t rate;      /* a second, to this user; 0: any number */
    const unsigned char *key; /* PUSH_KEY_BYTES; NULL: none */
    uint64_t request;         /* with key */
} push_schedule_call_t;

/* Its answer is a publish's: push_publish_reply(). */
void push_library_schedule(push_command_t *command,
                           const push_schedule_call_t *call);

/* ---- push_due: what an owner is to publish now ---- */

typedef struct push_due_call_t {
    push_home_t home;
    unsigned owner; /* no other one gets the same for a second */
    uint32_t count; /* at most */
    uint32_t bytes; /* of them; the last one may go beyond */
} push_due_call_t;

typedef struct push_due_reply_t {
    int64_t now;     /* Redis ms */
    uint32_t looked; /* at so many, of the most */
    int64_t first;   /* Redis ms: when to look again; 0: nothing is there */
    unsigned count;  /* see push_due_at() */
} push_due_reply_t;

void push_library_due(push_command_t *command, const push_due_call_t *call);
bool push_due_reply(const push_reply_t *reply, push_due_reply_t *due);
bool push_due_at(const push_reply_t *reply, unsigned index, push_kept_t *kept);

/* ---- push_unschedule: takes one back ---- */

typedef struct push_unschedule_call_t {
    push_home_t home;
    uint64_t id;
    push_text_t log; /* for which it is; empty: any */
} push_unschedule_call_t;

typedef enum push_unscheduled_t {
    PUSH_UNSCHEDULED,
    PUSH_UNSCHEDULED_NONE,
    PUSH_UNSCHEDULED_OVER
} push_unscheduled_t;

void push_library_unschedule(push_command_t *command,
                             const push_unschedule_call_t *call);
bool push_unschedule_reply(const push_reply_t *reply,
                           push_unscheduled_t *outcome);

/* ---- push_later: one; *known is false where there is none ---- */

void push_library_later(push_command_t *command, const push_home_t *home,
                        uint64_t id);
bool push_later_reply(const push_reply_t *reply, uint64_t id, bool *known,
                      push_kept_t *kept);

/* ---- push_laters: the first that are kept, for names that begin so ---- */

typedef struct push_laters_call_t {
    push_home_t home;
    push_text_t prefix;
    uint32_t count;
} push_laters_call_t;

void push_library_laters(push_command_t *command,
                         const push_laters_call_t *call);
/* *more: there may be others. */
bool push_laters_reply(const push_reply_t *reply, unsigned *count, bool *more);
bool push_laters_at(const push_reply_t *reply, unsigned index,
                    push_kept_t *kept);

/* ---- push_later_next: what a master's VM knows of its partitions ---- */

typedef struct push_later_next_t {
    push_vm_t vm;
    int64_t now;     /* Redis ms */
    int64_t first;   /* Redis ms; 0: it knows of none */
    push_text_t due; /* partitions, see push_later_next_at() */
} push_later_next_t;

/* within: ms. */
void push_library_later_next(push_command_t *command, const push_home_t *home,
                             int64_t within);
bool push_later_next_reply(const push_reply_t *reply, push_later_next_t *next);
/* The partition at this index; false: that was all. */
bool push_later_next_at(const push_later_next_t *next, unsigned index,
                        unsigned *partition);

#endif
