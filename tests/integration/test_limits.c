/*
 * What is full says so: mailboxes, the shared memory, streams, payloads.
 */
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define ADA "user=ada&device=d1&seq=0"

/* Make a device known and let it go away again. */
static void visit(const struct server *s, const char *query)
{
    leave(s, stream_open(s, query, NULL));
}

static struct answer *publish_with(const struct server *s, const char *urgency,
                                   const char *payload)
{
    return publish_try(s, "user=ada", keep_printf("Urgency: %s\r\n", urgency),
                       payload);
}

START_TEST(a_full_mailbox_gives_up_its_oldest_of_the_lowest_urgency)
{
    struct server_options o = {.global = "PushMaxPending 4"};
    struct server *s = server_start(&o);
    struct stream *st;

    visit(s, ADA);
    ck_assert_int_eq(publish_with(s, "high", "h1")->status, 201);
    ck_assert_int_eq(publish_with(s, "low", "l1")->status, 201);
    ck_assert_int_eq(publish_with(s, "normal", "n1")->status, 201);
    ck_assert_int_eq(publish_with(s, "low", "l2")->status, 201);
    ck_assert_int_eq(publish_with(s, "normal", "n2")->status, 201);
    ck_assert_int_eq(publish_with(s, "low", "l3")->status, 201);
    ck_assert_int_eq(stat_of(s, "evicted"), 2);
    st = stream_open(s, ADA, NULL);
    stream_expect_gap(st, 2, "mailbox");
    expect_message(st, 1, "h1");
    expect_message(st, 2, "n1");
    expect_message(st, 3, "n2");
    expect_message(st, 4, "l3");
}
END_TEST

START_TEST(where_all_that_waits_is_more_urgent_the_new_one_is_refused)
{
    struct server_options o = {.global = "PushMaxPending 2"};
    struct server *s = server_start(&o);
    struct answer *a;
    struct stream *st;

    visit(s, ADA);
    publish(s, "user=ada", "Urgency: high\r\n", "h1");
    publish(s, "user=ada", "Urgency: high\r\n", "h2");
    a = publish_with(s, "normal", "n1");
    http_expect(a, 503, NULL);
    ck_assert_ptr_nonnull(
        strstr(json_text_at(a->json, "type"), "mailbox-full"));
    ck_assert_ptr_nonnull(http_header(a, "Retry-After"));
    ck_assert_int_ge(stat_of(s, "refused"), 1);
    st = stream_open(s, ADA, NULL);
    expect_message(st, 1, "h1");
    expect_message(st, 2, "h2");
    acknowledge(s, "user=ada&device=d1&seq=2");
    publish(s, "user=ada", NULL, "n2");
    expect_message(st, 3, "n2");
}
END_TEST

START_TEST(one_full_mailbox_among_others_is_counted_as_refused)
{
    struct server_options o = {.global = "PushMaxPending 2"};
    struct server *s = server_start(&o);
    struct stream *st;
    struct answer *a;

    visit(s, ADA);
    publish(s, "user=ada&device=d1", "Urgency: high\r\n", "h1");
    publish(s, "user=ada&device=d1", "Urgency: high\r\n", "h2");
    st = stream_open(s, "user=ada&device=d2&seq=0", NULL);
    a = publish_with(s, "normal", "n1");
    ck_assert_int_eq(a->status, 201);
    ck_assert_int_eq(json_int_at(a->json, "refused"), 1);
    expect_message(st, 1, "n1");
}
END_TEST

START_TEST(the_limit_of_a_mailbox_holds_exactly_over_four_children)
{
    struct server_options o = {.children = 4, .global = "PushMaxPending 10"};
    struct server *s = server_start(&o);
    struct stream *st;
    int i;

    visit(s, ADA);
    for (i = 1; i <= 50; i++) {
        publish(s, "user=ada", NULL, keep_printf("m%d", i));
    }
    st = stream_open(s, ADA, NULL);
    stream_expect_gap(st, 40, "mailbox");
    for (i = 1; i <= 10; i++) {
        expect_message(st, i, keep_printf("m%d", 40 + i));
    }
}
END_TEST

#define BULK 600 /* messages of 16 KB: more than the memory holds */

/* Fill the memory with messages of normal urgency to others that are away:
 * nearly all at once, so that none ends before, then one by one until one of
 * low urgency is refused. */
static struct answer *fill_memory(const struct server *s)
{
    char *payload = keep_printf("%016000d", 7);
    char *lines = keep(calloc(BULK, 16100), free), *at = lines;
    int i;

    for (i = 0; i < 10; i++) {
        visit(s, keep_printf("user=f%d&device=d&seq=0", i));
    }
    for (i = 0; i < BULK; i++) {
        at += sprintf(at, "{\"user\":\"f%d\",\"ttl\":8,\"text\":\"%s\"}\n",
                      i % 10, payload);
    }
    publish_lines(s, lines);
    for (i = 0; i < 3000; i++) {
        const char *query = keep_printf("user=f%d", i % 10);
        struct answer *a;

        publish_try(s, query, "TTL: 8\r\n", payload);
        a = publish_try(s, query, "TTL: 8\r\nUrgency: low\r\n", "low");
        if (a->status != 201) {
            return a;
        }
    }
    ck_abort_msg("the memory never filled");
}

START_TEST(full_memory_refuses_low_accepts_high_tells_gaps_and_recovers)
{
    struct server_options o = {.global = "PushShmSize 8M\n"
                                         "PushMaxPending 10000"};
    struct server *s = server_start(&o);
    struct stream *st;
    struct answer *a;

    server_allow(s, "memory");
    visit(s, ADA);
    publish(s, "user=ada", "Urgency: low\r\n", "victim");
    a = fill_memory(s);
    http_expect(a, 503, NULL);
    ck_assert_ptr_nonnull(
        strstr(json_text_at(a->json, "type"), "memory-full"));
    ck_assert_ptr_nonnull(http_header(a, "Retry-After"));
    publish(s, "user=ada", "Urgency: high\r\n", "urgent");
    st = stream_open(s, ADA, NULL);
    stream_expect_gap(st, 1, "memory");
    expect_message(st, 1, "urgent");
    wait_until(publish_try(s, "user=ada", "Urgency: low\r\n", "back")->status
               == 201);
    expect_message(st, 2, "back");
    ck_assert_int_ge(stat_of(s, "evicted"), 1);
}
END_TEST

START_TEST(the_memory_of_what_ended_is_used_again)
{
    struct server_options o = {.global = "PushShmSize 8M"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, ADA, NULL);
    char *payload = keep(malloc(60001), free);
    int i;

    memset(payload, 'x', 60000);
    payload[60000] = '\0';
    /* Ten times what the memory holds.  What a reader that has to wait for a
     * processor still looks at is not used again meanwhile: 503 for a while. */
    for (i = 1; i <= 1400; i++) {
        wait_until(publish_try(s, "user=ada", NULL, payload)->status == 201);
        ck_assert_int_eq(stream_next(st)->seq, i);
        acknowledge(s, keep_printf("user=ada&device=d1&seq=%d", i));
    }
    ck_assert_int_eq(stat_of(s, "evicted"), 0);
}
END_TEST

START_TEST(a_payload_over_the_limit_is_413)
{
    struct server_options o = {
        .admin = "Require local\nPushMaxMessageSize 1K"};
    struct server *s = server_start(&o);
    char *payload = keep(malloc(4097), free);
    const char *raw;

    memset(payload, 'x', 4096);
    payload[4096] = '\0';
    http_expect(publish_try(s, "user=ada", NULL, payload), 413, "1024");
    raw = keep_printf("POST /push/messages?user=ada HTTP/1.1\r\n"
                      "Host: localhost\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n"
                      "1000\r\n%s\r\n0\r\n\r\n",
                      payload);
    http_expect(http_raw(s, raw, strlen(raw)), 413, "1024");
    payload[1025] = '\0';
    http_expect(publish_try(s, "user=ada", NULL, payload), 413, "1024");
    payload[1024] = '\0';
    publish(s, "user=ada", NULL, payload);
}
END_TEST

START_TEST(a_child_opens_no_more_streams_than_configured)
{
    struct server_options o = {.children = 1, .global = "PushMaxStreams 10"};
    struct server *s = server_start(&o);
    struct stream *streams[10];
    struct stream *st;
    int i;

    server_allow(s, "PushMaxStreams");
    for (i = 0; i < 10; i++) {
        streams[i] = stream_open(s, keep_printf("user=u%d&device=d&seq=0", i),
                                 NULL);
    }
    st = stream_try(s, "user=x&device=d&seq=0", "Push-Client: test/1\r\n");
    ck_assert_int_eq(st->status, 503);
    ck_assert_ptr_nonnull(stream_header(st, "Retry-After"));
    /* A browser gives up for good at an error: it gets a retry. */
    st = stream_open(s, "user=x&device=d&seq=0",
                     "Accept: text/event-stream\r\n");
    stream_expect_end(st);
    ck_assert_int_gt(st->retry, 0);
    leave(s, streams[3]);
    wait_until(stat_of(s, "streams") == 9);
    st = stream_open(s, "user=x&device=d&seq=0", "Push-Client: test/1\r\n");
    publish(s, "user=x", NULL, "in");
    expect_message(st, 1, "in");
}
END_TEST

#define CROWD       48
#define CROWD_LIMIT 5

/* All of their requests are complete at the same moment, as far as one can. */
static void ask_at_once(const struct server *s, struct wire **crowd)
{
    for (int i = 0; i < CROWD; i++) {
        const char *most = keep_printf("GET /ramen/receive?user=u%d&device=d"
                                       "&seq=0 HTTP/1.1\r\nHost: localhost"
                                       "\r\n\r",
                                       i);

        crowd[i] = wire_open(s, 0);
        wire_send(crowd[i], most, strlen(most));
    }
    for (int i = 0; i < CROWD; i++) {
        wire_send(crowd[i], "\n", 1);
    }
}

static bool has(const struct wire *w, const char *text)
{
    return w->bytes != NULL && strstr(w->bytes, text) != NULL;
}

/* True if the text came, false if the end came first. */
static bool await_text(struct wire *w, const char *text)
{
    int64_t deadline = wait_now() + WAIT_MS;

    while (!has(w, text) && !w->ended) {
        wire_receive(w, deadline);
        ck_assert_msg(wait_now() < deadline, "neither %s nor the end", text);
    }
    return has(w, text);
}

/* Only those whose streams stay open stay in the crowd; returns how many. */
static int disperse(const struct server *s, struct wire **crowd)
{
    int count = 0;

    for (int i = 0; i < CROWD; i++) {
        struct wire *w = crowd[i];

        ck_assert(await_text(w, "\r\n\r\n"));
        if (has(w, "HTTP/1.1 200")) {
            publish(s, keep_printf("user=u%d", i), NULL, "in");
        }
        else {
            ck_assert(has(w, "HTTP/1.1 503"));
        }
        if (has(w, "HTTP/1.1 200") && await_text(w, "data: in\n\n")) {
            crowd[count] = w;
            count++;
        }
        else {
            wire_close(w);
        }
    }
    return count;
}

/* How many streams of this child have ended, as a part of the log says. */
static int ended_at(const char *log, pid_t child)
{
    const char *pid = keep_printf("[pid %d:", (int)child);
    char *lines = keep_copy(log, strlen(log)), *rest = NULL;
    int count = 0;

    for (char *line = strtok_r(lines, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        count += strstr(line, pid) != NULL && strstr(line, "PUSH0010") != NULL;
    }
    return count;
}

/* The log has grown from this length on by the ends of the crowd's streams. */
static void expect_within_limit_of_each(const struct server *s, size_t from,
                                        int count)
{
    const char *log = server_file(s, "logs/error") + from;
    pid_t pids[8];
    int children = server_children(s, pids, 8), sum = 0;

    for (int i = 0; i < children; i++) {
        ck_assert_int_le(ended_at(log, pids[i]), CROWD_LIMIT);
        sum += ended_at(log, pids[i]);
    }
    ck_assert_int_eq(sum, count);
}

START_TEST(of_many_who_come_at_once_no_more_get_a_stream_than_there_is_room)
{
    struct server_options o = {.children = 2, .global = "PushMaxStreams 5"};
    struct server *s;
    struct wire *crowd[CROWD];

    o.global = _i ? "PushMaxStreams 5\nPushReactors 3" : o.global;
    s = server_start(&o);
    for (int round = 0; round < 6; round++) {
        size_t logged = strlen(server_file(s, "logs/error"));
        int count;

        ask_at_once(s, crowd);
        count = disperse(s, crowd);
        ck_assert_int_ge(count, CROWD_LIMIT);
        ck_assert_int_le(count, 2 * CROWD_LIMIT);
        wait_until(stat_of(s, "streams") == count);
        for (int i = 0; i < count; i++) {
            wire_close(crowd[i]);
        }
        wait_until(stat_of(s, "streams") == 0);
        expect_within_limit_of_each(s, logged, count);
    }
}
END_TEST

/* The place may be in the child that serves it, or promised in the other. */
START_TEST(an_attempt_that_fails_gives_its_place_back)
{
    struct server_options o = {.global = "PushMaxStreams 1",
                               .receive = "PushUser query:user\n"
                                          "PushMaxStreamsPerUser 1"};
    struct server *s = server_start(&o);

    stream_open(s, ADA, NULL);
    wait_until(stat_of(s, "streams") == 1);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(
            stream_try(s, "user=ada&device=d2&seq=0", NULL)->status, 429);
    }
    ck_assert_int_eq(stat_of(s, "streams"), 1);
    stream_open(s, "user=bob&device=d&seq=0", NULL);
    wait_until(stat_of(s, "streams") == 2);
    ck_assert_int_eq(stream_try(s, "user=eve&device=d&seq=0", NULL)->status,
                     503);
}
END_TEST

/* 128 are kept for all else, two for each thread, three for each reactor that
 * there may be. */
START_TEST(few_descriptors_for_streams_are_told_at_the_start)
{
    struct server_options o = {.global = _i ? "PushMaxStreams 1" : NULL};
    struct rlimit few;
    struct server *s;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &few), 0);
    few.rlim_cur = 256;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    s = server_start(&o);
    server_allow(s, "PUSH0121");
    ck_assert_int_eq(serverlog_count(s, "PUSH0121: a child has 256 "
                                        "descriptors (ulimit -n), and holds 1 "
                                        "streams at most"),
                     _i ? 0 : 1);
}
END_TEST

START_TEST(a_device_that_stays_away_is_forgotten)
{
    struct server_options o = {.global = "PushDeviceRetention 1"};
    struct server *s = server_start(&o);

    visit(s, ADA);
    wait_until(stat_of(s, "devices") == 0);
    wait_until(stat_of(s, "users") == 0);
}
END_TEST

/* Until the connection breaks. */
static void *flood(void *data)
{
    static const char bytes[1 << 20];
    struct pollfd peer = {.fd = ((struct stream *)data)->wire->fd,
                          .events = POLLOUT};

    while (poll(&peer, 1, -1) == 1
           && send(peer.fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0) {
    }
    return NULL;
}

START_TEST(a_client_that_talks_without_end_holds_up_nobody)
{
    struct server_options o = {.children = 1};
    struct server *s = server_start(&o);
    struct stream *other = stream_open(s, "user=bob&device=d&seq=0", NULL);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    pthread_t thread;

    wait_until(stat_of(s, "streams") == 2);
    ck_assert_int_eq(pthread_create(&thread, NULL, flood, st), 0);
    for (int i = 1; i <= 50; i++) {
        publish(s, "user=bob", NULL, keep_printf("m%d", i));
        expect_message(other, i, keep_printf("m%d", i));
    }
    shutdown(st->wire->fd, SHUT_RDWR);
    pthread_join(thread, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits");
    TCase *tc = case_add(suite, "mailbox", 30);

    tcase_add_test(tc,
                   a_full_mailbox_gives_up_its_oldest_of_the_lowest_urgency);
    tcase_add_test(tc,
                   where_all_that_waits_is_more_urgent_the_new_one_is_refused);
    tcase_add_test(tc, one_full_mailbox_among_others_is_counted_as_refused);
    tcase_add_test(tc,
                   the_limit_of_a_mailbox_holds_exactly_over_four_children);
    tc = case_add(suite, "memory", 60);
    tcase_add_test(
        tc, full_memory_refuses_low_accepts_high_tells_gaps_and_recovers);
    tcase_add_test(tc, the_memory_of_what_ended_is_used_again);
    tcase_add_test(tc, a_payload_over_the_limit_is_413);
    tcase_add_test(tc, a_child_opens_no_more_streams_than_configured);
    tc = case_add(suite, "streams", 120);
    tcase_add_loop_test(
        tc, of_many_who_come_at_once_no_more_get_a_stream_than_there_is_room,
        0, 2);
    tcase_add_test(tc, an_attempt_that_fails_gives_its_place_back);
    tcase_add_loop_test(tc, few_descriptors_for_streams_are_told_at_the_start,
                        0, 2);
    tcase_add_test(tc, a_device_that_stays_away_is_forgotten);
    tcase_add_test(tc, a_client_that_talks_without_end_holds_up_nobody);
    return case_run(suite);
}
