#ifndef PUSH_LIBRARY_ENTRIES_H
#define PUSH_LIBRARY_ENTRIES_H

#include "broker/library/call.h"
#include "core/ids.h"

/*
 * What a drain, a claim, a follow or a resync gives is a run of entries:
 * partition u16, kind u8, length u32, and so many bytes (all numbers
 * big-endian).  An entry is in one piece of the run or two.  They stand in the order in which they are to be applied.  A
 * kind that this version does not know is skipped by its length.
 *
 *   M  message    log, lane, tick, expires, record
 *                 (PUSH_EXPIRES_NOW: TTL 0)
 *   -  mark       as M with expires 0: that many were dropped for the limit
 *   X  recall     log, tick, mid
 *   Y  yield      log, context, fence, asker: give it up to that owner
 *   G  grant      log, context, fence, exact, record (+ session): both are
 *                 empty, and a claim gives them
 *   N  grant      the same, but the owner had nothing
 *   Z  forced     log, context, fence, new owner: the device is another's
 *   A  ack        log, context, request, from, body
 *   Q  question   log, context (zeros: of no device), request, from, body
 *   S  answer     request, from, body
 *   E  end        log, request, from, body: end its streams
 *   T  tags       log, tick, body: what the server subscribes the user to
 */
#define PUSH_ENTRY_MESSAGE  'M'
#define PUSH_ENTRY_RECALL   'X'
#define PUSH_ENTRY_YIELD    'Y'
#define PUSH_ENTRY_GRANT    'G'
#define PUSH_ENTRY_ABSENT   'N'
#define PUSH_ENTRY_FORCED   'Z'
#define PUSH_ENTRY_ACK      'A'
#define PUSH_ENTRY_QUESTION 'Q'
#define PUSH_ENTRY_ANSWER   'S'
#define PUSH_ENTRY_END      'E'
#define PUSH_ENTRY_TAGS     'T'

/* The end of a message that is for streams that are open now. */
#define PUSH_EXPIRES_NOW 1

/* How much a lane has lost for its limit, at the newest of what was lost. */
typedef struct push_lane_mark_t {
    uint32_t dropped;
    int64_t until; /* Redis ms; then all of that would have expired */
} push_lane_mark_t;

/* One entry; what its kind does not have is 0 or empty.  Texts are borrowed. */
typedef struct push_inbox_entry_t {
    unsigned partition;
    char kind;
    bool known;      /* a kind of this version, and its bytes are right */
    bool is_mark;    /* of M: no message, see mark */
    bool exact;      /* of G: the session stands behind the record */
    push_text_t log; /* 'u' + user, 'c' + channel, or 'b' */
    unsigned lane;
    uint64_t tick;
    int64_t expires; /* Redis ms, or PUSH_EXPIRES_NOW */
    push_lane_mark_t mark;
    push_text_t record; /* of M a message's; of G, N a device's */
    push_text_t session;
    uint64_t mid;
    unsigned char context[PUSH_CONTEXT_BYTES];
    uint32_t fence;
    unsigned owner;   /* of Y who asks, of Z who has it now */
    uint64_t request; /* chosen by who asked */
    unsigned from;    /* the owner that asked or answers */
    push_text_t body; /* of T see push_tag_next() */
} push_inbox_entry_t;

typedef struct push_entries_t {
    push_pieces_t run;
    unsigned piece;                /* of the run, the next one */
    const unsigned char *at, *end; /* what is left of the piece before it */
    bool broken;                   /* a piece ends where an entry does not */
} push_entries_t;

void push_entries_begin(push_entries_t *entries, push_pieces_t run);

/*
 * The next one.  False at the end, and at bytes that are no entry (broken).
 * One that is !known has partition and kind alone, and is to be skipped.
 */
bool push_entries_next(push_entries_t *entries, push_inbox_entry_t *entry);

#endif
