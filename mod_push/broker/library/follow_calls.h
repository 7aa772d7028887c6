#ifndef PUSH_LIBRARY_FOLLOW_CALLS_H
#define PUSH_LIBRARY_FOLLOW_CALLS_H

#include "broker/library/entries.h"
#include "broker/library/followed.h"

/* Of a log, what a node says that follows it. */
typedef struct push_following_t {
    push_text_t log;
    uint32_t connected;   /* its streams there; at most 2^24 - 1 */
    uint32_t subscribers; /* its devices there */
    uint64_t since;       /* the version that it has; 0: nothing */
    bool rest;            /* since is the version of an answer with more */
} push_following_t;

/* ---- push_follow: one log, from now on in the owner's inbox ---- */

typedef struct push_follow_call_t {
    push_home_t home;
    unsigned owner;
    push_following_t following;
    bool counts_only; /* connected and subscribers changed; no entries */
} push_follow_call_t;

typedef struct push_follow_reply_t {
    push_origin_t origin;
    push_followed_t followed;
} push_follow_reply_t;

void push_library_follow(push_command_t *command,
                         const push_follow_call_t *call);
bool push_follow_reply(const push_reply_t *reply,
                       push_follow_reply_t *followed);

/* ---- push_unfollow; its answer says nothing ---- */

typedef struct push_unfollow_call_t {
    push_home_t home;
    unsigned owner;
    push_text_t log;
} push_unfollow_call_t;

void push_library_unfollow(push_command_t *command,
                           const push_unfollow_call_t *call);

/* ---- push_resync: many logs of one partition at once ---- */

#define PUSH_RESYNC_MAX 50u

typedef struct push_resync_call_t {
    push_home_t home;
    unsigned owner;
    unsigned count; /* at most PUSH_RESYNC_MAX */
    const push_following_t *logs;
} push_resync_call_t;

typedef struct push_resync_reply_t {
    push_origin_t origin;
    unsigned count;
    push_followed_t logs[PUSH_RESYNC_MAX]; /* in the order of the call */
} push_resync_reply_t;

void push_library_resync(push_command_t *command,
                         const push_resync_call_t *call);
bool push_resync_reply(const push_reply_t *reply,
                       push_resync_reply_t *resynced);

/*
 * ---- push_drain: the owner's inbox at one master ----
 *
 * What is at most have goes; a drain whose answer was lost gives the same
 * again.  The partition is any of that master, another one each time: its
 * epoch tells whether the data is still there.  Entries were lost where lost
 * is set, vm is another one, or first is above have + 1 (have: 0 in a new vm).
 */
typedef struct push_drain_call_t {
    push_home_t home;
    unsigned owner;
    const char *vm; /* "" at first */
    uint64_t have;  /* the last entry that was taken */
} push_drain_call_t;

typedef struct push_drain_reply_t {
    push_origin_t origin;
    bool lost;
    uint64_t first, last;  /* numbers of the entries; last < first: none */
    push_pieces_t entries; /* at most 1000, or about 256 KiB: there is more */
    bool more;
} push_drain_reply_t;

void push_library_drain(push_command_t *command,
                        const push_drain_call_t *call);
bool push_drain_reply(const push_reply_t *reply, push_drain_reply_t *drained);

#endif
