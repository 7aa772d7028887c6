#include "broker/relay/body.h"

#include <stdlib.h>

#include "codec/base64.h"
#include "codec/put.h"
#include "core/text.h"
#include "core/where.h"

/* Bytes that one byte of a text comes to, at most: \u001f. */
#define ESCAPED 6u

/* Names of members, quotes, an urgency, a trace. */
#define FIXED 256u

static char *put_escaped(char *at, const push_text_t *text)
{
    static const char hex[] = "0123456789abcdef";

    for (uint32_t i = 0; i < text->len; i++) {
        unsigned char c = (unsigned char)text->at[i];

        if (c < ' ') {
            at = PUSH_PUT(at, "\\u00");
            *at++ = hex[c >> 4];
            *at++ = hex[c & 15];
            continue;
        }
        if (c == '"' || c == '\\') {
            *at++ = '\\';
        }
        *at++ = (char)c;
    }
    return at;
}

/* "name":"text", and a comma; nothing for an empty text. */
static char *put_member(char *at, const char *name, const push_text_t *text)
{
    if (!text->len) {
        return at;
    }
    *at++ = '"';
    at = push_put_string(at, name);
    at = PUSH_PUT(at, "\":\"");
    at = put_escaped(at, text);
    return PUSH_PUT(at, "\",");
}

static char *put_audience(char *at, const push_publication_t *publication)
{
    const push_audience_t *audience = &publication->audience;

    switch (audience->kind) {
    case PUSH_LOG_USER:
        at = put_member(at, "user", &audience->name);
        return put_member(at, "device", &publication->spec.device);
    case PUSH_LOG_CHANNEL:
        return put_member(at, "channel", &audience->name);
    default:
        return PUSH_PUT(at, "\"broadcast\":true,");
    }
}

static char *put_trace(char *at, const push_text_t *trace)
{
    if (!trace->len) {
        return at;
    }
    at = PUSH_PUT(at, "\"traceparent\":\"");
    push_traceparent_write(trace->at, at);
    return PUSH_PUT(at + PUSH_TRACEPARENT_CHARS, "\",");
}

/* As text, and all in one member (docs/protocol.md). */
static char *put_where(char *at, push_text_t where)
{
    char text[PUSH_WHERE_TEXT_MAX];
    push_text_t written = {text, (uint32_t)push_where_write(where, text)};

    return put_member(at, "where", &written);
}

/* A payload that is JSON goes as a text too: not one byte of it changes. */
static char *put_payload(char *at, const push_text_t *data)
{
    if (push_text_valid(data->len ? data->at : "", data->len)) {
        at = PUSH_PUT(at, "\"text\":\"");
        at = put_escaped(at, data);
    }
    else {
        at = PUSH_PUT(at, "\"base64\":\"");
        at = push_base64_encode(data->at, data->len, at);
    }
    return PUSH_PUT(at, "\"}");
}

char *push_relay_body(const push_publication_t *publication, size_t *len)
{
    const push_message_spec_t *spec = &publication->spec;
    const push_content_t *content = &spec->content;
    const char *name = push_urgency_name(spec->urgency);
    push_text_t urgency = {name, (uint32_t)strlen(name)};
    size_t room = FIXED
                  + ESCAPED
                        * ((size_t)publication->audience.name.len
                           + spec->device.len + spec->topic.len
                           + (spec->where.len ? PUSH_WHERE_TEXT_MAX : 0u)
                           + content->event.len + content->type.len
                           + content->data.len);
    char *body = malloc(room);
    char *at = body;

    if (!body) {
        return NULL;
    }
    at = put_audience(at, publication);
    at = put_member(at, "urgency", &urgency);
    at = put_member(at, "topic", &spec->topic);
    at = put_member(at, "event", &content->event);
    at = put_member(at, "type", &content->type);
    at = put_trace(at, &content->trace);
    at = put_where(at, spec->where);
    at = put_payload(at, &content->data);
    *len = (size_t)(at - body);
    *at = '\0';
    return body;
}
