/*
 * Streams over TLS: handed over from mod_ssl, fed by the reactor.
 */

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "case.h"
#include "certificate.h"
#include "keep.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

/* A client, and all that it has read so far. */
struct tls {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
    char *text;
    size_t length;
};

static void tls_release(void *object)
{
    struct tls *t = object;

    SSL_free(t->ssl);
    SSL_CTX_free(t->context);
    close(t->fd);
    free(t->text);
    free(t);
}

/* A server that also listens with TLS on this port. */
static struct server *tls_server(int port)
{
    struct server_options o = {.global = certificate_host(port)};
    struct server *s = server_start(&o);

    server_allow(s, "AH01882");
    return s;
}

static struct tls *tls_open(int port, int version, const char *query)
{
    static const struct timeval second = {.tv_sec = 1};
    static const int narrow = 8192;
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct tls *t = keep(calloc(1, sizeof(*t)), tls_release);
    const char *request = keep_printf("GET /ramen/receive?%s HTTP/1.1\r\n"
                                      "Host: localhost\r\n\r\n",
                                      query);

    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    t->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(t->fd, SOL_SOCKET, SO_RCVBUF, &narrow, sizeof(narrow));
    setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
    ck_assert_int_eq(
        connect(t->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    t->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(t->context, version);
    SSL_CTX_set_max_proto_version(t->context, version);
    t->ssl = SSL_new(t->context);
    SSL_set_fd(t->ssl, t->fd);
    ck_assert_int_eq(SSL_connect(t->ssl), 1);
    ck_assert_int_eq(SSL_write(t->ssl, request, (int)strlen(request)),
                     (int)strlen(request));
    return t;
}

/* Reads once; false at the end of the stream. */
static bool tls_read(struct tls *t)
{
    char bytes[32768];
    int got = SSL_read(t->ssl, bytes, sizeof(bytes));

    if (got <= 0) {
        return SSL_get_error(t->ssl, got) != SSL_ERROR_ZERO_RETURN;
    }
    t->text = realloc(t->text, t->length + (size_t)got + 1);
    memcpy(t->text + t->length, bytes, (size_t)got);
    t->length += (size_t)got;
    t->text[t->length] = '\0';
    return true;
}

static void tls_await(struct tls *t, const char *text)
{
    int64_t deadline = wait_now() + WAIT_MS;

    while (t->text == NULL || strstr(t->text, text) == NULL) {
        ck_assert_msg(wait_now() < deadline && tls_read(t), "no %s in %s",
                      text, t->text != NULL ? t->text : "nothing");
    }
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

START_TEST(messages_arrive_over_tls_in_order)
{
    int port = certificate_port(), i;
    struct server *s = tls_server(port);
    struct tls *t = tls_open(port, versions[_i], "user=ada&device=d&seq=0");

    tls_await(t, "\r\n\r\nretry: ");
    for (i = 1; i <= 20; i++) {
        publish(s, "user=ada", NULL, keep_printf("m%d", i));
    }
    tls_await(t, "data: m20\n\n");
    for (i = 1; i <= 20; i++) {
        const char *id = strstr(t->text, keep_printf("id: %d.", i));

        ck_assert_ptr_nonnull(id);
        ck_assert_ptr_eq(strstr(id, "data: "),
                         strstr(id, keep_printf("data: m%d\n", i)));
    }
}
END_TEST

#define LARGE  60000
#define LARGES 60

/* More than the sockets hold: records are cut, and written again. */
START_TEST(a_slow_reader_gets_large_messages_whole)
{
    int port = certificate_port(), i;
    struct server *s = tls_server(port);
    struct tls *t = tls_open(port, versions[_i], "user=ada&device=d&seq=0");
    char *payload = keep(malloc(LARGE + 1), free);
    const char *at;

    memset(payload, 'x', LARGE);
    payload[LARGE] = '\0';
    tls_await(t, "retry: ");
    for (i = 0; i < LARGES; i++) {
        payload[0] = (char)('a' + i % 26);
        publish(s, "user=ada", NULL, payload);
    }
    publish(s, "user=ada", NULL, "the end");
    tls_await(t, "data: the end\n\n");
    at = t->text;
    for (i = 0; i < LARGES; i++) {
        payload[0] = (char)('a' + i % 26);
        at = strstr(at, keep_printf("id: %d.", i + 1));
        ck_assert_ptr_nonnull(at);
        at = strstr(at, "data: ");
        ck_assert_int_eq(strncmp(at + 6, payload, LARGE), 0);
        ck_assert_int_eq(at[6 + LARGE], '\n');
    }
}
END_TEST

START_TEST(a_client_that_says_good_bye_is_gone)
{
    int port = certificate_port();
    struct server *s = tls_server(port);
    struct tls *t = tls_open(port, versions[_i], "user=ada&device=d&seq=0");

    tls_await(t, "retry: ");
    wait_until(stat_of(s, "streams") == 1);
    SSL_shutdown(t->ssl);
    wait_until(stat_of(s, "streams") == 0);
}
END_TEST

START_TEST(a_graceful_restart_tells_the_client_to_come_back)
{
    int port = certificate_port();
    struct server *s = tls_server(port);
    struct tls *t = tls_open(port, versions[_i], "user=ada&device=d&seq=0");

    tls_await(t, "retry: ");
    publish(s, "user=ada", NULL, "a");
    tls_await(t, "data: a\n\n");
    kill(s->pid, SIGUSR1);
    tls_await(t, "event: push.bye\ndata: {\"reason\":\"restart\"");
    while (tls_read(t)) {
    }
    publish(s, "user=ada", NULL, "b");
    t = tls_open(port, versions[_i], "user=ada&device=d&seq=1");
    tls_await(t, "data: b\n\n");
    ck_assert_ptr_null(strstr(t->text, "data: a\n"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls");
    TCase *tc = case_add(suite, "tls", 60);

    tcase_add_loop_test(tc, messages_arrive_over_tls_in_order, 0, 2);
    tcase_add_loop_test(tc, a_slow_reader_gets_large_messages_whole, 0, 2);
    tcase_add_loop_test(tc, a_client_that_says_good_bye_is_gone, 0, 2);
    tcase_add_loop_test(tc, a_graceful_restart_tells_the_client_to_come_back,
                        0, 2);
    return case_run(suite);
}
