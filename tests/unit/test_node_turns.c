/* Each shard has its turn once a round, whenever the ticks come. */

#include <check.h>

#include "broker/node/turns.h"
#include "core/ids.h"
#include "core_suite.h"

static void take(const push_turns_t *turns, unsigned *had)
{
    for (unsigned i = 0; i < turns->count; i++) {
        had[(turns->first + i) % PUSH_SHARDS]++;
    }
}

START_TEST(no_shard_is_passed_over_though_ticks_come_late)
{
    static const int64_t rounds[] = {1000, 1801, 450000, 151200000};

    for (unsigned i = 0; i < sizeof(rounds) / sizeof(*rounds); i++) {
        unsigned had[PUSH_SHARDS] = {0};
        int64_t step = rounds[i] / 97 + 1, before = 12345;
        int64_t end = before + 10 * rounds[i];

        /* The steps are of one length, and two of another. */
        for (int64_t now = before; before < end; before = now) {
            push_turns_t turns;

            now = before + step * (before % 3 + 1);
            now = now < end ? now : end;
            turns = push_turns_between(before, now, rounds[i]);
            take(&turns, had);
        }
        for (unsigned shard = 0; shard < PUSH_SHARDS; shard++) {
            ck_assert_uint_eq(had[shard], 10);
        }
    }
}
END_TEST

START_TEST(after_a_long_pause_all_have_their_turn_once)
{
    unsigned had[PUSH_SHARDS] = {0};
    push_turns_t turns = push_turns_between(5000, 5000 + 7 * 60000, 60000);

    take(&turns, had);
    for (unsigned shard = 0; shard < PUSH_SHARDS; shard++) {
        ck_assert_uint_eq(had[shard], 1);
    }
    turns = push_turns_between(5000, 5000, 60000);
    ck_assert_uint_eq(turns.count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node_turns");
    TCase *tc = tcase_create("turns");

    tcase_add_test(tc, no_shard_is_passed_over_though_ticks_come_late);
    tcase_add_test(tc, after_a_long_pause_all_have_their_turn_once);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
