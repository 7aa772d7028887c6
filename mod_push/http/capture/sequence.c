#include "http/capture/sequence.h"

#include <string.h>

#include "http/json.h"

bool push_sequence_next(push_text_t *rest, push_text_t *object)
{
    const char *end = rest->at + rest->len;
    const char *p = rest->at;
    const char *stop;

    while (p < end && strchr(" \t\r\n,", *p)) {
        p++;
    }
    stop = p < end && *p == '{' ? push_json_skip(p, end) : end;
    *object = (push_text_t){p, (uint32_t)(stop - p)};
    *rest = (push_text_t){stop, (uint32_t)(end - stop)};
    return object->len != 0;
}
