/*
 * Streams over TLS: handed over from mod_ssl, fed by the reactor.
 */

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "case.h"
#include "certificate.h"
#include "dial.h"
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
    int records;     /* of application data, or looking like it */
    int key_updates; /* that the server sent */
};

static void tls_release(void *object)
{
    struct tls *t = object;

    SSL_free(t->ssl);
    SSL_CTX_free(t->context);
    if (t->fd >= 0) {
        close(t->fd);
    }
    free(t->text);
    free(t);
}

/* A server that also listens with TLS on this port; more lines for it. */
static struct server *tls_server_with(int port, const char *lines)
{
    struct server_options o = {
        .global = keep_printf("%s\n%s", certificate_host(port), lines)};
    struct server *s = server_start(&o);

    server_allow(s, "AH01882");
    return s;
}

static struct server *tls_server(int port)
{
    return tls_server_with(port, "");
}

/* OpenSSL shows each record's header, and each message of a handshake. */
static void tls_watch(int write_p, int version, int type, const void *bytes,
                      size_t length, SSL *ssl, void *object)
{
    struct tls *t = object;
    int first = length > 0 ? *(const unsigned char *)bytes : -1;

    (void)version;
    (void)ssl;
    if (!write_p && type == SSL3_RT_HEADER) {
        t->records += first == SSL3_RT_APPLICATION_DATA;
    }
    if (!write_p && type == SSL3_RT_HANDSHAKE) {
        t->key_updates += first == SSL3_MT_KEY_UPDATE;
    }
}

/* session: of an earlier connection, to be resumed; or NULL. */
static struct tls *tls_resume(int port, int version, SSL_SESSION *session,
                              const char *query)
{
    static const struct timeval limit = {.tv_sec = WAIT_MS / 1000};
    struct tls *t = keep(calloc(1, sizeof(*t)), tls_release);
    const char *request = keep_printf("GET /ramen/receive?%s HTTP/1.1\r\n"
                                      "Host: localhost\r\n\r\n",
                                      query);

    t->fd = dial(port, 8192);
    ck_assert_int_ge(t->fd, 0);
    setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    t->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(t->context, version);
    SSL_CTX_set_max_proto_version(t->context, version);
    t->ssl = SSL_new(t->context);
    SSL_set_fd(t->ssl, t->fd);
    SSL_set_msg_callback(t->ssl, tls_watch);
    SSL_set_msg_callback_arg(t->ssl, t);
    if (session != NULL) {
        ck_assert_int_eq(SSL_set_session(t->ssl, session), 1);
    }
    ck_assert_int_eq(SSL_connect(t->ssl), 1);
    ck_assert_int_eq(SSL_write(t->ssl, request, (int)strlen(request)),
                     (int)strlen(request));
    return t;
}

static struct tls *tls_open(int port, int version, const char *query)
{
    return tls_resume(port, version, NULL, query);
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
    int port = server_free_port(), i;
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
    int port = server_free_port(), i;
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
    int port = server_free_port();
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
    int port = server_free_port();
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

/* ---- sessions ---- */

static void session_release(void *session)
{
    SSL_SESSION_free(session);
}

/* Sessions that the server remembers, instead of tickets. */
#define CACHE                                                                 \
    "LoadModule socache_shmcb_module "                                        \
    "/usr/lib/apache2/modules/mod_socache_shmcb.so\n"                         \
    "SSLSessionCache shmcb:sessions\nSSLSessionTickets off"

static const struct {
    int version;
    const char *lines;
    bool cut; /* the first stream ends without a good-bye */
} sessions[] = {
    {TLS1_2_VERSION, "SSLSessionTickets on", false},
    {TLS1_2_VERSION, "SSLSessionTickets on", true},
    {TLS1_3_VERSION, "SSLSessionTickets on", false},
    {TLS1_3_VERSION, "SSLSessionTickets on", true},
    {TLS1_2_VERSION, CACHE, false},
    {TLS1_2_VERSION, CACHE, true},
    {TLS1_3_VERSION, CACHE, false},
    {TLS1_3_VERSION, CACHE, true},
};

START_TEST(a_stream_of_a_resumed_session_goes_on_where_the_first_ended)
{
    int port = server_free_port();
    struct server *s = tls_server_with(port, sessions[_i].lines);
    struct tls *t = tls_open(port, sessions[_i].version,
                             "user=ada&device=d&seq=0");
    SSL_SESSION *session;

    publish(s, "user=ada", NULL, "a");
    tls_await(t, "data: a\n\n");
    session = keep(SSL_get1_session(t->ssl), session_release);
    if (sessions[_i].cut) {
        shutdown(t->fd, SHUT_RDWR);
        SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    else {
        SSL_shutdown(t->ssl);
    }
    wait_until(stat_of(s, "streams") == 0);
    publish(s, "user=ada", NULL, "b");
    t = tls_resume(port, sessions[_i].version, session,
                   "user=ada&device=d&seq=1");
    ck_assert_int_eq(SSL_session_reused(t->ssl), 1);
    tls_await(t, "data: b\n\n");
    publish(s, "user=ada", NULL, "c");
    tls_await(t, "data: c\n\n");
    ck_assert_ptr_null(strstr(t->text, "data: a\n"));
}
END_TEST

/* ---- what a client may ask for in between ---- */

static void ask_for_keys(struct tls *t)
{
    ck_assert_int_eq(SSL_key_update(t->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    ck_assert_int_eq(SSL_do_handshake(t->ssl), 1);
}

START_TEST(a_client_that_asks_for_new_keys_gets_them_with_the_next_message)
{
    int port = server_free_port(), i, sent = 0;
    struct server *s = tls_server(port);
    struct tls *t = tls_open(port, TLS1_3_VERSION, "user=ada&device=d&seq=0");

    tls_await(t, "retry: ");
    wait_until(stat_of(s, "streams") == 1);
    for (i = 1; i <= 5; i++) {
        ask_for_keys(t);
        /* The server may write a message before it reads the request. */
        wait_until((publish(s, "user=ada", NULL, keep_printf("m%d", ++sent)),
                    tls_await(t, keep_printf("data: m%d\n\n", sent)),
                    t->key_updates == i));
    }
}
END_TEST

START_TEST(new_keys_may_be_asked_for_while_a_record_is_under_way)
{
    int port = server_free_port(), i;
    struct server *s = tls_server(port);
    struct tls *t = tls_open(port, TLS1_3_VERSION, "user=ada&device=d&seq=0");
    char *payload = keep(malloc(LARGE + 1), free);

    memset(payload, 'x', LARGE);
    payload[LARGE] = '\0';
    tls_await(t, "retry: ");
    for (i = 0; i < LARGES; i++) {
        publish(s, "user=ada", NULL, payload);
    }
    ask_for_keys(t);
    publish(s, "user=ada", NULL, "the end");
    tls_await(t, "data: the end\n\n");
    ck_assert_ptr_nonnull(strstr(t->text, keep_printf("id: %d.", LARGES + 1)));
    wait_until(tls_read(t) && t->key_updates == 1);
}
END_TEST

START_TEST(a_client_that_renegotiates_is_refused)
{
    int port = server_free_port();
    struct server *s = tls_server_with(
        port,
        _i ? CACHE "\nSSLOpenSSLConfCmd Options ClientRenegotiation" : "");
    struct tls *t = tls_open(port, TLS1_2_VERSION, "user=ada&device=d&seq=0");

    tls_await(t, "retry: ");
    wait_until(stat_of(s, "streams") == 1);
    ck_assert_int_eq(SSL_renegotiate(t->ssl), 1);
    ck_assert_int_ne(SSL_do_handshake(t->ssl), 1);
    ck_assert_int_eq(ERR_GET_REASON(ERR_get_error()), SSL_R_NO_RENEGOTIATION);
    close(t->fd);
    t->fd = -1;
    wait_until(stat_of(s, "streams") == 0);
    t = tls_open(port, TLS1_2_VERSION, "user=ada&device=d&seq=0");
    publish(s, "user=ada", NULL, "a");
    tls_await(t, "data: a\n\n");
}
END_TEST

/* Until its connection breaks, or the test ends. */
static void *flood(void *data)
{
    static const char bytes[16384];
    struct tls *t = data;

    while (SSL_write(t->ssl, bytes, sizeof(bytes)) > 0) {
    }
    return NULL;
}

static void *flood_with_keys(void *data)
{
    struct tls *t = data;

    while (SSL_key_update(t->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1
           && SSL_do_handshake(t->ssl) == 1) {
    }
    return NULL;
}

static const struct {
    int version;
    void *(*run)(void *tls);
} floods[] = {{TLS1_2_VERSION, flood},
              {TLS1_3_VERSION, flood},
              {TLS1_3_VERSION, flood_with_keys}};

START_TEST(a_client_that_talks_without_end_holds_up_nobody)
{
    int port = server_free_port();
    struct server_options o = {.children = 1,
                               .global = certificate_host(port)};
    struct server *s = server_start(&o);
    struct tls *t, *other;
    pthread_t thread;

    server_allow(s, "AH01882");
    other = tls_open(port, floods[_i].version, "user=bob&device=d&seq=0");
    t = tls_open(port, floods[_i].version, "user=ada&device=d&seq=0");
    tls_await(t, "retry: ");
    tls_await(other, "retry: ");
    wait_until(stat_of(s, "streams") == 2);
    ck_assert_int_eq(pthread_create(&thread, NULL, floods[_i].run, t), 0);
    for (int i = 0; i < 50; i++) {
        publish(s, "user=bob", NULL, keep_printf("m%d", i));
        tls_await(other, keep_printf("data: m%d\n\n", i));
    }
    shutdown(t->fd, SHUT_RDWR);
    pthread_join(thread, NULL);
}
END_TEST

/* ---- what it costs ---- */

#define SMALLS      480
#define RECORDS_MAX 24

START_TEST(many_small_messages_share_a_few_records)
{
    int port = server_free_port(), i;
    struct server *s = tls_server(port);
    struct tls *t = tls_open(port, versions[_i], "user=ada&device=d&seq=0");
    char *lines = keep_printf("%s", "");

    tls_await(t, "retry: ");
    SSL_shutdown(t->ssl);
    wait_until(stat_of(s, "streams") == 0);
    for (i = 1; i <= SMALLS; i++) {
        lines = keep_printf("%s{\"user\":\"ada\",\"text\":\"m%d\"}\n", lines,
                            i);
    }
    publish_lines(s, lines);
    t = tls_open(port, versions[_i], "user=ada&device=d&seq=0");
    tls_await(t, keep_printf("data: m%d\n\n", SMALLS));
    ck_assert_int_le(t->records, RECORDS_MAX);
}
END_TEST

/* The proportional share of memory of all processes of the server, bytes. */
static long memory_of(const struct server *s)
{
    pid_t pids[16];
    int count = server_children(s, pids, 15);
    long sum = 0;

    pids[count++] = s->pid;
    for (int i = 0; i < count; i++) {
        const char *text = keep_file(
            keep_printf("/proc/%d/smaps_rollup", pids[i]), NULL);
        const char *pss = text != NULL ? strstr(text, "\nPss:") : NULL;

        ck_assert_ptr_nonnull(pss);
        sum += strtol(pss + 5, NULL, 10) * 1024;
    }
    return sum;
}

#define WARM       100
#define STREAMS    400
#define STREAM_MAX (18 * 1024)

/* So many more streams; what each of them takes. */
static long cost_of(const struct server *s, int port, int first, int version)
{
    long before = memory_of(s);

    for (int i = first; i < first + STREAMS; i++) {
        tls_await(tls_open(port, version,
                           keep_printf("user=u%d&device=d&seq=0", i)),
                  "retry: ");
    }
    wait_until(stat_of(s, "streams") == first + STREAMS);
    return (memory_of(s) - before) / STREAMS;
}

/* Threads that work for the first time meanwhile take memory too: what is too
 * much is so each time. */

START_TEST(a_stream_takes_18_kilobytes_of_the_server_at_most)
{
    int port = server_free_port(), i;
    struct server *s = tls_server(port);
    long taken;

    for (i = 0; i < WARM; i++) {
        tls_await(tls_open(port, versions[_i],
                           keep_printf("user=u%d&device=d&seq=0", i)),
                  "retry: ");
    }
    wait_until(stat_of(s, "streams") == WARM);
    do {
        taken = cost_of(s, port, i, versions[_i]);
        i += STREAMS;
    } while (taken > STREAM_MAX && i < WARM + 3 * STREAMS);
    if (getenv("PUSH_ASAN") == NULL) {
        ck_assert_int_le(taken, STREAM_MAX);
    }
}
END_TEST

#define COUNT 2400

/* How many of the numbers from 0 to COUNT - 1 came, gaps counted in. */
static int accounted_for(const struct tls *t)
{
    const char *at;
    int count = 0, i;

    for (i = 0; i < COUNT; i++) {
        count += strstr(t->text, keep_printf("data: n%d\n", i)) != NULL;
    }
    for (at = strstr(t->text, "\"dropped\":"); at != NULL;
         at = strstr(at, "\"dropped\":")) {
        at += strlen("\"dropped\":");
        count += atoi(at);
    }
    return count;
}

static const char *numbered_lines(void)
{
    size_t room = COUNT * 60, used = 0;
    char *lines = keep(malloc(room), free);
    int i;

    for (i = 0; i < COUNT; i++) {
        used += (size_t)snprintf(lines + used, room - used,
                                 "{\"channel\":\"c%d\",\"text\":\"n%d\"}\n",
                                 i % 3, i);
    }
    return lines;
}

START_TEST(an_implicit_stream_loses_nothing_silently)
{
    static const char query[] = "user=ada&device=d&ack=implicit&channel=c0"
                                "&channel=c1&channel=c2";
    int port = server_free_port();
    struct server *s = tls_server(port);
    struct tls *t = tls_open(port, versions[_i], query);
    const char *id;

    tls_await(t, "retry: ");
    publish_lines(s, numbered_lines());
    tls_await(t, keep_printf("data: n%d\n\n", COUNT - 1));
    id = strstr(t->text, "id: 2.");
    ck_assert_ptr_nonnull(id);
    id = keep_copy(id + 4, strcspn(id + 4, "\n"));
    t = tls_open(port, versions[_i], keep_printf("%s&id=%s", query, id));
    tls_await(t, keep_printf("data: n%d\n\n", COUNT - 1));
    ck_assert_int_eq(accounted_for(t), COUNT - 2);
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
    tcase_add_row_test(
        tc, a_stream_of_a_resumed_session_goes_on_where_the_first_ended,
        sessions);
    tcase_add_test(
        tc, a_client_that_asks_for_new_keys_gets_them_with_the_next_message);
    tcase_add_test(tc, new_keys_may_be_asked_for_while_a_record_is_under_way);
    tcase_add_loop_test(tc, a_client_that_renegotiates_is_refused, 0, 2);
    tcase_add_row_test(tc, a_client_that_talks_without_end_holds_up_nobody,
                       floods);
    tcase_add_loop_test(tc, an_implicit_stream_loses_nothing_silently, 0, 2);
    tcase_add_loop_test(tc, many_small_messages_share_a_few_records, 0, 2);
    tcase_add_loop_test(tc, a_stream_takes_18_kilobytes_of_the_server_at_most,
                        0, 2);
    return case_run(suite);
}
