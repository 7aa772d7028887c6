#include "core/failpoint.h"
#include "core_suite.h"
#include "store_shared.h"

#include <string.h>

/* What others do between two steps of one. */

#define ROOM ((size_t)4 << 20)

static fixture_t g;
static push_stream_ref_t stream_ref;

static void begin(void)
{
    fixture_init(&g, ROOM);
    push_store_sit(&g.store, 0);
}

static void end(void)
{
    fixture_cleanup(&g);
}

static void say_to_channel(const char *text)
{
    ck_assert_int_eq(fixture_publish(&g, PUSH_LOG_CHANNEL, "c", text,
                                     PUSH_NORMAL),
                     PUSH_OK);
}

/* A user whose flush does not lock the channel: on one thread, who overtakes
 * would wait for itself. */
static const char *user_beside_the_channel(void)
{
    static char name[] = "a";
    unsigned shard = push_store_name(&g.store, named("c")).shard;

    while (push_store_name(&g.store, named(name)).shard == shard) {
        ck_assert_int_lt(name[0]++, 'z');
    }
    return name;
}

static void overtake(const char *name)
{
    if (!strcmp(name, "read-loss-counted")) {
        push_failpoint_hook = NULL;
        say_to_channel("5");
        say_to_channel("6");
    }
}

/* What was dropped between the two was in no gap. */
START_TEST(what_is_dropped_while_a_gap_is_counted_is_counted_too)
{
    const char *user = user_beside_the_channel();

    g.store.limits.history = 2;
    ck_assert_int_eq(fixture_checkin(&g, user, "d", "c", &stream_ref),
                     PUSH_OK);
    for (const char *text = "1234"; *text; text++) {
        say_to_channel((char[]){*text, '\0'});
    }
    push_failpoint_hook = overtake;
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "!normal:4 1=5 2=6");
    ck_assert_ptr_null(push_failpoint_hook);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("overtaken");
    TCase *tc = unit_case(suite, "overtaken", 60);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, what_is_dropped_while_a_gap_is_counted_is_counted_too);
    return unit_run(suite);
}
