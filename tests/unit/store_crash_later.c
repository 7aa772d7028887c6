#include "store_crash_part.h"

#include <stdio.h>

#include "core_suite.h"
#include "core_world.h"
#include "store/ops/later.h"

/* What a process that may die keeps for later, and publishes. */

static uint64_t published_ever(const fixture_t *g)
{
    uint64_t sums[PUSH_COUNTS];

    push_store_counts(&g->store, sums);
    return push_total_of(sums, PUSH_TOTAL_PUBLISHED);
}

/* Who dies before it has noted that is one death more. */
void crash_release(fixture_t *g, crash_journal_t *j)
{
    uint64_t before = published_ever(g);

    push_store_release(&g->store, &g->now);
    j->published += published_ever(g) - before;
}

/* False: it cannot be kept.  Where time stands it is due at once. */
static bool keep(fixture_t *g, crash_journal_t *j, const char *topic,
                 push_answer_t *answer)
{
    char text[16];
    push_publication_t later = {.audience = {PUSH_LOG_USER,
                                             named(crash_name(j, "keyed")), 0},
                                .now = g->now,
                                .at = g->now.wall + (j->alone ? 1000 : 0)};

    NEEDS(j->laters_count < CRASH_KEYS, "the journal is full");
    snprintf(text, sizeof(text), "l%u", j->laters_count++);
    later.spec = spec_urgent(text, PUSH_NORMAL);
    later.spec.topic = named(topic);
    if (push_store_schedule(&g->store, &later, NULL, answer) != PUSH_OK) {
        return false;
    }
    j->later_kept[j->laters_count - 1] = LATER_KEPT;
    return true;
}

/* One that is replaced by the next. */
static void keep_two(fixture_t *g, crash_journal_t *j)
{
    push_answer_t answer = {0};

    if (keep(g, j, "later", &answer)) {
        j->later_kept[j->laters_count - 1] = 0;
        keep(g, j, "later", &answer);
        j->later_kept[j->laters_count - 2] = j->later_kept[j->laters_count - 1]
                                                 ? LATER_ENDED
                                                 : 0;
    }
}

/* One that stays, and one that is recalled. */
static void keep_one(fixture_t *g, crash_journal_t *j)
{
    push_answer_t answer = {0};
    push_sought_t sought = {.later = true};

    keep(g, j, "", &answer);
    if (j->alone && keep(g, j, "", &answer)) {
        j->later_kept[j->laters_count - 1] = 0;
        sought.mid = answer.receipt.mid;
        if (push_store_unschedule(&g->store, &sought, &g->now) == PUSH_OK) {
            j->later_kept[j->laters_count - 1] = LATER_ENDED;
        }
    }
}

void crash_keep(fixture_t *g, crash_journal_t *j, int round)
{
    if (j->laters_count + 2 > CRASH_KEYS) {
        return;
    }
    if (j->alone && round % 2) {
        keep_two(g, j);
    }
    else {
        keep_one(g, j);
    }
}

void crash_came(crash_journal_t *j, unsigned number, uint64_t mid)
{
    NEEDS(!j->later_mids[number] || j->later_mids[number] == mid,
          "what was for later as %u was published twice", number);
    NEEDS(j->later_kept[number] != LATER_ENDED,
          "what was recalled or replaced as %u was published", number);
    j->later_mids[number] = mid;
}
