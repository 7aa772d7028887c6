#include "core/event.h"
#include "core/session.h"
#include "core_suite.h"
#include "core_world.h"

#include <stdio.h>
#include <string.h>

/* What the core tells of messages, and to whom. */

#define ALL                                                                   \
    (PUSH_EVENT_BIT(PUSH_EVENT_PUBLISHED) | PUSH_EVENT_BIT(PUSH_EVENT_ACKED)  \
     | PUSH_EVENT_BIT(PUSH_EVENT_ENDED))

static world_t w;
static push_events_t events;
static push_user_t *user;
static push_device_t *device;
static char told[400];

static void on_event(void *data, const push_event_t *event)
{
    static const char *const names[] = {[PUSH_EVENT_PUBLISHED] = "published",
                                        [PUSH_EVENT_ACKED] = "acked",
                                        [PUSH_EVENT_ENDED] = "ended"};
    push_text_t text = {"", 0};
    size_t len = strlen(told);

    ck_assert_ptr_eq(event->heap, w.heap);
    if (event->message) {
        text = world_payload(event->message);
    }
    snprintf(told + len, sizeof(told) - len, "%s%s %.*s", (const char *)data,
             names[event->kind], (int)text.len, text.at);
    len = strlen(told);
    if (event->kind == PUSH_EVENT_ACKED) {
        ck_assert_ptr_eq(event->device, device);
        snprintf(told + len, sizeof(told) - len, " %lu",
                 (unsigned long)event->seq);
    }
    if (event->kind == PUSH_EVENT_ENDED) {
        ck_assert_int_eq(push_message_fate(event->message), PUSH_LIVE);
        snprintf(told + len, sizeof(told) - len, " %s",
                 push_fate_name(event->fate));
    }
    strcat(told, "; ");
}

static push_listener_t listener(const char *name, unsigned kinds)
{
    return (push_listener_t){
        .kinds = kinds, .tell = on_event, .data = (char *)(uintptr_t)name};
}

static void listen(const char *name, unsigned kinds)
{
    const push_listener_t l = listener(name, kinds);

    ck_assert(push_events_listen(&events, &l));
}

static void expect(const char *wanted)
{
    ck_assert_str_eq(told, wanted);
    told[0] = '\0';
}

static void begin(void)
{
    world_init(&w);
    events = (push_events_t){0};
    w.heap->events = &events;
    user = world_user(&w);
    device = world_device(&w, user, "d", NULL, 0);
    world_open(&w, device, NULL);
    told[0] = '\0';
}

static void end(void)
{
    watched_heap_destroy(&w.memory);
}

START_TEST(a_message_is_told_when_it_is_published_acknowledged_and_ends)
{
    listen("", ALL);
    world_publish(&w, user, spec_topic("a", "t"));
    expect("published a; ");
    world_publish(&w, user, spec_topic("b", "t"));
    expect("published b; ended a replaced; ");
    world_say(&w, user, "c");
    expect("published c; ");
    world_flush(&w, device);
    expect("");
    world_ack(&w, device, cursor(2));
    expect("acked b 1; acked c 2; ");
    world_pass(&w, 300001);
    push_log_sweep(w.heap, &user->log, false, &w.now);
    expect("ended b expired; ended c expired; ");
}
END_TEST

START_TEST(a_channel_tells_the_same)
{
    push_channel_t *channel = world_channel(&w);

    world_close(&w, device);
    device = world_device(&w, user, "e", &channel, 1);
    world_open(&w, device, NULL);
    listen("", ALL);
    world_cast(&w, channel, spec_topic("a", "t"));
    world_cast(&w, channel, spec_topic("b", "t"));
    expect("published a; published b; ended a replaced; ");
    world_flush(&w, device);
    world_ack(&w, device, cursor(1));
    expect("acked b 1; ");
}
END_TEST

/* For ever-full memory: ended is told with the message still whole. */
START_TEST(what_leaves_its_log_alive_is_told_as_ended_once)
{
    push_entry_t entry;
    uint64_t mid = world_say(&w, user, "a");

    listen("", ALL);
    ck_assert(push_log_find(w.heap, &user->log, mid, &entry));
    push_user_evict(w.heap, user, &entry, &w.now);
    expect("ended a evicted; ");
}
END_TEST

START_TEST(a_message_for_nobody_is_not_told)
{
    push_message_spec_t d = spec("x");

    world_close(&w, device);
    listen("", ALL);
    d.ttl = 0;
    world_publish(&w, user, d);
    expect("");
}
END_TEST

START_TEST(each_listener_is_told_its_kinds_in_the_order_of_their_coming)
{
    const push_listener_t second = listener("2:", ALL);

    listen("1:", PUSH_EVENT_BIT(PUSH_EVENT_PUBLISHED));
    ck_assert(push_events_listen(&events, &second));
    listen("3:", PUSH_EVENT_BIT(PUSH_EVENT_ACKED));
    world_say(&w, user, "a");
    expect("1:published a; 2:published a; ");
    world_flush(&w, device);
    world_ack(&w, device, cursor(1));
    expect("2:acked a 1; 3:acked a 1; ");
    push_events_ignore(&events, &second);
    world_say(&w, user, "b");
    expect("1:published b; ");
    ck_assert(!push_events_wanted(&events, PUSH_EVENT_ENDED));
    listen("4:", ALL);
    world_say(&w, user, "c");
    expect("1:published c; 4:published c; ");
}
END_TEST

START_TEST(there_is_room_for_so_many_listeners_and_no_more)
{
    push_listener_t one = listener("x", ALL);

    for (unsigned i = 0; i < PUSH_LISTENERS_MAX; i++) {
        ck_assert(push_events_listen(&events, &one));
    }
    ck_assert(!push_events_listen(&events, &one));
    push_events_ignore(&events, &one);
    ck_assert_uint_eq(events.kinds, 0);
    ck_assert(push_events_listen(&events, &one));
}
END_TEST

START_TEST(who_is_not_enabled_is_told_nothing)
{
    static _Atomic uint32_t enabled, other;
    push_listener_t optional = listener("2:", ALL);
    push_listener_t elsewhere = listener("3:", ALL);

    optional.enabled = &enabled;
    elsewhere.enabled = &other;
    listen("1:", PUSH_EVENT_BIT(PUSH_EVENT_PUBLISHED));
    ck_assert(push_events_listen(&events, &optional));
    ck_assert(!push_events_listen(&events, &elsewhere));
    ck_assert(!push_events_wanted(&events, PUSH_EVENT_ACKED));
    world_say(&w, user, "a");
    expect("1:published a; ");
    atomic_store(&enabled, 1);
    ck_assert(push_events_wanted(&events, PUSH_EVENT_ACKED));
    world_say(&w, user, "b");
    expect("1:published b; 2:published b; ");
    push_events_ignore(&events, &optional);
    ck_assert(!push_events_wanted(&events, PUSH_EVENT_ACKED));
    ck_assert(push_events_listen(&events, &elsewhere));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("events");
    TCase *tc = unit_case(suite, "events", 10);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(
        tc, a_message_is_told_when_it_is_published_acknowledged_and_ends);
    tcase_add_test(tc, a_channel_tells_the_same);
    tcase_add_test(tc, what_leaves_its_log_alive_is_told_as_ended_once);
    tcase_add_test(tc, a_message_for_nobody_is_not_told);
    tcase_add_test(
        tc, each_listener_is_told_its_kinds_in_the_order_of_their_coming);
    tcase_add_test(tc, there_is_room_for_so_many_listeners_and_no_more);
    tcase_add_test(tc, who_is_not_enabled_is_told_nothing);
    return unit_run(suite);
}
