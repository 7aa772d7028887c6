#include "core/event.h"
#include "core_suite.h"
#include "store/shard/copy.h"
#include "store/shard/shard.h"
#include "store/upkeep/validate.h"
#include "store_cluster.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What a cluster has stored is put into the logs of a node. */

static fixture_t g;

static void begin(void)
{
    node_init(&g, (size_t)4 << 20);
}

static void end(void)
{
    fixture_cleanup(&g);
}

static push_stream_ref_t ada_comes(void)
{
    node_follow(&g, "uada", 100);
    return node_come(&g, "ada", "d", NULL, 1);
}

START_TEST(what_is_applied_is_delivered_under_the_mid_of_its_tick)
{
    push_stream_ref_t ada = ada_comes();

    ck_assert_int_eq(node_say(&g, "uada", 101, "a"), PUSH_APPLIED);
    ck_assert_int_eq(node_say(&g, "uada", 105, "b"), PUSH_APPLIED);
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=a 2=b");
    ck_assert_uint_eq(g.delivery.picks[1].message->mid,
                      node_mid(&g, "uada", 105));
    ck_assert_uint_eq(push_mid_shard(g.delivery.picks[1].message->mid),
                      push_store_name(&g.store, named("ada")).shard);
}
END_TEST

START_TEST(an_entry_that_comes_twice_is_applied_once)
{
    push_stream_ref_t ada = ada_comes();

    node_say(&g, "uada", 101, "a");
    node_say(&g, "uada", 102, "b");
    ck_assert_int_eq(node_say(&g, "uada", 101, "a"), PUSH_APPLY_REPEATED);
    ck_assert_int_eq(node_say(&g, "uada", 102, "b"), PUSH_APPLY_REPEATED);
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=a 2=b");
}
END_TEST

START_TEST(a_log_that_is_not_followed_is_passed_over)
{
    ck_assert_int_eq(node_say(&g, "ueve", 101, "a"), PUSH_APPLY_UNKNOWN);
    ck_assert_int_eq(node_say(&g, "cnews", 101, "a"), PUSH_APPLY_UNKNOWN);
    ck_assert_ptr_null(
        push_store_user(&g.store, &(push_name_t){named("eve"), 0, 0}, false));
}
END_TEST

START_TEST(channels_and_the_broadcast_are_applied_too)
{
    push_stream_ref_t ada;

    node_follow(&g, "uada", 100);
    node_follow(&g, "cnews", 100);
    ada = node_come(&g, "ada", "d", "news", 1);
    ck_assert_int_eq(node_say(&g, "cnews", 101, "c"), PUSH_APPLIED);
    ck_assert_int_eq(node_say(&g, "b", 102, "all"), PUSH_APPLIED);
    ck_assert_int_eq(node_say(&g, "uada", 103, "u"), PUSH_APPLIED);
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=c 2=all 3=u");
}
END_TEST

START_TEST(a_newer_message_of_a_topic_replaces_the_older_one)
{
    push_stream_ref_t ada = ada_comes();

    for (uint64_t tick = 101; tick < 104; tick++) {
        node_apply(&g, &(order_t){.log = "uada",
                                  .tick = tick,
                                  .text = tick == 103 ? "new" : "old",
                                  .urgency = PUSH_NORMAL,
                                  .topic = "eta"});
    }
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=new");
}
END_TEST

START_TEST(a_message_for_one_device_goes_to_no_other)
{
    push_stream_ref_t one = ada_comes();
    push_stream_ref_t two = node_come(&g, "ada", "e", NULL, 1);

    node_apply(&g, &(order_t){.log = "uada",
                              .tick = 101,
                              .text = "for e",
                              .urgency = PUSH_HIGH,
                              .device = "e"});
    ck_assert_str_eq(fixture_flush(&g, &one), "");
    ck_assert_str_eq(fixture_flush(&g, &two), "1=for e");
}
END_TEST

/* Which comes first, a stream or a message, is known to a second. */
START_TEST(ttl_0_reaches_streams_that_are_open_alone)
{
    push_stream_ref_t ada = ada_comes();
    push_stream_ref_t late;

    node_apply(&g, &(order_t){.log = "uada",
                              .tick = 101,
                              .text = "now",
                              .urgency = PUSH_NORMAL,
                              .ttl = -1});
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=now");
    fixture_pass(&g, 1000);
    late = node_come(&g, "ada", "late", NULL, 1);
    ck_assert_str_eq(fixture_flush(&g, &late), "");
}
END_TEST

/* The clock of its partition is behind, or that of another one ahead. */
START_TEST(ttl_0_of_a_channel_with_a_clock_behind_reaches_a_new_stream)
{
    push_stream_ref_t ada;

    node_follow(&g, "uada", (uint64_t)1 << 40);
    node_follow(&g, "cnews", 100);
    ada = node_come(&g, "ada", "d", "news", 1);
    node_apply(&g, &(order_t){.log = "cnews",
                              .tick = 101,
                              .text = "now",
                              .urgency = PUSH_NORMAL,
                              .ttl = -1});
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=now");
}
END_TEST

START_TEST(a_full_mailbox_refuses_and_the_log_keeps_it_for_others)
{
    push_stream_ref_t ada = ada_comes();
    push_stream_ref_t other;

    g.store.limits.max_pending = 2;
    for (uint64_t tick = 101; tick < 103; tick++) {
        node_apply(&g, &(order_t){.log = "uada",
                                  .tick = tick,
                                  .text = "high",
                                  .urgency = PUSH_HIGH});
    }
    ck_assert_int_eq(node_say(&g, "uada", 103, "x"), PUSH_APPLIED);
    ck_assert_str_eq(fixture_flush(&g, &ada), "!normal:1 1=high 2=high");
    other = node_come(&g, "ada", "e", NULL, 1);
    ck_assert_str_eq(fixture_flush(&g, &other), "1=high 2=high 3=x");
}
END_TEST

START_TEST(a_lane_of_a_channel_keeps_its_own_history)
{
    push_stream_ref_t ada;

    node_follow(&g, "uada", 100);
    node_follow(&g, "cnews", 100);
    g.store.limits.history = 2;
    ada = node_come(&g, "ada", "d", "news", 1);
    for (uint64_t tick = 101; tick < 105; tick++) {
        node_say(&g, "cnews", tick, tick % 2 ? "odd" : "even");
    }
    node_apply(&g, &(order_t){.log = "cnews",
                              .tick = 105,
                              .text = "high",
                              .urgency = PUSH_HIGH});
    ck_assert_str_eq(fixture_flush(&g, &ada), "!normal:2 1=high 2=odd 3=even");
}
END_TEST

START_TEST(what_is_recalled_is_not_delivered)
{
    push_stream_ref_t ada = ada_comes();
    push_applied_t entries[3] = {
        said(&g, "uada", 101, "a"), said(&g, "uada", 102, "b"),
        recall_of("uada", 103, node_mid(&g, "uada", 101))};

    ck_assert_uint_eq(push_store_apply(&g.store, NULL, entries, 3, &g.now), 0);
    ck_assert_int_eq(entries[2].outcome, PUSH_APPLIED);
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=b");
}
END_TEST

/* By two versions: that of its form, and one that is cut. */
START_TEST(a_record_that_cannot_be_read_is_passed_over)
{
    push_stream_ref_t ada = ada_comes();
    push_applied_t entries[3] = {said(&g, "uada", 101, "a"),
                                 said(&g, "uada", 102, "b"),
                                 said(&g, "uada", 103, "c")};

    ((char *)entries[0].record.at)[7] ^= 0x40;
    entries[1].record.len -= 1;
    ck_assert_uint_eq(push_store_apply(&g.store, NULL, entries, 3, &g.now), 0);
    ck_assert_int_eq(entries[0].outcome, PUSH_APPLY_UNREADABLE);
    ck_assert_int_eq(entries[1].outcome, PUSH_APPLY_UNREADABLE);
    ck_assert_int_eq(entries[2].outcome, PUSH_APPLIED);
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=c");
}
END_TEST

START_TEST(a_record_of_another_kind_of_log_is_passed_over)
{
    push_applied_t entry;

    ada_comes();
    node_follow(&g, "cada", 100);
    entry = said(&g, "cada", 101, "a");
    entry.log = named("uada");
    push_store_apply(&g.store, NULL, &entry, 1, &g.now);
    ck_assert_int_eq(entry.outcome, PUSH_APPLY_UNREADABLE);
}
END_TEST

START_TEST(a_shard_that_is_stuck_does_not_hold_up_the_others)
{
    push_applied_t entries[3];
    push_stream_ref_t bob;
    unsigned shard;
    pthread_mutex_t *lock;

    ada_comes();
    node_follow(&g, "ubob", 100);
    bob = node_come(&g, "bob", "d", NULL, 1);
    shard = push_store_name(&g.store, named("ada")).shard;
    ck_assert_uint_ne(shard, push_store_name(&g.store, named("bob")).shard);
    entries[0] = said(&g, "uada", 101, "a");
    entries[1] = said(&g, "uada", 102, "b");
    entries[2] = said(&g, "ubob", 101, "c");
    lock = &g.store.shards[shard].lock;
    ck_assert_int_eq(pthread_mutex_lock(lock), 0);
    ck_assert_uint_eq(push_store_apply(&g.store, NULL, entries, 3, &g.now), 2);
    pthread_mutex_unlock(lock);
    ck_assert_int_eq(entries[0].outcome, PUSH_APPLY_BUSY);
    ck_assert_int_eq(entries[1].outcome, PUSH_APPLY_BUSY);
    ck_assert_int_eq(entries[2].outcome, PUSH_APPLIED);
    ck_assert_str_eq(fixture_flush(&g, &bob), "1=c");
    ck_assert_uint_eq(push_store_apply(&g.store, NULL, entries, 2, &g.now), 0);
    ck_assert_int_eq(entries[1].outcome, PUSH_APPLIED);
}
END_TEST

START_TEST(who_was_overtaken_applies_nothing)
{
    push_stream_ref_t ada = ada_comes();
    push_applied_t entries[2] = {said(&g, "uada", 101, "a"),
                                 said(&g, "uada", 102, "b")};
    push_lead_t lead = {.term = 7};
    const push_lead_ref_t before = {&lead, 6}, now = {&lead, 7};

    ck_assert_uint_eq(push_store_apply(&g.store, &before, entries, 2, &g.now),
                      0);
    ck_assert_int_eq(entries[0].outcome, PUSH_APPLY_OVERTAKEN);
    ck_assert_int_eq(entries[1].outcome, PUSH_APPLY_OVERTAKEN);
    ck_assert_str_eq(fixture_flush(&g, &ada), "");
    ck_assert_uint_eq(push_store_apply(&g.store, &now, entries, 2, &g.now), 0);
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=a 2=b");
}
END_TEST

/* A shard that is stuck until another one's message stands in its log. */
typedef struct {
    pthread_mutex_t *lock;
    pthread_t thread;
    pthread_barrier_t begun, over;
    bool held;
} stuck_t;

static void *hold(void *data)
{
    stuck_t *stuck = data;

    pthread_mutex_lock(stuck->lock);
    pthread_barrier_wait(&stuck->begun);
    pthread_barrier_wait(&stuck->over);
    pthread_mutex_unlock(stuck->lock);
    return NULL;
}

static void let_go(void *data, const push_event_t *event)
{
    stuck_t *stuck = data;

    (void)event;
    if (stuck->held) {
        stuck->held = false;
        pthread_barrier_wait(&stuck->over);
        pthread_join(stuck->thread, NULL);
    }
}

static void begin_to_hold(stuck_t *stuck, const char *user)
{
    const push_listener_t listener = {
        .kinds = PUSH_EVENT_BIT(PUSH_EVENT_PUBLISHED),
        .tell = let_go,
        .data = stuck};
    unsigned shard = push_store_name(&g.store, named(user)).shard;

    stuck->lock = &g.store.shards[shard].lock;
    stuck->held = true;
    pthread_barrier_init(&stuck->begun, NULL, 2);
    pthread_barrier_init(&stuck->over, NULL, 2);
    ck_assert(push_events_listen(&g.store.events, &listener));
    ck_assert_int_eq(pthread_create(&stuck->thread, NULL, hold, stuck), 0);
    pthread_barrier_wait(&stuck->begun);
}

START_TEST(nothing_gets_into_a_log_before_what_was_passed_over)
{
    push_applied_t entries[3];
    push_stream_ref_t ada = ada_comes();
    stuck_t stuck;

    node_follow(&g, "ubob", 100);
    entries[0] = said(&g, "uada", 101, "a");
    entries[1] = said(&g, "ubob", 101, "b");
    entries[2] = said(&g, "uada", 102, "c");
    begin_to_hold(&stuck, "ada");
    ck_assert_uint_eq(push_store_apply(&g.store, NULL, entries, 3, &g.now), 1);
    ck_assert_int_eq(entries[0].outcome, PUSH_APPLY_BUSY);
    ck_assert_int_eq(entries[1].outcome, PUSH_APPLIED);
    ck_assert_int_eq(entries[2].outcome, PUSH_APPLY_BEHIND);
    ck_assert_str_eq(fixture_flush(&g, &ada), "");
}
END_TEST

/* Fills the memory with what nobody reads but one who is told of a loss. */
static unsigned fill(const char *log, uint64_t tick, char *large)
{
    unsigned lost = 0;

    for (unsigned i = 0; i < 200; i++) {
        push_apply_t outcome = node_apply(&g, &(order_t){.log = log,
                                                         .tick = tick + i,
                                                         .text = large,
                                                         .urgency = PUSH_LOW});

        ck_assert(outcome == PUSH_APPLIED || outcome == PUSH_APPLY_LOST);
        lost += outcome == PUSH_APPLY_LOST;
    }
    return lost;
}

static uint32_t gaps_told(push_stream_ref_t *stream_ref)
{
    uint32_t dropped = 0;

    ck_assert_ptr_nonnull(fixture_flush(&g, stream_ref));
    for (unsigned i = 0; i < g.delivery.gaps_count; i++) {
        dropped += g.delivery.gaps[i].dropped;
    }
    return dropped;
}

static const char *const audiences[] = {"uada", "cnews"};

START_TEST(what_finds_no_memory_is_a_gap_and_never_a_stop)
{
    size_t size = 60000;
    char *large = malloc(size + 1);
    uint32_t received = 0, told = 0;
    push_stream_ref_t ada;

    memset(large, 'x', size);
    large[size] = '\0';
    node_follow(&g, "uada", 100);
    node_follow(&g, "cnews", 100);
    ada = node_come(&g, "ada", "d", "news", 1);
    ck_assert_uint_gt(fill(audiences[_i], 101, large), 0);
    for (int i = 0; i < 400; i++) {
        push_cursor_t at = {.seq = 0};

        told += gaps_told(&ada);
        received += g.delivery.count;
        if (!g.delivery.count) {
            break;
        }
        at.seq = g.delivery.picks[g.delivery.count - 1].seq;
        ck_assert_int_eq(fixture_ack(&g, "ada", &ada, at.seq), PUSH_OK);
    }
    ck_assert_uint_eq(received + told, 200);
    free(large);
}
END_TEST

START_TEST(on_one_machine_no_log_is_applied_to_and_nothing_is_larger)
{
    fixture_t alone;
    push_applied_t entry;
    push_stream_ref_t ada;
    push_name_t name;

    fixture_init(&alone, (size_t)4 << 20);
    ck_assert_int_eq(fixture_checkin(&alone, "ada", "d", NULL, &ada), PUSH_OK);
    entry = said(&g, "uada", 101, "a");
    push_store_apply(&alone.store, NULL, &entry, 1, &alone.now);
    ck_assert_int_eq(entry.outcome, PUSH_APPLY_UNKNOWN);
    name = push_store_name(&alone.store, named("ada"));
    ck_assert_ptr_null(push_log_copy(
        &alone.store, &push_store_user(&alone.store, &name, false)->log));
    ck_assert_uint_eq(push_copy_room(alone.store.segment, 1000), 0);
    fixture_cleanup(&alone);
}
END_TEST

START_TEST(a_node_does_not_publish_by_itself)
{
    ada_comes();
    ck_assert_int_eq(fixture_publish(&g, PUSH_LOG_USER, "ada", "x",
                                     PUSH_NORMAL),
                     PUSH_NO_STATE);
}
END_TEST

START_TEST(names_of_logs_are_users_channels_and_the_broadcast)
{
    static const struct {
        const char *log;
        bool valid;
        push_log_kind_t kind;
    } names[] = {{"uada", true, PUSH_LOG_USER},
                 {"cnews", true, PUSH_LOG_CHANNEL},
                 {"b", true, PUSH_LOG_BROADCAST},
                 {"u", false, 0},
                 {"c", false, 0},
                 {"bx", false, 0},
                 {"", false, 0},
                 {"xada", false, 0}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        push_log_kind_t kind;
        push_text_t name;

        ck_assert_int_eq(push_log_name_parse(named(names[i].log), &kind,
                                             &name),
                         names[i].valid);
        if (names[i].valid) {
            ck_assert_int_eq(kind, names[i].kind);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("apply");
    TCase *tc = unit_case(suite, "apply", 30);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, what_is_applied_is_delivered_under_the_mid_of_its_tick);
    tcase_add_test(tc, an_entry_that_comes_twice_is_applied_once);
    tcase_add_test(tc, a_log_that_is_not_followed_is_passed_over);
    tcase_add_test(tc, channels_and_the_broadcast_are_applied_too);
    tcase_add_test(tc, a_newer_message_of_a_topic_replaces_the_older_one);
    tcase_add_test(tc, a_message_for_one_device_goes_to_no_other);
    tcase_add_test(tc, ttl_0_reaches_streams_that_are_open_alone);
    tcase_add_test(
        tc, ttl_0_of_a_channel_with_a_clock_behind_reaches_a_new_stream);
    tcase_add_test(tc, a_full_mailbox_refuses_and_the_log_keeps_it_for_others);
    tcase_add_test(tc, a_lane_of_a_channel_keeps_its_own_history);
    tcase_add_test(tc, what_is_recalled_is_not_delivered);
    tcase_add_test(tc, a_record_that_cannot_be_read_is_passed_over);
    tcase_add_test(tc, a_record_of_another_kind_of_log_is_passed_over);
    tcase_add_test(tc, a_shard_that_is_stuck_does_not_hold_up_the_others);
    tcase_add_test(tc, who_was_overtaken_applies_nothing);
    tcase_add_test(tc, nothing_gets_into_a_log_before_what_was_passed_over);
    tcase_add_row_test(tc, what_finds_no_memory_is_a_gap_and_never_a_stop,
                       audiences);
    tcase_add_test(tc,
                   on_one_machine_no_log_is_applied_to_and_nothing_is_larger);
    tcase_add_test(tc, a_node_does_not_publish_by_itself);
    tcase_add_test(tc, names_of_logs_are_users_channels_and_the_broadcast);
    return unit_run(suite);
}
