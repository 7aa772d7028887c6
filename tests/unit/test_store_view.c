#include "core_suite.h"
#include "core_world.h"
#include "store_fixture.h"
#include "store/ops/life.h"
#include "store/ops/streams.h"
#include "store/ops/view.h"

#include <stdio.h>
#include <string.h>

/* What an administrator sees. */

typedef struct {
    int messages, lives, devices;
    push_message_view_t message;
    push_life_view_t life[4];
    push_device_view_t device;
} seen_t;

static void see_message(void *data, const push_message_view_t *view)
{
    seen_t *seen = data;

    seen->messages++;
    seen->message = *view;
}

static void see_life(void *data, const push_life_view_t *view)
{
    seen_t *seen = data;

    ck_assert_int_lt(seen->lives, 4);
    seen->life[seen->lives++] = *view;
}

static void see_device(void *data, const push_device_view_t *view)
{
    seen_t *seen = data;

    seen->devices++;
    seen->device = *view;
}

static push_fate_t only_fate(uint64_t mid)
{
    seen_t seen = {0};
    push_visitor_t visitor = {
        .message = see_message, .life = see_life, .data = &seen};

    ck_assert_int_eq(
        push_view_message(&g.store, SOUGHT(mid), &g.now, &visitor), PUSH_OK);
    ck_assert_int_eq(seen.lives, 1);
    return seen.life[0].fate;
}

START_TEST(the_life_of_a_message_is_seen_from_publish_to_end)
{
    push_stream_ref_t stream_ref = open_stream("u", "d", NULL);
    uint64_t mid;

    fixture_publish(&g, PUSH_LOG_USER, "u", "x", PUSH_LOW);
    mid = g.receipt.mid;
    ck_assert_int_eq(only_fate(mid), PUSH_PENDING);
    fixture_flush(&g, &stream_ref);
    ck_assert_int_eq(only_fate(mid), PUSH_IN_FLIGHT);
    fixture_ack(&g, "u", &stream_ref, 1);
    ck_assert_int_eq(only_fate(mid), PUSH_ACKED);
}
END_TEST

START_TEST(a_channels_message_is_seen_for_each_of_its_readers)
{
    seen_t seen = {0};
    push_visitor_t visitor = {
        .message = see_message, .life = see_life, .data = &seen};

    open_stream("u", "d", "c");
    open_stream("v", "d", "c");
    open_stream("w", "d", NULL);
    fixture_publish(&g, PUSH_LOG_CHANNEL, "c", "x", PUSH_LOW);
    ck_assert_int_eq(push_view_message(&g.store, SOUGHT(g.receipt.mid), &g.now,
                                       &visitor),
                     PUSH_OK);
    ck_assert_int_eq(seen.messages, 1);
    ck_assert_int_eq(seen.lives, 2);
    ck_assert_int_eq(seen.message.kind, PUSH_LOG_CHANNEL);
    ck_assert_int_eq(seen.message.urgency, PUSH_LOW);
}
END_TEST

START_TEST(what_is_recalled_is_sent_to_nobody_who_has_not_acknowledged_it)
{
    push_stream_ref_t a = open_stream("u", "a", NULL);
    push_stream_ref_t b = open_stream("u", "b", NULL);
    uint32_t recalled;
    uint64_t mid;

    fixture_publish(&g, PUSH_LOG_USER, "u", "x", PUSH_LOW);
    mid = g.receipt.mid;
    fixture_flush(&g, &a);
    fixture_ack(&g, "u", &a, 1);
    ck_assert_int_eq(
        push_store_recall(&g.store, SOUGHT(mid), &g.now, &recalled), PUSH_OK);
    ck_assert_uint_eq(recalled, 1);
    ck_assert_str_eq(fixture_flush(&g, &b), "");
    ck_assert_int_eq(push_store_recall(&g.store, SOUGHT(mid), &g.now,
                                       &recalled),
                     PUSH_OVER);
    ck_assert_int_eq(push_store_recall(&g.store, SOUGHT(mid ^ (1u << 20)),
                                       &g.now, &recalled),
                     PUSH_NOT_FOUND);
}
END_TEST

START_TEST(devices_are_seen_with_what_waits_for_them)
{
    push_stream_ref_t stream_ref = open_stream("u", "d", "c");
    seen_t seen = {0};

    fixture_publish(&g, PUSH_LOG_USER, "u", "x", PUSH_LOW);
    fixture_flush(&g, &stream_ref);
    fixture_publish(&g, PUSH_LOG_USER, "u", "y", PUSH_LOW);
    fixture_publish(&g, PUSH_LOG_CHANNEL, "c", "z", PUSH_LOW);
    ck_assert_int_eq(push_view_device(&g.store, stream_ref.id, &g.now,
                                      see_device, &seen),
                     PUSH_OK);
    ck_assert_uint_eq(seen.device.pending, 2);
    ck_assert_uint_eq(seen.device.in_flight, 1);
    ck_assert(seen.device.online);
    ck_assert_uint_eq(seen.device.channels_count, 1);
    ck_assert_int_eq(push_view_devices(&g.store, named("u"), &g.now,
                                       see_device, &seen),
                     PUSH_OK);
    ck_assert_int_eq(seen.devices, 2);
    ck_assert_int_eq(push_view_devices(&g.store, named("v"), &g.now,
                                       see_device, &seen),
                     PUSH_NOT_FOUND);
}
END_TEST

/* ---- lists ---- */

#define STREAMS 600 /* more than are looked at with the lock held once */

typedef struct {
    unsigned count;
    uint32_t pending[8];
    char users[8][8];
} listed_t;

static void see_stream(void *data, const push_stream_view_t *view)
{
    listed_t *listed = data;

    ck_assert_uint_lt(listed->count, 8);
    listed->pending[listed->count] = view->pending;
    snprintf(listed->users[listed->count], 8, "%.*s", (int)view->user.len,
             view->user.at);
    listed->count++;
}

START_TEST(the_streams_with_most_to_come_are_listed_out_of_many)
{
    listed_t listed = {0};
    bool more = false;
    const push_visitor_t visitor = {.stream = see_stream, .data = &listed};
    const push_view_t what = {
        .kind = PUSH_VIEW_STREAMS,
        .now = g.now,
        .list = {.order = PUSH_ORDER_PENDING, .limit = 3, .more = &more}};

    for (int i = 0; i < STREAMS; i++) {
        char user[16];

        snprintf(user, sizeof(user), "u%d", i);
        open_stream(user, "d", NULL);
        for (int j = 0; j < (i == 7 ? 3 : i == 400 ? 2 : i == 599); j++) {
            fixture_publish(&g, PUSH_LOG_USER, user, "x", PUSH_NORMAL);
        }
    }
    ck_assert_int_eq(push_streams_list(&g.store, &what, &visitor), PUSH_OK);
    ck_assert_uint_eq(listed.count, 3);
    ck_assert(more);
    ck_assert_str_eq(listed.users[0], "u7");
    ck_assert_uint_eq(listed.pending[0], 3);
    ck_assert_str_eq(listed.users[1], "u400");
    ck_assert_str_eq(listed.users[2], "u599");
    ck_assert_uint_eq(listed.pending[2], 1);
}
END_TEST

START_TEST(a_lock_that_nobody_lets_go_of_is_counted)
{
    ck_assert_uint_eq(push_view_stuck(&g.store), 0);
    ck_assert_int_eq(push_lock_acquire(&g.store.shards[5].lock), PUSH_LOCKED);
    ck_assert_uint_eq(push_view_stuck(&g.store), 1);
    push_lock_release(&g.store.shards[5].lock);
    ck_assert_uint_eq(push_view_stuck(&g.store), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("view");
    TCase *view = unit_case(suite, "view", 60);
    TCase *large;

    tcase_add_checked_fixture(view, store_begin, store_end);
    tcase_add_test(view, the_life_of_a_message_is_seen_from_publish_to_end);
    tcase_add_test(view, a_channels_message_is_seen_for_each_of_its_readers);
    tcase_add_test(
        view, what_is_recalled_is_sent_to_nobody_who_has_not_acknowledged_it);
    tcase_add_test(view, devices_are_seen_with_what_waits_for_them);
    tcase_add_test(view, a_lock_that_nobody_lets_go_of_is_counted);
    large = unit_case(suite, "lists", 60);
    tcase_add_checked_fixture(large, store_begin_large, store_end);
    tcase_add_test(large,
                   the_streams_with_most_to_come_are_listed_out_of_many);
    return unit_run(suite);
}
