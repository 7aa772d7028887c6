/*
 * backoff.h - when to try again. Pure: the random number is an argument.
 *
 * docs/protocol.md, "What clients owe the server"; the same arithmetic as
 * tests/vectors/backoff.json.
 */
#ifndef PUSHC_BACKOFF_H
#define PUSHC_BACKOFF_H

#include <stdint.h>

#define PUSHC_BACKOFF_FLOOR   100u   /* ms: no delay is shorter */
#define PUSHC_BACKOFF_CEILING 30000u /* ms: no jitter is longer */
#define PUSHC_RETRY_MIN       500u   /* ms: clamps of retry: */
#define PUSHC_RETRY_MAX       600000u
#define PUSHC_SPREAD_MAX      600000u /* ms: clamp of a push.bye hint */
#define PUSHC_RETRY_AFTER_MAX 3600000u

enum pushc_backoff_kind {
    PUSHC_BACKOFF_JITTER,      /* full jitter below base times 2^n */
    PUSHC_BACKOFF_SPREAD,      /* anywhere within hint */
    PUSHC_BACKOFF_RETRY_AFTER, /* hint, then the jitter */
    PUSHC_BACKOFF_WAKE         /* within a second */
};

struct pushc_backoff {
    enum pushc_backoff_kind kind;
    uint64_t base;   /* ms */
    uint64_t hint;   /* ms */
    unsigned failed; /* attempts in a row, before this delay */
};

/* The delay in ms for a random number 0 <= u < 1. */
uint64_t pushc_backoff_delay(const struct pushc_backoff *b, double u);

#endif
