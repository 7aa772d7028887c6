/*
 * push_publish and push_recall on a real Redis: what becomes of a message, of
 * its log, and who is told.
 */
#include "library_kit.h"

#include <stdlib.h>
#include <string.h>

#include "harness/case.h"
#include "harness/keep.h"
#include "harness/wait.h"

/* The records in a lane of the log, in order: "a b", a mark as "(3)". */
static const char *lane_of(struct library *l, const char *log, unsigned lane)
{
    struct library_node reader = library_node(l, push_owner_make(60, 1));
    push_follow_reply_t followed = library_follow(&reader, log, 0);
    push_entries_t entries;
    push_inbox_entry_t entry;
    const char *text = "";

    push_entries_begin(&entries, followed.followed.entries);
    while (push_entries_next(&entries, &entry)) {
        const char *space = *text ? " " : "";

        if (entry.lane != lane) {
            continue;
        }
        text = entry.is_mark
                   ? keep_printf("%s%s(%u)", text, space, entry.mark.dropped)
                   : keep_printf("%s%s%.*s", text, space,
                                 (int)entry.record.len, entry.record.at);
    }
    return text;
}

START_TEST(ticks_rise_and_tell_the_time)
{
    struct library *l = library_start(NULL);
    push_publish_call_t call = library_message(l, "uanna", "a");
    uint64_t before = 0;

    for (int i = 0; i < 100; i++) {
        push_publish_reply_t published = library_publish(l, &call);
        uint64_t mid = push_mid_of_tick(published.tick, l->home.partition);

        ck_assert_int_eq(published.outcome, PUSH_PUBLISHED_NEW);
        ck_assert_uint_gt(published.tick, before);
        ck_assert_int_le(llabs(push_mid_ms(mid) - published.now), 1);
        ck_assert_uint_eq(push_partition_of_mid(mid), l->home.partition);
        before = published.tick;
    }
}
END_TEST

/* It was a replica meanwhile, and the other master's clock went ahead. */
START_TEST(ticks_of_a_master_that_comes_back_rise_above_those_of_the_other)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    push_publish_call_t call = library_message(l, "uanna", "a");
    uint64_t before = library_publish(l, &call).tick;
    uint64_t ceiling = before + (uint64_t)60000 * 1024;
    const redisReply *keys = redis_call(l->redis, "KEYS *}h");

    ck_assert_uint_eq(keys->elements, 1);
    redis_call(l->redis, "HSET %s c %llu", keys->element[0]->str,
               (unsigned long long)ceiling);
    library_set_clock(l, now + 2000);
    ck_assert_uint_gt(library_publish(l, &call).tick, ceiling);
    library_set_clock(l, now + 3000);
    ck_assert_uint_gt(library_publish(l, &call).tick, ceiling + 1);
}
END_TEST

START_TEST(ticks_rise_above_those_of_a_library_that_was_replaced)
{
    struct library *l = library_start(NULL);
    push_publish_call_t call = library_message(l, "uanna", "a");
    uint64_t before = library_publish(l, &call).tick;

    library_load(l);
    ck_assert_uint_gt(library_publish(l, &call).tick, before);
    ck_assert_uint_gt(library_publish(l, &call).tick, before + 1024000 / 2);
}
END_TEST

START_TEST(a_message_is_told_to_who_follows_and_is_read_by_who_comes_later)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    push_publish_call_t call = library_message(l, "cnews", "first");
    push_publish_reply_t published;
    push_inbox_entry_t told;
    push_inbox_entry_t read;

    library_follow(&node, "cnews", 0);
    published = library_publish(l, &call);
    ck_assert_uint_eq(published.connected, 1);
    ck_assert_uint_eq(published.recipients, 2);
    told = library_only(&node);
    read = library_entry(library_follow(&node, "cnews", 0).followed.entries,
                         0);
    ck_assert_int_eq(told.kind, PUSH_ENTRY_MESSAGE);
    ck_assert(text_is(told.log, "cnews"));
    ck_assert(text_is(told.record, "first"));
    ck_assert_uint_eq(told.tick, published.tick);
    ck_assert_uint_eq(told.partition, l->home.partition);
    ck_assert_uint_eq(told.lane, PUSH_NORMAL);
    ck_assert_int_eq(told.expires, published.now + 60000);
    ck_assert(text_is(read.record, "first"));
    ck_assert_uint_eq(read.tick, told.tick);
    ck_assert_int_eq(read.expires, told.expires);
}
END_TEST

START_TEST(a_message_with_ttl_0_is_told_and_kept_nowhere)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    push_publish_call_t call = library_message(l, "cnews", "now");
    push_inbox_entry_t told;

    library_follow(&node, "cnews", 0);
    call.ttl = 0;
    library_publish(l, &call);
    told = library_only(&node);
    ck_assert(text_is(told.record, "now"));
    ck_assert_int_eq(told.expires, PUSH_EXPIRES_NOW);
    ck_assert_str_eq(lane_of(l, "cnews", PUSH_NORMAL), "");
}
END_TEST

START_TEST(a_message_takes_the_place_of_the_older_one_of_its_topic_in_any_lane)
{
    struct library *l = library_start(NULL);
    push_publish_call_t call = library_message(l, "uanna", "old");
    push_publish_call_t other = library_message(l, "uanna", "other");

    call.topic = TEXT("weather");
    library_publish(l, &call);
    library_publish(l, &other);
    call.lane = PUSH_LOW;
    call.record = TEXT("new");
    library_publish(l, &call);
    ck_assert_str_eq(lane_of(l, "uanna", PUSH_NORMAL), "other");
    ck_assert_str_eq(lane_of(l, "uanna", PUSH_LOW), "new");
    call.device = TEXT("phone");
    call.record = TEXT("mine");
    library_publish(l, &call);
    ck_assert_str_eq(lane_of(l, "uanna", PUSH_LOW), "new mine");
    call.ttl = 0;
    library_publish(l, &call);
    ck_assert_str_eq(lane_of(l, "uanna", PUSH_LOW), "new");
}
END_TEST

START_TEST(topics_that_are_over_do_not_stay_in_the_index)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    push_publish_call_t call = library_message(l, "uanna", "m");
    redisReply *length;

    call.ttl = 1000;
    for (int i = 0; i < 500; i++) {
        call.topic = text_of(keep_printf("topic %d", i));
        library_publish(l, &call);
        library_set_clock(l, now += 100);
    }
    length = redis_call(l->redis, "EVAL %s 0",
                        "local n = 0 for _, k in ipairs(redis.call('KEYS', "
                        "'*Tuanna')) do n = redis.call('HLEN', k) end "
                        "return n");
    ck_assert_int_ge(length->integer, 10);
    ck_assert_int_le(length->integer, 2 * 11 + 32 + 1);
}
END_TEST

START_TEST(a_lane_over_its_limit_loses_the_oldest_and_says_so)
{
    struct library *l = library_start(NULL);
    push_publish_call_t call = library_message(l, "uanna", "a");

    call.cap = 2;
    library_publish(l, &call);
    call.record = TEXT("b");
    library_publish(l, &call);
    ck_assert_str_eq(lane_of(l, "uanna", PUSH_NORMAL), "a b");
    call.record = TEXT("c");
    library_publish(l, &call);
    ck_assert_str_eq(lane_of(l, "uanna", PUSH_NORMAL), "(1) b c");
    call.record = TEXT("d");
    library_publish(l, &call);
    ck_assert_str_eq(lane_of(l, "uanna", PUSH_NORMAL), "(2) c d");
    call.cap = 1;
    library_publish(l, &call);
    ck_assert_str_eq(lane_of(l, "uanna", PUSH_NORMAL), "(4) d");
}
END_TEST

/* The messages of a channel's lane, as a follower is given them. */
static unsigned kept(struct library *l, const char *log)
{
    struct library_node node = library_node(l, push_owner_make(1, 1));

    return library_count(library_follow(&node, log, 0).followed.entries);
}

START_TEST(a_lane_comes_back_to_its_limit_when_it_is_an_eighth_above)
{
    struct library *l = library_start(NULL);
    push_publish_call_t call = library_message(l, "cnews", "a");

    call.cap = 16;
    for (unsigned i = 1; i <= 18; i++) {
        library_publish(l, &call);
        ck_assert_uint_eq(kept(l, "cnews"), i);
    }
    for (unsigned i = 0; i < 100; i++) {
        unsigned count;

        library_publish(l, &call);
        count = kept(l, "cnews"); /* with the mark */
        ck_assert_uint_ge(count, 16 + 1);
        ck_assert_uint_le(count, 18 + 1);
    }
    ck_assert_uint_eq(kept(l, "cnews"), 16 + 1 + (118 - 16) % 3);
}
END_TEST

START_TEST(a_lane_that_was_taken_away_and_is_written_again_has_an_end)
{
    struct library *l = library_start(NULL);
    push_publish_call_t call = library_message(l, "cnews", "a");

    for (unsigned i = 0; i < 5; i++) {
        library_publish(l, &call);
    }
    redis_call(l->redis, "FLUSHALL");
    for (unsigned i = 0; i < 2; i++) {
        library_publish(l, &call);
        ck_assert_int_gt(
            redis_call(l->redis, "EVAL %s 0",
                       "return redis.call('PTTL', redis.call('KEYS', "
                       "'*cnews')[1])")
                ->integer,
            0);
    }
}
END_TEST

START_TEST(what_has_expired_goes_before_the_oldest_and_is_no_loss)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    push_publish_call_t call = library_message(l, "uanna", "long");

    call.cap = 2;
    library_publish(l, &call);
    call.ttl = 1000;
    call.record = TEXT("short");
    library_publish(l, &call);
    library_set_clock(l, now += 1000);
    ck_assert_str_eq(lane_of(l, "uanna", PUSH_NORMAL), "long");
    call.ttl = 60000;
    call.record = TEXT("next");
    library_publish(l, &call);
    ck_assert_str_eq(lane_of(l, "uanna", PUSH_NORMAL), "long next");
}
END_TEST

START_TEST(a_mark_is_over_when_all_that_it_counts_would_be)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    push_publish_call_t call = library_message(l, "uanna", "a");

    call.cap = 1;
    call.ttl = 1000;
    library_publish(l, &call);
    call.ttl = 60000;
    call.record = TEXT("b");
    library_publish(l, &call);
    ck_assert_str_eq(lane_of(l, "uanna", PUSH_NORMAL), "(1) b");
    library_set_clock(l, now += 1000);
    ck_assert_str_eq(lane_of(l, "uanna", PUSH_NORMAL), "b");
    call.record = TEXT("c");
    library_publish(l, &call);
    ck_assert_str_eq(lane_of(l, "uanna", PUSH_NORMAL), "(1) c");
}
END_TEST

START_TEST(a_repeated_key_has_the_first_answer_and_another_request_none)
{
    struct library *l = library_start(NULL);
    unsigned char key[PUSH_KEY_BYTES] = {1, 2, 3};
    push_publish_call_t call = library_message(l, "uanna", "a");
    push_publish_reply_t first;
    push_publish_reply_t again;

    call.key = key;
    call.request = UINT64_C(0xfedcba9876543210);
    call.window = 60000;
    first = library_publish(l, &call);
    again = library_publish(l, &call);
    ck_assert_int_eq(again.outcome, PUSH_PUBLISHED_AGAIN);
    ck_assert_uint_eq(again.tick, first.tick);
    ck_assert_uint_eq(again.recipients, first.recipients);
    call.request++;
    ck_assert_int_eq(library_publish(l, &call).outcome, PUSH_PUBLISHED_REUSED);
    ck_assert_str_eq(lane_of(l, "uanna", PUSH_NORMAL), "a");
}
END_TEST

START_TEST(a_users_rate_is_exact)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    push_publish_call_t call = library_message(l, "uanna", "a");
    push_publish_reply_t published;

    call.rate = 3;
    for (uint32_t i = 0; i < 3; i++) {
        published = library_publish(l, &call);
        ck_assert_int_eq(published.outcome, PUSH_PUBLISHED_NEW);
        ck_assert_uint_eq(published.rate.remaining, 2 - i);
    }
    published = library_publish(l, &call);
    ck_assert_int_eq(published.outcome, PUSH_PUBLISHED_RATE);
    ck_assert_int_ge(published.rate.wait, 333000000);
    ck_assert_int_le(published.rate.wait, 334000000);
    library_set_clock(l, now += 333);
    ck_assert_int_eq(library_publish(l, &call).outcome, PUSH_PUBLISHED_RATE);
    library_set_clock(l, now += 1);
    ck_assert_int_eq(library_publish(l, &call).outcome, PUSH_PUBLISHED_NEW);
    ck_assert_int_eq(library_publish(l, &call).outcome, PUSH_PUBLISHED_RATE);
    call.log = TEXT("uberta");
    ck_assert_int_eq(library_publish(l, &call).outcome, PUSH_PUBLISHED_NEW);
}
END_TEST

START_TEST(a_recalled_message_is_gone_and_who_lacks_it_is_told)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    push_publish_call_t call = library_message(l, "uanna", "a");
    uint64_t since = library_follow(&node, "uanna", 0).followed.version;
    uint64_t tick = library_publish(l, &call).tick;
    push_inbox_entry_t told;
    push_pieces_t entries;

    library_drain(&node);
    ck_assert(library_recall(l, "uanna", tick));
    told = library_only(&node);
    ck_assert_int_eq(told.kind, PUSH_ENTRY_RECALL);
    ck_assert_uint_eq(told.mid, push_mid_of_tick(tick, l->home.partition));
    ck_assert_uint_gt(told.tick, tick);
    ck_assert_str_eq(lane_of(l, "uanna", PUSH_NORMAL), "");
    entries = library_follow(&node, "uanna", since).followed.entries;
    ck_assert_uint_eq(library_count(entries), 1);
    ck_assert_uint_eq(library_entry(entries, 0).mid, told.mid);
    ck_assert_uint_eq(
        library_count(
            library_follow(&node, "uanna", told.tick).followed.entries),
        0);
    ck_assert(!library_recall(l, "uanna", tick));
    ck_assert_uint_eq(library_count(library_drain(&node).entries), 0);
}
END_TEST

START_TEST(without_memory_nothing_is_published_and_drains_go_on)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    push_publish_call_t call = library_message(l, "uanna", "a");
    push_command_t command;
    const push_reply_t *reply;

    library_follow(&node, "uanna", 0);
    library_publish(l, &call);
    redis_call(l->redis, "CONFIG SET maxmemory 1");
    push_library_publish(&command, &call);
    reply = library_send(l, &command);
    ck_assert_int_eq(push_reply_kind(reply), PUSH_REPLY_ERROR);
    ck_assert(strncmp(push_reply_text(reply).at, "OOM", 3) == 0);
    ck_assert(text_is(library_only(&node).record, "a"));
    library_follow(&node, "uanna", 0);
    redis_call(l->redis, "CONFIG SET maxmemory 0");
    ck_assert_str_eq(lane_of(l, "uanna", PUSH_NORMAL), "a");
}
END_TEST

START_TEST(tokens_are_taken_in_lots)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    push_take_call_t call = {l->home, TEXT("ppublisher"), 100, 30};
    static const uint32_t taken[] = {30, 30, 30, 10, 0};
    push_take_reply_t reply;
    push_command_t command;

    for (int i = 0; i < 5; i++) {
        push_library_take(&command, &call);
        ck_assert(push_take_reply(library_send(l, &command), &reply));
        ck_assert_uint_eq(reply.taken, taken[i]);
    }
    ck_assert_int_eq(reply.rate.wait, 10000000);
    library_set_clock(l, now += 100);
    push_library_take(&command, &call);
    ck_assert(push_take_reply(library_send(l, &command), &reply));
    ck_assert_uint_eq(reply.taken, 10);
}
END_TEST

START_TEST(a_value_is_news_where_another_one_was_the_last)
{
    static const struct {
        int64_t value;
        bool news;
    } steps[] = {{5, true}, {5, false}, {-7, true},
                 {5, true}, {5, false}, {INT64_MIN, true}};
    struct library *l = library_start(NULL);
    push_once_call_t call = {l->home, TEXT("name"), 100, true, 0};
    push_command_t command;
    bool first;

    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        call.value = steps[i].value;
        push_library_once(&command, &call);
        ck_assert(push_once_reply(library_send(l, &command), &first));
        ck_assert(first == steps[i].news);
    }
}
END_TEST

START_TEST(a_ticket_is_used_once)
{
    struct library *l = library_start(NULL);
    push_once_call_t call = {
        .home = l->home, .nonce = TEXT("nonce"), .ms = 100};
    push_command_t command;
    bool first;

    push_library_once(&command, &call);
    ck_assert(push_once_reply(library_send(l, &command), &first));
    ck_assert(first);
    push_library_once(&command, &call);
    ck_assert(push_once_reply(library_send(l, &command), &first));
    ck_assert(!first);
}
END_TEST

START_TEST(nothing_is_left_when_all_times_are_over)
{
    struct library *l = library_start(NULL);
    struct library_node node = library_node(l, push_owner_make(1, 1));
    unsigned char key[PUSH_KEY_BYTES] = {1};
    push_publish_call_t call = library_message(l, "uanna", "a");
    push_once_call_t once = {
        .home = l->home, .nonce = TEXT("nonce"), .ms = 200};
    push_claim_call_t claim = library_claim_call(&node, "uanna", 1);
    push_unfollow_call_t unfollow = {l->home, node.owner, TEXT("uanna")};
    push_command_t command;

    call.ttl = 200;
    call.key = key;
    call.window = 200;
    call.topic = TEXT("t");
    call.rate = 100;
    call.cap = 1;
    claim.device.keep = 200;
    library_claim(l, &claim);
    library_publish(l, &call);
    call.key = NULL;
    library_publish(l, &call);
    call.topic = TEXT("");
    library_publish(l, &call);
    push_library_once(&command, &once);
    library_send(l, &command);
    push_library_unfollow(&command, &unfollow);
    library_send(l, &command);
    wait_until(redis_call(l->redis, "DBSIZE")->integer == 1);
    ck_assert_int_eq(redis_call(l->redis, "KEYS push:*}h")->elements, 1);
}
END_TEST

START_TEST(a_user_with_one_message_takes_less_than_300_bytes)
{
    struct library *l = library_start(NULL);
    char record[116];
    push_publish_call_t call = library_message(l, "uuser00000001", "");
    redisReply *keys;

    memset(record, 'r', sizeof(record));
    call.record = (push_text_t){record, sizeof(record)};
    library_publish(l, &call);
    keys = redis_call(l->redis, "KEYS push:*1uuser00000001");
    ck_assert_int_eq(keys->elements, 1);
    ck_assert_int_le(redis_call(l->redis, "MEMORY USAGE %s",
                                keys->element[0]->str)
                         ->integer,
                     300);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("library publish");
    TCase *tc = case_add(suite, "order", 60);

    tcase_add_test(tc, ticks_rise_and_tell_the_time);
    tcase_add_test(
        tc, ticks_of_a_master_that_comes_back_rise_above_those_of_the_other);
    tcase_add_test(tc, ticks_rise_above_those_of_a_library_that_was_replaced);
    tcase_add_test(
        tc, a_message_is_told_to_who_follows_and_is_read_by_who_comes_later);
    tcase_add_test(tc, a_message_with_ttl_0_is_told_and_kept_nowhere);
    tc = case_add(suite, "limits", 60);
    tcase_add_test(
        tc,
        a_message_takes_the_place_of_the_older_one_of_its_topic_in_any_lane);
    tcase_add_test(tc, topics_that_are_over_do_not_stay_in_the_index);
    tcase_add_test(tc, a_lane_over_its_limit_loses_the_oldest_and_says_so);
    tcase_add_test(tc,
                   a_lane_comes_back_to_its_limit_when_it_is_an_eighth_above);
    tcase_add_test(tc,
                   a_lane_that_was_taken_away_and_is_written_again_has_an_end);
    tcase_add_test(tc, what_has_expired_goes_before_the_oldest_and_is_no_loss);
    tcase_add_test(tc, a_mark_is_over_when_all_that_it_counts_would_be);
    tcase_add_test(
        tc, a_repeated_key_has_the_first_answer_and_another_request_none);
    tcase_add_test(tc, a_users_rate_is_exact);
    tcase_add_test(tc, tokens_are_taken_in_lots);
    tcase_add_test(tc, a_ticket_is_used_once);
    tcase_add_test(tc, a_value_is_news_where_another_one_was_the_last);
    tc = case_add(suite, "ends", 60);
    tcase_add_test(tc, a_recalled_message_is_gone_and_who_lacks_it_is_told);
    tcase_add_test(tc, without_memory_nothing_is_published_and_drains_go_on);
    tcase_add_test(tc, nothing_is_left_when_all_times_are_over);
    tcase_add_test(tc, a_user_with_one_message_takes_less_than_300_bytes);
    return case_run(suite);
}
