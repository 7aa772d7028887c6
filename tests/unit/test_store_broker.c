#include <string.h>

#include "broker/local.h"
#include "core_suite.h"
#include "core_world.h"
#include "store_shared.h"
#include "store/shm/clock.h"

/* This machine's store as the HTTP side sees it. */

static fixture_t g;
static push_broker_t broker;

static void begin(void)
{
    fixture_init(&g, (size_t)4 << 20);
    g.store.guard = shared_memory(sizeof(push_guard_t));
    ck_assert(push_guard_create(g.store.guard));
    push_local_init(&broker, &g.store);
}

static void end(void)
{
    fixture_cleanup(&g);
}

static push_publication_t message(const char *text, const char *key)
{
    return (push_publication_t){.audience = {PUSH_LOG_USER, named("ada"), 0},
                                .spec = spec(text),
                                .key = named(key),
                                .now = g.now};
}

static push_checkin_t arrival(const push_cursor_t *cursor)
{
    push_checkin_t checkin = {.user = named("ada"),
                              .lowest = PUSH_VERY_LOW,
                              .max_in_flight = 16,
                              .max_streams = 16,
                              .max_devices = 16,
                              .made_up = true,
                              .cursor = cursor};

    checkin.labels[PUSH_LABEL_DEVICE] = named("phone");
    checkin.labels[PUSH_LABEL_APP] = named("app");
    return checkin;
}

START_TEST(a_repeated_request_is_answered_and_not_published_again)
{
    push_publication_t first = message("a", "key");
    push_publication_t second = message("a", "key");
    push_publication_t other = message("b", "key");
    push_answer_t answer, again;
    push_commit_t commit = {0};
    push_whole_t whole;

    ck_assert_int_eq(broker.publish(&broker, &first, &commit, &answer),
                     PUSH_OK);
    ck_assert_int_eq(broker.publish(&broker, &second, &commit, &again),
                     PUSH_KEY_BUSY);
    ck_assert_int_eq(broker.settle(&broker, &commit, &answer), PUSH_OK);
    ck_assert_int_eq(broker.publish(&broker, &second, &commit, &again),
                     PUSH_OK);
    ck_assert_int_eq(broker.settle(&broker, &commit, &again), PUSH_OK);
    ck_assert_uint_eq(answer.receipt.mid, again.receipt.mid);
    ck_assert_int_eq(broker.publish(&broker, &other, &commit, &again),
                     PUSH_KEY_REUSED);
    ck_assert_int_eq(broker.whole(&broker, PUSH_OF_ALL, &whole), PUSH_OK);
    ck_assert(whole.alone);
    ck_assert_uint_eq(whole.stats.counts[PUSH_TOTAL_PUBLISHED], 1);
    ck_assert_uint_eq(whole.stats.messages, 1);
    ck_assert_int_eq(broker.whole(&broker, PUSH_OF_NODE(0), &whole),
                     PUSH_NOT_FOUND);
}
END_TEST

START_TEST(the_hash_of_a_request_tells_where_its_parts_end)
{
    push_publication_t first = message("c", "key");
    push_publication_t other = message("bc", "key");
    push_answer_t answer;
    push_commit_t commit = {0};

    first.spec.topic = named("ab");
    other.spec.topic = named("a");
    ck_assert_int_eq(broker.publish(&broker, &first, &commit, &answer),
                     PUSH_OK);
    ck_assert_int_eq(broker.settle(&broker, &commit, &answer), PUSH_OK);
    ck_assert_int_eq(broker.publish(&broker, &other, &commit, &answer),
                     PUSH_KEY_REUSED);
}
END_TEST

START_TEST(a_device_is_claimed_acknowledges_and_is_released)
{
    push_checkin_t checkin = arrival(NULL);
    push_publication_t first = message("a", "");
    push_cursor_t at = cursor(1);
    push_answer_t answer;
    push_commit_t commit = {0};
    push_stream_ref_t stream_ref;
    uint64_t session = 0;
    char device[PUSH_DEVICE_MAX + 1];

    ck_assert_int_eq(broker.claim(&broker, &checkin, &g.now, &stream_ref,
                                  &session),
                     PUSH_OK);
    ck_assert_uint_ne(session, 0);
    ck_assert_int_eq(broker.publish(&broker, &first, &commit, &answer),
                     PUSH_OK);
    ck_assert_uint_eq(answer.receipt.connected, 1);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=a");
    at.has_session = true;
    at.session = session + 1;
    checkin.cursor = &at;
    ck_assert_int_eq(broker.ack(&broker, &checkin, &g.now), PUSH_STALE);
    at.session = session;
    ck_assert_int_eq(broker.ack(&broker, &checkin, &g.now), PUSH_OK);
    ck_assert(
        broker.only_made_up(&broker, named("ada"), named("app"), device));
    ck_assert_str_eq(device, "phone");
    broker.release(&broker, &stream_ref, &g.now);
    first = message("b", "");
    ck_assert_int_eq(broker.publish(&broker, &first, &commit, &answer),
                     PUSH_OK);
    ck_assert_uint_eq(answer.receipt.connected, 0);
}
END_TEST

static void see_device(void *data, const push_device_view_t *view)
{
    ck_assert_uint_eq(view->user.len, 3);
    (*(unsigned *)data)++;
}

static void see_message(void *data, const push_message_view_t *view)
{
    ck_assert_uint_eq(view->kind, PUSH_LOG_USER);
    (*(unsigned *)data)++;
}

static void see_life(void *data, const push_life_view_t *view)
{
    ck_assert_int_eq(view->fate, PUSH_PENDING);
    (*(unsigned *)data)++;
}

START_TEST(an_administrator_finds_devices_and_messages)
{
    push_checkin_t checkin = arrival(NULL);
    push_publication_t first = message("a", "");
    push_answer_t answer;
    push_commit_t commit = {0};
    push_stream_ref_t stream_ref;
    uint64_t session;
    unsigned seen = 0;
    const push_visitor_t visitor = {.message = see_message,
                                    .life = see_life,
                                    .device = see_device,
                                    .data = &seen};
    push_view_t read_view = {
        .kind = PUSH_VIEW_DEVICES, .user = named("ada"), .now = g.now};

    ck_assert_int_eq(broker.view(&broker, &read_view, &visitor),
                     PUSH_NOT_FOUND);
    ck_assert_int_eq(broker.claim(&broker, &checkin, &g.now, &stream_ref,
                                  &session),
                     PUSH_OK);
    ck_assert_int_eq(broker.publish(&broker, &first, &commit, &answer),
                     PUSH_OK);
    ck_assert_int_eq(broker.view(&broker, &read_view, &visitor), PUSH_OK);
    read_view.kind = PUSH_VIEW_DEVICE;
    read_view.id = stream_ref.id;
    ck_assert_int_eq(broker.view(&broker, &read_view, &visitor), PUSH_OK);
    ck_assert_uint_eq(seen, 2);
    read_view.kind = PUSH_VIEW_MESSAGE;
    read_view.message.mid = answer.receipt.mid;
    ck_assert_int_eq(broker.view(&broker, &read_view, &visitor), PUSH_OK);
    ck_assert_uint_eq(seen, 4);
}
END_TEST

START_TEST(who_is_dismissed_may_come_back_and_who_is_revoked_may_not)
{
    push_checkin_t checkin = arrival(NULL);
    push_time_t now = push_clock_now();
    push_stream_ref_t stream_ref;
    uint64_t session;
    uint32_t streams;

    ck_assert_int_eq(broker.claim(&broker, &checkin, &g.now, &stream_ref,
                                  &session),
                     PUSH_OK);
    ck_assert_int_eq(broker.dismiss(&broker, named("ada"), 0, &streams),
                     PUSH_OK);
    ck_assert_uint_eq(streams, 1);
    ck_assert_int_eq(push_delivery_state(&g.store, &stream_ref),
                     PUSH_DISMISSED);
    ck_assert(!broker.revoked(&broker, named("ada"), now.wall));
    ck_assert_int_eq(broker.dismiss(&broker, named("ada"), now.mono + 60000,
                                    &streams),
                     PUSH_OK);
    ck_assert_int_eq(push_delivery_state(&g.store, &stream_ref), PUSH_REVOKED);
    ck_assert(broker.revoked(&broker, named("ada"), now.wall));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("broker");
    TCase *local = unit_case(suite, "local", 60);

    tcase_add_checked_fixture(local, begin, end);
    tcase_add_test(local,
                   a_repeated_request_is_answered_and_not_published_again);
    tcase_add_test(local, the_hash_of_a_request_tells_where_its_parts_end);
    tcase_add_test(local, a_device_is_claimed_acknowledges_and_is_released);
    tcase_add_test(local, an_administrator_finds_devices_and_messages);
    tcase_add_test(local,
                   who_is_dismissed_may_come_back_and_who_is_revoked_may_not);
    return unit_run(suite);
}
