#include "stream.h"

#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "keep.h"

/* The event that is being put together from lines. */
struct draft {
    struct event event;
    bool has_data;
    bool any;   /* a line since the last empty one */
    bool whole; /* its empty line came */
};

static void take_line(void *baton, struct sse_text line);

static void release(void *object)
{
    struct stream *st = object;

    sse_cleanup(&st->sse);
    free(st);
}

struct stream *stream_begin(struct wire *w, const char *head)
{
    struct stream *st = keep(calloc(1, sizeof(*st)), release);
    struct reply_head parsed;

    st->wire = w;
    st->head = head;
    st->retry = -1;
    reply_head_init(&parsed);
    reply_head_feed(&parsed, head, strlen(head));
    reply_body_init(&st->body, &parsed);
    st->status = parsed.status;
    st->draft = keep(malloc(sizeof(*st->draft)), free);
    sse_init(&st->sse, take_line, st);
    return st;
}

static struct stream *request(const struct server *s, const char *query,
                              const char *headers, int receive_buffer)
{
    struct wire *w = wire_open(s, receive_buffer);
    const char *text = keep_printf("GET /ramen/receive%s%s HTTP/1.1\r\n"
                                   "Host: localhost\r\n%s\r\n",
                                   *query != '\0' ? "?" : "", query,
                                   headers != NULL ? headers : "");
    const char *head;

    wire_send(w, text, strlen(text));
    head = http_head(w, wait_now() + WAIT_MS);
    ck_assert_msg(head != NULL, "no answer to %s", text);
    return stream_begin(w, head);
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

static void take_field(struct stream *st, struct sse_text line)
{
    struct draft *d = st->draft;
    struct sse_text value;

    d->any = true;
    if (sse_field(line, "data", &value)) {
        take_data(d, value.at, value.length);
    }
    else if (sse_field(line, "id", &value)) {
        take_id(&d->event, keep_copy(value.at, value.length));
    }
    else if (sse_field(line, "event", &value)) {
        d->event.type = keep_copy(value.at, value.length);
    }
    else if (sse_field(line, "enc", &value)) {
        d->event.enc = keep_copy(value.at, value.length);
    }
    else if (sse_field(line, "ack", &value)) {
        d->event.ack = keep_copy(value.at, value.length);
    }
    else if (sse_field(line, "retry", &value)) {
        st->retry = (int64_t)sse_number(value);
    }
}

static void take_line(void *baton, struct sse_text line)
{
    struct stream *st = baton;
    struct draft *d = st->draft;

    if (line.length > 0) {
        take_field(st, line);
    }
    else if (d->has_data) {
        d->whole = true;
    }
    else {
        st->beats += !d->any;
        d->any = false;
    }
}

/* Read on up to the next line end, so that what is behind an event stays for
 * the next; false where none came in time. */
static bool read_line(struct stream *st, int64_t deadline)
{
    struct wire *w = st->wire;
    size_t seen = 0;
    const char *end = memchr(w->bytes, '\n', w->used);

    while (end == NULL) {
        seen = w->used;
        if (!wire_receive(w, deadline)
            && (w->ended || wait_now() >= deadline)) {
            return false;
        }
        end = memchr(w->bytes + seen, '\n', w->used - seen);
    }
    for (seen = (size_t)(end - w->bytes) + 1; seen > 0;) {
        struct reply_slice slice;
        size_t used = reply_body_feed(&st->body, w->bytes, seen, &slice);

        if (st->body.broken || !sse_feed(&st->sse, slice.at, slice.len)) {
            ck_abort_msg("no body of an event stream: %.200s", w->bytes);
        }
        w->ended = w->ended || st->body.done;
        used = st->body.done ? seen : used;
        wire_take(w, used);
        seen -= used;
    }
    return true;
}

const struct event *stream_next_in(struct stream *st, int64_t milliseconds)
{
    static const struct draft empty = {.event = {.seq = -1,
                                                 .id = "",
                                                 .mid = "",
                                                 .device = "",
                                                 .type = "",
                                                 .data = "",
                                                 .enc = "",
                                                 .ack = ""}};
    int64_t deadline = wait_now() + milliseconds;
    struct draft *d = st->draft;
    struct event *e;

    *d = empty;
    while (!d->whole) {
        /* The rest of an event that has begun is on its way. */
        if (!read_line(st, d->any ? deadline + WAIT_MS : deadline)) {
            ck_assert_msg(!d->any || st->wire->ended, "half an event");
            return NULL;
        }
    }
    e = keep(malloc(sizeof(*e)), free);
    *e = d->event;
    e->at = wait_now();
    return e;
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
