#include "core_suite.h"
#include "core_world.h"
#include "store/ops/tags.h"
#include "store/ops/unfollow.h"
#include "store_cluster.h"

#include <stdlib.h>
#include <string.h>

/* What a node does with what Redis says that users are subscribed to. */

static fixture_t g;

static void begin(void)
{
    node_init(&g, (size_t)4 << 20);
    node_follow(&g, "uada", 10);
}

static void end(void)
{
    fixture_cleanup(&g);
}

static unsigned shard_of(const char *user)
{
    return push_store_name(&g.store, named(user)).shard;
}

/* Redis says that, as of tick; channel NULL: of none.  Whether devices are to
 * follow. */
static bool say(uint64_t tick, const char *channel, uint64_t since)
{
    push_user_tag_t tag = {.since = since};
    bool due;

    if (channel) {
        tag.channel = named(channel);
    }
    ck_assert_int_eq(
        push_tags_store(&g.store,
                        &(push_user_tags_t){.user = named("ada"),
                                            .tick = tick,
                                            .changed = true,
                                            .list = &tag,
                                            .count = channel != NULL},
                        &due),
        PUSH_OK);
    return due;
}

/* What ada's devices do not follow yet, they do now, if they can. */
static push_status_t settle(void)
{
    push_assigned_copy_t copy;
    push_status_t status;

    ck_assert_uint_eq(push_tags_due(&g.store, shard_of("ada"), &copy, 1), 1);
    status = push_tags_settle(&g.store, &copy);
    free(copy.list);
    return status;
}

static bool is_settled(void)
{
    push_assigned_copy_t copy;
    unsigned count = push_tags_due(&g.store, shard_of("ada"), &copy, 1);

    if (count) {
        free(copy.list);
    }
    return count == 0;
}

START_TEST(who_is_here_has_all_since)
{
    push_stream_ref_t ada = node_come(&g, "ada", "d", NULL, 1);

    node_follow(&g, "ccity", 10);
    node_say(&g, "ccity", 11, "before");
    node_say(&g, "ccity", 12, "behind");
    ck_assert(say(20, "city", 11));
    ck_assert_int_eq(settle(), PUSH_OK);
    ck_assert(is_settled());
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=behind");
    node_say(&g, "ccity", 13, "then");
    ck_assert_str_eq(fixture_flush(&g, &ada), "2=then");
    ck_assert(say(21, NULL, 0));
    ck_assert_int_eq(settle(), PUSH_OK);
    node_say(&g, "ccity", 14, "after");
    ck_assert_str_eq(fixture_flush(&g, &ada), "");
}
END_TEST

START_TEST(what_is_older_or_the_same_changes_nothing)
{
    push_stream_ref_t ada = node_come(&g, "ada", "d", NULL, 1);

    node_follow(&g, "ccity", 10);
    ck_assert(say(20, "city", 10));
    ck_assert_int_eq(settle(), PUSH_OK);
    ck_assert(!say(19, NULL, 0));
    ck_assert(!say(30, "city", 10));
    ck_assert(!say(25, NULL, 0));
    ck_assert(is_settled());
    node_say(&g, "ccity", 11, "a");
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=a");
    /* Of one that was taken back the answers of before are older, too. */
    ck_assert(say(31, NULL, 0));
    ck_assert_int_eq(settle(), PUSH_OK);
    ck_assert(!say(30, "city", 10));
    ck_assert(is_settled());
}
END_TEST

START_TEST(it_waits_for_a_channel_that_is_not_here)
{
    push_stream_ref_t ada = node_come(&g, "ada", "d", NULL, 1);

    ck_assert(say(20, "city", 10));
    ck_assert_int_eq(settle(), PUSH_NOT_FOUND);
    ck_assert(!is_settled());
    node_follow(&g, "ccity", 10);
    node_say(&g, "ccity", 11, "a");
    ck_assert_int_eq(settle(), PUSH_OK);
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=a");
}
END_TEST

START_TEST(a_check_in_follows_by_itself)
{
    push_stream_ref_t ada = node_come(&g, "ada", "d", NULL, 1);
    push_stream_ref_t tv;

    ck_assert(say(20, "city", 10));
    ck_assert_int_eq(node_checkin(&g, "ada", NULL, NULL, &ada),
                     PUSH_NOT_FOUND);
    node_follow(&g, "ccity", 10);
    node_say(&g, "ccity", 11, "a");
    ck_assert_int_eq(node_checkin(&g, "ada", NULL, NULL, &ada), PUSH_OK);
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=a");
    /* One that is new has what comes from now on. */
    tv = node_come(&g, "ada", "tv", NULL, 1);
    ck_assert_str_eq(fixture_flush(&g, &tv), "");
    node_say(&g, "ccity", 12, "b");
    ck_assert_str_eq(fixture_flush(&g, &tv), "1=b");
    ck_assert_str_eq(fixture_flush(&g, &ada), "2=b");
    ck_assert_int_eq(settle(), PUSH_OK);
    ck_assert_str_eq(fixture_flush(&g, &ada), "");
}
END_TEST

START_TEST(it_goes_with_the_log_of_its_user)
{
    push_assigned_copy_t copy;
    push_follow_t follow;

    say(20, "city", 10);
    ck_assert(is_settled()); /* nobody is here */
    ck_assert_int_eq(push_tags_copy(&g.store, named("ada"), &copy), PUSH_OK);
    ck_assert_ptr_nonnull(copy.list);
    free(copy.list);
    ck_assert_int_eq(push_follow_leave(&g.store, named("uada"), &follow),
                     PUSH_OK);
    ck_assert_int_eq(push_follow_left(&g.store, named("uada"), follow.errand,
                                      true),
                     PUSH_OK);
    ck_assert_int_eq(push_tags_copy(&g.store, named("ada"), &copy), PUSH_OK);
    ck_assert_ptr_null(copy.list);
    /* Of who is not followed nothing is taken. */
    ck_assert(!say(40, "city", 10));
    ck_assert_int_eq(push_tags_copy(&g.store, named("ada"), &copy), PUSH_OK);
    ck_assert_ptr_null(copy.list);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store tags");
    TCase *tc = unit_case(suite, "tags", 30);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, who_is_here_has_all_since);
    tcase_add_test(tc, what_is_older_or_the_same_changes_nothing);
    tcase_add_test(tc, it_waits_for_a_channel_that_is_not_here);
    tcase_add_test(tc, a_check_in_follows_by_itself);
    tcase_add_test(tc, it_goes_with_the_log_of_its_user);
    return unit_run(suite);
}
