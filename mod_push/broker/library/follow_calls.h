#ifndef PUSH_LIBRARY_FOLLOW_CALLS_H
#define PUSH_LIBRARY_FOLLOW_CALLS_H

#include "broker/library/entries.h"
#include "broker/library/library.h"

/* Of a log, what a node says that follows it. */
typedef struct push_following_t {
    push_text_t log;
    uint32_t connected;   /* its streams there; at most 2^24 - 1 */
    uint32_t subscribers; /* its devices there */
    uint64_t since;       /* the version that it has; 0: nothing */
    bool rest;            /* since is the version of an answer with more */
} push_following_t;

/*
 * Of a log, what Redis says.  The entries are to be applied in order; then the
 * log is at version.  Where more is set, about 1 MiB was given, and it is to
 * be followed again from version on.  Entries are messages above since, what
 * expired left out, and after them the recalls since then.
 */
typedef struct push_followed_t {
    uint64_t version;
    bool more;
    bool whole; /* these are the first of all there is, and what the node has
                   and is not given is no more: since was 0, or too old to know
                   what was recalled */
    push_text_t entries;
} push_followed_t;

/* In each answer: another vm or epoch than before means trouble. */
typedef struct push_origin_t {
    push_vm_t vm;
    unsigned char epoch[8]; /* zeros: the partition has none yet */
    int64_t now;            /* Redis ms */
} push_origin_t;

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
    uint64_t first, last; /* numbers of the entries; last < first: none */
    push_text_t entries;  /* at most 1000, or about 256 KiB: there is more */
    bool more;
} push_drain_reply_t;

void push_library_drain(push_command_t *command,
                        const push_drain_call_t *call);
bool push_drain_reply(const push_reply_t *reply, push_drain_reply_t *drained);

#endif
