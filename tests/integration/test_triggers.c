/*
 * What triggers do: requests to a backend, the messages that come of them,
 * retries, dead letters, webhooks and timers, with two children or more.
 */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

/* ---- pulls ---- */

static const char pull[] =
    "<PushTrigger trip>\n"
    "PushWhen \"event('type') == 'trip.accepted'\"\n"
    "PushTo user \"%{event:data.rider}\"\n"
    "PushPull \"${BACKEND}/trips/%{event:data.trip}\" timeout=5s\n"
    "PushMessage urgency=high ttl=60 event=trip.state\n"
    "PushRetry attempts=4 age=60s\n"
    "</PushTrigger>\n";

START_TEST(an_event_is_pulled_for_and_the_answer_is_pushed)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(b, pull);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0&meta=urgency",
                                    NULL);
    const struct event *e;

    backend_answer(b, 200, "Content-Type: application/json\r\n",
                   "{\"eta\":3}");
    event_tell(s, "trip.accepted", "1",
               "{\"rider\":\"ada\",\"trip\":\"a/b\"}");
    e = stream_next(st);
    ck_assert_str_eq(e->type, "trip.state");
    ck_assert_str_eq(e->data, "{\"eta\":3}");
    ck_assert_ptr_nonnull(strstr(backend_head(b, 0), "GET /trips/a%2Fb HTTP"));
    ck_assert_str_eq(backend_header(b, 0, "Push-User"), "ada");
    ck_assert_str_eq(backend_header(b, 0, "Push-Trigger"), "trip");
    ck_assert_str_eq(backend_header(b, 0, "Push-Event-Type"), "trip.accepted");
    /* What the answer says comes before what the section says. */
    backend_answer(b, 200, "Push-Event: trip.other\r\n", "two");
    event_tell(s, "trip.accepted", "2", "{\"rider\":\"ada\",\"trip\":\"7\"}");
    e = stream_next(st);
    ck_assert_str_eq(e->type, "trip.other");
    ck_assert_str_eq(e->data, "two");
    /* There is nothing to push, and the same event is no other one. */
    backend_answer(b, 204, NULL, "");
    event_tell(s, "trip.accepted", "3", "{\"rider\":\"ada\",\"trip\":\"7\"}");
    event_tell(s, "trip.accepted", "3", "{\"rider\":\"ada\",\"trip\":\"7\"}");
    backend_await(b, 3);
    backend_answer(b, 200, NULL, "four");
    event_tell(s, "trip.accepted", "4", "{\"rider\":\"ada\",\"trip\":\"7\"}");
    ck_assert_str_eq(stream_next(st)->data, "four");
    ck_assert_int_eq(backend_count(b), 4);
}
END_TEST


START_TEST(requests_for_one_user_run_one_after_the_other)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(b, pull);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    struct stream *other = stream_open(s, "user=bob&device=d&seq=0", NULL);

    backend_hold(b);
    backend_answer(b, 200, NULL, "old");
    event_tell(s, "trip.accepted", "1", "{\"rider\":\"ada\",\"trip\":\"1\"}");
    backend_await(b, 1);
    event_tell(s, "trip.accepted", "2", "{\"rider\":\"ada\",\"trip\":\"1\"}");
    event_tell(s, "trip.accepted", "3", "{\"rider\":\"bob\",\"trip\":\"1\"}");
    backend_await(b, 2);
    ck_assert_str_eq(backend_header(b, 1, "Push-User"), "bob");
    backend_go(b);
    ck_assert_str_eq(stream_next(other)->data, "old");
    expect_message(st, 1, "old");
    expect_message(st, 2, "old");
    ck_assert_int_eq(backend_count(b), 3);
}
END_TEST

/* ---- what fails ---- */

START_TEST(what_fails_for_now_is_tried_again)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(b, pull);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    int64_t asked;

    backend_answer(b, 503, "Retry-After: 2\r\n", "");
    asked = wait_now();
    event_tell(s, "trip.accepted", "1", "{\"rider\":\"ada\",\"trip\":\"1\"}");
    backend_await(b, 1);
    wait_until(trigger_figure(s, 0, "retries") == 1);
    /* What is put off holds nobody up. */
    backend_answer(b, 200, NULL, "second");
    event_tell(s, "trip.accepted", "2", "{\"rider\":\"ada\",\"trip\":\"1\"}");
    expect_message(st, 1, "second");
    backend_answer(b, 200, NULL, "first");
    expect_message(st, 2, "first");
    ck_assert_int_ge(wait_now() - asked, 2000);
    ck_assert_int_eq(backend_count(b), 3);
    wait_until(trigger_figure(s, 0, "waiting") == 0);
    ck_assert_int_eq(trigger_figure(s, 0, "requests.5xx"), 1);
    ck_assert_int_eq(trigger_figure(s, 0, "requests.2xx"), 2);
}
END_TEST

START_TEST(a_backend_that_is_down_for_a_while_loses_nothing)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(b, pull);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);

    backend_answer(b, 200, NULL, "here");
    backend_down(b);
    for (int i = 0; i < 5; i++) {
        event_tell(s, "trip.accepted", keep_printf("%d", i),
                   "{\"rider\":\"ada\",\"trip\":\"1\"}");
    }
    wait_until(trigger_figure(s, 0, "requests.connect") >= 5);
    backend_up(b);
    for (int i = 0; i < 5; i++) {
        ck_assert_str_eq(stream_next(st)->data, "here");
    }
    ck_assert_ptr_null(stream_next_in(st, 300));
    ck_assert_int_eq(trigger_figure(s, 0, "dead"), 0);
}
END_TEST

static const json_t *dead_of(const struct server *s)
{
    struct answer *a = http_get(s, "/push/triggers/trip/dead");

    ck_assert_msg(a->status == 200, "%d %s", a->status, a->body);
    return a->json;
}

/* The second of four is shown and forgotten by its id. */
static void expect_one(const struct server *s, const char *id)
{
    const char *dead = keep_printf("/push/triggers/trip/dead?id=%s", id);
    const char *retry = keep_printf("/push/triggers/trip/retry?id=%s", id);
    struct answer *a = http_get(s, dead);

    ck_assert_int_eq(json_array_size(json_at(a->json, "dead")), 1);
    ck_assert_str_eq(json_text_at(a->json, "dead.0.event.id"), "2");
    http_expect(http_get(s, "/push/triggers/trip/dead?id=x"), 400, "id:");
    a = http_do(s, "DELETE", dead, "Push-Client: t/1\r\n", NULL);
    ck_assert_int_eq(json_int_at(a->json, "forgotten"), 1);
    ck_assert_int_eq(json_array_size(json_at(dead_of(s), "dead")), 3);
    http_expect(http_get(s, dead), 404, "id:");
    http_expect(http_do(s, "POST", retry, "Push-Client: t/1\r\n", ""), 404,
                "id:");
}

START_TEST(what_will_never_do_is_a_dead_letter_that_can_be_tried_again)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(b, pull);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    struct answer *a;

    server_allow(s, "PUSH0241");
    http_expect(http_get(s, "/push/triggers/none/dead"), 404, "trigger");
    ck_assert_int_eq(json_array_size(json_at(dead_of(s), "dead")), 0);
    backend_answer(b, 404, NULL, "");
    event_tell(s, "trip.accepted", "1", "{\"rider\":\"ada\",\"trip\":\"1\"}");
    event_tell(s, "trip.accepted", "2", "{\"rider\":\"ada\",\"trip\":\"2\"}");
    /* A redirect is not followed; a value that is missing makes no URL. */
    wait_until(trigger_figure(s, 0, "dead") == 2);
    backend_answer(b, 302, "Location: http://127.0.0.1:1/\r\n", "");
    event_tell(s, "trip.accepted", "3", "{\"rider\":\"ada\",\"trip\":\"3\"}");
    event_tell(s, "trip.accepted", "4", "{\"rider\":\"ada\"}");
    wait_until(trigger_figure(s, 0, "dead") == 4);
    ck_assert_int_eq(json_array_size(json_at(dead_of(s), "dead")), 4);
    ck_assert_str_eq(json_text_at(dead_of(s), "dead.0.event.id"), "1");
    ck_assert_str_eq(json_text_at(dead_of(s), "dead.0.event.pusherror"),
                     "it answers 404");
    expect_one(s, json_text_at(dead_of(s), "dead.1.id"));
    backend_answer(b, 200, NULL, "at last");
    a = http_do(s, "POST", "/push/triggers/trip/retry", "Push-Client: t/1\r\n",
                "");
    ck_assert_int_eq(a->status, 200);
    ck_assert_int_eq(json_int_at(a->json, "queued"), 3);
    expect_message(st, 1, "at last");
    expect_message(st, 2, "at last");
    /* The last one is as bad as it was. */
    wait_until(trigger_figure(s, 0, "dead") == 5);
    ck_assert_int_eq(json_array_size(json_at(dead_of(s), "dead")), 1);
    a = http_do(s, "DELETE", "/push/triggers/trip/dead",
                "Push-Client: t/1\r\n", NULL);
    ck_assert_int_eq(a->status, 200);
    ck_assert_int_eq(json_int_at(a->json, "forgotten"), 1);
    ck_assert_int_eq(json_array_size(json_at(dead_of(s), "dead")), 0);
}
END_TEST

/* ---- for whom ---- */

static const char contexts[] =
    "<PushTrigger trip>\n"
    "PushWhen \"event('type') == 'trip.accepted'\"\n"
    "PushTo user \"%{event:data.rider}\" if=connected\n"
    "PushPull \"${BACKEND}/trips\" per=context\n"
    "</PushTrigger>\n";

START_TEST(devices_that_are_alike_share_a_request)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(b, contexts);
    struct stream *one = stream_open(
        s, "user=ada&device=one&seq=0&app=shop&app_version=2&os=ios", NULL);
    struct stream *two = stream_open(
        s, "user=ada&device=two&seq=0&app=shop&app_version=2&os=ios", NULL);
    struct stream *old = stream_open(
        s, "user=ada&device=old&seq=0&app=shop&app_version=1&os=ios", NULL);
    struct stream *away = stream_open(s, "user=ada&device=away&seq=0", NULL);
    int newer;

    leave(s, away);
    backend_answer(b, 200, NULL, "x");
    /* Nobody is there: nothing is asked. */
    event_tell(s, "trip.accepted", "1", "{\"rider\":\"bob\"}");
    event_tell(s, "trip.accepted", "2", "{\"rider\":\"ada\"}");
    expect_message(one, 1, "x");
    expect_message(two, 1, "x");
    expect_message(old, 1, "x");
    ck_assert_int_eq(backend_count(b), 2);
    newer = strcmp(backend_header(b, 0, "Push-App-Version"), "2") == 0 ? 0 : 1;
    ck_assert_str_eq(backend_header(b, newer, "Push-App-Version"), "2");
    ck_assert_str_eq(backend_header(b, newer, "Push-OS"), "ios");
    ck_assert_str_eq(backend_header(b, newer, "Push-App"), "shop");
    ck_assert_str_eq(backend_header(b, newer, "Push-User"), "ada");
    ck_assert_ptr_null(backend_header(b, newer, "Push-Device"));
    ck_assert_str_eq(backend_header(b, 1 - newer, "Push-App-Version"), "1");
    ck_assert_str_eq(backend_header(b, 1 - newer, "Push-Device"), "old");
}
END_TEST

static const char once[] = "<PushTrigger trip>\n"
                           "PushWhen \"event('type') == 'trip.accepted'\"\n"
                           "PushTo user \"%{event:data.rider}\"\n"
                           "PushTo user \"%{event:data.driver}\"\n"
                           "PushTo channel city\n"
                           "PushPull \"${BACKEND}/trips\" per=once\n"
                           "</PushTrigger>\n";

START_TEST(one_request_may_be_for_all_targets)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(b, once);
    struct stream *ada = stream_open(s, "user=ada&device=d&seq=0", NULL);
    struct stream *bob = stream_open(s, "user=bob&device=d&seq=0&channel=city",
                                     NULL);

    backend_answer(b, 200, NULL, "x");
    event_tell(s, "trip.accepted", "1",
               "{\"rider\":\"ada\",\"driver\":\"bob\"}");
    expect_message(ada, 1, "x");
    expect_message(bob, 1, "x");
    expect_message(bob, 2, "x");
    ck_assert_int_eq(backend_count(b), 1);
    ck_assert_ptr_null(backend_header(b, 0, "Push-User"));
    ck_assert_int_eq(trigger_figure(s, 0, "published"), 3);
}
END_TEST

/* The request that was made for a user. */
static int request_for(struct backend *b, const char *user)
{
    for (int i = 0; i < backend_count(b); i++) {
        if (strcmp(backend_header(b, i, "Push-User"), user) == 0) {
            return i;
        }
    }
    ck_abort_msg("nobody asked for %s", user);
}

START_TEST(each_user_of_an_event_is_asked_for_with_labels_of_its_own)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(
        b, "<PushTrigger trip>\n"
           "PushWhen \"event('type') == 'trip'\"\n"
           "PushTo user ada\n"
           "PushTo user bob\n"
           "PushPull \"${BACKEND}/trips\" per=context\n"
           "</PushTrigger>\n");

    stream_open(s, "user=ada&device=d&seq=0&app_version=5&locale=pt", NULL);
    stream_open(s, "user=bob&device=d&seq=0&app_version=4&locale=en", NULL);
    event_tell(s, "trip", "1", "{}");
    backend_await(b, 2);
    ck_assert_str_eq(
        backend_header(b, request_for(b, "ada"), "Push-App-Version"), "5");
    ck_assert_str_eq(
        backend_header(b, request_for(b, "ada"), "Accept-Language"), "pt");
    ck_assert_str_eq(
        backend_header(b, request_for(b, "bob"), "Push-App-Version"), "4");
    ck_assert_str_eq(
        backend_header(b, request_for(b, "bob"), "Accept-Language"), "en");
}
END_TEST

/* ---- webhooks ---- */

static const unsigned char old_key[] = "0123456789abcdef01234567";
static const unsigned char new_key[] = "fedcba9876543210fedcba98";

static const char *base64(const unsigned char *bytes, size_t len)
{
    char text[512];

    ck_assert_uint_lt(len, 300);
    EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
    return keep_printf("%s", text);
}

static const char *signature_of(struct backend *b, int n,
                                const unsigned char *key)
{
    const char *text = keep_printf("%s.%s.%s",
                                   backend_header(b, n, "webhook-id"),
                                   backend_header(b, n, "webhook-timestamp"),
                                   backend_body(b, n));
    unsigned char mac[32];

    HMAC(EVP_sha256(), key, 24, (const unsigned char *)text, strlen(text), mac,
         NULL);
    return keep_printf("v1,%s", base64(mac, sizeof(mac)));
}

/* A file with these lines, which goes with the test. */
static const char *key_file(const char *lines)
{
    const char *path = keep_printf(
        "%s/webhook.key.%d", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp",
        getpid());
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fputs(lines, file);
    fclose(file);
    return path;
}

static const char *signed_hook(const char *path)
{
    return keep_printf("<PushTrigger hook>\n"
                       "PushWhen \"event('type') == 'order'\"\n"
                       "PushPost \"${BACKEND}/hook\" secret=%s\n"
                       "</PushTrigger>\n"
                       "<PushTrigger pull>\n"
                       "PushWhen \"event('type') == 'ask'\"\n"
                       "PushTo broadcast\n"
                       "PushPull \"${BACKEND}/pull\" secret=%s\n"
                       "</PushTrigger>\n",
                       path, path);
}

/* Nothing of the keys is where somebody may read it. */
static void expect_hidden(const struct server *s)
{
    static const char *const pages[] = {"/push/triggers",
                                        "/push/triggers/hook/dead",
                                        "/push/metrics", "/push/stats"};
    const char *keys[] = {base64(old_key, 24), base64(new_key, 24),
                          (const char *)old_key, (const char *)new_key};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        ck_assert_ptr_null(strstr(server_file(s, "logs/error"), keys[i]));
        for (size_t j = 0; j < sizeof(pages) / sizeof(pages[0]); j++) {
            struct answer *a = http_get(s, pages[j]);

            ck_assert_int_eq(a->status, 200);
            ck_assert_ptr_null(strstr(a->body, keys[i]));
        }
    }
}

START_TEST(a_webhook_is_signed_with_each_key_and_keeps_its_id)
{
    struct backend *b = backend_start();
    const char *path = key_file(keep_printf("# ours\nwhsec_%s\n\nwhsec_%s\n",
                                            base64(old_key, 24),
                                            base64(new_key, 24)));
    struct server *s = backend_server(b, signed_hook(path));

    backend_answer(b, 500, NULL, "");
    event_tell(s, "order", "7", "{\"n\":7}");
    backend_await(b, 1);
    backend_answer(b, 200, NULL, "thanks");
    backend_await(b, 2);
    ck_assert_ptr_nonnull(strstr(backend_head(b, 0), "POST /hook HTTP"));
    ck_assert_str_eq(backend_header(b, 0, "webhook-id"),
                     backend_header(b, 1, "webhook-id"));
    ck_assert_str_eq(backend_header(b, 0, "Content-Type"),
                     "application/cloudevents+json");
    for (int i = 0; i < 2; i++) {
        ck_assert_str_eq(backend_header(b, i, "webhook-signature"),
                         keep_printf("%s %s", signature_of(b, i, old_key),
                                     signature_of(b, i, new_key)));
        ck_assert_ptr_nonnull(
            strstr(backend_body(b, i), "\"data\":{\"n\":7}"));
        ck_assert_ptr_null(strstr(backend_body(b, i), "push"));
    }
    wait_until(trigger_figure(s, 0, "waiting") == 0);
    /* The old one is taken away without a gap. */
    key_file(keep_printf("whsec_%s\n", base64(new_key, 24)));
    server_graceful(s);
    unlink(path);
    event_tell(s, "order", "8", "{\"n\":8}");
    backend_await(b, 3);
    ck_assert_str_eq(backend_header(b, 2, "webhook-signature"),
                     signature_of(b, 2, new_key));
    /* A pull is signed likewise, over nothing. */
    event_tell(s, "ask", "9", "{}");
    backend_await(b, 4);
    ck_assert_ptr_nonnull(strstr(backend_head(b, 3), "GET /pull HTTP"));
    ck_assert_str_eq(backend_header(b, 3, "webhook-signature"),
                     signature_of(b, 3, new_key));
    expect_hidden(s);
}
END_TEST

static const char *const bad_keys[] = {
    "whsec_SECRET\n", "SECRETSECRETSECRETSECRETSECRETSECRET\n",
    "whsec_U0VDUkVUU0VDUkVUU0VDUkVUU0VDUkVU SECRET\n", ""};

START_TEST(a_bad_key_stops_the_start_and_is_not_shown)
{
    for (size_t i = 0; i < sizeof(bad_keys) / sizeof(bad_keys[0]); i++) {
        const char *path = key_file(bad_keys[i]);
        const char *said = server_refusal(&(struct server_options){
            .global = keep_printf("Define BACKEND http://127.0.0.1:9\n%s",
                                  signed_hook(path))});

        unlink(path);
        ck_assert_msg(strstr(said, "PUSH0246") != NULL, "%s", said);
        ck_assert_ptr_null(strstr(said, "SECRET"));
        ck_assert_ptr_null(strstr(said, "U0VDUkVU"));
    }
}
END_TEST

/* ---- timers ---- */

static const char board[] = "<PushTrigger board>\n"
                            "PushEvery 1s while=subscribed\n"
                            "PushTo channel board\n"
                            "PushPull \"${BACKEND}/board\" only=changed\n"
                            "PushMessage topic=board\n"
                            "</PushTrigger>\n";

START_TEST(a_shared_poll_asks_while_somebody_follows_and_pushes_changes)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(b, board);
    struct stream *st;
    int before;

    backend_answer(b, 200, NULL, "one");
    wait_until(json_is_true(
        json_at(http_get(s, "/push/triggers")->json, "triggers.0.taken")));
    ck_assert_int_eq(backend_count(b), 0);
    st = stream_open(s, "user=ada&device=d&seq=0&channel=board", NULL);
    expect_message(st, 1, "one");
    before = backend_count(b);
    backend_await(b, before + 2);
    wait_until(trigger_figure(s, 0, "unchanged") >= 1);
    backend_answer(b, 200, NULL, "two");
    expect_message(st, 2, "two");
    wait_until(trigger_figure(s, 0, "published") == 2);
    ck_assert_int_ge(trigger_figure(s, 0, "requests.2xx"), 4);
}
END_TEST

/*
 * The moments of the last two minutes are made up for, by whichever child has
 * the queue; none of them twice.
 */
START_TEST(a_moment_that_nobody_was_there_for_is_made_up_for_once)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(b,
                                      "<PushTrigger clock>\n"
                                      "PushAt \"* * * * *\"\n"
                                      "PushPost \"${BACKEND}/%{event:id}\"\n"
                                      "</PushTrigger>\n");
    pid_t owner;

    server_allow(s, "exit signal Killed");
    backend_answer(b, 200, NULL, "");
    backend_await(b, 2);
    wait_until(trigger_figure(s, 0, "waiting") == 0);
    owner = trigger_figure(s, 0, "child");
    server_kill_child(s, owner);
    wait_until(trigger_figure(s, 0, "child") != 0
               && trigger_figure(s, 0, "child") != owner);
    wait_until(trigger_figure(s, 0, "matched") >= 4);
    wait_until(trigger_figure(s, 0, "waiting") == 0);
    for (int i = 0; i < backend_count(b); i++) {
        ck_assert_ptr_nonnull(strstr(backend_head(b, i), "0000 HTTP/"));
        for (int j = 0; j < i; j++) {
            ck_assert_str_ne(backend_header(b, i, "Push-Event-Id"),
                             backend_header(b, j, "Push-Event-Id"));
        }
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("triggers");
    TCase *tc = case_add(all, "pulls", 60);

    tcase_add_test(tc, an_event_is_pulled_for_and_the_answer_is_pushed);
    tcase_add_test(tc, requests_for_one_user_run_one_after_the_other);
    tcase_add_test(tc, devices_that_are_alike_share_a_request);
    tcase_add_test(tc, one_request_may_be_for_all_targets);
    tcase_add_test(tc,
                   each_user_of_an_event_is_asked_for_with_labels_of_its_own);
    tc = case_add(all, "failures", 60);
    tcase_add_test(tc, what_fails_for_now_is_tried_again);
    tcase_add_test(tc, a_backend_that_is_down_for_a_while_loses_nothing);
    tcase_add_test(
        tc, what_will_never_do_is_a_dead_letter_that_can_be_tried_again);
    tc = case_add(all, "webhooks and timers", 60);
    tcase_add_test(tc, a_webhook_is_signed_with_each_key_and_keeps_its_id);
    tcase_add_test(tc, a_bad_key_stops_the_start_and_is_not_shown);
    tcase_add_test(
        tc, a_shared_poll_asks_while_somebody_follows_and_pushes_changes);
    tcase_add_test(tc, a_moment_that_nobody_was_there_for_is_made_up_for_once);
    return all;
}

int main(void)
{
    return case_run(suite());
}
