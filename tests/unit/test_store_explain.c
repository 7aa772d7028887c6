#include "core_suite.h"
#include "core_world.h"
#include "store_fixture.h"

#include <string.h>

#include "core/explain.h"
#include "store/ops/ack.h"
#include "store/ops/explain.h"
#include "store/ops/life.h"
#include "store/shard/context.h"
#include "store/shard/shard.h"
#include "store/upkeep/sweep.h"
#include "store/upkeep/validate.h"

/* What the store keeps for explanations, and what it finds out for them. */

static push_facts_t facts[PUSH_DEVICES_MAX];
static push_explanation_t explanation;

/* The cause, by its name. */
static const char *cause_of(const char *user, const char *device, uint64_t mid)
{
    const push_question_t question = {.mid = mid,
                                      .user = named(user),
                                      .device = named(device),
                                      .now = g.now};
    unsigned count;

    ck_assert_int_eq(push_store_explain(&g.store, &question, facts,
                                        PUSH_DEVICES_MAX, &count),
                     PUSH_OK);
    push_explain(facts, &explanation);
    return push_cause_name(explanation.cause);
}

static void say(push_log_kind_t kind, const char *name, const char *text)
{
    ck_assert_int_eq(fixture_publish(&g, kind, name, text, PUSH_NORMAL),
                     PUSH_OK);
}

static void sound(void)
{
    push_check_t check;

    push_validate(&g.store, &check);
    ck_assert_msg(!check.wrong, "wrong: %s", check.texts[0]);
    ck_assert_uint_eq(check.leaked, 0);
}

static void leave(const push_stream_ref_t *stream_ref)
{
    push_store_end(&g.store, stream_ref, PUSH_WENT_PEER, &g.now);
}

/* The sweep forgets it once it has been over for a minute. */
START_TEST(a_message_that_is_forgotten_is_known_to_have_expired)
{
    push_stream_ref_t stream_ref = open_stream("u", "d", NULL);
    uint64_t mid;

    leave(&stream_ref);
    say(PUSH_LOG_USER, "u", "hello");
    mid = g.receipt.mid;
    ck_assert_str_eq(cause_of("u", "d", mid), "away");
    for (int i = 0; i < 3; i++) {
        fixture_pass(&g, 3600000);
        atomic_store(&g.store.segment->sweep_next, 0);
        push_store_sweep_due(&g.store, &g.now);
    }
    ck_assert_str_eq(cause_of("u", "", mid), "forgotten");
    ck_assert_int_eq(facts->message.known, PUSH_KNOWN_GONE);
    ck_assert_int_eq(facts->message.gone, PUSH_GONE_EXPIRED);
    ck_assert_str_eq(cause_of("v", "", mid), "another-user");
}
END_TEST

START_TEST(only_the_last_that_went_are_remembered)
{
    push_heap_t *heap = &g.store.heaps[7];
    const push_gone_ring_t *ring = heap->gone;

    for (uint64_t mid = 1; mid <= PUSH_GONE_KEPT + 2; mid++) {
        push_gone_note_nobody(heap, PUSH_NODE_USER, 5, mid);
    }
    ck_assert_ptr_null(push_gone_find(ring, 2));
    ck_assert_uint_eq(push_gone_find(ring, 3)->mid, 3);
    ck_assert_uint_eq(push_gone_find(ring, PUSH_GONE_KEPT + 2)->name, 5);
}
END_TEST

/* With a key, a message may have got its mid before that which it replaces. */
START_TEST(what_replaced_a_message_is_known_unless_it_is_older)
{
    push_audience_t audience = {.kind = PUSH_LOG_USER, .name = named("u")};
    push_message_spec_t spec = spec_urgent("x", PUSH_NORMAL);
    push_stream_ref_t stream_ref = open_stream("u", "d", NULL);
    uint64_t mids[3];

    leave(&stream_ref);
    spec.topic = named("t");
    for (int i = 0; i < 3; i++) {
        audience.mid = i == 2 ? mids[0] - 4096 : 0;
        ck_assert_int_eq(store_publish(&g.store, &audience, &spec, &g.now,
                                       &g.receipt),
                         PUSH_OK);
        mids[i] = g.receipt.mid;
    }
    ck_assert_str_eq(cause_of("u", "d", mids[0]), "replaced");
    ck_assert_uint_eq(facts->message.successor, mids[1]);
    ck_assert_str_eq(cause_of("u", "d", mids[1]), "replaced");
    ck_assert_uint_eq(facts->message.successor, 0);
}
END_TEST

/* ---- traces ---- */

static push_trace_view_t trace_of(const char *user, const char *device)
{
    cause_of(user, device, 0);
    return facts->trace;
}

START_TEST(a_trace_begins_and_ends_with_a_check_in)
{
    push_stream_ref_t stream_ref;
    unsigned shard = push_store_name(&g.store, named("u")).shard;

    g.traced = true;
    stream_ref = open_stream("u", "d", NULL);
    ck_assert_uint_eq(trace_of("u", "d").count, 2);
    ck_assert_uint_eq(g.store.shards[shard].traces, 1);
    sound();
    leave(&stream_ref);
    ck_assert_uint_eq(trace_of("u", "d").count, 3);
    g.traced = false;
    open_stream("u", "d", NULL);
    ck_assert(!trace_of("u", "d").on);
    ck_assert_uint_eq(g.store.shards[shard].traces, 0);
    sound();
}
END_TEST

START_TEST(a_trace_goes_with_its_device)
{
    push_stream_ref_t stream_ref;
    unsigned shard = push_store_name(&g.store, named("u")).shard;

    g.traced = true;
    stream_ref = open_stream("u", "d", NULL);
    leave(&stream_ref);
    ck_assert(push_shard_enter(&g.store, shard));
    push_store_drop_device(&g.store,
                           push_store_device_at(&g.store, stream_ref.device));
    push_shard_leave(&g.store, shard);
    ck_assert_uint_eq(g.store.shards[shard].traces, 0);
    sound();
}
END_TEST

/* What the socket did not take is not said to have been written. */
START_TEST(a_trace_takes_back_what_was_cut)
{
    push_stream_ref_t stream_ref;
    push_trace_view_t trace;

    g.traced = true;
    stream_ref = open_stream("u", "d", NULL);
    say(PUSH_LOG_USER, "u", "a");
    say(PUSH_LOG_USER, "u", "b");
    say(PUSH_LOG_USER, "u", "c");
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=a 2=b 3=c");
    ck_assert_uint_eq(trace_of("u", "d").count, 5);
    ck_assert(push_delivery_cut(&g.store, &stream_ref, 1));
    trace = trace_of("u", "d");
    ck_assert_uint_eq(trace.count, 3);
    ck_assert_uint_eq(trace.entries[2].what & PUSH_TRACE_SEQ, 1);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "2=b 3=c");
    trace = trace_of("u", "d");
    ck_assert_uint_eq(trace.entries[4].what >> 28, PUSH_TRACE_WRITTEN);
}
END_TEST

START_TEST(a_trace_keeps_the_last_events)
{
    push_stream_ref_t stream_ref;
    push_trace_view_t trace;

    g.traced = true;
    stream_ref = open_stream("u", "d", NULL);
    for (unsigned i = 0; i < PUSH_TRACE_KEPT + 5; i++) {
        say(PUSH_LOG_USER, "u", "x");
        fixture_flush(&g, &stream_ref);
    }
    trace = trace_of("u", "d");
    ck_assert_uint_eq(trace.count, PUSH_TRACE_KEPT);
    ck_assert_uint_eq(trace.entries[0].what & PUSH_TRACE_SEQ, 6);
    ck_assert_uint_eq(trace.entries[PUSH_TRACE_KEPT - 1].what & PUSH_TRACE_SEQ,
                      PUSH_TRACE_KEPT + 5);
}
END_TEST

/* A repair believes a trace only if it is one. */
START_TEST(a_repair_keeps_traces_and_counts_them)
{
    push_stream_ref_t stream_ref;
    unsigned shard = push_store_name(&g.store, named("u")).shard;
    push_subscription_t *own;

    g.traced = true;
    stream_ref = open_stream("u", "d", NULL);
    g.store.shards[shard].traces = 9;
    g.store.shards[shard].damaged = 1;
    ck_assert(push_shard_enter(&g.store, shard));
    push_shard_leave(&g.store, shard);
    ck_assert_uint_eq(g.store.shards[shard].traces, 1);
    ck_assert_uint_eq(trace_of("u", "d").count, 2);
    own = push_device_subscriptions(
        &g.store.heaps[0], push_store_device_at(&g.store, stream_ref.device));
    own->since = push_store_device_at(&g.store, stream_ref.device)->labels;
    g.store.shards[shard].damaged = 1;
    ck_assert(push_shard_enter(&g.store, shard));
    push_shard_leave(&g.store, shard);
    ck_assert_uint_eq(own->since, PUSH_NONE);
    sound();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("explain store");
    TCase *tc = unit_case(suite, "notes", 20);

    tcase_add_checked_fixture(tc, store_begin, store_end);
    tcase_add_test(tc, a_message_that_is_forgotten_is_known_to_have_expired);
    tcase_add_test(tc, only_the_last_that_went_are_remembered);
    tcase_add_test(tc, what_replaced_a_message_is_known_unless_it_is_older);
    tc = unit_case(suite, "traces", 20);
    tcase_add_checked_fixture(tc, store_begin, store_end);
    tcase_add_test(tc, a_trace_begins_and_ends_with_a_check_in);
    tcase_add_test(tc, a_trace_goes_with_its_device);
    tcase_add_test(tc, a_trace_takes_back_what_was_cut);
    tcase_add_test(tc, a_trace_keeps_the_last_events);
    tcase_add_test(tc, a_repair_keeps_traces_and_counts_them);
    return unit_run(suite);
}
