/* test_pushctl.c - the parts of pushctl that need no server. */
#include <check.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../pushctl/frame.h"
#include "../pushctl/jws.h"
#include "../pushctl/settings.h"
#include "../pushctl/show.h"
#include "../pushctl/table.h"
#include "../pushctl/tail.h"
#include "../pushctl/text.h"
#include "suite.h"

static void setup(void)
{
    setlocale(LC_ALL, "C.UTF-8");
    setenv("TZ", "UTC", 1);
    tzset();
}

/* ---- text ---- */

static const struct {
    const char *from, *to;
} cleaned[] = {
    {"plain", "plain"},
    {"", ""},
    {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", /* two, three, four bytes */
     "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"\033[2J\a", "?[2J?"},
    {"a\nb\tc\x7f", "a?b?c?"},
    {"\xc2\x9b"
     "31m",
     "?31m"},                     /* CSI in one character */
    {"\xff\xfe", "??"},           /* no UTF-8 */
    {"\xc3", "?"},                /* cut */
    {"\xc0\xaf", "??"},           /* longer than needed */
    {"\xe0\x80\xaf", "???"},      /* the same */
    {"\xed\xa0\x80", "???"},      /* a surrogate */
    {"\xf4\x90\x80\x80", "????"}, /* above U+10FFFF */
    {"a\xe2\x80\xae"
     "b",
     "a?b"},                              /* what turns the direction */
    {"a\xe2\x80\x8b\xef\xbb\xbf", "a??"}, /* what is not seen */
};

START_TEST(nothing_that_a_terminal_would_obey_is_shown)
{
    char *text = ctl_text_clean(cleaned[_i].from);

    ck_assert_str_eq(text, cleaned[_i].to);
    free(text);
}
END_TEST

static const struct {
    void (*form)(int64_t n, char out[CTL_TEXT_MAX]);
    int64_t n;
    const char *text;
} forms[] = {
    {ctl_text_count, 0, "0"},
    {ctl_text_count, 999, "999"},
    {ctl_text_count, 1000, "1,000"},
    {ctl_text_count, 1234567, "1,234,567"},
    {ctl_text_count, -1234, "-1,234"},
    {ctl_text_count, INT64_MIN, "-9,223,372,036,854,775,808"},
    {ctl_text_bytes, 0, "0 B"},
    {ctl_text_bytes, 1023, "1023 B"},
    {ctl_text_bytes, 1024, "1.0 KiB"},
    {ctl_text_bytes, 67010560, "63.9 MiB"},
    {ctl_text_bytes, 1048575, "1.0 MiB"},
    {ctl_text_bytes, INT64_MAX, "8388608.0 TiB"},
    {ctl_text_seconds, 0, "0 s"},
    {ctl_text_seconds, 59, "59 s"},
    {ctl_text_seconds, 60, "1 min"},
    {ctl_text_seconds, 4000, "1 h 6 min"},
    {ctl_text_seconds, 86400 * 3 + 3600, "3 d 1 h"},
    {ctl_text_seconds, 86400 + 60, "1 d"},
};

START_TEST(numbers_have_a_form)
{
    char out[CTL_TEXT_MAX];

    forms[_i].form(forms[_i].n, out);
    ck_assert_str_eq(out, forms[_i].text);
}
END_TEST

START_TEST(rates_have_a_form)
{
    static const struct {
        double rate;
        const char *text;
    } rows[] = {{0, "0"},       {0.5, "0.5"},        {99.94, "99.9"},
                {99.96, "100"}, {12345.6, "12,346"}, {0.04, "0.0"}};
    char out[CTL_TEXT_MAX];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ctl_text_rate(rows[i].rate, out);
        ck_assert_str_eq(out, rows[i].text);
    }
}
END_TEST

START_TEST(a_time_says_how_far_it_is)
{
    int64_t at = 1795439335648;
    char out[CTL_TEXT_MAX];

    ctl_text_time(at, 0, out);
    ck_assert_str_eq(out, "2026-11-23 13:08:55");
    ctl_text_time(at, at + 61000, out);
    ck_assert_str_eq(out, "2026-11-23 13:08:55 (1 min 1 s ago)");
    ctl_text_time(at, at - 2000, out);
    ck_assert_str_eq(out, "2026-11-23 13:08:55 (in 2 s)");
}
END_TEST

START_TEST(text_is_cut_at_a_column_and_never_within_a_character)
{
    /* One column, two, none (a combining accent), one. */
    const char *text = "a\xe4\xb8\xad"
                       "e\xcc\x81z";

    ck_assert_uint_eq(ctl_text_width(text), 5);
    ck_assert_uint_eq(ctl_text_fit(text, 0), 0);
    ck_assert_uint_eq(ctl_text_fit(text, 1), 1);
    ck_assert_uint_eq(ctl_text_fit(text, 2), 1);
    ck_assert_uint_eq(ctl_text_fit(text, 3), 4);
    ck_assert_uint_eq(ctl_text_fit(text, 4), 7);
    ck_assert_uint_eq(ctl_text_fit(text, 80), strlen(text));
}
END_TEST

/* ---- events ---- */

static const struct {
    const char *data, *line;
} events[] = {
    {"{\"specversion\":\"1.0\",\"type\":\"push.message.acked\","
     "\"subject\":\"ann/ctx\",\"time\":\"2026-11-29T16:46:11.123Z\","
     "\"data\":{\"message\":\"8yI\",\"event\":\"trip.eta\","
     "\"urgency\":\"high\"}}",
     "16:46:11.123  acked         8yI  ann/ctx  trip.eta  high"},
    {"{\"specversion\":\"1.0\",\"type\":\"push.message.expired\","
     "\"subject\":\"a\\u001b[2J\",\"time\":\"2026-11-29T16:46:11.123Z\","
     "\"data\":{\"message\":\"8yI\",\"devices\":[{}]}}",
     "16:46:11.123  expired       8yI  a?[2J  dead: missed by 1 device"},
    {"{\"specversion\":1,\"type\":3}", "              "},
    {"{\"time\":1795439335648,\"streams\":1200,\"memory\":{}}",
     "streams 1,200"},
    {"no json\a", "no json?"},
};

START_TEST(an_event_is_one_clean_line)
{
    char *line = ctl_tail_line(events[_i].data, strlen(events[_i].data));

    ck_assert_str_eq(line, events[_i].line);
    free(line);
}
END_TEST

/* ---- tables and objects ---- */

/* What a function prints. */
#define expect_printed(wanted, call)                                          \
    do {                                                                      \
        char *text_ = NULL;                                                   \
        size_t size_ = 0;                                                     \
        FILE *out = open_memstream(&text_, &size_);                           \
        call;                                                                 \
        fclose(out);                                                          \
        ck_assert_str_eq(text_, wanted);                                      \
        free(text_);                                                          \
    } while (0)

START_TEST(columns_are_as_wide_as_what_is_in_them)
{
    static const char *const cells[] = {
        "name", "n", "note",  "\xe4\xb8\xad\xe6\x96\x87x", "1,000", "",
        "a",    "1", "long\n"};
    struct ctl_table *t = ctl_table_create(3);

    ctl_table_right(t, 1);
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        ctl_table_add(t, cells[i]);
    }
    expect_printed(" name       n  note\n"
                   " \xe4\xb8\xad\xe6\x96\x87x  1,000\n"
                   " a          1  long?\n",
                   ctl_table_print(t, out, 1));
    ctl_table_destroy(t);
}
END_TEST

static const struct {
    const char *json, *text;
} shown[] = {
    {"{}", ""},
    {"{\"a_b\":1234,\"c\":\"x\\u001b[m\"}", "a b  1,234\nc    x?[m\n"},
    {"{\"on\":true,\"off\":false,\"no\":null,\"none\":[],\"r\":1.5}",
     "on    yes\noff   no\nno    -\nnone  -\nr     1.5\n"},
    {"{\"audience\":{\"user\":\"bob\"},\"to\":{\"broadcast\":true}}",
     "audience  user bob\nto        broadcast\n"},
    {"{\"list\":[\"a\",\"b\"],\"used\":2048,\"ttl\":90}",
     "list  a, b\nused  2.0 KiB\nttl   1 min 30 s\n"},
    {"{\"part\":{\"a\":1,\"b\":2,\"c\":3},\"first\":1}",
     "first  1\npart\n  a  1\n  b  2\n  c  3\n"},
    {"{\"rows\":[{\"name\":\"x\",\"n\":10},{\"name\":\"long\"}]}",
     "rows\n  name   n\n  x     10\n  long   -\n"},
};

START_TEST(an_answer_is_shown_by_the_names_in_it)
{
    json_t *json = json_loads(shown[_i].json, 0, NULL);

    ck_assert_ptr_nonnull(json);
    expect_printed(shown[_i].text, ctl_show(out, json));
    json_decref(json);
}
END_TEST

/* ---- frames ---- */

static struct ctl_look look_at(int64_t at, int published, int streams)
{
    struct ctl_look look = {
        .at = at,
        .stats = json_pack("{s:i,s:i,s:i,s:{s:i,s:i},s:{s:s}}", "streams",
                           streams, "channels", 1, "published", published,
                           "memory", "size", 2048, "used", 1024, "state",
                           "durability", "memory"),
        .channels = json_pack("[{s:s,s:i},{s:s,s:i,s:i,s:i}]", "channel",
                              "small", "subscribers", 2, "channel", "news",
                              "messages", 2, "subscribers", 3, "connected",
                              1)};

    ck_assert_ptr_nonnull(look.stats);
    return look;
}

static void take(struct ctl_frame *f, int64_t at, int published, int streams)
{
    struct ctl_look look = look_at(at, published, streams);

    ctl_frame_take(f, &look);
}

START_TEST(a_frame_has_the_rates_between_two_looks)
{
    struct ctl_frame f = {.url = "http://h/push", .error = "", .interval = 2};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    take(&f, 1000, 100, 1);
    take(&f, 2000, 100, 1);
    take(&f, 4000, 1100, 7);
    ctl_frame_print(&f, out);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "http://h/push"));
    ck_assert_ptr_nonnull(strstr(text, "streams 7 "));
    ck_assert_ptr_nonnull(
        strstr(text, "[###############...............]  50 %  1.0 KiB"));
    ck_assert_ptr_nonnull(
        strstr(text, "published         500         333            1,100\n"));
    ck_assert_ptr_nonnull(
        strstr(text, "news               3          1         2\n"
                     "small              2          -         -\n"));
    ck_assert_ptr_null(strstr(text, "no answer"));
    free(text);
    ctl_frame_cleanup(&f);
}
END_TEST

START_TEST(a_frame_has_how_busy_each_child_was_between_two_looks)
{
    struct ctl_frame f = {.url = "u", .error = ""};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    for (int i = 0; i < 2; i++) {
        struct ctl_look look = look_at(1000 + 2000 * i, 1, 1);

        look.children = json_pack("[{s:i,s:i,s:i,s:i,s:i,s:b}]", "pid", 4711,
                                  "seat", 3, "streams", 7, "busy_ms",
                                  100 + 500 * i, "generation", 2, "draining",
                                  0);
        ctl_frame_take(&f, &look);
    }
    ctl_frame_print(&f, out);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "\n4711  "));
    ck_assert_ptr_nonnull(strstr(text, "25 %"));
    free(text);
    ctl_frame_cleanup(&f);
}
END_TEST

START_TEST(a_server_that_began_anew_has_no_rate_below_zero)
{
    struct ctl_frame f = {.url = "", .error = ""};

    take(&f, 1000, 100, 5);
    take(&f, 2000, 150, 1); /* fewer streams are no new beginning */
    ck_assert(ctl_frame_rate(&f.before, &f.now, "published") == 50.0);
    take(&f, 3000, 2, 1);
    ck_assert(ctl_frame_rate(&f.before, &f.now, "published") < 0);
    ck_assert(ctl_frame_rate(&f.first, &f.now, "published") < 0);
    take(&f, 4000, 4, 1);
    ck_assert(ctl_frame_rate(&f.before, &f.now, "published") == 2.0);
    ctl_frame_cleanup(&f);
}
END_TEST

START_TEST(a_look_that_failed_keeps_the_figures_and_says_why)
{
    struct ctl_frame f = {.url = "u", .error = "it is gone"};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    json_t *json;

    take(&f, 1000, 100, 5);
    ctl_frame_print(&f, out);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "no answer: it is gone\n"));
    ck_assert_ptr_nonnull(strstr(text, "streams 5 "));
    free(text);
    json = ctl_frame_json(&f);
    ck_assert_str_eq(json_string_value(json_object_get(json, "error")),
                     "it is gone");
    ck_assert_ptr_null(json_object_get(json, "stats"));
    json_decref(json);
    ctl_frame_cleanup(&f);
}
END_TEST

START_TEST(a_frame_for_programs_has_figures_and_rates)
{
    struct ctl_frame f = {.url = "u", .error = ""};
    json_t *json;

    take(&f, 1000, 0, 5);
    take(&f, 1500, 10, 5);
    json = ctl_frame_json(&f);
    ck_assert(json_real_value(
                  json_object_get(json_object_get(json, "rates"), "published"))
              == 20.0);
    ck_assert_ptr_null(
        json_object_get(json_object_get(json, "rates"), "streams"));
    ck_assert_int_eq(json_integer_value(json_object_get(
                         json_object_get(json, "stats"), "streams")),
                     5);
    ck_assert_uint_eq(json_array_size(json_object_get(json, "channels")), 2);
    json_decref(json);
    ctl_frame_cleanup(&f);
}
END_TEST

/* ---- tokens ---- */

START_TEST(the_token_of_rfc_7515_is_read)
{
    json_t *header, *claims;

    ck_assert_int_eq(
        ctl_jws_read(
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGF"
            "tcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            &header, &claims),
        0);
    ck_assert_str_eq(json_string_value(json_object_get(header, "alg")),
                     "HS256");
    ck_assert_str_eq(json_string_value(json_object_get(claims, "iss")), "joe");
    ck_assert_int_eq(json_integer_value(json_object_get(claims, "exp")),
                     1300819380);
    json_decref(header);
    json_decref(claims);
}
END_TEST

static const char *const no_tokens[] = {
    "",         ".",       "..",        "a.b",        "a.b.c.d",  "e30.e30",
    "e30.W10.", "e30.e3.", "e30.e30=.", "e30.e\xff.", "eyJ.e30.",
};

START_TEST(what_is_no_token_is_not_read)
{
    json_t *header, *claims;

    ck_assert_int_eq(ctl_jws_read(no_tokens[_i], &header, &claims), -1);
}
END_TEST

/* ---- settings ---- */

/* A run with this file, and the token given so. */
static void settle(struct ctl_settings *s, struct ctl *c, const char *text)
{
    char path[] = "/tmp/pushctl-XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    s->config = path;
    common_init(&c->common, "pushctl", NULL);
    ctl_settings_finish(s, c);
    unlink(path);
}

static void settled(struct ctl_settings *s, struct ctl *c)
{
    ctl_settings_cleanup(s);
    common_cleanup(&c->common);
    free(c->url);
}

START_TEST(the_command_line_comes_before_the_environment_before_the_file)
{
    struct ctl_settings s = {0};
    struct ctl c = {0};

    setenv("PUSHCTL_URL", "http://environment/", 1);
    setenv("PUSHCTL_TIMEOUT", "7", 1);
    setenv("PUSHCTL_PIN", "", 1);
    ctl_settings_option(&s, &c.common, 'W', "3");
    settle(&s, &c,
           "# a comment\n\n url=http://file\ntimeout = 4\n"
           "pin =  sha256//file \nproxy = p");
    ck_assert_str_eq(c.common.pushc.url, "http://environment");
    ck_assert_int_eq(c.timeout, 3);
    ck_assert_str_eq(c.common.pushc.pinned_key, "sha256//file");
    ck_assert_str_eq(c.common.pushc.proxy, "p");
    settled(&s, &c);
}
END_TEST

START_TEST(without_any_of_them_there_are_defaults)
{
    struct ctl_settings s = {0};
    struct ctl c = {0};

    settle(&s, &c, "");
    ck_assert_str_eq(c.common.pushc.url, "http://127.0.0.1:8080/push");
    ck_assert_int_eq(c.timeout, 10);
    ck_assert_ptr_null(c.common.pushc.token);
    settled(&s, &c);
}
END_TEST

START_TEST(who_i_am_is_what_was_said_first)
{
    struct ctl_settings s = {0};
    struct ctl c = {0};

    setenv("PUSHCTL_BASIC", "ann:secret", 1);
    settle(&s, &c, "token-file = /nowhere\n");
    ck_assert_str_eq(c.common.pushc.username, "ann");
    ck_assert_ptr_null(c.common.pushc.on_token);
    settled(&s, &c);
}
END_TEST

int main(void)
{
    TCase *tc = suite_begin("pushctl", 60);

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, nothing_that_a_terminal_would_obey_is_shown, 0,
                        sizeof(cleaned) / sizeof(cleaned[0]));
    tcase_add_loop_test(tc, numbers_have_a_form, 0,
                        sizeof(forms) / sizeof(forms[0]));
    tcase_add_test(tc, rates_have_a_form);
    tcase_add_test(tc, a_time_says_how_far_it_is);
    tcase_add_test(tc, text_is_cut_at_a_column_and_never_within_a_character);
    tcase_add_test(tc, columns_are_as_wide_as_what_is_in_them);
    tcase_add_loop_test(tc, an_event_is_one_clean_line, 0,
                        sizeof(events) / sizeof(events[0]));
    tcase_add_loop_test(tc, an_answer_is_shown_by_the_names_in_it, 0,
                        sizeof(shown) / sizeof(shown[0]));
    tcase_add_test(tc, a_frame_has_the_rates_between_two_looks);
    tcase_add_test(tc, a_server_that_began_anew_has_no_rate_below_zero);
    tcase_add_test(tc, a_look_that_failed_keeps_the_figures_and_says_why);
    tcase_add_test(tc, a_frame_has_how_busy_each_child_was_between_two_looks);
    tcase_add_test(tc, a_frame_for_programs_has_figures_and_rates);
    tcase_add_test(tc, the_token_of_rfc_7515_is_read);
    tcase_add_loop_test(tc, what_is_no_token_is_not_read, 0,
                        sizeof(no_tokens) / sizeof(no_tokens[0]));
    tcase_add_test(
        tc, the_command_line_comes_before_the_environment_before_the_file);
    tcase_add_test(tc, without_any_of_them_there_are_defaults);
    tcase_add_test(tc, who_i_am_is_what_was_said_first);
    return suite_run();
}
