/*
 * A node that ends: its devices go to nobody, with their sessions, also where
 * Redis refuses that at first.
 */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "broker/node/depart.h"
#include "broker/node/steward.h"
#include "harness/case.h"
#include "harness/keep.h"
#include "harness/wait.h"
#include "library_kit.h"
#include "redis/courier.h"
#include "store_cluster.h"

#define LOG "uanna"

/* A node with courier and steward, which believes that it is well. */
static struct {
    fixture_t g;
    struct library *library;
    struct library_node self;
    push_redis_settings_t settings;
    push_cluster_words_t words;
    push_cluster_t cluster;
    unsigned char id[PUSH_CONTEXT_BYTES]; /* of anna's device */
    push_cluster_event_t reported;
    char text[128];
} node;

static void report(void *data, push_cluster_event_t what, const char *text)
{
    (void)data;
    node.reported = what;
    snprintf(node.text, sizeof(node.text), "%s", text);
}

static void be_well(void)
{
    int64_t now = push_clock_now().mono;

    for (unsigned i = 0; i < PUSH_CLUSTER_PARTITIONS; i++) {
        node.words.home[i] = 1;
    }
    atomic_store(&node.words.masters[0].drained, now + 60000);
    atomic_store(&node.words.lease, now + 60000);
}

static void stop(void *nothing)
{
    (void)nothing;
    push_steward_stop(node.cluster.steward);
    push_courier_stop(node.cluster.courier);
    push_steward_free(node.cluster.steward);
}

static void start_node(void)
{
    const push_client_hooks_t hooks = {.data = NULL};
    char why[PUSH_REDIS_WHY] = "";

    node_init(&node.g, (size_t)16 << 20);
    ck_assert(push_cluster_words_create(&node.words));
    atomic_store(&node.words.owner, push_owner_make(1, 1));
    be_well();
    ck_assert_msg(push_redis_settings_add(&node.settings,
                                          redis_url(node.library->redis), why),
                  "%s", why);
    node.cluster = (push_cluster_t){.store = &node.g.store,
                                    .words = &node.words,
                                    .options = {.report = report},
                                    .prefix = TEXT("push:")};
    node.cluster.courier = push_courier_start(&node.settings, &hooks);
    ck_assert_ptr_nonnull(node.cluster.courier);
    node.cluster.steward = push_steward_start(&node.cluster);
    keep(node.cluster.steward, stop);
}

/* anna's device comes to the node. */
static void claim_device(void)
{
    push_claim_call_t call;

    node_id("anna", "d", node.id);
    node.library->home.partition = push_log_partition(&node.g.store,
                                                      named(LOG));
    call = library_claim_call(&node.self, LOG, 0);
    call.device.context = node.id;
    node_follow(&node.g, LOG, 1);
    node_come(&node.g, "anna", "d", NULL,
              library_claim(node.library, &call).fence);
}

static void set_up(void)
{
    memset(&node, 0, sizeof(node));
    node.library = library_start(NULL);
    node.self = library_node(node.library, push_owner_make(1, 1));
    start_node();
    claim_device();
}

static void *depart(void *nothing)
{
    ck_assert(push_depart(&node.cluster));
    return nothing;
}

/* As a master does to which its replica has not come yet. */
static void refuse_writes(bool refuse)
{
    redis_call(node.library->redis, "CONFIG SET min-replicas-to-write %d",
               refuse);
}

static bool was_refused(void)
{
    return *redis_info(node.library->redis, "errorstat_NOREPLICAS") != '\0';
}

/* The next owner gets it with its session, and asks nobody. */
static void expect_given_up(void)
{
    struct library_node next = library_node(node.library,
                                            push_owner_make(2, 1));
    push_claim_call_t call = library_claim_call(&next, LOG, 0);
    push_claim_reply_t claimed;

    call.device.context = node.id;
    claimed = library_claim(node.library, &call);
    ck_assert_int_eq(claimed.outcome, PUSH_CLAIMED);
    ck_assert_uint_eq(claimed.owner, PUSH_OWNER_NOBODY);
    ck_assert(claimed.exact);
}

static void expect_report(push_cluster_event_t what, unsigned given,
                          unsigned left)
{
    unsigned saw_given = 0, saw_left = 0;

    ck_assert_int_eq(node.reported, what);
    ck_assert_int_eq(
        sscanf(node.text, "%u in %*u ms, %u left", &saw_given, &saw_left), 2);
    ck_assert_uint_eq(saw_given, given);
    ck_assert_uint_eq(saw_left, left);
}

START_TEST(a_device_is_given_up_with_its_session)
{
    depart(NULL);
    expect_report(PUSH_CLUSTER_LEFT, 1, 0);
    expect_given_up();
}
END_TEST

START_TEST(what_redis_refuses_at_first_is_tried_again)
{
    pthread_t thread;

    refuse_writes(true);
    ck_assert_int_eq(pthread_create(&thread, NULL, depart, NULL), 0);
    wait_until(was_refused());
    refuse_writes(false);
    pthread_join(thread, NULL);
    expect_report(PUSH_CLUSTER_LEFT, 1, 0);
    expect_given_up();
}
END_TEST

START_TEST(what_redis_goes_on_refusing_is_left_and_told)
{
    int64_t begun = push_clock_now().mono;

    refuse_writes(true);
    depart(NULL);
    ck_assert_int_ge(push_clock_now().mono - begun, 5000);
    expect_report(PUSH_CLUSTER_LEFT_SOME, 0, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node_depart");
    TCase *tc = case_add(suite, "depart", 30);

    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, a_device_is_given_up_with_its_session);
    tcase_add_test(tc, what_redis_refuses_at_first_is_tried_again);
    tcase_add_test(tc, what_redis_goes_on_refusing_is_left_and_told);
    return case_run(suite);
}
