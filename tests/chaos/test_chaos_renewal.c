/*
 * The nodes of a cluster are stopped in order and started anew, one after the
 * other, as an upgrade does, while clients and publishers go on by way of a
 * balancer: nothing is lost, no gap is told, and what was acknowledged does not
 * come again.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "balancer.h"
#include "case.h"
#include "chaos.h"
#include "cluster.h"
#include "crowd.h"
#include "feed.h"
#include "http.h"
#include "journal.h"
#include "serverlog.h"

#define NODES     3
#define CLIENTS   30
#define OPEN_MS   120000
#define ENDS_MS   60000
#define SETTLE_MS 90000

static const struct cluster_options like = {
    .nodes = NODES,
    .node = {.global = "PushMaxPending 100000\nPushChannelHistory 100000\n"
                       "PushDrainTime 3\n",
             .receive = "PushUser query:user\nPushChannels *\n"
                        "PushHeartbeat 2\nPushWriteTimeout 5\n"}};

struct run {
    struct cluster *cluster;
    struct loop *loop;
    struct journal *journal;
    struct crowd *crowd;
    struct feed *users, *channel;
};

static struct run begin(void)
{
    struct run run = {.cluster = cluster_start(&like),
                      .loop = loop_create(),
                      .journal = journal_open()};
    struct server *front = balancer_haproxy(run.cluster->nodes, NODES);
    struct crowd_options co = {.server = front,
                               .count = CLIENTS,
                               .ack_ms = 200,
                               .channel = "all",
                               .journal = run.journal};
    struct feed_options fo = {.server = front,
                              .name = "k",
                              .users = CLIENTS,
                              .rate = 60,
                              .persists = true,
                              .impatient = true,
                              .journal = run.journal};
    int i;

    for (i = 0; i < NODES; i++) {
        server_allow(run.cluster->nodes[i], "[push:warn]");
        server_allow(run.cluster->nodes[i], "AH00046"); /* it is slow to end */
    }
    run.crowd = crowd_start(run.loop, &co);
    loop_until(run.loop, OPEN_MS, crowd_open(run.crowd) == CLIENTS);
    run.users = feed_start(run.loop, &fo);
    fo.name = "c";
    fo.channel = "all";
    fo.rate = 3;
    run.channel = feed_start(run.loop, &fo);
    return run;
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0
           && info.si_pid == pid;
}

static bool serves(const struct server *node, int resumed)
{
    return serverlog_count(node, "resuming normal operations") > resumed
           && cluster_node_is_well(node);
}

static void renew(struct run *run, struct server *node)
{
    int resumed = serverlog_count(node, "resuming normal operations");

    kill(node->pid, SIGTERM);
    loop_until(run->loop, ENDS_MS, has_ended(node->pid));
    server_rest(node);
    ck_assert_int_eq(serverlog_count(node, "PUSH0214"), 0);
    loop_until(run->loop, OPEN_MS, crowd_open(run->crowd) == CLIENTS);
    server_begin(node);
    loop_until(run->loop, OPEN_MS, serves(node, resumed));
    loop_run(run->loop, chaos_duration(1500));
}

static uint64_t due(const struct run *run)
{
    return run->users->counts.accepted
           + CLIENTS * run->channel->counts.accepted;
}

static void settle(struct run *run)
{
    int64_t end = wait_now() + SETTLE_MS;

    feed_finish(run->users);
    feed_finish(run->channel);
    while (run->crowd->counts.delivered < due(run) && wait_now() < end) {
        loop_turn(run->loop); /* what never came the journal names */
    }
    printf("%llu due, %llu delivered, %llu received, %llu answers 503\n",
           (unsigned long long)due(run),
           (unsigned long long)run->crowd->counts.delivered,
           (unsigned long long)run->crowd->counts.received,
           (unsigned long long)(run->users->counts.full
                                + run->channel->counts.full));
}

START_TEST(what_was_accepted_arrives_while_nodes_are_renewed)
{
    struct run run = begin();
    int i;

    for (i = 0; i < NODES; i++) {
        renew(&run, run.cluster->nodes[i]);
    }
    settle(&run);
    /* How soon anything is heard of depends on what else this machine does. */
    if (!chaos_is_long()) {
        journal_line(run.journal, "\"what\":\"stall\",\"within\":%d",
                     24 * 3600 * 1000);
    }
    ck_assert_int_eq(run.crowd->counts.foreign, 0);
    ck_assert_int_eq(run.crowd->counts.gapped, 0);
    crowd_close(run.crowd);
    journal_judge(run.journal);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chaos renewal");
    TCase *tc = case_add(suite, "renewal", chaos_limit());

    tcase_add_test(tc, what_was_accepted_arrives_while_nodes_are_renewed);
    return chaos_run(suite);
}
