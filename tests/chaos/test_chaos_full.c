/*
 * More than there is room for: memory, mailboxes, the window, streams, time.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "chaos.h"
#include "crowd.h"
#include "faults.h"
#include "feed.h"
#include "http.h"
#include "journal.h"
#include "keep.h"
#include "verbs.h"

#define OPEN_MS   30000
#define SETTLE_MS 30000

/* Make devices known that are away. */
static void visit(struct loop *loop, const struct crowd_options *o)
{
    struct crowd_options visitors = *o;
    struct crowd *crowd;

    visitors.journal = NULL;
    crowd = crowd_start(loop, &visitors);
    loop_until(loop, OPEN_MS, crowd_open(crowd) == o->count);
    crowd_close(crowd);
    loop_until(loop, OPEN_MS, stat_of(o->server, "streams") == 0);
}

/* ---- memory ---- */

/* What was accepted, to say of the missing that they were evicted: then the
 * checker asks whether each of them was announced. */
struct accepted {
    char (*mids)[16];
    size_t count, room;
};

static void note_accepted(struct feed *feed, uint64_t number, const char *mid)
{
    struct accepted *a = feed->baton;

    (void)number;
    ck_assert_uint_lt(a->count, a->room);
    snprintf(a->mids[a->count], sizeof(*a->mids), "%s", mid);
    a->count++;
}

static struct accepted *make_accepted(size_t room)
{
    struct accepted *a = keep(calloc(1, sizeof(*a)), free);

    a->mids = keep(calloc(room, sizeof(*a->mids)), free);
    a->room = room;
    return a;
}

/* All is for user 0, who has one device. */
static size_t note_missing(struct journal *j, const struct accepted *a,
                           const struct crowd *crowd)
{
    size_t i, missing = 0;

    for (i = 0; i < a->count; i++) {
        if (!crowd_has(crowd, 0, a->mids[i])) {
            journal_line(j,
                         "\"what\":\"evicted\",\"device\":\"u0/d0\","
                         "\"mid\":\"%s\"",
                         a->mids[i]);
            missing++;
        }
    }
    return missing;
}

/* Publishers of all urgencies fill a small memory several times over, while
 * the device that it is for is away. */
START_TEST(a_full_memory_gives_up_the_less_urgent_tells_all_and_recovers)
{
    struct server_options so = {
        .children = 4, .global = "PushShmSize 16M\nPushMaxPending 1000000"};
    struct server *s = server_start(&so);
    struct loop *loop = loop_create();
    struct crowd_options co = {.server = s, .count = 1, .ack_ms = 100};
    struct feed_options fo = {.server = s,
                              .connections = 16,
                              .size = 4000,
                              .limit = 12000,
                              .ttl = 300};
    struct accepted *accepted = make_accepted(20000);
    struct crowd *crowd;
    struct feed *feed, *urgent;
    uint64_t missing;

    server_allow(s, "memory");
    visit(loop, &co);
    co.journal = fo.journal = journal_open();
    crowd = crowd_start(loop, &co);
    crowd->options.pace = 0; /* not yet */
    feed = feed_start(loop, &fo);
    feed->on_accepted = note_accepted;
    feed->baton = accepted;
    loop_until(loop, SETTLE_MS, feed_is_idle(feed));
    ck_assert_int_gt(feed->counts.full, 0);
    ck_assert_int_eq(feed->counts.unadvised, 0);
    ck_assert_int_gt(stat_of(s, "evicted"), 0);
    fo.name = "urgent";
    fo.urgency = "high";
    fo.limit = 20;
    urgent = feed_start(loop, &fo);
    urgent->on_accepted = note_accepted;
    urgent->baton = accepted;
    loop_until(loop, SETTLE_MS, feed_is_idle(urgent));
    crowd->options.pace = 1;
    loop_until(loop, SETTLE_MS,
               crowd->counts.delivered + crowd->counts.gapped
                   >= accepted->count);
    missing = note_missing(co.journal, accepted, crowd);
    printf("full memory: %zu accepted, %d answers 503, %d delivered, %d told "
           "by gaps\n",
           accepted->count, (int)feed->counts.full,
           (int)crowd->counts.delivered, (int)crowd->counts.gapped);
    ck_assert_uint_eq(missing, crowd->counts.gapped);
    /* All is acknowledged, or its TTL ends: then there is room again. */
    fo.name = "after";
    fo.urgency = "low";
    fo.persists = true;
    fo.limit = 100;
    feed = feed_start(loop, &fo);
    loop_until(loop, SETTLE_MS, feed_is_idle(feed));
    ck_assert_int_eq(feed->counts.accepted, 100);
    loop_until(loop, SETTLE_MS,
               crowd->counts.delivered
                   >= accepted->count - missing + feed->counts.accepted);
    crowd_close(crowd);
    journal_judge(co.journal);
}
END_TEST

/* Sixteen connections to four children fill one mailbox at the same time. */
START_TEST(the_limit_of_a_mailbox_holds_exactly_while_many_publish_at_once)
{
    struct server_options so = {.children = 4, .global = "PushMaxPending 100"};
    struct server *s = server_start(&so);
    struct loop *loop = loop_create();
    struct crowd_options co = {.server = s, .count = 1};
    struct feed_options fo = {.server = s,
                              .connections = 16,
                              .urgency = "normal",
                              .limit = (uint64_t)chaos_pick(5000, 100000)};
    struct crowd *crowd;
    struct feed *feed;

    visit(loop, &co);
    feed = feed_start(loop, &fo);
    loop_until(loop, 4 * SETTLE_MS, feed_is_idle(feed));
    ck_assert_int_eq(feed->counts.accepted, fo.limit);
    crowd = crowd_start(loop, &co);
    loop_until(loop, SETTLE_MS,
               crowd->counts.delivered + crowd->counts.gapped >= fo.limit);
    ck_assert_int_eq(crowd->counts.delivered, 100);
    ck_assert_int_eq(crowd->counts.gapped, fo.limit - 100);
    crowd_close(crowd);
}
END_TEST

/* ---- acknowledgements that never arrive ---- */

#define WINDOW  50
#define PENDING 200

START_TEST(without_any_acknowledgement_memory_is_bounded_by_window_and_mailbox)
{
    struct server_options so = {
        .global = "PushShmSize 64M\nPushMaxPending 200",
        .receive = "PushUser query:user\nPushMaxInFlight 50"};
    struct server *s = server_start(&so);
    struct loop *loop = loop_create();
    struct crowd_options co = {.server = s, .count = 20};
    struct feed_options fo = {.server = s,
                              .users = 20,

                              .urgency = "normal",
                              .size = 500,
                              .ttl = 600};
    struct crowd *crowd = crowd_start(loop, &co);
    struct feed *feed;
    int64_t used;

    loop_until(loop, OPEN_MS, crowd_open(crowd) == 20);
    feed = feed_start(loop, &fo);
    /* Until the mailboxes of all are full, and then as long again. */
    loop_until(loop, 4 * SETTLE_MS,
               feed->counts.accepted > 20 * 4 * (WINDOW + PENDING));
    used = stat_of(s, "memory.used");
    loop_run(loop, chaos_duration(3000));
    feed_finish(feed);
    ck_assert_int_eq(crowd->counts.delivered, 20 * WINDOW);
    ck_assert_int_eq(crowd->counts.received, crowd->counts.delivered);
    /* What is evicted is remembered for a minute, as a header. */
    ck_assert_int_le(stat_of(s, "memory.used"),
                     used + 20 * (WINDOW + PENDING) * 700
                         + 700 * (int64_t)feed->counts.accepted);
    /* They are back: the rest comes, and once only. */
    crowd->options.ack_ms = 200;
    crowd_cut(crowd, 1.0);
    loop_until(loop, SETTLE_MS, crowd->counts.delivered >= 20 * PENDING);
    /* A gap whose next message was not acknowledged is told again. */
    ck_assert_int_ge(crowd->counts.delivered + crowd->counts.gapped,
                     feed->counts.accepted);
    ck_assert_int_eq(crowd->counts.conflicts, 0);
    crowd_close(crowd);
}
END_TEST

/* ---- more than can be served ---- */

/* A second crowd for a server that is full with the first. */
START_TEST(
    twice_the_streams_are_refused_with_advice_and_let_in_when_there_is_room)
{
    struct server_options so = {.global = "PushMaxStreams 200"};
    struct server *s = server_start(&so);
    struct loop *loop = loop_create();
    struct crowd_options co = {.server = s, .count = 400, .ack_ms = 1000};
    struct crowd_options late = {
        .server = s, .count = 400, .user = "v", .ack_ms = 1000};
    struct feed_options fo = {
        .server = s, .user = "v", .users = 400, .rate = 200};
    struct crowd *first = crowd_start(loop, &co);
    struct crowd *second;
    struct feed *feed;

    server_allow(s, "PushMaxStreams");
    loop_until(loop, OPEN_MS, crowd_open(first) == 400);
    feed = feed_start(loop, &fo);
    second = crowd_start(loop, &late);
    loop_run(loop, chaos_duration(2500));
    loop_until(loop, OPEN_MS, second->counts.refused >= 400);
    ck_assert_int_eq(crowd_open(first), 400);
    ck_assert_int_eq(crowd_open(second), 0);
    ck_assert_int_eq(second->counts.unadvised, 0);
    ck_assert_int_eq(first->counts.dropped, 0);
    crowd_close(first);
    /* Backoff has its ceiling at 30 s. */
    loop_until(loop, 45000, crowd_open(second) == 400);
    feed_finish(feed);
    loop_until(loop, SETTLE_MS,
               second->counts.delivered >= feed->counts.accepted);
    crowd_close(second);
}
END_TEST

/* The latency of a calm feed, ms. */
static double calm(struct loop *loop, struct crowd *crowd, const char *name)
{
    struct feed_options fo = {.server = crowd->options.server,
                              .name = name,
                              .users = 50,
                              .rate = 50,
                              .connections = 2,
                              .limit = 50};
    uint64_t before = crowd->counts.delivered;
    struct feed *feed;

    crowd_mark(crowd);
    feed = feed_start(loop, &fo);
    loop_until(loop, SETTLE_MS, feed_is_idle(feed));
    feed_finish(feed);
    loop_until(loop, SETTLE_MS,
               crowd->counts.delivered >= before + feed->counts.accepted);
    return (double)pb_hist_percentile(&crowd->latency, 90) / 1e6;
}

/* How many publishes a second 16 connections get through. */
static int capacity(struct loop *loop, const struct server *s)
{
    struct feed_options fo = {
        .server = s, .name = "c", .users = 50, .connections = 16};
    struct feed *feed = feed_start(loop, &fo);
    int64_t start = wait_now();
    int rate;

    loop_run(loop, 1000);
    rate = (int)((int64_t)feed->counts.accepted * 1000 / (wait_now() - start));
    feed_finish(feed);
    return rate;
}

START_TEST(
    at_twice_the_capacity_what_is_accepted_is_kept_and_it_ends_with_the_load)
{
    struct server_options so = {
        .global = "PushShmSize 1G\nPushMaxPending 1000000"};
    struct server *s = server_start(&so);
    struct loop *loop = loop_create();
    struct crowd_options co = {.server = s, .count = 50, .ack_ms = 500};
    struct crowd *crowd = crowd_start(loop, &co);
    struct feed_options fo = {
        .server = s, .name = "o", .users = 50, .connections = 200};
    struct feed *feed;
    uint64_t all;
    double before, after;
    int64_t start, late;

    loop_until(loop, OPEN_MS, crowd_open(crowd) == 50);
    before = calm(loop, crowd, "before");
    fo.rate = 2 * capacity(loop, s);
    loop_until(loop, SETTLE_MS,
               crowd->counts.delivered >= (uint64_t)stat_of(s, "published"));
    all = crowd->counts.delivered;
    feed = feed_start(loop, &fo);
    loop_run(loop, chaos_duration(3000));
    feed_finish(feed);
    start = wait_now();
    loop_forget_lateness(loop);
    loop_until(loop, SETTLE_MS,
               crowd->counts.delivered >= all + feed->counts.accepted);
    ck_assert_int_eq(feed->counts.refused, 0);
    ck_assert_int_eq(crowd->counts.gapped, 0);
    ck_assert_int_eq(crowd->counts.dropped + crowd->counts.silences, 0);
    after = calm(loop, crowd, "after");
    printf("%d publishes a second for a server that takes half: %llu "
           "accepted, calm after %lld ms, p90 %.1f -> %.1f ms\n",
           fo.rate, (unsigned long long)feed->counts.accepted,
           (long long)(wait_now() - start), before, after);
    late = loop_lateness(loop);
    ck_assert_int_le(wait_now() - start, 5000 + 2000 + late);
    ck_assert(after <= 10 * before + 200 + 2 * (double)late);
    crowd_close(crowd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chaos full");
    TCase *tc = case_add(suite, "memory", chaos_limit());

    tcase_add_test(
        tc, a_full_memory_gives_up_the_less_urgent_tells_all_and_recovers);
    tcase_add_test(
        tc, the_limit_of_a_mailbox_holds_exactly_while_many_publish_at_once);
    tcase_add_test(
        tc,
        without_any_acknowledgement_memory_is_bounded_by_window_and_mailbox);
    tc = case_add(suite, "load", chaos_limit());
    tcase_add_test(
        tc,
        twice_the_streams_are_refused_with_advice_and_let_in_when_there_is_room);
    tcase_add_test(
        tc,
        at_twice_the_capacity_what_is_accepted_is_kept_and_it_ends_with_the_load);
    return chaos_run(suite);
}
