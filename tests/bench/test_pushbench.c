/* What pushbench reports can be believed: its parsers and its arithmetic. */
#include "pushbench_hist.h"
#include "reply.h"
#include "pushbench_options.h"
#include "pushbench_proc.h"
#include "pushbench_rank.h"
#include "pushbench_sse.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- percentiles ---- */

START_TEST(small_values_have_exact_percentiles)
{
    struct pb_hist *hist = calloc(1, sizeof *hist);

    for (uint64_t i = 1; i <= 100; i++) {
        pb_hist_add(hist, i);
    }
    ck_assert_uint_eq(pb_hist_percentile(hist, 50), 50);
    ck_assert_uint_eq(pb_hist_percentile(hist, 90), 90);
    ck_assert_uint_eq(pb_hist_percentile(hist, 99), 99);
    ck_assert_uint_eq(pb_hist_percentile(hist, 100), 100);
    ck_assert_uint_eq(pb_hist_percentile(hist, 0), 1);
    ck_assert_uint_eq(hist->max, 100);
    free(hist);
}
END_TEST

START_TEST(an_empty_histogram_says_0)
{
    struct pb_hist *hist = calloc(1, sizeof *hist);

    ck_assert_uint_eq(pb_hist_percentile(hist, 99), 0);
    free(hist);
}
END_TEST

START_TEST(a_percentile_is_never_below_and_at_most_1_percent_above)
{
    /* every power of two and its neighbours, up to the largest value */
    for (unsigned bit = 0; bit < 64; bit++) {
        for (int delta = -1; delta <= 1; delta++) {
            uint64_t value = (UINT64_C(1) << bit) + (uint64_t)delta;
            struct pb_hist *hist = calloc(1, sizeof *hist);
            uint64_t got;

            pb_hist_add(hist, value);
            pb_hist_add(hist, UINT64_MAX);
            got = pb_hist_percentile(hist, 50);
            ck_assert_uint_ge(got, value);
            ck_assert_uint_le(got - value, value / 100);
            ck_assert_uint_eq(pb_hist_percentile(hist, 100), UINT64_MAX);
            free(hist);
        }
    }
}
END_TEST

START_TEST(merged_histograms_are_as_one)
{
    struct pb_hist *one = calloc(1, sizeof *one);
    struct pb_hist *two = calloc(1, sizeof *two);
    struct pb_hist *both = calloc(1, sizeof *both);

    for (uint64_t i = 0; i < 5000; i++) {
        uint64_t value = i * i * 37 % 1000003;

        pb_hist_add(i % 3 ? one : two, value);
        pb_hist_add(both, value);
    }
    pb_hist_merge(one, two);
    ck_assert_int_eq(memcmp(one, both, sizeof *both), 0);
    free(one);
    free(two);
    free(both);
}
END_TEST

/* ---- events ---- */

/* A stream, and what is to be found in it. */
struct stream_case {
    const char *text;
    uint64_t messages, reserved;
};

static const struct stream_case STREAMS[] = {
    {"", 0, 0},
    {": hi\n\n", 0, 0},
    {"retry: 1000\n\n\n\n\n", 0, 0},
    {"data: 1\n\n", 1, 0},
    {"id: 1.abc\ndata: {\"t\":1}\n\n\nid: 2.abd\ndata: {}\n\n", 2, 0},
    {"retry: 900\nid: 17.0hZk3x9Qa2B.x7Kq2m\ndata: data: event: data\n\n", 1,
     0},
    {"event: push.gap\ndata: {\"dropped\":3}\n\nid: 1.a\ndata: x\n\n", 1, 1},
    {"data: x\n\nretry: 30000\nevent: push.bye\ndata: {}\n\n", 1, 1},
    {"id: 5\ndata: begun and never ended", 0, 0},
};

static void add_one(void *baton, const char *data, size_t len)
{
    (void)data;
    (void)len;
    ++*(uint64_t *)baton;
}

static void check_counted(const struct stream_case *row, size_t first,
                          size_t step)
{
    struct pb_count count;
    size_t len = strlen(row->text);

    pb_count_init(&count);
    pb_count_feed(&count, row->text, first);
    for (size_t at = first; at < len; at += step) {
        pb_count_feed(&count, row->text + at,
                      len - at < step ? len - at : step);
    }
    /* a counter cannot know whether the last line will end */
    ck_assert_uint_eq(count.messages,
                      row->messages + (strstr(row->text, "never") != NULL));
    ck_assert_uint_eq(count.reserved, row->reserved);
}

static void check_parsed(const struct stream_case *row, size_t first,
                         size_t step)
{
    struct pb_events events;
    uint64_t messages = 0;
    size_t len = strlen(row->text);

    pb_events_init(&events, add_one, &messages);
    ck_assert(pb_events_feed(&events, row->text, first));
    for (size_t at = first; at < len; at += step) {
        ck_assert(pb_events_feed(&events, row->text + at,
                                 len - at < step ? len - at : step));
    }
    ck_assert_uint_eq(messages, row->messages);
    ck_assert_uint_eq(events.reserved, row->reserved);
    pb_events_cleanup(&events);
}

START_TEST(counting_and_parsing_agree_wherever_the_stream_is_split)
{
    const struct stream_case *row = &STREAMS[_i];
    size_t len = strlen(row->text);

    for (size_t first = 0; first <= len; first++) {
        check_counted(row, first, len + 1);
        check_parsed(row, first, len + 1);
        check_counted(row, first, 1);
        check_parsed(row, first, 1);
        check_counted(row, first, 3);
        check_parsed(row, first, 3);
    }
}
END_TEST

START_TEST(a_large_read_is_counted_to_the_last_message)
{
    static const char EVENT[] = "id: 123.0hZk3x9Qa2B\ndata: {\"a\":1}\n\n";
    size_t len = sizeof EVENT - 1;
    char *text = malloc(len * 3000);

    for (size_t i = 0; i < 3000; i++) {
        memcpy(text + i * len, EVENT, len);
    }
    for (size_t cut = 0; cut <= 600; cut++) {
        struct pb_count count;

        pb_count_init(&count);
        pb_count_feed(&count, text, cut);
        pb_count_feed(&count, text + cut, len * 3000 - cut);
        ck_assert_uint_eq(count.messages, 3000);
    }
    free(text);
}
END_TEST

/* ---- HTTP ---- */

/* An answer, and what is to be read from it. */
struct answer_case {
    const char *text;
    int status;
    const char *body;
    bool done;
};

static const struct answer_case ANSWERS[] = {
    {"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello", 201, "hello",
     true},
    {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
    {"HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", 200, "", true},
    {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\n", 200,
     ": hi\n\n", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "5\r\nhello\r\nA;x=y\r\n, world!!!\r\n0\r\n\r\n",
     200, "hello, world!!!", true},
    {"HTTP/1.1 200 OK\r\nTRANSFER-ENCODING:  chunked\r\n\r\n"
     "0003\r\nabc\r\n0\r\nTrailer: 1\r\n\r\n",
     200, "abc", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 200,
     "abc", false},
};

/* Feed in steps; gathers the body, returns the state it ended in. */
static bool read_answer(const struct answer_case *row, size_t step, char *body)
{
    struct reply_head head;
    struct reply_body reader;
    size_t len = strlen(row->text), at = 0, got = 0;

    reply_head_init(&head);
    while (!head.done) {
        ptrdiff_t used = reply_head_feed(&head, row->text + at,
                                         len - at < step ? len - at : step);

        ck_assert_int_gt(used, 0);
        at += (size_t)used;
    }
    ck_assert_int_eq(head.status, row->status);
    reply_body_init(&reader, &head);
    while (at < len && !reader.done) {
        struct reply_slice slice;
        size_t used = reply_body_feed(&reader, row->text + at,
                                      len - at < step ? len - at : step,
                                      &slice);

        ck_assert(!reader.broken);
        ck_assert_uint_gt(used, 0);
        memcpy(body + got, slice.at, slice.len);
        got += slice.len;
        at += used;
    }
    body[got] = '\0';
    ck_assert_uint_eq(at, len);
    return reader.done;
}

START_TEST(an_answer_is_read_alike_in_steps_of_any_size)
{
    const struct answer_case *row = &ANSWERS[_i];
    char body[256];

    for (size_t step = 1; step <= strlen(row->text); step++) {
        ck_assert_int_eq(read_answer(row, step, body), row->done);
        ck_assert_str_eq(body, row->body);
    }
}
END_TEST

START_TEST(what_is_no_answer_or_no_chunk_is_noticed)
{
    struct reply_head head;
    struct reply_body body = {.kind = REPLY_BODY_CHUNKED};
    struct reply_slice slice;

    reply_head_init(&head);
    ck_assert_int_eq(reply_head_feed(&head, "SSH-2.0-x\r\n", 11), -1);
    reply_body_feed(&body, "xyz\r\n", 5, &slice);
    ck_assert(body.broken);
}
END_TEST

/* ---- two samples ---- */

START_TEST(ranks_are_those_of_the_textbook)
{
    /* U of the second is 23 of 25: two values tie over the samples. */
    uint64_t first[] = {3, 1, 2, 5, 4};
    uint64_t second[] = {9, 4, 8, 6, 5};
    struct pb_ranks ranks = pb_rank(first, second, 5);

    ck_assert_double_eq_tol(ranks.p, 23.0 / 25, 1e-9);
    ck_assert_double_eq_tol(ranks.z, 2.2060, 1e-3);
    ck_assert_uint_eq(ranks.medians[0], 3);
    ck_assert_uint_eq(ranks.medians[1], 6);
}
END_TEST

START_TEST(samples_that_are_equal_are_not_told_apart)
{
    uint64_t first[] = {7, 7, 7}, second[] = {7, 7, 7};
    uint64_t up[] = {1, 2, 3, 4}, down[] = {4, 3, 2, 1};
    struct pb_ranks ranks = pb_rank(first, second, 3);

    ck_assert_double_eq(ranks.p, 0.5);
    ck_assert_double_eq(ranks.z, 0);
    ranks = pb_rank(up, down, 4);
    ck_assert_double_eq(ranks.p, 0.5);
    ck_assert_double_eq(ranks.z, 0);
}
END_TEST

/* ---- /proc ---- */

START_TEST(memory_and_cpu_are_read_from_proc)
{
    static const char ROLLUP[] =
        "5581 rollup\nRss:  9000 kB\nPss:    1234 kB\nPss_Dirty: 1 kB\n";
    static const char STAT[] = "42 (a) R 7 (x) S 17 42 42 0 -1 4194560 100 0 "
                               "0 0 250 50 9 9 20 0 1 0 100 0 0";
    struct pb_usage usage;
    uint64_t ticks;
    pid_t parent;

    ck_assert_uint_eq(pb_pss_parse(ROLLUP), 1234 * 1024);
    ck_assert_uint_eq(pb_pss_parse("nothing"), 0);
    ck_assert(pb_stat_parse(STAT, &parent, &ticks));
    ck_assert_int_eq(parent, 17);
    ck_assert_uint_eq(ticks, 300);
    ck_assert(!pb_stat_parse("42 (cut", &parent, &ticks));
    ck_assert(pb_usage_read(getpid(), &usage));
    ck_assert_uint_ge(usage.processes, 1);
    ck_assert_uint_gt(usage.pss, 0);
}
END_TEST

START_TEST(what_memory_is_left_is_read_from_the_kernels_text)
{
    struct pb_memory memory;

    pb_memory_parse("MemTotal:       24684092 kB\n"
                    "MemFree:          100000 kB\n"
                    "MemAvailable:      20480 kB\n"
                    "KReclaimable:       1000 kB\n"
                    "Slab:                 30 kB\n",
                    &memory);
    ck_assert_uint_eq(memory.available, 20480 * 1024);
    ck_assert_uint_eq(memory.slab, 30 * 1024);
    /* a kernel that does not say must not look like one without memory */
    pb_memory_parse("MemTotal: 24684092 kB\n", &memory);
    ck_assert_uint_eq(memory.available, UINT64_MAX);
    pb_memory_read(&memory);
    ck_assert_uint_gt(memory.available, 0);
    ck_assert_uint_gt(memory.slab, 0);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

/* ---- several servers ---- */

static const struct {
    unsigned nodes, apart;
    const char *streams, *publishers; /* how far behind the first port */
} SPREADS[] = {{1, 0, "0000", "0000"},
               {3, 0, "0120", "0120"},
               {1, 1, "0000", "0000"},
               {2, 1, "1111", "0000"},
               {3, 1, "1212", "0000"}};

START_TEST(streams_and_publishers_are_spread_over_the_servers)
{
    const struct pb_options options = {.nodes = SPREADS[_i].nodes,
                                       .apart = SPREADS[_i].apart};

    for (unsigned i = 0; i < 4; i++) {
        ck_assert_uint_eq(pb_stream_node(&options, i),
                          (unsigned)(SPREADS[_i].streams[i] - '0'));
        ck_assert_uint_eq(pb_publisher_node(&options, i),
                          (unsigned)(SPREADS[_i].publishers[i] - '0'));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pushbench");
    TCase *tcase = tcase_create("pushbench");
    SRunner *runner = srunner_create(suite);
    int failures;

    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, small_values_have_exact_percentiles);
    tcase_add_test(tcase, an_empty_histogram_says_0);
    tcase_add_test(tcase,
                   a_percentile_is_never_below_and_at_most_1_percent_above);
    tcase_add_test(tcase, merged_histograms_are_as_one);
    tcase_add_loop_test(
        tcase, counting_and_parsing_agree_wherever_the_stream_is_split, 0,
        COUNT(STREAMS));
    tcase_add_test(tcase, a_large_read_is_counted_to_the_last_message);
    tcase_add_loop_test(tcase, an_answer_is_read_alike_in_steps_of_any_size, 0,
                        COUNT(ANSWERS));
    tcase_add_test(tcase, what_is_no_answer_or_no_chunk_is_noticed);
    tcase_add_test(tcase, ranks_are_those_of_the_textbook);
    tcase_add_test(tcase, samples_that_are_equal_are_not_told_apart);
    tcase_add_test(tcase, memory_and_cpu_are_read_from_proc);
    tcase_add_test(tcase, what_memory_is_left_is_read_from_the_kernels_text);
    tcase_add_loop_test(tcase,
                        streams_and_publishers_are_spread_over_the_servers, 0,
                        COUNT(SPREADS));
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures ? 1 : 0;
}
