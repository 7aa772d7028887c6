#include "http/capture/sequence.h"

#include <string.h>

/* Behind the string that begins at p. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++) {
        if (*p == '\\') {
            p++;
        }
    }
    return p < end ? p + 1 : end;
}

/* Behind the object that begins at p; the end, if it has none. */
static const char *skip_object(const char *p, const char *end)
{
    unsigned depth = 0;

    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
            continue;
        }
        depth += *p == '{';
        if (*p == '}') {
            depth--;
        }
        p++;
        if (!depth) {
            return p;
        }
    }
    return end;
}

bool push_sequence_next(push_text_t *rest, push_text_t *object)
{
    const char *end = rest->at + rest->len;
    const char *p = rest->at;
    const char *stop;

    while (p < end && strchr(" \t\r\n,", *p)) {
        p++;
    }
    stop = p < end && *p == '{' ? skip_object(p, end) : end;
    *object = (push_text_t){p, (uint32_t)(stop - p)};
    *rest = (push_text_t){stop, (uint32_t)(end - stop)};
    return object->len != 0;
}
