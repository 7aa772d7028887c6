/*
 * parser.c - the event stream format.
 *
 *   bytes -> skip_mark -> take_line -> on_line -> on_field -> finish_block
 *
 * A line is used where it lies; only one that is cut by the end of the bytes
 * is copied. A CR ends its line at once, and an LF that follows is skipped
 * when it comes. Of a block that is too large only the data are dropped.
 */
#include "parser.h"

#include <limits.h>
#include <string.h>

#include "backoff.h"

/* An on_line outcome beside PUSHC_PARSED_*: go on with the next line. */
#define GO_ON (-1)

/* Of the latest time of publishing, ms since 1970. */
#define TIME_DIGITS 15

/* A buffer that one large event made larger than this is given back. */
#define KEEP_BYTES (64 * 1024)

static const char *const text_names[PUSHC_TEXTS] = {
    [PUSHC_TEXT_EVENT] = "event",     [PUSHC_TEXT_ENCODING] = "enc",
    [PUSHC_TEXT_TYPE] = "type",       [PUSHC_TEXT_CHANNEL] = "channel",
    [PUSHC_TEXT_URGENCY] = "urgency", [PUSHC_TEXT_TRACE] = "trace",
};

void pushc_parser_init(struct pushc_parser *p, const struct pushc_mem *mem,
                       size_t max_bytes)
{
    int i;

    memset(p, 0, sizeof(*p));
    p->max = max_bytes;
    pushc_buf_init(&p->line, mem);
    pushc_buf_init(&p->data, mem);
    pushc_buf_init(&p->id, mem);
    pushc_buf_init(&p->last_id, mem);
    for (i = 0; i < PUSHC_TEXTS; i++) {
        pushc_buf_init(&p->texts[i], mem);
    }
}

void pushc_parser_cleanup(struct pushc_parser *p)
{
    int i;

    pushc_buf_cleanup(&p->line);
    pushc_buf_cleanup(&p->data);
    pushc_buf_cleanup(&p->id);
    pushc_buf_cleanup(&p->last_id);
    for (i = 0; i < PUSHC_TEXTS; i++) {
        pushc_buf_cleanup(&p->texts[i]);
    }
}

void pushc_parser_reset(struct pushc_parser *p)
{
    const struct pushc_mem *mem = p->line.mem;
    size_t max = p->max;
    int read_on = p->read_on;

    pushc_parser_cleanup(p);
    pushc_parser_init(p, mem, max);
    p->read_on = read_on;
}

static int set(struct pushc_buf *b, const char *bytes, size_t n)
{
    b->length = 0;
    return pushc_buf_add(b, bytes, n);
}

static void clear_block(struct pushc_parser *p)
{
    int i;

    if (p->data.room > KEEP_BYTES) {
        pushc_buf_cleanup(&p->data);
    }
    if (p->line.room > KEEP_BYTES && p->line.length == 0) {
        pushc_buf_cleanup(&p->line);
    }
    p->data.length = 0;
    for (i = 0; i < PUSHC_TEXTS; i++) {
        p->texts[i].length = 0;
    }
    p->time = 0;
    p->lines = 0;
    p->has_id = 0;
    p->ack_now = 0;
    p->too_large = 0;
    p->dropped = 0;
    p->delivered = 0;
}

/* Count n bytes that are not kept. */
static int drop(struct pushc_parser *p, size_t n)
{
    p->dropped += n;
    return p->dropped > PUSHC_DROPPED_MAX ? PUSHC_PARSED_TOO_LARGE : GO_ON;
}

/* The block is above the limit: an error, or the end of its data. */
static int on_too_large(struct pushc_parser *p)
{
    if (!p->read_on) {
        return PUSHC_PARSED_TOO_LARGE;
    }
    p->too_large = 1;
    p->lines = 0;
    pushc_buf_cleanup(&p->data);
    return GO_ON;
}

static int on_data(struct pushc_parser *p, const char *value, size_t n)
{
    size_t between = p->lines > 0 ? 1 : 0;

    if (p->too_large) {
        return drop(p, n);
    }
    if (p->data.length + between + n > p->max) {
        return on_too_large(p);
    }
    if (between && pushc_buf_add(&p->data, "\n", 1)) {
        return PUSHC_PARSED_NO_MEMORY;
    }
    if (pushc_buf_add(&p->data, value, n)) {
        return PUSHC_PARSED_NO_MEMORY;
    }
    p->lines += p->lines < INT_MAX;
    return GO_ON;
}

static int on_id(struct pushc_parser *p, const char *value, size_t n)
{
    if (n > 0 && memchr(value, '\0', n)) {
        return GO_ON;
    }
    if (set(&p->id, value, n)) {
        return PUSHC_PARSED_NO_MEMORY;
    }
    p->has_id = 1;
    return GO_ON;
}

/* Set *out to a number of digits alone, within limits; else leave it. */
static void set_number(uint64_t *out, const char *value, size_t n,
                       uint64_t min, uint64_t max)
{
    uint64_t number = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        if (value[i] < '0' || value[i] > '9') {
            return;
        }
        number = number * 10 + (uint64_t)(value[i] - '0');
        number = number > max ? max : number;
    }
    if (n > 0) {
        *out = number < min ? min : number;
    }
}

static int is(const char *name, size_t n, const char *known)
{
    return strlen(known) == n && memcmp(name, known, n) == 0;
}

static int on_field(struct pushc_parser *p, const char *line, size_t n,
                    const char *colon)
{
    size_t name = colon ? (size_t)(colon - line) : n;
    const char *value = colon ? colon + 1 : line + n;
    size_t length = (size_t)(line + n - value);
    int i;

    if (length > 0 && *value == ' ') {
        value++;
        length--;
    }
    if (is(line, name, "data")) {
        return on_data(p, value, length);
    }
    if (is(line, name, "id")) {
        return on_id(p, value, length);
    }
    for (i = 0; i < PUSHC_TEXTS; i++) {
        if (is(line, name, text_names[i])) {
            return set(&p->texts[i], value, length) ? PUSHC_PARSED_NO_MEMORY
                                                    : GO_ON;
        }
    }
    if (is(line, name, "retry")) {
        set_number(&p->retry, value, length, PUSHC_RETRY_MIN, PUSHC_RETRY_MAX);
    }
    else if (is(line, name, "time") && length <= TIME_DIGITS) {
        set_number(&p->time, value, length, 0, UINT64_MAX);
    }
    else if (is(line, name, "ack")) {
        p->ack_now = is(value, length, "now");
    }
    return GO_ON;
}

static const char *text(const struct pushc_parser *p, enum pushc_text which,
                        const char *none)
{
    return p->texts[which].length > 0 ? p->texts[which].bytes : none;
}

/* The blank line: the fields so far are a block, if there was one. */
static int finish_block(struct pushc_parser *p, struct pushc_block *block)
{
    if (!p->lines && !p->has_id && !p->too_large) {
        clear_block(p);
        return GO_ON;
    }
    if (p->has_id && set(&p->last_id, p->id.bytes, p->id.length)) {
        return PUSHC_PARSED_NO_MEMORY;
    }
    /* These get a buffer, even if empty, so that a NUL ends them. */
    if (pushc_buf_add(&p->data, "", 0) || pushc_buf_add(&p->last_id, "", 0)) {
        return PUSHC_PARSED_NO_MEMORY;
    }
    block->event = text(p, PUSHC_TEXT_EVENT, "message");
    block->encoding = text(p, PUSHC_TEXT_ENCODING, NULL);
    block->type = text(p, PUSHC_TEXT_TYPE, NULL);
    block->channel = text(p, PUSHC_TEXT_CHANNEL, NULL);
    block->urgency = text(p, PUSHC_TEXT_URGENCY, NULL);
    block->trace = text(p, PUSHC_TEXT_TRACE, NULL);
    block->time = p->time;
    block->data = p->data.bytes;
    block->length = p->data.length;
    block->id = p->last_id.bytes;
    block->has_id = p->has_id;
    block->has_data = p->lines > 0;
    block->too_large = p->too_large;
    block->ack_now = p->ack_now;
    p->delivered = 1;
    return PUSHC_PARSED_BLOCK;
}

static int on_line(struct pushc_parser *p, const char *line, size_t n,
                   struct pushc_block *block)
{
    if (n == 0) {
        return finish_block(p, block);
    }
    if (line[0] == ':') {
        return GO_ON;
    }
    return on_field(p, line, n, memchr(line, ':', n));
}

/* The first CR or LF of n bytes, or NULL. */
static const char *line_end(const char *bytes, size_t n)
{
    const char *lf = memchr(bytes, '\n', n);
    const char *cr = memchr(bytes, '\r', lf ? (size_t)(lf - bytes) : n);

    return cr ? cr : lf;
}

/* The line is above the limit, which is no error where it is a comment. bytes
 * is what came last of it. */
static int on_long_line(struct pushc_parser *p, const char *bytes)
{
    char first = p->line.length > 0 ? p->line.bytes[0] : *bytes;

    pushc_buf_cleanup(&p->line);
    return p->read_on && first == ':' ? GO_ON : on_too_large(p);
}

/* Take one line; PUSHC_PARSED_ALL when its end is not among the bytes. */
static int take_line(struct pushc_parser *p, const char **bytes, size_t *left,
                     struct pushc_block *block)
{
    const char *start = *bytes;
    const char *end = line_end(start, *left);
    size_t n = end ? (size_t)(end - start) : *left;
    size_t held = p->line.length;
    int outcome = GO_ON;

    if (!p->skipping && (n > p->max || held + n > p->max)) {
        outcome = on_long_line(p, start);
        p->skipping = 1;
    }
    if (p->skipping && outcome == GO_ON) {
        outcome = drop(p, n);
    }
    if (outcome != GO_ON) {
        return outcome;
    }
    *bytes += n + (end ? 1 : 0);
    *left -= n + (end ? 1 : 0);
    if (!p->skipping && (!end || held > 0)
        && pushc_buf_add(&p->line, start, n)) {
        return PUSHC_PARSED_NO_MEMORY;
    }
    if (!end) {
        return PUSHC_PARSED_ALL;
    }
    p->skip_lf = *end == '\r';
    if (p->skipping) {
        p->skipping = 0;
        return GO_ON;
    }
    outcome = held > 0 ? on_line(p, p->line.bytes, p->line.length, block)
                       : on_line(p, start, n, block);
    p->line.length = 0;
    return outcome;
}

/* Skip a byte order mark. Bytes that only began like one start a line. */
static int skip_mark(struct pushc_parser *p, const char **bytes, size_t *left)
{
    static const char mark[] = "\xef\xbb\xbf";

    while (p->bom < 3 && *left > 0) {
        if (**bytes != mark[p->bom]) {
            int seen = p->bom;

            p->bom = 3;
            return pushc_buf_add(&p->line, mark, (size_t)seen)
                       ? PUSHC_PARSED_NO_MEMORY
                       : GO_ON;
        }
        p->bom++;
        (*bytes)++;
        (*left)--;
    }
    return GO_ON;
}

enum pushc_parsed pushc_parser_next(struct pushc_parser *p, const char **bytes,
                                    size_t *left, struct pushc_block *block)
{
    int outcome = p->failed ? p->failed : GO_ON;

    if (p->delivered) {
        clear_block(p);
    }
    if (outcome == GO_ON && p->bom < 3) {
        outcome = skip_mark(p, bytes, left);
    }
    while (outcome == GO_ON && *left > 0) {
        if (p->skip_lf && **bytes == '\n') {
            (*bytes)++;
            (*left)--;
            p->skip_lf = 0;
            continue;
        }
        p->skip_lf = 0;
        outcome = take_line(p, bytes, left, block);
    }
    if (outcome == PUSHC_PARSED_TOO_LARGE
        || outcome == PUSHC_PARSED_NO_MEMORY) {
        p->failed = outcome;
    }
    return outcome == GO_ON ? PUSHC_PARSED_ALL : (enum pushc_parsed)outcome;
}
