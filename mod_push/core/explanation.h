#ifndef PUSH_EXPLANATION_H
#define PUSH_EXPLANATION_H

#include "core/ids.h"

/*
 * Why a message did not arrive at a device, or why a device hears nothing: a
 * cause, one sentence, and the steps that led there, from facts alone.  The
 * names are those of <admin>/explain; docs/protocol.md says what they mean.
 */
#define PUSH_CAUSE_TABLE(CAUSE)                                               \
    /* of a message */                                                        \
    CAUSE(NEVER_GIVEN, "never-given")                                         \
    CAUSE(BEFORE_START, "before-start")                                       \
    CAUSE(FORGOTTEN, "forgotten")                                             \
    CAUSE(ANOTHER_USER, "another-user")                                       \
    CAUSE(ANOTHER_DEVICE, "another-device")                                   \
    CAUSE(PREDICATE, "filtered")                                              \
    CAUSE(NOT_FOLLOWED, "channel-not-followed")                               \
    CAUSE(FOLLOWED_LATER, "followed-later")                                   \
    CAUSE(CAME_LATER, "came-later")                                           \
    CAUSE(NO_STREAM_THEN, "no-stream-then")                                   \
    CAUSE(EXPIRED_AWAY, "expired-away")                                       \
    CAUSE(EXPIRED_WAITING, "expired-waiting")                                 \
    CAUSE(EXPIRED_UNACKED, "expired-unacknowledged")                          \
    CAUSE(REPLACED, "replaced")                                               \
    CAUSE(RECALLED, "recalled")                                               \
    CAUSE(EVICTED_MEMORY, "evicted-memory")                                   \
    CAUSE(EVICTED_MAILBOX, "evicted-mailbox")                                 \
    CAUSE(EVICTED_HISTORY, "evicted-history")                                 \
    CAUSE(REFUSED, "refused")                                                 \
    CAUSE(ACKED, "acknowledged")                                              \
    CAUSE(ASSUMED, "counts-as-acknowledged")                                  \
    /* of both */                                                             \
    CAUSE(NO_DEVICE, "no-device")                                             \
    CAUSE(UNKNOWN_DEVICE, "unknown-device")                                   \
    CAUSE(DISMISSED, "disconnected")                                          \
    CAUSE(REVOKED, "token-revoked")                                           \
    CAUSE(TOKEN_EXPIRED, "token-expired")                                     \
    CAUSE(AWAY, "away")                                                       \
    CAUSE(NODE_SILENT, "node-silent")                                         \
    CAUSE(SOCKET_FULL, "socket-full")                                         \
    CAUSE(WINDOW_FULL, "window-full")                                         \
    CAUSE(FILTERED, "urgency-filter")                                         \
    CAUSE(IN_FLIGHT, "in-flight")                                             \
    CAUSE(ON_ITS_WAY, "on-its-way")                                           \
    /* of a device */                                                         \
    CAUSE(NOTHING_PUBLISHED, "nothing-published")                             \
    CAUSE(NOTHING_WAITS, "nothing-waits")                                     \
    CAUSE(ALL_ACKED, "all-acknowledged")

#define PUSH_CAUSE_KIND(cause, name) PUSH_CAUSE_##cause,

typedef enum push_cause_t {
    PUSH_CAUSE_TABLE(PUSH_CAUSE_KIND) PUSH_CAUSES
} push_cause_t;

#undef PUSH_CAUSE_KIND

const char *push_cause_name(push_cause_t cause);

#define PUSH_STEPS_MAX     64u
#define PUSH_SENTENCE_ROOM 640u

typedef struct push_step_t {
    int64_t at;       /* wall ms; 0: not known */
    const char *what; /* kebab-case */
    char text[PUSH_SENTENCE_ROOM];
} push_step_t;

/* It is large: not for a small stack. */
typedef struct push_explanation_t {
    push_cause_t cause;
    bool arrived; /* the device has, or is taken to have, what was asked for */
    char verdict[PUSH_SENTENCE_ROOM];
    unsigned count;
    push_step_t steps[PUSH_STEPS_MAX];
} push_explanation_t;

/* ---- for who makes it ---- */

/* Adds a step, with %s, %u and PRIu64 alone; dropped when there are too many. */
void push_explain_step(push_explanation_t *explanation, int64_t at,
                       const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Says the cause and the sentence, likewise. */
void push_explain_end(push_explanation_t *explanation, push_cause_t cause,
                      const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Room for push_explain_span(). */
typedef struct push_span_t {
    char text[24];
} push_span_t;

/* A span of time in words, as "74 s"; returns the text. */
const char *push_explain_span(int64_t ms, push_span_t *span);

/* Puts the steps in the order of time; what has none stays behind others. */
void push_explain_sort(push_explanation_t *explanation);

#endif
