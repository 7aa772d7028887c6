/*
 * How Redis is named, the tags of partitions, and which master has them.
 */
#include "case.h"

#include <stdio.h>
#include <string.h>

#include "redis/decoder.h"
#include "redis/settings.h"
#include "redis/slots.h"

/* ---- URLs ---- */

static const struct {
    const char *text;
    const char *host;
    unsigned port;
    const char *user, *password, *master;
    bool tls, sentinel;
} legal[] = {
    {"redis://127.0.0.1", "127.0.0.1", 6379, "", "", "", false, false},
    {"redis://r1.example:7000/", "r1.example", 7000, "", "", "", false, false},
    {"redis://r1:7000/0", "r1", 7000, "", "", "", false, false},
    {"rediss://push:s%3acr%40t%2F@[fd00::1]:7000", "fd00::1", 7000, "push",
     "s:cr@t/", "", true, false},
    {"redis://:p%25@h", "h", 6379, "", "p%", "", false, false},
    {"redis://u:a@b:c@h:1", "h", 1, "u", "a@b:c", "", false, false},
    {"redis+sentinel://s1/mymaster", "s1", 26379, "", "", "mymaster", false,
     true},
    {"rediss+sentinel://u:p@s1:5000/a%20b", "s1", 5000, "u", "p", "a b", true,
     true},
    {"unix:///run/redis/redis.sock", "/run/redis/redis.sock", 0, "", "", "",
     false, false},
    {"unix://u:p@/run/a%20b@c", "/run/a b@c", 0, "u", "p", "", false, false},
};

START_TEST(a_url_says_where_and_as_whom)
{
    push_redis_url_t url;
    char why[PUSH_REDIS_WHY] = "";

    ck_assert_msg(push_redis_url_parse(&url, legal[_i].text, why), "%s", why);
    ck_assert_str_eq(url.address.host, legal[_i].host);
    ck_assert_uint_eq(url.address.port, legal[_i].port);
    ck_assert_str_eq(url.user, legal[_i].user);
    ck_assert_str_eq(url.password, legal[_i].password);
    ck_assert_str_eq(url.master, legal[_i].master);
    ck_assert_int_eq(url.tls, legal[_i].tls);
    ck_assert_int_eq(url.sentinel, legal[_i].sentinel);
}
END_TEST

static const struct {
    const char *text, *user, *password;
} guarded[] = {
    {"redis+sentinel://u:p@s1/m", "", ""},
    {"redis+sentinel://u:p@s1/m?sentinel=guard:s%3Fcr", "guard", "s?cr"},
    {"redis+sentinel://u:p@s1/m?sentinel=:a:b@c", "", "a:b@c"},
};

START_TEST(sentinels_may_have_a_user_and_a_password_of_their_own)
{
    push_redis_url_t url;
    char why[PUSH_REDIS_WHY] = "";

    ck_assert_msg(push_redis_url_parse(&url, guarded[_i].text, why), "%s",
                  why);
    ck_assert_str_eq(url.user, "u");
    ck_assert_str_eq(url.password, "p");
    ck_assert_str_eq(url.master, "m");
    ck_assert_str_eq(url.sentinel_user, guarded[_i].user);
    ck_assert_str_eq(url.sentinel_password, guarded[_i].password);
}
END_TEST

static const struct {
    const char *text, *names;
} illegal[] = {
    {"", "scheme"},
    {"127.0.0.1:6379", "scheme"},
    {"http://h", "scheme"},
    {"REDIS://h", "scheme"},
    {"redis://", "host is missing"},
    {"redis://:6379", "host is missing"},
    {"redis://user@h", "no password"},
    {"redis://h:0", "port"},
    {"redis://h:65536", "port"},
    {"redis://h:99999999999999999999", "port"},
    {"redis://h:", "port"},
    {"redis://h:6379x", "port"},
    {"redis://[::1", "["},
    {"redis://[::1]x", "port"},
    {"redis://[]", "host is missing"},
    {"redis://a b", "host"},
    {"redis://h/1", "database"},
    {"redis://h/name", "database"},
    {"redis://h?x=1", "database"},
    {"redis://u:p%4@h", "password"},
    {"redis://u:p%zz@h", "password"},
    {"redis://u:p%00@h", "password"},
    {"redis://%:p@h", "user"},
    {"redis+sentinel://h", "name of the master"},
    {"redis+sentinel://h/", "name of the master"},
    {"redis+sentinel://h:1/%", "name of the master"},
    {"redis+sentinel://h/?sentinel=:p", "name of the master"},
    {"redis+sentinel://h/m?password=p", "?sentinel=USER:PASSWORD"},
    {"redis+sentinel://h/m?sentinel=", ":PASSWORD"},
    {"redis+sentinel://h/m?sentinel=u", ":PASSWORD"},
    {"redis+sentinel://h/m?sentinel=u:%0", "password"},
    {"unix://", "path"},
    {"unix://run/redis.sock", "path"},
};

START_TEST(a_url_that_is_wrong_is_refused_by_the_name_of_its_part)
{
    push_redis_url_t url;
    char why[PUSH_REDIS_WHY] = "";

    ck_assert(!push_redis_url_parse(&url, illegal[_i].text, why));
    ck_assert_msg(strstr(why, illegal[_i].names), "%s", why);
}
END_TEST

START_TEST(parts_that_are_too_long_are_refused)
{
    static const struct {
        const char *before, *after;
        size_t max;
    } parts[] = {
        {"redis://", "", PUSH_REDIS_HOST_MAX},
        {"redis://", ":p@h", PUSH_REDIS_USER_MAX},
        {"redis://:", "@h", PUSH_REDIS_PASSWORD_MAX},
        {"redis+sentinel://h/", "", PUSH_REDIS_NAME_MAX},
        {"redis+sentinel://h/m?sentinel=", ":p", PUSH_REDIS_USER_MAX},
        {"redis+sentinel://h/m?sentinel=:", "", PUSH_REDIS_PASSWORD_MAX},
        {"unix:///", "", 106},
    };
    push_redis_url_t url;
    char why[PUSH_REDIS_WHY], text[2048], part[1024];

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        memset(part, 'a', sizeof(part));
        for (size_t len = parts[i].max; len <= parts[i].max + 1; len++) {
            snprintf(text, sizeof(text), "%s%.*s%s", parts[i].before, (int)len,
                     part, parts[i].after);
            ck_assert_int_eq(push_redis_url_parse(&url, text, why),
                             len == parts[i].max);
        }
    }
}
END_TEST

static const struct {
    const char *first, *second, *says;
} pairs[] = {
    {"redis://a", "rediss://b", "URL 2 has another scheme"},
    {"redis://a", "redis+sentinel://b/m", "URL 2 has another scheme"},
    {"redis://u:p@a", "redis://v:p@b", "URL 2 has another user"},
    {"redis://:p@a", "redis://:secret@b", "URL 2 has another password"},
    {"redis+sentinel://a/m", "redis+sentinel://b/n", "URL 2 has another name"},
    {"redis+sentinel://a/m?sentinel=:p", "redis+sentinel://b/m",
     "password of the sentinels"},
    {"redis://a", "unix:///b", "only one"},
    {"redis://a", "redis://b:x", "URL 2: the port"},
};

START_TEST(urls_of_one_cluster_agree_and_errors_say_no_password)
{
    push_redis_settings_t settings = {.count = 0};
    char why[PUSH_REDIS_WHY] = "";

    ck_assert(push_redis_settings_add(&settings, pairs[_i].first, why));
    ck_assert(!push_redis_settings_add(&settings, pairs[_i].second, why));
    ck_assert_msg(strstr(why, pairs[_i].says), "%s", why);
    ck_assert(!strstr(why, "secret"));
    ck_assert_uint_eq(settings.count, 1);
}
END_TEST

START_TEST(sixteen_urls_are_enough)
{
    push_redis_settings_t settings = {.count = 0};
    char why[PUSH_REDIS_WHY] = "";

    for (unsigned i = 0; i < PUSH_REDIS_URLS; i++) {
        ck_assert(push_redis_settings_add(&settings, "redis://a", why));
    }
    ck_assert(!push_redis_settings_add(&settings, "redis://a", why));
    ck_assert_ptr_nonnull(strstr(why, "16"));
}
END_TEST

START_TEST(an_address_is_written_as_it_is_read)
{
    char room[PUSH_REDIS_ADDRESS_TEXT];
    push_address_t address;

    ck_assert(push_address_set(&address, "fd00::1", 7, 7000));
    ck_assert_str_eq(push_address_format(&address, room), "[fd00::1]:7000");
    ck_assert(push_address_set(&address, "host", 4, 1));
    ck_assert_str_eq(push_address_format(&address, room), "host:1");
    ck_assert(push_address_set(&address, "/run/s", 6, 0));
    ck_assert_str_eq(push_address_format(&address, room), "/run/s");
    ck_assert(!push_address_set(&address, "", 0, 1));
    ck_assert(!push_address_set(&address, "a", 1, 65536));
    ck_assert(!push_address_set(&address, "a\0b", 3, 1));
}
END_TEST

/* ---- tags ---- */

START_TEST(the_slot_of_a_key_is_as_redis_says)
{
    /* As of CLUSTER KEYSLOT. */
    ck_assert_uint_eq(push_slot_of("123456789", 9), 0x31c3 % 16384);
    ck_assert_uint_eq(push_slot_of("foo", 3), 12182);
    ck_assert_uint_eq(push_slot_of("bar", 3), 5061);
    ck_assert_uint_eq(push_slot_of("", 0), 0);
}
END_TEST

static bool is_legal(const char *tag)
{
    return strspn(tag, "0123456789abcdefghijklmnopqrstuvwxyz") == strlen(tag)
           && strlen(tag) >= 1 && strlen(tag) <= 4;
}

START_TEST(each_partition_has_a_tag_of_its_slot_and_no_two_the_same)
{
    for (unsigned i = 0; i < PUSH_PARTITIONS; i++) {
        const char *tag = push_partition_tag(i);

        ck_assert(is_legal(tag));
        ck_assert_uint_eq(push_slot_of(tag, strlen(tag)), 16 * i + 8);
        ck_assert_uint_eq(push_partition_slot(i), 16 * i + 8);
    }
}
END_TEST

/* That no shorter one and none before it in the alphabet would do. */
START_TEST(a_tag_is_the_shortest_and_the_first)
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    unsigned found[PUSH_PARTITIONS] = {0};

    for (unsigned len = 1; len <= 3; len++) {
        unsigned count = len == 1 ? 36 : len == 2 ? 36 * 36 : 36 * 36 * 36;

        for (unsigned n = 0; n < count; n++) {
            char tag[4] = {
                letters[n / (count / 36)],
                letters[n / (count / 36 / 36 ? count / 36 / 36 : 1) % 36],
                letters[n % 36], '\0'};
            unsigned slot;

            tag[len == 2 ? 1 : 2] = letters[n % 36];
            tag[len] = '\0';
            slot = push_slot_of(tag, len);
            if (slot % 16 == 8 && !found[slot / 16]) {
                found[slot / 16] = 1;
                ck_assert_str_eq(push_partition_tag(slot / 16), tag);
            }
        }
    }
}
END_TEST

/* ---- the slot map ---- */

static push_reply_t *reply_of(const char *bytes)
{
    push_decoder_t *decoder = push_decoder_create();
    push_reply_t *reply;

    ck_assert(push_decoder_feed(decoder, bytes, strlen(bytes)));
    ck_assert_int_eq(push_decoder_next(decoder, &reply), PUSH_DECODED_REPLY);
    push_decoder_destroy(decoder);
    return reply;
}

static bool take(push_slots_t *slots, const char *bytes)
{
    const push_address_t asked = {"10.0.0.9", 6379};
    push_reply_t *reply = reply_of(bytes);
    bool taken = push_slots_take(slots, reply, &asked);

    push_reply_free(reply);
    return taken;
}

#define NODE(host, port)         "*3\r\n$8\r\n" host "\r\n:" port "\r\n$2\r\nid\r\n"
#define RANGE(first, last, node) "*3\r\n:" first "\r\n:" last "\r\n" node

static const char two_masters[] = "*2\r\n" RANGE("0", "8191",
                                                 NODE("10.0.0.1", "7000"))
    RANGE("8192", "16383", NODE("10.0.0.2", "7000"));

START_TEST(a_map_gives_each_partition_its_master)
{
    push_slots_t slots;
    uint32_t version;

    push_slots_init(&slots);
    ck_assert(!slots.known);
    ck_assert(take(&slots, two_masters));
    ck_assert(slots.known && slots.cluster);
    ck_assert_uint_eq(slots.end, 2);
    ck_assert_uint_eq(slots.masters[0].partitions, 512);
    ck_assert_uint_eq(slots.master_of[0], 0);
    ck_assert_uint_eq(slots.master_of[511], 0);
    ck_assert_uint_eq(slots.master_of[512], 1);
    version = slots.version;
    ck_assert(take(&slots, two_masters));
    ck_assert_uint_eq(slots.version, version);
}
END_TEST

START_TEST(a_master_keeps_its_index_when_others_come_and_go)
{
    push_slots_t slots;

    push_slots_init(&slots);
    ck_assert(take(&slots, two_masters));
    ck_assert(take(&slots,
                   "*2\r\n" RANGE("0", "8191", NODE("10.0.0.3", "7000"))
                       RANGE("8192", "16383", NODE("10.0.0.2", "7000"))));
    ck_assert_uint_eq(slots.master_of[0], 2);
    ck_assert_uint_eq(slots.master_of[1023], 1);
    ck_assert_uint_eq(slots.masters[0].partitions, 0);
    ck_assert_str_eq(slots.masters[2].address.host, "10.0.0.3");
}
END_TEST

START_TEST(masters_that_come_at_once_have_indexes_of_their_own)
{
    push_slots_t slots;

    push_slots_init(&slots);
    for (unsigned i = 0; i < PUSH_MASTERS; i++) {
        push_address_t gone = {"10.0.1.1", (uint16_t)(1 + i)};

        ck_assert_uint_eq(push_slots_master(&slots, &gone), i);
    }
    ck_assert(take(&slots, two_masters));
    ck_assert_str_eq(slots.masters[slots.master_of[0]].address.host,
                     "10.0.0.1");
    ck_assert_str_eq(slots.masters[slots.master_of[1023]].address.host,
                     "10.0.0.2");
}
END_TEST

START_TEST(a_slot_that_moves_takes_its_partition_along_if_it_is_the_tags)
{
    push_slots_t slots;

    push_slots_init(&slots);
    ck_assert(take(&slots, two_masters));
    push_slots_move(&slots, 7, 1);
    ck_assert_uint_eq(slots.master_of[0], 0);
    push_slots_move(&slots, 8, 1);
    ck_assert_uint_eq(slots.master_of[0], 1);
    ck_assert_uint_eq(slots.masters[1].partitions, 513);
    ck_assert_uint_eq(slots.masters[0].partitions, 511);
}
END_TEST

START_TEST(a_host_that_the_node_does_not_know_is_the_one_that_was_asked)
{
    push_slots_t slots;

    push_slots_init(&slots);
    ck_assert(take(&slots, "*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$-1\r\n:7001"
                           "\r\n$2\r\nid\r\n"));
    ck_assert_str_eq(slots.masters[0].address.host, "10.0.0.9");
    ck_assert_uint_eq(slots.masters[0].address.port, 7001);
}
END_TEST

START_TEST(slots_that_nobody_has_are_nobodys)
{
    push_slots_t slots;

    push_slots_init(&slots);
    ck_assert(
        take(&slots, "*1\r\n" RANGE("0", "8191", NODE("10.0.0.1", "7000"))));
    ck_assert_uint_eq(slots.master_of[512], PUSH_NO_MASTER);
}
END_TEST

static const char *const no_maps[] = {
    "*0\r\n",
    "+OK\r\n",
    "*1\r\n*2\r\n:0\r\n:16383\r\n",
    "*1\r\n" RANGE("0", "16384", NODE("10.0.0.1", "7000")),
    "*1\r\n" RANGE("9", "8", NODE("10.0.0.1", "7000")),
    "*1\r\n" RANGE("0", "16383", NODE("10.0.0.1", "0")),
    "*1\r\n" RANGE("0", "16383", NODE("10.0.0.1", "65536")),
    "*1\r\n" RANGE("0", "7", NODE("10.0.0.1", "7000")),
};

START_TEST(what_is_no_map_changes_nothing)
{
    push_slots_t slots, before;

    push_slots_init(&slots);
    ck_assert(take(&slots, two_masters));
    before = slots;
    ck_assert(!take(&slots, no_maps[_i]));
    ck_assert(!memcmp(&slots, &before, sizeof(slots)));
}
END_TEST

START_TEST(sixty_four_masters_are_the_most_and_old_ones_make_room)
{
    push_slots_t slots;
    push_address_t address = {"10.0.0.1", 1};

    push_slots_init(&slots);
    for (unsigned i = 0; i < PUSH_MASTERS; i++) {
        address.port = (uint16_t)(i + 1);
        ck_assert_uint_eq(push_slots_master(&slots, &address), i);
        push_slots_move(&slots, 16 * i + 8, i);
    }
    address.port = 1000;
    ck_assert_uint_eq(push_slots_master(&slots, &address), PUSH_NO_MASTER);
    push_slots_move(&slots, 16 * 5 + 8, 6);
    ck_assert_uint_eq(push_slots_master(&slots, &address), 5);
    ck_assert_uint_eq(slots.masters[5].address.port, 1000);
    push_slots_single(&slots, &address);
    ck_assert_uint_eq(slots.masters[5].partitions, PUSH_PARTITIONS);
    ck_assert(!slots.cluster);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis_url");
    TCase *tc = case_add(suite, "urls", 20);

    tcase_add_row_test(tc, a_url_says_where_and_as_whom, legal);
    tcase_add_row_test(
        tc, sentinels_may_have_a_user_and_a_password_of_their_own, guarded);
    tcase_add_row_test(
        tc, a_url_that_is_wrong_is_refused_by_the_name_of_its_part, illegal);
    tcase_add_test(tc, parts_that_are_too_long_are_refused);
    tcase_add_row_test(
        tc, urls_of_one_cluster_agree_and_errors_say_no_password, pairs);
    tcase_add_test(tc, sixteen_urls_are_enough);
    tcase_add_test(tc, an_address_is_written_as_it_is_read);
    tc = case_add(suite, "tags", 20);
    tcase_add_test(tc, the_slot_of_a_key_is_as_redis_says);
    tcase_add_test(tc,
                   each_partition_has_a_tag_of_its_slot_and_no_two_the_same);
    tcase_add_test(tc, a_tag_is_the_shortest_and_the_first);
    tc = case_add(suite, "slots", 20);
    tcase_add_test(tc, a_map_gives_each_partition_its_master);
    tcase_add_test(tc, a_master_keeps_its_index_when_others_come_and_go);
    tcase_add_test(tc, masters_that_come_at_once_have_indexes_of_their_own);
    tcase_add_test(
        tc, a_slot_that_moves_takes_its_partition_along_if_it_is_the_tags);
    tcase_add_test(
        tc, a_host_that_the_node_does_not_know_is_the_one_that_was_asked);
    tcase_add_test(tc, slots_that_nobody_has_are_nobodys);
    tcase_add_row_test(tc, what_is_no_map_changes_nothing, no_maps);
    tcase_add_test(tc, sixty_four_masters_are_the_most_and_old_ones_make_room);
    return case_run(suite);
}
