#include "codec/verbatim.h"
#include "core_heap.h"
#include "core_suite.h"
#include "core_wire.h"

#include <stdlib.h>
#include <string.h>

static watched_heap_t memory;

static void set_up(void)
{
    watched_heap_init(&memory);
}

static void tear_down(void)
{
    watched_heap_destroy(&memory);
}

static push_letter_t letter_of(const char *data, size_t len)
{
    push_message_spec_t spec = {.content = {.data = {data, (uint32_t)len},
                                            .event = {"push.close", 10},
                                            .ack_now = true},
                                .ttl = 1000};
    push_letter_t letter = {.seq = 7, .meta = PUSH_META_CHANNEL};
    push_ref_t made = push_message_create(&memory.heap, &spec, 1ull << 40,
                                          &(push_time_t){0});

    ck_assert_uint_ne(made, PUSH_NONE);
    letter.message = push_at(&memory.heap, made);
    return letter;
}

#define TEXT(literal) literal, sizeof(literal) - 1

static const struct {
    const char *data;
    size_t len;
} rows[] = {
    {TEXT("x")},
    {TEXT("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi\n")},
    {TEXT("HTTP/1.1 204 No Content\r\n\r\n")},
    {TEXT("bytes \0 \xff \r \n\n")},
};

START_TEST(a_payload_is_all_that_is_written_wherever_it_is_cut)
{
    for (size_t first = 1; first <= rows[_i].len; first++) {
        wire_t wire = wire_written(&push_codec_verbatim,
                                   letter_of(rows[_i].data, rows[_i].len),
                                   first, 3);

        ck_assert_uint_eq(wire.len, rows[_i].len);
        ck_assert_mem_eq(wire.at, rows[_i].data, wire.len);
        free(wire.at);
    }
}
END_TEST

START_TEST(an_answer_has_no_place_for_anything_else)
{
    static push_output_t out;
    push_letter_t letter = letter_of(TEXT("x"));
    push_gap_report_t gap = {0};
    push_notice_t notice = {0};

    push_output_begin(&out, 0);
    push_codec_verbatim.gap(&out, &gap);
    push_codec_verbatim.beat(&out, false, 1);
    push_codec_verbatim.beat(&out, true, 1);
    push_codec_verbatim.bye(&out, &notice);
    push_codec_verbatim.seam(&out, PUSH_SEAM_BEGIN);
    push_codec_verbatim.seam(&out, PUSH_SEAM_NEXT);
    push_codec_verbatim.seam(&out, PUSH_SEAM_END);
    push_codec_verbatim.batch_end(&out, &letter, true);
    ck_assert_uint_eq(out.bytes, 0);
    /* And one answer is all that a request gets. */
    ck_assert(push_codec_verbatim.single);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verbatim");
    TCase *tc = unit_case(suite, "codec", 20);

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_row_test(tc, a_payload_is_all_that_is_written_wherever_it_is_cut,
                       rows);
    tcase_add_test(tc, an_answer_has_no_place_for_anything_else);
    return unit_run(suite);
}
