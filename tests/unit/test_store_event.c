#include "core_suite.h"
#include "core_world.h"
#include "store/ops/ack.h"
#include "store/ops/life.h"
#include "store/upkeep/sweep.h"
#include "store_shared.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What the store tells: every kind of event, in its order and with its data. */

#define ROOM ((size_t)8 << 20)

static fixture_t g;
static push_stream_ref_t stream_ref;
static char told[600];

static void add_device(const push_event_t *event, char *to, size_t room)
{
    const push_heap_t *heap = &g.store.heaps[0];
    push_text_t id = push_device_label(heap, event->device, PUSH_LABEL_DEVICE);
    const push_user_t *user = push_at(heap, event->device->user);

    snprintf(to, room, " %.*s/%.*s", user->name_len, user->name, (int)id.len,
             id.at);
}

static void add_message(const push_event_t *event, char *to, size_t room)
{
    push_text_t text = world_payload(event->message);

    snprintf(to, room, " %.*s", (int)text.len, text.at);
}

static void on_event(void *data, const push_event_t *event)
{
    static const char *const names[] = {
        [PUSH_EVENT_PUBLISHED] = "published", [PUSH_EVENT_WRITTEN] = "written",
        [PUSH_EVENT_ACKED] = "acked",         [PUSH_EVENT_ENDED] = "ended",
        [PUSH_EVENT_CAME] = "came",           [PUSH_EVENT_WENT] = "went",
        [PUSH_EVENT_DROPPED] = "dropped"};
    char message[100] = "", device[100] = "", more[100] = "";
    size_t len = strlen(told);

    ck_assert_ptr_eq(data, &g);
    ck_assert(event->kind == PUSH_EVENT_WRITTEN ? !event->heap
                                                : event->heap != NULL);
    if (event->message) {
        add_message(event, message, sizeof(message));
    }
    if (event->device) {
        add_device(event, device, sizeof(device));
    }
    if (event->kind == PUSH_EVENT_WRITTEN) {
        snprintf(more, sizeof(more), " %u to %lu", event->messages,
                 (unsigned long)event->seq);
    }
    if (event->kind == PUSH_EVENT_ENDED || event->kind == PUSH_EVENT_DROPPED) {
        snprintf(more, sizeof(more), " %s", push_fate_name(event->fate));
    }
    snprintf(told + len, sizeof(told) - len, "%s%s%s%s; ", names[event->kind],
             message, device, more);
}

static void expect(const char *wanted)
{
    ck_assert_str_eq(told, wanted);
    told[0] = '\0';
}

static void begin(void)
{
    const push_listener_t listener = {
        .kinds = ~0u, .tell = on_event, .data = &g};

    fixture_init(&g, ROOM);
    push_store_sit(&g.store, 0);
    ck_assert(push_events_listen(&g.store.events, &listener));
    told[0] = '\0';
}

static void end(void)
{
    fixture_cleanup(&g);
}

static void come(void)
{
    ck_assert_int_eq(fixture_checkin(&g, "anna", "phone", NULL, &stream_ref),
                     PUSH_OK);
}

static void say(const char *text)
{
    ck_assert_int_eq(fixture_publish(&g, PUSH_LOG_USER, "anna", text,
                                     PUSH_NORMAL),
                     PUSH_OK);
}

static void sweep(void)
{
    atomic_store(&g.store.segment->sweep_next, 0);
    ck_assert(push_store_sweep_due(&g.store, &g.now));
}

START_TEST(all_that_happens_to_a_message_is_told)
{
    uint32_t recalled;

    come();
    expect("came anna/phone; ");
    say("a");
    say("b");
    expect("published a; published b; ");
    fixture_flush(&g, &stream_ref);
    fixture_written(&g, &stream_ref, 0, g.delivery.count, g.delivery.sent);
    expect("written anna/phone 2 to 2; ");
    fixture_ack(&g, "anna", &stream_ref, 1);
    expect("acked a anna/phone; ");
    ck_assert_int_eq(push_store_recall(&g.store, SOUGHT(g.receipt.mid), &g.now,
                                       &recalled),
                     PUSH_OK);
    expect("ended b recalled; ");
    push_store_checkout(&g.store, &stream_ref, &g.now);
    expect("went anna/phone; ");
}
END_TEST

static bool copy(void *data, const push_delivery_t *delivery,
                 push_written_sums_t *tally)
{
    for (unsigned i = 0; i < delivery->count; i++) {
        push_written_sums_add(tally, delivery->picks[i].message, 1, 1);
    }
    return *(const bool *)data;
}

static push_status_t poll(bool well)
{
    const push_copier_t copier = {copy, &well};

    return push_delivery_poll(&g.store, &stream_ref, &g.now, &g.delivery,
                              &copier);
}

START_TEST(a_poll_that_is_answered_is_told_and_counted_as_written)
{
    come();
    say("a");
    told[0] = '\0';
    ck_assert_int_eq(poll(true), PUSH_OK);
    expect("written anna/phone 1 to 1; ");
    ck_assert_uint_eq(fixture_count(&g, PUSH_TOTAL_DELIVERED), 1);
    ck_assert_int_eq(poll(true), PUSH_OK);
    expect("");
}
END_TEST

START_TEST(a_poll_whose_answer_has_no_memory_is_neither)
{
    come();
    say("a");
    told[0] = '\0';
    ck_assert_int_eq(poll(false), PUSH_NO_MEMORY);
    expect("");
    ck_assert_uint_eq(fixture_count(&g, PUSH_TOTAL_DELIVERED), 0);
}
END_TEST

START_TEST(a_stream_that_takes_over_from_another_is_no_coming)
{
    push_stream_ref_t first;

    come();
    first = stream_ref;
    told[0] = '\0';
    come();
    push_store_checkout(&g.store, &first, &g.now);
    expect("");
    push_store_checkout(&g.store, &stream_ref, &g.now);
    expect("went anna/phone; ");
}
END_TEST

START_TEST(a_stream_that_moves_to_another_seat_is_neither_gone_nor_come)
{
    ck_assert_int_eq(push_seat_claim(&g.store.seats, (uint32_t)getpid()), 1);
    come();
    told[0] = '\0';
    ck_assert(push_store_move(&g.store, &stream_ref, 1));
    expect("");
}
END_TEST

/* Who finds the dead tells that their devices went. */
START_TEST(a_device_whose_reactor_left_is_told_to_have_gone_by_the_sweep)
{
    ck_assert_int_eq(push_seat_claim(&g.store.seats, (uint32_t)getpid()), 1);
    come();
    push_store_move(&g.store, &stream_ref, 1);
    told[0] = '\0';
    push_seat_leave(&g.store.seats, 1);
    sweep();
    expect("went anna/phone; ");
    sweep();
    expect("");
    ck_assert(push_store_move(&g.store, &stream_ref, 0));
    expect("came anna/phone; ");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("events of the store");
    TCase *tc = unit_case(suite, "events", 10);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, all_that_happens_to_a_message_is_told);
    tcase_add_test(tc, a_poll_that_is_answered_is_told_and_counted_as_written);
    tcase_add_test(tc, a_poll_whose_answer_has_no_memory_is_neither);
    tcase_add_test(tc, a_stream_that_takes_over_from_another_is_no_coming);
    tcase_add_test(
        tc, a_stream_that_moves_to_another_seat_is_neither_gone_nor_come);
    tcase_add_test(
        tc, a_device_whose_reactor_left_is_told_to_have_gone_by_the_sweep);
    return unit_run(suite);
}
