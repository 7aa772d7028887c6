#ifndef PUSH_TYPES_H
#define PUSH_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The field's words, shared by all of the core. */

/* Urgency (RFC 8030, section 5.3), most urgent first; also a log's lanes. */
typedef enum push_urgency_t {
    PUSH_HIGH,
    PUSH_NORMAL,
    PUSH_LOW,
    PUSH_VERY_LOW
} push_urgency_t;

#define PUSH_LANES 4

/* How a message stands, as a whole or for one device. */
typedef enum push_fate_t {
    PUSH_LIVE, /* of a whole message: it may still be delivered */
    PUSH_PENDING,
    PUSH_IN_FLIGHT,
    PUSH_ACKED,
    PUSH_EXPIRED,
    PUSH_REPLACED,
    PUSH_RECALLED,
    PUSH_EVICTED,
    PUSH_REFUSED,
    PUSH_FILTERED, /* of a device: its predicate does not hold there */
    PUSH_FATES
} push_fate_t;

/* Why a device has no stream any more. */
typedef enum push_went_t {
    PUSH_WENT_UNKNOWN,
    PUSH_WENT_PEER,      /* the client closed it */
    PUSH_WENT_ERROR,     /* the connection broke */
    PUSH_WENT_TAKEN,     /* a newer stream took over */
    PUSH_WENT_RESTART,   /* its process ended, the server went on */
    PUSH_WENT_SHUTDOWN,  /* the server ended */
    PUSH_WENT_TOKEN,     /* its token expired or was revoked */
    PUSH_WENT_DISMISSED, /* an administrator ended it */
    PUSH_WENT_ANSWERED,  /* it was a poll, and has its answer */
    PUSH_WENT_DIED,      /* its process died */
    PUSH_WENT_CAUSES
} push_went_t;

/* Why messages were dropped that a device had not acknowledged. */
typedef enum push_gap_t {
    PUSH_GAP_MEMORY,
    PUSH_GAP_MAILBOX,
    PUSH_GAPS,
    /* Only reported: what a device counts as dropped for want of memory. */
    PUSH_GAP_STATE_LOST = PUSH_GAPS
} push_gap_t;

/* A gap as it is reported to a client. */
typedef struct push_gap_report_t {
    push_gap_t reason;
    push_urgency_t urgency;
    uint32_t dropped;
} push_gap_report_t;

typedef enum push_status_t {
    PUSH_OK,
    PUSH_NO_MEMORY,    /* nothing was changed */
    PUSH_MAILBOX_FULL, /* all that waits is more urgent */
    PUSH_NOT_FOUND,
    PUSH_STALE,      /* the cursor or acknowledgement is of another session */
    PUSH_OVER,       /* the message has ended already */
    PUSH_KEY_REUSED, /* the idempotency key belongs to another request */
    PUSH_KEY_BUSY,   /* the first request under this key still runs */
    PUSH_LIMITED,    /* more of them a second than may be */
    PUSH_TOO_MANY,   /* a limit of count was reached */
    PUSH_CROWDED,    /* too many streams from one address */
    PUSH_TOO_MANY_DEVICES,       /* of one user, all of them online */
    PUSH_TOO_MANY_SUBSCRIPTIONS, /* in channels, of one user's devices */
    PUSH_TOO_MANY_CHANNELS,      /* in all */
    PUSH_BUSY,                   /* a lock could not be had in good time */
    PUSH_NO_STATE, /* the state on disk takes nothing at the moment */
    PUSH_ALONE,    /* only a machine that is alone can do it */
    PUSH_UNPLACED  /* nobody says where devices are */
} push_status_t;

/* The moment of an operation, in milliseconds on both clocks. */
typedef struct push_time_t {
    int64_t mono; /* never set back: decides every expiry */
    int64_t wall; /* since 1970: only shown, and in the mid */
    int64_t us;   /* mono in µs, for what is measured; 0: not known */
} push_time_t;

/* Bytes that somebody else owns; not terminated. */
typedef struct push_text_t {
    const char *at;
    uint32_t len;
} push_text_t;

/* As a C string, cut to what has room. */
void push_text_copy(char *to, size_t room, push_text_t text);

/* "high", "acked", …: the words of the wire. */
const char *push_urgency_name(push_urgency_t urgency);
const char *push_fate_name(push_fate_t fate);
const char *push_gap_name(push_gap_t gap);
const char *push_went_name(push_went_t why);

/*
 * The four names in any case, and "medium" for normal; false if it is none of
 * them.
 */
bool push_urgency_parse(push_text_t text, push_urgency_t *urgency);

#endif
