/* What a node keeps track of: its masters, and which partitions are suspect. */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/node/anew.h"
#include "broker/node/inbox.h"
#include "broker/node/masters.h"
#include "broker/node/steward.h"
#include "core_suite.h"

static push_cluster_words_t *words;
static push_slots_t slots;

static void set_up(void)
{
    words = calloc(1, sizeof(*words));
    ck_assert_ptr_nonnull(words);
    push_slots_init(&slots);
}

static void tear_down(void)
{
    free(words);
}

static push_address_t address_of(unsigned number)
{
    push_address_t address;
    char host[32];

    snprintf(host, sizeof(host), "redis-%u", number);
    ck_assert(push_address_set(&address, host, strlen(host), 6379));
    return address;
}

/* The partitions up to end are at this master, in the map. */
static void give(unsigned from, unsigned end, unsigned number)
{
    push_address_t address = address_of(number);
    unsigned master = push_slots_master(&slots, &address);

    for (unsigned i = from; i < end; i++) {
        push_slots_move(&slots, push_partition_slot(i), master);
    }
}

START_TEST(a_resync_does_not_end_a_suspicion_that_is_newer_than_it)
{
    unsigned first, second;

    ck_assert(!push_partition_suspect(words, 7));
    push_partition_suspected(words, 7);
    first = push_partition_suspicion(words, 7);
    push_partition_suspected(words, 7);
    second = push_partition_suspicion(words, 7);
    ck_assert_uint_ne(first, second);
    ck_assert(!push_partition_mended(words, 7, first));
    ck_assert(push_partition_suspect(words, 7));
    ck_assert(push_partition_mended(words, 7, second));
    ck_assert(!push_partition_suspect(words, 7));
}
END_TEST

START_TEST(a_suspicion_has_never_the_number_of_one_before_it)
{
    unsigned first, second;

    push_partition_suspected(words, 7);
    first = push_partition_suspicion(words, 7);
    ck_assert(push_partition_mended(words, 7, first));
    push_partition_suspected(words, 7);
    second = push_partition_suspicion(words, 7);
    ck_assert(!push_partition_mended(words, 7, first));
    ck_assert(push_partition_mended(words, 7, second));
    ck_assert(!push_partition_mended(words, 7, 0));
}
END_TEST

START_TEST(a_suspicion_is_never_taken_for_none)
{
    for (unsigned i = 0; i < 600; i++) {
        push_partition_suspected(words, 7);
        ck_assert(push_partition_suspect(words, 7));
    }
}
END_TEST

START_TEST(a_partition_that_moves_is_suspect_and_no_other)
{
    give(0, 1024, 1);
    ck_assert(push_masters_follow(words, &slots));
    for (unsigned i = 0; i < 1024; i++) {
        ck_assert(push_partition_mended(words, i,
                                        push_partition_suspicion(words, i)));
    }
    ck_assert(!push_masters_follow(words, &slots));
    give(5, 6, 2);
    ck_assert(push_masters_follow(words, &slots));
    for (unsigned i = 0; i < 1024; i++) {
        ck_assert_int_eq(push_partition_suspect(words, i), i == 5);
    }
}
END_TEST

START_TEST(a_master_keeps_its_place_in_the_words_whatever_the_map_calls_it)
{
    push_address_t one = address_of(1), two = address_of(2);
    unsigned index;

    give(0, 512, 1);
    give(512, 1024, 2);
    push_masters_follow(words, &slots);
    index = push_masters_index(words, &slots, &two);
    atomic_store(&words->masters[index].have, 42);
    /* The map of another process, which met the second one first. */
    push_slots_init(&slots);
    give(512, 1024, 2);
    give(0, 512, 1);
    ck_assert(!push_masters_follow(words, &slots));
    ck_assert_uint_eq(push_masters_index(words, &slots, &two), index);
    ck_assert_uint_ne(push_masters_index(words, &slots, &one), index);
    ck_assert_uint_eq(atomic_load(&words->masters[index].have), 42);
}
END_TEST

START_TEST(masters_that_are_gone_make_room_for_new_ones)
{
    for (unsigned i = 0; i < 300; i++) {
        push_address_t address = address_of(i);

        push_slots_init(&slots);
        give(0, 1024, i);
        ck_assert(push_masters_follow(words, &slots));
        ck_assert_uint_eq(words->home[0],
                          1 + push_masters_index(words, &slots, &address));
        ck_assert_uint_eq(words->home[0], words->home[1023]);
    }
}
END_TEST

START_TEST(trouble_at_a_master_is_about_its_partitions_alone)
{
    push_address_t one = address_of(1);

    give(0, 512, 1);
    give(512, 1024, 2);
    push_masters_follow(words, &slots);
    for (unsigned i = 0; i < 1024; i++) {
        push_partition_mended(words, i, push_partition_suspicion(words, i));
    }
    push_masters_suspect(words, push_masters_index(words, &slots, &one));
    for (unsigned i = 0; i < 1024; i++) {
        ck_assert_int_eq(push_partition_suspect(words, i), i < 512);
    }
}
END_TEST

static void ignore(void *data, push_cluster_event_t what, const char *detail)
{
    (void)data;
    (void)what;
    (void)detail;
}

static void begin_lead(push_cluster_t *cluster)
{
    ck_assert(push_cluster_words_create(words));
    atomic_store(&cluster->term, atomic_load(&words->link.term));
}

/* An inbox whose only entry is an answer, by way of this partition. */
static push_drain_reply_t drain_of(unsigned partition, char bytes[17])
{
    push_drain_reply_t reply = {.origin = {.vm = {.id = "1-vm"}},
                                .first = 1,
                                .last = 1,
                                .entries = {{bytes, 17}, NULL}};

    memset(bytes, 0, 17);
    bytes[0] = (char)(partition >> 8);
    bytes[1] = (char)partition;
    bytes[2] = PUSH_ENTRY_ANSWER;
    bytes[6] = 10;
    return reply;
}

START_TEST(what_is_to_be_written_anew_stays_so_until_it_is_done)
{
    push_anew_t anew = {.partition = 0};

    ck_assert(!push_anew_next(words, 0, &anew));
    push_anew(words, 1023);
    push_anew(words, 7);
    ck_assert(push_anew_next(words, 0, &anew));
    ck_assert_uint_eq(anew.partition, 7);
    /* Who had it is dead, or it is wanted once more before that is done. */
    push_anew(words, 7);
    push_anew_done(words, &anew);
    ck_assert(push_anew_next(words, 0, &anew));
    ck_assert_uint_eq(anew.partition, 7);
    push_anew_done(words, &anew);
    ck_assert(push_anew_next(words, anew.partition, &anew));
    ck_assert_uint_eq(anew.partition, 1023);
    push_anew_done(words, &anew);
    ck_assert(!push_anew_next(words, 0, &anew));
}
END_TEST

/* What was lost is written again by whoever has the link. */
START_TEST(a_master_that_began_anew_has_all_of_its_devices_written)
{
    push_cluster_t cluster = {.words = words, .options = {.report = ignore}};
    push_address_t one = address_of(1);
    char bytes[17];
    push_drain_reply_t other = drain_of(5, bytes);
    push_anew_t anew;
    unsigned count = 0, master;

    begin_lead(&cluster);
    cluster.steward = push_steward_start(&cluster);
    give(0, 512, 1);
    give(512, 1024, 2);
    push_masters_follow(words, &slots);
    master = push_masters_index(words, &slots, &one);
    snprintf(words->masters[master].vm, sizeof(words->masters[master].vm),
             "1-before");
    ck_assert(push_inbox_take(&cluster, master, 0, &other));
    for (unsigned i = 0; push_anew_next(words, i, &anew);
         i = anew.partition + 1) {
        ck_assert_uint_lt(anew.partition, 512);
        count++;
    }
    ck_assert_uint_eq(count, 512);
    push_steward_stop(cluster.steward);
    push_steward_free(cluster.steward);
}
END_TEST

START_TEST(who_was_overtaken_stores_nothing_of_an_inbox)
{
    push_cluster_t cluster = {.words = words, .options = {.report = ignore}};
    push_address_t one = address_of(1);
    char bytes[17];
    push_drain_reply_t drained = drain_of(5, bytes);
    push_master_words_t *master;
    unsigned index;

    begin_lead(&cluster);
    cluster.steward = push_steward_start(&cluster);
    ck_assert_ptr_nonnull(cluster.steward);
    give(0, 1024, 1);
    push_masters_follow(words, &slots);
    index = push_masters_index(words, &slots, &one);
    master = &words->masters[index];
    snprintf(master->vm, sizeof(master->vm), "%s", drained.origin.vm.id);
    atomic_store(&words->link.term, atomic_load(&cluster.term) + 1);
    push_inbox_take(&cluster, index, 0, &drained);
    ck_assert_uint_eq(atomic_load(&master->have), 0);
    ck_assert_int_eq(atomic_load(&master->drained), 0);
    atomic_store(&cluster.term, atomic_load(&words->link.term));
    push_inbox_take(&cluster, index, 0, &drained);
    ck_assert_uint_eq(atomic_load(&master->have), 1);
    push_steward_stop(cluster.steward);
    push_steward_free(cluster.steward);
}
END_TEST

START_TEST(what_a_master_still_had_does_not_bring_its_partition_back)
{
    push_cluster_t cluster = {.words = words, .options = {.report = ignore}};
    push_address_t one = address_of(1), two = address_of(2);
    char bytes[17];
    push_drain_reply_t late = drain_of(5, bytes);
    unsigned before, after;

    begin_lead(&cluster);
    cluster.steward = push_steward_start(&cluster);
    ck_assert_ptr_nonnull(cluster.steward);
    give(0, 512, 1);
    give(512, 1024, 2);
    give(5, 6, 2);
    push_masters_follow(words, &slots);
    before = push_masters_index(words, &slots, &one);
    after = push_masters_index(words, &slots, &two);
    snprintf(words->masters[before].vm, sizeof(words->masters[before].vm),
             "%s", late.origin.vm.id);
    push_partition_mended(words, 5, push_partition_suspicion(words, 5));
    ck_assert(push_inbox_take(&cluster, before, 0, &late));
    ck_assert(push_partition_suspect(words, 5));
    ck_assert_uint_eq(words->home[5], after + 1);
    push_partition_mended(words, 5, push_partition_suspicion(words, 5));
    push_masters_suspect(words, after);
    ck_assert(push_partition_suspect(words, 5));
    push_steward_stop(cluster.steward);
    push_steward_free(cluster.steward);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node_masters");
    TCase *tc = tcase_create("masters");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc,
                   a_resync_does_not_end_a_suspicion_that_is_newer_than_it);
    tcase_add_test(tc, a_suspicion_has_never_the_number_of_one_before_it);
    tcase_add_test(tc, a_suspicion_is_never_taken_for_none);
    tcase_add_test(tc, a_partition_that_moves_is_suspect_and_no_other);
    tcase_add_test(
        tc, a_master_keeps_its_place_in_the_words_whatever_the_map_calls_it);
    tcase_add_test(tc, masters_that_are_gone_make_room_for_new_ones);
    tcase_add_test(tc, trouble_at_a_master_is_about_its_partitions_alone);
    tcase_add_test(tc,
                   what_a_master_still_had_does_not_bring_its_partition_back);
    tcase_add_test(tc, who_was_overtaken_stores_nothing_of_an_inbox);
    tcase_add_test(tc, what_is_to_be_written_anew_stays_so_until_it_is_done);
    tcase_add_test(tc,
                   a_master_that_began_anew_has_all_of_its_devices_written);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
