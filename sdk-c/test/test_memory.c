/*
 * test_memory.c - the n-th allocation fails, for every n: of the library, of
 * libcurl and of jansson. All goes on as if nothing had been, or the call
 * says PUSHC_ERR_MEMORY; nothing leaks.
 */
#include <check.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "miniloop.h"
#include "pushc.h"
#include "scripted.h"
#include "suite.h"

/* Real milliseconds are so many of the client's. */
#define FACTOR 50

/* ---- allocators that fail once ---- */

/* libcurl allocates in its resolver's thread too. */
struct faulty {
    _Atomic long left; /* calls before the failure; below 0: never */
    _Atomic long calls;
    long alive;
};

static struct faulty ours, curls, janssons;

static int fails(struct faulty *f)
{
    f->calls++;
    return f->left >= 0 && atomic_fetch_sub(&f->left, 1) == 0;
}

static void *on_realloc(void *ctx, void *pointer, size_t size)
{
    void *p;

    (void)ctx;
    if (size == 0) {
        ours.alive -= pointer != NULL;
        free(pointer);
        return NULL;
    }
    if (fails(&ours)) {
        return NULL;
    }
    p = realloc(pointer, size);
    ours.alive += !pointer;
    return p;
}

static void *curl_malloc(size_t n)
{
    return fails(&curls) ? NULL : malloc(n);
}

static void *curl_realloc(void *p, size_t n)
{
    return fails(&curls) ? NULL : realloc(p, n);
}

static char *curl_strdup(const char *s)
{
    return fails(&curls) ? NULL : strdup(s);
}

static void *curl_calloc(size_t n, size_t size)
{
    return fails(&curls) ? NULL : calloc(n, size);
}

static void *jansson_malloc(size_t n)
{
    return fails(&janssons) ? NULL : malloc(n);
}

/* ---- a server: a redirect, a cut, three messages and one that is too large,
 * acknowledgements ---- */

static int serve(void *ctx, struct scripted_request *r)
{
    char cursor[64];

    (void)ctx;
    if (strstr(r->target, "/ack?")) {
        return scripted_say(r, "HTTP/1.1 204 No Content\r\n\r\n") == 0;
    }
    if (strstr(r->target, "/messages")) {
        return scripted_answer(r, 201, "", "{\"id\":\"m1\",\"ttl\":1}");
    }
    if (strstr(r->target, "/receive")) {
        return scripted_answer(r, 307, "Location: /there?x\r\n", "");
    }
    scripted_header(r, "Last-Event-ID", cursor, sizeof(cursor));
    scripted_say(r, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                    "Push-Session: s1\r\nConnection: close\r\n\r\n");
    scripted_say(r, "retry: 500\n\n");
    if (cursor[0] == '\0') {
        scripted_say(r, "id: 1.m1\ndata: a\n\n");
        return 0;
    }
    scripted_say(r,
                 "event: push.gap\ndata: {\"dropped\":1}\n\n"
                 "id: 2.m2\nenc: base64\ndata: YQ==\n\n"
                 "id: 3.large\ndata: %0300d\n\n"
                 "id: 4.m3\nevent: e\ndata: a long line of data, and more "
                 "of it\ndata: than a small buffer holds\n\n",
                 0);
    scripted_hold(r, -1);
    return 0;
}

/* Lines of any number, answered at the end of each chunk that has some. */
static int serve_lines(void *ctx, struct scripted_request *r)
{
    char bytes[4096];
    long n, i;

    (void)ctx;
    scripted_say(r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (n = scripted_read(r, bytes, sizeof(bytes)); n > 0;
         n = scripted_read(r, bytes, sizeof(bytes))) {
        for (i = 0; i < n; i++) {
            if (bytes[i] == '\n' && i > 0 && bytes[i - 1] == '}') {
                scripted_say(r, "c\r\n{\"id\":\"m1\"}\n\r\n");
            }
        }
        if (n >= 5 && memcmp(bytes + n - 5, "0\r\n\r\n", 5) == 0) {
            scripted_say(r, "0\r\n\r\n");
        }
    }
    return 0;
}

/* ---- one run ---- */

struct run {
    struct mini mini;
    struct scripted *server;
    char url[128];
    unsigned messages;
    int bad;
    unsigned results;
    int result;
};

static uint64_t on_clock(void *ctx)
{
    return mini_now(&((struct run *)ctx)->mini);
}

static int on_message(void *ctx, pushc_message *m)
{
    struct run *r = ctx;
    char mid[8];

    snprintf(mid, sizeof(mid), "m%u", ++r->messages);
    r->bad |= strcmp(m->mid, mid) != 0;
    return PUSHC_DONE;
}

static void on_result(void *ctx, const pushc_result *result)
{
    struct run *r = ctx;

    r->results++;
    r->result = result->status;
}

static int received_all(void *ctx)
{
    return ((struct run *)ctx)->messages >= 3;
}

static int has_result(void *ctx)
{
    return ((struct run *)ctx)->results > 0;
}

static pushc_options options_of(struct run *r)
{
    pushc_options o = PUSHC_OPTIONS_INIT;

    mini_init(&r->mini, FACTOR);
    snprintf(r->url, sizeof(r->url), "%s/x", scripted_url(r->server));
    o.url = r->url;
    o.ctx = r;
    o.loop = &r->mini.loop;
    o.on_realloc = on_realloc;
    o.on_clock = on_clock;
    o.on_message = on_message;
    o.token = "t";
    o.device = "d";
    o.app = "a";
    o.query = "user=ann";
    o.base_ms = 500;
    o.max_event_bytes = 200;
    /* In real time 0.3, 1 and 9 s: what a busy machine is late by is no
     * failure. */
    o.attempt_ms = 300 * FACTOR;
    o.silence_ms = 1000 * FACTOR;
    o.publish_ms = 9000 * FACTOR;
    return o;
}

static void receive(struct run *r)
{
    pushc_options o = options_of(r);
    pushc_client *client = NULL;
    int status = pushc_client_create(&o, &client);

    if (status == PUSHC_OK) {
        status = pushc_client_start(client);
        ck_assert_int_eq(status, PUSHC_OK);
        ck_assert_int_eq(mini_run(&r->mini, received_all, r, 10000), 0);
        ck_assert_int_eq(r->bad, 0);
        ck_assert_uint_eq(r->messages, 3);
        pushc_client_destroy(client);
        ck_assert_uint_eq(r->mini.closed, 1);
    }
    else {
        ck_assert_int_eq(status, PUSHC_ERR_MEMORY);
        ck_assert_uint_eq(r->mini.closed, 0);
    }
}

static void publish(struct run *r, int streaming)
{
    pushc_options o = options_of(r);
    pushc_outgoing m = PUSHC_OUTGOING_INIT;
    pushc_publisher *publisher = NULL;
    int status;

    o.streaming = streaming;
    status = pushc_publisher_create(&o, &publisher);
    if (status == PUSHC_OK) {
        m.user = "ann";
        m.data = "\xff\xfe";
        m.length = 2;
        m.ttl = 5;
        status = pushc_publish(publisher, &m, 0, on_result, r);
    }
    if (status == PUSHC_OK) {
        ck_assert_int_eq(mini_run(&r->mini, has_result, r, 10000), 0);
        ck_assert_int_eq(r->result, PUSHC_OK);
        ck_assert_uint_eq(r->results, 1);
    }
    else {
        ck_assert_int_eq(status, PUSHC_ERR_MEMORY);
    }
    pushc_publisher_destroy(publisher);
}

static void receive_run(struct run *r)
{
    receive(r);
}

static void post_run(struct run *r)
{
    publish(r, 0);
}

static void upload_run(struct run *r)
{
    publish(r, 1);
}

static const struct {
    void (*run)(struct run *r);
    scripted_fn script;
} runs[] = {
    {receive_run, serve}, {post_run, serve}, {upload_run, serve_lines}};

/* Run with the n-th allocation of f failing, until n is beyond the last. */
static void fail_each(struct faulty *f, int which, long step)
{
    struct scripted *server = scripted_start(runs[which].script, NULL);
    long n;

    for (n = 0; n < 100000; n += step) {
        struct run r = {.server = server};

        ours.alive = 0;
        f->calls = 0;
        f->left = n;
        runs[which].run(&r);
        ck_assert_msg(ours.alive == 0, "n %ld: %ld not freed", n, ours.alive);
        if (f->calls <= n) {
            break;
        }
    }
    ck_assert_int_gt(n, 5);
    f->left = -1;
    scripted_stop(server);
}

START_TEST(each_allocation_of_the_library_may_fail)
{
    fail_each(&ours, _i, 1);
}
END_TEST

/* libcurl 7.88 itself crashes where some of its allocations fail; that is
 * not ours to judge, as long as the crash is within it. */
#define CRASHED_IN_LIBCURL 42
#define DID_NOT_FAIL       43

/* For ThreadSanitizer: a process that crashed on purpose joins nothing. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "report_thread_leaks=0";
}

static void on_crash(int number, siginfo_t *info, void *context)
{
#ifdef __x86_64__
    const ucontext_t *u = context;
    Dl_info where;

    if (dladdr((void *)u->uc_mcontext.gregs[REG_RIP], &where)
        && where.dli_fname && strstr(where.dli_fname, "libcurl")) {
        _exit(CRASHED_IN_LIBCURL);
    }
#endif
    (void)number;
    (void)info;
    (void)context;
    abort();
}

static void curl_run(int which, long n)
{
    struct sigaction sa = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO};
    struct run r = {.server = scripted_start(runs[which].script, NULL)};

    sigaction(SIGFPE, &sa, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    ours.alive = 0;
    curls.calls = 0;
    curls.left = n;
    runs[which].run(&r);
    ck_assert_int_eq(ours.alive, 0);
    scripted_stop(r.server);
    _exit(curls.calls <= n ? DID_NOT_FAIL : 0);
}

START_TEST(each_allocation_of_libcurl_may_fail)
{
    int status = 0;
    long n, crashes = 0;

    for (n = 0; status != DID_NOT_FAIL; n++) {
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
            curl_run(_i, n);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(WIFEXITED(status), "n %ld: signal %d", n,
                      WTERMSIG(status));
        status = WEXITSTATUS(status);
        crashes += status == CRASHED_IN_LIBCURL;
        ck_assert_msg(status == 0 || status == CRASHED_IN_LIBCURL
                          || status == DID_NOT_FAIL,
                      "n %ld: exit %d", n, status);
    }
    ck_assert_int_gt(n, 50);
    ck_assert_int_lt(crashes, n / 10);
}
END_TEST

START_TEST(each_allocation_of_jansson_may_fail)
{
    fail_each(&janssons, _i, 1);
}
END_TEST

static void setup(void)
{
    ours.left = -1;
    curls.left = -1;
    janssons.left = -1;
    ck_assert_int_eq(curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc,
                                          free, curl_realloc, curl_strdup,
                                          curl_calloc),
                     CURLE_OK);
    json_set_alloc_funcs(jansson_malloc, free);
}

int main(void)
{
    TCase *tc = suite_begin("memory", 240);

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, each_allocation_of_the_library_may_fail, 0, 3);
    tcase_add_loop_test(tc, each_allocation_of_libcurl_may_fail, 0, 3);
    tcase_add_loop_test(tc, each_allocation_of_jansson_may_fail, 0, 3);
    return suite_run();
}
