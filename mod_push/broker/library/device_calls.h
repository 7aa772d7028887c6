#ifndef PUSH_LIBRARY_DEVICE_CALLS_H
#define PUSH_LIBRARY_DEVICE_CALLS_H

#include "broker/library/follow_calls.h"

/*
 * A device's record belongs to its owner, who alone may write it: each claim
 * raises the fence, and a write names owner and fence.  The record (a value of
 * push_device_make()) and the session behind it are opaque here.
 *
 * keep: ms for which a record is kept after this call.  It is not kept for
 * ever while a device is online, since a node may die: its owner saves it
 * anew before half of that has passed.
 */
typedef struct push_device_call_t {
    push_home_t home;
    push_text_t log; /* 'u' + user */
    const unsigned char *context;
    unsigned owner; /* who calls */
    uint32_t fence; /* of claim: not used */
    int64_t keep;
} push_device_call_t;

/* ---- push_claim: a device and, with it, its user's log ---- */

typedef struct push_claim_call_t {
    push_device_call_t device;
    push_following_t following; /* the user's log, as in push_follow */
    bool counts_only;           /* the node has that log: no entries */
    bool force;                 /* does not ask the owner */
    bool quiet;                 /* nor takes it from another one */
    bool known;     /* only one that has a record: goes on without memory */
    push_text_t id; /* the device id */
    uint32_t max_devices; /* of the user; the longest away goes */
    uint32_t max_streams; /* likewise, of those that are online; 0: any */
} push_claim_call_t;

typedef enum push_claimed_t {
    PUSH_CLAIMED,         /* the caller owns it */
    PUSH_CLAIMED_NEW,     /* and it had no record */
    PUSH_CLAIMED_WAIT,    /* the owner was asked: G or N comes, see heard */
    PUSH_CLAIMED_GONE,    /* known, but it has no record */
    PUSH_CLAIMED_DEVICES, /* too many, and all are online */
    PUSH_CLAIMED_STREAMS  /* too many are online */
} push_claimed_t;

/* With GONE, DEVICES and STREAMS nothing was changed or followed. */
typedef struct push_claim_reply_t {
    push_claimed_t outcome;
    push_origin_t origin;
    push_followed_t followed; /* as in push_follow_reply_t */
    uint32_t fence;
    bool exact;         /* session is right: it is given once, to one claim */
    push_text_t record; /* empty: it was never saved */
    push_text_t session;
    unsigned owner; /* before the claim; with WAIT the one that was asked */
    uint32_t heard; /* with WAIT: who was woken; 0: nobody listens */
    bool young;     /* the VM is younger than 5 s: 0 heard means nothing */
} push_claim_reply_t;

void push_library_claim(push_command_t *command,
                        const push_claim_call_t *call);
bool push_claim_reply(const push_reply_t *reply, push_claim_reply_t *claimed);

/* ---- writes of the owner ---- */

typedef enum push_saved_t {
    PUSH_SAVED,
    PUSH_SAVED_FENCED, /* another one owns it now */
    PUSH_SAVED_GONE    /* there is no record: it is to be claimed anew */
} push_saved_t;

typedef struct push_save_reply_t {
    push_saved_t outcome;
    unsigned owner; /* as it is now */
    uint32_t fence;
} push_save_reply_t;

/* push_yield: to another owner, who is told by G (N: absent, the caller has
 * nothing of it, and record is not used) and claims it, or to nobody: then the
 * device is offline.  The session is kept for one claim, by whom it is left to;
 * a force by any other one ends it, unless it was left in the life of this VM,
 * which knows that nobody had it. */
typedef struct push_yield_call_t {
    push_device_call_t device;
    unsigned to; /* PUSH_OWNER_NOBODY: a release */
    bool absent;
    bool exact; /* there is a session; it may be empty */
    push_text_t record;
    push_text_t session;
    bool unfollow; /* the caller needs its user's log no more */
} push_yield_call_t;

void push_library_yield(push_command_t *command,
                        const push_yield_call_t *call);

/* push_save: the record as it is now; online or not counts for publishers. */
typedef struct push_save_call_t {
    push_device_call_t device;
    bool online;
    push_text_t record;
} push_save_call_t;

void push_library_save(push_command_t *command, const push_save_call_t *call);

/* Of push_yield and push_save. */
bool push_save_reply(const push_reply_t *reply, push_save_reply_t *saved);

#endif
