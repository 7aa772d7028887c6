#include "core_suite.h"
#include "core_world.h"
#include "store/ops/disown.h"
#include "store_moves.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a device context becomes at the node that it comes to. */

/* ---- what is in flight and gone ---- */

START_TEST(what_is_gone_keeps_its_number)
{
    push_stream_ref_t ada = moves_five();

    moves_forget("b");
    moves_forget("c");
    moves_make(&one, &two, true);
    ada = moves_resume(&two, "news", cursor(4));
    ck_assert_str_eq(fixture_flush(&two, &ada), "5=e");
    ck_assert_int_eq(fixture_ack(&two, "ada", &ada, 5), PUSH_OK);
    moves_say("uada", "f", PUSH_NORMAL);
    ck_assert_str_eq(fixture_flush(&two, &ada), "6=f");
}
END_TEST

START_TEST(what_is_gone_does_not_bring_back_what_was_acknowledged)
{
    push_stream_ref_t ada = moves_five();

    moves_say("cnews", "f", PUSH_NORMAL);
    moves_say("cnews", "g", PUSH_NORMAL);
    ck_assert_str_eq(fixture_flush(&one, &ada), "6=f 7=g");
    fixture_ack(&one, "ada", &ada, 6);
    moves_forget("e");
    moves_forget("g");
    moves_make(&one, &two, true);
    ada = moves_resume(&two, "news", cursor(6));
    ck_assert_str_eq(fixture_flush(&two, &ada), "");
    moves_say("cnews", "h", PUSH_NORMAL);
    ck_assert_str_eq(fixture_flush(&two, &ada), "7=h");
}
END_TEST

START_TEST(a_channel_that_is_not_here_is_left_out)
{
    push_stream_ref_t ada = moves_five();
    push_export_t exported;

    fixture_ack(&one, "ada", &ada, 1);
    exported = moves_yield(&one);
    moves_follow(&two, "uada");
    ck_assert_int_eq(moves_import(&two, &exported, true, 9), PUSH_OK);
    push_export_cleanup(&exported);
    ck_assert_uint_eq(push_device_subscriptions_count(moves_device(&two)), 2);
    ada = moves_resume(&two, NULL, cursor(4));
    ck_assert_str_eq(fixture_flush(&two, &ada), "5=e");
}
END_TEST

/* ---- positions ---- */

/* Without an acknowledgement of it, and where the node did not follow. */
START_TEST(what_was_acknowledged_is_not_sent_again_by_a_node_that_loads_all)
{
    push_stream_ref_t ada = moves_come(&one, "news");
    char text[16];

    for (int i = 0; i < 60; i++) {
        snprintf(text, sizeof(text), "%d", i);
        moves_say(i % 3 ? "uada" : "cnews", text, (push_urgency_t)(i % 4));
    }
    ck_assert_ptr_nonnull(fixture_flush(&one, &ada));
    fixture_ack(&one, "ada", &ada, 60);
    moves_make(&one, &two, false);
    ada = moves_resume(&two, "news", cursor(0));
    ck_assert_str_eq(fixture_flush(&two, &ada), "");
    moves_say("uada", "new", PUSH_NORMAL);
    moves_say("cnews", "news", PUSH_NORMAL);
    ck_assert_str_eq(fixture_flush(&two, &ada), "1=new 2=news");
}
END_TEST

START_TEST(a_record_is_short_however_much_was_acknowledged)
{
    push_stream_ref_t ada = moves_come(&one, NULL);
    push_export_t few, many;
    char text[16];

    moves_say("uada", "first", PUSH_NORMAL);
    fixture_flush(&one, &ada);
    fixture_ack(&one, "ada", &ada, 1);
    node_id("ada", "d", moves_id);
    ck_assert_int_eq(push_store_export(&one.store, named("ada"), moves_id,
                                       &one.now, &few),
                     PUSH_OK);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "%d", i);
        moves_say("uada", text, PUSH_NORMAL);
    }
    ck_assert_ptr_nonnull(fixture_flush(&one, &ada));
    ck_assert_int_eq(fixture_ack(&one, "ada", &ada, 101), PUSH_OK);
    ck_assert_int_eq(push_store_export(&one.store, named("ada"), moves_id,
                                       &one.now, &many),
                     PUSH_OK);
    ck_assert_uint_eq(few.record.len, many.record.len);
    ck_assert_uint_eq(few.session.len, 0);
    ck_assert(few.online);
    push_export_cleanup(&few);
    push_export_cleanup(&many);
}
END_TEST

START_TEST(a_mark_is_told_to_a_device_that_had_not_come_past_it)
{
    push_stream_ref_t ada = moves_come(&one, NULL);
    push_dropped_t mark = {.lane = PUSH_NORMAL, .count = 7};
    push_export_t exported;
    push_import_t what = {.user = named("ada"),
                          .id = moves_id,
                          .fence = 9,
                          .marks = &mark,
                          .marks_count = 1};

    moves_say("uada", "a", PUSH_NORMAL);
    fixture_flush(&one, &ada);
    fixture_ack(&one, "ada", &ada, 1);
    mark.tick = _i ? moves_tick + 50 : moves_tick;
    mark.until = one.now.mono + 60000;
    exported = moves_yield(&one);
    what.record = exported.record;
    what.session = exported.session;
    moves_follow(&two, "uada");
    ck_assert_int_eq(push_store_import(&two.store, &what, &two.now), PUSH_OK);
    push_export_cleanup(&exported);
    ada = moves_resume(&two, NULL, cursor(1));
    moves_say("uada", "b", PUSH_NORMAL);
    ck_assert_str_eq(fixture_flush(&two, &ada), _i ? "!normal:7 2=b" : "2=b");
}
END_TEST

/* ---- fences ---- */

START_TEST(what_is_here_stands_if_nobody_can_have_had_it)
{
    push_stream_ref_t ada = moves_five();
    push_export_t exported;

    node_id("ada", "d", moves_id);
    ck_assert_int_eq(push_store_export(&one.store, named("ada"), moves_id,
                                       &one.now, &exported),
                     PUSH_OK);
    fixture_ack(&one, "ada", &ada, 2);
    ck_assert_int_eq(moves_import(&one, &exported, false, exported.fence + 1),
                     PUSH_OK);
    moves_say("uada", "f", PUSH_NORMAL);
    ck_assert_str_eq(fixture_flush(&one, &ada), "6=f");
    ck_assert_uint_eq(push_owned(&one.store, moves_device(&one))->fence,
                      exported.fence + 1);
    push_export_cleanup(&exported);
}
END_TEST

/* The node was away, and another one had the device meanwhile. */
START_TEST(what_is_here_gives_way_to_what_another_node_had)
{
    push_stream_ref_t ada = moves_five(), old = ada;

    fixture_ack(&one, "ada", &ada, 1);
    moves_make(&one, &two, true);
    ada = moves_resume(&two, "news", cursor(2));
    ck_assert_str_eq(fixture_flush(&two, &ada), "3=c 4=d 5=e");
    fixture_ack(&two, "ada", &ada, 4);
    push_store_refence(&one.store, named("ada"), moves_id, 1);
    moves_make(&two, &one, true);
    ck_assert_int_eq(push_delivery_state(&one.store, &old), PUSH_TAKEN_OVER);
    ck_assert_uint_eq(moves_device(&one)->acked, 4);
    ada = moves_resume(&one, "news", cursor(4));
    ck_assert_str_eq(fixture_flush(&one, &ada), "5=e");
}
END_TEST

START_TEST(what_another_node_took_ends_unless_it_is_ours_again)
{
    push_stream_ref_t ada = moves_five();
    push_owned_view_t view;

    node_id("ada", "d", moves_id);
    push_store_refence(&one.store, named("ada"), moves_id, 5);
    push_store_disown(&one.store, named("ada"), moves_id,
                      &(push_taken_t){.fence = 5}, &one.now);
    ck_assert_int_eq(push_delivery_state(&one.store, &ada), PUSH_GOES_ON);
    push_store_disown(&one.store, named("ada"), moves_id,
                      &(push_taken_t){.fence = 6}, &one.now);
    ck_assert_int_eq(push_delivery_state(&one.store, &ada), PUSH_TAKEN_OVER);
    ck_assert_int_eq(
        push_store_owned(&one.store, named("ada"), moves_id, &view), PUSH_OK);
    ck_assert_int_eq(view.state, PUSH_OWNED_NOT);
    ck_assert(!view.online);
}
END_TEST

/* Its client has no newer stream anywhere. */
START_TEST(who_came_while_it_was_unsure_comes_again)
{
    push_stream_ref_t ada = moves_five();

    node_id("ada", "d", moves_id);
    ck_assert_int_eq(node_checkin_unsure(&one, "ada", &ada), PUSH_OK);
    push_store_disown(&one.store, named("ada"), moves_id,
                      &(push_taken_t){.fence = 6}, &one.now);
    ck_assert_int_eq(push_delivery_state(&one.store, &ada), PUSH_BROKEN_OFF);
    ck_assert_ptr_null(fixture_flush(&one, &ada));
    push_store_checkout(&one.store, &ada, &one.now);
}
END_TEST

START_TEST(who_came_in_doubt_and_came_again_is_sure)
{
    push_stream_ref_t ada = moves_five();

    node_id("ada", "d", moves_id);
    ck_assert_int_eq(node_checkin_unsure(&one, "ada", &ada), PUSH_OK);
    ck_assert_int_eq(node_checkin(&one, "ada", NULL, NULL, &ada), PUSH_OK);
    push_store_disown(&one.store, named("ada"), moves_id,
                      &(push_taken_t){.fence = 6}, &one.now);
    ck_assert_int_eq(push_delivery_state(&one.store, &ada), PUSH_TAKEN_OVER);
}
END_TEST

START_TEST(a_walk_finds_who_is_away_or_all)
{
    push_stream_ref_t ada = moves_five();
    push_owned_walk_t all = {.before = INT64_MAX};
    push_owned_walk_t away = {.before = one.now.mono + 1};
    push_owned_ref_t refs[4];

    node_come(&one, "ada", "e", NULL, 3);
    push_store_checkout(&one.store, &ada, &one.now);
    ck_assert_uint_eq(push_owned_walk(&one.store, &all, refs, 4), 2);
    ck_assert_uint_eq(push_owned_walk(&one.store, &away, refs, 4), 1);
    node_id("ada", "d", moves_id);
    ck_assert(!memcmp(refs[0].id, moves_id, sizeof(moves_id)));
    ck_assert_uint_eq(refs[0].fence, 1);
    ck_assert_uint_eq(push_owned_walk(&one.store, &away, refs, 4), 0);
    ck_assert(away.done);
}
END_TEST

/* ---- what is no record ---- */

START_TEST(nothing_comes_of_bytes_that_are_no_record)
{
    push_export_t exported, cut;

    moves_five();
    exported = moves_yield(&one);
    moves_follow(&two, "uada");
    moves_follow(&two, "cnews");
    for (uint32_t len = 0; len < exported.record.len; len++) {
        cut = exported;
        cut.record.len = len;
        ck_assert_int_eq(moves_import(&two, &cut, true, 9), PUSH_STALE);
    }
    moves_id[3] ^= 1;
    ck_assert_int_eq(moves_import(&two, &exported, true, 9), PUSH_STALE);
    moves_id[3] ^= 1;
    ck_assert_ptr_null(moves_device(&two));
    push_export_cleanup(&exported);
}
END_TEST

START_TEST(a_session_that_cannot_be_read_begins_anew)
{
    push_export_t exported, cut;

    moves_five();
    exported = moves_yield(&one);
    moves_follow(&two, "uada");
    moves_follow(&two, "cnews");
    for (uint32_t len = 1; len < exported.session.len; len += 13) {
        cut = exported;
        cut.session.len = len;
        ck_assert_int_eq(moves_import(&two, &cut, true, 9 + 2 * len), PUSH_OK);
        ck_assert_uint_eq(moves_device(&two)->sent, 0);
    }
    push_export_cleanup(&exported);
}
END_TEST

START_TEST(a_context_waits_for_the_log_of_its_user)
{
    push_export_t exported;

    moves_five();
    exported = moves_yield(&one);
    ck_assert_int_eq(moves_import(&two, &exported, true, 9), PUSH_NOT_FOUND);
    moves_follow(&two, "uada");
    moves_follow(&two, "cnews");
    ck_assert_int_eq(moves_import(&two, &exported, true, 9), PUSH_OK);
    push_export_cleanup(&exported);
}
END_TEST

START_TEST(a_full_memory_makes_no_half_a_context)
{
    push_export_t exported;
    push_heap_t *heap;
    static push_ref_t taken[65536];
    unsigned count = 0;
    push_status_t status = PUSH_NO_MEMORY;

    moves_five();
    exported = moves_yield(&one);
    moves_follow(&two, "uada");
    moves_follow(&two, "cnews");
    heap = &two.store.heaps[push_store_name(&two.store, named("ada")).shard];
    for (size_t size = 16384; size >= 16; size /= 2) {
        push_ref_t ref = heap->alloc(heap, size, PUSH_PART);

        while (ref && count < 65536) {
            taken[count++] = ref;
            ref = heap->alloc(heap, size, PUSH_PART);
        }
    }
    while (status == PUSH_NO_MEMORY && count) {
        status = moves_import(&two, &exported, true, 9);
        heap->release(heap, taken[--count]);
    }
    ck_assert_int_eq(status, PUSH_OK);
    while (count) {
        heap->release(heap, taken[--count]);
    }
    push_export_cleanup(&exported);
}
END_TEST

/* ---- at random ---- */

/* A client that acknowledges, and moves between two nodes. */
typedef struct {
    fixture_t *at, *other;
    push_stream_ref_t stream_ref;
    push_cursor_t cursor;
    unsigned got[MOVES_KEPT];
    unsigned repeats;
} client_t;

static void receive(client_t *c)
{
    ck_assert_ptr_nonnull(fixture_flush(c->at, &c->stream_ref));
    for (unsigned i = 0; i < c->at->delivery.count; i++) {
        const push_pick_t *pick = &c->at->delivery.picks[i];
        char text[16] = {0};
        push_text_t data = world_payload(pick->message);

        memcpy(text, data.at, data.len);
        c->repeats += c->got[atoi(text)]++ > 0;
        ck_assert_uint_eq(pick->seq, c->cursor.seq + 1);
        c->cursor = cursor_mid(pick->seq, pick->message->mid);
    }
}

static void change_nodes(client_t *c, bool exact)
{
    fixture_t *from = c->at;

    c->at = c->other;
    c->other = from;
    moves_make(from, c->at, exact);
    c->stream_ref = moves_resume(c->at, "news", c->cursor);
    if (!exact) {
        c->cursor = cursor(0);
    }
}

static void random_step(client_t *c, dice_t *d)
{
    static const char *const logs[] = {"uada", "cnews", "b"};
    char text[16];

    switch (dice_below(d, 8)) {
    case 0:
    case 1:
    case 2:
        snprintf(text, sizeof(text), "%u", moves_count);
        moves_say(logs[dice_below(d, 3)], text,
                  (push_urgency_t)dice_below(d, 4));
        break;
    case 3:
    case 4:
        receive(c);
        break;
    case 5:
        ck_assert_int_eq(
            fixture_ack(c->at, "ada", &c->stream_ref, c->cursor.seq), PUSH_OK);
        break;
    default:
        break;
    }
}

START_TEST(a_client_that_moves_gets_each_message_once)
{
    dice_t d = dice((uint64_t)_i + 1);
    client_t c = {.at = &one, .other = &two};

    moves_follow(&two, "b");
    c.stream_ref = moves_come(&one, "news");
    for (int i = 0; i < 300; i++) {
        random_step(&c, &d);
        if (dice_one_in(&d, 10)) {
            change_nodes(&c, true);
        }
    }
    receive(&c);
    receive(&c);
    ck_assert_uint_eq(c.repeats, 0);
    for (unsigned i = 0; i < moves_count; i++) {
        ck_assert_msg(c.got[i] == 1, "%u came %u times", i, c.got[i]);
    }
}
END_TEST

START_TEST(a_client_that_moves_by_force_loses_nothing)
{
    dice_t d = dice((uint64_t)_i + 1);
    client_t c = {.at = &one, .other = &two};

    moves_follow(&two, "b");
    c.stream_ref = moves_come(&one, "news");
    for (int i = 0; i < 300; i++) {
        random_step(&c, &d);
        if (dice_one_in(&d, 10)) {
            change_nodes(&c, dice_one_in(&d, 2));
        }
    }
    receive(&c);
    receive(&c);
    for (unsigned i = 0; i < moves_count; i++) {
        ck_assert_msg(c.got[i] >= 1, "%u did not come", i);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("import");
    TCase *tc = unit_case(suite, "import", 60);

    tcase_add_checked_fixture(tc, moves_begin, moves_end);
    tcase_add_test(tc, what_is_gone_keeps_its_number);
    tcase_add_test(tc, what_is_gone_does_not_bring_back_what_was_acknowledged);
    tcase_add_test(tc, a_channel_that_is_not_here_is_left_out);
    tcase_add_test(
        tc, what_was_acknowledged_is_not_sent_again_by_a_node_that_loads_all);
    tcase_add_test(tc, a_record_is_short_however_much_was_acknowledged);
    tcase_add_loop_test(
        tc, a_mark_is_told_to_a_device_that_had_not_come_past_it, 0, 2);
    tcase_add_test(tc, what_is_here_stands_if_nobody_can_have_had_it);
    tcase_add_test(tc, what_is_here_gives_way_to_what_another_node_had);
    tcase_add_test(tc, what_another_node_took_ends_unless_it_is_ours_again);
    tcase_add_test(tc, who_came_while_it_was_unsure_comes_again);
    tcase_add_test(tc, who_came_in_doubt_and_came_again_is_sure);
    tcase_add_test(tc, a_walk_finds_who_is_away_or_all);
    tcase_add_test(tc, nothing_comes_of_bytes_that_are_no_record);
    tcase_add_test(tc, a_session_that_cannot_be_read_begins_anew);
    tcase_add_test(tc, a_context_waits_for_the_log_of_its_user);
    tcase_add_test(tc, a_full_memory_makes_no_half_a_context);
    tcase_add_loop_test(tc, a_client_that_moves_gets_each_message_once, 0, 20);
    tcase_add_loop_test(tc, a_client_that_moves_by_force_loses_nothing, 0, 20);
    return unit_run(suite);
}
