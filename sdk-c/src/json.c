/* json.c - the few JSON objects of the wire. */
#include "json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base64.h"

static void copy_string(const json_t *object, const char *name, char *out,
                        size_t size)
{
    const char *s = json_string_value(json_object_get(object, name));

    snprintf(out, size, "%s", s ? s : "");
}

static long long number(const json_t *object, const char *name, long long none)
{
    const json_t *n = json_object_get(object, name);

    return json_is_integer(n) && json_integer_value(n) >= 0
               ? json_integer_value(n)
               : none;
}

/* A count, whatever form a number may have: none below 0, and at most 2^53,
 * up to which a real is exact. */
static uint64_t count(const json_t *object, const char *name)
{
    double n = json_number_value(json_object_get(object, name));

    return n >= 9007199254740992.0 ? 9007199254740992u
           : n > 0                 ? (uint64_t)n
                                   : 0;
}

void pushc_json_notice(const char *text, size_t length,
                       struct pushc_notice *out)
{
    json_t *root = json_loadb(text, length, JSON_DECODE_INT_AS_REAL, NULL);

    memset(out, 0, sizeof(*out));
    copy_string(root, "reason", out->reason, sizeof(out->reason));
    copy_string(root, "urgency", out->urgency, sizeof(out->urgency));
    out->dropped = count(root, "dropped");
    out->spread = count(root, "spread_ms");
    json_decref(root);
}

static void read_error(const json_t *error, pushc_result *result)
{
    copy_string(error, "detail", result->detail, sizeof(result->detail));
    if (result->detail[0] == '\0') {
        copy_string(error, "title", result->detail, sizeof(result->detail));
    }
    result->http_status = (long)number(error, "status", 0);
    result->status = PUSHC_ERR_HTTP;
}

void pushc_json_result(const char *text, size_t length, pushc_result *result)
{
    json_error_t why;
    json_t *root = json_loadb(text, length, 0, &why);
    const json_t *error = json_object_get(root, "error");

    if (!root && json_error_code(&why) == json_error_out_of_memory) {
        result->status = PUSHC_ERR_MEMORY;
        return;
    }
    copy_string(root, "id", result->id, sizeof(result->id));
    result->recipients = (long)number(root, "recipients", -1);
    result->connected = (long)number(root, "connected", -1);
    result->ttl = (long)number(root, "ttl", result->ttl);
    if (json_is_object(error)) {
        read_error(error, result);
    }
    else {
        result->status = result->id[0] ? PUSHC_OK : PUSHC_ERR_PROTOCOL;
    }
    json_decref(root);
}

int pushc_json_is_end(const char *text, size_t length)
{
    json_t *root = json_loadb(text, length, 0, NULL);
    int ends = json_is_true(json_object_get(root, "end"));

    json_decref(root);
    return ends;
}

void pushc_json_problem(const char *text, size_t length, char *out,
                        size_t size)
{
    json_t *root = json_loadb(text, length, 0, NULL);

    copy_string(root, "detail", out, size);
    if (out[0] == '\0') {
        copy_string(root, "title", out, size);
    }
    json_decref(root);
}

static int put_string(json_t *object, const char *name, const char *value)
{
    return value && json_object_set_new(object, name, json_string(value));
}

static int put_number(json_t *object, const char *name, long n)
{
    return json_object_set_new(object, name, json_integer(n));
}

/* Text where it can be, else base64. */
static int put_data(json_t *object, const pushc_outgoing *m,
                    const struct pushc_mem *mem)
{
    json_t *text = NULL;
    size_t n = 4 * ((m->length + 2) / 3);
    char *coded;
    int failed;

    if (m->length == 0) {
        return json_object_set_new(object, "text", json_string(""));
    }
    if (!memchr(m->data, '\0', m->length)) {
        text = json_stringn(m->data, m->length);
    }
    if (text) {
        return json_object_set_new(object, "text", text);
    }
    coded = pushc_mem_realloc(mem, NULL, n);
    if (!coded) {
        return -1;
    }
    pushc_base64_encode(m->data, m->length, coded);
    failed = json_object_set_new(object, "base64",
                                 json_stringn_nocheck(coded, n));
    pushc_mem_free(mem, coded);
    return failed;
}

static int append(const char *bytes, size_t n, void *out)
{
    return pushc_buf_add(out, bytes, n);
}

int pushc_json_line(struct pushc_buf *out, const pushc_outgoing *m,
                    const char *key)
{
    json_t *o = json_object();
    int failed = !o;

    failed = failed || put_string(o, "user", m->user)
             || put_string(o, "device", m->device)
             || put_string(o, "channel", m->channel)
             || put_string(o, "event", m->event)
             || put_string(o, "urgency", m->urgency)
             || put_string(o, "topic", m->topic) || put_string(o, "key", key)
             || (m->broadcast
                 && json_object_set_new(o, "broadcast", json_true()))
             || (m->receipt && json_object_set_new(o, "receipt", json_true()))
             || (m->ttl >= 0 && put_number(o, "ttl", m->ttl))
             || put_data(o, m, out->mem)
             || json_dump_callback(o, append, out, JSON_COMPACT)
             || pushc_buf_add(out, "\n", 1);
    json_decref(o);
    return failed ? PUSHC_ERR_MEMORY : PUSHC_OK;
}
