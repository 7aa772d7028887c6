#include "core/predicate.h"
#include "core/device.h"
#include "core/places.h"
#include "core_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For which devices a message is: the grammar, and what a device decides. */

static push_text_t text_of(const char *text)
{
    return (push_text_t){text, (uint32_t)strlen(text)};
}

static bool compile(const char *text, push_predicate_t *p, push_text_t *where,
                    push_predicate_wrong_t *wrong)
{
    memset(p, 0, sizeof(*p));
    return push_predicate_parse(p, text_of(text), wrong)
           && push_predicate_end(p, where, wrong);
}

/* ---- one device ---- */

typedef struct {
    push_labels_t labels;
    char bytes[PUSH_LABELS_MAX];
} kept_t;

static kept_t kept;

static void label(push_label_t label, const char *text)
{
    size_t before = 0;

    for (unsigned i = 0; i < label; i++) {
        before += kept.labels.len[i];
    }
    kept.labels.len[label] = (uint8_t)strlen(text);
    memcpy(kept.bytes + before, text, strlen(text));
}

/* An iPhone, with the labels in their order. */
static void make_phone(void)
{
    memset(&kept, 0, sizeof(kept));
    label(PUSH_LABEL_DEVICE, "phone");
    label(PUSH_LABEL_APP, "com.ramen.Rider");
    label(PUSH_LABEL_ADDRESS, "10.0.0.1");
    label(PUSH_LABEL_APP_VERSION, "4.10.2-beta7");
    label(PUSH_LABEL_OS, "iOS");
    label(PUSH_LABEL_OS_VERSION, "17_4");
    label(PUSH_LABEL_LOCALE, "pt_BR");
}

static push_places_t *places;

static bool holds_for(const char *text, const char *id, bool present)
{
    push_decider_t device = {&kept.labels, (const unsigned char *)id, present,
                             places};
    push_predicate_wrong_t wrong;
    push_predicate_t p;
    push_text_t where;

    ck_assert_msg(compile(text, &p, &where, &wrong), "%s: %s", text,
                  wrong.legal);
    ck_assert(push_predicate_valid(where));
    return push_where_holds(where, &device);
}

static const struct {
    const char *text;
    bool holds;
} decisions[] = {
    {"os=ios", true},
    {"os=IOS", true},
    {"os=android", false},
    {"os=io", false},
    {"os=iosx", false},
    {"os=i*", true},
    {"os=iOS*", true},
    {"os=iosx*", false},
    {"os_version=17.4", true},
    {"os_version=17", false},
    {"os_version=>=17", true},
    {"os_version=>=17.4", true},
    {"os_version=>=17.4.0.0", true},
    {"os_version=>=17.4.1", false},
    {"os_version=>17.4", false},
    {"os_version=>17.3.9", true},
    {"os_version=<=17.4", true},
    {"os_version=<17.4", false},
    {"os_version=<18", true},
    {"os_version=>=9", true},
    {"app=com.ramen.Rider", true},
    {"app=com.ramen.rider", false},
    {"app=com.ramen.*", true},
    {"app_version=4.10.2", true},
    {"app_version=<4.2", false},
    {"app_version=>=4.9", true},
    {"app_version=>=4.9 <5", true},
    {"app_version=>=4.9 <4.10", false},
    {"locale=pt*", true},
    {"locale=PT-br", true},
    {"locale=pt", false},
    {"locale=en*", false},
    {"os=ios, os_version=>=14, locale=pt*", true},
    {"os=ios, os_version=>=14, locale=en*", false},
    {"variant=B", true},
    {" os = ios ,\tos_version= >=14  <18 ", true},
};

START_TEST(a_device_is_meant_if_all_terms_hold)
{
    make_phone();
    ck_assert_int_eq(holds_for(decisions[_i].text, "0123456789abcdef", true),
                     decisions[_i].holds);
}
END_TEST

START_TEST(a_device_that_does_not_say_what_is_asked_for_is_not_meant)
{
    static const char *const texts[] = {"os=ios",          "os_version=>=0",
                                        "os_version=<99",  "app=a*",
                                        "app_version=<=9", "locale=p*"};

    memset(&kept, 0, sizeof(kept));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ck_assert(!holds_for(texts[i], "0123456789abcdef", true));
    }
}
END_TEST

START_TEST(a_version_that_is_no_number_is_of_no_version)
{
    memset(&kept, 0, sizeof(kept));
    label(PUSH_LABEL_OS_VERSION, "seventeen");
    ck_assert(!holds_for("os_version=>=0", "0123456789abcdef", true));
    label(PUSH_LABEL_OS_VERSION, "1234567890");
    ck_assert(!holds_for("os_version=>=0", "0123456789abcdef", true));
    label(PUSH_LABEL_OS_VERSION, "1.2.3.4.5.6.7");
    ck_assert(holds_for("os_version=1.2.3.4.5.6", "0123456789abcdef", true));
}
END_TEST

START_TEST(online_asks_whether_the_stream_was_open)
{
    make_phone();
    ck_assert(holds_for("online=1", "0123456789abcdef", true));
    ck_assert(!holds_for("online=1", "0123456789abcdef", false));
}
END_TEST

/* ---- places ---- */

START_TEST(near_asks_where_the_device_is_now)
{
    static const char id[] = "0123456789abcdef";
    const unsigned char *context = (const unsigned char *)id;
    push_fix_t fix = {.point = {387223000, -91393000}, .at = 1, .until = 1000};

    make_phone();
    ck_assert(!holds_for("near=38.7223,-9.1393,1000000", id, true));
    places = calloc(1, sizeof(*places));
    ck_assert(!holds_for("near=38.7223,-9.1393,1000000", id, true));
    push_places_keep(places, context, &fix);
    ck_assert(holds_for("near=38.7223,-9.1393,1", id, true));
    /* 111 m to the north. */
    ck_assert(!holds_for("near=38.7233,-9.1393,111", id, true));
    ck_assert(holds_for("near=38.7233,-9.1393,112, os=ios", id, true));
    ck_assert(!holds_for("near=38.7233,-9.1393,112, os=android", id, true));
    ck_assert(!holds_for("near=38.7223,-9.1393,9", "fedcba9876543210", true));
    push_places_tick(places, 1000);
    ck_assert(!holds_for("near=38.7223,-9.1393,1", id, true));
    free(places);
    places = NULL;
}
END_TEST

START_TEST(it_is_known_what_terms_ask_for)
{
    push_predicate_wrong_t wrong;
    push_predicate_t p;
    push_text_t where;

    ck_assert(compile("os=ios, near=1,2,3", &p, &where, &wrong));
    ck_assert(push_where_asks(where, PUSH_SUBJECT_NEAR));
    ck_assert(!push_where_asks(where, PUSH_SUBJECT_LOCALE));
}
END_TEST

/* ---- shares ---- */

static void context_of(unsigned i, char id[PUSH_CONTEXT_BYTES])
{
    dice_t d = dice(i);
    uint64_t words[2] = {dice_next(&d), dice_next(&d)};

    memcpy(id, words, sizeof(words));
}

START_TEST(the_halves_of_an_experiment_are_all_devices_and_each_once)
{
    unsigned first = 0;
    char id[PUSH_CONTEXT_BYTES];

    make_phone();
    for (unsigned i = 0; i < 2000; i++) {
        bool a, b;

        context_of(i, id);
        a = holds_for("share=0-49, of=summer", id, true);
        b = holds_for("of=summer,share=50-99", id, true);
        ck_assert_int_ne(a, b);
        ck_assert_int_eq(a, holds_for("share=0-49, of=summer", id, false));
        first += a;
    }
    ck_assert_uint_gt(first, 900);
    ck_assert_uint_lt(first, 1100);
}
END_TEST

START_TEST(another_experiment_divides_the_devices_in_another_way)
{
    unsigned both = 0;
    char id[PUSH_CONTEXT_BYTES];

    make_phone();
    for (unsigned i = 0; i < 2000; i++) {
        context_of(i, id);
        both += holds_for("share=0-49, of=summer", id, true)
                && holds_for("share=0-49, of=winter", id, true);
    }
    ck_assert_uint_gt(both, 400);
    ck_assert_uint_lt(both, 600);
}
END_TEST

START_TEST(one_percent_is_a_share)
{
    unsigned count = 0;
    char id[PUSH_CONTEXT_BYTES];

    make_phone();
    for (unsigned i = 0; i < 5000; i++) {
        context_of(i, id);
        count += holds_for("share=7, of=x", id, true);
    }
    ck_assert_uint_gt(count, 20);
    ck_assert_uint_lt(count, 90);
}
END_TEST

/* It is a promise: devices stay in their half over updates and restarts. */
START_TEST(a_device_has_the_same_share_for_ever)
{
    make_phone();
    ck_assert(holds_for("share=4, of=summer", "0123456789abcdef", true));
    ck_assert(holds_for("share=26, of=winter", "0123456789abcdef", true));
}
END_TEST

/* ---- compiled ---- */

START_TEST(the_same_terms_are_the_same_bytes_and_the_same_text)
{
    static const struct {
        const char *one, *other, *text;
    } rows[] = {{"os=ios,app_version=>=4.2", " app_version = >=4.2.0 , os=iOS",
                 "os=ios, app_version=>=4.2"},
                {"os=ios,os=IOS", "os=ios", "os=ios"},
                {"locale=pt_BR", "locale=PT-BR", "locale=pt-br"},
                {"app_version=<5 >=4.2", "app_version=>=4.2, app_version=<5.0",
                 "app_version=>=4.2, app_version=<5"},
                {"share=7,of=x", "of=x,share=7-7", "share=7-7, of=x"},
                {"os_version=0", "os_version=0.0", "os_version=0"},
                {"online=1, variant=B", "variant=B, online=1",
                 "online=1, variant=B"},
                {"os=mac os x*", "os=Mac OS X*", "os=mac os x*"},
                {"near=38.7223,-9.1393,200,os=ios",
                 "os=ios, near = 38.72230 , -9.1393000, 200 ",
                 "os=ios, near=38.7223,-9.1393,200"},
                {"near=-90,180,1000000", "near=-90.0,180.0,1000000",
                 "near=-90,180,1000000"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        push_predicate_wrong_t wrong;
        push_predicate_t one, other;
        push_text_t a, b;
        char text[PUSH_WHERE_TEXT_MAX + 1];

        ck_assert(compile(rows[i].one, &one, &a, &wrong));
        ck_assert(compile(rows[i].other, &other, &b, &wrong));
        ck_assert_uint_eq(a.len, b.len);
        ck_assert_mem_eq(a.at, b.at, a.len);
        text[push_where_write(a, text)] = '\0';
        ck_assert_str_eq(text, rows[i].text);
    }
}
END_TEST

START_TEST(no_terms_are_no_bytes)
{
    push_predicate_t p = {0};
    push_predicate_wrong_t wrong;
    push_text_t where;

    ck_assert(push_predicate_end(&p, &where, &wrong));
    ck_assert_uint_eq(where.len, 0);
    ck_assert(push_predicate_valid(where));
}
END_TEST

START_TEST(the_variant_is_named)
{
    push_predicate_t p;
    push_predicate_wrong_t wrong;
    push_text_t where, variant;

    ck_assert(compile("variant=B2, os=ios", &p, &where, &wrong));
    variant = push_where_variant(where);
    ck_assert_uint_eq(variant.len, 2);
    ck_assert_mem_eq(variant.at, "B2", 2);
    ck_assert(compile("os=ios", &p, &where, &wrong));
    ck_assert_uint_eq(push_where_variant(where).len, 0);
}
END_TEST

START_TEST(other_bytes_are_none)
{
    static const struct {
        const char *bytes;
        uint32_t len;
    } rows[] = {{"\x01", 1},
                {"\x01\x04ios", 5},
                {"\x01\x03iOS", 5},
                {"\x08\x01x", 3},
                {"\x09\x01x", 3},
                {"\x09\x0c\0\0\0\0\0\0\0\0\0\0\0\0", 14},
                {"\x09\x0c\xff\xff\xff\x7f\0\0\0\0\1\0\0\0", 14},
                {"\x0a\x01x", 3},
                {"\x61\x03ios", 5},
                {"\x02\x03"
                 "abc",
                 5},
                {"\x06\x01\x00", 3},
                {"\x06\x03\x00\x64x", 5},
                {"\x06\x02\x00\x31", 4},
                {"\x00\x01x", 3},
                {"\x02\x04\x00\x00\x00\x00", 6},
                {"\x05\x01p\x01\x03ios", 8},
                {"\x01\x03ios\x01\x03ios", 10}};
    char many[256];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert(
            !push_predicate_valid((push_text_t){rows[i].bytes, rows[i].len}));
    }
    for (size_t i = 0; i < sizeof(many); i++) {
        many[i] = i % 2 ? 0 : 4;
    }
    ck_assert(!push_predicate_valid((push_text_t){many, 254}));
    ck_assert(!push_predicate_valid((push_text_t){many, 256}));
}
END_TEST

/* ---- what is wrong ---- */

#define TEXTS                                                                 \
    "1-64 bytes of UTF-8 without controls, commas and *, but for one * at "   \
    "the end"
#define VERSIONS                                                              \
    "one or more of N, >=N, >N, <=N and <N with blanks between them, where "  \
    "N is 1-6 numbers of up to 9 digits with dots between them"
#define SHARES "N or N-M once, percents from 0 to 99, N not above M"
#define OFS    "once, 1-64 of A-Z a-z 0-9 . _ : -"
#define KINDS  "once, 1-32 of A-Z a-z 0-9 . _ : -"
#define UNKNOWN                                                               \
    "is none of os, os_version, app, app_version, locale, online, near, "     \
    "share, of and variant"
#define TOGETHER                                                              \
    "share and of go together: N-M percent of the devices, by the name of "   \
    "an experiment"
#define CIRCLES                                                               \
    "LAT,LON,METRES: -90 to 90 and -180 to 180 with up to 7 decimals, and 1 " \
    "to 1000000"
#define LONG "0123456789012345678901234567890123456789012345678901234567890123"

static const struct {
    const char *text, *name, *legal;
} wrongs[] = {
    {"", "", UNKNOWN},
    {"os", "os", TEXTS},
    {"os=", "os", TEXTS},
    {"os=*", "os", TEXTS},
    {"os=a*b", "os", TEXTS},
    {"os=a**", "os", TEXTS},
    {"os=a\x01", "os", TEXTS},
    {"os=a\x7f", "os", TEXTS},
    {"os=\xff", "os", TEXTS},
    {"os=" LONG "4", "os", TEXTS},
    {"OS=ios", "OS", UNKNOWN},
    {"color=red", "color", UNKNOWN},
    {"os=ios,,app=x", "", UNKNOWN},
    {"os_version=", "os_version", VERSIONS},
    {"os_version=>=", "os_version", VERSIONS},
    {"os_version=x", "os_version", VERSIONS},
    {"os_version=14x", "os_version", VERSIONS},
    {"os_version=14.", "os_version", VERSIONS},
    {"os_version=.14", "os_version", VERSIONS},
    {"os_version=-1", "os_version", VERSIONS},
    {"os_version==14", "os_version", VERSIONS},
    {"os_version=>= 14", "os_version", VERSIONS},
    {"app_version=1.2.3.4.5.6.7", "app_version", VERSIONS},
    {"app_version=1234567890", "app_version", VERSIONS},
    {"app_version=1.1234567890", "app_version", VERSIONS},
    {"online=0", "online", "1"},
    {"online=yes", "online", "1"},
    {"share=0-49", "of", TOGETHER},
    {"of=x", "share", TOGETHER},
    {"share=50-49,of=x", "share", SHARES},
    {"share=0-100,of=x", "share", SHARES},
    {"share=-1,of=x", "share", SHARES},
    {"share=1-,of=x", "share", SHARES},
    {"share=1-2-3,of=x", "share", SHARES},
    {"share=,of=x", "share", SHARES},
    {"share=1,share=2,of=x", "share", SHARES},
    {"share=1,of=", "of", OFS},
    {"share=1,of=x y", "of", OFS},
    {"share=1,of=x,of=y", "of", OFS},
    {"share=1,of=" LONG "4", "of", OFS},
    {"variant=", "variant", KINDS},
    {"variant=A,variant=B", "variant", KINDS},
    {"variant=a b", "variant", KINDS},
    {"variant=012345678901234567890123456789012", "variant", KINDS},
    {"os_version=1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "os_version",
     "at most 16 comparisons"},
    {"near=", "near", CIRCLES},
    {"near", "near", CIRCLES},
    {"near=1,2", "near", CIRCLES},
    {"near=1,2,", "near", CIRCLES},
    {"near=91,2,3", "near", CIRCLES},
    {"near=1,181,3", "near", CIRCLES},
    {"near=1,2,0", "near", CIRCLES},
    {"near=1,2,1000001", "near", CIRCLES},
    {"near=1,2,os=ios", "near", CIRCLES},
    {"near=1,2,3,4", "4", UNKNOWN},
    {"os=0" LONG "*", "os", TEXTS},
    {"os=" LONG ",app=" LONG ",locale=" LONG ",share=1,of=" LONG, "where",
     "at most 255 bytes of values, with 2 for each"},
};

START_TEST(what_is_wrong_is_named_with_what_it_may_be)
{
    push_predicate_wrong_t wrong = {{"", 0}, ""};
    push_predicate_t p;
    push_text_t where;

    ck_assert(!compile(wrongs[_i].text, &p, &where, &wrong));
    ck_assert_uint_eq(wrong.name.len, strlen(wrongs[_i].name));
    ck_assert_mem_eq(wrong.name.at, wrongs[_i].name, wrong.name.len);
    ck_assert_str_eq(wrong.legal, wrongs[_i].legal);
}
END_TEST

START_TEST(sixteen_comparisons_and_the_longest_text_are_taken)
{
    push_predicate_wrong_t wrong;
    push_predicate_t p;
    push_text_t where;
    char text[PUSH_WHERE_TEXT_MAX + 1];

    ck_assert(compile("os_version=1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", &p,
                      &where, &wrong));
    ck_assert(push_predicate_valid(where));
    ck_assert(compile("os=" LONG "*, app=" LONG "*,locale=" LONG, &p, &where,
                      &wrong));
    ck_assert(push_predicate_valid(where));
    text[push_where_write(where, text)] = '\0';
    ck_assert_str_eq(text, "os=" LONG "*, app=" LONG "*, locale=" LONG);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("predicate");
    TCase *tc = unit_case(suite, "predicate", 20);

    tcase_add_row_test(tc, a_device_is_meant_if_all_terms_hold, decisions);
    tcase_add_test(tc,
                   a_device_that_does_not_say_what_is_asked_for_is_not_meant);
    tcase_add_test(tc, a_version_that_is_no_number_is_of_no_version);
    tcase_add_test(tc, online_asks_whether_the_stream_was_open);
    tcase_add_test(tc, near_asks_where_the_device_is_now);
    tcase_add_test(tc, it_is_known_what_terms_ask_for);
    tcase_add_test(tc,
                   the_halves_of_an_experiment_are_all_devices_and_each_once);
    tcase_add_test(tc, another_experiment_divides_the_devices_in_another_way);
    tcase_add_test(tc, one_percent_is_a_share);
    tcase_add_test(tc, a_device_has_the_same_share_for_ever);
    tcase_add_test(tc, the_same_terms_are_the_same_bytes_and_the_same_text);
    tcase_add_test(tc, no_terms_are_no_bytes);
    tcase_add_test(tc, the_variant_is_named);
    tcase_add_test(tc, other_bytes_are_none);
    tcase_add_row_test(tc, what_is_wrong_is_named_with_what_it_may_be, wrongs);
    tcase_add_test(tc, sixteen_comparisons_and_the_longest_text_are_taken);
    return unit_run(suite);
}
