/*
 * The example for the open internet: what is not meant for the public is
 * closed, and what is meant for it works. Asked with curl, as anybody would.
 */

#include <check.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "curl.h"
#include "jws.h"
#include "keep.h"
#include "token.h"
#include "verbs.h"
#include "wait.h"

/* The server and the keys that sign for it. */
struct house {
    struct server *s;
    int port;  /* of subscribers, TLS */
    int admin; /* of publishers */
    EVP_PKEY *subscribers, *publishers;
};

static void free_key(void *key)
{
    EVP_PKEY_free(key);
}

static EVP_PKEY *make_key(void)
{
    EVP_PKEY *key = keep(EVP_EC_gen("P-256"), free_key);

    ck_assert_ptr_nonnull(key);
    return key;
}

static const char *key_set(EVP_PKEY *key)
{
    const char *jwk = keep(jws_public_jwk(key, ""), free);

    return token_file(keep_printf("{\"keys\":[%s]}", jwk), 0644);
}

static struct house production(void)
{
    static const char make[] =
        "openssl req -x509 -newkey ec -pkeyopt "
        "ec_paramgen_curve:prime256v1 -nodes -keyout %s -out %s -days 2 "
        "-subj /CN=push.example.org 2>/dev/null";
    struct server_options o = {.include = "conf/examples/production.conf"};
    const char *certificate = token_file("", 0644);
    const char *key = token_file("", 0600);
    struct house h = {.port = server_free_port(),
                      .admin = server_free_port(),
                      .subscribers = make_key(),
                      .publishers = make_key()};

    ck_assert_int_eq(system(keep_printf(make, key, certificate)), 0);
    o.global = keep_printf(
        "LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so\n"
        "SSLSessionCache none\n"
        "Define PUSH_LISTEN 127.0.0.1:%d\nDefine PUSH_ADMIN 127.0.0.1:%d\n"
        "Define PUSH_CERTIFICATE %s\nDefine PUSH_KEY %s\n"
        "Define PUSH_TOKEN_KEYS %s\nDefine PUSH_ADMIN_KEYS %s",
        h.port, h.admin, certificate, key, key_set(h.subscribers),
        key_set(h.publishers));
    h.s = server_start(&o);
    return h;
}

/* What curl gets: "STATUS" and the body behind a space. more is options. */
static const char *curl(const char *more)
{
    char *text = keep(calloc(1, 65536), free);
    FILE *f = popen(
        keep_printf("curl -s -k --max-time 40 -o - -w ' %%{http_code}' "
                    "%s",
                    more),
        "r");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_lt(fread(text, 1, 65535, f), 65535);
    pclose(f);
    return text;
}

static int status_of(const char *said)
{
    const char *last = strrchr(said, ' ');

    return last != NULL ? atoi(last + 1) : 0;
}

static const char *in_public(const struct house *h, const char *path)
{
    return keep_printf("--resolve push.example.org:%d:127.0.0.1 "
                       "'https://push.example.org:%d%s'",
                       h->port, h->port, path);
}

static const char *in_admin(const struct house *h, const char *path)
{
    return keep_printf("'http://127.0.0.1:%d%s'", h->admin, path);
}

static const char *bearer(EVP_PKEY *key, const char *claims)
{
    const struct jws_signer signer = {"ES256", NULL, key};

    return keep_printf("-H 'Authorization: Bearer %s'",
                       (char *)keep(jws_sign(&signer, NULL, claims), free));
}

static const char *const paths[] = {
    "/",
    "/index.html",
    "/server-status",
    "/server-info",
    "/icons/",
    "/cgi-bin/",
    "/.git/config",
    "/.htaccess",
    "/push",
    "/push/",
    "/push/stats",
    "/push/health",
    "/push/metrics",
    "/push/messages",
    "/push/channels",
    "/push/users/ada/devices",
    "/push/users/ada/revoke",
    "/ramen",
    "/ramen/",
    "/ramen/receive",
    "/ramen/receive?user=ada&device=d&seq=0",
    "/ramen/ack?device=d&seq=0",
    "/ramen/ticket",
    "/ramen/push/stats",
    "/ramen/../push/stats",
    "/ramen/%2e%2e/push/stats",
    "/ramen//push/stats",
    "/RAMEN/receive",
    "//ramen/receive",
    "/ramen/receive/x",
};

static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};

static bool is_closed(int status)
{
    return status == 401 || status == 403 || status == 404 || status == 405;
}

START_TEST(a_scan_finds_nothing_that_is_open)
{
    struct house h = production();

    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        for (size_t j = 0; j < sizeof(methods) / sizeof(*methods); j++) {
            const char *more = keep_printf("--path-as-is -X %s %s", methods[j],
                                           in_public(&h, paths[i]));
            const char *said = curl(more);

            ck_assert_msg(is_closed(status_of(said)), "%s %s: %s", methods[j],
                          paths[i], said);
            said = curl(keep_printf("--path-as-is -X %s %s", methods[j],
                                    in_admin(&h, paths[i])));
            ck_assert_msg(is_closed(status_of(said)), "%s %s: %s", methods[j],
                          paths[i], said);
        }
    }
    /* The port of the harness's own, of the main server. */
    ck_assert_int_eq(http_get(h.s, "/push/stats")->status, 403);
    ck_assert_int_eq(http_get(h.s, "/ramen/receive")->status, 403);
    ck_assert_int_eq(http_get(h.s, "/")->status, 403);
}
END_TEST

/* A token of the subscribers' key, with these further claims. */
static const char *subscriber(const struct house *h, const char *more)
{
    return bearer(h->subscribers,
                  keep_printf("{\"sub\":\"ada\",\"exp\":%ld,\"aud\":"
                              "\"https://push.example.org/\"%s}",
                              token_time(600), more));
}

static const char *publisher(const struct house *h, const char *more)
{
    return bearer(h->publishers, keep_printf("{\"sub\":\"app\",\"exp\":%ld,"
                                             "\"aud\":\"push-admin\"%s}",
                                             token_time(600), more));
}

START_TEST(subscribers_and_publishers_come_in_by_their_own_door)
{
    struct house h = production();
    const char *rights = ",\"push_publish\":\"user:*\",\"push_admin\":true";
    const char *receive = in_public(&h, "/ramen/receive?device=d&seq=0");
    const char *messages = in_admin(&h, "/push/messages?user=ada");
    const char *stats = in_admin(&h, "/push/stats");
    const char *said;

    said = curl(
        keep_printf("-d hello %s %s", publisher(&h, rights), messages));
    ck_assert_msg(status_of(said) == 201, "%s", said);
    ck_assert_int_eq(
        status_of(curl(keep_printf("%s %s", publisher(&h, rights), stats))),
        200);
    said = curl_until("data: hello\n",
                      keep_printf("%s %s", subscriber(&h, ""), receive));
    ck_assert_msg(strstr(said, "data: hello\n") != NULL, "%s", said);
    /* Each key is of no use at the other door, whatever the token says. */
    ck_assert_int_eq(
        status_of(curl(keep_printf("%s %s", publisher(&h, rights), receive))),
        401);
    ck_assert_int_eq(status_of(curl(keep_printf(
                         "-d x %s %s", subscriber(&h, rights), messages))),
                     401);
    ck_assert_int_eq(
        status_of(curl(keep_printf("%s %s", subscriber(&h, rights), stats))),
        401);
    ck_assert_int_eq(status_of(curl(keep_printf("-d x %s %s",
                                                publisher(&h, ""), messages))),
                     403);
}
END_TEST

START_TEST(its_answers_carry_the_headers_of_the_open_internet)
{
    struct house h = production();
    const char *said = curl(
        keep_printf("-i %s", in_public(&h, "/ramen/receive")));

    ck_assert_ptr_nonnull(strstr(said, "Strict-Transport-Security: max-age"));
    ck_assert_ptr_nonnull(strstr(said, "Content-Security-Policy: default-src "
                                       "'none'"));
    ck_assert_ptr_nonnull(strstr(said, "X-Content-Type-Options: nosniff"));
    ck_assert_ptr_nonnull(strstr(said, "Cache-Control: no-store"));
    ck_assert_ptr_nonnull(strstr(said, "Server: Apache\r\n"));
    ck_assert_int_eq(
        status_of(curl(
            keep_printf("--tls-max 1.1 %s", in_public(&h, "/ramen/receive")))),
        0);
    /* A body larger than an acknowledgement ever has. */
    ck_assert_int_eq(
        status_of(curl(keep_printf("-d '%05000d' %s %s", 0, subscriber(&h, ""),
                                   in_public(&h, "/ramen/ticket")))),
        413);
}
END_TEST

START_TEST(slow_heads_are_cut_off)
{
    struct house h = production();
    struct wire *w = wire_open(h.s, 0);
    int64_t begin = wait_now();

    wire_send(w, "GET / HTTP/1.1\r\n", 16);
    while (!w->ended) {
        ck_assert_int_lt(wait_now() - begin, 20000);
        wire_receive(w, wait_now() + 1000);
    }
    ck_assert_int_lt(wait_now() - begin, 15000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("production");
    TCase *tc = case_add(suite, "production", 120);

    tcase_add_test(tc, a_scan_finds_nothing_that_is_open);
    tcase_add_test(tc, subscribers_and_publishers_come_in_by_their_own_door);
    tcase_add_test(tc, its_answers_carry_the_headers_of_the_open_internet);
    tcase_add_test(tc, slow_heads_are_cut_off);
    return case_run(suite);
}
