#include "stream.h"

#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "keep.h"

/* The event that is being put together from lines. */
struct draft {
    struct event event;
    bool has_data;
    bool any; /* a line since the last empty one */
};

/* Take n bytes of framing out of what was received. */
static void cut(struct stream *st, size_t n)
{
    struct wire *w = st->wire;
    char *at = w->bytes + st->plain;

    memmove(at, at + n, w->used - st->plain - n + 1);
    w->used -= n;
}

/* Within a chunk: pass its data, take the line end behind it. False where
 * more must be received first. */
static bool take_chunk(struct stream *st)
{
    size_t there = st->wire->used - st->plain;
    size_t data = st->left > 2 ? st->left - 2 : 0;
    size_t passed = data < there ? data : there;
    size_t end;

    st->plain += passed;
    st->left -= passed;
    end = st->wire->used - st->plain;
    end = st->left < end ? st->left : end;
    if (st->left <= 2) {
        cut(st, end);
        st->left -= end;
    }
    return st->left == 0;
}

/* Leave nothing but the body in what was received (RFC 9112 section 7.1). */
static void take_framing(struct stream *st)
{
    struct wire *w = st->wire;

    if (!st->chunked) {
        st->plain = w->used;
        return;
    }
    while (take_chunk(st)) {
        const char *size = w->bytes + st->plain;
        const char *end = memmem(size, w->used - st->plain, "\r\n", 2);

        if (end == NULL || w->ended) {
            return;
        }
        st->left = strtoul(size, NULL, 16) + 2;
        w->ended = st->left == 2;
        cut(st, (size_t)(end - size) + 2);
    }
}

static struct stream *request(const struct server *s, const char *query,
                              const char *headers, int receive_buffer)
{
    struct stream *st = keep(calloc(1, sizeof(*st)), free);
    const char *text = keep_printf("GET /ramen/receive%s%s HTTP/1.1\r\n"
                                   "Host: localhost\r\n%s\r\n",
                                   *query != '\0' ? "?" : "", query,
                                   headers != NULL ? headers : "");
    const char *end = NULL;

    st->retry = -1;
    st->wire = wire_open(s, receive_buffer);
    wire_send(st->wire, text, strlen(text));
    while (end == NULL) {
        if (!wire_receive(st->wire, wait_now() + WAIT_MS)) {
            ck_abort_msg("no answer to %s", text);
        }
        end = strstr(st->wire->bytes, "\r\n\r\n");
    }
    st->head = keep_copy(st->wire->bytes, (size_t)(end - st->wire->bytes) + 4);
    wire_take(st->wire, strlen(st->head));
    st->status = atoi(st->head + 9);
    st->chunked = stream_header(st, "Transfer-Encoding") != NULL;
    return st;
}

struct stream *stream_try(const struct server *s, const char *query,
                          const char *headers)
{
    return request(s, query, headers, 0);
}

static struct stream *check_open(struct stream *st)
{
    const char *type = stream_header(st, "Content-Type");

    ck_assert_msg(st->status == 200, "no stream: %s%s", st->head,
                  st->wire->bytes);
    ck_assert_msg(type != NULL && strncmp(type, "text/event-stream", 17) == 0,
                  "no event stream: %s", st->head);
    return st;
}

struct stream *stream_open(const struct server *s, const char *query,
                           const char *headers)
{
    return check_open(request(s, query, headers, 0));
}

struct stream *stream_open_narrow(const struct server *s, const char *query)
{
    return check_open(request(s, query, NULL, 4096));
}

const char *stream_header(const struct stream *st, const char *name)
{
    struct answer a = {.head = st->head};

    return http_header(&a, name);
}

/* Split SEQ.MID.DEVICE. */
static void take_id(struct event *e, const char *id)
{
    size_t seq = strcspn(id, ".");
    const char *mid = id[seq] == '.' ? id + seq + 1 : "";
    size_t length = strcspn(mid, ".");

    e->id = id;
    e->seq = strtoll(id, NULL, 10);
    e->mid = keep_copy(mid, length);
    e->device = mid[length] == '.' ? mid + length + 1 : "";
}

static void take_data(struct draft *d, const char *value, size_t length)
{
    struct event *e = &d->event;
    char *joined = keep(malloc(e->length + length + 2), free);
    size_t at = e->length;

    memcpy(joined, e->data, e->length);
    if (d->has_data) {
        joined[at] = '\n';
        at++;
    }
    memcpy(joined + at, value, length);
    joined[at + length] = '\0';
    e->data = joined;
    e->length = at + length;
    d->has_data = true;
}

/* One field, as the SSE section of the WHATWG standard reads lines. */
static void take_field(struct stream *st, struct draft *d, const char *line,
                       size_t length)
{
    size_t name = strcspn(line, ":");
    const char *value = line[name] == ':' ? line + name + 1 : line + name;

    d->any = true;
    value += *value == ' ';
    if (strncmp(line, "data", 4) == 0 && name == 4) {
        take_data(d, value, length - (size_t)(value - line));
    }
    else if (strncmp(line, "id", 2) == 0 && name == 2) {
        take_id(&d->event, value);
    }
    else if (strncmp(line, "event", 5) == 0 && name == 5) {
        d->event.type = value;
    }
    else if (strncmp(line, "enc", 3) == 0 && name == 3) {
        d->event.enc = value;
    }
    else if (strncmp(line, "ack", 3) == 0 && name == 3) {
        d->event.ack = value;
    }
    else if (strncmp(line, "retry", 5) == 0 && name == 5) {
        st->retry = strtoll(value, NULL, 10);
    }
}

/* The next line; NULL where it is not whole in time. */
static const char *take_line(struct stream *st, size_t *length,
                             int64_t deadline)
{
    struct wire *w = st->wire;
    size_t seen = 0;
    const char *line;
    char *end;

    for (;;) {
        take_framing(st);
        end = memchr(w->bytes + seen, '\n', st->plain - seen);
        if (end != NULL) {
            break;
        }
        seen = st->plain;
        if (!wire_receive(w, deadline)
            && (w->ended || wait_now() >= deadline)) {
            return NULL;
        }
    }
    *length = (size_t)(end - w->bytes);
    line = keep_copy(w->bytes, *length);
    wire_take(w, *length + 1);
    st->plain -= *length + 1;
    return line;
}

const struct event *stream_next_in(struct stream *st, int64_t milliseconds)
{
    int64_t deadline = wait_now() + milliseconds;
    struct draft d = {.event = {.seq = -1,
                                .id = "",
                                .mid = "",
                                .device = "",
                                .type = "",
                                .data = "",
                                .enc = "",
                                .ack = ""}};

    for (;;) {
        size_t length;
        /* The rest of an event that has begun is on its way. */
        const char *line = take_line(st, &length,
                                     d.any ? deadline + WAIT_MS : deadline);

        if (line == NULL) {
            ck_assert_msg(!d.any || st->wire->ended, "half an event");
            return NULL;
        }
        if (length > 0) {
            take_field(st, &d, line, length);
        }
        else if (d.has_data) {
            struct event *e = keep(malloc(sizeof(*e)), free);

            *e = d.event;
            e->at = wait_now();
            return e;
        }
        else {
            st->beats += !d.any;
            d.any = false;
        }
    }
}

const struct event *stream_next(struct stream *st)
{
    const struct event *e = stream_next_in(st, WAIT_MS);

    ck_assert_msg(e != NULL, "no event came; the stream %s",
                  st->wire->ended ? "ended" : "is open");
    return e;
}

void stream_expect_end(struct stream *st)
{
    const struct event *e = stream_next_in(st, WAIT_MS);

    ck_assert_msg(e == NULL, "instead of the end: event \"%s\", data %.200s",
                  e != NULL ? e->type : "", e != NULL ? e->data : "");
    ck_assert_msg(st->wire->ended, "the stream did not end");
}

void stream_close(struct stream *st)
{
    wire_close(st->wire);
}

static const json_t *control(struct stream *st, const char *type)
{
    const struct event *e = stream_next(st);
    json_t *json;

    ck_assert_msg(strcmp(e->type, type) == 0,
                  "expected %s, got event \"%s\" with %.200s", type, e->type,
                  e->data);
    ck_assert_str_eq(e->id, "");
    json = json_loads(e->data, 0, NULL);
    ck_assert_msg(json != NULL, "%s without JSON: %s", type, e->data);
    return json_keep(json);
}

void stream_expect_gap(struct stream *st, int dropped, const char *reason)
{
    const json_t *gap = control(st, "push.gap");

    ck_assert_int_eq(json_int_at(gap, "dropped"), dropped);
    ck_assert_str_eq(json_text_at(gap, "reason"),
                     reason != NULL ? reason : json_text_at(gap, "reason"));
    ck_assert_ptr_nonnull(json_at(gap, "urgency"));
}

void stream_expect_bye(struct stream *st, const char *reason)
{
    const json_t *bye = control(st, "push.bye");

    ck_assert_str_eq(json_text_at(bye, "reason"), reason);
    stream_expect_end(st);
}
