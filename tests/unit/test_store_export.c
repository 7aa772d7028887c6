#include "core_suite.h"
#include "core_world.h"
#include "store/ops/ack.h"
#include "store/ops/disown.h"
#include "store/ops/unfollow.h"
#include "store/upkeep/sweep.h"
#include "store_moves.h"

#include <string.h>

/* A device context moves from one node to another, and its session with it. */

START_TEST(the_numbering_goes_on_at_the_next_node)
{
    push_stream_ref_t ada = moves_five();

    ck_assert_int_eq(fixture_ack(&one, "ada", &ada, 2), PUSH_OK);
    moves_make(&one, &two, true);
    ck_assert_uint_eq(moves_device(&two)->acked, 2);
    ck_assert_uint_eq(moves_device(&two)->sent, 5);
    ada = moves_resume(&two, "news", cursor(4));
    moves_say("uada", "f", PUSH_NORMAL);
    ck_assert_str_eq(fixture_flush(&two, &ada), "5=f 6=e");
}
END_TEST

/* Rules 1 to 5 of docs/protocol.md, "Resume". */
static const struct {
    uint64_t seq;
    const char *text; /* NULL: the cursor has no mid, else that of this one */
    const char *sent;
} cursors[] = {
    /* 0 or none: all that is not acknowledged, from 1 on */
    {0, NULL, "1=c 2=d 3=e"},
    /* not beyond what was acknowledged: from there on */
    {1, NULL, "2=c 3=d 4=e"},
    {2, NULL, "3=c 4=d 5=e"},
    /* in flight: acknowledged up to there */
    {3, NULL, "4=d 5=e"},
    {4, "d", "5=e"},
    {5, "e", ""},
    /* beyond what was sent: another session */
    {9, NULL, "1=c 2=d 3=e"},
    /* another message than was sent as that: likewise, and what it names
     * was received */
    {3, "e", "1=c 2=d"}};

static uint64_t mid_of(const char *text)
{
    for (unsigned i = 0; i < moves_count; i++) {
        if (!strcmp(moves_kept[i].text, text)) {
            return node_mid(&one, moves_kept[i].log, moves_kept[i].order.tick);
        }
    }
    return 0;
}

START_TEST(each_rule_of_resuming_holds_after_a_move)
{
    push_stream_ref_t ada = moves_five();
    push_cursor_t at = cursor(cursors[_i].seq);

    ck_assert_int_eq(fixture_ack(&one, "ada", &ada, 2), PUSH_OK);
    moves_make(&one, &two, true);
    if (cursors[_i].text) {
        at = cursor_mid(cursors[_i].seq, mid_of(cursors[_i].text));
    }
    ada = moves_resume(&two, "news", at);
    ck_assert_str_eq(fixture_flush(&two, &ada), cursors[_i].sent);
}
END_TEST

START_TEST(without_the_session_it_begins_anew_by_the_record)
{
    push_stream_ref_t ada = moves_five();

    ck_assert_int_eq(fixture_ack(&one, "ada", &ada, 3), PUSH_OK);
    moves_make(&one, &two, false);
    ck_assert_uint_eq(moves_device(&two)->acked, 0);
    ck_assert_uint_eq(moves_device(&two)->sent, 0);
    ada = moves_resume(&two, "news", cursor(4));
    ck_assert_str_eq(fixture_flush(&two, &ada), "1=d 2=e");
}
END_TEST

static push_status_t ack_with_session(fixture_t *g, uint64_t seq,
                                      uint64_t session)
{
    const push_cursor_t at = {
        .seq = seq, .session = session, .has_session = true};

    return push_store_ack(&g->store, named("ada"), moves_id, &at, &g->now);
}

START_TEST(the_token_of_the_session_moves_with_it)
{
    push_stream_ref_t ada = moves_five();
    uint64_t session = push_owned_session(&one.store, moves_device(&one));

    ck_assert_uint_eq(session, push_store_session(&one.store, ada.gen));
    moves_make(&one, &two, true);
    ck_assert_uint_eq(push_owned_session(&two.store, moves_device(&two)),
                      session);
    ck_assert_int_eq(ack_with_session(&two, 2, session + 1), PUSH_STALE);
    ck_assert_int_eq(ack_with_session(&two, 2, session), PUSH_OK);
    moves_make(&two, &one, true);
    ck_assert_int_eq(ack_with_session(&one, 3, session), PUSH_OK);
    ada = moves_resume(&one, "news", cursor(3));
    ck_assert_int_eq(ack_with_session(&one, 4, session), PUSH_STALE);
    ck_assert_str_eq(fixture_flush(&one, &ada), "4=d 5=e");
}
END_TEST

START_TEST(what_was_of_the_context_is_what_it_is_now)
{
    push_stream_ref_t ada = moves_five();
    push_device_t before, *after;
    push_text_t locale;

    fixture_ack(&one, "ada", &ada, 1);
    moves_device(&one)->losses.count[PUSH_GAP_MEMORY][PUSH_LOW] = 3;
    moves_device(&one)->gaps.count[PUSH_GAP_MAILBOX][PUSH_HIGH] = 2;
    moves_device(&one)->gap_seq = 4;
    before = *moves_device(&one);
    moves_make(&one, &two, true);
    after = moves_device(&two);
    ck_assert(!memcmp(&after->losses, &before.losses, sizeof(before.losses)));
    ck_assert(!memcmp(&after->gaps, &before.gaps, sizeof(before.gaps)));
    ck_assert_uint_eq(after->gap_seq, 4);
    ck_assert_int_eq(after->first_seen, before.first_seen);
    ck_assert_uint_eq(after->max_in_flight, before.max_in_flight);
    ck_assert_uint_eq(after->lowest, before.lowest);
    ck_assert(after->traits & PUSH_DEVICE_EXPLICIT);
    ck_assert(!(after->traits & PUSH_DEVICE_ONLINE));
    locale = push_device_label(&two.store.heaps[0], after, PUSH_LABEL_LOCALE);
    ck_assert_uint_eq(locale.len, 2);
    ck_assert(!memcmp(locale.at, "pt", 2));
    ck_assert_uint_eq(push_device_subscriptions_count(after), 3);
}
END_TEST

START_TEST(at_the_node_before_nothing_of_it_is_left)
{
    push_stream_ref_t ada = moves_five();
    push_stream_ref_t again;
    push_export_t exported = moves_yield(&one);
    const push_cursor_t at = cursor(2);

    ck_assert_ptr_null(fixture_flush(&one, &ada));
    ck_assert_int_eq(push_delivery_state(&one.store, &ada), PUSH_TAKEN_OVER);
    ck_assert_int_eq(node_checkin(&one, "ada", NULL, NULL, &again),
                     PUSH_NOT_FOUND);
    ck_assert_int_eq(push_store_ack(&one.store, named("ada"), moves_id, &at,
                                    &one.now),
                     PUSH_NOT_FOUND);
    push_store_yielded(&one.store, named("ada"), moves_id,
                       &(push_yielded_t){exported.fence, true, true},
                       &one.now);
    push_export_cleanup(&exported);
    ck_assert_int_eq(push_store_yield(&one.store, named("ada"), moves_id,
                                      &one.now, &exported),
                     PUSH_NOT_FOUND);
    ck_assert_int_eq(push_delivery_state(&one.store, &ada), PUSH_TAKEN_OVER);
}
END_TEST

/* Its reactor has looked, and the sweep sees that nobody else may. */
static void take_wake_ups(fixture_t *g)
{
    uint32_t list = push_seat_devices(&g->store.seats.seats[0]);

    while (push_seat_next_device(&g->store.seats, &list)) {
    }
}

static void sweep(fixture_t *g)
{
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        ck_assert(push_store_sweep(&g->store, i, &g->now));
    }
}

START_TEST(what_is_left_over_goes_a_second_later)
{
    push_follow_t leaving;

    moves_five();
    moves_make(&one, &two, true);
    take_wake_ups(&one);
    sweep(&one);
    ck_assert_ptr_nonnull(moves_device(&one));
    fixture_pass(&one, PUSH_DISOWN_MS);
    sweep(&one);
    ck_assert_ptr_null(moves_device(&one));
    ck_assert_int_eq(push_follow_leave(&one.store, named("uada"), &leaving),
                     PUSH_OK);
}
END_TEST

START_TEST(a_yield_that_is_asked_for_again_gives_the_same)
{
    push_stream_ref_t ada = moves_five();
    push_export_t first, second;

    fixture_ack(&one, "ada", &ada, 1);
    first = moves_yield(&one);
    second = moves_yield(&one);
    ck_assert_uint_eq(first.record.len, second.record.len);
    ck_assert_uint_eq(first.session.len, second.session.len);
    ck_assert(!memcmp(first.session.at, second.session.at, first.session.len));
    push_export_cleanup(&first);
    push_export_cleanup(&second);
}
END_TEST

START_TEST(a_yield_that_was_refused_leaves_it_ours)
{
    push_stream_ref_t ada = moves_five();
    push_export_t exported;

    fixture_ack(&one, "ada", &ada, 1);
    exported = moves_yield(&one);
    push_store_yielded(&one.store, named("ada"), moves_id,
                       &(push_yielded_t){exported.fence + 1, false, false},
                       &one.now);
    ck_assert(!push_is_owned(&one.store, moves_device(&one)));
    push_store_yielded(&one.store, named("ada"), moves_id,
                       &(push_yielded_t){exported.fence, false, false},
                       &one.now);
    push_export_cleanup(&exported);
    ada = moves_resume(&one, "news", cursor(3));
    ck_assert_str_eq(fixture_flush(&one, &ada), "4=d 5=e");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("export");
    TCase *tc = unit_case(suite, "export", 60);

    tcase_add_checked_fixture(tc, moves_begin, moves_end);
    tcase_add_test(tc, the_numbering_goes_on_at_the_next_node);
    tcase_add_row_test(tc, each_rule_of_resuming_holds_after_a_move, cursors);
    tcase_add_test(tc, without_the_session_it_begins_anew_by_the_record);
    tcase_add_test(tc, the_token_of_the_session_moves_with_it);
    tcase_add_test(tc, what_was_of_the_context_is_what_it_is_now);
    tcase_add_test(tc, at_the_node_before_nothing_of_it_is_left);
    tcase_add_test(tc, what_is_left_over_goes_a_second_later);
    tcase_add_test(tc, a_yield_that_is_asked_for_again_gives_the_same);
    tcase_add_test(tc, a_yield_that_was_refused_leaves_it_ours);
    return unit_run(suite);
}
