#ifndef PUSH_IDS_H
#define PUSH_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Message ids, cursors and context ids, as numbers and as text.
 *
 * A mid is 64 bits: 42 of milliseconds since 1970, 10 of a count within the
 * millisecond, 6 of the shard that holds the message, 6 of the node.  Within
 * one node mids rise in the order in which they are taken.
 */

#define PUSH_MID_CHARS     11
#define PUSH_CONTEXT_BYTES 16
#define PUSH_CONTEXT_CHARS 22
#define PUSH_DEVICE_MAX    128 /* bytes of a device id */
#define PUSH_MADE_UP_CHARS 8   /* of a device id made up by the server */
#define PUSH_SHARDS        64

/* The last moment and count handed out; lives in shared memory. */
typedef _Atomic uint64_t push_mid_clock_t;

uint64_t push_mid_next(push_mid_clock_t *clock, int64_t wall_ms,
                       unsigned shard, unsigned node);

/* A mid that lies behind every one taken so far and before all later ones. */
uint64_t push_mid_now(push_mid_clock_t *clock);

static inline int64_t push_mid_ms(uint64_t mid)
{
    return (int64_t)(mid >> 22);
}

static inline unsigned push_mid_shard(uint64_t mid)
{
    return (mid >> 6) % PUSH_SHARDS;
}

/* Writes exactly PUSH_MID_CHARS characters, not terminated. */
void push_mid_write(uint64_t mid, char *text);
bool push_mid_parse(const char *text, size_t len, uint64_t *mid);

/* Where a client stands: SEQ, SEQ.MID or SEQ.MID.DEVICE. */
typedef struct push_cursor_t {
    uint64_t seq;
    uint64_t mid;
    uint64_t session; /* the token of the stream that gave seq */
    bool has_mid;
    bool has_session;
    char device[PUSH_DEVICE_MAX + 1]; /* empty, or the made-up device id */
} push_cursor_t;

/*
 * False if text is none of the three forms; the cursor is undefined then.  No
 * form says the session.
 */
bool push_cursor_parse(const char *text, size_t len, push_cursor_t *cursor);

/* Decimal digits only, at most 2^63 - 1. */
bool push_number_parse(const char *text, size_t len, uint64_t *number);

/* 1–128 of A-Za-z0-9._~- */
bool push_device_valid(const char *text, size_t len);

/* A device id from random bytes, PUSH_MADE_UP_CHARS long and terminated. */
void push_device_make_up(const unsigned char *random, char *text);

/* base64url of a context id; writes PUSH_CONTEXT_CHARS, not terminated. */
void push_context_write(const unsigned char *id, char *text);
bool push_context_parse(const char *text, size_t len, unsigned char *id);

#endif
