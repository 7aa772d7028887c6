#ifndef PUSH_PUT_H
#define PUSH_PUT_H

#include <stdint.h>
#include <string.h>

#include "core/digits.h"
#include "core/types.h"

/* Writers of short texts into room that their caller has made. */

static inline char *push_put(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

#define PUSH_PUT(at, text) push_put(at, text, sizeof(text) - 1)

static inline char *push_put_text(char *at, const push_text_t *text)
{
    return text->len ? push_put(at, text->at, text->len) : at;
}

static inline char *push_put_string(char *at, const char *string)
{
    return push_put(at, string, strlen(string));
}

#endif
