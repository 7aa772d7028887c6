#include "store_crash_part.h"

#include <stdio.h>

#include "core_suite.h"
#include "store/shard/report.h"
#include "store/ops/pressure.h"
#include "store/upkeep/validate.h"
#include "store/ops/view.h"
#include "store/ops/keys.h"
#include "store/ops/later.h"
#include "store/shm/clock.h"

/* ---- after the death ---- */

static void sound(fixture_t *g)
{
    push_check_t check;

    push_validate(&g->store, &check);
    NEEDS(!check.skipped, "%lu shards cannot be entered",
          (unsigned long)check.skipped);
    NEEDS(!check.wrong, "%lu things are wrong: %s", (unsigned long)check.wrong,
          check.texts[0]);
    NEEDS(!check.leaked, "%lu objects leaked", (unsigned long)check.leaked);
}

static bool newer_of_topic(const crash_journal_t *j, uint32_t number)
{
    for (uint32_t i = number + 1; i < j->messages_count; i++) {
        if (j->messages[i].topic) {
            return true;
        }
    }
    return false;
}

static void nothing_lost(const crash_journal_t *j, unsigned device)
{
    uint32_t missing = 0;
    uint32_t first = 0;

    for (uint32_t i = 0; i < j->messages_count; i++) {
        const crash_message_t *m = &j->messages[i];

        if (m->state == CRASH_ACCEPTED && m->to & BIT(device)
            && !(m->got & BIT(device))
            && !(m->topic && newer_of_topic(j, i))) {
            first = missing ? first : i;
            missing++;
        }
        NEEDS(!(m->got & BIT(device)) || m->to & BIT(device),
              "message %u is not for device %u", i, device);
    }
    NEEDS(missing <= j->devices[device].gaps || j->devices[device].forgotten,
          "device %u misses %u messages, m%u first, and was told of %u",
          device, missing, first, j->devices[device].gaps);
    NEEDS(j->deaths > 1 || device == FULL || device == LATE || device == SPARE
              || !missing,
          "device %u lost m%u", device, first);
}

static void once_a_key(fixture_t *g, crash_journal_t *j)
{
    push_audience_t audience = {.kind = PUSH_LOG_USER,
                                .name = named(crash_name(j, "keyed"))};

    for (uint32_t i = 0; i < j->keys_count; i++) {
        push_status_t status;

        if (j->key_times[i] + WINDOW <= g->now.mono) {
            continue;
        }
        status = crash_claim(g, j, i, &audience);
        NEEDS(status == PUSH_OK || status == PUSH_OVER, "key %u stands at %d",
              i, (int)status);
        if (status == PUSH_OK) {
            const push_claim_t claim = crash_key(g, j, i);

            push_store_key_done(&g->store, &claim, NULL);
            crash_publish_keyed(g, j, i);
        }
    }
}

static bool accepted(const crash_journal_t *j)
{
    return j->messages[j->messages_count - 1].state == CRASH_ACCEPTED;
}

/*
 * The next operations.  Where memory was full, what the dead kept others from
 * freeing is free after the sweep that follows a repair.
 */
static void serve(fixture_t *g, crash_journal_t *j)
{
    crash_say(g, j, "a", TO_A, PUSH_NORMAL);
    if (!accepted(j)) {
        NEEDS(push_pressure_above(&g->store, 85), "a publish failed");
        crash_sweep(g);
        crash_pass(g, j, 100);
        crash_say(g, j, "a", TO_A, PUSH_NORMAL);
        NEEDS(accepted(j), "a publish failed again");
    }
    crash_cast(g, j, PUSH_NORMAL);
    NEEDS(accepted(j), "a publish to a channel failed");
}

static void between(uint64_t count, uint64_t known, uint64_t unknown,
                    const char *name)
{
    NEEDS(count >= known && count <= known + unknown,
          "%lu %s are counted, %lu and at most %lu more happened",
          (unsigned long)count, name, (unsigned long)known,
          (unsigned long)unknown);
}

static void add_row(void *data, const push_report_row_t *row)
{
    uint64_t *sums = data;

    for (int i = 0; i < PUSH_TALLIES; i++) {
        sums[i] += row->of[i];
    }
}

/*
 * All that was counted stands in one minute, whoever died as it was closed.
 * Who died between its two stores has counted by name only.
 */
static void reports_agree(fixture_t *g, const crash_journal_t *j)
{
    const push_report_query_t query = {.to = INT64_MAX, .now = j->now};
    uint64_t told[PUSH_TALLIES] = {0};
    push_sums_t sums;

    push_report_sums(&g->store, &sums);
    NEEDS(push_report_read(&g->store, &query, add_row, told) == PUSH_OK,
          "there is no report");
    for (int i = 0; i < PUSH_TALLIES; i++) {
        uint32_t sum = 0;

        for (unsigned c = 0; c < PUSH_CLASSES; c++) {
            sum += sums.of[c][i];
        }
        NEEDS(told[i] >= sum && told[i] - sum <= j->deaths * PUSH_DELIVERY_MAX,
              "reports tell of %lu %s, and %lu are counted",
              (unsigned long)told[i], push_tally_name((push_tally_kind_t)i),
              (unsigned long)sum);
    }
    between(told[PUSH_TALLY_PUBLISHED], j->published, j->deaths,
            "published in reports");
}

void crash_counts(fixture_t *g, crash_journal_t *j)
{
    uint64_t sums[PUSH_COUNTS];

    push_store_counts(&g->store, sums);
    for (int i = 0; i < PUSH_COUNTS; i++) {
        NEEDS(sums[i] >= j->counted[i], "cell %d fell from %lu to %lu", i,
              (unsigned long)j->counted[i], (unsigned long)sums[i]);
        j->counted[i] = sums[i];
    }
    if (j->alone) {
        between(push_total_of(sums, PUSH_TOTAL_PUBLISHED), j->published,
                j->deaths, "published");
        between(push_total_of(sums, PUSH_TOTAL_DELIVERED), j->delivered,
                j->deaths * PUSH_DELIVERY_MAX, "delivered");
        reports_agree(g, j);
    }
}

void crash_verify(fixture_t *g, crash_journal_t *j)
{
    push_stream_ref_t stream_refs[CRASH_DEVICES];
    int64_t before;

    g->now = j->now;
    before = push_clock_now().mono;
    serve(g, j);
    crash_arrive(g, j, stream_refs);
    NEEDS(push_clock_now().mono - before < 1000, "service took more than 1 s");
    crash_sweep(g);
    crash_pass(g, j, 1600);
    crash_release(g, j);
    sound(g);
    once_a_key(g, j);
    for (unsigned i = 0; i < CRASH_DEVICES; i++) {
        while (crash_flush(g, j, i, &stream_refs[i])) {
        }
        crash_acknowledge(g, j, i, &stream_refs[i]);
        nothing_lost(j, i);
    }
    for (uint32_t i = 0; i < j->keys_count; i++) {
        NEEDS(j->key_mids[i], "key %u was never delivered", i);
    }
    for (uint32_t i = 0; i < j->laters_count; i++) {
        NEEDS(j->later_mids[i] || j->later_kept[i] != LATER_KEPT,
              "what was for later as %u was never delivered", i);
    }
    crash_unassign(g, j);
    sound(g);
    crash_counts(g, j);
    for (unsigned i = 0; i < CRASH_DEVICES; i++) {
        push_store_checkout(&g->store, &stream_refs[i], &g->now);
    }
}

/* ---- memory ---- */

static uint64_t bytes_of(const fixture_t *g, push_ref_t ref)
{
    push_object_t object = {.size = 0};

    return ref && push_slab_find(&g->store.slab, ref, &object) ? object.size
                                                               : 0;
}

uint64_t crash_used(const fixture_t *g)
{
    const push_store_t *store = &g->store;
    uint64_t used = store->segment->slab.used;

    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        used -= bytes_of(g, store->shards[i].users.buckets)
                + bytes_of(g, store->shards[i].contexts.buckets)
                + bytes_of(g, store->shards[i].channels.buckets)
                + bytes_of(g, store->shards[i].keys.buckets)
                + bytes_of(g, store->shards[i].assigned.buckets)
                + bytes_of(g, store->shards[i].later.nodes.buckets);
    }
    for (unsigned i = 0; i < PUSH_LANES; i++) {
        used -= bytes_of(g, push_store_broadcast(store)->log.lanes[i].ring);
    }
    return used;
}

void crash_empty(fixture_t *g, uint64_t used)
{
    static const push_text_t nowhere = {NULL, 0}; /* where all come from */
    push_stats_view_t stats;
    push_channel_t *all = push_store_broadcast(&g->store);

    for (int i = 0; i < 4; i++) {
        fixture_pass(g, 400000);
        crash_sweep(g);
        push_store_release(&g->store, &g->now);
    }
    /* Its seat goes on, but no stream there follows a channel any more. */
    push_seat_leave(&g->store.seats, 0);
    for (int i = 0; i < 3; i++) {
        crash_sweep(g);
    }
    push_view_stats(&g->store, &stats);
    NEEDS(!stats.devices && !stats.users && !stats.channels,
          "%lu devices, %lu users, %lu channels are left",
          (unsigned long)stats.devices, (unsigned long)stats.users,
          (unsigned long)stats.channels);
    NEEDS(!all->subscribers && !all->connected,
          "the broadcast counts %u subscribers, %u connected",
          all->subscribers, all->connected);
    NEEDS(!g->store.guard
              || push_guard_enter(g->store.guard,
                                  push_guard_address(g->store.guard, nowhere))
                     == 1,
          "an address has streams that are none");
    sound(g);
    NEEDS(crash_used(g) == used, "%ld bytes are lost",
          (long)(crash_used(g) - used));
}
