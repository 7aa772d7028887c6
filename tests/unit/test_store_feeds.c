#include "broker/local.h"
#include "core/traceparent.h"
#include "core_suite.h"
#include "core_world.h"
#include "feeds/feeds.h"
#include "store/ops/life.h"
#include "store/upkeep/sweep.h"
#include "store_shared.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What the server publishes itself: each event's text. */

#define ROOM ((size_t)8 << 20)

/* More than the clock of a test goes ahead. */
#define TTL_MS 86400000

static fixture_t g;
static push_broker_t broker;
static push_feeds_t *feeds;
static push_stream_ref_t follower, anna;
static json_t *events; /* what the follower got, CloudEvents */

static void begin(void)
{
    fixture_init(&g, ROOM);
    push_store_sit(&g.store, 0);
    push_local_init(&broker, &g.store);
}

static void end(void)
{
    json_decref(events);
    events = NULL;
    fixture_cleanup(&g);
}

static void listen_to(const char *channel)
{
    const push_feeds_options_t options = {
        .store = &g.store, .broker = &broker, .ttl = TTL_MS, .presence = true};

    if (channel) {
        ck_assert_int_eq(fixture_checkin(&g, "operator", "desk", channel,
                                         &follower),
                         PUSH_OK);
    }
    feeds = push_feeds_create(&options);
    ck_assert_ptr_nonnull(feeds);
    ck_assert_int_eq(fixture_checkin(&g, "anna", "phone", NULL, &anna),
                     PUSH_OK);
}

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

/* Publishes to anna, who acknowledges nothing by herself. */
static push_status_t publish(const char *text, const char *topic, bool receipt)
{
    push_audience_t audience = {.kind = PUSH_LOG_USER, .name = named("anna")};
    push_message_spec_t spec = spec_urgent(text, PUSH_NORMAL);
    char trace[PUSH_TRACEPARENT_BYTES];

    ck_assert(push_traceparent_parse(TRACE, strlen(TRACE), trace));
    spec.content.ack_now = receipt;
    spec.content.event = named("trip.eta");
    spec.content.trace = (push_text_t){trace, sizeof(trace)};
    if (topic) {
        spec.topic = named(topic);
    }
    return store_publish(&g.store, &audience, &spec, &g.now, &g.receipt);
}

static void say(const char *text, bool receipt)
{
    ck_assert_int_eq(publish(text, NULL, receipt), PUSH_OK);
}

static void sweep(void)
{
    atomic_store(&g.store.segment->sweep_next, 0);
    ck_assert(push_store_sweep_due(&g.store, &g.now));
}

/* Ends the feeds, and reads all that the follower got of them. */
static size_t got(void)
{
    const push_delivery_t *delivery = &g.delivery;

    push_feeds_stop(feeds);
    events = json_array();
    do {
        fixture_flush(&g, &follower);
        for (unsigned i = 0; i < delivery->count; i++) {
            push_text_t text = world_payload(delivery->picks[i].message);

            json_array_append_new(events,
                                  json_loadb(text.at, text.len, 0, NULL));
        }
        fixture_ack(&g, "operator", &follower, delivery->sent);
    } while (delivery->count);
    return json_array_size(events);
}

static const char *attribute(size_t index, const char *name)
{
    const char *text = json_string_value(
        json_object_get(json_array_get(events, index), name));

    return text ? text : "";
}

static json_t *data_of(size_t index, const char *name)
{
    return json_object_get(
        json_object_get(json_array_get(events, index), "data"), name);
}

static void flush_and_ack(uint64_t seq)
{
    fixture_flush(&g, &anna);
    ck_assert_int_eq(fixture_ack(&g, "anna", &anna, seq), PUSH_OK);
}

START_TEST(a_receipt_is_a_cloud_event_with_the_message_and_its_device)
{
    char mid[PUSH_MID_CHARS + 1] = "", id[100], subject[100];
    char context[PUSH_CONTEXT_CHARS + 1] = "";

    listen_to("$receipts");
    say("a", true);
    push_mid_write(g.receipt.mid, mid);
    push_context_write(anna.id, context);
    flush_and_ack(1);
    ck_assert_uint_eq(got(), 1);
    snprintf(id, sizeof(id), "%s/%s/acked", mid, context);
    snprintf(subject, sizeof(subject), "anna/%s", context);
    ck_assert_str_eq(attribute(0, "specversion"), "1.0");
    ck_assert_str_eq(attribute(0, "id"), id);
    ck_assert_str_eq(attribute(0, "source"), "/push");
    ck_assert_str_eq(attribute(0, "type"), "push.message.acked");
    ck_assert_str_eq(attribute(0, "subject"), subject);
    ck_assert_str_eq(attribute(0, "traceparent"), TRACE);
    ck_assert_str_eq(attribute(0, "datacontenttype"), "application/json");
    ck_assert_uint_eq(strlen(attribute(0, "time")),
                      strlen("2026-11-29T16:46:11.123Z"));
    ck_assert_str_eq(json_string_value(data_of(0, "message")), mid);
    ck_assert_str_eq(json_string_value(data_of(0, "device")), context);
    ck_assert_str_eq(json_string_value(data_of(0, "event")), "trip.eta");
    ck_assert_str_eq(json_string_value(data_of(0, "user")), "anna");
}
END_TEST

START_TEST(who_did_not_ask_gets_no_receipt)
{
    listen_to("$receipts");
    say("a", false);
    say("b", true);
    flush_and_ack(2);
    ck_assert_uint_eq(got(), 1);
}
END_TEST

START_TEST(with_nobody_listening_nothing_is_stored)
{
    uint64_t before;

    listen_to(NULL);
    say("a", true);
    flush_and_ack(1);
    before = fixture_count(&g, PUSH_TOTAL_PUBLISHED);
    push_feeds_stop(feeds);
    ck_assert_uint_eq(fixture_count(&g, PUSH_TOTAL_PUBLISHED), before);
    ck_assert_uint_eq(g.store.segment->feeds.known, 0);
}
END_TEST

START_TEST(each_end_of_a_message_has_its_own_type)
{
    uint32_t recalled;

    listen_to("$receipts");
    ck_assert_int_eq(publish("old", "t", true), PUSH_OK);
    ck_assert_int_eq(publish("new", "t", true), PUSH_OK);
    say("recalled", true);
    ck_assert_int_eq(push_store_recall(&g.store, SOUGHT(g.receipt.mid), &g.now,
                                       &recalled),
                     PUSH_OK);
    fixture_pass(&g, 400000);
    sweep();
    ck_assert_uint_eq(got(), 3);
    ck_assert_str_eq(attribute(0, "type"), "push.message.replaced");
    ck_assert_str_eq(attribute(1, "type"), "push.message.recalled");
    ck_assert_str_eq(attribute(2, "type"), "push.message.expired");
}
END_TEST

/* A message that ended is not acknowledged too. */
START_TEST(a_device_has_one_receipt_of_a_message)
{
    uint32_t recalled;

    listen_to("$receipts");
    say("a", true);
    fixture_flush(&g, &anna);
    ck_assert_int_eq(push_store_recall(&g.store, SOUGHT(g.receipt.mid), &g.now,
                                       &recalled),
                     PUSH_OK);
    ck_assert_int_eq(fixture_ack(&g, "anna", &anna, 1), PUSH_OK);
    ck_assert_uint_eq(got(), 1);
    ck_assert_str_eq(attribute(0, "type"), "push.message.recalled");
}
END_TEST

START_TEST(what_a_full_mailbox_drops_is_told_at_once)
{
    listen_to("$receipts");
    g.store.limits.max_pending = 1;
    say("a", true);
    say("b", true);
    ck_assert_uint_eq(got(), 1);
    ck_assert_str_eq(attribute(0, "type"), "push.message.evicted");
    ck_assert_str_eq(json_string_value(data_of(0, "user")), "anna");
}
END_TEST

START_TEST(the_end_of_a_channels_message_says_how_many_follow_it)
{
    push_audience_t audience = {.kind = PUSH_LOG_CHANNEL,
                                .name = named("city")};
    push_message_spec_t spec = spec_urgent("x", PUSH_NORMAL);
    push_stream_ref_t other;
    uint32_t recalled;

    listen_to("$receipts");
    ck_assert_int_eq(fixture_checkin(&g, "bob", "tv", "city", &other),
                     PUSH_OK);
    spec.content.ack_now = true;
    ck_assert_int_eq(store_publish(&g.store, &audience, &spec, &g.now,
                                   &g.receipt),
                     PUSH_OK);
    ck_assert_int_eq(push_store_recall(&g.store, SOUGHT(g.receipt.mid), &g.now,
                                       &recalled),
                     PUSH_OK);
    ck_assert_uint_eq(got(), 1);
    ck_assert_str_eq(attribute(0, "subject"), "city");
    ck_assert_int_eq(json_integer_value(data_of(0, "subscribers")), 1);
}
END_TEST

START_TEST(a_dead_letter_names_the_devices_that_missed_it)
{
    push_stream_ref_t tablet;
    json_t *devices;

    listen_to("$deadletters");
    ck_assert_int_eq(fixture_checkin(&g, "anna", "tablet", NULL, &tablet),
                     PUSH_OK);
    say("a", false);
    fixture_pass(&g, 400000);
    sweep();
    ck_assert_uint_eq(got(), 1);
    devices = data_of(0, "devices");
    ck_assert_str_eq(attribute(0, "type"), "push.message.expired");
    ck_assert_str_eq(json_string_value(data_of(0, "reason")), "expired");
    ck_assert_int_eq(json_integer_value(data_of(0, "size")), 1);
    ck_assert_uint_eq(json_array_size(devices), 2);
    ck_assert_ptr_null(data_of(0, "payload"));
}
END_TEST

START_TEST(what_one_device_acknowledged_is_no_dead_letter)
{
    push_stream_ref_t tablet;

    listen_to("$deadletters");
    ck_assert_int_eq(fixture_checkin(&g, "anna", "tablet", NULL, &tablet),
                     PUSH_OK);
    say("a", false);
    flush_and_ack(1);
    fixture_pass(&g, 400000);
    sweep();
    ck_assert_uint_eq(got(), 0);
}
END_TEST

START_TEST(what_was_recalled_or_replaced_is_no_dead_letter)
{
    uint32_t recalled;

    listen_to("$deadletters");
    ck_assert_int_eq(publish("old", "t", true), PUSH_OK);
    ck_assert_int_eq(publish("new", "t", true), PUSH_OK);
    ck_assert_int_eq(push_store_recall(&g.store, SOUGHT(g.receipt.mid), &g.now,
                                       &recalled),
                     PUSH_OK);
    ck_assert_uint_eq(got(), 0);
}
END_TEST

/* ---- presence ---- */

/* What the follower was told of channels, or of others than itself. */
static const char *presence(bool of_channels)
{
    static char text[600];

    text[0] = '\0';
    got();
    for (size_t i = 0; i < json_array_size(events); i++) {
        const char *user = json_string_value(data_of(i, "user"));
        const char *channel = json_string_value(data_of(i, "channel"));
        size_t len = strlen(text);

        if (of_channels ? channel != NULL : user && strcmp(user, "operator")) {
            snprintf(text + len, sizeof(text) - len, "%s %s; ",
                     strrchr(attribute(i, "type"), '.') + 1,
                     channel ? channel : user);
        }
    }
    return text;
}

static void leave_anna(void)
{
    push_store_checkout(&g.store, &anna, &g.now);
}

static void come_back(const char *channel)
{
    ck_assert_int_eq(fixture_checkin(&g, "anna", "phone", channel, &anna),
                     PUSH_OK);
}

static void pass(int64_t ms)
{
    fixture_pass(&g, ms);
    sweep();
}

START_TEST(a_device_that_comes_and_one_that_stays_away_are_told)
{
    listen_to("$presence");
    sweep();
    sweep();
    leave_anna();
    pass(2900);
    pass(200);
    pass(10000);
    ck_assert_str_eq(presence(false), "connected anna; disconnected anna; ");
}
END_TEST

START_TEST(who_is_back_within_three_seconds_has_not_been_away)
{
    listen_to("$presence");
    sweep();
    leave_anna();
    pass(2900);
    come_back(NULL);
    pass(10000);
    ck_assert_str_eq(presence(false), "connected anna; ");
}
END_TEST

START_TEST(a_device_that_is_forgotten_is_said_to_have_gone)
{
    g.store.limits.retention = 1000;
    listen_to("$presence");
    sweep();
    leave_anna();
    pass(1500);
    ck_assert_str_eq(presence(false), "connected anna; disconnected anna; ");
}
END_TEST

START_TEST(a_channel_is_occupied_and_vacated)
{
    listen_to("$presence");
    come_back("city");
    sweep();
    leave_anna();
    come_back("city");
    pass(5000);
    leave_anna();
    pass(1000);
    pass(1000);
    pass(2500);
    pass(10000);
    ck_assert_str_eq(presence(true), "occupied city; vacated city; ");
}
END_TEST

/* What nobody heard is not said to who comes later. */
START_TEST(a_follower_hears_of_what_changes_from_then_on)
{
    listen_to(NULL);
    sweep();
    ck_assert_int_eq(fixture_checkin(&g, "operator", "desk", "$presence",
                                     &follower),
                     PUSH_OK);
    sweep();
    leave_anna();
    pass(5000);
    ck_assert_str_eq(presence(false), "disconnected anna; ");
}
END_TEST

static void add_user(void *data, push_text_t user)
{
    char *text = data;

    snprintf(text + strlen(text), 100 - strlen(text), "%.*s ", (int)user.len,
             user.at);
}

START_TEST(each_user_who_is_connected_to_a_channel_is_listed_once)
{
    const push_view_t what = {
        .kind = PUSH_VIEW_PRESENT, .channel = named("city"), .now = g.now};
    push_stream_ref_t other;
    char text[100] = "";
    const push_visitor_t visitor = {.user = add_user, .data = text};

    listen_to(NULL);
    come_back("city");
    ck_assert_int_eq(fixture_checkin(&g, "anna", "tablet", "city", &other),
                     PUSH_OK);
    ck_assert_int_eq(fixture_checkin(&g, "bob", "tv", "town", &other),
                     PUSH_OK);
    ck_assert_int_eq(broker.view(&broker, &what, &visitor), PUSH_OK);
    ck_assert_str_eq(text, "anna ");
    push_feeds_stop(feeds);
}
END_TEST

/* ---- what does not fit ---- */

START_TEST(what_does_not_fit_is_counted_and_nobody_waits)
{
    listen_to("$receipts");
    g.store.limits.max_pending = 100000;
    g.store.limits.history = 100000;
    for (int i = 0; i < 20000; i++) {
        say("a", true);
        if (i % 100 == 99) {
            flush_and_ack((uint64_t)i + 1);
        }
    }
    ck_assert_uint_gt(got(), 3000);
    ck_assert_uint_eq(json_array_size(events) + g.store.segment->feeds.dropped,
                      20000);
}
END_TEST

/* ---- what is periodic ---- */

static _Atomic unsigned made;

static void make(push_feeds_t *of, const push_time_t *now, void *data)
{
    const push_feed_message_t message = {.event = named("stats"),
                                         .data = named("{}"),
                                         .urgency = PUSH_LOW,
                                         .ttl = 5000};

    (void)now;
    (void)data;
    ck_assert_int_eq(push_feed_publish(of, PUSH_FEED_STATS, &message),
                     PUSH_OK);
    atomic_fetch_add(&made, 1);
}

static push_feeds_t *start_source(void)
{
    push_feeds_options_t options = {
        .store = &g.store, .broker = &broker, .ttl = TTL_MS};
    push_feeds_t *started;

    options.sources[PUSH_FEED_STATS] = (push_feed_source_t){.every = 20,
                                                            .make = make};
    started = push_feeds_create(&options);
    ck_assert(started && push_feeds_start(started));
    return started;
}

/* Two threads stand for two children: the segment is all that they share. */
START_TEST(a_periodic_feed_is_made_by_one_of_all_and_only_for_a_follower)
{
    push_feeds_t *two[2] = {start_source(), start_source()};
    int64_t from = push_clock_now().mono;
    int64_t ms;

    usleep(60000);
    ck_assert_uint_eq(made, 0);
    ck_assert_int_eq(
        fixture_checkin(&g, "operator", "desk", "$stats", &follower), PUSH_OK);
    while (atomic_load(&made) < 20) {
        usleep(1000);
    }
    push_feeds_stop(two[0]);
    push_feeds_stop(two[1]);
    ms = push_clock_now().mono - from;
    ck_assert_int_le(made, ms / 20 + 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("the server's own channels");
    TCase *tc = unit_case(suite, "messages", 60);
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc,
                   a_receipt_is_a_cloud_event_with_the_message_and_its_device);
    tcase_add_test(tc, who_did_not_ask_gets_no_receipt);
    tcase_add_test(tc, with_nobody_listening_nothing_is_stored);
    tcase_add_test(tc, each_end_of_a_message_has_its_own_type);
    tcase_add_test(tc, a_device_has_one_receipt_of_a_message);
    tcase_add_test(tc, what_a_full_mailbox_drops_is_told_at_once);
    tcase_add_test(tc, the_end_of_a_channels_message_says_how_many_follow_it);
    tcase_add_test(tc, a_dead_letter_names_the_devices_that_missed_it);
    tcase_add_test(tc, what_one_device_acknowledged_is_no_dead_letter);
    tcase_add_test(tc, what_was_recalled_or_replaced_is_no_dead_letter);
    tcase_add_test(tc, a_device_that_comes_and_one_that_stays_away_are_told);
    tcase_add_test(tc, who_is_back_within_three_seconds_has_not_been_away);
    tcase_add_test(tc, a_device_that_is_forgotten_is_said_to_have_gone);
    tcase_add_test(tc, a_channel_is_occupied_and_vacated);
    tcase_add_test(tc, a_follower_hears_of_what_changes_from_then_on);
    tcase_add_test(tc, each_user_who_is_connected_to_a_channel_is_listed_once);
    tcase_add_test(tc, what_does_not_fit_is_counted_and_nobody_waits);
    tcase_add_test(
        tc, a_periodic_feed_is_made_by_one_of_all_and_only_for_a_follower);
    return unit_run(suite);
}
