#include "http/json.h"

#include <http_protocol.h>
#include <string.h>

#include "core/text.h"

int push_json_send_text(request_rec *r, const char *type, const char *text,
                        size_t len)
{
    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)len);
    if (!r->header_only) {
        ap_rwrite(text, (int)len, r);
    }
    return OK;
}

int push_json_send(request_rec *r, const char *type, json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    size_t len = text ? strlen(text) : 0;

    json_decref(body);
    if (!text) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    text[len] = '\n'; /* in place of the NUL: the length says where it ends */
    push_json_send_text(r, type, text, len + 1);
    free(text);
    return OK;
}

/* Bytes of the character at p, or 0 if they are none of UTF-8. */
static size_t character(const char *p, size_t left)
{
    size_t len = 1;

    while (len <= 4 && len <= left && !push_text_valid(p, len)) {
        len++;
    }
    return len <= 4 && len <= left ? len : 0;
}

json_t *push_json_text(push_text_t text)
{
    json_t *value = json_stringn(text.len ? text.at : "", text.len);

    if (!value) {
        char *copy = strndup(text.at, text.len);
        size_t left = copy ? strlen(copy) : 0;

        for (char *p = copy; left;) {
            size_t len = character(p, left);

            if (!len) {
                *p = '?';
                len = 1;
            }
            p += len;
            left -= len;
        }
        value = json_string(copy ? copy : "");
        free(copy);
    }
    return value;
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && strchr(" \t\r\n", *p)) {
        p++;
    }
    return p;
}

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

const char *push_json_skip(const char *p, const char *end)
{
    int depth = 0;

    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
            if (!depth) {
                return p;
            }
            continue;
        }
        if (!depth && strchr(",}] \t\r\n", *p)) {
            return p;
        }
        if (*p == '{' || *p == '[') {
            depth++;
        }
        else if (*p == '}' || *p == ']') {
            depth--;
            if (!depth) {
                return p + 1;
            }
        }
        p++;
    }
    return end;
}

push_text_t push_json_raw(push_text_t object, const char *name)
{
    const char *end = object.at + object.len;
    const char *p = skip_space(object.at, end) + 1;
    size_t len = strlen(name);
    push_text_t none = {NULL, 0};

    for (;;) {
        const char *key = skip_space(p, end);
        const char *value, *stop;

        if (key >= end || *key != '"') {
            return none;
        }
        p = skip_space(skip_string(key, end), end);
        value = skip_space(p + 1, end);
        if (value >= end) {
            return none;
        }
        stop = push_json_skip(value, end);
        if (!strncmp(key + 1, name, len) && key[len + 1] == '"') {
            return (push_text_t){value, (uint32_t)(stop - value)};
        }
        p = skip_space(stop, end);
        if (p >= end || *p != ',') {
            return none;
        }
        p++;
    }
}
