/*
 * real_tls.c - certificates, pins, client certificates, and a proxy: httpd
 * with mod_ssl in front of a scripted server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "keep.h"
#include "probe.h"
#include "server.h"

static struct probe *probe;
static char dir[64];
static int open_port, client_port; /* TLS; the latter wants a certificate */
static char *pin;
static struct scripted *backend;

/* A CA, a certificate of the server, one of the client, another CA. */
static const char make_keys[] =
    "set -e; cd %s; exec >log 2>&1;"
    "new() { openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "
    "/CN=$1 -keyout $1.key -out $1.crt; };"
    "sign() { openssl req -newkey rsa:2048 -nodes -subj /CN=$1 -keyout "
    "$1.key -out $1.csr; printf 'subjectAltName=IP:127.0.0.1\\n' > $1.ext;"
    "openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -CAcreateserial "
    "-days 2 -extfile $1.ext -out $1.crt; };"
    "new ca; new other; sign server; sign client; openssl x509 -in server.crt "
    "-pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 "
    "-binary | openssl base64 -A > pin; chmod 644 *";

static char *path(const char *name)
{
    return keep_printf("%s/%s", dir, name);
}

static void once(void)
{
    strcpy(dir, "/tmp/pushc-tls-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(system(keep_printf(make_keys, dir)), 0);
    ck_assert_int_eq(system(keep_printf("chmod 755 %s", dir)), 0);
}

static void at_the_end(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static char *vhost(int port, const char *more)
{
    return keep_printf("Listen 127.0.0.1:%d https\n"
                       "<VirtualHost 127.0.0.1:%d>\nSSLEngine on\n"
                       "SSLCertificateFile %s\nSSLCertificateKeyFile %s\n"
                       "ProxyPass / %s/ flushpackets=on\n%s</VirtualHost>\n",
                       port, port, path("server.crt"), path("server.key"),
                       scripted_url(backend), more);
}

static int serve(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    if (strstr(r->target, "/messages")) {
        return scripted_answer(r, 201, "", "{\"id\":\"m1\"}");
    }
    if (strstr(r->target, "/ack?")) {
        return scripted_say(r, "HTTP/1.1 204 No Content\r\n\r\n") == 0;
    }
    scripted_stream(r);
    scripted_say(r, "id: 1.m1\ndata: a\n\n");
    scripted_hold(r, -1);
    return 0;
}

static void start(void)
{
    struct server_options so = {.bare = true};

    open_port = server_free_port();
    client_port = server_free_port();
    pin = keep_printf("sha256//%s", keep_file(path("pin"), NULL));
    backend = scripted_start(serve, NULL);
    so.global = keep_printf(
        "LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so\n"
        "LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so\n"
        "LoadModule proxy_http_module "
        "/usr/lib/apache2/modules/mod_proxy_http.so\n"
        "SSLSessionCache none\nLogLevel ssl:error\n%s%s",
        vhost(open_port, ""),
        vhost(client_port, keep_printf("SSLCACertificateFile %s\n"
                                       "SSLVerifyClient require\n"
                                       "SSLProtocol TLSv1.2\n",
                                       path("ca.crt"))));
    probe = calloc(1, sizeof(*probe));
    ck_assert_ptr_nonnull(probe);
    server_start(&so);
}

static void aim(int port)
{
    probe_init(probe, keep_printf("https://127.0.0.1:%d", port));
    probe->options.query = "user=ann";
    probe->options.ca_file = path("ca.crt");
}

static void end(void)
{
    probe_cleanup(probe);
    free(probe);
    scripted_stop(backend); /* else httpd waits for its streams */
    server_stop_all();
}

START_TEST(a_trusted_server_is_used)
{
    start();
    aim(open_port);
    probe->options.pinned_key = _i ? pin : NULL;
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 1);
    end();
}
END_TEST

START_TEST(a_server_that_is_not_trusted_is_not)
{
    start();
    aim(open_port);
    if (_i == 0) {
        probe->options.ca_file = path("other.crt");
    }
    else {
        probe->options.pinned_key =
            "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    }
    probe_start(probe);
    WAIT_FOR(probe_events(probe, PUSHC_WAITING) >= 1);
    ck_assert_int_eq(probe_last(probe, PUSHC_WAITING, NULL).status,
                     PUSHC_ERR_TLS);
    end();
}
END_TEST

START_TEST(a_client_certificate_opens_the_door)
{
    start();
    aim(client_port);
    probe->options.cert_file = path("client.crt");
    probe->options.key_file = path("client.key");
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 1);
    end();
}
END_TEST

START_TEST(publishing_is_encrypted_too)
{
    pushc_options o = PUSHC_OPTIONS_INIT;
    pushc_result result = {.size = sizeof(result)};
    pushc_outgoing m = PUSHC_OUTGOING_INIT;
    pushc_publisher *publisher;

    start();
    o.url = keep_printf("https://127.0.0.1:%d/push", open_port);
    o.ca_file = path(_i ? "other.crt" : "ca.crt");
    o.publish_ms = _i ? 2000 : 20000;
    ck_assert_int_eq(pushc_publisher_create(&o, &publisher), PUSHC_OK);
    m.user = "ann";
    ck_assert_int_eq(pushc_publish_wait(publisher, &m, &result),
                     _i ? PUSHC_ERR_TLS : PUSHC_OK);
    pushc_publisher_destroy(publisher);
    scripted_stop(backend); /* else httpd waits for its streams */
    server_stop_all();
}
END_TEST

START_TEST(without_a_client_certificate_it_stays_shut)
{
    start();
    aim(client_port);
    probe_start(probe);
    WAIT_FOR(probe_events(probe, PUSHC_WAITING) >= 1);
    ck_assert_uint_eq(probe_events(probe, PUSHC_OPEN), 0);
    end();
}
END_TEST

/* A proxy for plain HTTP answers itself: it gets the whole URL. */
static int proxy(void *ctx, struct scripted_request *r)
{
    snprintf(ctx, 256, "%.250s", r->target);
    scripted_stream(r);
    scripted_say(r, "id: 1.m1\ndata: a\n\n");
    scripted_hold(r, -1);
    return 0;
}

START_TEST(a_proxy_is_asked_where_one_is_given)
{
    char seen[256] = "";
    struct scripted *p = scripted_start(proxy, seen);

    probe = calloc(1, sizeof(*probe));
    probe_init(probe, "http://push.example");
    probe->options.proxy = scripted_url(p);
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 1);
    probe_cleanup(probe);
    free(probe);
    scripted_stop(p);
    ck_assert_ptr_nonnull(strstr(seen, "http://push.example/ramen/"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sdk-c TLS");
    TCase *tc = case_add(suite, "tls", 60);

    tcase_add_unchecked_fixture(tc, once, at_the_end);
    tcase_add_loop_test(tc, a_trusted_server_is_used, 0, 2);
    tcase_add_loop_test(tc, a_server_that_is_not_trusted_is_not, 0, 2);
    tcase_add_test(tc, a_client_certificate_opens_the_door);
    tcase_add_loop_test(tc, publishing_is_encrypted_too, 0, 2);
    tcase_add_test(tc, without_a_client_certificate_it_stays_shut);
    tcase_add_test(tc, a_proxy_is_asked_where_one_is_given);
    return case_run(suite);
}
