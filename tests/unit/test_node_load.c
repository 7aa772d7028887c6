/*
 * A log that comes from Redis in several pieces: loaded by an errand, or asked
 * for since its partition is suspect.
 */

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "broker/node/followers.h"
#include "broker/node/linger.h"
#include "broker/node/load.h"
#include "broker/node/masters.h"
#include "broker/node/resync.h"
#include "harness/case.h"
#include "harness/keep.h"
#include "harness/wait.h"
#include "library_kit.h"
#include "redis/courier.h"
#include "store/ops/apply_internal.h"
#include "store/ops/unfollow.h"
#include "store/shard/shard.h"
#include "store_cluster.h"

#define MESSAGES 330u
#define BYTES    10000u
#define LOG      "uanna"

/* A node without threads but the courier's, and its Redis. */
static struct {
    fixture_t g;
    struct library *library;
    int64_t now; /* of the library */
    push_redis_settings_t settings;
    push_cluster_words_t words;
    push_cluster_t cluster;
    uint64_t ticks[MESSAGES];
} node;

static void stop(void *courier)
{
    push_courier_stop(courier);
}

static void set_up(void)
{
    const push_client_hooks_t hooks = {.data = NULL};
    char why[PUSH_REDIS_WHY] = "";

    memset(&node, 0, sizeof(node));
    node.library = library_start_clock(&node.now);
    node_init(&node.g, (size_t)32 << 20);
    ck_assert(push_cluster_words_create(&node.words));
    atomic_store(&node.words.owner, push_owner_make(1, 1));
    ck_assert_msg(push_redis_settings_add(&node.settings,
                                          redis_url(node.library->redis), why),
                  "%s", why);
    node.cluster = (push_cluster_t){
        .store = &node.g.store, .words = &node.words, .prefix = TEXT("push:")};
    node.cluster.courier = keep(push_courier_start(&node.settings, &hooks),
                                stop);
    node.library->home.partition = push_log_partition(&node.g.store,
                                                      named(LOG));
}

static uint64_t say(const char *text)
{
    push_publish_call_t call = library_message(node.library, LOG, "");
    push_applied_t entry = said(&node.g, LOG, 1, text);

    call.record = entry.record;
    call.ttl = 3600000;
    return library_publish(node.library, &call).tick;
}

/* More than one answer takes, or two. */
static void say_much(void)
{
    char *text = calloc(1, BYTES + 1);

    memset(text, 'x', BYTES);
    for (unsigned i = 0; i < MESSAGES; i++) {
        node.ticks[i] = say(text);
    }
    free(text);
}

static push_follow_view_t look(void)
{
    push_follow_view_t view;

    ck_assert_int_eq(push_follow_read(&node.g.store, named(LOG), &view),
                     PUSH_OK);
    return view;
}

static void load(void)
{
    push_load_t load;

    ck_assert_int_eq(push_load_begin(&node.cluster, &load, named(LOG), true),
                     PUSH_OK);
    ck_assert(load.follow.mine);
    ck_assert_int_eq(push_load_wait(&node.cluster, &load), PUSH_OK);
    push_load_end(&node.cluster, &load);
    ck_assert_int_eq(look().state, PUSH_FOLLOW_LIVE);
    ck_assert(!look().behind);
}

static void resync(void)
{
    unsigned partition = node.library->home.partition;
    push_resync_t resync = {0};

    push_partition_suspected(&node.words, partition);
    push_resync_some(&node.cluster, &resync);
    ck_assert(!push_partition_suspect(&node.words, partition));
}

/* Whether the message of this tick stands in the log here, once. */
static bool has(uint64_t tick)
{
    push_name_t name = push_log_name_hash(&node.g.store, named(LOG));
    uint64_t mid = node_mid(&node.g, LOG, tick);
    const push_heap_t *heap = &node.g.store.heaps[name.shard];
    push_time_t now = push_clock_now();
    const push_log_t *log;
    push_ref_t ref = PUSH_NONE;
    unsigned found = 0;

    ck_assert(push_shard_enter(&node.g.store, name.shard));
    log = push_log_named(&node.g.store, named(LOG), &name, false);
    ck_assert_ptr_nonnull(log);
    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        const push_lane_t *l = &log->lanes[lane];

        for (uint32_t at = l->tail; at != l->head; at++) {
            if (push_log_read(heap, log, lane, at, &ref)
                == PUSH_SLOT_MESSAGE) {
                const push_message_t *message = push_at(heap, ref);

                found += message->mid == mid
                         && push_message_alive(message, now.mono);
            }
        }
    }
    push_shard_leave(&node.g.store, name.shard);
    ck_assert_uint_le(found, 1);
    return found == 1;
}

/* Its version is so old that it is told of no recall but the newest. */
START_TEST(what_was_recalled_long_ago_ends_in_whatever_piece_it_would_be)
{
    static const unsigned recalled[] = {10, 150, 320};
    unsigned next = 0;
    uint64_t late;

    say_much();
    load();
    for (unsigned i = 0; i < MESSAGES; i++) {
        ck_assert(has(node.ticks[i]));
    }
    for (unsigned i = 0; i < 3; i++) {
        ck_assert(library_recall(node.library, LOG, node.ticks[recalled[i]]));
    }
    library_set_clock(node.library, node.now += 600001);
    late = say("late");
    ck_assert(library_recall(node.library, LOG, say("over")));
    if (_i == 0) {
        push_follow_drop(&node.g.store, named(LOG), late);
        load();
    }
    else {
        resync();
    }
    for (unsigned i = 0; i < MESSAGES; i++) {
        bool is_over = next < 3 && i == recalled[next];

        ck_assert_int_eq(has(node.ticks[i]), !is_over);
        next += is_over;
    }
    ck_assert(has(late));
}
END_TEST

static void *resync_beside(void *data)
{
    (void)data;
    resync();
    return NULL;
}

static unsigned under_way(void)
{
    push_client_figures_t figures;

    push_courier_figures(node.cluster.courier, &figures);
    return figures.under_way;
}

/* The unfollow comes to Redis before the question. */
START_TEST(a_log_that_is_left_while_it_is_asked_for_is_followed_again)
{
    push_follow_t follow;
    pthread_t thread;

    load();
    wait_until(under_way() == 0); /* that is told a turn later */
    redis_pause(node.library->redis);
    ck_assert_int_eq(pthread_create(&thread, NULL, resync_beside, NULL), 0);
    wait_until(under_way() == 1);
    ck_assert_int_eq(push_follow_leave(&node.g.store, named(LOG), &follow),
                     PUSH_OK);
    ck_assert_int_eq(push_follow_left(&node.g.store, named(LOG), follow.errand,
                                      true),
                     PUSH_OK);
    redis_continue(node.library->redis);
    pthread_join(thread, NULL);
    ck_assert_int_eq(redis_call(node.library->redis, "KEYS *}f")->elements, 1);
    ck_assert_int_eq(look().state, PUSH_FOLLOW_LIVE);
    ck_assert(look().idle);
}
END_TEST

/* As it is when an inbox was lost, or its library was replaced. */
START_TEST(an_answer_that_is_older_than_a_suspicion_is_not_the_last_one)
{
    push_load_t load;
    uint64_t missed;

    ck_assert_int_eq(push_load_begin(&node.cluster, &load, named(LOG), true),
                     PUSH_OK);
    wait_until(redis_call(node.library->redis, "KEYS *}f")->elements == 1);
    wait_until(under_way() == 0);
    missed = say("missed");
    resync();
    ck_assert_int_eq(push_load_wait(&node.cluster, &load), PUSH_OK);
    push_load_end(&node.cluster, &load);
    ck_assert(has(missed));
    ck_assert(!look().behind);
}
END_TEST

/* An unfollow that a cut network has kept for a while, say. */
START_TEST(a_log_that_is_followed_no_more_is_found_by_its_counts)
{
    push_followers_t *followers;
    uint64_t missed;

    load();
    followers = push_followers_start(&node.cluster);
    ck_assert_ptr_nonnull(followers);
    redis_call(node.library->redis, "DEL %s",
               redis_call(node.library->redis, "KEYS *}f")->element[0]->str);
    missed = say("missed");
    push_followers_came_back(followers, named(LOG + 1));
    push_followers_tell(followers);
    wait_until(
        push_partition_suspect(&node.words, node.library->home.partition));
    resync();
    ck_assert(has(missed));
    ck_assert_int_eq(redis_call(node.library->redis, "KEYS *}f")->elements, 1);
    push_followers_stop(followers);
}
END_TEST

/* Its process died, and nothing comes for the log any more. */
START_TEST(a_log_that_is_behind_and_nobodys_errand_is_found)
{
    push_time_t now = push_clock_now();
    push_follow_view_t view;

    ck_assert_int_eq(push_load_whole(&node.cluster, named("b")), PUSH_OK);
    ck_assert_int_eq(push_follow_read(&node.g.store, named("b"), &view),
                     PUSH_OK);
    for (int i = 0; i < 16; i++) {
        push_linger_tick(&node.cluster, &now);
        now.mono += 1000;
    }
    ck_assert(!push_partition_suspect(&node.words, 0));
    ck_assert_int_eq(push_follow_drop(&node.g.store, named("b"),
                                      view.version + 1),
                     PUSH_OK);
    for (int i = 0; i < 16; i++) {
        push_linger_tick(&node.cluster, &now);
        now.mono += 1000;
    }
    ck_assert(push_partition_suspect(&node.words, 0));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node_load");
    TCase *tc = case_add(suite, "load", 30);

    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_loop_test(
        tc, what_was_recalled_long_ago_ends_in_whatever_piece_it_would_be, 0,
        2);
    tcase_add_test(tc,
                   a_log_that_is_left_while_it_is_asked_for_is_followed_again);
    tcase_add_test(
        tc, an_answer_that_is_older_than_a_suspicion_is_not_the_last_one);
    tcase_add_test(tc, a_log_that_is_followed_no_more_is_found_by_its_counts);
    tcase_add_test(tc, a_log_that_is_behind_and_nobodys_errand_is_found);
    return case_run(suite);
}
