/*
 * What nodes ask each other through Redis, and what all of them share.
 */
#include "library_kit.h"

#include <stdlib.h>
#include <string.h>

#include "broker/library/rows.h"
#include "harness/case.h"
#include "harness/keep.h"
#include "harness/wait.h"

#define A push_owner_make(1, 1)
#define B push_owner_make(2, 1)

static push_send_call_t ack_call(struct library_node *from)
{
    static const unsigned char context[PUSH_CONTEXT_BYTES] =
        "\001ccccccccccccccc";

    return (push_send_call_t){.home = from->library->home,
                              .log = TEXT("uanna"),
                              .context = context,
                              .kind = PUSH_ENTRY_ACK,
                              .request = UINT64_C(0xfffffffffffffff1),
                              .from = from->owner,
                              .body = TEXT("seq 7")};
}

static push_send_reply_t send_to(struct library *l,
                                 const push_send_call_t *call)
{
    push_send_reply_t sent;
    push_command_t command;

    push_library_send(&command, call);
    ck_assert(push_send_reply(library_send(l, &command), &sent));
    return sent;
}

START_TEST(an_ack_goes_to_the_owner_and_its_answer_comes_back)
{
    struct library *l = library_start(NULL);
    struct library_node one = library_node(l, A);
    struct library_node other = library_node(l, B);
    push_claim_call_t claim = library_claim_call(&one, "uanna", 1);
    push_send_call_t call = ack_call(&other);
    push_answer_call_t answer = {l->home, B, call.request, A, TEXT("204")};
    push_send_reply_t sent = send_to(l, &call);
    push_inbox_entry_t entry;
    push_command_t command;

    ck_assert(!sent.found);
    ck_assert_uint_eq(sent.owner, PUSH_OWNER_NOBODY);
    library_claim(l, &claim);
    library_subscribe(&one);
    sent = send_to(l, &call);
    ck_assert(sent.found);
    ck_assert_uint_eq(sent.owner, A);
    ck_assert_uint_eq(sent.heard, 1);
    ck_assert(sent.alive);
    entry = library_only(&one);
    ck_assert_int_eq(entry.kind, PUSH_ENTRY_ACK);
    ck_assert(text_is(entry.log, "uanna"));
    ck_assert_int_eq(entry.context[0], 1);
    ck_assert(entry.request == call.request);
    ck_assert_uint_eq(entry.from, B);
    ck_assert(text_is(entry.body, "seq 7"));
    push_library_answer(&command, &answer);
    library_send(l, &command);
    entry = library_only(&other);
    ck_assert_int_eq(entry.kind, PUSH_ENTRY_ANSWER);
    ck_assert(entry.request == call.request);
    ck_assert_uint_eq(entry.from, A);
    ck_assert(text_is(entry.body, "204"));
}
END_TEST

START_TEST(a_question_goes_to_one_owner)
{
    struct library *l = library_start(NULL);
    struct library_node one = library_node(l, A);
    struct library_node other = library_node(l, B);
    push_send_call_t call = ack_call(&other);
    push_send_reply_t sent;
    push_inbox_entry_t entry;

    call.kind = PUSH_ENTRY_QUESTION;
    call.context = NULL;
    call.to = A;
    sent = send_to(l, &call);
    ck_assert_uint_eq(sent.owner, A);
    /* Who is not subscribed yet finds it all the same. */
    ck_assert_uint_eq(sent.heard, 0);
    ck_assert(sent.alive);
    entry = library_only(&one);
    ck_assert_int_eq(entry.kind, PUSH_ENTRY_QUESTION);
    ck_assert_int_eq(entry.context[0], 0);
}
END_TEST

START_TEST(a_question_goes_to_all_nodes_and_says_who_hears_it)
{
    struct library *l = library_start(NULL);
    struct library_node one = library_node(l, A);
    struct library_node other = library_node(l, B);
    unsigned owners[] = {push_owner_make(3, 1), A, B};
    push_tell_call_t call = {l->home, {NULL, 0}, 5, B, TEXT("how"), 3, owners};
    push_inbox_entry_t entry;
    push_command_t command;
    bool heard[3];

    library_subscribe(&one);
    push_library_ask(&command, &call);
    ck_assert(push_ask_reply(library_send(l, &command), 3, heard));
    ck_assert(!heard[0]);
    ck_assert(heard[1]);
    ck_assert(!heard[2]); /* it finds it by its next drain */
    entry = library_only(&one);
    ck_assert_int_eq(entry.kind, PUSH_ENTRY_QUESTION);
    ck_assert(text_is(entry.log, "b"));
    ck_assert(entry.request == 5);
    ck_assert_uint_eq(entry.from, B);
    ck_assert(text_is(entry.body, "how"));
    ck_assert(text_is(library_only(&other).body, "how"));
}
END_TEST

/* ---- answers ---- */

START_TEST(what_rows_are_written_with_is_read_again_and_all_else_skipped)
{
    static const uint64_t numbers[] = {1, 255, 256, UINT64_MAX};
    push_rows_t rows;
    push_field_t field;
    push_text_t bytes;
    uint32_t row;

    push_rows_init(&rows, PUSH_ROWS_MAX);
    push_rows_number(&rows, 1, 0);
    for (unsigned i = 0; i < 4; i++) {
        push_rows_number(&rows, 2 + i, numbers[i]);
    }
    row = push_rows_begin(&rows, 200);
    push_rows_text(&rows, 2, TEXT("within"));
    push_rows_end(&rows, row);
    push_rows_text(&rows, 201, TEXT(""));
    bytes = push_rows_bytes(&rows);
    ck_assert(push_field_number_of(bytes, 1) == 0);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert(push_field_number_of(bytes, 2 + i) == numbers[i]);
    }
    ck_assert(text_is(push_field_text_of(push_field_text_of(bytes, 200), 2),
                      "within"));
    ck_assert(!push_field_text_of(bytes, 202).len);
    ck_assert(!push_field_number_of(bytes, PUSH_ROWS_MORE));
    /* Cut anywhere, it ends there. */
    for (uint32_t len = 0; len <= bytes.len; len++) {
        char *copy = memcpy(keep(malloc(len + 1), free), bytes.at, len);
        push_text_t rest = {copy, len};

        while (push_field_next(&rest, &field)) {
            ck_assert(field.bytes.at + field.bytes.len <= copy + len);
        }
        ck_assert(len < bytes.len || !rest.len);
    }
    push_rows_cleanup(&rows);
}
END_TEST

START_TEST(a_row_that_has_no_room_is_left_out_as_a_whole_and_that_is_said)
{
    push_rows_t rows;
    push_text_t bytes;
    push_field_t field;
    unsigned count = 0;

    push_rows_init(&rows, 200);
    for (unsigned i = 0; i < 10; i++) {
        uint32_t row = push_rows_begin(&rows, 1);

        push_rows_text(&rows, 2, TEXT("0123456789"));
        push_rows_text(&rows, 3, TEXT("0123456789"));
        push_rows_end(&rows, row);
    }
    bytes = push_rows_bytes(&rows);
    ck_assert_uint_le(bytes.len, 200);
    ck_assert(push_field_number_of(bytes, PUSH_ROWS_MORE) == 1);
    while (push_field_next(&bytes, &field)) {
        if (field.name == 1) {
            ck_assert(
                text_is(push_field_text_of(field.bytes, 3), "0123456789"));
            count++;
        }
    }
    ck_assert_uint_eq(count, 5);
    push_rows_cleanup(&rows);
}
END_TEST

static bool collect(struct library *l, const push_answer_call_t *call,
                    push_text_t *body)
{
    push_command_t command;

    push_library_collect(&command, call);
    return push_collect_reply(library_send(l, &command), body);
}

/* An answer from A to B; it gives how many hear of it. */
static int64_t leave(struct library *l, const push_answer_call_t *call)
{
    push_command_t command;

    push_library_leave(&command, call);
    return push_reply_integer(library_send(l, &command));
}

START_TEST(an_answer_is_left_for_who_asked_and_collected_once)
{
    struct library *l = library_start(NULL);
    struct library_node other = library_node(l, B);
    push_answer_call_t call = {l->home, B, 5, A, TEXT("rows")};
    push_answer_call_t wrong[] = {{l->home, A, 5, A, {NULL, 0}},
                                  {l->home, B, 6, A, {NULL, 0}},
                                  {l->home, B, 5, B, {NULL, 0}}};
    push_inbox_entry_t entry;
    push_text_t body;

    library_subscribe(&other);
    ck_assert_int_eq(leave(l, &call), 1);
    entry = library_only(&other);
    ck_assert_int_eq(entry.kind, PUSH_ENTRY_ANSWER);
    ck_assert(entry.request == 5);
    ck_assert_uint_eq(entry.from, A);
    ck_assert_uint_eq(entry.body.len, 4);
    ck_assert_int_eq(entry.body.at[3], 4);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert(!collect(l, &wrong[i], &body));
    }
    ck_assert(collect(l, &call, &body));
    ck_assert(text_is(body, "rows"));
    ck_assert(!collect(l, &call, &body));
}
END_TEST

/* 32 MiB in all: what is too much is not kept, until there is room again. */
START_TEST(answers_that_nobody_collects_have_their_limit)
{
    struct library *l = library_start(NULL);
    struct library_node other = library_node(l, B);
    uint32_t len = UINT32_C(1) << 20;
    push_answer_call_t call = {
        l->home, B, 0, A, {keep(calloc(1, len), free), len}};
    push_text_t body;

    library_subscribe(&other);
    for (call.request = 0; call.request < 32; call.request++) {
        ck_assert_int_eq(leave(l, &call), 1);
    }
    ck_assert_int_eq(leave(l, &call), 0);
    call.request = 7;
    ck_assert(collect(l, &call, &body));
    ck_assert_uint_eq(body.len, len);
    call.request = 32;
    ck_assert_int_eq(leave(l, &call), 1);
    ck_assert(collect(l, &call, &body));
}
END_TEST

START_TEST(all_nodes_are_told_to_end_a_users_streams)
{
    struct library *l = library_start(NULL);
    struct library_node one = library_node(l, A);
    struct library_node other = library_node(l, B);
    unsigned owners[] = {A, B, push_owner_make(3, 1)};
    push_tell_call_t call = {l->home, TEXT("uanna"), 5, B, TEXT("why"),
                             3,       owners};
    push_inbox_entry_t entry;
    push_command_t command;
    uint32_t reached;

    library_subscribe(&one);
    library_subscribe(&other);
    push_library_tell_all(&command, &call);
    ck_assert(push_tell_reply(library_send(l, &command), &reached));
    ck_assert_uint_eq(reached, 2);
    entry = library_only(&one);
    ck_assert_int_eq(entry.kind, PUSH_ENTRY_END);
    ck_assert(text_is(entry.log, "uanna"));
    ck_assert(text_is(entry.body, "why"));
    ck_assert_uint_eq(entry.from, B);
    ck_assert_int_eq(library_only(&other).kind, PUSH_ENTRY_END);
}
END_TEST

static push_read_reply_t read_of(struct library *l, uint64_t tick)
{
    push_read_reply_t read;
    push_command_t command;

    push_library_read(&command, &l->home, TEXT("uanna"),
                      push_mid_of_tick(tick, l->home.partition));
    ck_assert(push_read_reply(library_send(l, &command), &read));
    if (read.found) {
        read.record = text_of(
            keep_printf("%.*s", (int)read.record.len, read.record.at));
    }
    return read;
}

START_TEST(one_message_is_read_until_its_time_is_over)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    push_publish_call_t call = library_message(l, "uanna", "first");
    uint64_t first = library_publish(l, &call).tick, second;
    push_read_reply_t read;

    call.lane = 3;
    call.record = TEXT("second");
    call.ttl += 1;
    second = library_publish(l, &call).tick;
    read = read_of(l, second);
    ck_assert(read.found);
    ck_assert_uint_eq(read.lane, 3);
    ck_assert_int_eq(read.expires, now + call.ttl);
    ck_assert(text_is(read.record, "second"));
    ck_assert(text_is(read_of(l, first).record, "first"));
    ck_assert(!read_of(l, second + 1).found);
    library_set_clock(l, now + call.ttl - 1);
    ck_assert(!read_of(l, first).found);
    ck_assert(read_of(l, second).found);
    ck_assert(library_recall(l, "uanna", second));
    ck_assert(!read_of(l, second).found);
}
END_TEST

/* What two messages dropped left behind is no message. */
START_TEST(the_mark_of_a_lane_is_not_read_as_a_message)
{
    struct library *l = library_start(NULL);
    push_publish_call_t call = library_message(l, "uanna", "x");
    uint64_t ticks[3];

    call.cap = 1;
    for (int i = 0; i < 3; i++) {
        ticks[i] = library_publish(l, &call).tick;
    }
    ck_assert(!read_of(l, ticks[0]).found);
    ck_assert(!read_of(l, ticks[1]).found);
    ck_assert(read_of(l, ticks[2]).found);
}
END_TEST

static void revoke(struct library *l, struct library_node *node,
                   const push_revocation_t *mark)
{
    push_tell_call_t call = {
        l->home, TEXT("uanna"), 5, node->owner, TEXT("mark"), 1, &node->owner};
    push_command_t command;
    uint32_t reached;

    push_library_revoke(&command, &call, mark);
    ck_assert(push_tell_reply(library_send(l, &command), &reached));
}

START_TEST(a_revocation_is_known_until_its_tokens_have_expired)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    struct library_node node = library_node(l, A);
    push_revocation_t one = {"one............", now - 5, now + 1000};
    push_revocation_t two = {"two............", now, now + 5000};
    push_revocation_t read;
    const push_reply_t *reply;
    push_command_t command;
    unsigned at = 0;

    l->home.partition = 0;
    revoke(l, &node, &one);
    ck_assert_int_eq(library_only(&node).kind, PUSH_ENTRY_END);
    one.issued -= 10;
    revoke(l, &node, &one);
    push_library_marks(&command, &l->home);
    reply = library_send(l, &command);
    ck_assert(push_marks_next(reply, &at, &read));
    ck_assert_mem_eq(read.id, one.id, sizeof(read.id));
    ck_assert_int_eq(read.issued, one.issued + 10);
    ck_assert_int_eq(read.until, one.until);
    ck_assert(!push_marks_next(reply, &at, &read));
    library_set_clock(l, now += 1000);
    revoke(l, &node, &two);
    push_library_marks(&command, &l->home);
    reply = library_send(l, &command);
    at = 0;
    ck_assert(push_marks_next(reply, &at, &read));
    ck_assert_mem_eq(read.id, two.id, sizeof(read.id));
    ck_assert(!push_marks_next(reply, &at, &read));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("library peers");
    TCase *tc = case_add(suite, "peers", 60);

    tcase_add_test(tc, an_ack_goes_to_the_owner_and_its_answer_comes_back);
    tcase_add_test(tc, a_question_goes_to_one_owner);
    tcase_add_test(tc, a_question_goes_to_all_nodes_and_says_who_hears_it);
    tcase_add_test(
        tc, what_rows_are_written_with_is_read_again_and_all_else_skipped);
    tcase_add_test(
        tc, a_row_that_has_no_room_is_left_out_as_a_whole_and_that_is_said);
    tcase_add_test(tc, an_answer_is_left_for_who_asked_and_collected_once);
    tcase_add_test(tc, answers_that_nobody_collects_have_their_limit);
    tcase_add_test(tc, one_message_is_read_until_its_time_is_over);
    tcase_add_test(tc, the_mark_of_a_lane_is_not_read_as_a_message);
    tcase_add_test(tc, all_nodes_are_told_to_end_a_users_streams);
    tcase_add_test(tc, a_revocation_is_known_until_its_tokens_have_expired);
    return case_run(suite);
}
