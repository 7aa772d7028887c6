/*
 * The ways that answers of applications take (PushCapture): every size, every
 * kind of request, and other modules before and behind.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps.h"
#include "case.h"
#include "h2.h"
#include "keep.h"
#include "stream.h"
#include "verbs.h"

#define MODULES "/usr/lib/apache2/modules"

#define PUSH(text) "Push: {\"user\":\"ada\",\"text\":\"" text "\"}\n"

/* What asks, and what answers: the same for all cases but the sizes. */
static struct server *start(void)
{
    struct server *s = apps_start(
        "LoadModule http2_module " MODULES "/mod_http2.so\n"
        "LoadModule rewrite_module " MODULES "/mod_rewrite.so\n"
        "LoadModule cache_module " MODULES "/mod_cache.so\n"
        "LoadModule cache_socache_module " MODULES "/mod_cache_socache.so\n"
        "LoadModule socache_shmcb_module " MODULES "/mod_socache_shmcb.so\n"
        "Protocols h2c http/1.1\nCacheSocache shmcb\n"
        "CacheEnable socache /cached/\n"
        "PushCapture tee\nPushCaptureAllow user:ada\nPushCaptureOnce off\n"
        "ErrorDocument 404 /cgi/app.cgi?sorry\n"
        "ProxyPass /cached/ http://${PUSH_APP}/ retry=0\n"
        "ProxyPass /inflated/ http://${PUSH_APP}/ retry=0\n"
        "<Location /inflated/>\nSetOutputFilter INFLATE;DEFLATE\n"
        "</Location>\n"
        "<Location /cgi/>\nDirectoryIndex app.cgi\n</Location>\n"
        "RewriteEngine On\n"
        "RewriteRule ^/short/(.*)$ http://${PUSH_APP}/$1 [P]\n"
        "RewriteRule ^/moved/(.*)$ /node/$1 [PT]\n");

    server_allow(s, "PUSH0050");
    return s;
}

static struct stream *follow(const struct server *s)
{
    return stream_open(s, "user=ada&device=d&seq=0", NULL);
}

/* The client has what the application said, without what was for this
 * module. */
static void expect_clean(const struct answer *a, int status, const char *body)
{
    ck_assert_int_eq(a->status, status);
    ck_assert_msg(body == NULL || strcmp(a->body, body) == 0, "%.80s",
                  a->body);
    ck_assert_msg(strcasestr(a->head, "\npush") == NULL, "%s", a->head);
}

static const enum app apps[] = {APP_NODE, APP_FPM, APP_CGI};

#define APPS (sizeof(apps) / sizeof(*apps))

/* ---- sizes ---- */

/* Text of which no part is like another one. */
static const char *long_text(size_t length)
{
    char *text = malloc(length + 8);
    const char *kept;

    ck_assert_ptr_nonnull(text);
    ck_assert_uint_lt(length, 1u << 24);
    for (unsigned at = 0; at < length; at += 7) {
        snprintf(text + at, 8, "%06x.", at & 0xffffff);
    }
    kept = keep_copy(text, length);
    free(text);
    return kept;
}

START_TEST(whatever_its_size_the_client_gets_the_same_bytes)
{
    struct server *s = apps_start("PushMaxMessageSize 65536\nPushCapture tee\n"
                                  "PushCaptureAllow user:ada\n");
    struct stream *st = follow(s);
    int seq = 0;

    server_allow(s, "PUSH0311");
    for (size_t i = 0; i < APPS; i++) {
        const char *text = long_text(50000 + i);

        apps_write(s, "long", keep_printf("200\nPush-User: ada\n\n%s", text));
        expect_clean(apps_get(s, apps[i], "long"), 200, text);
        seq++;
        expect_message(st, seq, text);
        text = long_text(300000);
        apps_write(s, "longer",
                   keep_printf("200\n" PUSH("beside") "Push-User: ada\n\n%s",
                               text));
        expect_clean(apps_get(s, apps[i], "longer"), 200, text);
        seq++;
        expect_message(st, seq, "beside");
        ck_assert_int_eq(apps_captures(s, "too_large"), (int)i + 1);
    }
}
END_TEST

/* ---- kinds of request ---- */

static struct answer *raw(const struct server *s, const char *lines)
{
    return http_raw(s, lines, strlen(lines));
}

START_TEST(it_does_not_matter_how_it_is_asked_for)
{
    struct server *s = start();
    struct stream *st = follow(s);
    struct answer *a;
    int seq = 0;

    apps_write(s, "said",
               "200\nContent-Length: 10\nPush-User: ada\n\n0123456789");
    for (size_t i = 0; i < APPS; i++) {
        const char *path = apps_path(apps[i], "said");

        /* HTTP/1.0: the end of the connection is that of the answer. */
        a = raw(s, keep_printf("GET %s HTTP/1.0\r\n\r\n", path));
        expect_clean(a, 200, "0123456789");
        seq++;
        expect_message(st, seq, "0123456789");
        /* Nothing has happened. */
        a = http_do(s, "HEAD", path, NULL, NULL);
        expect_clean(a, 200, NULL);
        ck_assert_int_eq(apps_captures(s, "status"), (int)i + 1);
    }
    /* httpd cuts the part out: the application has said all. */
    a = http_do(s, "GET", apps_path(APP_NODE, "said"), "Range: bytes=2-4\r\n",
                NULL);
    expect_clean(a, 206, "234");
    expect_message(st, seq + 1, "0123456789");
    publish(s, "user=ada", NULL, "the last");
    expect_message(st, seq + 2, "the last");
}
END_TEST

/* What comes behind a body is no header. */
START_TEST(trailers_say_nothing)
{
    struct server *s = start();
    struct stream *st = follow(s);
    struct exchange *x;

    apps_write(s, "behind",
               "200\n!trailers: 2\n" PUSH("head") "X-Behind: yes\n" PUSH(
                   "behind") "\nbody");
    expect_clean(apps_get(s, APP_NODE, "behind"), 200, "body");
    expect_message(st, 1, "head");
    x = h2_get(h2_open(s->port, false), "/node/behind");
    h2_expect(x, 200);
    expect_message(st, 2, "head");
    ck_assert_msg(h2_header(x, "push") == NULL, "%s", x->head);
    ck_assert_int_eq(apps_captures(s, "published"), 2);
}
END_TEST

/* ---- within httpd ---- */

START_TEST(wherever_httpd_finds_the_answer_it_is_published_once)
{
    struct server *s = start();
    struct stream *st = follow(s);

    apps_write(s, "goal", "200\n" PUSH("goal") "\ngoal");
    expect_clean(http_get(s, "/short/goal"), 200, "goal");
    expect_message(st, 1, "goal");
    expect_clean(http_get(s, "/moved/goal"), 200, "goal");
    expect_message(st, 2, "goal");
    /* mod_dir: one request becomes another. */
    expect_clean(http_get(s, "/cgi/?goal"), 200, "goal");
    expect_message(st, 3, "goal");
    /* A script that names another answer in its place has still said so. */
    apps_write(s, "way", "200\n" PUSH("way") "Location: /node/goal\n\nway");
    expect_clean(apps_get(s, APP_CGI, "way"), 200, "goal");
    expect_message(st, 4, "goal");
    expect_message(st, 5, "way");
    /* An application's page for errors is an error. */
    apps_write(s, "sorry", "-\n" PUSH("sorry") "\nsorry");
    expect_clean(http_get(s, "/nowhere"), 404, "sorry");
    ck_assert_int_eq(apps_captures(s, "status"), 1);
    publish(s, "user=ada", NULL, "the last");
    expect_message(st, 6, "the last");
}
END_TEST

START_TEST(what_was_compressed_is_compressed_again)
{
    struct server *s = start();
    struct stream *st = follow(s);
    /* mod_deflate leaves what is short alone. */
    const char *text = long_text(1000);
    struct answer *a;

    apps_write(s, "zip",
               keep_printf("200\nContent-Type: text/plain\nPush-User: ada\n"
                           "!gzip: 1\n\n%s",
                           text));
    a = http_do(s, "GET", "/inflated/zip", "Accept-Encoding: gzip\r\n", NULL);
    expect_clean(a, 200, NULL);
    ck_assert_str_eq(http_header(a, "Content-Encoding"), "gzip");
    expect_message(st, 1, text);
    expect_clean(http_get(s, "/inflated/zip"), 200, text);
    expect_message(st, 2, text);
}
END_TEST

START_TEST(what_a_cache_answers_was_said_once)
{
    struct server *s = start();
    struct stream *st = follow(s);

    apps_write(s, "kept",
               "200\nCache-Control: max-age=60\nContent-Type: text/plain\n"
               "Content-Length: 4\nPush-User: ada\n" PUSH("beside") "\nkept");
    for (int i = 0; i < 3; i++) {
        struct answer *a = http_get(s, "/cached/kept");

        expect_clean(a, 200, "kept");
        ck_assert_msg(i == 0 || http_header(a, "Age") != NULL, "%s", a->head);
    }
    expect_message(st, 1, "beside");
    expect_message(st, 2, "kept");
    ck_assert_int_eq(apps_captures(s, "published"), 2);
    /* One that is asked of the application again. */
    expect_clean(http_do(s, "GET", "/cached/kept",
                         "Cache-Control: no-cache\r\n", NULL),
                 200, "kept");
    expect_message(st, 3, "beside");
    expect_message(st, 4, "kept");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("capture_ways");
    TCase *tc = case_add(suite, "ways", 60);

    tcase_add_test(tc, whatever_its_size_the_client_gets_the_same_bytes);
    tcase_add_test(tc, it_does_not_matter_how_it_is_asked_for);
    tcase_add_test(tc, trailers_say_nothing);
    tcase_add_test(tc, wherever_httpd_finds_the_answer_it_is_published_once);
    tcase_add_test(tc, what_was_compressed_is_compressed_again);
    tcase_add_test(tc, what_a_cache_answers_was_said_once);
    return case_run(suite);
}
