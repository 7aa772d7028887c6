#include "codec/payload.h"

#include <string.h>

#include "codec/base64.h"

void push_payload_base64(push_output_t *out, const push_text_t *data)
{
    size_t passed = out->skip / 4;
    size_t groups = push_base64_size(data->len) / 4;
    size_t room;
    char *at;

    passed = passed < groups ? passed : groups;
    push_output_pass(out, passed * 4);
    groups -= passed;
    room = push_output_left(out) / 4;
    at = push_output_room(out, (groups < room ? groups : room) * 4);
    if (at && groups) {
        size_t from = passed * 3;
        size_t len = groups <= room ? data->len - from : room * 3;

        push_output_fill(out, push_base64_encode(data->at + from, len, at));
        out->cut = groups > room;
    }
}

/* ---- a reader of JSON that only looks; a function a rule ---- */

#define DEPTH_MAX    16u
#define INTEGER_MAX  18 /* digits */
#define NUMBER_MAX   64 /* characters */
#define EXPONENT_MAX 2  /* digits */

typedef struct {
    const char *p;
    const char *end;
    unsigned depth;
} scan_t;

static bool scan_value(scan_t *s);

/* What stands at p; 0, which no rule takes, at the end. */
static unsigned char peek(const scan_t *s)
{
    return s->p < s->end ? (unsigned char)*s->p : 0;
}

static bool take(scan_t *s, unsigned char c)
{
    if (peek(s) != c) {
        return false;
    }
    s->p++;
    return true;
}

static void skip_space(scan_t *s)
{
    while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == '\r'
           || peek(s) == '\n') {
        s->p++;
    }
}

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind the u of an escape. */
static bool scan_hex(scan_t *s, unsigned *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(peek(s));

        if (digit < 0) {
            return false;
        }
        *unit = *unit << 4 | (unsigned)digit;
        s->p++;
    }
    return true;
}

static bool scan_unicode(scan_t *s)
{
    unsigned unit, low;

    if (!scan_hex(s, &unit) || !unit || (unit & 0xfc00) == 0xdc00) {
        return false;
    }
    if ((unit & 0xfc00) != 0xd800) {
        return true;
    }
    return take(s, '\\') && take(s, 'u') && scan_hex(s, &low)
           && (low & 0xfc00) == 0xdc00;
}

static bool scan_escape(scan_t *s)
{
    unsigned char c = peek(s);

    if (!c || !strchr("\"\\/bfnrtu", c)) {
        return false;
    }
    s->p++;
    return c != 'u' || scan_unicode(s);
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Not 0 if one of the eight bytes is below the least, 0x80 at most. */
static uint64_t any_below(uint64_t word, uint64_t least)
{
    return (word - EACH(least)) & ~word & EACH(0x80);
}

/* Eight bytes at a time, while there is nothing in them to be looked at. */
static void skip_plain(scan_t *s)
{
    uint64_t word;

    for (; s->end - s->p >= (ptrdiff_t)sizeof(word); s->p += sizeof(word)) {
        memcpy(&word, s->p, sizeof(word));
        if (any_below(word, 0x20) | any_below(word ^ EACH('"'), 1)
            | any_below(word ^ EACH('\\'), 1)) {
            return;
        }
    }
}

static bool scan_string(scan_t *s)
{
    for (skip_plain(s); !take(s, '"'); skip_plain(s)) {
        if (peek(s) < 0x20) {
            return false;
        }
        if (take(s, '\\')) {
            if (!scan_escape(s)) {
                return false;
            }
        }
        else {
            s->p++;
        }
    }
    return true;
}

/* How many there are; if they are too many for any number, some of them. */
static int scan_digits(scan_t *s)
{
    const char *from = s->p;

    while (peek(s) >= '0' && peek(s) <= '9' && s->p - from <= NUMBER_MAX) {
        s->p++;
    }
    return (int)(s->p - from);
}

static bool scan_exponent(scan_t *s)
{
    int digits;

    if (!take(s, 'e') && !take(s, 'E')) {
        return true;
    }
    if (!take(s, '-')) {
        take(s, '+');
    }
    digits = scan_digits(s);
    return digits && digits <= EXPONENT_MAX;
}

static bool scan_number(scan_t *s)
{
    const char *from = s->p;
    bool zero;
    int digits;

    take(s, '-');
    zero = peek(s) == '0';
    digits = zero ? (int)take(s, '0') : scan_digits(s);
    if (!digits || digits > INTEGER_MAX) {
        return false;
    }
    if (take(s, '.') && !scan_digits(s)) {
        return false;
    }
    return scan_exponent(s) && s->p - from <= NUMBER_MAX;
}

static bool scan_word(scan_t *s, const char *word)
{
    while (*word && take(s, (unsigned char)*word)) {
        word++;
    }
    return !*word;
}

static bool scan_name(scan_t *s)
{
    if (!take(s, '"') || !scan_string(s)) {
        return false;
    }
    skip_space(s);
    return take(s, ':');
}

/* Up to the end of an array or, with names, an object. */
static bool scan_members(scan_t *s, unsigned char end)
{
    skip_space(s);
    if (take(s, end)) {
        return true;
    }
    do {
        skip_space(s);
        if (end == '}' && !scan_name(s)) {
            return false;
        }
        skip_space(s);
        if (!scan_value(s)) {
            return false;
        }
        skip_space(s);
    } while (take(s, ','));
    return take(s, end);
}

static bool scan_nested(scan_t *s, unsigned char end)
{
    bool valid = s->depth++ < DEPTH_MAX && scan_members(s, end);

    s->depth--;
    return valid;
}

static bool scan_value(scan_t *s)
{
    switch (peek(s)) {
    case '"':
        s->p++;
        return scan_string(s);
    case '{':
        s->p++;
        return scan_nested(s, '}');
    case '[':
        s->p++;
        return scan_nested(s, ']');
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        return scan_number(s);
    }
}

bool push_payload_is_json(const push_text_t *data)
{
    scan_t s = {.p = data->at, .end = data->at + data->len};

    return scan_value(&s) && s.p == s.end;
}
