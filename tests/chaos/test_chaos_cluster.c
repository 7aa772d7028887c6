/*
 * A cluster as it is run suffers one fault after the other; then everything
 * that was accepted has arrived, and all nodes have the same.
 */
#include <check.h>
#include <stdio.h>

#include "case.h"
#include "cluster_faults.h"
#include "cluster_lost.h"
#include "http.h"
#include "namespace.h"

#define OPEN_MS   120000
#define WELL_MS   60000
#define SETTLE_MS 90000
#define CLIENTS   100 /* of each kind */

static unsigned long long all(const struct scene *scene)
{
    return (unsigned long long)(SCENE_KINDS * scene->clients);
}

/* With what became of those that are not, where some are missing. */
static void expect_all_open(const struct scene *scene, const char *after)
{
    const struct crowd_counts *n = &scene->crowd->counts;
    int64_t end = wait_now() + OPEN_MS;

    while ((unsigned long long)scene_open(scene) < all(scene)) {
        ck_assert_msg(
            wait_now() < end,
            "%s: %d, %d and %d of %d clients are back; %llu attempts of the "
            "bare ones, %llu refused, %llu without an answer, %llu byes, %llu "
            "silent",
            after, crowd_open(scene->crowd), scene->outsiders[0]->open,
            scene->outsiders[1]->open, scene->clients,
            (unsigned long long)n->attempts, (unsigned long long)n->refused,
            (unsigned long long)n->failed, (unsigned long long)n->byes,
            (unsigned long long)n->silences);
        loop_turn(scene->loop);
    }
}

/* Each client is there again, and all is well. */
static void recover(struct scene *scene, const struct cluster_fault *fault)
{
    int64_t start = wait_now();
    int64_t end;
    const char *ill;

    expect_all_open(scene, fault->name);
    end = wait_now() + WELL_MS;
    for (ill = scene_ill(scene); ill; ill = scene_ill(scene)) {
        ck_assert_msg(wait_now() < end, "%s: not well: %s", fault->name, ill);
        loop_turn(scene->loop);
    }
    printf("%s: well after %lld ms, the longest wait of a publisher was %lld "
           "ms\n",
           fault->name, (long long)(wait_now() - start),
           (long long)scene_longest_wait(scene));
    if (fault->most > 0 && chaos_is_long()) {
        ck_assert_int_le(scene_longest_wait(scene),
                         fault->most + scene->bare
                             + 10 * loop_lateness(scene->loop));
    }
}

static void suffer(struct scene *scene, const struct cluster_fault *fault)
{
    loop_run(scene->loop, 500);
    loop_forget_lateness(scene->loop);
    scene_forget_waits(scene);
    scene->bare = 0;
    journal_line(scene->journal, "\"what\":\"note\",\"text\":\"%s\"",
                 fault->name);
    fault->happen(scene);
    recover(scene, fault);
}

static uint64_t accepted(const struct scene *scene)
{
    uint64_t sum = 0;
    int i;

    for (i = 0; i < SCENE_FEEDS; i++) {
        sum += scene->feeds[i]->counts.accepted;
    }
    return sum;
}

static uint64_t delivered(const struct scene *scene)
{
    return scene->crowd->counts.delivered + scene->outsiders[0]->delivered
           + scene->outsiders[1]->delivered;
}

/* Each message to a user is for one device, each to the channel for all. */
static uint64_t due(const struct scene *scene)
{
    uint64_t to_all = scene->feeds[SCENE_FEEDS - 1]->counts.accepted;

    return accepted(scene) + (all(scene) - 1) * to_all;
}

/* For whoever has to find out why something did not come. */
static void show_copies(const struct scene *scene)
{
    int i;

    for (i = 0; i < SCENE_NODES; i++) {
        printf("the channel at node %d: %s", i,
               http_get(scene->cluster->nodes[i], "/push/check?channel=all")
                   ->body);
    }
}

static void settle(struct scene *scene)
{
    int64_t end = wait_now() + SETTLE_MS;
    int i;

    for (i = 0; i < SCENE_FEEDS; i++) {
        feed_finish(scene->feeds[i]);
    }
    while (delivered(scene) < due(scene) && wait_now() < end) {
        loop_turn(scene->loop); /* what never came the journal names */
    }
    printf("%llu accepted, %llu due, %llu delivered\n",
           (unsigned long long)accepted(scene), (unsigned long long)due(scene),
           (unsigned long long)delivered(scene));
    if (delivered(scene) < due(scene)) {
        show_copies(scene);
        lost_show(scene);
    }
}

static void expect_all_sound(struct scene *scene)
{
    const char *why = NULL;
    int64_t end = wait_now() + SETTLE_MS;
    int i;

    for (i = 0; i < SCENE_NODES; i++) {
        const struct server *node = scene->cluster->nodes[i];

        ck_assert_int_eq(
            json_int_at(http_get(node, "/push/check")->json, "wrong"), 0);
    }
    while (!scene_agrees(scene, &why)) {
        ck_assert_msg(wait_now() < end, "nodes differ: %s", why);
        loop_run(scene->loop, 1000);
    }
}

/* How soon anything is heard of depends on what else this machine does. */
static void excuse_silence(const struct scene *scene)
{
    journal_line(scene->journal, "\"what\":\"stall\",\"within\":%d",
                 24 * 3600 * 1000);
}

static void judge(struct scene *scene)
{
    settle(scene);
    if (!chaos_is_long()) {
        excuse_silence(scene);
    }
    ck_assert_int_eq(scene->crowd->counts.foreign, 0);
    crowd_close(scene->crowd);
    outsiders_end(scene->outsiders[0]);
    outsiders_end(scene->outsiders[1]);
    journal_judge(scene->journal);
    ck_assert_int_eq(scene->crowd->counts.gapped, 0);
    ck_assert_int_eq(scene->outsiders[0]->gaps + scene->outsiders[1]->gaps, 0);
    expect_all_sound(scene);
}

START_TEST(what_was_accepted_arrives_whatever_fails)
{
    struct scene *scene = scene_start(CLIENTS);
    int64_t end = wait_now() + chaos_duration(0);
    int i;

    scene->pause = chaos_pick(8000, 30000);
    for (i = 0; i < cluster_fault_count; i++) {
        if ((!cluster_faults[i].slow || chaos_is_long())
            && chaos_wants(cluster_faults[i].name)) {
            suffer(scene, &cluster_faults[i]);
        }
    }
    while (wait_now() < end) {
        const struct cluster_fault *fault = &cluster_faults[dice_roll(
            &scene->dice, (uint64_t)cluster_fault_count)];

        if (chaos_wants(fault->name)) {
            suffer(scene, fault);
        }
    }
    judge(scene);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chaos cluster");
    TCase *tc = case_add(suite, "cluster", chaos_limit());

    if (!namespace_is_permitted()) {
        printf("No network namespaces here (they take root, iproute2 and "
               "nftables): no node is cut off.\n# skipped 1\n");
    }
    tcase_add_test(tc, what_was_accepted_arrives_whatever_fails);
    return chaos_run(suite);
}
