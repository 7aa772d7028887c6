/*
 * Numbers, mids, cursors, device and context ids, urgencies: what is taken is
 * in its one canonical form, and the SDK reads cursors as the server does.
 */
#include <ctype.h>

#include "core/ids.h"
#include "core/types.h"
#include "session.h"

#include "fuzz.h"

static void check_number(const char *text, size_t len)
{
    uint64_t number;
    char again[24];

    if (push_number_parse(text, len, &number)) {
        REQUIRE(number <= INT64_MAX);
        while (len > 1 && *text == '0') {
            text++;
            len--;
        }
        REQUIRE((size_t)snprintf(again, sizeof(again), "%lu",
                                 (unsigned long)number)
                == len);
        REQUIRE(!memcmp(again, text, len));
    }
}

static void check_mid(const char *text, size_t len)
{
    char again[PUSH_MID_CHARS];
    uint64_t mid;

    if (push_mid_parse(text, len, &mid)) {
        push_mid_write(mid, again);
        REQUIRE(len == sizeof(again) && !memcmp(text, again, len));
    }
}

static void check_context(const char *text, size_t len)
{
    unsigned char id[PUSH_CONTEXT_BYTES];
    char again[PUSH_CONTEXT_CHARS];

    if (push_context_parse(text, len, id)) {
        push_context_write(id, again);
        REQUIRE(len == sizeof(again) && !memcmp(text, again, len));
    }
}

static void check_device(const char *text, size_t len)
{
    if (!push_device_valid(text, len)) {
        return;
    }
    REQUIRE(len >= 1 && len <= PUSH_DEVICE_MAX);
    for (size_t i = 0; i < len; i++) {
        REQUIRE(isalnum((unsigned char)text[i]) || strchr("._~-", text[i]));
    }
}

static void check_cursor(const char *text, size_t len)
{
    char mid[PUSHC_MID_MAX], again[PUSH_MID_CHARS + 1] = "";
    push_cursor_t cursor;
    uint64_t seq;
    char *string;

    if (!push_cursor_parse(text, len, &cursor)) {
        return;
    }
    REQUIRE(cursor.seq <= INT64_MAX);
    REQUIRE(!cursor.device[0]
            || (cursor.has_mid
                && push_device_valid(cursor.device, strlen(cursor.device))));
    string = fuzz_string(text, len);
    if (len < 20 + PUSH_MID_CHARS && pushc_id_split(string, &seq, mid)) {
        push_mid_write(cursor.mid, again);
        REQUIRE(seq == cursor.seq);
        REQUIRE(!strcmp(mid, cursor.has_mid ? again : ""));
    }
    free(string);
}

static void check_urgency(const char *text, size_t len)
{
    push_urgency_t urgency;

    if (push_urgency_parse((push_text_t){text, (uint32_t)len}, &urgency)) {
        REQUIRE(urgency <= PUSH_VERY_LOW);
        REQUIRE(len == strlen(push_urgency_name(urgency)) || len == 6);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = fuzz_copy(bytes, size);

    check_number(text, size);
    check_mid(text, size);
    check_context(text, size);
    check_device(text, size);
    check_cursor(text, size);
    check_urgency(text, size);
    free(text);
    return 0;
}
