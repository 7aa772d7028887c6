#include "store/shm/cluster_words.h"
#include "core_suite.h"
#include "store_shared.h"

#include <string.h>
#include <unistd.h>

static push_roster_t *roster;
static push_node_view_t nodes[PUSH_NODES_MAX + 1];
static push_cluster_view_t view;

static void begin(void)
{
    roster = shared_memory(sizeof(*roster));
    ck_assert_int_eq(push_roster_init(roster), 0);
    memset(&view, 0, sizeof(view));
    for (unsigned i = 0; i <= PUSH_NODES_MAX; i++) {
        nodes[i].owner = i << 10 | 7;
        strcpy(nodes[i].url, "http://node/push");
    }
}

START_TEST(what_one_process_sets_another_reads)
{
    push_roster_set(roster, nodes, 3);
    push_roster_name(roster, 1, "redis-1:6379");
    push_roster_read(roster, &view);
    ck_assert_uint_eq(view.nodes_count, 3);
    ck_assert_uint_eq(view.nodes[2].owner, 2 << 10 | 7);
    ck_assert_str_eq(view.nodes[2].url, "http://node/push");
    ck_assert_str_eq(view.masters[1].name, "redis-1:6379");
    ck_assert_str_eq(view.masters[0].name, "");
}
END_TEST

START_TEST(more_than_there_may_be_and_names_that_are_too_long_are_cut)
{
    char name[300];

    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    push_roster_set(roster, nodes, PUSH_NODES_MAX + 1);
    push_roster_name(roster, 0, name);
    push_roster_name(roster, PUSH_NODES_MAX, name);
    push_roster_read(roster, &view);
    ck_assert_uint_eq(view.nodes_count, PUSH_NODES_MAX);
    ck_assert_uint_eq(strlen(view.masters[0].name), PUSH_MASTER_NAME);
}
END_TEST

static int die_with_the_lock(void *data)
{
    (void)data;
    push_lock_acquire(&roster->lock);
    roster->count = 1000;
    _exit(0);
}

START_TEST(a_writer_that_died_hinders_nobody)
{
    child_expect(child_start(die_with_the_lock, NULL));
    push_roster_read(roster, &view);
    ck_assert_uint_eq(view.nodes_count, PUSH_NODES_MAX);
    push_roster_set(roster, nodes, 2);
    push_roster_read(roster, &view);
    ck_assert_uint_eq(view.nodes_count, 2);
}
END_TEST

START_TEST(so_it_is_with_the_roster_of_a_nodes_words)
{
    push_cluster_words_t *words = shared_memory(sizeof(*words));

    ck_assert(push_cluster_words_create(words));
    roster = &words->roster;
    child_expect(child_start(die_with_the_lock, NULL));
    push_roster_set(roster, nodes, 2);
    push_roster_read(roster, &view);
    ck_assert_uint_eq(view.nodes_count, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("roster");
    TCase *tc = unit_case(suite, "roster", 60);

    tcase_add_checked_fixture(tc, begin, NULL);
    tcase_add_test(tc, what_one_process_sets_another_reads);
    tcase_add_test(tc,
                   more_than_there_may_be_and_names_that_are_too_long_are_cut);
    tcase_add_test(tc, a_writer_that_died_hinders_nobody);
    tcase_add_test(tc, so_it_is_with_the_roster_of_a_nodes_words);
    return unit_run(suite);
}
