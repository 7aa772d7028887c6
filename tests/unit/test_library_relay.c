/*
 * What waits for another region, on a real Redis: it comes with its message,
 * is sent by one at a time, and is there until it is over.
 */
#include "library_kit.h"

#include <string.h>

#include "broker/library/relay_calls.h"
#include "harness/case.h"
#include "harness/keep.h"
#include "harness/wait.h"

#define REQUIRE(read) ck_assert_msg((read), "no such answer: " #read)

static const push_relay_list_t west = {{"west", 4}, 60000, 1000, 1000000};

/* A message whose body for other regions is what it says. */
static push_publish_call_t relayed(struct library *l, const char *body,
                                   const push_relay_list_t *lists,
                                   unsigned count)
{
    push_publish_call_t call = library_message(l, "uanna", body);

    call.relay = text_of(body);
    call.lists = lists;
    call.lists_count = count;
    return call;
}

static push_publish_reply_t put(struct library *l, const char *body)
{
    push_publish_call_t call = relayed(l, body, &west, 1);

    return library_publish(l, &call);
}

struct taken {
    push_relay_taken_t head;
    const char *bodies; /* "a b" */
    uint64_t ticks[64];
};

static struct taken take(struct library *l, const char *holder,
                         unsigned entries, unsigned bytes)
{
    push_relay_take_call_t call = {l->home, west.region, text_of(holder),
                                   60000,   entries,     bytes};
    struct taken taken = {.bodies = ""};
    push_command_t command;
    const push_reply_t *reply;

    push_library_relay_take(&command, &call);
    reply = library_send(l, &command);
    REQUIRE(push_relay_take_reply(reply, &taken.head));
    for (unsigned i = 0; i < taken.head.count; i++) {
        push_relay_entry_t entry;

        REQUIRE(push_relay_entry_read(push_relay_taken_at(reply, i), &entry));
        taken.ticks[i] = entry.tick;
        taken.bodies = keep_printf("%s%s%.*s", taken.bodies, i ? " " : "",
                                   (int)entry.body.len, entry.body.at);
    }
    return taken;
}

static uint32_t done(struct library *l, const char *holder, unsigned taken,
                     const uint64_t *ticks, unsigned count)
{
    push_relay_done_call_t call = {l->home, west.region, text_of(holder),
                                   taken,   ticks,       count};
    push_command_t command;
    uint32_t waiting;

    push_library_relay_done(&command, &call);
    REQUIRE(push_relay_done_reply(library_send(l, &command), &waiting));
    return waiting;
}

/* What the VM knows of the partition's list for the region. */
static push_relay_mark_t known(struct library *l)
{
    push_relay_mark_t mark = {.partition = l->home.partition};
    push_relay_waiting_t waiting;
    push_command_t command;
    const push_reply_t *reply;
    uint32_t at = 0;

    push_library_relay_waiting(&command, &l->home, &west, 1);
    reply = library_send(l, &command);
    REQUIRE(push_relay_waiting_reply(reply, &waiting));
    ck_assert_uint_eq(waiting.regions, 1);
    if (push_relay_waiting_next(reply, 0, &at, &mark)) {
        ck_assert_uint_eq(mark.partition, l->home.partition);
        ck_assert(!push_relay_waiting_next(reply, 0, &at, &mark));
    }
    return mark;
}

START_TEST(a_message_waits_for_each_region_that_its_publish_names)
{
    const push_relay_list_t both[] = {west, {TEXT("east"), 60000, 10, 10000}};
    struct library *l = library_start(NULL);
    push_publish_call_t call = relayed(l, "a", both, 2);
    push_publish_call_t plain = library_message(l, "uanna", "b");
    push_publish_reply_t published = library_publish(l, &call);
    struct taken taken;

    library_publish(l, &plain);
    ck_assert_uint_eq(published.fell, 0);
    taken = take(l, "me", 10, 1000);
    ck_assert_str_eq(taken.bodies, "a");
    ck_assert_uint_eq(taken.ticks[0], published.tick);
    ck_assert_int_eq(redis_call(l->redis, "KEYS push:*Oeast")->elements, 1);
}
END_TEST

START_TEST(a_repeated_key_and_a_refused_rate_put_nothing_into_the_list)
{
    static const unsigned char key[PUSH_KEY_BYTES] = "key";
    struct library *l = library_start(NULL);
    push_publish_call_t call = relayed(l, "a", &west, 1);

    call.key = key;
    call.window = 60000;
    library_publish(l, &call);
    ck_assert_int_eq(library_publish(l, &call).outcome, PUSH_PUBLISHED_AGAIN);
    call.request = 1;
    ck_assert_int_eq(library_publish(l, &call).outcome, PUSH_PUBLISHED_REUSED);
    call.key = NULL;
    call.rate = 1;
    ck_assert_int_eq(library_publish(l, &call).outcome, PUSH_PUBLISHED_NEW);
    ck_assert_int_eq(library_publish(l, &call).outcome, PUSH_PUBLISHED_RATE);
    ck_assert_str_eq(take(l, "me", 10, 1000).bodies, "a a");
}
END_TEST

START_TEST(with_all_that_a_publish_may_have_the_list_gets_its_message)
{
    static const unsigned char key[PUSH_KEY_BYTES] = "key";
    struct library *l = library_start(NULL);
    push_publish_call_t call = relayed(l, "a", &west, 1);

    call.key = key;
    call.window = 60000;
    call.rate = 100;
    call.topic = TEXT("topic");
    call.device = TEXT("phone");
    library_publish(l, &call);
    ck_assert_str_eq(take(l, "me", 10, 1000).bodies, "a");
    ck_assert_int_eq(redis_call(l->redis, "KEYS push:*K*")->elements, 1);
}
END_TEST

START_TEST(one_holder_at_a_time_has_the_list)
{
    struct library *l = library_start(NULL);
    struct taken taken;

    put(l, "a");
    put(l, "b");
    ck_assert(!take(l, "me", 1, 1000).head.held);
    taken = take(l, "you", 10, 1000);
    ck_assert(taken.head.held);
    ck_assert_uint_eq(taken.head.count, 0);
    ck_assert_uint_eq(taken.head.waiting, 2);
    ck_assert_str_eq(take(l, "me", 10, 1000).bodies, "a b");
    ck_assert_uint_eq(done(l, "you", 0, NULL, 0), 2);
    ck_assert(take(l, "you", 10, 1000).head.held);
    ck_assert_uint_eq(done(l, "me", 0, NULL, 0), 2);
    ck_assert(!take(l, "you", 10, 1000).head.held);
}
END_TEST

START_TEST(a_holder_that_died_has_the_list_until_its_lease_is_over)
{
    push_relay_take_call_t call = {.region = west.region,
                                   .holder = TEXT("dead"),
                                   .lease = 50,
                                   .entries = 10,
                                   .bytes = 1000};
    struct library *l = library_start(NULL);
    push_command_t command;

    call.home = l->home;
    put(l, "a");
    push_library_relay_take(&command, &call);
    library_send(l, &command);
    wait_until(!take(l, "me", 10, 1000).head.held);
    ck_assert_str_eq(take(l, "me", 10, 1000).bodies, "a");
}
END_TEST

START_TEST(what_is_over_leaves_the_list_and_the_rest_keeps_its_order)
{
    struct library *l = library_start(NULL);
    struct taken taken;
    uint64_t over[2];

    for (const char *body = "abcde"; *body; body++) {
        put(l, keep_printf("%c", *body));
    }
    taken = take(l, "me", 4, 1000);
    ck_assert_str_eq(taken.bodies, "a b c d");
    over[0] = taken.ticks[0];
    over[1] = taken.ticks[2];
    put(l, "f");
    ck_assert_uint_eq(done(l, "me", 4, over, 2), 4);
    ck_assert_str_eq(take(l, "me", 10, 1000).bodies, "b d e f");
    /* Once more, as after a lost answer: nothing else goes. */
    ck_assert_uint_eq(done(l, "me", 4, over, 2), 4);
    taken = take(l, "me", 10, 1000);
    ck_assert_uint_eq(done(l, "me", 4, taken.ticks, 3), 1);
    ck_assert_int_gt(
        redis_call(l->redis, "PTTL %s",
                   redis_call(l->redis, "KEYS push:*Owest")->element[0]->str)
            ->integer,
        0);
    ck_assert_uint_eq(done(l, "me", 10, taken.ticks + 3, 1), 0);
    ck_assert_int_eq(redis_call(l->redis, "KEYS push:*Owest")->elements, 0);
    ck_assert_int_eq(redis_call(l->redis, "KEYS push:*owest")->elements, 0);
}
END_TEST

START_TEST(all_that_was_taken_may_stay_where_that_is_all_there_is)
{
    struct library *l = library_start(NULL);
    struct taken taken;

    put(l, "a");
    put(l, "b");
    taken = take(l, "me", 10, 1000);
    ck_assert_uint_eq(done(l, "me", 2, taken.ticks + 1, 1), 1);
    ck_assert_str_eq(take(l, "me", 10, 1000).bodies, "a");
    ck_assert_int_gt(
        redis_call(l->redis, "PTTL %s",
                   redis_call(l->redis, "KEYS push:*Owest")->element[0]->str)
            ->integer,
        0);
}
END_TEST

START_TEST(an_answer_has_no_more_entries_or_bytes_than_were_asked_for)
{
    struct library *l = library_start(NULL);

    for (int i = 0; i < 200; i++) {
        put(l, "0123456789");
    }
    ck_assert_uint_eq(take(l, "me", 7, 100000).head.count, 7);
    ck_assert_uint_eq(take(l, "me", 200, 300).head.count, 10);
    ck_assert_uint_eq(take(l, "me", 200, 1).head.count, 1);
    ck_assert_uint_eq(take(l, "me", 60, 100000).head.waiting, 200);
}
END_TEST

START_TEST(a_list_over_its_limits_loses_the_oldest_and_says_how_many)
{
    push_relay_list_t few = west;
    struct library *l = library_start(NULL);
    push_publish_call_t call;

    few.entries = 3;
    for (const char *body = "abc"; *body; body++) {
        call = relayed(l, keep_printf("%c", *body), &few, 1);
        ck_assert_uint_eq(library_publish(l, &call).fell, 0);
    }
    call = relayed(l, "d", &few, 1);
    ck_assert_uint_eq(library_publish(l, &call).fell, 1);
    ck_assert_str_eq(take(l, "me", 10, 1000).bodies, "b c d");
    few.entries = 1000;
    few.bytes = 43; /* two entries of one byte, each behind 20 */
    call = relayed(l, "e", &few, 1);
    ck_assert_uint_eq(library_publish(l, &call).fell, 2);
    ck_assert_str_eq(take(l, "me", 10, 1000).bodies, "d e");
    /* One that is larger than all is kept alone. */
    call = relayed(l, keep_printf("%060d", 0), &few, 1);
    ck_assert_uint_eq(library_publish(l, &call).fell, 2);
    ck_assert_uint_eq(take(l, "me", 10, 1000).head.waiting, 1);
}
END_TEST

START_TEST(a_message_waits_no_longer_than_its_ttl_or_the_region_keeps_it)
{
    push_relay_list_t brief = west;
    struct library *l = library_start(NULL);
    push_publish_call_t call = relayed(l, "a", &west, 1);
    push_relay_entry_t entry;
    push_command_t command;
    push_relay_take_call_t take_call = {l->home, west.region, TEXT("me"),
                                        1000,    10,          1000};
    push_publish_reply_t published[3];
    const push_reply_t *reply;

    brief.keep = 5000;
    published[0] = library_publish(l, &call);
    call = relayed(l, "b", &brief, 1);
    published[1] = library_publish(l, &call);
    call = relayed(l, "c", &west, 1);
    call.ttl = 0;
    published[2] = library_publish(l, &call);
    push_library_relay_take(&command, &take_call);
    reply = library_send(l, &command);
    REQUIRE(push_relay_entry_read(push_relay_taken_at(reply, 0), &entry));
    ck_assert_int_eq(entry.expires, published[0].now + 60000);
    REQUIRE(push_relay_entry_read(push_relay_taken_at(reply, 1), &entry));
    ck_assert_int_eq(entry.expires, published[1].now + 5000);
    REQUIRE(push_relay_entry_read(push_relay_taken_at(reply, 2), &entry));
    ck_assert_int_eq(entry.expires, 0);
    ck_assert_uint_eq(entry.tick, published[2].tick);
}
END_TEST

START_TEST(who_asks_what_waits_is_told_of_each_partition_that_has_something)
{
    struct library *l = library_start(NULL);
    uint64_t first = put(l, "a").tick;
    struct taken taken;

    put(l, "b");
    ck_assert_uint_eq(known(l).waiting, 2);
    ck_assert_uint_eq(known(l).oldest, first);
    taken = take(l, "me", 10, 1000);
    done(l, "me", 2, taken.ticks, 1);
    ck_assert_uint_eq(known(l).waiting, 1);
    ck_assert_uint_eq(known(l).oldest, taken.ticks[1]);
    take(l, "me", 10, 1000);
    done(l, "me", 1, taken.ticks + 1, 1);
    ck_assert_uint_eq(known(l).waiting, 0);
}
END_TEST

START_TEST(a_new_library_knows_of_a_partition_once_it_was_counted)
{
    struct library *l = library_start(NULL);
    uint64_t first = put(l, "a").tick;
    push_command_t command;
    uint32_t waiting;

    library_load(l);
    ck_assert_uint_eq(known(l).waiting, 0);
    push_library_relay_count(&command, &l->home, west.region);
    REQUIRE(push_relay_count_reply(library_send(l, &command), &waiting));
    ck_assert_uint_eq(waiting, 1);
    ck_assert_uint_eq(known(l).waiting, 1);
    ck_assert_uint_eq(known(l).oldest, first);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("library relay");
    TCase *tc = case_add(suite, "list", 60);

    tcase_add_test(tc, a_message_waits_for_each_region_that_its_publish_names);
    tcase_add_test(
        tc, a_repeated_key_and_a_refused_rate_put_nothing_into_the_list);
    tcase_add_test(tc,
                   with_all_that_a_publish_may_have_the_list_gets_its_message);
    tcase_add_test(tc, one_holder_at_a_time_has_the_list);
    tcase_add_test(tc,
                   a_holder_that_died_has_the_list_until_its_lease_is_over);
    tcase_add_test(tc,
                   what_is_over_leaves_the_list_and_the_rest_keeps_its_order);
    tcase_add_test(tc, all_that_was_taken_may_stay_where_that_is_all_there_is);
    tcase_add_test(tc,
                   an_answer_has_no_more_entries_or_bytes_than_were_asked_for);
    tc = case_add(suite, "limits", 60);
    tcase_add_test(tc,
                   a_list_over_its_limits_loses_the_oldest_and_says_how_many);
    tcase_add_test(
        tc, a_message_waits_no_longer_than_its_ttl_or_the_region_keeps_it);
    tcase_add_test(
        tc, who_asks_what_waits_is_told_of_each_partition_that_has_something);
    tcase_add_test(tc, a_new_library_knows_of_a_partition_once_it_was_counted);
    return case_run(suite);
}
