#include <apr_general.h>
#include <apr_tables.h>
#include <stdlib.h>
#include <string.h>

#include "core_suite.h"
#include "triggers/cron.h"
#include "triggers/errand.h"
#include "triggers/template.h"
#include "triggers/types.h"

/* What a rule is made of: types, templates, moments; and events. */

static apr_pool_t *pool;

static void begin(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
}

static void end(void)
{
    apr_pool_destroy(pool);
    apr_terminate();
}

/* ---- events ---- */

#define HEAD                                                                  \
    "\"specversion\":\"1.0\",\"type\":\"t\",\"source\":\"/s\",\"id\":\"1\""

/* NULL if it was taken. */
static const char *wrong_with(const char *text, push_trigger_event_t *event)
{
    json_t *object = json_loads(text, JSON_DECODE_ANY, NULL);

    ck_assert_msg(object != NULL, "%s", text);
    return push_trigger_event_init(pool, object, 1000, event);
}

static push_trigger_event_t event_of(const char *text)
{
    push_trigger_event_t event;
    const char *error = wrong_with(text, &event);

    ck_assert_msg(!error, "%s: %s", text, error);
    return event;
}

static const struct {
    const char *text;
    const char *says; /* NULL: it is taken */
} events[] = {
    {"{" HEAD "}", NULL},
    {"{" HEAD ",\"data\":null,\"subject\":null}", NULL},
    {"{" HEAD ",\"time\":\"2026-11-30T13:00:00.25+01:00\"}", NULL},
    {"{" HEAD ",\"pushdepth\":4}", NULL},
    {"{" HEAD ",\"pushdepth\":\"2\",\"ext1\":true}", NULL},
    {"{" HEAD ",\"data_base64\":\"AAE=\"}", NULL},
    {"[]", "event: one JSON object"},
    {"1", "event: one JSON object"},
    {"{}", "specversion: 1.0"},
    {"{\"specversion\":\"0.3\",\"type\":\"t\",\"source\":\"s\",\"id\":\"1\"}",
     "specversion: 1.0"},
    {"{\"specversion\":\"1.0\",\"source\":\"s\",\"id\":\"1\"}", "type: 1 to"},
    {"{\"specversion\":\"1.0\",\"type\":\"\",\"source\":\"s\",\"id\":\"1\"}",
     "type: 1 to"},
    {"{\"specversion\":\"1.0\",\"type\":\"a\\nb\",\"source\":\"s\","
     "\"id\":\"1\"}",
     "type: 1 to"},
    {"{\"specversion\":\"1.0\",\"type\":\"t\",\"id\":\"1\"}", "source: 1 to"},
    {"{\"specversion\":\"1.0\",\"type\":\"t\",\"source\":\"s\"}", "id: 1 to"},
    {"{\"specversion\":\"1.0\",\"type\":\"t\",\"source\":\"s\",\"id\":7}",
     "id: 1 to"},
    {"{" HEAD ",\"subject\":\"\"}", "subject: if given"},
    {"{" HEAD ",\"time\":\"yesterday\"}", "time: RFC 3339"},
    {"{" HEAD ",\"time\":5}", "time: RFC 3339"},
    {"{" HEAD ",\"pushdepth\":5}", "pushdepth: 0 to 4"},
    {"{" HEAD ",\"pushdepth\":-1}", "pushdepth: 0 to 4"},
    {"{" HEAD ",\"pushdepth\":\"12\"}", "pushdepth: 0 to 4"},
    {"{" HEAD ",\"push\":{}}", "push: is reserved"},
    {"{" HEAD ",\"Ext\":\"x\"}", "Ext: names of attributes"},
    {"{" HEAD ",\"ext\":{}}", "ext: a string, an integer"},
    {"{" HEAD ",\"ext\":1.5}", "ext: a string, an integer"},
    {"{" HEAD ",\"data\":1,\"data_base64\":\"\"}", "data_base64: goes"},
    {"{" HEAD ",\"data_base64\":1}", "data_base64: a string"},
};

START_TEST(an_event_is_taken_or_refused_with_the_member_and_its_range)
{
    push_trigger_event_t event;
    const char *says = events[_i].says;
    const char *error = wrong_with(events[_i].text, &event);

    ck_assert_msg(!error == !says, "%s: %s", events[_i].text,
                  error ? error : "taken");
    ck_assert_msg(!error || !strncmp(error, says, strlen(says)), "%s: %s",
                  says, error);
    push_trigger_event_cleanup(&event);
}
END_TEST

START_TEST(what_an_event_does_not_say_is_filled_in)
{
    push_trigger_event_t event = event_of("{" HEAD
                                          ",\"traceparent\":\"00-x\"}");

    ck_assert_str_eq(event.time.at, "1970-01-01T00:00:01.000Z");
    ck_assert_uint_eq(event.traceparent.len, 0);
    ck_assert_ptr_null(json_object_get(event.json, "traceparent"));
    ck_assert_uint_eq(event.depth, 0);
    push_trigger_event_cleanup(&event);
}
END_TEST

#define RICH                                                                  \
    "{" HEAD ",\"ext\":7,\"data\":{\"rider\":\"an na\",\"n\":12,"             \
    "\"f\":0.1,\"big\":9007199254740993,\"yes\":true,\"no\":null,"            \
    "\"list\":[1,{\"x\":\"y\"}],\"empty\":\"\",\"up\":\"..\","                \
    "\"slash\":\"a/b?c#d%e\",\"utf\":\"é\"}}"

static const struct {
    const char *path;
    const char *value; /* NULL: none */
} paths[] = {
    {"type", "t"},
    {"ext", "7"},
    {"data.rider", "an na"},
    {"data.n", "12"},
    {"data.f", "0.1"},
    {"data.big", "9007199254740993"},
    {"data.yes", "true"},
    {"data.no", NULL},
    {"data.none", NULL},
    {"data.rider.deeper", NULL},
    {"data.list.0", "1"},
    {"data.list.1.x", "y"},
    {"data.list.2", NULL},
    {"data.list.x", NULL},
    {"data.list.99999999999", NULL},
    {"data.list", "[1,{\"x\":\"y\"}]"},
    {"", NULL},
    {".", NULL},
    {"data.", NULL},
};

START_TEST(a_path_finds_its_value)
{
    push_trigger_event_t event = event_of(RICH);
    const char *value = push_trigger_event_at(&event, pool, paths[_i].path);

    ck_assert_pstr_eq(value, paths[_i].value);
    push_trigger_event_cleanup(&event);
}
END_TEST

/* ---- errands ---- */

START_TEST(an_errand_is_read_as_it_was_written)
{
    push_trigger_event_t event = event_of(RICH), again;
    push_errand_t errand = {
        .rule = "r", .to = json_pack("[{ss}]", "user", "ada"), .attempt = 3};
    push_errand_t read;
    const char *text = push_errand_write(pool, &event, &errand);

    ck_assert(push_errand_read(
        pool, (push_text_t){text, (uint32_t)strlen(text)}, &again, &read));
    ck_assert_str_eq(read.rule, "r");
    ck_assert(json_equal(read.to, errand.to));
    ck_assert_uint_eq(read.attempt, 3);
    ck_assert_str_eq(push_trigger_event_at(&again, pool, "data.big"),
                     "9007199254740993");
    /* And once more, as a retry does. */
    read.attempt++;
    ck_assert_ptr_nonnull(
        strstr(push_errand_write(pool, &again, &read), "\"attempt\":4"));
    json_decref(errand.to);
    push_trigger_event_cleanup(&event);
    push_trigger_event_cleanup(&again);
}
END_TEST

static const char *const no_errands[] = {
    "",
    "x",
    "[]",
    "{" HEAD "}",
    "{" HEAD ",\"push\":1}",
    "{" HEAD ",\"push\":{\"rule\":\"r\",\"to\":{},\"attempt\":0}}",
    "{" HEAD ",\"push\":{\"rule\":\"r\",\"to\":[],\"attempt\":-1}}",
    "{" HEAD ",\"push\":{\"to\":[],\"attempt\":0}}",
    "{\"push\":{\"rule\":\"r\",\"to\":[],\"attempt\":0}}",
};

START_TEST(what_is_no_errand_is_not_read)
{
    push_trigger_event_t event;
    push_errand_t errand;
    const char *text = no_errands[_i];

    ck_assert(!push_errand_read(
        pool, (push_text_t){text, (uint32_t)strlen(text)}, &event, &errand));
    ck_assert_ptr_null(event.json);
}
END_TEST

/* ---- templates ---- */

static const struct {
    const char *text;
    bool url;
    const char *filled; /* NULL: it is not made; "": it is not filled */
} templates[] = {
    {"plain", false, "plain"},
    {"%{event:data.rider}", false, "an na"},
    {"a%{event:type}b%{event:data.n}", false, "atb12"},
    {"%{escape:%{event:data.rider}}", false, "an%20na"},
    {"100%", false, "100%"},
    {"%{event:data.none}", false, ""},
    {"%{event:data.empty}", false, ""},
    {"%{event:}", false, NULL},
    {"%{event:a", false, NULL},
    {"%{REQUEST_URI}", false, NULL},
    {"%{escape:%{event:a}", false, NULL},
    {"%{escape:event:a}", false, NULL},
    {"", false, NULL},
    {"http://h/%{event:data.rider}", true, "http://h/an%20na"},
    {"http://h/%{escape:%{event:data.rider}}", true, "http://h/an%20na"},
    {"http://h/%{event:data.slash}/x", true, "http://h/a%2Fb%3Fc%23d%25e/x"},
    {"https://h:8443?u=%{event:data.utf}", true, "https://h:8443?u=%C3%A9"},
    {"http://h/a/%{event:data.up}/b", true, ""},
    {"http://[::1]:80/x%20y", true, "http://[::1]:80/x%20y"},
    {"http://%{event:data.rider}/", true, NULL},
    {"http://h%{event:data.rider}", true, NULL},
    {"http://h:%{event:data.n}/", true, NULL},
    {"%{event:type}://h/", true, NULL},
    {"http://u:p@h/", true, NULL},
    {"http://u@h/", true, NULL},
    {"http:///x", true, NULL},
    {"ftp://h/", true, NULL},
    {"file:///etc/passwd", true, NULL},
    {"/x", true, NULL},
    {"http://h/a b", true, NULL},
    {"http://h/a#b", true, NULL},
    {"http://h\\x/", true, NULL},
};

START_TEST(a_template_is_filled_or_refused)
{
    push_trigger_event_t event = event_of(RICH);
    const char *want = templates[_i].filled;
    const char *error, *filled;
    push_template_t *made = push_template_make(pool, templates[_i].text,
                                               templates[_i].url, &error);

    ck_assert_msg(!made == !want, "%s: %s", templates[_i].text,
                  error ? error : "made");
    ck_assert(!made == (error != NULL));
    if (made) {
        filled = push_template_fill(made, pool, &event);
        ck_assert_str_eq(filled ? filled : "", want);
        ck_assert_str_eq(push_template_text(made), templates[_i].text);
    }
    push_trigger_event_cleanup(&event);
}
END_TEST

/* ---- types ---- */

static const struct {
    const char *expression;
    const char *types; /* NULL: any */
} expressions[] = {
    {"event('type') == 'a'", "a"},
    {"event(\"type\") = \"a.b-c\"", "a.b-c"},
    {"'a' == event('type')", "a"},
    {"event('type') in {'a','b'}", "a b"},
    {"event('type') -in { 'a', 'b' , 'c' }", "a b c"},
    {"event('type') == 'a' && event('data.x') -gt 5", "a"},
    {"event('data.x') -gt 5 && event('type') == 'a'", "a"},
    {"event('type') == 'a' || event('type') == 'b'", "a b"},
    {"(event('type') == 'a' || event('type') == 'b') && -n event('id')",
     "a b"},
    {"((event('type') == 'a'))", "a"},
    {"event('type') == 'a' && event('id') =~ /x|y/i", "a"},
    {"event('type') == 'a' && event('id') =~ m#x||y#i", "a"},
    {"event('type') == 'a' && %{TIME_HOUR} -gt 5", "a"},
    {"event('type') == 'a' && event('id') == '%{event:x}'", "a"},
    {"event('type') == 'a' and event('id') == 'x'", "a"},
    {"event('type') == 'a' || event('id') == 'x'", NULL},
    {"event('type') == 'a' or event('id') == 'x'", NULL},
    {"event('type') == 'a' && event('id') =~ /b/m|| event('id') == 'x'", NULL},
    {"event('type') == 'a' && event('id') =~ /b/ || event('id') == 'x'", NULL},
    {"event('type') == 'a' && event('x') -eq 5or event('id') == 'x'", NULL},
    {"event('type') == 'a' && event('x') -eq -5or event('id') == 'x'", NULL},
    {"!event('type') == 'a'", NULL},
    {"!(event('type') == 'a')", NULL},
    {"not event('type') == 'a'", NULL},
    {"event('type') != 'a'", NULL},
    {"event('type') == 'a' . 'b'", NULL},
    {"event('type') == 'a%{event:id}'", NULL},
    {"event('type') == 'a\\x62'", NULL},
    {"event('type') == '$0'", NULL},
    {"tolower(event('type')) == 'a'", NULL},
    {"event('types') == 'a'", NULL},
    {"event('data.type') == 'a'", NULL},
    {"event('type') == event('id')", NULL},
    {"event('type') in {'a', event('id')}", NULL},
    {"event('type') -strmatch 'a*'", NULL},
    {"event('type') =~ /^a/", NULL},
    {"'x' == 'event(\\'type\\') == a'", NULL},
    {"true", NULL},
    {"", NULL},
    {"'", NULL},
    {"(", NULL},
    {")", NULL},
    {"event('type') == 'a' )", NULL},
    {"&&", NULL},
    {"||", NULL},
};

START_TEST(the_types_that_an_expression_names_are_found_and_no_others)
{
    apr_array_header_t *types = push_rule_types(pool,
                                                expressions[_i].expression);

    ck_assert_pstr_eq(types ? apr_array_pstrcat(pool, types, ' ') : NULL,
                      expressions[_i].types);
}
END_TEST

/* ---- moments ---- */

#define AT(seconds) (INT64_C(1000) * (seconds))

/* 1767225600: Thursday, 2026-01-01T00:00:00Z */
#define YEAR 1767225600

static const struct {
    const char *text;
    int64_t after;
    int64_t next;
} moments[] = {
    {"* * * * *", AT(YEAR), AT(YEAR + 60)},
    {"* * * * *", AT(YEAR) + 59999, AT(YEAR + 60)},
    {"*/15 * * * *", AT(YEAR + 60), AT(YEAR + 900)},
    {"5,10-12 * * * *", AT(YEAR + 300), AT(YEAR + 600)},
    {"0 7 * * *", AT(YEAR), AT(YEAR + 7 * 3600)},
    {"0 7 * * *", AT(YEAR + 7 * 3600), AT(YEAR + 31 * 3600)},
    {"30 8 * * 1", AT(YEAR), AT(YEAR + 4 * 86400 + 8 * 3600 + 1800)},
    {"0 0 * * 7", AT(YEAR), AT(YEAR + 3 * 86400)},
    {"0 0 1 2 *", AT(YEAR), AT(YEAR + 31 * 86400)},
    {"0 0 29 2 *", AT(YEAR), AT(1835395200)},
    {"0 0 15 * 5", AT(YEAR), AT(YEAR + 86400)},
    {"0 0 31 2 *", AT(YEAR), 0},
};

START_TEST(the_next_moment_is_found)
{
    push_cron_t cron;

    ck_assert_ptr_null(push_cron_parse(pool, moments[_i].text, &cron));
    ck_assert_int_eq(push_cron_next(&cron, moments[_i].after),
                     moments[_i].next);
}
END_TEST

static const char *const no_moments[][2] = {
    {"", "minute"},
    {"* * * *", "day of the week"},
    {"* * * * * *", "five"},
    {"60 * * * *", "minute"},
    {"* 24 * * *", "hour"},
    {"* * 0 * *", "day of the month"},
    {"* * * 13 *", "month"},
    {"* * * * 8", "day of the week"},
    {"*/0 * * * *", "minute"},
    {"5-1 * * * *", "minute"},
    {"5/2 * * * *", "minute"},
    {"1, * * * *", "minute"},
    {"x * * * *", "minute"},
    {"1000 * * * *", "minute"},
};

START_TEST(what_is_no_moment_is_refused_with_the_field)
{
    push_cron_t cron;
    const char *error = push_cron_parse(pool, no_moments[_i][0], &cron);

    ck_assert_ptr_nonnull(error);
    ck_assert_msg(!strncmp(error, no_moments[_i][1],
                           strlen(no_moments[_i][1])),
                  "%s", error);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rules");
    TCase *tc = unit_case(suite, "rules", 20);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_row_test(
        tc, an_event_is_taken_or_refused_with_the_member_and_its_range,
        events);
    tcase_add_test(tc, what_an_event_does_not_say_is_filled_in);
    tcase_add_row_test(tc, a_path_finds_its_value, paths);
    tcase_add_test(tc, an_errand_is_read_as_it_was_written);
    tcase_add_row_test(tc, what_is_no_errand_is_not_read, no_errands);
    tcase_add_row_test(tc, a_template_is_filled_or_refused, templates);
    tcase_add_row_test(
        tc, the_types_that_an_expression_names_are_found_and_no_others,
        expressions);
    tcase_add_row_test(tc, the_next_moment_is_found, moments);
    tcase_add_row_test(tc, what_is_no_moment_is_refused_with_the_field,
                       no_moments);
    return unit_run(suite);
}
