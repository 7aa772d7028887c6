#include "websocket/said.h"

#include <stdbool.h>
#include <string.h>

/* Acknowledgements come often, so they are read as they stand. */

typedef struct {
    const char *at;
    const char *end;
} scan_t;

static void skip_space(scan_t *s)
{
    while (s->at < s->end && *s->at && strchr(" \t\r\n", *s->at)) {
        s->at++;
    }
}

/* A character, with space before it. */
static bool take(scan_t *s, char c)
{
    skip_space(s);
    if (s->at == s->end || *s->at != c) {
        return false;
    }
    s->at++;
    return true;
}

/* A string without escapes: neither names nor cursors need any. */
static bool take_string(scan_t *s, const char **text, size_t *len)
{
    if (!take(s, '"')) {
        return false;
    }
    *text = s->at;
    while (s->at < s->end && *s->at != '"') {
        if ((unsigned char)*s->at < ' ' || *s->at == '\\') {
            return false;
        }
        s->at++;
    }
    *len = (size_t)(s->at - *text);
    return take(s, '"');
}

const char *push_said_read(const char *text, size_t len, push_said_t *said)
{
    scan_t s = {text, text + len};
    const char *name;
    size_t name_len;

    if (!take(&s, '{') || !take_string(&s, &name, &name_len)
        || !take(&s, ':')) {
        return "a message is an object with one member: ack";
    }
    if (name_len != 3 || memcmp(name, "ack", 3) != 0) {
        return "a member that is not known; one is: ack";
    }
    if (!take_string(&s, &said->ack, &said->ack_len) || !take(&s, '}')) {
        return "ack: a string, and no other member";
    }
    skip_space(&s);
    return s.at == s.end ? NULL : "behind the object nothing may follow";
}
