/*
 * The nodes of a cluster as Redis knows them, and what a master says of its
 * library.
 */
#include "library_kit.h"

#include <string.h>

#include "harness/case.h"
#include "harness/keep.h"
#include "harness/wait.h"

#define A push_owner_make(1, 1)

static push_lease_call_t lease_call(struct library *l, unsigned owner,
                                    const char *url)
{
    push_lease_call_t call = {.meta = {.home = l->home},
                              .owner = owner,
                              .url = text_of(url),
                              .info = TEXT("info")};

    call.meta.home.partition = 0;
    call.meta.hash_key[0] = UINT64_C(0xfedcba9876543210);
    call.meta.hash_key[1] = 1;
    memset(call.meta.check, 'c', sizeof(call.meta.check));
    return call;
}

static push_lease_reply_t lease(struct library *l, unsigned owner,
                                const char *url)
{
    push_lease_call_t call = lease_call(l, owner, url);
    push_lease_reply_t leased;
    push_command_t command;

    push_library_lease(&command, &call);
    ck_assert(push_lease_reply(library_send(l, &command), &leased));
    return leased;
}

START_TEST(all_nodes_get_the_key_of_the_first)
{
    struct library *l = library_start(NULL);
    push_meta_call_t call = lease_call(l, 1, "").meta;
    push_meta_reply_t first;
    push_meta_reply_t second;
    push_command_t command;

    push_library_meta(&command, &call);
    ck_assert(push_meta_reply(library_send(l, &command), &first));
    ck_assert(first.hash_key[0] == UINT64_C(0xfedcba9876543210));
    ck_assert(first.hash_key[1] == 1);
    call.hash_key[0] = 2;
    call.check[0] = 'd';
    push_library_meta(&command, &call);
    ck_assert(push_meta_reply(library_send(l, &command), &second));
    ck_assert(second.hash_key[0] == first.hash_key[0]);
    ck_assert_int_eq(second.check[0], 'c');
    ck_assert_mem_eq(second.epoch, first.epoch, sizeof(first.epoch));
    ck_assert_str_eq(second.vm.id, first.vm.id);
}
END_TEST

START_TEST(each_node_gets_a_number_of_its_own_and_keeps_it)
{
    struct library *l = library_start(NULL);
    push_lease_reply_t one = lease(l, PUSH_OWNER_NOBODY, "http://one/");
    push_lease_reply_t two = lease(l, PUSH_OWNER_NOBODY, "http://two/");
    push_lease_reply_t again = lease(l, one.owner, "http://one/");

    ck_assert_int_eq(one.outcome, PUSH_LEASED);
    ck_assert_uint_ne(push_owner_node(one.owner), push_owner_node(two.owner));
    ck_assert_uint_ne(one.owner, PUSH_OWNER_NOBODY);
    ck_assert_int_eq(again.outcome, PUSH_LEASED);
    ck_assert_uint_eq(again.owner, one.owner);
    ck_assert_uint_eq(again.count, 2);
    ck_assert_uint_eq(again.peers[1].owner, two.owner);
    ck_assert(text_is(again.peers[1].url, "http://two/"));
    ck_assert(text_is(again.peers[1].info, "info"));
    ck_assert(again.meta.hash_key[1] == 1);
}
END_TEST

START_TEST(a_node_of_another_cluster_takes_no_number)
{
    struct library *l = library_start(NULL);
    push_lease_reply_t own = lease(l, PUSH_OWNER_NOBODY, "http://own/");
    push_lease_call_t calls[2] = {
        lease_call(l, PUSH_OWNER_NOBODY, "http://1/"),
        lease_call(l, PUSH_OWNER_NOBODY, "http://2/")};
    push_lease_reply_t foreign;
    push_command_t command;

    calls[0].meta.check[0]++;
    calls[1].meta.hash_key[0]++;
    for (unsigned i = 0; i < 2; i++) {
        push_library_lease(&command, &calls[i]);
        ck_assert(push_lease_reply(library_send(l, &command), &foreign));
        ck_assert_int_eq(foreign.outcome, PUSH_LEASE_LOST);
        ck_assert_uint_eq(foreign.owner, PUSH_OWNER_NOBODY);
        ck_assert(foreign.meta.hash_key[0] == own.meta.hash_key[0]);
        ck_assert_uint_eq(foreign.count, 1);
    }
}
END_TEST

START_TEST(a_number_is_taken_only_60_s_after_its_last_lease)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    push_lease_reply_t one = lease(l, PUSH_OWNER_NOBODY, "http://one/");
    push_lease_reply_t two;

    library_set_clock(l, now += 59999);
    two = lease(l, PUSH_OWNER_NOBODY, "http://two/");
    ck_assert_uint_ne(push_owner_node(one.owner), push_owner_node(two.owner));
    ck_assert_int_eq(two.peers[0].age, 59999);
    library_set_clock(l, now += 1);
    two = lease(l, PUSH_OWNER_NOBODY, "http://three/");
    ck_assert_uint_eq(push_owner_node(one.owner), push_owner_node(two.owner));
    ck_assert_uint_ne(one.owner, two.owner);
    ck_assert_int_eq(lease(l, one.owner, "http://one/").outcome,
                     PUSH_LEASE_LOST);
}
END_TEST

static void resign(struct library *l, unsigned partition, unsigned owner)
{
    push_home_t home = {.prefix = l->home.prefix, .partition = partition};
    push_command_t command;

    push_library_resign(&command, &home, owner);
    ck_assert_int_eq(library_send(l, &command)->integer, 1);
}

START_TEST(a_node_that_resigns_is_gone_at_once)
{
    struct library *l = library_start(NULL);
    push_lease_reply_t one = lease(l, PUSH_OWNER_NOBODY, "http://one/");
    push_lease_reply_t two = lease(l, PUSH_OWNER_NOBODY, "http://two/");
    struct library_node node = library_node(l, one.owner);
    push_publish_call_t call = library_message(l, "uanna", "record");

    library_follow(&node, "uanna", 0);
    resign(l, 0, one.owner + 1); /* a life that is over */
    ck_assert_uint_eq(lease(l, two.owner, "http://two/").count, 2);
    resign(l, 1, one.owner);
    ck_assert_uint_eq(lease(l, two.owner, "http://two/").count, 2);
    resign(l, 0, one.owner);
    two = lease(l, two.owner, "http://two/");
    ck_assert_uint_eq(two.count, 1);
    ck_assert_uint_eq(two.peers[0].owner, two.owner);
    /* What is published does not fill its inbox any more. */
    library_publish(l, &call);
    ck_assert_uint_eq(library_count(library_drain(&node).entries), 0);
}
END_TEST

START_TEST(there_are_64_numbers)
{
    struct library *l = library_start(NULL);

    for (unsigned i = 0; i < PUSH_CLUSTER_NODES; i++) {
        ck_assert_int_eq(lease(l, PUSH_OWNER_NOBODY, "http://n/").outcome,
                         PUSH_LEASED);
    }
    ck_assert_int_eq(lease(l, PUSH_OWNER_NOBODY, "http://n/").outcome,
                     PUSH_LEASE_FULL);
}
END_TEST

START_TEST(a_master_says_which_library_it_has)
{
    struct library *l = library_start(NULL);
    push_hello_reply_t hello;
    push_command_t command;

    push_library_hello(&command, &l->home);
    ck_assert(push_library_hello_reply(library_send(l, &command), &hello));
    ck_assert_uint_eq(hello.vm.version, PUSH_LIBRARY_VERSION);
    ck_assert(!push_library_older(hello.vm.version));
    ck_assert(push_library_older(PUSH_LIBRARY_VERSION - 1));
    push_library_load(&command, 0, false);
    ck_assert(push_library_is_loaded(library_send(l, &command)));
    push_library_load(&command, 0, true);
    ck_assert(push_library_is_loaded(library_send(l, &command)));
    redis_call(l->redis, "FUNCTION FLUSH");
    push_library_hello(&command, &l->home);
    ck_assert(!push_library_hello_reply(library_send(l, &command), &hello));
}
END_TEST

/* So that a newer node may call an older library, and the other way. */
START_TEST(arguments_that_are_missing_or_not_known_do_no_harm)
{
    struct library *l = library_start(NULL);
    push_publish_reply_t published;
    static const char fixed[] = "\0\5"             /* partition */
                                "\1"               /* lane */
                                "\0\0\0\0\xea\x60" /* ttl */
                                "\0\0\0\12"        /* cap */
                                "\0\0\0\0"         /* number of a device id */
                                "\0\0\0\0"         /* rate */
                                "\0\0\0";          /* new */
    redisReply *reply = redis_call(
        l->redis,
        "FCALL push_publish 4 push:{t}f push:{t}h push:{t}1uanna "
        "push:{t}Duanna %b uanna record",
        fixed, (size_t)21);

    ck_assert(push_publish_reply(reply, &published));
    ck_assert_int_eq(published.outcome, PUSH_PUBLISHED_NEW);
    reply = redis_call(
        l->redis,
        "FCALL push_publish 4 push:{t}f push:{t}h push:{t}1uanna "
        "push:{t}Duanna %b uanna record %s %s %s 0 new newer",
        fixed, sizeof(fixed) - 1, "", "", "");
    ck_assert(push_publish_reply(reply, &published));
    ck_assert_int_eq(published.outcome, PUSH_PUBLISHED_NEW);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("library nodes");
    TCase *tc = case_add(suite, "nodes", 60);
    tcase_add_test(tc, all_nodes_get_the_key_of_the_first);
    tcase_add_test(tc, each_node_gets_a_number_of_its_own_and_keeps_it);
    tcase_add_test(tc, a_node_of_another_cluster_takes_no_number);
    tcase_add_test(tc, a_number_is_taken_only_60_s_after_its_last_lease);
    tcase_add_test(tc, a_node_that_resigns_is_gone_at_once);
    tcase_add_test(tc, there_are_64_numbers);
    tcase_add_test(tc, a_master_says_which_library_it_has);
    tcase_add_test(tc, arguments_that_are_missing_or_not_known_do_no_harm);

    return case_run(suite);
}
