/*
 * Following a log: the inbox of a node, what it is told, and what it catches
 * up with, on a real Redis.
 */
#include "library_kit.h"

#include <stdlib.h>
#include <string.h>

#include "harness/case.h"
#include "harness/keep.h"
#include "harness/wait.h"

static void publish(struct library *l, const char *log, const char *record)
{
    push_publish_call_t call = library_message(l, log, record);

    library_publish(l, &call);
}

START_TEST(a_drain_whose_answer_was_lost_gives_the_same_again)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    struct library_node before = node;
    push_drain_reply_t drained;
    push_drain_reply_t again;

    library_follow(&node, "uanna", 0);
    publish(l, "uanna", "a");
    publish(l, "uanna", "b");
    drained = library_drain(&node);
    again = library_drain(&before);
    ck_assert_uint_eq(drained.first, 1);
    ck_assert_uint_eq(drained.last, 2);
    ck_assert_uint_eq(again.first, 1);
    ck_assert_uint_eq(again.last, 2);
    ck_assert_uint_eq(library_count(again.entries), 2);
    again = library_drain(&node);
    ck_assert_uint_eq(again.first, 3);
    ck_assert_uint_eq(again.last, 2);
    ck_assert_uint_eq(library_count(again.entries), 0);
}
END_TEST

START_TEST(a_node_is_woken_once_until_it_has_drained)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    redisContext *wakes = library_subscribe(&node);
    struct timeval soon = {0, 200000};
    void *reply;

    library_follow(&node, "uanna", 0);
    publish(l, "uanna", "a");
    publish(l, "uanna", "b");
    ck_assert_int_eq(redisGetReply(wakes, &reply), REDIS_OK);
    freeReplyObject(reply);
    redisSetTimeout(wakes, soon);
    ck_assert_int_eq(redisGetReply(wakes, &reply), REDIS_ERR);
    wakes = library_subscribe(&node);
    ck_assert_uint_eq(library_count(library_drain(&node).entries), 2);
    library_drain(&node);
    publish(l, "uanna", "c");
    ck_assert_int_eq(redisGetReply(wakes, &reply), REDIS_OK);
    freeReplyObject(reply);
}
END_TEST

START_TEST(an_inbox_comes_in_pieces)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    push_drain_reply_t drained;

    library_follow(&node, "uanna", 0);
    for (int i = 0; i < 1500; i++) {
        publish(l, "uanna", "a");
    }
    drained = library_drain(&node);
    ck_assert_uint_eq(library_count(drained.entries), 1000);
    ck_assert(drained.more);
    drained = library_drain(&node);
    ck_assert_uint_eq(library_count(drained.entries), 500);
    ck_assert(!drained.more);
    ck_assert_uint_eq(drained.first, 1001);
}
END_TEST

START_TEST(an_inbox_that_grew_too_large_is_emptied_and_says_so)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    push_publish_call_t call = library_message(l, "uanna", "");
    push_drain_reply_t drained;
    char *large = malloc(1 << 20);

    ck_assert_ptr_nonnull(large);
    memset(large, 'x', 1 << 20);
    call.record = (push_text_t){large, 1 << 20};
    call.ttl = 0;
    library_follow(&node, "uanna", 0);
    for (int i = 0; i < 10; i++) {
        library_publish(l, &call);
    }
    free(large);
    drained = library_drain(&node);
    ck_assert(drained.lost);
    ck_assert_uint_gt(drained.first, 1);
    ck_assert(!library_drain(&node).lost);
}
END_TEST

START_TEST(a_node_that_is_silent_for_15_s_follows_no_more_and_hears_of_it)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    struct library_node other = library_node(l, push_owner_make(2, 1));
    push_publish_call_t call = library_message(l, "cnews", "a");

    library_follow(&node, "cnews", 0);
    library_follow(&other, "cnews", 0);
    library_set_clock(l, now += 14999);
    library_drain(&other);
    ck_assert_uint_eq(library_publish(l, &call).connected, 2);
    library_set_clock(l, now += 1);
    ck_assert_uint_eq(library_publish(l, &call).connected, 1);
    library_set_clock(l, now += 1);
    ck_assert(library_drain(&node).lost);
    ck_assert(!library_drain(&other).lost);
    ck_assert_uint_eq(library_publish(l, &call).connected, 1);
    ck_assert_uint_eq(library_count(library_drain(&node).entries), 0);
}
END_TEST

/* Forward and back again; and a server that stood still for as long. */
START_TEST(a_clock_that_is_set_makes_no_node_silent)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    push_publish_call_t call = library_message(l, "cnews", "a");

    library_follow(&node, "cnews", 0);
    library_jump(l, now + 60000);
    ck_assert_uint_eq(library_publish(l, &call).connected, 1);
    ck_assert(!library_drain(&node).lost);
    library_jump(l, now);
    library_jump(l, now + 60000);
    ck_assert_uint_eq(library_publish(l, &call).connected, 1);
    ck_assert(!library_drain(&node).lost);
    library_set_clock(l, now + 75000);
    ck_assert_uint_eq(library_publish(l, &call).connected, 0);
    ck_assert(library_drain(&node).lost);
}
END_TEST

START_TEST(a_follower_that_was_silent_and_follows_first_hears_that_it_lost)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    struct library_node node = library_node(l, push_owner_make(1, 1));

    library_follow(&node, "cnews", 0);
    library_set_clock(l, now += 15000);
    library_follow(&node, "cother", 0);
    ck_assert(library_drain(&node).lost);
}
END_TEST

START_TEST(a_library_that_was_replaced_is_another_vm_with_an_empty_inbox)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    push_vm_t before = node.vm;
    push_drain_reply_t drained;

    library_follow(&node, "uanna", 0);
    publish(l, "uanna", "a");
    library_load(l);
    publish(l, "uanna", "b");
    drained = library_drain(&node);
    ck_assert_str_ne(drained.origin.vm.id, before.id);
    ck_assert_uint_eq(drained.origin.vm.version, PUSH_LIBRARY_VERSION);
    ck_assert(text_is(library_entry(drained.entries, 0).record, "b"));
}
END_TEST

START_TEST(lost_data_is_another_epoch)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    push_origin_t before = library_follow(&node, "uanna", 0).origin;
    push_drain_reply_t drained = library_drain(&node);

    ck_assert_mem_eq(drained.origin.epoch, before.epoch, 8);
    redis_call(l->redis, "FLUSHALL");
    drained = library_drain(&node);
    ck_assert_mem_ne(drained.origin.epoch, before.epoch, 8);
    library_follow(&node, "uanna", 0);
    ck_assert_mem_ne(library_drain(&node).origin.epoch, drained.origin.epoch,
                     8);
    ck_assert_mem_ne(library_drain(&node).origin.epoch, before.epoch, 8);
}
END_TEST

START_TEST(a_log_is_read_in_the_order_of_ticks_whatever_the_lanes)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    push_publish_call_t call = library_message(l, "uanna", "a");
    push_follow_reply_t followed;
    uint64_t last = 0;

    for (unsigned i = 0; i < 700; i++) {
        call.lane = i * 7 % 13 % 4;
        library_publish(l, &call);
    }
    followed = library_follow(&node, "uanna", 0);
    ck_assert_uint_eq(library_count(followed.followed.entries), 700);
    ck_assert(followed.followed.whole);
    for (unsigned i = 0; i < 700; i += 50) {
        push_inbox_entry_t entry = library_entry(followed.followed.entries, i);

        ck_assert_uint_gt(entry.tick, last);
        ck_assert_uint_eq(entry.lane, i * 7 % 13 % 4);
        last = entry.tick;
    }
    ck_assert_uint_gt(followed.followed.version, last);
}
END_TEST

START_TEST(a_large_log_comes_in_pieces_without_a_hole)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    push_publish_call_t call = library_message(l, "uanna", "");
    char *large = calloc(1, 10000);
    unsigned total = 0;
    push_follow_call_t follow = {.home = l->home,
                                 .owner = node.owner,
                                 .following = {text_of("uanna"), 1, 1, 0,
                                               false}};
    push_follow_reply_t followed;
    push_command_t command;

    ck_assert_ptr_nonnull(large);
    call.record = (push_text_t){large, 10000};
    for (unsigned i = 0; i < 330; i++) {
        call.lane = i % 4;
        library_publish(l, &call);
    }
    free(large);
    do {
        push_library_follow(&command, &follow);
        ck_assert(push_follow_reply(library_send(l, &command), &followed));
        total += library_count(followed.followed.entries);
        ck_assert_int_eq(followed.followed.whole, follow.following.since == 0);
        follow.following.since = followed.followed.version;
        follow.following.rest = true;
    } while (followed.followed.more);
    ck_assert_uint_eq(total, 330);
}
END_TEST

START_TEST(what_is_above_the_version_is_given_and_a_very_old_one_is_nothing)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    push_publish_call_t call = library_message(l, "uanna", "a");
    push_followed_t followed;
    uint64_t version;

    call.ttl = 3600000;
    library_publish(l, &call);
    version = library_follow(&node, "uanna", 0).followed.version;
    call.record = TEXT("b");
    library_publish(l, &call);
    followed = library_follow(&node, "uanna", version).followed;
    ck_assert_uint_eq(library_count(followed.entries), 1);
    ck_assert(!followed.whole);
    library_set_clock(l, now += 600001);
    followed = library_follow(&node, "uanna", version).followed;
    ck_assert_uint_eq(library_count(followed.entries), 2);
    ck_assert(followed.whole);
}
END_TEST

START_TEST(counts_alone_change_what_publishers_hear)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    struct library_node other = library_node(l, push_owner_make(2, 1));
    push_follow_call_t call = {.home = l->home,
                               .owner = node.owner,
                               .following = {text_of("cnews"), 5, 7, 0, false},
                               .counts_only = true};
    push_publish_call_t message = library_message(l, "cnews", "a");
    push_follow_reply_t followed;
    push_publish_reply_t published;
    push_command_t command;

    library_follow(&node, "cnews", 0);
    library_follow(&other, "cnews", 0);
    push_library_follow(&command, &call);
    ck_assert(push_follow_reply(library_send(l, &command), &followed));
    ck_assert_uint_eq(library_count(followed.followed.entries), 0);
    published = library_publish(l, &message);
    ck_assert_uint_eq(published.connected, 6);
    ck_assert_uint_eq(published.recipients, 9);
}
END_TEST

START_TEST(who_unfollows_is_told_nothing_and_leaves_no_field)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    struct library_node other = library_node(l, push_owner_make(2, 1));
    push_unfollow_call_t call = {l->home, node.owner, TEXT("cnews")};
    push_command_t command;

    library_follow(&node, "cnews", 0);
    library_follow(&other, "cnews", 0);
    push_library_unfollow(&command, &call);
    ck_assert_int_eq(push_reply_integer(library_send(l, &command)), 1);
    publish(l, "cnews", "a");
    ck_assert_uint_eq(library_count(library_drain(&node).entries), 0);
    ck_assert_uint_eq(library_count(library_drain(&other).entries), 1);
    call.owner = other.owner;
    push_library_unfollow(&command, &call);
    ck_assert_int_eq(push_reply_integer(library_send(l, &command)), 1);
    push_library_unfollow(&command, &call);
    ck_assert_int_eq(push_reply_integer(library_send(l, &command)), 0);
    ck_assert_int_eq(redis_call(l->redis, "KEYS *}f")->elements, 0);
}
END_TEST

/* Of a node's threads one may leave a log while another tells its counts. */
START_TEST(who_tells_its_counts_after_an_unfollow_does_not_follow)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    push_follow_call_t follow = {.home = l->home,
                                 .owner = node.owner,
                                 .following = {.log = TEXT("uanna")},
                                 .counts_only = true};
    push_claim_call_t claim = library_claim_call(&node, "uanna", 1);
    push_follow_reply_t followed;
    push_command_t command;

    push_library_follow(&command, &follow);
    ck_assert(push_follow_reply(library_send(l, &command), &followed));
    ck_assert_int_eq(redis_call(l->redis, "KEYS *}f")->elements, 0);
    claim.counts_only = true;
    ck_assert_int_eq(library_claim(l, &claim).outcome, PUSH_CLAIMED_NEW);
    ck_assert_int_eq(redis_call(l->redis, "KEYS *}f")->elements, 0);
    publish(l, "uanna", "a");
    ck_assert_uint_eq(library_count(library_drain(&node).entries), 0);
}
END_TEST

START_TEST(many_logs_are_caught_up_with_at_once)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    push_following_t logs[PUSH_RESYNC_MAX];
    push_resync_call_t call = {l->home, node.owner, PUSH_RESYNC_MAX, logs};
    push_resync_reply_t resynced;
    push_command_t command;

    for (unsigned i = 0; i < PUSH_RESYNC_MAX; i++) {
        const char *log = keep_printf("uuser%u", i);

        logs[i] = (push_following_t){text_of(log), 1, 1, 0, false};
        logs[i].since = library_follow(&node, log, 0).followed.version;
        publish(l, log, log);
    }
    library_load(l);
    push_library_resync(&command, &call);
    ck_assert(push_resync_reply(library_send(l, &command), &resynced));
    ck_assert_uint_eq(resynced.count, PUSH_RESYNC_MAX);
    for (unsigned i = 0; i < PUSH_RESYNC_MAX; i++) {
        push_followed_t *log = &resynced.logs[i];

        ck_assert_uint_eq(library_count(log->entries), 1);
        ck_assert(text_is(library_entry(log->entries, 0).record,
                          keep_printf("uuser%u", i)));
        ck_assert(!log->more && !log->whole);
    }
    publish(l, "uuser7", "later");
    ck_assert_uint_eq(library_count(library_drain(&node).entries), 1);
}
END_TEST

START_TEST(two_clusters_on_one_redis_hear_nothing_of_each_other)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    struct library strange = *l;
    struct library_node stranger;

    strange.home.prefix = TEXT("other:");
    stranger = library_node(&strange, node.owner);
    library_follow(&node, "uanna", 0);
    library_follow(&stranger, "uanna", 0);
    publish(&strange, "uanna", "a");
    ck_assert_uint_eq(library_count(library_drain(&node).entries), 0);
    ck_assert_uint_eq(library_count(library_drain(&stranger).entries), 1);
}
END_TEST

static bool holds(struct library *l, const char *name, unsigned node)
{
    const push_hold_call_t call = {.home = l->home,
                                   .name = {name, (uint32_t)strlen(name)},
                                   .owner = push_owner_make(node, 1),
                                   .ms = 300};
    push_command_t command;
    bool held;

    push_library_hold(&command, &call);
    ck_assert(push_hold_reply(library_send(l, &command), &held));
    return held;
}

START_TEST(one_node_holds_what_is_done_for_all_until_it_is_gone)
{
    struct library *l = library_start(NULL);

    ck_assert(holds(l, "$stats", 1));
    ck_assert(!holds(l, "$stats", 2));
    ck_assert(holds(l, "$stats", 1));
    ck_assert(holds(l, "$other", 2));
    wait_until(holds(l, "$stats", 2));
    ck_assert(!holds(l, "$stats", 1));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("library follow");
    TCase *tc = case_add(suite, "inbox", 60);

    tcase_add_test(tc, a_drain_whose_answer_was_lost_gives_the_same_again);
    tcase_add_test(tc, a_node_is_woken_once_until_it_has_drained);
    tcase_add_test(tc, an_inbox_comes_in_pieces);
    tcase_add_test(tc, an_inbox_that_grew_too_large_is_emptied_and_says_so);
    tcase_add_test(
        tc, a_node_that_is_silent_for_15_s_follows_no_more_and_hears_of_it);
    tcase_add_test(tc, a_clock_that_is_set_makes_no_node_silent);
    tcase_add_test(
        tc, a_follower_that_was_silent_and_follows_first_hears_that_it_lost);
    tcase_add_test(
        tc, a_library_that_was_replaced_is_another_vm_with_an_empty_inbox);
    tcase_add_test(tc, lost_data_is_another_epoch);
    tc = case_add(suite, "log", 60);
    tcase_add_test(tc, a_log_is_read_in_the_order_of_ticks_whatever_the_lanes);
    tcase_add_test(tc, a_large_log_comes_in_pieces_without_a_hole);
    tcase_add_test(
        tc, what_is_above_the_version_is_given_and_a_very_old_one_is_nothing);
    tcase_add_test(tc, counts_alone_change_what_publishers_hear);
    tcase_add_test(tc, who_unfollows_is_told_nothing_and_leaves_no_field);
    tcase_add_test(tc, who_tells_its_counts_after_an_unfollow_does_not_follow);
    tcase_add_test(tc, many_logs_are_caught_up_with_at_once);
    tcase_add_test(tc, two_clusters_on_one_redis_hear_nothing_of_each_other);
    tcase_add_test(tc, one_node_holds_what_is_done_for_all_until_it_is_gone);
    return case_run(suite);
}
