/*
 * The module is replaced while httpd runs, and a graceful restart follows: by
 * one of the same layout of the shared memory, and by one of another.
 */
#include <check.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "dial.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

/* Service is there again within so many ms. */
#define SERVICE_MS 10000

/* ---- the module that is replaced ---- */

enum { USUAL, OTHER };

static const char *build_of(int which)
{
    const char *usual = getenv("PUSH_MODULE");
    const char *build = getenv("PUSH_BUILD");

    if (which == USUAL) {
        return usual != NULL ? usual : "build/mod_push.so";
    }
    return keep_printf("%s/relayout/mod_push.so",
                       build != NULL ? build : "build");
}

static void copy(const char *from, const char *to)
{
    size_t length;
    char *bytes = keep_file(from, &length);
    FILE *f = fopen(to, "w");

    ck_assert_msg(length > 0, "no module %s", from);
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, length, f), length);
    ck_assert_int_eq(fclose(f), 0);
}

static void remove_place(void *place)
{
    unlink(keep_printf("%s/mod_push.so", (char *)place));
    rmdir(place);
    free(place);
}

/* A directory with the usual module. */
static char *module_place(void)
{
    char *place = strdup("/tmp/push-module-XXXXXX");

    ck_assert_ptr_nonnull(mkdtemp(place));
    ck_assert_int_eq(chmod(place, 0755), 0);
    keep(place, remove_place);
    copy(build_of(USUAL), keep_printf("%s/mod_push.so", place));
    return place;
}

static struct server *start(const char *mpm, const char *global)
{
    struct server_options o = {.mpm = mpm,
                               .global = global,
                               .module = keep_printf("%s/mod_push.so",
                                                     module_place())};

    return server_start(&o);
}

/* A sanitizer makes all of it slower, and others run beside it. */
static int service_ms(void)
{
    return getenv("PUSH_ASAN") ? 2 * SERVICE_MS : SERVICE_MS;
}

static int resumed(const struct server *s)
{
    return serverlog_count(s, "resuming normal operations");
}

/* As a package does it: the new file takes the place of the old. */
static void replace(struct server *s, int which)
{
    char *next = keep_printf("%s.next", s->options.module);

    copy(build_of(which), next);
    ck_assert_int_eq(rename(next, s->options.module), 0);
}

static void upgrade(struct server *s, int which)
{
    int64_t start_at = wait_now();
    int before = resumed(s);

    replace(s, which);
    kill(s->pid, SIGUSR1);
    wait_until(resumed(s) > before);
    wait_until(http_get(s, "/push/health")->status == 200);
    ck_assert_int_le(wait_now() - start_at, service_ms());
}

/* ---- a publisher in a process of its own ---- */

#define USERS    3
#define MESSAGES 40000

/* What it shares with the test. */
struct load {
    pid_t pid;
    int port;
    _Atomic int stop;
    _Atomic int tried;
    _Atomic int worst; /* ms; the longest that one of them had to wait */
    _Atomic unsigned char accepted[MESSAGES];
};

static bool is_for_all(int number)
{
    return number % 4 == 3;
}

static bool try_to_publish(const struct load *load, int number)
{
    int fd = dial(load->port, 0);
    char text[512], to[32], answer[64] = "";
    int length;

    snprintf(to, sizeof(to), is_for_all(number) ? "channel=c" : "user=u%d",
             number % USERS);
    length = snprintf(text, sizeof(text),
                      "POST /push/messages?%s HTTP/1.1\r\nHost: localhost\r\n"
                      "Connection: close\r\nIdempotency-Key: k%d\r\n"
                      "Content-Length: 6\r\n\r\n%06d",
                      to, number, number);
    if (fd < 0 || send(fd, text, (size_t)length, MSG_NOSIGNAL) != length
        || recv(fd, answer, sizeof(answer) - 1, MSG_WAITALL) <= 0) {
        answer[0] = '\0';
    }
    if (fd >= 0) {
        close(fd);
    }
    return strncmp(answer, "HTTP/1.1 201", 12) == 0;
}

static void publish_on(struct load *load)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (!atomic_load(&load->stop) && load->tried < MESSAGES) {
        int number = atomic_fetch_add(&load->tried, 1);
        int64_t since = wait_now();

        while (!try_to_publish(load, number)) {
            wait_a_little();
        }
        atomic_store(&load->accepted[number], 1);
        if (wait_now() - since > load->worst) {
            load->worst = (int)(wait_now() - since);
        }
        wait_a_little(); /* a pace at which the load outlasts a restart */
    }
    _exit(0);
}

static void load_release(void *load)
{
    munmap(load, sizeof(struct load));
}

static struct load *load_begin(const struct server *s)
{
    struct load *load = mmap(NULL, sizeof(*load), PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    pid_t pid;

    ck_assert_ptr_ne(load, MAP_FAILED);
    keep(load, load_release);
    load->port = s->port;
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        publish_on(load);
    }
    load->pid = pid;
    return load;
}

static void load_stop(struct load *load)
{
    atomic_store(&load->stop, 1);
    ck_assert_int_eq(waitpid(load->pid, NULL, 0), load->pid);
    ck_assert_int_le(load->worst, service_ms());
}

/* ---- readers that always come back ---- */

struct reader {
    struct stream *st;
    int user;
    int64_t seq; /* of the last one received */
    int opened;  /* streams so far */
    int lost;    /* gaps by state-lost */
    int gaps;    /* others */
    unsigned char got[MESSAGES];
};

static void reader_open(const struct server *s, struct reader *r)
{
    r->st = stream_open(s,
                        keep_printf("user=u%d&device=d&channel=c&seq=%lld",
                                    r->user, (long long)r->seq),
                        NULL);
    r->opened++;
}

static struct reader *reader_make(const struct server *s, int user)
{
    struct reader *r = keep(calloc(1, sizeof(*r)), free);

    r->user = user;
    reader_open(s, r);
    return r;
}

static void reader_take(const struct server *s, struct reader *r,
                        const struct event *e)
{
    if (strcmp(e->type, "push.gap") == 0) {
        bool lost = strstr(e->data, "\"state-lost\"") != NULL;

        r->lost += lost;
        r->gaps += !lost;
    }
    else if (e->id[0] != '\0') {
        r->got[atoi(e->data)] = 1;
        r->seq = e->seq;
        if (e->seq % 64 == 0) {
            acknowledge_try(s, keep_printf("user=u%d&device=d&id=%s", r->user,
                                           e->id));
        }
    }
}

/* Reads what is there; comes back where the stream has ended. */
static void reader_read(const struct server *s, struct reader *r)
{
    const struct event *e;
    int left = 50;

    do {
        e = stream_next_in(r->st, 10);
        if (e != NULL) {
            reader_take(s, r, e);
        }
    } while (e != NULL && --left > 0);
    if (r->st->wire->ended) {
        reader_open(s, r);
    }
}

static void read_all(const struct server *s, struct reader **readers)
{
    for (int i = 0; i < USERS; i++) {
        reader_read(s, readers[i]);
    }
}

/* True once it has all that was accepted for it. */
static bool has_all(const struct load *load, const struct reader *r)
{
    for (int i = 0; i < load->tried; i++) {
        if (load->accepted[i] && !r->got[i]
            && (is_for_all(i) || i % USERS == r->user)) {
            return false;
        }
    }
    return true;
}

static bool everybody_has_all(const struct server *s, const struct load *load,
                              struct reader **readers)
{
    bool all = true;

    read_all(s, readers);
    for (int i = 0; i < USERS; i++) {
        all = has_all(load, readers[i]) && all;
    }
    return all;
}

/* A while of traffic. */
static void go_on(const struct server *s, const struct load *load,
                  struct reader **readers)
{
    int until = load->tried + 100;

    while (load->tried < until) {
        read_all(s, readers);
    }
}

/* ---- with a state on disk ---- */

static const struct {
    const char *mpm;
    const char *durability;
} durable[] = {
    {"event", "commit"}, {"worker", "interval"}, {"prefork", "commit"}};

START_TEST(nothing_accepted_is_lost_to_another_layout)
{
    struct server *s = start(durable[_i].mpm,
                             keep_printf("PushStateDir state\n"
                                         "PushMaxPending 100000\n"
                                         "PushChannelHistory 10000\n"
                                         "PushDurability %s\n",
                                         durable[_i].durability));
    struct reader *readers[USERS];
    struct load *load;

    for (int i = 0; i < USERS; i++) {
        readers[i] = reader_make(s, i);
    }
    load = load_begin(s);
    go_on(s, load, readers);
    upgrade(s, OTHER);
    go_on(s, load, readers);
    upgrade(s, USUAL);
    go_on(s, load, readers);
    load_stop(load);
    wait_until(everybody_has_all(s, load, readers));
    for (int i = 0; i < USERS; i++) {
        ck_assert_int_eq(readers[i]->lost, 0);
        ck_assert_int_eq(readers[i]->gaps, 0);
        ck_assert_int_ge(readers[i]->opened, 3);
    }
    ck_assert_int_eq(serverlog_count(s, "PUSH0141"), 2);
    ck_assert_int_eq(serverlog_count(s, "PUSH0143"), 0);
}
END_TEST

/* A request that goes on holds its child, and not the state. */
START_TEST(a_request_that_does_not_end_holds_up_nobody)
{
    static const char head[] = "POST /push/messages?user=ada HTTP/1.1\r\n"
                               "Host: localhost\r\nContent-Length: 4\r\n"
                               "\r\nla";
    struct server *s = start("event", "PushStateDir state\n");
    struct wire *w = wire_open(s, 0);
    struct stream *st;
    pid_t child;

    publish(s, "user=ada", NULL, "early");
    ck_assert(wire_send(w, head, strlen(head)));
    wait_until((child = server_child_of(s, w->fd)) != 0);
    upgrade(s, OTHER);
    ck_assert_int_eq(serverlog_count(s, "PUSH0073"), 2);
    ck_assert_int_eq(kill(child, 0), 0);
    ck_assert(wire_send(w, "te", 2));
    http_expect(http_read(w, false), 503, "busy");
    st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    expect_message(st, 1, "early");
    publish(s, "user=ada", NULL, "next");
    expect_message(st, 2, "next");
}
END_TEST

START_TEST(a_child_that_hangs_is_ended)
{
    struct server *s = start("event", "PushStateDir state\n"
                                      "PushDurability commit\n");
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    pid_t child = holder_of(s, st);

    server_allow(s, "PUSH0144");
    server_allow(s, "exit signal Killed");
    publish(s, "user=ada", NULL, "a");
    kill(child, SIGSTOP);
    upgrade(s, OTHER);
    ck_assert_int_eq(serverlog_count(s, "SIGKILL"), 1);
    st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    expect_message(st, 1, "a");
    /* What the killed one was to read, another one has read: httpd does not
     * know any more whom it told to end. */
    server_kill(s);
}
END_TEST

START_TEST(a_state_that_cannot_be_used_is_done_without)
{
    struct server *s = start("event", "PushStateDir state\n");
    struct stream *st;

    server_allow(s, "PUSH0142");
    publish(s, "user=ada", NULL, "a");
    ck_assert_int_eq(chmod(keep_printf("%s/state", s->root), 0755), 0);
    upgrade(s, OTHER);
    ck_assert_int_eq(serverlog_count(s, "PUSH0142"), 1);
    ck_assert_int_eq(serverlog_count(s, "PUSH0143"), 1);
    publish(s, "user=eve", NULL, "b");
    st = stream_open(s, "user=eve&device=d&seq=0", NULL);
    stream_expect_gap(st, 1, "state-lost");
    expect_message(st, 1, "b");
}
END_TEST

/* ---- without one ---- */

static const char *const mpms[] = {"event", "worker", "prefork"};

/* The prefork MPM ends idle children before the new generation begins, and tells
 * them no more than at a stop: such a stream is told `shutdown`. */
static void expect_bye(struct stream *st, const char *mpm)
{
    const struct event *bye = stream_next(st);

    ck_assert_str_eq(bye->type, "push.bye");
    ck_assert(
        strstr(bye->data, "\"restart\"")
        || (strcmp(mpm, "prefork") == 0 && strstr(bye->data, "\"shutdown\"")));
    stream_expect_end(st);
}

START_TEST(without_a_state_those_who_come_back_are_told)
{
    struct server *s = start(mpms[_i], NULL);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    struct load *load = load_begin(s);

    for (int round = 0; round < 2; round++) {
        const char *text = keep_printf("m%d", round);

        publish(s, "user=ada", NULL, text);
        expect_message(st, 1, text);
        upgrade(s, round ? USUAL : OTHER);
        expect_bye(st, mpms[_i]);
        st = stream_open(s, "user=ada&device=d&seq=1", NULL);
        stream_expect_gap(st, 1, "state-lost");
    }
    publish(s, "user=ada", NULL, "last");
    expect_message(st, 1, "last");
    load_stop(load);
    ck_assert_int_eq(serverlog_count(s, "PUSH0143"), 2);
    /* Who never had a name cannot have been here. */
    st = stream_open(s, "user=eve", NULL);
    publish(s, "user=eve", NULL, "first");
    expect_message(st, 1, "first");
}
END_TEST

/* ---- the same layout ---- */

START_TEST(an_equal_layout_keeps_streams_open)
{
    struct server *s = start("event", NULL);
    struct reader *readers[USERS];
    struct load *load;

    for (int i = 0; i < USERS; i++) {
        readers[i] = reader_make(s, i);
    }
    load = load_begin(s);
    for (int round = 0; round < 3; round++) {
        go_on(s, load, readers);
        upgrade(s, USUAL);
    }
    load_stop(load);
    wait_until(everybody_has_all(s, load, readers));
    for (int i = 0; i < USERS; i++) {
        ck_assert_int_eq(readers[i]->opened, 1);
        ck_assert_int_eq(readers[i]->gaps + readers[i]->lost, 0);
    }
    ck_assert_int_eq(serverlog_count(s, "PUSH0141"), 0);
}
END_TEST

/* The MPMs differ in how they end and begin, not in what the module does to
 * its memory: under a sanitizer the event MPM shows that. */
static int rows(size_t count)
{
    return getenv("PUSH_ASAN") ? 1 : (int)count;
}

int main(void)
{
    Suite *suite = suite_create("upgrade");
    TCase *tc = case_add(suite, "upgrade", 90);

    tcase_add_loop_test(tc, nothing_accepted_is_lost_to_another_layout, 0,
                        rows(sizeof(durable) / sizeof(*durable)));
    tcase_add_test(tc, a_request_that_does_not_end_holds_up_nobody);
    tcase_add_test(tc, a_child_that_hangs_is_ended);
    tcase_add_test(tc, a_state_that_cannot_be_used_is_done_without);
    tcase_add_loop_test(tc, without_a_state_those_who_come_back_are_told, 0,
                        rows(sizeof(mpms) / sizeof(*mpms)));
    tcase_add_test(tc, an_equal_layout_keeps_streams_open);
    return case_run(suite);
}
