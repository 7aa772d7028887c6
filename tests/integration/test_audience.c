/*
 * Messages for some of the devices of their audience: how publishers say which,
 * and what the server tells of those for whom they were not.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static const char kept[] = "PushStateDir state\nPushDurability commit\n";

static struct stream *iphone(const struct server *s)
{
    return stream_open(s,
                       "user=ada&device=iphone&seq=0&channel=news&os=iOS"
                       "&os_version=17_4&app_version=4.10&locale=pt_BR",
                       NULL);
}

static struct stream *pixel(const struct server *s)
{
    return stream_open(s,
                       "user=ada&device=pixel&seq=0&channel=news&os=android"
                       "&os_version=14&app_version=4.1&locale=en",
                       NULL);
}

/* ---- each device decides ---- */

static const struct {
    const char *where; /* of a request, and of a line */
    const char *line;
    bool iphone, pixel;
} audiences[] = {
    {"os=ios", "\"where\":{\"os\":\"ios\"}", true, false},
    {"os=android", "\"where\":\"os=android\"", false, true},
    {"app_version=>=4.2", "\"where\":{\"app_version\":\">=4.2\"}", true,
     false},
    {"app_version=<4.2", "\"where\":{\"app_version\":\"<4.2\"}", false, true},
    {"os=i*", "\"where\":{\"os\":\"i*\"}", true, false},
    {"os_version=>=14 <15", "\"where\":{\"os_version\":\">=14 <15\"}", false,
     true},
    {"locale=PT*", "\"where\":{\"locale\":\"PT*\"}", true, false},
    {"online=1", "\"where\":{\"online\":true}", true, true},
    {"os_version=>=14, variant=B",
     "\"where\":{\"os_version\":\">=14\"},\"variant\":\"B\"", true, true},
    {"share=0-99, of=x", "\"share\":\"0-99\",\"of\":\"x\"", true, true},
};

/* What is said next to whom it is for; the other one gets what follows. */
static void expect_at(struct stream *st, bool meant, int64_t *seq,
                      const char *text)
{
    if (meant) {
        ++*seq;
        expect_message(st, *seq, text);
    }
}

START_TEST(a_message_goes_to_the_devices_that_it_is_for)
{
    struct server *s = server_start(NULL);
    struct stream *i = iphone(s);
    struct stream *p = pixel(s);
    int64_t iphone_seq = 0, pixel_seq = 0;

    for (size_t row = 0; row < COUNT(audiences); row++) {
        const char *text = keep_printf("header %zu", row);
        const char *to = row % 2 ? "channel=news" : "user=ada";
        const char *member = row % 3 ? "\"user\":\"ada\""
                                     : "\"broadcast\":true";

        publish(s, to, keep_printf("Push-Where: %s\r\n", audiences[row].where),
                text);
        expect_at(i, audiences[row].iphone, &iphone_seq, text);
        expect_at(p, audiences[row].pixel, &pixel_seq, text);
        text = keep_printf("line %zu", row);
        publish_lines(s, keep_printf("{%s,%s,\"text\":\"%s\"}", member,
                                     audiences[row].line, text));
        expect_at(i, audiences[row].iphone, &iphone_seq, text);
        expect_at(p, audiences[row].pixel, &pixel_seq, text);
    }
    publish(s, "user=ada", NULL, "end");
    expect_message(i, iphone_seq + 1, "end");
    expect_message(p, pixel_seq + 1, "end");
}
END_TEST

/* ---- what is told of it ---- */

START_TEST(the_life_of_a_message_says_for_whom_it_was_not)
{
    struct server *s = server_start(NULL);
    struct stream *i = iphone(s);
    struct stream *p = pixel(s);
    struct answer *a = publish_try(
        s, "user=ada", "Push-Where: os=ios\r\nPrefer: respond-async\r\n",
        "for one");
    const char *mid = json_text_at(a->json, "id");

    ck_assert_int_eq(json_int_at(a->json, "recipients"), 1);
    ck_assert_int_eq(json_int_at(a->json, "connected"), 1);
    expect_message(i, 1, "for one");
    publish(s, "user=ada", NULL, "for both");
    expect_message(p, 1, "for both");
    ck_assert_int_eq(count_of(s, mid, "filtered"), 1);
    ck_assert_int_eq(count_of(s, mid, "in-flight"), 1);
    ck_assert_int_eq(
        http_get(s, keep_printf("/push/receipts/%s?user=ada", mid))->status,
        202);
    acknowledge(s, "user=ada&device=iphone&seq=1");
    ck_assert_int_eq(
        http_get(s, keep_printf("/push/receipts/%s?user=ada", mid))->status,
        204);
    ck_assert_int_eq(count_of(s, mid, "filtered"), 1);
    ck_assert_ptr_nonnull(strstr(
        http_get(s, "/push/metrics")->body,
        "push_settled_messages_total{outcome=\"filtered\",urgency=\"normal\"} "
        "1\n"));
}
END_TEST

START_TEST(a_channel_says_so_too)
{
    struct server *s = server_start(NULL);
    struct stream *i = iphone(s);
    const char *mid;

    pixel(s);
    mid = publish(s, "channel=news", "Push-Where: os=ios\r\n", "for one");
    expect_message(i, 1, "for one");
    acknowledge(s, "user=ada&device=iphone&seq=1");
    ck_assert_int_eq(count_of(s, mid, "filtered"), 1);
    ck_assert_int_eq(count_of(s, mid, "acked"), 1);
}
END_TEST

/* ---- it is kept ---- */

START_TEST(devices_decide_also_after_a_restart)
{
    struct server *s = server_start(&(struct server_options){.global = kept});
    struct stream *i;

    leave(s, iphone(s));
    leave(s, pixel(s));
    publish(s, "user=ada", "Push-Where: os=android\r\nTopic: t\r\n", "a");
    publish(s, "user=ada", "Push-Where: os=ios\r\nTopic: t\r\n", "i1");
    publish(s, "user=ada", "Push-Where: os=iOS\r\nTopic: t\r\n", "i2");
    publish(s, "user=ada", NULL, "all");
    server_rest(s);
    server_again(s);
    i = iphone(s);
    expect_message(i, 1, "i2");
    expect_message(i, 2, "all");
    i = pixel(s);
    expect_message(i, 1, "a");
    expect_message(i, 2, "all");
}
END_TEST

START_TEST(another_predicate_is_another_request_under_the_same_key)
{
    struct server *s = server_start(NULL);
    const char *key = "Idempotency-Key: k\r\n";
    const char *mid = publish(
        s, "user=ada", keep_printf("%sPush-Where: os=ios, app=x\r\n", key),
        "x");

    ck_assert_str_eq(
        publish(s, "user=ada",
                keep_printf("%sPush-Where: app=x,os=IOS\r\n", key), "x"),
        mid);
    http_expect(publish_try(s, "user=ada", key, "x"), 422, NULL);
}
END_TEST

/* ---- what is not well asked ---- */

static const struct {
    const char *header, *line, *mention;
} wrongs[] = {
    {"os=", "\"where\":{\"os\":\"\"}", ": os: 1-64 bytes"},
    {"color=red", "\"where\":{\"color\":\"red\"}", ": color: is none of os,"},
    {"os_version=x", "\"where\":\"os_version=x\"", ": os_version: one or "},
    {"share=0-49", "\"where\":\"share=0-49\"", ": of: share and of go"},
    {"online=2", "\"where\":{\"online\":\"2\"}", ": online: 1"},
    {"=5", "\"where\":{\"\":\"5\"}", ": a term without a name is none of"},
    {NULL, "\"where\":{\"os\":5}", "where: os: a string"},
    {NULL, "\"where\":5", "where: an object of strings, or one string"},
    {NULL, "\"where\":[\"os\"]", "where: an object of strings, or one string"},
    {NULL, "\"share\":5,\"of\":\"x\"", "share: a string"},
    {NULL, "\"share\":\"50-20\",\"of\":\"x\"", "share: N or N-M once"},
    {NULL, "\"share\":\"0-9\"", "where: of: share and of go together"},
    {NULL, "\"variant\":\"a b\"", "variant: once, 1-32 of"},
};

START_TEST(what_is_wrong_is_refused_by_its_name_and_nothing_is_published)
{
    struct server *s = server_start(NULL);
    json_int_t before = stat_of(s, "published");

    for (size_t i = 0; i < COUNT(wrongs); i++) {
        struct answer *a;

        if (wrongs[i].header) {
            a = publish_try(
                s, "user=ada",
                keep_printf("Push-Where: %s\r\n", wrongs[i].header), "x");
            http_expect(a, 400,
                        keep_printf("Push-Where%s", wrongs[i].mention));
        }
        a = publish_lines(s,
                          keep_printf("{\"user\":\"ada\",\"text\":\"x\",%s}",
                                      wrongs[i].line));
        ck_assert_msg(strstr(a->body, wrongs[i].mention)
                          && strstr(a->body, "bad-member"),
                      "%s: %s", wrongs[i].line, a->body);
    }
    ck_assert_int_eq(stat_of(s, "published"), before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audience");
    TCase *tc = case_add(suite, "audience", 60);

    tcase_add_test(tc, a_message_goes_to_the_devices_that_it_is_for);
    tcase_add_test(tc, the_life_of_a_message_says_for_whom_it_was_not);
    tcase_add_test(tc, a_channel_says_so_too);
    tcase_add_test(tc, devices_decide_also_after_a_restart);
    tcase_add_test(tc,
                   another_predicate_is_another_request_under_the_same_key);
    tcase_add_test(
        tc, what_is_wrong_is_refused_by_its_name_and_nothing_is_published);
    return case_run(suite);
}
