#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

/* ---- UTF-8 ---- */

/* How many bytes the character at text has, and which one it is; 0: it is
 * not UTF-8 (RFC 3629). */
static size_t decode(const unsigned char *text, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = *text < 0x80   ? 1
               : *text < 0xc2 ? 0
               : *text < 0xe0 ? 2
               : *text < 0xf0 ? 3
               : *text < 0xf5 ? 4
                              : 0;
    uint32_t value = n == 1 ? *text : *text & (0xffu >> (n + 1));

    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        value = value << 6 | (text[i] & 0x3f);
    }
    if (n == 0 || value < least[n] || value > 0x10ffff
        || (value >= 0xd800 && value < 0xe000)) {
        return 0;
    }
    *character = value;
    return n;
}

/* What changes how text is shown, or does something else than be shown. */
static int commands(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c
           || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e)
           || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

char *ctl_text_clean(const char *text)
{
    char *out = malloc(strlen(text) + 1);
    char *at = out;

    while (out && *text) {
        uint32_t c = 0;
        size_t n = decode((const unsigned char *)text, &c);

        if (n == 0 || commands(c)) {
            *at++ = '?';
        }
        else {
            memcpy(at, text, n);
            at += n;
        }
        text += n ? n : 1;
    }
    if (out) {
        *at = '\0';
    }
    return out;
}

static size_t columns_of(uint32_t c)
{
    int columns = c < 0x80 ? 1 : wcwidth((wchar_t)c);

    return columns < 0 ? 1 : (size_t)columns;
}

size_t ctl_text_fit(const char *text, size_t columns)
{
    const char *at = text;
    size_t taken = 0;

    while (*at) {
        uint32_t c = '?';
        size_t n = decode((const unsigned char *)at, &c);

        taken += columns_of(c);
        if (taken > columns) {
            break;
        }
        at += n ? n : 1;
    }
    return (size_t)(at - text);
}

size_t ctl_text_width(const char *text)
{
    size_t width = 0;

    while (*text) {
        uint32_t c = '?';
        size_t n = decode((const unsigned char *)text, &c);

        width += columns_of(c);
        text += n ? n : 1;
    }
    return width;
}

/* ---- numbers ---- */

void ctl_text_count(int64_t n, char out[CTL_TEXT_MAX])
{
    char digits[32];
    size_t length, at = 0;

    snprintf(digits, sizeof(digits), "%" PRIu64,
             n < 0 ? -(uint64_t)n : (uint64_t)n);
    length = strlen(digits);
    if (n < 0) {
        out[at++] = '-';
    }
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            out[at++] = ',';
        }
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

void ctl_text_bytes(int64_t n, char out[CTL_TEXT_MAX])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double value = (double)n;
    int unit = -1;

    while (value >= 1023.95 && unit < 3) {
        value /= 1024;
        unit++;
    }
    if (unit < 0) {
        snprintf(out, CTL_TEXT_MAX, "%" PRId64 " B", n);
    }
    else {
        snprintf(out, CTL_TEXT_MAX, "%.1f %s", value, units[unit]);
    }
}

void ctl_text_rate(double rate, char out[CTL_TEXT_MAX])
{
    if (rate > 0 && rate < 99.95) {
        snprintf(out, CTL_TEXT_MAX, "%.1f", rate);
    }
    else {
        ctl_text_count((int64_t)(rate + 0.5), out);
    }
}

/* ---- times ---- */

void ctl_text_seconds(int64_t seconds, char out[CTL_TEXT_MAX])
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    int i = 0;
    int64_t rest;

    while (i < 3 && seconds < units[i].seconds) {
        i++;
    }
    rest = i < 3 ? seconds % units[i].seconds / units[i + 1].seconds : 0;
    if (rest) {
        snprintf(out, CTL_TEXT_MAX, "%" PRId64 " %s %" PRId64 " %s",
                 seconds / units[i].seconds, units[i].name, rest,
                 units[i + 1].name);
    }
    else {
        snprintf(out, CTL_TEXT_MAX, "%" PRId64 " %s",
                 seconds / units[i].seconds, units[i].name);
    }
}

void ctl_text_time(int64_t ms, int64_t now, char out[CTL_TEXT_MAX])
{
    time_t seconds = (time_t)(ms / 1000);
    char age[CTL_TEXT_MAX];
    struct tm tm;
    size_t n;

    if (!localtime_r(&seconds, &tm)) {
        snprintf(out, CTL_TEXT_MAX, "%" PRId64, ms);
        return;
    }
    n = strftime(out, CTL_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm);
    if (now != 0) {
        ctl_text_seconds((now > ms ? now - ms : ms - now) / 1000, age);
        snprintf(out + n, CTL_TEXT_MAX - n,
                 now >= ms ? " (%.24s ago)" : " (in %.24s)", age);
    }
}

int64_t ctl_text_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
