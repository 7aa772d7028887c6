#include "reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* States of the chunk framing. */
enum {
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_DATA,
    CHUNK_DATA_END,
    CHUNK_TRAILER,
    CHUNK_TRAILER_LINE
};

void reply_head_init(struct reply_head *head)
{
    memset(head, 0, sizeof *head);
    head->content_length = -1;
    head->retry_after = -1;
}

/* The value of the header `name` (with its colon), or NULL if it is another */
static const char *header_value(const char *line, const char *name)
{
    size_t len = strlen(name);

    if (strncasecmp(line, name, len) != 0) {
        return NULL;
    }
    line += len;
    return line + strspn(line, " \t");
}

static void keep_validator(const char *line, const char *name, char *kept)
{
    const char *value = header_value(line, name);

    if (value) {
        snprintf(kept, REPLY_VALIDATOR, "%s", value);
    }
}

static bool status_line(struct reply_head *head)
{
    if (strncmp(head->line, "HTTP/1.", 7) != 0 || head->len < 12) {
        return false;
    }
    head->status = atoi(head->line + 9);
    return head->status >= 100 && head->status <= 599;
}

static bool header_line(struct reply_head *head)
{
    const char *value = header_value(head->line, "Content-Length:");

    if (value) {
        head->content_length = strtoll(value, NULL, 10);
        return head->content_length >= 0;
    }
    value = header_value(head->line, "Retry-After:");
    if (value) {
        head->retry_after = strtoll(value, NULL, 10);
    }
    value = header_value(head->line, "Transfer-Encoding:");
    if (value) {
        head->chunked = strcasestr(value, "chunked") != NULL;
    }
    value = header_value(head->line, "Connection:");
    if (value) {
        head->closes = strcasestr(value, "close") != NULL;
    }
    keep_validator(head->line, "ETag:", head->etag);
    keep_validator(head->line, "Last-Modified:", head->modified);
    return true;
}

static bool head_line(struct reply_head *head)
{
    if (head->len > 0 && head->line[head->len - 1] == '\r') {
        head->len--;
    }
    head->line[head->len] = '\0';
    if (head->status == 0) {
        return status_line(head);
    }
    if (head->len == 0) {
        head->done = true;
        return true;
    }
    return header_line(head);
}

ptrdiff_t reply_head_feed(struct reply_head *head, const char *at, size_t len)
{
    size_t used = 0;

    while (used < len && !head->done) {
        char c = at[used++];

        if (c != '\n') {
            if (head->len < sizeof head->line - 1) {
                head->line[head->len++] = c;
            }
            continue;
        }
        if (!head_line(head)) {
            return -1;
        }
        head->len = 0;
    }
    return (ptrdiff_t)used;
}

void reply_body_init(struct reply_body *body, const struct reply_head *head)
{
    memset(body, 0, sizeof *body);
    if (head->chunked) {
        body->kind = REPLY_BODY_CHUNKED;
        body->state = CHUNK_SIZE;
    }
    else if (head->content_length >= 0) {
        body->kind = REPLY_BODY_LENGTH;
        body->left = (uint64_t)head->content_length;
        body->done = body->left == 0;
    }
    else {
        body->kind = REPLY_BODY_TO_EOF;
    }
    if (head->status == 204 || head->status == 304) {
        body->done = true;
    }
}

static size_t take_data(struct reply_body *body, const char *at, size_t len,
                        struct reply_slice *slice)
{
    slice->at = at;
    slice->len = len < body->left ? len : (size_t)body->left;
    body->left -= slice->len;
    return slice->len;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The line with a chunk's size; the line's end decides what follows. */
static void chunk_size_byte(struct reply_body *body, char c)
{
    int digit = hex_value(c);

    if (c == '\n') {
        body->state = body->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
    }
    else if (body->state == CHUNK_EXTENSION || c == '\r') {
        return;
    }
    else if (c == ';' || c == ' ' || c == '\t') {
        body->state = CHUNK_EXTENSION;
    }
    else if (digit < 0 || body->left > UINT64_MAX / 32) {
        body->broken = true;
    }
    else {
        body->left = body->left * 16 + (uint64_t)digit;
    }
}

/* One byte of the framing after a chunk or after the last chunk. */
static void chunk_end_byte(struct reply_body *body, char c)
{
    if (body->state == CHUNK_DATA_END) {
        if (c == '\n') {
            body->state = CHUNK_SIZE;
        }
        else if (c != '\r') {
            body->broken = true;
        }
    }
    else if (c == '\n') {
        body->done = body->state == CHUNK_TRAILER;
        body->state = CHUNK_TRAILER;
    }
    else if (c != '\r') {
        body->state = CHUNK_TRAILER_LINE;
    }
}

static size_t feed_chunked(struct reply_body *body, const char *at, size_t len,
                           struct reply_slice *slice)
{
    size_t used = 0;

    while (used < len && !body->done && !body->broken) {
        if (body->state == CHUNK_DATA) {
            used += take_data(body, at + used, len - used, slice);
            if (body->left == 0) {
                body->state = CHUNK_DATA_END;
            }
            return used;
        }
        if (body->state == CHUNK_SIZE || body->state == CHUNK_EXTENSION) {
            chunk_size_byte(body, at[used]);
        }
        else {
            chunk_end_byte(body, at[used]);
        }
        used++;
    }
    return used;
}

size_t reply_body_feed(struct reply_body *body, const char *at, size_t len,
                       struct reply_slice *slice)
{
    size_t used;

    slice->at = at;
    slice->len = 0;
    if (body->done || body->broken) {
        return 0;
    }
    if (body->kind == REPLY_BODY_CHUNKED) {
        return feed_chunked(body, at, len, slice);
    }
    if (body->kind == REPLY_BODY_TO_EOF) {
        slice->len = len;
        return len;
    }
    used = take_data(body, at, len, slice);
    body->done = body->left == 0;
    return used;
}
