/*
 * What is kept for later, on a real Redis whose clock the test moves: it is
 * published once, at its time, by one function with its end.
 */
#include "library_kit.h"

#include <string.h>

#include "broker/library/later_calls.h"
#include "core/later.h"
#include "harness/case.h"
#include "harness/keep.h"

#define REQUIRE(read) ck_assert_msg((read), "no such answer: " #read)

static push_schedule_call_t later(struct library *l, const char *record,
                                  int64_t after)
{
    return (push_schedule_call_t){.home = l->home,
                                  .log = TEXT("uanna"),
                                  .shown = TEXT("shown"),
                                  .record = text_of(record),
                                  .ttl = 60000,
                                  .after = after,
                                  .window = 300000,
                                  .most = 1 << 20};
}

static push_publish_reply_t schedule(struct library *l,
                                     const push_schedule_call_t *call)
{
    push_publish_reply_t reply;
    push_command_t command;

    push_library_schedule(&command, call);
    REQUIRE(push_publish_reply(library_send(l, &command), &reply));
    return reply;
}

static uint64_t keep_later(struct library *l, const char *record,
                           int64_t after)
{
    push_schedule_call_t call = later(l, record, after);
    push_publish_reply_t reply = schedule(l, &call);

    ck_assert_int_eq(reply.outcome, PUSH_PUBLISHED_NEW);
    ck_assert(reply.later);
    return reply.tick;
}

struct due {
    push_due_reply_t head;
    push_kept_t kept[32];
    const char *records; /* "a b" */
};

static struct due due_of(struct library *l, unsigned owner, unsigned count)
{
    push_due_call_t call = {l->home, owner, count, 1 << 20};
    struct due due = {.records = ""};
    push_command_t command;
    const push_reply_t *reply;

    push_library_due(&command, &call);
    reply = library_send(l, &command);
    REQUIRE(push_due_reply(reply, &due.head));
    for (unsigned i = 0; i < due.head.count; i++) {
        REQUIRE(push_due_at(reply, i, &due.kept[i]));
        due.records = keep_printf("%s%s%.*s", due.records, i ? " " : "",
                                  (int)due.kept[i].record.len,
                                  due.kept[i].record.at);
    }
    return due;
}

static push_publish_reply_t release(struct library *l, uint64_t id,
                                    const char *record)
{
    push_publish_call_t call = library_message(l, "uanna", record);

    call.kept = id;
    return library_publish(l, &call);
}

static push_unscheduled_t unschedule(struct library *l, uint64_t id,
                                     const char *log)
{
    push_unschedule_call_t call = {l->home, id, text_of(log)};
    push_unscheduled_t outcome;
    push_command_t command;

    push_library_unschedule(&command, &call);
    REQUIRE(push_unschedule_reply(library_send(l, &command), &outcome));
    return outcome;
}

static push_kept_t look(struct library *l, uint64_t id)
{
    push_command_t command;
    push_kept_t kept;
    bool known;

    push_library_later(&command, &l->home, id);
    REQUIRE(push_later_reply(library_send(l, &command), id, &known, &kept));
    ck_assert(known);
    return kept;
}

static bool is_known(struct library *l, uint64_t id)
{
    push_command_t command;
    push_kept_t kept;
    bool known;

    push_library_later(&command, &l->home, id);
    REQUIRE(push_later_reply(library_send(l, &command), id, &known, &kept));
    return known;
}

/* When the VM believes that something is to be looked at, from now on. */
static int64_t next_in(struct library *l, unsigned due)
{
    push_later_next_t next;
    push_command_t command;
    unsigned partition, count = 0;

    push_library_later_next(&command, &l->home, 0);
    REQUIRE(push_later_next_reply(library_send(l, &command), &next));
    while (push_later_next_at(&next, count, &partition)) {
        ck_assert_uint_eq(partition, l->home.partition);
        count++;
    }
    ck_assert_uint_eq(count, due);
    return next.first ? next.first - next.now : -1;
}

START_TEST(one_is_published_at_its_time_and_once)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    struct library_node node = library_node(l, 1);
    push_publish_reply_t published;
    push_inbox_entry_t entry;
    uint64_t id;

    library_follow(&node, "uanna", 0);
    id = keep_later(l, "a", 5000);
    ck_assert_int_eq(next_in(l, 0), 5000);
    ck_assert_uint_eq(due_of(l, 1, 10).head.count, 0);
    ck_assert_int_eq(release(l, id, "a").outcome, PUSH_PUBLISHED_OVER);
    ck_assert_uint_eq(library_drain(&node).last, 0);
    library_jump(l, now + 5000);
    ck_assert_int_eq(next_in(l, 1), 0);
    ck_assert_str_eq(due_of(l, 1, 10).records, "a");
    published = release(l, id, "a");
    ck_assert_int_eq(published.outcome, PUSH_PUBLISHED_NEW);
    ck_assert_uint_gt(published.tick, id);
    entry = library_only(&node);
    ck_assert_uint_eq(entry.tick, published.tick);
    ck_assert_int_eq(entry.expires, now + 65000);
    ck_assert_int_eq(release(l, id, "a").outcome, PUSH_PUBLISHED_OVER);
    ck_assert_uint_eq(due_of(l, 1, 10).head.count, 0);
    ck_assert_uint_eq(look(l, id).state, PUSH_LATER_PUBLISHED);
    ck_assert_uint_eq(look(l, id).message, published.tick);
}
END_TEST

START_TEST(what_one_node_was_given_another_gets_when_that_does_not_publish_it)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    uint64_t id = keep_later(l, "a", 10);

    keep_later(l, "b", 20);
    library_jump(l, now + 10);
    ck_assert_str_eq(due_of(l, 1, 10).records, "a");
    ck_assert_str_eq(due_of(l, 2, 10).records, "");
    ck_assert_str_eq(due_of(l, 1, 10).records, "a");
    library_jump(l, now + 20);
    ck_assert_str_eq(due_of(l, 2, 10).records, "b");
    library_jump(l, now + 1500);
    ck_assert_str_eq(due_of(l, 2, 1).records, "a");
    ck_assert_int_eq(release(l, id, "a").outcome, PUSH_PUBLISHED_NEW);
    /* The first had only been slow. */
    ck_assert_int_eq(release(l, id, "a").outcome, PUSH_PUBLISHED_OVER);
}
END_TEST

START_TEST(a_library_that_is_loaded_anew_finds_what_is_kept)
{
    int64_t now;
    struct library *l = library_start_clock(&now);

    keep_later(l, "a", 1000);
    redis_call(l->redis, "SCRIPT FLUSH");
    library_load(l);
    ck_assert_int_eq(next_in(l, 0), -1);
    ck_assert_uint_eq(due_of(l, 1, 10).head.count, 0);
    ck_assert_int_ge(next_in(l, 0), 1);
}
END_TEST

START_TEST(a_later_one_of_the_topic_replaces_what_is_kept)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    push_schedule_call_t call = later(l, "a", 1000);
    uint64_t first, other;

    call.topic = TEXT("t");
    first = schedule(l, &call).tick;
    call.device = TEXT("d");
    other = schedule(l, &call).tick;
    call.device = TEXT("");
    call.record = TEXT("b");
    schedule(l, &call);
    ck_assert_uint_eq(look(l, first).state, PUSH_LATER_REPLACED);
    ck_assert_uint_eq(look(l, other).state, PUSH_LATER_KEPT);
    library_jump(l, now + 1000);
    ck_assert_str_eq(due_of(l, 1, 10).records, "a b");
    ck_assert_int_eq(release(l, first, "a").outcome, PUSH_PUBLISHED_OVER);
}
END_TEST

START_TEST(a_key_is_answered_with_what_it_was_kept_as)
{
    static const unsigned char key[PUSH_KEY_BYTES] = "key";
    struct library *l = library_start(NULL);
    push_schedule_call_t call = later(l, "a", 100000);
    push_publish_call_t plain = library_message(l, "uanna", "a");
    push_publish_reply_t first, again;

    call.key = plain.key = key;
    plain.window = 300000;
    call.rate = 1;
    first = schedule(l, &call);
    again = schedule(l, &call);
    ck_assert_int_eq(again.outcome, PUSH_PUBLISHED_AGAIN);
    ck_assert_uint_eq(again.tick, first.tick);
    ck_assert(again.later);
    again = library_publish(l, &plain);
    ck_assert_int_eq(again.outcome, PUSH_PUBLISHED_AGAIN);
    ck_assert_uint_eq(again.tick, first.tick);
    ck_assert(again.later);
    call.request = 1;
    ck_assert_int_eq(schedule(l, &call).outcome, PUSH_PUBLISHED_REUSED);
    call.key = NULL;
    ck_assert_int_eq(schedule(l, &call).outcome, PUSH_PUBLISHED_RATE);
}
END_TEST

START_TEST(one_is_taken_back_by_its_audience)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    uint64_t id = keep_later(l, "a", 1000);
    push_kept_t kept = look(l, id);

    ck_assert(text_is(kept.log, "uanna"));
    ck_assert(text_is(kept.shown, "shown"));
    ck_assert(text_is(kept.record, ""));
    ck_assert_int_eq(kept.at, now + 1000);
    ck_assert_int_eq(kept.ttl, 60000);
    ck_assert_int_eq(unschedule(l, id, "ubob"), PUSH_UNSCHEDULED_NONE);
    ck_assert_int_eq(unschedule(l, id + 1, ""), PUSH_UNSCHEDULED_NONE);
    ck_assert_int_eq(unschedule(l, id, "uanna"), PUSH_UNSCHEDULED);
    ck_assert_int_eq(unschedule(l, id, ""), PUSH_UNSCHEDULED_OVER);
    ck_assert_uint_eq(look(l, id).state, PUSH_LATER_RECALLED);
    library_jump(l, now + 1000);
    ck_assert_str_eq(due_of(l, 1, 10).records, "");
    ck_assert_int_eq(release(l, id, "a").outcome, PUSH_PUBLISHED_OVER);
    /* It is remembered for its window. */
    library_jump(l, now + 300000);
    due_of(l, 1, 10);
    ck_assert(!is_known(l, id));
    ck_assert_int_eq(next_in(l, 0), -1);
}
END_TEST

START_TEST(what_is_too_late_is_over)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    push_schedule_call_t call = later(l, "a", 1000);
    uint64_t short_lived = schedule(l, &call).tick, at_once;

    call.ttl = 0;
    at_once = schedule(l, &call).tick;
    library_jump(l, now + 1000 + 59999);
    ck_assert_str_eq(due_of(l, 1, 10).records, "a a");
    library_jump(l, now + 1000 + 60000);
    ck_assert_int_eq(release(l, at_once, "a").outcome, PUSH_PUBLISHED_OVER);
    ck_assert_str_eq(due_of(l, 1, 10).records, "");
    ck_assert_uint_eq(look(l, short_lived).state, PUSH_LATER_EXPIRED);
    ck_assert_uint_eq(look(l, at_once).state, PUSH_LATER_EXPIRED);
}
END_TEST

START_TEST(no_more_is_kept_than_there_is_room_for)
{
    struct library *l = library_start(NULL);
    push_schedule_call_t call = later(l, "0123456789", 1000);
    uint64_t id;

    call.most = 100;
    id = schedule(l, &call).tick; /* 34 + 5 + 5 + 10 bytes */
    ck_assert_int_eq(schedule(l, &call).outcome, PUSH_PUBLISHED_FULL);
    unschedule(l, id, "");
    ck_assert_int_eq(schedule(l, &call).outcome, PUSH_PUBLISHED_NEW);
}
END_TEST

static const char *listed(struct library *l, const char *prefix, unsigned most,
                          bool expect_more)
{
    push_laters_call_t call = {l->home, text_of(prefix), most};
    const char *records = "";
    push_command_t command;
    const push_reply_t *reply;
    unsigned count;
    bool more;

    push_library_laters(&command, &call);
    reply = library_send(l, &command);
    REQUIRE(push_laters_reply(reply, &count, &more));
    ck_assert_int_eq(more, expect_more);
    for (unsigned i = 0; i < count; i++) {
        push_kept_t kept;

        REQUIRE(push_laters_at(reply, i, &kept));
        records = keep_printf("%s%s%.*s", records, i ? " " : "",
                              (int)kept.shown.len, kept.shown.at);
    }
    return records;
}

START_TEST(what_is_kept_is_listed_in_order_of_its_time)
{
    struct library *l = library_start(NULL);
    push_schedule_call_t call = later(l, "a", 3000);

    call.shown = TEXT("third");
    schedule(l, &call);
    call.after = 2000;
    call.shown = TEXT("second");
    call.log = TEXT("cantelope");
    schedule(l, &call);
    call.after = 1000;
    call.shown = TEXT("first");
    call.log = TEXT("ubob");
    schedule(l, &call);
    unschedule(l, keep_later(l, "b", 500), "");
    ck_assert_str_eq(listed(l, "", 10, false), "first second third");
    ck_assert_str_eq(listed(l, "an", 10, false), "second third");
    ck_assert_str_eq(listed(l, "an", 1, true), "second");
    ck_assert_str_eq(listed(l, "x", 10, false), "");
}
END_TEST

START_TEST(what_is_released_replaces_its_topic_and_waits_for_regions)
{
    static const push_relay_list_t west = {{"west", 4}, 60000, 10, 10000};
    int64_t now;
    struct library *l = library_start_clock(&now);
    push_publish_call_t call = library_message(l, "uanna", "old");
    struct library_node node = library_node(l, 1);
    push_schedule_call_t kept = later(l, "new", 1000);

    call.topic = kept.topic = TEXT("t");
    library_publish(l, &call);
    call.kept = schedule(l, &kept).tick;
    library_jump(l, now + 1000);
    call.record = TEXT("new");
    call.relay = TEXT("line");
    call.lists = &west;
    call.lists_count = 1;
    ck_assert_int_eq(library_publish(l, &call).outcome, PUSH_PUBLISHED_NEW);
    ck_assert_uint_eq(
        library_count(library_follow(&node, "uanna", 0).followed.entries), 1);
    ck_assert_int_eq(redis_call(l->redis, "KEYS push:*Owest")->elements, 1);
    /* It was over by that. */
    ck_assert_int_eq(library_publish(l, &call).outcome, PUSH_PUBLISHED_OVER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("library later");
    TCase *tc = case_add(suite, "later", 60);

    tcase_add_test(tc, one_is_published_at_its_time_and_once);
    tcase_add_test(
        tc,
        what_one_node_was_given_another_gets_when_that_does_not_publish_it);
    tcase_add_test(tc, a_library_that_is_loaded_anew_finds_what_is_kept);
    tcase_add_test(tc, a_later_one_of_the_topic_replaces_what_is_kept);
    tcase_add_test(tc, a_key_is_answered_with_what_it_was_kept_as);
    tcase_add_test(tc, one_is_taken_back_by_its_audience);
    tcase_add_test(tc, what_is_too_late_is_over);
    tcase_add_test(tc, no_more_is_kept_than_there_is_room_for);
    tcase_add_test(tc, what_is_kept_is_listed_in_order_of_its_time);
    tcase_add_test(tc,
                   what_is_released_replaces_its_topic_and_waits_for_regions);
    return case_run(suite);
}
