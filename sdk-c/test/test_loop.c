/* test_loop.c - clients and publishers inside an application's loop. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pushc/libevent.h"
#include "pushc/uv.h"
#include "scripted.h"
#include "suite.h"

#define CLIENTS 1000

static struct scripted *server;
static char url[128];

static int serve(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    if (strstr(r->target, "/ack?")) {
        return scripted_say(r, "HTTP/1.1 204 No Content\r\n\r\n") == 0;
    }
    if (strstr(r->target, "/messages")) {
        return scripted_answer(r, 201, "", "{\"id\":\"m1\"}");
    }
    scripted_stream(r);
    scripted_say(r, "id: 1.m1\ndata: a\n\nid: 2.m2\ndata: b\n\n");
    scripted_hold(r, -1);
    return 0;
}

static void setup(void)
{
    server = scripted_start(serve, NULL);
    snprintf(url, sizeof(url), "%s/ramen", scripted_url(server));
}

static void teardown(void)
{
    scripted_stop(server);
}

/* One client among many. */
struct one {
    pushc_client *client;
    unsigned messages;
    int stopped;
};

static unsigned total, stopped_total;

static int on_message(void *ctx, pushc_message *m)
{
    struct one *one = ctx;

    (void)m;
    total++;
    if (++one->messages == 2) {
        pushc_client_stop(one->client);
    }
    return PUSHC_DONE;
}

static void on_event(void *ctx, const pushc_event *e)
{
    struct one *one = ctx;

    if (e->kind == PUSHC_STOPPED) {
        one->stopped++;
        stopped_total++;
    }
}

static void create(struct one *one, const pushc_loop *loop)
{
    pushc_options o = PUSHC_OPTIONS_INIT;

    o.url = url;
    o.ctx = one;
    o.loop = loop;
    o.on_message = on_message;
    o.on_event = on_event;
    o.stop_ms = 20000;
    ck_assert_int_eq(pushc_client_create(&o, &one->client), PUSHC_OK);
    ck_assert_int_eq(pushc_client_start(one->client), PUSHC_OK);
}

static void on_limit(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(ctx);
}

/* Turn the loop until all have stopped, 50 s at most. */
static void run_libevent(struct event_base *base, unsigned all)
{
    struct timeval limit = {50, 0};
    struct event *end = evtimer_new(base, on_limit, base);

    evtimer_add(end, &limit);
    while (stopped_total < all && !event_base_got_break(base)) {
        event_base_loop(base, EVLOOP_ONCE);
    }
    event_free(end);
    ck_assert_uint_eq(stopped_total, all);
}

START_TEST(a_thousand_clients_share_one_libevent_loop)
{
    struct one *all = calloc(CLIENTS, sizeof(*all));
    struct event_base *base = event_base_new();
    int i;

    ck_assert_ptr_nonnull(all);
    for (i = 0; i < CLIENTS; i++) {
        pushc_loop loop;

        ck_assert_int_eq(pushc_libevent_loop(base, &loop), 0);
        create(&all[i], &loop);
    }
    run_libevent(base, CLIENTS);
    ck_assert_uint_eq(total, 2 * CLIENTS);
    ck_assert_uint_ge(scripted_count(server, "id=2.m2"), CLIENTS);
    for (i = 0; i < CLIENTS; i++) {
        ck_assert_int_eq(all[i].stopped, 1);
        pushc_client_destroy(all[i].client);
    }
    event_base_free(base);
    free(all);
}
END_TEST

static void on_uv_limit(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

START_TEST(clients_run_in_a_libuv_loop)
{
    struct one all[10] = {{NULL, 0, 0}};
    uv_loop_t *uv = uv_default_loop();
    uv_timer_t limit;
    int i;

    uv_timer_init(uv, &limit);
    uv_timer_start(&limit, on_uv_limit, 20000, 0);
    for (i = 0; i < 10; i++) {
        pushc_loop loop;

        ck_assert_int_eq(pushc_uv_loop(uv, &loop), 0);
        create(&all[i], &loop);
    }
    while (stopped_total < 10 && uv_run(uv, UV_RUN_ONCE)) {
        ck_assert(uv_is_active((uv_handle_t *)&limit));
    }
    ck_assert_uint_eq(total, 20);
    for (i = 0; i < 10; i++) {
        pushc_client_destroy(all[i].client);
    }
    uv_close((uv_handle_t *)&limit, NULL);
    uv_run(uv, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(uv), 0);
}
END_TEST

START_TEST(a_client_that_is_destroyed_in_mid_stream_leaves_nothing_in_the_loop)
{
    struct one one = {NULL, 0, 0};
    struct event_base *base = event_base_new();
    pushc_loop loop;

    ck_assert_int_eq(pushc_libevent_loop(base, &loop), 0);
    one.messages = 100; /* never stops by itself */
    create(&one, &loop);
    while (total < 2) {
        ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
    }
    pushc_client_destroy(one.client);
    ck_assert_int_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED),
                     0);
    event_base_free(base);
}
END_TEST

static void on_result(void *ctx, const pushc_result *r)
{
    ck_assert_int_eq(r->status, PUSHC_OK);
    ++*(unsigned *)ctx;
}

START_TEST(a_publisher_runs_in_the_loop_of_the_application)
{
    struct event_base *base = event_base_new();
    pushc_options o = PUSHC_OPTIONS_INIT;
    pushc_outgoing m = PUSHC_OUTGOING_INIT;
    pushc_publisher *publisher;
    unsigned results = 0, i;
    pushc_loop loop;

    ck_assert_int_eq(pushc_libevent_loop(base, &loop), 0);
    o.url = url;
    o.loop = &loop;
    ck_assert_int_eq(pushc_publisher_create(&o, &publisher), PUSHC_OK);
    m.user = "ann";
    for (i = 0; i < 20; i++) {
        ck_assert_int_eq(pushc_publish(publisher, &m, 0, on_result, &results),
                         PUSHC_OK);
    }
    while (results < 20) {
        ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
    }
    pushc_publisher_destroy(publisher);
    event_base_free(base);
}
END_TEST

/* A loop that watches so many descriptors, and no more. */
struct refusing {
    int left;
    pushc_source *source;
    int fd; /* the first */
};

static int refuse(void *ctx, pushc_source *source, int fd, int what)
{
    struct refusing *r = ctx;

    r->fd = r->source ? r->fd : fd;
    r->source = source;
    return what && --r->left < 0 ? -1 : 0;
}

static int no_timer(void *ctx, pushc_source *source, long ms)
{
    (void)ctx;
    (void)source;
    (void)ms;
    return 0;
}

START_TEST(a_loop_that_refuses_is_an_error_of_the_start)
{
    struct refusing refusing = {0};
    pushc_loop loop = {sizeof(loop), &refusing, refuse, no_timer, NULL};
    pushc_options o = PUSHC_OPTIONS_INIT;
    pushc_client *client;

    o.url = url;
    o.loop = &loop;
    ck_assert_int_eq(pushc_client_create(&o, &client), PUSHC_OK);
    ck_assert_int_eq(pushc_client_start(client), PUSHC_ERR_SYSTEM);
    pushc_client_destroy(client);
}
END_TEST

/* Counts descriptors that are watched, and those let go when closed. */
struct counting {
    pushc_source *source;
    int fd; /* the first */
    int watched;
    int closed;
};

static int count(void *ctx, pushc_source *source, int fd, int what)
{
    struct counting *c = ctx;

    c->fd = c->source ? c->fd : fd;
    c->source = source;
    c->watched += what != 0;
    c->closed += !what && fcntl(fd, F_GETFD) < 0;
    return 0;
}

START_TEST(a_descriptor_is_let_go_before_it_is_closed)
{
    struct counting counting = {0};
    pushc_loop loop = {sizeof(loop), &counting, count, no_timer, NULL};
    pushc_options o = PUSHC_OPTIONS_INIT;
    pushc_client *client;

    o.url = url;
    o.loop = &loop;
    ck_assert_int_eq(pushc_client_create(&o, &client), PUSHC_OK);
    ck_assert_int_eq(pushc_client_start(client), PUSHC_OK);
    pushc_source_ready(counting.source, counting.fd, PUSHC_READ);
    pushc_source_timeout(counting.source);
    ck_assert_int_gt(counting.watched, 1);
    pushc_client_destroy(client); /* while it connects */
    ck_assert_int_eq(counting.closed, 0);
}
END_TEST

static void take_status(void *ctx, const pushc_result *r)
{
    *(int *)ctx = r->status;
}

START_TEST(a_loop_that_refuses_later_is_the_result_of_what_was_published)
{
    struct refusing refusing = {.left = 1};
    pushc_loop loop = {sizeof(loop), &refusing, refuse, no_timer, NULL};
    pushc_options o = PUSHC_OPTIONS_INIT;
    pushc_outgoing m = PUSHC_OUTGOING_INIT;
    pushc_publisher *publisher;
    int status = 1, i;

    o.url = url;
    o.loop = &loop;
    o.streaming = _i;
    m.user = "ann";
    ck_assert_int_eq(pushc_publisher_create(&o, &publisher), PUSHC_OK);
    for (i = 0; i < 2; i++) {
        status = 1;
        ck_assert_int_eq(pushc_publish(publisher, &m, 0, take_status, &status),
                         PUSHC_OK);
        pushc_source_ready(refusing.source, refusing.fd, PUSHC_READ);
        pushc_source_timeout(refusing.source);
        ck_assert_int_eq(status, PUSHC_ERR_SYSTEM);
    }
    pushc_publisher_destroy(publisher);
}
END_TEST

int main(void)
{
    TCase *tc = suite_begin("loops", 60);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_thousand_clients_share_one_libevent_loop);
    tcase_add_test(tc, clients_run_in_a_libuv_loop);
    tcase_add_test(
        tc,
        a_client_that_is_destroyed_in_mid_stream_leaves_nothing_in_the_loop);
    tcase_add_test(tc, a_publisher_runs_in_the_loop_of_the_application);
    tcase_add_test(tc, a_loop_that_refuses_is_an_error_of_the_start);
    tcase_add_test(tc, a_descriptor_is_let_go_before_it_is_closed);
    tcase_add_loop_test(
        tc, a_loop_that_refuses_later_is_the_result_of_what_was_published, 0,
        2);
    return suite_run();
}
