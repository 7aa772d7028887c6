/* test_parser.c - the event stream parser against the shared vectors. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "needs.h"
#include "parser.h"
#include "suite.h"
#include "vectors.h"

#define NO_LIMIT    (1u << 20)
#define EVERY_SPLIT 4096 /* inputs up to here are split at every place */

static struct pushc_mem mem;

/* What one row expects, and how far a run came. */
struct row {
    const json_t *json;
    const char *description;
    char *input;
    size_t length;
    int meta;      /* the fields of "meta" are looked at */
    size_t events; /* seen in this run */
    int error;     /* 1: event-too-large */
    struct pushc_parser parser;
};

static void same_string(const struct row *r, const char *got,
                        const char *wanted, const char *what)
{
    if ((got == NULL) != (wanted == NULL)
        || (got && strcmp(got, wanted) != 0)) {
        ck_abort_msg("%s: %s is \"%s\", not \"%s\"", r->description, what,
                     got ? got : "(none)", wanted ? wanted : "(none)");
    }
}

static void check_meta(const struct row *r, const struct pushc_block *b,
                       const json_t *wanted)
{
    same_string(r, b->type, vectors_string(wanted, "type"), "type");
    same_string(r, b->channel, vectors_string(wanted, "channel"), "channel");
    same_string(r, b->urgency, vectors_string(wanted, "urgency"), "urgency");
    same_string(r, b->trace, vectors_string(wanted, "trace"), "trace");
    NEEDS((double)b->time == vectors_number(wanted, "time"),
          "%s: time is %llu", r->description, (unsigned long long)b->time);
}

static void check_event(struct row *r, const struct pushc_block *b)
{
    const json_t *wanted = json_array_get(json_object_get(r->json, "events"),
                                          r->events);
    size_t length;
    char *data;

    if (!wanted) {
        ck_abort_msg("%s: one event too many", r->description);
    }
    same_string(r, b->event, vectors_string(wanted, "event"), "event");
    same_string(r, b->id, vectors_string(wanted, "id"), "id");
    same_string(r, b->encoding, vectors_string(wanted, "enc"), "enc");
    same_string(r, b->ack_now ? "now" : NULL, vectors_string(wanted, "ack"),
                "ack");
    if (r->meta) {
        check_meta(r, b, wanted);
    }
    data = vectors_text(json_object_get(wanted, "data"), &length);
    if (b->length != length || memcmp(b->data, data, length) != 0) {
        ck_abort_msg("%s: data of event %zu differ", r->description,
                     r->events);
    }
    if (b->data[b->length] != '\0') {
        ck_abort_msg("%s: no NUL after the data", r->description);
    }
    free(data);
    r->events++;
}

static void feed(struct row *r, const char *bytes, size_t left)
{
    struct pushc_block block;

    for (;;) {
        switch (pushc_parser_next(&r->parser, &bytes, &left, &block)) {
        case PUSHC_PARSED_BLOCK:
            if (block.has_data) {
                check_event(r, &block);
            }
            break;
        case PUSHC_PARSED_ALL:
            if (left != 0) {
                ck_abort_msg("%s: %zu bytes left", r->description, left);
            }
            return;
        case PUSHC_PARSED_TOO_LARGE:
            r->error = 1;
            return;
        default:
            ck_abort_msg("%s: no memory", r->description);
        }
    }
}

static void check_end(struct row *r)
{
    const json_t *retry = json_object_get(r->json, "retry");
    const json_t *errors = json_object_get(r->json, "errors");
    const char *id = r->parser.last_id.bytes;

    NEEDS(r->events == json_array_size(json_object_get(r->json, "events")),
          "%s: %zu events", r->description, r->events);
    same_string(r, id && r->parser.last_id.length ? id : "",
                vectors_string(r->json, "lastEventId"), "last event id");
    NEEDS(r->parser.retry == (uint64_t)json_integer_value(retry),
          "%s: retry is %llu", r->description,
          (unsigned long long)r->parser.retry);
    NEEDS((size_t)r->error == json_array_size(errors), "%s: %s",
          r->description, r->error ? "an error too many" : "no error");
    if (r->error) {
        ck_assert_str_eq(json_string_value(json_array_get(errors, 0)),
                         "event-too-large");
    }
}

static void begin(struct row *r)
{
    const json_t *max = json_object_get(r->json, "max_event_bytes");

    r->events = 0;
    r->error = 0;
    pushc_parser_init(&r->parser, &mem,
                      max ? (size_t)json_integer_value(max) : NO_LIMIT);
}

static void end(struct row *r)
{
    check_end(r);
    pushc_parser_cleanup(&r->parser);
}

static void run_whole(struct row *r)
{
    begin(r);
    feed(r, r->input, r->length);
    end(r);
}

/* Each feed from memory of its own, so that a read too far is seen. */
static void feed_copy(struct row *r, const char *bytes, size_t n)
{
    char *copy = malloc(n ? n : 1);

    if (!copy) {
        ck_abort_msg("no memory");
    }
    memcpy(copy, bytes, n);
    feed(r, copy, n);
    free(copy);
}

static void run_pieces(struct row *r, size_t size)
{
    size_t at;

    begin(r);
    for (at = 0; at < r->length; at += size) {
        size_t left = r->length - at;

        feed_copy(r, r->input + at, left < size ? left : size);
    }
    end(r);
}

static void run_split(struct row *r, size_t at)
{
    begin(r);
    feed_copy(r, r->input, at);
    feed_copy(r, r->input + at, r->length - at);
    end(r);
}

static void with_rows_of(const char *name, void (*run)(struct row *))
{
    json_t *rows = vectors_load(name);
    size_t i;

    for (i = 0; i < json_array_size(rows); i++) {
        struct row r = {.json = json_array_get(rows, i)};

        r.meta = strcmp(name, "meta.json") == 0;
        r.description = vectors_string(r.json, "description");
        r.input = vectors_text(json_object_get(r.json, "input"), &r.length);
        run(&r);
        free(r.input);
    }
    json_decref(rows);
}

static void with_rows(void (*run)(struct row *))
{
    with_rows_of("sse.json", run);
    with_rows_of("meta.json", run);
}

static void run_bytes(struct row *r)
{
    run_pieces(r, 1);
}

static void run_splits(struct row *r)
{
    size_t step = r->length <= EVERY_SPLIT ? 1 : r->length / 100;
    size_t at;

    for (at = 0; at <= r->length; at += step) {
        run_split(r, at);
    }
}

static void run_sizes(struct row *r)
{
    size_t size;

    for (size = 2; size < 70; size++) {
        run_pieces(r, size);
    }
    run_pieces(r, 1000);
    run_pieces(r, 16384);
}

START_TEST(the_vectors_hold_when_fed_whole)
{
    with_rows(run_whole);
}
END_TEST

START_TEST(the_vectors_hold_when_fed_byte_by_byte)
{
    with_rows(run_bytes);
}
END_TEST

START_TEST(the_vectors_hold_when_split_at_every_place)
{
    with_rows(run_splits);
}
END_TEST

START_TEST(the_vectors_hold_when_fed_in_pieces_of_any_size)
{
    with_rows(run_sizes);
}
END_TEST

/* ---- what is too large, read through ---- */

static void check_large(struct row *r, const struct pushc_block *b)
{
    const json_t *wanted = json_array_get(json_object_get(r->json, "events"),
                                          r->events);

    if (!b->too_large) {
        NEEDS(!json_object_get(wanted, "too_large"), "%s: it is not too large",
              r->description);
        check_event(r, b);
        return;
    }
    NEEDS(json_is_true(json_object_get(wanted, "too_large")),
          "%s: event %zu is too large", r->description, r->events);
    same_string(r, b->has_id ? b->id : "", vectors_string(wanted, "id"), "id");
    same_string(r, b->ack_now ? "now" : NULL, vectors_string(wanted, "ack"),
                "ack");
    NEEDS(!b->has_data && !b->length, "%s: too large, and has data",
          r->description);
    r->events++;
}

static void feed_large(struct row *r, const char *bytes, size_t left)
{
    struct pushc_block block;
    enum pushc_parsed got;

    do {
        got = pushc_parser_next(&r->parser, &bytes, &left, &block);
        if (got == PUSHC_PARSED_BLOCK && (block.has_data || block.too_large)) {
            check_large(r, &block);
        }
    } while (got == PUSHC_PARSED_BLOCK);
    NEEDS(got == PUSHC_PARSED_ALL && left == 0, "%s: %d", r->description, got);
}

static void run_large(struct row *r, size_t size)
{
    size_t at, n;

    begin(r);
    r->parser.read_on = 1;
    for (at = 0; at < r->length; at += n) {
        n = r->length - at < size ? r->length - at : size;
        feed_large(r, r->input + at, n);
    }
    end(r);
}

START_TEST(what_is_too_large_is_read_through_in_pieces_of_any_size)
{
    json_t *rows = vectors_load("large.json");
    size_t i, size;

    for (i = 0; i < json_array_size(rows); i++) {
        struct row r = {.json = json_array_get(rows, i)};

        r.description = vectors_string(r.json, "description");
        r.input = vectors_text(json_object_get(r.json, "input"), &r.length);
        for (size = 1; size < 140; size++) {
            run_large(&r, size);
        }
        run_large(&r, 16384);
        run_large(&r, r.length);
        free(r.input);
    }
    json_decref(rows);
}
END_TEST

START_TEST(a_comment_that_is_too_long_is_not_missed)
{
    const char *bytes = ": 123456789\ndata: b\n\n";
    size_t left = strlen(bytes);
    struct pushc_parser p;
    struct pushc_block block;

    pushc_parser_init(&p, &mem, 8);
    p.read_on = 1;
    ck_assert_int_eq(pushc_parser_next(&p, &bytes, &left, &block),
                     PUSHC_PARSED_BLOCK);
    ck_assert_str_eq(block.data, "b");
    ck_assert(!block.too_large);
    pushc_parser_cleanup(&p);
}
END_TEST

/* ---- a stream that breaks ---- */

static struct {
    json_t *pieces;
    struct pushc_parser parser;
    size_t next; /* the piece whose message is expected next */
} transcript;

static const json_t *piece_at(size_t i)
{
    return json_array_get(transcript.pieces, i);
}

static int is_message(size_t i)
{
    return vectors_string(piece_at(i), "id") != NULL;
}

static void expect_message(const struct pushc_block *block)
{
    size_t count = json_array_size(transcript.pieces);

    while (transcript.next < count && !is_message(transcript.next)) {
        transcript.next++;
    }
    NEEDS(transcript.next < count, "a message too many");
    NEEDS(!strcmp(block->id, vectors_string(piece_at(transcript.next), "id")),
          "its id is %s", block->id);
    NEEDS(!strcmp(block->data,
                  vectors_string(piece_at(transcript.next), "data")),
          "its data are %s", block->data);
    transcript.next++;
}

static void feed_transcript(const char *bytes, size_t left)
{
    struct pushc_block block;
    enum pushc_parsed got;

    do {
        got = pushc_parser_next(&transcript.parser, &bytes, &left, &block);
        if (got == PUSHC_PARSED_BLOCK && block.has_data) {
            expect_message(&block);
        }
    } while (got == PUSHC_PARSED_BLOCK);
    NEEDS(got == PUSHC_PARSED_ALL, "parsed: %d", got);
}

/* The pieces from one on, up to so many bytes of them. */
static void feed_from(size_t first, size_t bytes)
{
    size_t i;

    for (i = first; i < json_array_size(transcript.pieces) && bytes > 0; i++) {
        const char *piece = vectors_string(piece_at(i), "piece");
        size_t length = strlen(piece);

        length = length < bytes ? length : bytes;
        feed_transcript(piece, length);
        bytes -= length;
    }
}

/* What is whole in the first bytes: the piece behind the last such message,
 * and its id. */
static size_t whole_in(size_t bytes, const char **id)
{
    size_t behind = 0, i = 0, at = 0;

    *id = "";
    for (; i < json_array_size(transcript.pieces); i++) {
        at += strlen(vectors_string(piece_at(i), "piece"));
        if (at <= bytes && is_message(i)) {
            behind = i + 1;
            *id = vectors_string(piece_at(i), "id");
        }
    }
    return behind;
}

static void cut_transcript(size_t bytes)
{
    const char *id;
    size_t behind = whole_in(bytes, &id);
    const char *last;

    transcript.next = 0;
    pushc_parser_init(&transcript.parser, &mem, NO_LIMIT);
    feed_from(0, bytes);
    last = transcript.parser.last_id.length ? transcript.parser.last_id.bytes
                                            : "";
    NEEDS(transcript.next == behind, "%zu pieces", transcript.next);
    NEEDS(!strcmp(last, id), "the last id is %s", last);
    pushc_parser_reset(&transcript.parser);
    feed_from(behind, SIZE_MAX);
    NEEDS(transcript.next == json_array_size(transcript.pieces), "%zu pieces",
          transcript.next);
    pushc_parser_cleanup(&transcript.parser);
}

START_TEST(a_stream_cut_behind_every_byte_dispatches_what_is_whole)
{
    size_t i, length = 0;

    transcript.pieces = vectors_load("transcript.json");
    for (i = 0; i < json_array_size(transcript.pieces); i++) {
        length += strlen(vectors_string(piece_at(i), "piece"));
    }
    ck_assert_uint_gt(length, 300);
    for (i = 0; i <= length; i++) {
        cut_transcript(i);
    }
    json_decref(transcript.pieces);
}
END_TEST

START_TEST(a_lone_cr_is_answered_before_the_next_byte)
{
    const char *bytes = "data: a\r\r";
    size_t left = strlen(bytes);
    struct pushc_parser p;
    struct pushc_block block;

    pushc_parser_init(&p, &mem, NO_LIMIT);
    ck_assert_int_eq(pushc_parser_next(&p, &bytes, &left, &block),
                     PUSHC_PARSED_BLOCK);
    ck_assert_str_eq(block.data, "a");
    ck_assert_uint_eq(left, 0);
    bytes = "\ndata: b\n\n";
    left = strlen(bytes);
    ck_assert_int_eq(pushc_parser_next(&p, &bytes, &left, &block),
                     PUSHC_PARSED_BLOCK);
    ck_assert_str_eq(block.data, "b");
    pushc_parser_cleanup(&p);
}
END_TEST

START_TEST(a_time_of_more_than_15_digits_is_not_told)
{
    static const char input[] = "time: 1000000000000000\ndata: a\n\n"
                                "time: 999999999999999\ndata: b\n\n";
    const char *bytes = input;
    size_t left = sizeof(input) - 1;
    struct pushc_parser p;
    struct pushc_block b;

    pushc_parser_init(&p, &mem, NO_LIMIT);
    ck_assert_int_eq(pushc_parser_next(&p, &bytes, &left, &b),
                     PUSHC_PARSED_BLOCK);
    ck_assert_uint_eq(b.time, 0);
    ck_assert_int_eq(pushc_parser_next(&p, &bytes, &left, &b),
                     PUSHC_PARSED_BLOCK);
    ck_assert_uint_eq(b.time, 999999999999999u);
    pushc_parser_cleanup(&p);
}
END_TEST

START_TEST(after_an_error_nothing_more_is_parsed_until_a_reset)
{
    const char *bytes = "datadatadata\n\ndata: b\n\n";
    size_t left = strlen(bytes);
    struct pushc_parser p;
    struct pushc_block block;

    pushc_parser_init(&p, &mem, 8);
    ck_assert_int_eq(pushc_parser_next(&p, &bytes, &left, &block),
                     PUSHC_PARSED_TOO_LARGE);
    bytes = "data: b\n\n";
    left = strlen(bytes);
    ck_assert_int_eq(pushc_parser_next(&p, &bytes, &left, &block),
                     PUSHC_PARSED_TOO_LARGE);
    ck_assert_uint_eq(left, strlen(bytes));
    pushc_parser_reset(&p);
    ck_assert_int_eq(pushc_parser_next(&p, &bytes, &left, &block),
                     PUSHC_PARSED_BLOCK);
    pushc_parser_cleanup(&p);
}
END_TEST

/* A realloc that fails from its n-th call on. */
static int calls_left;

static void *failing_realloc(void *ctx, void *pointer, size_t size)
{
    (void)ctx;
    if (size == 0) {
        free(pointer);
        return NULL;
    }
    if (calls_left == 0) {
        return NULL;
    }
    calls_left--;
    return realloc(pointer, size);
}

START_TEST(every_failing_allocation_is_reported_and_leaks_nothing)
{
    static const char input[] = "id: 1\nevent: a\nenc: base64\n: x\ndata: "
                                "some data, long enough to grow a buffer\n"
                                "data: and some more of it\n\n";
    struct pushc_mem failing = pushc_mem_make(failing_realloc, NULL);
    struct pushc_block block;
    int n, blocks = 0;

    for (n = 0; blocks == 0; n++) {
        struct pushc_parser p;
        size_t i;

        ck_assert_int_lt(n, 100);
        pushc_parser_init(&p, &failing, NO_LIMIT);
        calls_left = n;
        for (i = 0; i < sizeof(input) - 1; i++) {
            const char *byte = input + i;
            size_t left = 1;
            enum pushc_parsed got = pushc_parser_next(&p, &byte, &left,
                                                      &block);

            if (got == PUSHC_PARSED_NO_MEMORY) {
                break;
            }
            blocks += got == PUSHC_PARSED_BLOCK;
        }
        ck_assert(blocks == 1 || i < sizeof(input) - 1);
        pushc_parser_cleanup(&p);
    }
    ck_assert_int_gt(n, 3);
}
END_TEST

int main(void)
{
    TCase *tc = suite_begin("parser", 120);

    mem = pushc_mem_make(NULL, NULL);
    tcase_add_test(tc, the_vectors_hold_when_fed_whole);
    tcase_add_test(tc, the_vectors_hold_when_fed_byte_by_byte);
    tcase_add_test(tc, the_vectors_hold_when_split_at_every_place);
    tcase_add_test(tc, the_vectors_hold_when_fed_in_pieces_of_any_size);
    tcase_add_test(tc,
                   what_is_too_large_is_read_through_in_pieces_of_any_size);
    tcase_add_test(tc, a_comment_that_is_too_long_is_not_missed);
    tcase_add_test(tc,
                   a_stream_cut_behind_every_byte_dispatches_what_is_whole);
    tcase_add_test(tc, a_lone_cr_is_answered_before_the_next_byte);
    tcase_add_test(tc, a_time_of_more_than_15_digits_is_not_told);
    tcase_add_test(tc, after_an_error_nothing_more_is_parsed_until_a_reset);
    tcase_add_test(tc, every_failing_allocation_is_reported_and_leaks_nothing);
    return suite_run();
}
