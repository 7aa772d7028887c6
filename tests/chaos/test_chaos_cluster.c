/*
 * A cluster as it is run: three nodes of two children each on a Redis Cluster
 * of three masters with a replica each, behind a balancer that gives to each
 * node in turn, so that acknowledgements and reconnects go anywhere. One fault
 * after the other; then everything that was accepted has arrived.
 */
#include <check.h>
#include <stdio.h>

#include "balancer.h"
#include "case.h"
#include "chaos.h"
#include "cluster_faults.h"
#include "crowd.h"
#include "feed.h"
#include "journal.h"
#include "verbs.h"

#define OPEN_MS   60000
#define WELL_MS   60000
#define SETTLE_MS 90000
#define CLIENTS   60

static const struct cluster_options whole = {
    .nodes = 3,
    .masters = 3,
    .replicas = 1,
    .redis = {.append = true},
    .node = {.global = "PushDurability commit\nPushClusterReplicas 1\n"
                       "PushShmSize 128M\nPushMaxPending 100000\n"
                       "PushChannelHistory 100000\nPushDrainTime 5\n",
             .receive = "PushUser query:user\nPushChannels *\n"
                        "PushHeartbeat 2\nPushWriteTimeout 5\n"}};

/* What nodes say of faults that are done to them. */
static void expect_faults(struct cluster *c)
{
    int i;

    for (i = 0; i < c->count; i++) {
        server_allow(c->nodes[i], "exit signal");
        server_allow(c->nodes[i], "[push:warn]");
        server_allow(c->nodes[i], "[push:error]");
        server_allow(c->nodes[i], "AH00046");
    }
}

struct run {
    struct scene scene;
    struct crowd *crowd;
    struct feed *users, *channel;
};

static struct run begin(void)
{
    struct cluster *c = cluster_start(&whole);
    struct server *front = balancer_haproxy(c->nodes, c->count);
    struct loop *loop = loop_create();
    struct journal *journal = journal_open();
    struct crowd_options co = {.server = front,
                               .count = CLIENTS,
                               .ack_ms = 500,
                               .channel = "all",
                               .journal = journal};
    struct feed_options fo = {.server = front,
                              .name = "k",
                              .users = CLIENTS,
                              .rate = 60,
                              .persists = true,
                              .journal = journal};
    static struct dice dice;
    struct run run = {.scene = {.loop = loop,
                                .cluster = c,
                                .journal = journal,
                                .dice = &dice,
                                .pause = 8000}};

    dice = dice_make("cluster");
    expect_faults(c);
    run.crowd = crowd_start(loop, &co);
    loop_until(loop, OPEN_MS, crowd_open(run.crowd) == CLIENTS);
    run.users = feed_start(loop, &fo);
    fo.name = "c";
    fo.channel = "all";
    fo.rate = 3;
    run.channel = feed_start(loop, &fo);
    return run;
}

/* With what became of those that are not, where some are missing. */
static void expect_all_open(struct run *run, const char *after)
{
    const struct crowd_counts *n = &run->crowd->counts;
    int64_t end = wait_now() + OPEN_MS;

    while (crowd_open(run->crowd) < CLIENTS) {
        ck_assert_msg(
            wait_now() < end,
            "%s: %d of %d clients are back; %llu attempts, %llu "
            "refused, %llu without an answer, %llu byes, %llu silent",
            after, crowd_open(run->crowd), CLIENTS,
            (unsigned long long)n->attempts, (unsigned long long)n->refused,
            (unsigned long long)n->failed, (unsigned long long)n->byes,
            (unsigned long long)n->silences);
        loop_turn(run->scene.loop);
    }
}

/* Each client is there again, and all is well. */
static void recover(struct run *run, const char *after)
{
    struct loop *loop = run->scene.loop;
    int64_t start = wait_now();

    expect_all_open(run, after);
    loop_until(loop, WELL_MS, scene_is_well(&run->scene));
    printf("%s: well after %lld ms\n", after, (long long)(wait_now() - start));
    fflush(stdout);
}

static void suffer(struct run *run, const struct cluster_fault *fault)
{
    loop_run(run->scene.loop, 1000);
    fault->happen(&run->scene);
    recover(run, fault->name);
}

static uint64_t due_in_all(const struct run *run)
{
    return run->users->counts.accepted
           + CLIENTS * run->channel->counts.accepted;
}

static void expect_all_sound(const struct run *run)
{
    int i;

    for (i = 0; i < run->scene.cluster->count; i++) {
        const struct server *node = run->scene.cluster->nodes[i];

        ck_assert_int_eq(
            json_int_at(http_get(node, "/push/check")->json, "wrong"), 0);
    }
}

static void judge(struct run *run)
{
    struct loop *loop = run->scene.loop;
    int64_t end;

    feed_finish(run->users);
    feed_finish(run->channel);
    end = wait_now() + SETTLE_MS;
    while (run->crowd->counts.delivered < due_in_all(run)
           && wait_now() < end) {
        loop_turn(loop); /* what never came the journal names */
    }
    expect_all_sound(run);
    printf("%llu accepted, %llu delivered, %llu received, %llu answers 503\n",
           (unsigned long long)(run->users->counts.accepted
                                + run->channel->counts.accepted),
           (unsigned long long)run->crowd->counts.delivered,
           (unsigned long long)run->crowd->counts.received,
           (unsigned long long)(run->users->counts.full
                                + run->channel->counts.full));
    ck_assert_int_eq(run->crowd->counts.foreign, 0);
    ck_assert_int_eq(run->crowd->counts.gapped, 0);
    crowd_close(run->crowd);
    journal_judge(run->scene.journal);
}

START_TEST(what_was_accepted_arrives_whatever_fails)
{
    struct run run = begin();
    int64_t end = wait_now() + chaos_duration(0);
    int i;

    for (i = 0; i < cluster_fault_count; i++) {
        suffer(&run, &cluster_faults[i]);
    }
    while (wait_now() < end) {
        suffer(&run, &cluster_faults[dice_roll(
                         run.scene.dice, (uint64_t)cluster_fault_count)]);
    }
    judge(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chaos cluster");
    TCase *tc = case_add(suite, "cluster", chaos_limit());

    tcase_add_test(tc, what_was_accepted_arrives_whatever_fails);
    return chaos_run(suite);
}
