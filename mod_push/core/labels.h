#ifndef PUSH_LABELS_H
#define PUSH_LABELS_H

/*
 * The labels of what is counted (core/figures.h), in the words of
 * <admin>/metrics.  The values of one are numbered from 0 on, in this order:
 * where a comment names a type, as that.
 */

#define PUSH_BY_NONE(VALUE)    VALUE(NONE, NONE, "")
#define PUSH_BY_URGENCY(VALUE) /* push_urgency_t */                           \
    VALUE(URGENCY, HIGH, "high")                                              \
    VALUE(URGENCY, NORMAL, "normal")                                          \
    VALUE(URGENCY, LOW, "low") VALUE(URGENCY, VERY_LOW, "very-low")
#define PUSH_BY_AUDIENCE(VALUE) /* push_log_kind_t - 1 */                     \
    VALUE(AUDIENCE, USER, "user")                                             \
    VALUE(AUDIENCE, CHANNEL, "channel") VALUE(AUDIENCE, BROADCAST, "broadcast")
#define PUSH_BY_OUTCOME(VALUE)                                                \
    VALUE(OUTCOME, ACKED, "acked")                                            \
    VALUE(OUTCOME, EXPIRED, "expired")                                        \
    VALUE(OUTCOME, REPLACED, "replaced")                                      \
    VALUE(OUTCOME, RECALLED, "recalled")                                      \
    VALUE(OUTCOME, EVICTED, "evicted")                                        \
    VALUE(OUTCOME, REFUSED, "refused") VALUE(OUTCOME, FILTERED, "filtered")
#define PUSH_BY_GAP(VALUE) /* push_gap_t */                                   \
    VALUE(GAP, MEMORY, "memory")                                              \
    VALUE(GAP, MAILBOX, "mailbox") VALUE(GAP, STATE_LOST, "state-lost")
#define PUSH_BY_ACK(VALUE)                                                    \
    VALUE(ACK, OK, "ok")                                                      \
    VALUE(ACK, STALE, "stale") VALUE(ACK, UNKNOWN, "unknown")
#define PUSH_BY_TRANSPORT(VALUE)                                              \
    VALUE(TRANSPORT, SSE, "sse")                                              \
    VALUE(TRANSPORT, POLL, "poll")                                            \
    VALUE(TRANSPORT, H2, "h2") VALUE(TRANSPORT, WEBSOCKET, "websocket")
#define PUSH_BY_OPENED(VALUE)                                                 \
    VALUE(OPENED, NEW, "new")                                                 \
    VALUE(OPENED, RESUMED, "resumed")                                         \
    VALUE(OPENED, STALE, "stale") VALUE(OPENED, TAKEOVER, "takeover")
#define PUSH_BY_CLOSED(VALUE)                                                 \
    VALUE(CLOSED, CLIENT, "client")                                           \
    VALUE(CLOSED, WRITE_TIMEOUT, "write_timeout")                             \
    VALUE(CLOSED, SUPERSEDED, "superseded")                                   \
    VALUE(CLOSED, RESTART, "restart")                                         \
    VALUE(CLOSED, SHUTDOWN, "shutdown")                                       \
    VALUE(CLOSED, EXPIRED_TOKEN, "expired_token")                             \
    VALUE(CLOSED, DISCONNECTED, "disconnected")                               \
    VALUE(CLOSED, ANSWERED, "answered")
#define PUSH_BY_NOT_OPENED(VALUE)                                             \
    VALUE(NOT_OPENED, USER, "user")                                           \
    VALUE(NOT_OPENED, ADDRESS, "address")                                     \
    VALUE(NOT_OPENED, FULL, "full")                                           \
    VALUE(NOT_OPENED, MEMORY, "memory")                                       \
    VALUE(NOT_OPENED, NO_THREAD, "no_thread")
#define PUSH_BY_LIMIT(VALUE) /* push_rate_kind_t */                           \
    VALUE(LIMIT, PUBLISHER, "publisher") VALUE(LIMIT, USER, "user")
#define PUSH_BY_TOKEN(VALUE) /* push_jwt_status_t - 1, and tickets */         \
    VALUE(TOKEN, MALFORMED, "malformed")                                      \
    VALUE(TOKEN, ALGORITHM, "algorithm")                                      \
    VALUE(TOKEN, CRITICAL, "critical")                                        \
    VALUE(TOKEN, TYPE, "type")                                                \
    VALUE(TOKEN, SIGNATURE, "signature")                                      \
    VALUE(TOKEN, NO_EXPIRY, "no_expiry")                                      \
    VALUE(TOKEN, EXPIRED, "expired")                                          \
    VALUE(TOKEN, EARLY, "early")                                              \
    VALUE(TOKEN, LIFETIME, "lifetime")                                        \
    VALUE(TOKEN, ISSUER, "issuer")                                            \
    VALUE(TOKEN, AUDIENCE, "audience")                                        \
    VALUE(TOKEN, CLAIM, "claim")                                              \
    VALUE(TOKEN, REVOKED, "revoked") VALUE(TOKEN, TICKET, "ticket")
#define PUSH_BY_RELAYED(VALUE)                                                \
    VALUE(RELAYED, QUEUED, "queued")                                          \
    VALUE(RELAYED, SENT, "sent")                                              \
    VALUE(RELAYED, REFUSED, "refused")                                        \
    VALUE(RELAYED, EXPIRED, "expired") VALUE(RELAYED, FELL, "fell")
#define PUSH_BY_CAPTURED(VALUE)                                               \
    VALUE(CAPTURED, PUBLISHED, "published")                                   \
    VALUE(CAPTURED, TOO_LARGE, "too_large")                                   \
    VALUE(CAPTURED, TRUNCATED, "truncated")                                   \
    VALUE(CAPTURED, STATUS, "status")                                         \
    VALUE(CAPTURED, FORBIDDEN, "forbidden")                                   \
    VALUE(CAPTURED, ENCODED, "encoded")                                       \
    VALUE(CAPTURED, UNCHANGED, "unchanged") VALUE(CAPTURED, FAILED, "failed")
#define PUSH_BY_REJECTED(VALUE) /* types of problems that a publish meets */  \
    VALUE(REJECTED, PARAMETER, "bad-parameter")                               \
    VALUE(REJECTED, HEADER, "bad-header")                                     \
    VALUE(REJECTED, BODY, "bad-body")                                         \
    VALUE(REJECTED, JSON, "bad-json")                                         \
    VALUE(REJECTED, MEMBER, "bad-member")                                     \
    VALUE(REJECTED, TOKEN_IN_URL, "token-in-url")                             \
    VALUE(REJECTED, NO_USER, "no-user")                                       \
    VALUE(REJECTED, NO_TOKEN, "no-token")                                     \
    VALUE(REJECTED, BAD_TOKEN, "bad-token")                                   \
    VALUE(REJECTED, EXPIRED_TOKEN, "expired-token")                           \
    VALUE(REJECTED, FORBIDDEN, "forbidden")                                   \
    VALUE(REJECTED, FORGERY, "forgery")                                       \
    VALUE(REJECTED, NO_REQUIRE, "no-require")                                 \
    VALUE(REJECTED, WRONG_HOST, "wrong-host")                                 \
    VALUE(REJECTED, SLOW_BODY, "slow-body")                                   \
    VALUE(REJECTED, KEY_BUSY, "idempotency-key-busy")                         \
    VALUE(REJECTED, TOO_LARGE, "too-large")                                   \
    VALUE(REJECTED, KEY_REUSED, "idempotency-key-reused")                     \
    VALUE(REJECTED, RATE, "rate")                                             \
    VALUE(REJECTED, PUBLISHERS, "too-many-publishers")                        \
    VALUE(REJECTED, MEMORY_FULL, "memory-full")                               \
    VALUE(REJECTED, MAILBOX_FULL, "mailbox-full")                             \
    VALUE(REJECTED, NO_STATE, "state-unavailable")                            \
    VALUE(REJECTED, BUSY, "busy")                                             \
    VALUE(REJECTED, NO_KEYS, "no-keys") VALUE(REJECTED, OTHER, "other")

/* Each label, with its name. */
#define PUSH_LABEL_TABLE(LABEL)                                               \
    LABEL(NONE, "")                                                           \
    LABEL(URGENCY, "urgency")                                                 \
    LABEL(AUDIENCE, "audience")                                               \
    LABEL(OUTCOME, "outcome")                                                 \
    LABEL(GAP, "reason")                                                      \
    LABEL(ACK, "result")                                                      \
    LABEL(TRANSPORT, "transport")                                             \
    LABEL(OPENED, "result")                                                   \
    LABEL(CLOSED, "reason")                                                   \
    LABEL(NOT_OPENED, "reason")                                               \
    LABEL(LIMIT, "limit")                                                     \
    LABEL(RELAYED, "result")                                                  \
    LABEL(CAPTURED, "result")                                                 \
    LABEL(TOKEN, "reason") LABEL(REJECTED, "reason")

/* PUSH_BY_<label>_<value>, and PUSH_BY_<label>_VALUES: how many there are. */
#define PUSH_VALUE(label, kind, name) PUSH_BY_##label##_##kind,
#define PUSH_VALUES_OF(label, name)                                           \
    enum { PUSH_BY_##label(PUSH_VALUE) PUSH_BY_##label##_VALUES };

PUSH_LABEL_TABLE(PUSH_VALUES_OF)

#undef PUSH_VALUES_OF
#undef PUSH_VALUE

#endif
