#include "pushbench_wire.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static size_t put_host(const struct pb_options *options, char *out)
{
    char host[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &options->server.sin_addr, host, sizeof host);
    return (size_t)sprintf(out, "Host: %s:%u\r\n", host,
                           (unsigned)ntohs(options->server.sin_port));
}

/* nchan: the channel that carries a user's messages, or the one for all */
static size_t put_channel(const struct pb_options *options, unsigned index,
                          char *out)
{
    if (options->mode == PB_FANOUT) {
        return (size_t)sprintf(out, "%sall", options->prefix);
    }
    return (size_t)sprintf(out, "%su%u", options->prefix, index);
}

/* The way to what the subscriber with this index receives. */
static size_t put_place(const struct pb_options *options, unsigned index,
                        char *out)
{
    size_t len;

    if (options->target == PB_NCHAN) {
        len = (size_t)sprintf(out, "GET /%s/",
                              options->polls ? "poll" : "sub");
        return len + put_channel(options, index, out + len);
    }
    len = (size_t)sprintf(out, "GET /ramen/receive?user=%su%u",
                          options->prefix, index);
    if (*options->device) {
        len += (size_t)sprintf(out + len, "&device=%s", options->device);
    }
    if (options->mode == PB_FANOUT || options->follow) {
        len += (size_t)sprintf(out + len, "&channel=%sall", options->prefix);
    }
    return len;
}

static size_t put_version(const struct pb_options *options, char *out)
{
    size_t len = (size_t)sprintf(out, " HTTP/1.1\r\n");

    len += put_host(options, out + len);
    if (options->target == PB_PUSH) {
        /* else a refusal looks like a stream, see docs/protocol.md */
        len += (size_t)sprintf(out + len, "Push-Client: pushbench/1\r\n");
    }
    return len;
}

size_t pb_wire_subscribe(const struct pb_options *options, unsigned index,
                         char *out)
{
    size_t len = put_place(options, index, out);

    len += put_version(options, out + len);
    return len
           + (size_t)sprintf(out + len, "Accept: text/event-stream\r\n\r\n");
}

size_t pb_wire_poll(const struct pb_options *options, unsigned index,
                    const struct pb_cursor *cursor, char *out)
{
    bool push = options->target == PB_PUSH;
    size_t len = put_place(options, index, out);

    if (push) {
        len += (size_t)sprintf(out + len, "&wait=55");
    }
    if (push && *cursor->id) {
        len += (size_t)sprintf(out + len, "&id=%s", cursor->id);
    }
    len += put_version(options, out + len);
    if (!push && *cursor->id) {
        len += (size_t)sprintf(out + len,
                               "If-None-Match: %s\r\n"
                               "If-Modified-Since: %s\r\n",
                               cursor->id, cursor->modified);
    }
    return len + (size_t)sprintf(out + len, "\r\n");
}

size_t pb_wire_post(const struct pb_options *options,
                    const struct pb_message *message, char *out)
{
    size_t len;

    if (options->mode == PB_NONE) {
        len = (size_t)sprintf(out, "POST /none");
    }
    else if (options->target == PB_NCHAN) {
        len = (size_t)sprintf(out, "POST /pub/");
        len += put_channel(options, message->to, out + len);
    }
    else if (options->mode == PB_FANOUT) {
        len = (size_t)sprintf(out, "POST /push/messages?channel=%sall",
                              options->prefix);
    }
    else {
        len = (size_t)sprintf(out, "POST /push/messages?user=%su%u",
                              options->prefix, message->to);
    }
    len += (size_t)sprintf(out + len, " HTTP/1.1\r\n");
    len += put_host(options, out + len);
    len += (size_t)sprintf(out + len,
                           "Content-Type: application/json\r\n"
                           "Content-Length: %u\r\n\r\n",
                           options->size);
    return len + pb_wire_payload(options, message, out + len);
}

size_t pb_wire_ndjson_head(const struct pb_options *options, char *out)
{
    size_t len = (size_t)sprintf(out, "POST /push/messages HTTP/1.1\r\n");

    len += put_host(options, out + len);
    return len
           + (size_t)sprintf(out + len,
                             "Content-Type: application/x-ndjson\r\n"
                             "Transfer-Encoding: chunked\r\n\r\n");
}

size_t pb_wire_ndjson_line(const struct pb_options *options,
                           const struct pb_message *message, char *out)
{
    size_t len;

    if (options->mode == PB_FANOUT) {
        len = (size_t)sprintf(
            out, "{\"channel\":\"%sall\",\"data\":", options->prefix);
    }
    else {
        len = (size_t)sprintf(out,
                              "{\"user\":\"%su%u\",\"data\":", options->prefix,
                              message->to);
    }
    len += pb_wire_payload(options, message, out + len);
    memcpy(out + len, "}\n", 2);
    return len + 2;
}

/* The digits stand in strings: a JSON number may not begin with a 0. */
size_t pb_wire_payload(const struct pb_options *options,
                       const struct pb_message *message, char *out)
{
    size_t len = (size_t)sprintf(out,
                                 "{\"t\":\"%020" PRIu64
                                 "\",\"to\":\"%07u\",\"pad\":\"",
                                 message->time, message->to);

    memset(out + len, 'x', options->size - 2 - len);
    memcpy(out + options->size - 2, "\"}", 2);
    return options->size;
}

/* The digits after `key` and its `":"`; false if they are not there. */
static bool number_after(const char *at, size_t len, const char *key,
                         uint64_t *number)
{
    const char *end = at + len;

    at = memmem(at, len, key, strlen(key));
    if (!at) {
        return false;
    }
    at += strlen(key);
    while (at < end && (*at == ':' || *at == ' ' || *at == '"')) {
        at++;
    }
    if (at == end || *at < '0' || *at > '9') {
        return false;
    }
    *number = 0;
    while (at < end && *at >= '0' && *at <= '9') {
        *number = *number * 10 + (uint64_t)(*at++ - '0');
    }
    return true;
}

bool pb_wire_parse(const char *at, size_t len, struct pb_message *message)
{
    uint64_t to;

    if (!number_after(at, len, "\"t\"", &message->time)
        || !number_after(at, len, "\"to\"", &to)) {
        return false;
    }
    message->to = (unsigned)to;
    return true;
}

/* Behind `text` in what lies from `at` to `end`; NULL where it is not. */
static const char *behind(const char *at, const char *end, const char *text)
{
    size_t len = strlen(text);
    const char *found = memmem(at, (size_t)(end - at), text, len);

    return found ? found + len : NULL;
}

/* How often `text` stands there. */
static int count_of(const char *at, const char *end, const char *text)
{
    int count = 0;

    for (at = behind(at, end, text); at; at = behind(at, end, text)) {
        count++;
    }
    return count;
}

/* The batch of docs/protocol.md; payloads stand in it as they were sent. */
static int push_answer(const struct pb_options *options,
                       const struct pb_answer *answer,
                       struct pb_cursor *cursor)
{
    const char *begin = answer->body.at;
    const char *end = begin + answer->body.len;
    const char *messages = behind(begin, end, "\"messages\":[");
    const char *last = messages;

    if (!messages || !behind(messages, end, "\"more\":")) {
        return -1;
    }
    for (const char *at = behind(last, end, "\"data\":");
         at && (size_t)(end - at) > options->size;
         at = behind(last, end, "\"data\":")) {
        answer->on_message(answer->baton, at, options->size);
        last = at + options->size;
    }
    last = behind(last, end, "\"cursor\":\"");
    if (last) {
        const char *quote = memchr(last, '"', (size_t)(end - last));

        snprintf(cursor->id, sizeof cursor->id, "%.*s",
                 quote ? (int)(quote - last) : 0, last);
    }
    return count_of(begin, messages, "\"dropped\":");
}

/* nchan's has one message, with validators that are the cursor behind it. */
int pb_wire_answer(const struct pb_options *options,
                   const struct pb_answer *answer, struct pb_cursor *cursor)
{
    const struct reply_head *head = answer->head;

    if (options->target == PB_PUSH) {
        return push_answer(options, answer, cursor);
    }
    if (!*head->etag || !*head->modified) {
        return -1;
    }
    memcpy(cursor->id, head->etag, sizeof cursor->id);
    memcpy(cursor->modified, head->modified, sizeof cursor->modified);
    answer->on_message(answer->baton, answer->body.at, answer->body.len);
    return 0;
}
