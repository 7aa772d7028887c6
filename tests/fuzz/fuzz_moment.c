/*
 * Moments: what is taken is a moment that the C library's calendar gives
 * back, or lies ahead of now by what the text says.
 */
#include <stdlib.h>
#include <time.h>

#include "core/moment.h"

#include "fuzz.h"

#define NOW 1700000000000LL

/* A date and a time in UTC, with no fraction, is written in one way alone. */
static void check_time(const char *text, size_t len, int64_t at)
{
    time_t seconds = (time_t)(at / 1000);
    char again[40];
    struct tm tm;

    if (len != 20 || text[10] != 'T' || text[19] != 'Z'
        || !memcmp(text + 17, "60", 2)) {
        return;
    }
    REQUIRE(at % 1000 == 0);
    REQUIRE(gmtime_r(&seconds, &tm));
    REQUIRE(snprintf(again, sizeof(again), "%04d-%02d-%02dT%02d:%02d:%02dZ",
                     tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                     tm.tm_min, tm.tm_sec)
            == 20);
    REQUIRE(!memcmp(again, text, 20));
}

static void check_ahead(const char *text, size_t len, int64_t at)
{
    char copy[32] = {0};

    REQUIRE(len >= 2 && len < sizeof(copy));
    memcpy(copy, text + 1, len - 1);
    REQUIRE(at - NOW >= (int64_t)atoll(copy) * 1000);
    REQUIRE(at - NOW < (int64_t)atoll(copy) * 1000 + 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    int64_t at;

    if (!push_moment_parse(text, size, NOW, &at)) {
        return 0;
    }
    if (text[0] == '+') {
        check_ahead(text, size, at);
    }
    else {
        check_time(text, size, at);
    }
    return 0;
}
