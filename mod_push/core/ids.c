#include "core/ids.h"

#include <stdatomic.h>
#include <string.h>

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "abcdefghijklmnopqrstuvwxyz";
static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789-_";

/*
 * The moment in the clock's units: milliseconds and a count of 10 bits.  Both
 * move on as one number, so a burst of more than 1024 mids in a millisecond
 * runs ahead of the clock instead of stopping.
 */
static uint64_t clock_from_ms(int64_t wall_ms)
{
    return (uint64_t)wall_ms << 10;
}

static uint64_t mid_from_clock(uint64_t moment, unsigned shard, unsigned node)
{
    return moment << 12 | (uint64_t)(shard % PUSH_SHARDS) << 6 | node % 64;
}

uint64_t push_mid_next(push_mid_clock_t *clock, int64_t wall_ms,
                       unsigned shard, unsigned node)
{
    uint64_t now = clock_from_ms(wall_ms);
    uint64_t last = atomic_load_explicit(clock, memory_order_relaxed);
    uint64_t next;

    do {
        next = last < now ? now : last + 1;
    } while (!atomic_compare_exchange_weak(clock, &last, next));
    return mid_from_clock(next, shard, node);
}

uint64_t push_mid_now(push_mid_clock_t *clock)
{
    return mid_from_clock(atomic_load(clock), PUSH_SHARDS - 1, 63);
}

/* The last five digits of a number, which a word of 32 bits holds. */
#define FIVE_DIGITS 916132832u /* 62^5 */

static void write_five(uint32_t number, char *text)
{
    for (int i = 4; i >= 0; i--) {
        text[i] = base62[number % 62];
        number /= 62;
    }
}

/* In parts that do not wait for each other: each delivery writes one. */
void push_mid_write(uint64_t mid, char *text)
{
    uint64_t upper = mid / FIVE_DIGITS;

    write_five((uint32_t)(mid % FIVE_DIGITS), text + 6);
    write_five((uint32_t)(upper % FIVE_DIGITS), text + 1);
    text[0] = base62[upper / FIVE_DIGITS];
}

static int base62_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'A' && c <= 'Z') {
        return c - 'A' + 10;
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 36;
    }
    return -1;
}

bool push_mid_parse(const char *text, size_t len, uint64_t *mid)
{
    uint64_t value = 0;

    if (len != PUSH_MID_CHARS) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int digit = base62_value(text[i]);

        if (digit < 0 || value > (UINT64_MAX - (uint64_t)digit) / 62) {
            return false;
        }
        value = value * 62 + (uint64_t)digit;
    }
    *mid = value;
    return true;
}

bool push_number_parse(const char *text, size_t len, uint64_t *number)
{
    uint64_t value = 0;

    if (!len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned char)text[i] - '0';

        if (digit > 9 || value > (INT64_MAX - (uint64_t)digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *number = value;
    return true;
}

bool push_device_valid(const char *text, size_t len)
{
    if (!len || len > PUSH_DEVICE_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (base62_value(text[i]) < 0
            && (!text[i] || !strchr("._~-", text[i]))) {
            return false;
        }
    }
    return true;
}

bool push_cursor_parse(const char *text, size_t len, push_cursor_t *cursor)
{
    const char *end = text + len;
    const char *dot = len ? memchr(text, '.', len) : NULL;
    const char *mid;

    cursor->has_mid = false;
    cursor->has_session = false;
    cursor->session = 0;
    cursor->mid = 0;
    cursor->device[0] = '\0';
    if (!push_number_parse(text, (size_t)((dot ? dot : end) - text),
                           &cursor->seq)) {
        return false;
    }
    if (!dot) {
        return true;
    }
    mid = dot + 1;
    dot = memchr(mid, '.', (size_t)(end - mid));
    if (!push_mid_parse(mid, (size_t)((dot ? dot : end) - mid),
                        &cursor->mid)) {
        return false;
    }
    cursor->has_mid = true;
    if (!dot) {
        return true;
    }
    dot++;
    if (!push_device_valid(dot, (size_t)(end - dot))) {
        return false;
    }
    memcpy(cursor->device, dot, (size_t)(end - dot));
    cursor->device[end - dot] = '\0';
    return true;
}

void push_device_make_up(const unsigned char *random, char *text)
{
    for (int i = 0; i < PUSH_MADE_UP_CHARS; i++) {
        text[i] = base62[random[i] % 62];
    }
    text[PUSH_MADE_UP_CHARS] = '\0';
}

void push_context_write(const unsigned char *id, char *text)
{
    unsigned bits = 0;
    unsigned have = 0;
    int at = 0;

    for (int i = 0; i < PUSH_CONTEXT_BYTES; i++) {
        bits = bits << 8 | id[i];
        have += 8;
        while (have >= 6) {
            have -= 6;
            text[at++] = base64url[bits >> have & 63];
        }
    }
    text[at] = base64url[bits << (6 - have) & 63];
}

bool push_context_parse(const char *text, size_t len, unsigned char *id)
{
    unsigned bits = 0;
    unsigned have = 0;
    int at = 0;

    if (len != PUSH_CONTEXT_CHARS) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        const char *found = text[i] ? strchr(base64url, text[i]) : NULL;

        if (!found) {
            return false;
        }
        bits = bits << 6 | (unsigned)(found - base64url);
        have += 6;
        if (have >= 8) {
            have -= 8;
            id[at++] = (unsigned char)(bits >> have);
        }
    }
    return (bits & ((1u << have) - 1)) == 0;
}
