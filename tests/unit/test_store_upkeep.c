#include "store/ops/pressure.h"
#include "store/upkeep/sweep.h"
#include "store/ops/view.h"
#include "core_suite.h"
#include "core_world.h"
#include "store_fixture.h"
#include "store/ops/keys.h"

#include <stdio.h>
#include <string.h>

/* Keys, sweeps and full memory. */

/* ---- idempotency keys ---- */

static push_status_t claim(const char *key, uint64_t request,
                           push_receipt_t *receipt)
{
    const push_claim_t wish = claim_of(&g.store, key, request);
    push_audience_t audience = {.kind = PUSH_LOG_USER, .name = named("u")};

    return push_store_key_claim(&g.store, &wish, &audience, &g.now, receipt);
}

static void done(const char *key, const push_receipt_t *receipt)
{
    const push_claim_t wish = claim_of(&g.store, key, 1);

    push_store_key_done(&g.store, &wish, receipt);
}

START_TEST(a_key_gives_the_first_answer_again_until_its_window_ends)
{
    push_receipt_t first = {.mid = 42, .recipients = 3};
    push_receipt_t again = {0};

    ck_assert_int_eq(claim("k", 1, &again), PUSH_OK);
    ck_assert_int_eq(claim("k", 1, &again), PUSH_KEY_BUSY);
    ck_assert_int_eq(claim("k", 2, &again), PUSH_KEY_REUSED);
    done("k", &first);
    ck_assert_int_eq(claim("k", 1, &again), PUSH_OVER);
    ck_assert_uint_eq(again.mid, 42);
    ck_assert_uint_eq(again.recipients, 3);
    ck_assert_int_eq(claim("k", 2, &again), PUSH_KEY_REUSED);
    fixture_pass(&g, 300000);
    ck_assert_int_eq(claim("k", 2, &again), PUSH_OK);
}
END_TEST

START_TEST(a_request_that_failed_gives_its_key_back)
{
    push_receipt_t receipt;

    ck_assert_int_eq(claim("k", 1, &receipt), PUSH_OK);
    done("k", NULL);
    ck_assert_int_eq(claim("k", 2, &receipt), PUSH_OK);
}
END_TEST

START_TEST(the_same_key_for_another_audience_is_another_key)
{
    static const struct {
        push_log_kind_t kind;
        const char *name, *device;
    } audiences[] = {{PUSH_LOG_USER, "u", ""},     {PUSH_LOG_USER, "v", ""},
                     {PUSH_LOG_USER, "u", "d"},    {PUSH_LOG_USER, "ud", ""},
                     {PUSH_LOG_CHANNEL, "u", ""},  {PUSH_LOG_CHANNEL, "v", ""},
                     {PUSH_LOG_BROADCAST, "", ""}, {PUSH_LOG_USER, "u", "dk"}};
    push_receipt_t receipt;

    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < sizeof(audiences) / sizeof(*audiences); i++) {
            push_publication_t publication = {
                .audience = {.kind = audiences[i].kind,
                             .name = named(audiences[i].name)},
                .spec = {.device = named(audiences[i].device)},
                .key = named("k")};
            push_claim_t wish;

            push_store_key_name(&g.store, &publication, &wish);
            ck_assert_int_eq(push_store_key_claim(&g.store, &wish,
                                                  &publication.audience,
                                                  &g.now, &receipt),
                             again ? PUSH_KEY_BUSY : PUSH_OK);
        }
    }
}
END_TEST

/* ---- sweeps ---- */

/* As a reactor does that has nothing to send. */
static void take_wakeups(void)
{
    uint32_t list = push_seat_devices(&g.store.seats.seats[0]);
    const push_device_t *device;

    do {
        device = push_seat_next_device(&g.store.seats, &list);
    } while (device);
}

static void sweep_all(void)
{
    take_wakeups();
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        push_store_sweep(&g.store, i, &g.now);
    }
}

START_TEST(after_sweeps_nothing_is_left_of_what_is_over)
{
    uint64_t used = g.store.segment->slab.used;
    push_receipt_t receipt;
    push_stream_ref_t stream_ref;
    push_stats_view_t stats;

    for (int i = 0; i < 20; i++) {
        char name[16];

        snprintf(name, sizeof(name), "u%d", i);
        stream_ref = open_stream(name, "d", name);
        fixture_publish(&g, PUSH_LOG_USER, name, "x", PUSH_HIGH);
        fixture_publish(&g, PUSH_LOG_CHANNEL, name, "x", PUSH_HIGH);
        fixture_flush(&g, &stream_ref);
        push_store_checkout(&g.store, &stream_ref, &g.now);
        ck_assert_int_eq(claim(name, 1, &receipt), PUSH_OK);
    }
    fixture_pass(&g, 300000);
    sweep_all();
    push_view_stats(&g.store, &stats);
    ck_assert_uint_eq(stats.devices, 20);
    fixture_pass(&g, 1800000);
    sweep_all();
    sweep_all();
    push_view_stats(&g.store, &stats);
    ck_assert_uint_eq(stats.devices, 0);
    ck_assert_uint_eq(stats.users, 0);
    ck_assert_uint_eq(stats.channels, 0);
    ck_assert_uint_eq(g.store.segment->slab.used, used);
}
END_TEST

/* What was granted was granted by the monotonic clock. */
START_TEST(a_wall_clock_set_by_a_day_ends_nothing)
{
    static const int64_t days[] = {86400000, -2 * (int64_t)86400000};
    push_stream_ref_t away = open_stream("u", "away", "c");
    push_stream_ref_t here = open_stream("u", "here", "c");
    push_receipt_t receipt = {.mid = 7};
    push_stats_view_t stats;

    push_store_checkout(&g.store, &away, &g.now);
    ck_assert_int_eq(claim("k", 1, &receipt), PUSH_OK);
    done("k", &receipt);
    for (int i = 0; i < 2; i++) {
        fixture_publish(&g, PUSH_LOG_USER, "u", i ? "b" : "a", PUSH_HIGH);
        g.now.wall += days[i];
        sweep_all();
        ck_assert_int_eq(claim("k", 1, &receipt), PUSH_OVER);
    }
    fixture_publish(&g, PUSH_LOG_USER, "u", "c", PUSH_HIGH);
    push_view_stats(&g.store, &stats);
    ck_assert_uint_eq(stats.devices, 2);
    ck_assert_uint_eq(fixture_count(&g, PUSH_TOTAL_EXPIRED), 0);
    ck_assert_str_eq(fixture_flush(&g, &here), "1=a 2=b 3=c");
    away = open_stream("u", "away", "c");
    ck_assert_str_eq(fixture_flush(&g, &away), "1=a 2=b 3=c");
}
END_TEST

START_TEST(a_device_whose_process_is_gone_is_not_connected)
{
    push_stream_ref_t stream_ref = open_stream("u", "d", "c");

    (void)stream_ref;
    push_seat_leave(&g.store.seats, 0);
    sweep_all();
    fixture_publish(&g, PUSH_LOG_USER, "u", "x", PUSH_HIGH);
    ck_assert_uint_eq(g.receipt.recipients, 1);
    ck_assert_uint_eq(g.receipt.connected, 0);
    fixture_publish(&g, PUSH_LOG_CHANNEL, "c", "x", PUSH_HIGH);
    ck_assert_uint_eq(g.receipt.connected, 0);
}
END_TEST

/* ---- deaths ---- */

static int do_nothing(void *data)
{
    (void)data;
    return 0;
}

/* A seat whose process has died, and nobody knows yet. */
static unsigned dead_seat(void)
{
    pid_t pid = child_start(do_nothing, NULL);
    int seat;

    child_expect(pid);
    seat = push_seat_claim(&g.store.seats, (uint32_t)pid);
    ck_assert_int_gt(seat, 0);
    return (unsigned)seat;
}

/* True if our reactor is woken for the device; its list is empty then. */
static bool has_news(const push_stream_ref_t *stream_ref)
{
    const push_device_t *wanted = push_store_device_at(&g.store,
                                                       stream_ref->device);
    uint32_t list = push_seat_devices(&g.store.seats.seats[0]);
    const push_device_t *device;
    bool found = false;

    do {
        device = push_seat_next_device(&g.store.seats, &list);
        found = found || device == wanted;
    } while (device);
    return found;
}

static void publish_to_u(const char *text)
{
    ck_assert_int_eq(
        fixture_publish(&g, PUSH_LOG_USER, "u", text, PUSH_NORMAL), PUSH_OK);
}

static void sweep_in_turn(void)
{
    push_store_sweep_soon(g.base);
    ck_assert(push_store_sweep_due(&g.store, &g.now));
}

/* The device stands in the list of the dead: nothing else wakes it. */
START_TEST(a_device_that_left_a_reactor_before_its_death_is_woken_where_it_is)
{
    push_stream_ref_t stream_ref = open_stream("u", "d", NULL);

    ck_assert(push_store_move(&g.store, &stream_ref, dead_seat()));
    publish_to_u("before");
    stream_ref = open_stream("u", "d", NULL);
    publish_to_u("after");
    ck_assert(!has_news(&stream_ref));
    sweep_in_turn();
    ck_assert(has_news(&stream_ref));
}
END_TEST

/* Two go from a reactor, in whose list they stand, to one that dies. */
START_TEST(the_death_of_a_reactor_does_not_cut_the_list_of_another)
{
    push_stream_ref_t first = open_stream("u", "first", NULL);
    push_stream_ref_t between = open_stream("u", "between", NULL);
    push_stream_ref_t last = open_stream("u", "last", NULL);
    unsigned seat = dead_seat();

    publish_to_u("news");
    ck_assert(push_store_move(&g.store, &first, seat));
    ck_assert(push_store_move(&g.store, &last, seat));
    sweep_in_turn();
    ck_assert(has_news(&between));
}
END_TEST

/* ---- full memory ---- */

static char kilobyte[1025];

static push_status_t say(const char *user, push_urgency_t urgency)
{
    memset(kilobyte, 'x', sizeof(kilobyte) - 1);
    return fixture_publish(&g, PUSH_LOG_USER, user, kilobyte, urgency);
}

START_TEST(full_memory_refuses_low_drops_the_oldest_low_and_takes_high)
{
    push_stream_ref_t stream_ref = open_stream("u", "d", NULL);
    uint32_t low = 0;

    g.store.limits.max_pending = 100000;
    while (say("u", PUSH_LOW) == PUSH_OK) {
        low++;
        fixture_pass(&g, 1);
        NEEDS(low < 10000, "memory never fills");
    }
    ck_assert_uint_gt(low, 1000);
    ck_assert(push_pressure_above(&g.store, 85));
    for (int i = 0; i < 50; i++) {
        fixture_pass(&g, 1);
        ck_assert_int_eq(say("u", PUSH_NORMAL), PUSH_OK);
        ck_assert_int_eq(say("u", PUSH_HIGH), PUSH_OK);
    }
    ck_assert_uint_gt(fixture_count(&g, PUSH_TOTAL_EVICTED), 0);
    fixture_flush(&g, &stream_ref);
    ck_assert_uint_eq(g.delivery.gaps_count, 1);
    ck_assert_int_eq(g.delivery.gaps[0].urgency, PUSH_LOW);
    ck_assert_uint_eq(g.delivery.gaps[0].dropped,
                      fixture_count(&g, PUSH_TOTAL_EVICTED));
    ck_assert_int_eq(push_message_urgency(g.delivery.picks[0].message),
                     PUSH_HIGH);
}
END_TEST

START_TEST(memory_full_of_high_serves_again_when_their_time_is_over)
{
    uint32_t high = 0;

    g.store.limits.max_pending = 100000;
    open_stream("u", "d", NULL);
    while (say("u", PUSH_HIGH) == PUSH_OK) {
        high++;
        NEEDS(high < 10000, "memory never fills");
    }
    ck_assert(push_pressure_above(&g.store, 85));
    fixture_pass(&g, 300000);
    sweep_all();
    ck_assert_int_eq(say("u", PUSH_LOW), PUSH_OK);
    ck_assert(!push_pressure_above(&g.store, 50));
}
END_TEST

static push_status_t say_to_stranger(int i, push_urgency_t urgency)
{
    char name[16];

    snprintf(name, sizeof(name), "s%d", i);
    return fixture_publish(&g, PUSH_LOG_USER, name, "x", urgency);
}

START_TEST(a_flood_for_users_who_never_come_does_not_stop_the_others)
{
    push_stream_ref_t stream_ref = open_stream("u", "d", NULL);
    push_stats_view_t stats;

    for (int i = 0; i < 40000; i++) {
        char sent[32];

        fixture_pass(&g, 1);
        ck_assert_int_eq(say_to_stranger(i, PUSH_NORMAL), PUSH_OK);
        if (i % 100 == 0) {
            snprintf(sent, sizeof(sent), "%d=u", i / 100 + 1);
            ck_assert_int_eq(fixture_publish(&g, PUSH_LOG_USER, "u", "u",
                                             PUSH_NORMAL),
                             PUSH_OK);
            ck_assert_str_eq(fixture_flush(&g, &stream_ref), sent);
            fixture_ack(&g, "u", &stream_ref, (uint64_t)i / 100 + 1);
            take_wakeups();
        }
    }
    push_view_stats(&g.store, &stats);
    ck_assert_uint_lt(stats.users, 30000);
    /* The first is forgotten, and told nevertheless; the last is not. */
    stream_ref = open_stream("s0", "d", NULL);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "!normal:1");
    stream_ref = open_stream("s39999", "d", NULL);
    ck_assert_ptr_nonnull(strstr(fixture_flush(&g, &stream_ref), "1=x"));
}
END_TEST

static bool is_known(int i)
{
    char name[16];
    push_name_t at;

    snprintf(name, sizeof(name), "s%d", i);
    at = push_store_name(&g.store, named(name));
    return push_store_user(&g.store, &at, false);
}

/* What a stranger is told who comes. */
static const char *told_to(int i)
{
    char name[16];
    push_stream_ref_t stream_ref;

    snprintf(name, sizeof(name), "s%d", i);
    stream_ref = open_stream(name, "d", NULL);
    return fixture_flush(&g, &stream_ref);
}

/* Two messages have no room, and a third one lives for a second only. */
static void lose_two(int i)
{
    char name[16];
    push_audience_t audience = {.kind = PUSH_LOG_USER};
    push_message_spec_t d = spec_urgent("x", PUSH_NORMAL);

    snprintf(name, sizeof(name), "s%d", i);
    audience.name = named(name);
    d.ttl = 1000;
    g.store.limits.max_pending = 1;
    say_to_stranger(i, PUSH_NORMAL);
    say_to_stranger(i, PUSH_NORMAL);
    ck_assert_int_eq(
        store_publish(&g.store, &audience, &d, &g.now, &g.receipt), PUSH_OK);
    g.store.limits.max_pending = 100000;
    fixture_pass(&g, 1);
}

#define LOSERS 5000 /* what is left of each takes 160 bytes */

START_TEST(of_what_was_lost_the_oldest_is_forgotten_first_and_up_to_a_bound)
{
    int most = (int)(push_slab_size(&g.store.slab) / 16 / 160);
    int old = 0, young = 0;

    for (int i = 0; i < LOSERS; i++) {
        fixture_pass(&g, i == LOSERS / 2 ? 60000 : 0);
        lose_two(i);
    }
    fixture_pass(&g, 1001);
    sweep_all();
    ck_assert_uint_eq(fixture_count(&g, PUSH_TOTAL_EVICTED), 2 * LOSERS);
    while (!g.store.segment->walks) {
        ck_assert_int_eq(say("u", PUSH_HIGH), PUSH_OK);
    }
    for (int i = 0; i < LOSERS / 2; i++) {
        old += is_known(i);
        young += is_known(LOSERS / 2 + i);
    }
    ck_assert_int_eq(old, 0);
    ck_assert_int_le(young, most);
    ck_assert_int_ge(young, most - 1);
    ck_assert_str_eq(told_to(LOSERS - 1), "!normal:2");
    ck_assert_str_eq(told_to(0), "!normal:1");
}
END_TEST

START_TEST(strangers_are_told_no_longer_than_what_was_dropped_would_live)
{
    push_stream_ref_t stream_ref;

    for (int i = 0; i < 40000; i++) {
        fixture_pass(&g, 1);
        say_to_stranger(i, PUSH_NORMAL);
    }
    ck_assert_uint_gt(fixture_count(&g, PUSH_TOTAL_EVICTED), 0);
    fixture_pass(&g, 300000);
    stream_ref = open_stream("s0", "d", NULL);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "");
}
END_TEST

/* What was published meanwhile to its channels nobody kept for it. */
START_TEST(a_device_whose_context_went_for_a_newer_one_is_told)
{
    push_stream_ref_t old = open_stream("u", "old", "c");
    char name[16];

    push_store_checkout(&g.store, &old, &g.now);
    for (unsigned i = 0; i < PUSH_DEVICES_MAX; i++) {
        push_stream_ref_t stream_ref;

        fixture_pass(&g, 1);
        snprintf(name, sizeof(name), "new%u", i);
        stream_ref = open_stream("u", name, NULL);
        ck_assert_str_eq(fixture_flush(&g, &stream_ref), "");
        push_store_checkout(&g.store, &stream_ref, &g.now);
    }
    fixture_publish(&g, PUSH_LOG_CHANNEL, "c", "missed", PUSH_HIGH);
    old = open_stream("u", "old", "c");
    ck_assert_int_eq(push_delivery_begin(&g.store, &old, &g.now, &g.delivery),
                     PUSH_OK);
    ck_assert_uint_eq(g.delivery.gaps_count, 1);
    ck_assert_int_eq(g.delivery.gaps[0].reason, PUSH_GAP_STATE_LOST);
}
END_TEST

START_TEST(who_is_refused_for_want_of_memory_walks_no_shard)
{
    uint32_t walks;
    int i = 0;

    while (say_to_stranger(i, PUSH_HIGH) == PUSH_OK) {
        i++;
        NEEDS(i < 100000, "memory never fills");
    }
    say_to_stranger(i, PUSH_NORMAL);
    walks = g.store.segment->walks;
    for (int j = 0; j < 1000; j++) {
        fixture_pass(&g, 1);
        ck_assert_int_eq(say_to_stranger(i, PUSH_NORMAL), PUSH_NO_MEMORY);
    }
    ck_assert_uint_eq(g.store.segment->walks, walks);
    /* A sweep looks again for them. */
    push_pressure_relieve_starved(&g.store, &g.now);
    ck_assert_uint_gt(g.store.segment->walks, walks);
}
END_TEST

/* What they bring into being is not more urgent than a normal message. */
START_TEST(check_ins_leave_the_reserve_to_what_is_high)
{
    push_stream_ref_t known = open_stream("u", "d", "c"), stream_ref;
    push_status_t status;
    int i = 0;

    g.store.limits.channels = UINT32_MAX;
    do {
        char name[16];

        snprintf(name, sizeof(name), "s%d", i++);
        status = fixture_checkin(&g, name, "d", name, &stream_ref);
        NEEDS(i < 100000, "memory never fills");
    } while (status == PUSH_OK);
    ck_assert_int_eq(status, PUSH_NO_MEMORY);
    ck_assert(!push_pressure_above(&g.store, 91));
    ck_assert_int_eq(fixture_publish(&g, PUSH_LOG_USER, "u", "x", PUSH_HIGH),
                     PUSH_OK);
    ck_assert_str_eq(fixture_flush(&g, &known), "1=x");
    /* Who is known may come back all the same. */
    ck_assert_int_eq(fixture_checkin(&g, "u", "d", "c", &known), PUSH_OK);
    ck_assert_int_eq(fixture_checkin(&g, "u", "e", "c", &stream_ref),
                     PUSH_NO_MEMORY);
    ck_assert_int_eq(fixture_checkin(&g, "u", "d", "new", &stream_ref),
                     PUSH_NO_MEMORY);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("upkeep");
    TCase *keys = unit_case(suite, "keys", 60);
    TCase *sweep = unit_case(suite, "sweep", 60);
    TCase *full = unit_case(suite, "pressure", 60);

    tcase_add_checked_fixture(keys, store_begin, store_end);
    tcase_add_checked_fixture(sweep, store_begin, store_end);
    tcase_add_checked_fixture(full, store_begin, store_end);
    tcase_add_test(keys,
                   a_key_gives_the_first_answer_again_until_its_window_ends);
    tcase_add_test(keys, a_request_that_failed_gives_its_key_back);
    tcase_add_test(keys, the_same_key_for_another_audience_is_another_key);
    tcase_add_test(sweep, after_sweeps_nothing_is_left_of_what_is_over);
    tcase_add_test(sweep, a_wall_clock_set_by_a_day_ends_nothing);
    tcase_add_test(sweep, a_device_whose_process_is_gone_is_not_connected);
    tcase_add_test(
        sweep,
        a_device_that_left_a_reactor_before_its_death_is_woken_where_it_is);
    tcase_add_test(sweep,
                   the_death_of_a_reactor_does_not_cut_the_list_of_another);
    tcase_add_test(
        full, full_memory_refuses_low_drops_the_oldest_low_and_takes_high);
    tcase_add_test(full,
                   memory_full_of_high_serves_again_when_their_time_is_over);
    tcase_add_test(full,
                   a_flood_for_users_who_never_come_does_not_stop_the_others);
    tcase_add_test(
        full,
        of_what_was_lost_the_oldest_is_forgotten_first_and_up_to_a_bound);
    tcase_add_test(
        full, strangers_are_told_no_longer_than_what_was_dropped_would_live);
    tcase_add_test(full, a_device_whose_context_went_for_a_newer_one_is_told);
    tcase_add_test(full, who_is_refused_for_want_of_memory_walks_no_shard);
    tcase_add_test(full, check_ins_leave_the_reserve_to_what_is_high);
    return unit_run(suite);
}
