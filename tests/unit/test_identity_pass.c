#include <stdlib.h>
#include <string.h>

#include "core_suite.h"
#include "http/identity/pass.h"

/* Tickets, as the server seals and opens them. */

static const unsigned char key[PUSH_PASS_KEY] = "a key";
static const unsigned char other_key[PUSH_PASS_KEY] = "another key";

static const push_pass_t usual = {.user = "ada",
                                  .device = "d1",
                                  .app = "",
                                  .by_token = true,
                                  .expires = 500000,
                                  .issued = 1000,
                                  .until = 160000};

static bool opens(const char *text, int64_t now)
{
    push_pass_t pass;
    bool opened = push_pass_open(&pass, text, key, "here", now);

    json_decref(pass.opened);
    return opened;
}

START_TEST(what_was_sealed_is_opened)
{
    json_t *channels = json_pack("[s, s]", "a", "b*");
    push_pass_t sealed = usual, opened;
    char *text;

    sealed.channels = channels;
    text = push_pass_seal(&sealed, key, "here");
    ck_assert(push_pass_open(&opened, text, key, "here", 100000));
    ck_assert_str_eq(opened.user, "ada");
    ck_assert_str_eq(opened.device, "d1");
    ck_assert_str_eq(opened.app, "");
    ck_assert(json_equal(opened.channels, channels));
    ck_assert(opened.by_token);
    ck_assert_int_eq(opened.expires, 500000);
    ck_assert_int_eq(opened.issued, 1000);
    ck_assert_int_eq(opened.until, 160000);
    /* Nothing in it can be read from outside. */
    ck_assert_ptr_null(strstr(text, "YWRh"));
    json_decref(opened.opened);
    json_decref(channels);
    free(text);
}
END_TEST

START_TEST(two_of_the_same_differ_in_their_names)
{
    char *a = push_pass_seal(&usual, key, "here");
    char *b = push_pass_seal(&usual, key, "here");

    ck_assert(strncmp(a, b, PUSH_PASS_NAME) != 0);
    free(a);
    free(b);
}
END_TEST

START_TEST(one_that_was_changed_anywhere_is_refused)
{
    char *text = push_pass_seal(&usual, key, "here");
    size_t len = strlen(text);

    /* The last character may hold bits that do not count. */
    for (size_t i = 0; i + 1 < len; i++) {
        char before = text[i];

        text[i] = before == 'A' ? 'B' : 'A';
        NEEDS(!opens(text, 100000), "changed at %zu", i);
        text[i] = before;
    }
    for (size_t i = 0; i < len; i++) {
        char before = text[i];

        text[i] = '\0';
        NEEDS(!opens(text, 100000), "cut at %zu", i);
        text[i] = before;
    }
    ck_assert(opens(text, 100000));
    free(text);
}
END_TEST

START_TEST(one_of_another_key_or_place_is_refused)
{
    char *text = push_pass_seal(&usual, key, "here");
    push_pass_t pass;

    ck_assert(!push_pass_open(&pass, text, other_key, "here", 100000));
    ck_assert_ptr_null(pass.opened);
    ck_assert(!push_pass_open(&pass, text, key, "there", 100000));
    ck_assert_ptr_null(pass.opened);
    free(text);
}
END_TEST

START_TEST(it_ends_with_its_minute_or_its_token)
{
    push_pass_t pass = usual;
    char *text = push_pass_seal(&pass, key, "here");

    ck_assert(opens(text, 159999));
    ck_assert(!opens(text, 160000));
    free(text);
    pass.expires = 150000;
    text = push_pass_seal(&pass, key, "here");
    ck_assert(opens(text, 149999));
    ck_assert(!opens(text, 150000));
    free(text);
    pass.expires = 0;
    text = push_pass_seal(&pass, key, "here");
    ck_assert(opens(text, 159999));
    free(text);
}
END_TEST

START_TEST(what_is_none_is_refused)
{
    static const char *const texts[] = {
        "",     "a",
        "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "!!!!", "AAA=",
        "AA+/",
    };
    char *longest = malloc(PUSH_PASS_MAX + 5);

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        NEEDS(!opens(texts[i], 100000), "%s", texts[i]);
    }
    memset(longest, 'A', PUSH_PASS_MAX + 4);
    longest[PUSH_PASS_MAX + 4] = '\0';
    ck_assert(!opens(longest, 100000));
    longest[PUSH_PASS_MAX] = '\0';
    ck_assert(!opens(longest, 100000));
    free(longest);
}
END_TEST

START_TEST(one_that_would_be_too_long_is_not_made)
{
    json_t *channels = json_array();
    push_pass_t pass = usual;

    pass.channels = channels;
    for (int i = 0; i < 256; i++) {
        json_array_append_new(channels, json_string("a.name.of.a.channel"));
    }
    ck_assert_ptr_null(push_pass_seal(&pass, key, "here"));
    json_decref(channels);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pass");
    TCase *tc = unit_case(suite, "pass", 20);

    tcase_add_test(tc, what_was_sealed_is_opened);
    tcase_add_test(tc, two_of_the_same_differ_in_their_names);
    tcase_add_test(tc, one_that_was_changed_anywhere_is_refused);
    tcase_add_test(tc, one_of_another_key_or_place_is_refused);
    tcase_add_test(tc, it_ends_with_its_minute_or_its_token);
    tcase_add_test(tc, what_is_none_is_refused);
    tcase_add_test(tc, one_that_would_be_too_long_is_not_made);
    return unit_run(suite);
}
