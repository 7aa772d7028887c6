/* real_client.c - a client and a real server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "cutter.h"
#include "keep.h"
#include "probe.h"
#include "server.h"
#include "verbs.h"

static struct probe *probe;

static void setup(void)
{
    probe = calloc(1, sizeof(*probe));
    ck_assert_ptr_nonnull(probe);
}

static void teardown(void)
{
    probe_cleanup(probe);
    free(probe);
}

static void aim(int port)
{
    char base[64];

    snprintf(base, sizeof(base), "http://127.0.0.1:%d", port);
    probe_init(probe, base);
    probe->options.query = "user=ann";
    probe->options.base_ms = 1000;
}

static const char *const urgencies[] = {"low", "high", "normal"};

START_TEST(the_most_urgent_comes_first_and_all_is_acknowledged)
{
    struct server *s = server_start(NULL);
    const char *mids[3];
    int i;

    aim(s->port);
    for (i = 0; i < 3; i++) {
        char header[64];

        snprintf(header, sizeof(header), "Urgency: %s\r\n", urgencies[i]);
        mids[i] = publish(s, "user=ann", header, urgencies[i]);
    }
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 3);
    ck_assert_str_eq(probe_message_at(probe, 0).data, "high");
    ck_assert_str_eq(probe_message_at(probe, 1).data, "normal");
    ck_assert_str_eq(probe_message_at(probe, 2).data, "low");
    ck_assert_str_eq(probe_message_at(probe, 0).mid, mids[1]);
    ck_assert_uint_eq(probe_message_at(probe, 2).seq, 3);
    for (i = 0; i < 3; i++) {
        WAIT_FOR(count_of(s, mids[i], "acked") == 1);
    }
}
END_TEST

START_TEST(what_is_not_done_is_not_acknowledged_at_the_server)
{
    struct server *s = server_start(NULL);
    const char *first, *second;

    aim(s->port);
    probe->handler = probe_keep;
    probe->options.ack_ms = 10;
    probe_start(probe);
    first = publish(s, "user=ann", "", "one");
    WAIT_FOR(probe_messages(probe) == 1);
    probe->handler = NULL;
    second = publish(s, "user=ann", "", "two");
    WAIT_FOR(probe_messages(probe) == 2);
    pushc_flush(probe->client);
    ck_assert_int_eq(count_of(s, first, "acked"), 0);
    ck_assert_int_eq(count_of(s, second, "acked"), 0);
    ck_assert_int_eq(pushc_ack(probe->client, probe_kept(probe)), PUSHC_OK);
    WAIT_FOR(count_of(s, first, "acked") == 1);
    WAIT_FOR(count_of(s, second, "acked") == 1);
}
END_TEST

/* How long it took from the n-th freezing to the time when it was noticed. */
static uint64_t freeze(struct server *s, struct cutter *c, unsigned n)
{
    const char *before = keep_printf("before %u", n);
    const char *after = keep_printf("after %u", n);
    uint64_t frozen, noticed;

    publish(s, "user=ann", "", before);
    WAIT_FOR(probe_messages(probe) == 2 * n - 1);
    ck_assert_str_eq(probe_message_at(probe, 2 * n - 2).data, before);
    cutter_freeze(c, 1);
    frozen = now_ms();
    publish(s, "user=ann", "", after);
    WAIT_FOR(probe_events(probe, PUSHC_WAITING) >= n);
    ck_assert_int_eq(probe_nth(probe, PUSHC_WAITING, n, &noticed).status,
                     PUSHC_ERR_SILENCE);
    cutter_freeze(c, 0);
    WAIT_FOR(probe_messages(probe) == 2 * n);
    ck_assert_str_eq(probe_message_at(probe, 2 * n - 1).data, after);
    /* A heartbeat may have come just before, up to 4 s ago. */
    ck_assert_uint_ge(noticed - frozen, 2900);
    return noticed - frozen;
}

/* Late it may be where the machine is busy, but not each time. */
START_TEST(a_stream_that_freezes_is_noticed_in_7_5_s_and_resumed)
{
    struct server *s = server_start(NULL);
    struct cutter *c = cutter_start(s->port);
    unsigned n = 1;
    uint64_t took;

    aim(cutter_port(c));
    probe_start(probe);
    took = freeze(s, c, n);
    while (took > 7500 && n < 3) {
        took = freeze(s, c, ++n);
    }
    ck_assert_uint_le(took, 7500);
    cutter_stop(c);
}
END_TEST

/* Half of every interval: attempts come 550, 1050, 2050 ms after another. */
static int always_half(void *ctx, void *bytes, size_t length)
{
    (void)ctx;
    memset(bytes, 0, length);
    ((unsigned char *)bytes)[length - 1] = 0x80;
    return 0;
}

START_TEST(redelivery_begins_within_3_s_of_the_server_being_back)
{
    struct server *s = server_start(NULL);
    struct cutter *c = cutter_start(s->port);
    uint64_t end, back;

    aim(cutter_port(c));
    probe->options.on_random = always_half;
    probe_start(probe);
    WAIT_FOR(probe_events(probe, PUSHC_OPEN) == 1);
    cutter_move(c, 0);
    cutter_cut(c);
    publish(s, "user=ann", "", "one");
    end = now_ms() + 1200;
    while (now_ms() < end) {
        ck_assert_uint_eq(probe_messages(probe), 0);
        pause_briefly();
    }
    cutter_move(c, s->port);
    back = now_ms();
    WAIT_FOR(probe_messages(probe) == 1);
    ck_assert_uint_le(now_ms() - back, 3000);
    cutter_stop(c);
}
END_TEST

START_TEST(a_restarted_server_that_knows_no_cursor_begins_anew)
{
    struct server *s = server_start(NULL);
    struct cutter *c = cutter_start(s->port);

    aim(cutter_port(c));
    probe_start(probe);
    publish(s, "user=ann", "", "one");
    WAIT_FOR(probe_messages(probe) == 1);
    cutter_move(c, 0);
    server_stop(s);
    s = server_start(NULL);
    cutter_move(c, s->port);
    WAIT_FOR(probe_events(probe, PUSHC_OPEN) == 2);
    publish(s, "user=ann", "", "two");
    WAIT_FOR(probe_messages(probe) == 2);
    ck_assert_str_eq(probe_message_at(probe, 1).data, "two");
    ck_assert_uint_eq(probe_message_at(probe, 1).seq, 1);
    cutter_stop(c);
}
END_TEST

START_TEST(a_graceful_restart_is_not_noticed)
{
    struct server *s = server_start(NULL);

    aim(s->port);
    probe_start(probe);
    publish(s, "user=ann", "", "one");
    WAIT_FOR(probe_messages(probe) == 1);
    server_graceful(s);
    publish(s, "user=ann", "", "two");
    WAIT_FOR(probe_messages(probe) == 2);
    ck_assert_str_eq(probe_message_at(probe, 1).data, "two");
}
END_TEST

START_TEST(the_newer_of_two_clients_of_a_device_wins)
{
    struct server *s = server_start(NULL);
    struct probe *other = calloc(1, sizeof(*other));

    aim(s->port);
    probe_start(probe);
    WAIT_FOR(probe_events(probe, PUSHC_OPEN) == 1);
    probe_init(other, "x");
    other->options = probe->options;
    other->options.ctx = other;
    probe_start(other);
    ck_assert_int_eq(probe_stopped(probe), PUSHC_ERR_SUPERSEDED);
    publish(s, "user=ann", "", "one");
    WAIT_FOR(probe_messages(other) == 1);
    ck_assert_uint_eq(probe_messages(probe), 0);
    probe_cleanup(other);
    free(other);
}
END_TEST

START_TEST(channels_and_broadcasts_arrive)
{
    static const char *const channels[] = {"news"};
    struct server *s = server_start(NULL);

    aim(s->port);
    probe->options.channels = channels;
    probe->options.channel_count = 1;
    probe_start(probe);
    WAIT_FOR(probe_events(probe, PUSHC_OPEN) == 1);
    publish(s, "channel=other", "", "no");
    publish(s, "channel=news", "Push-Event: n\r\n", "one");
    publish(s, "broadcast=1", "", "two");
    WAIT_FOR(probe_messages(probe) == 2);
    ck_assert_str_eq(probe_message_at(probe, 0).event, "n");
    ck_assert_str_eq(probe_message_at(probe, 1).data, "two");
}
END_TEST

static int check_bytes(struct probe *p, pushc_message *m)
{
    (void)p;
    ck_assert_uint_eq(m->length, 256);
    return PUSHC_DONE;
}

START_TEST(any_bytes_survive)
{
    struct server *s = server_start(NULL);
    pushc_options o = PUSHC_OPTIONS_INIT;
    pushc_outgoing m = PUSHC_OUTGOING_INIT;
    pushc_result result = {.size = sizeof(result)};
    pushc_publisher *publisher;
    char bytes[256], url[64];
    int i;

    for (i = 0; i < 256; i++) {
        bytes[i] = (char)i;
    }
    aim(s->port);
    probe->handler = check_bytes;
    probe_start(probe);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/push", s->port);
    o.url = url;
    o.streaming = _i;
    ck_assert_int_eq(pushc_publisher_create(&o, &publisher), PUSHC_OK);
    m.user = "ann";
    m.data = bytes;
    m.length = sizeof(bytes);
    m.content_type = "application/octet-stream";
    m.urgency = "high";
    m.ttl = 60;
    m.event = "bytes";
    ck_assert_int_eq(pushc_publish_wait(publisher, &m, &result), PUSHC_OK);
    ck_assert_str_ne(result.id, "");
    WAIT_FOR(probe_messages(probe) == 1);
    ck_assert_str_eq(probe_message_at(probe, 0).event, "bytes");
    ck_assert_str_eq(probe_message_at(probe, 0).mid, result.id);
    /* The same key again is the same message. */
    m.key = result.key;
    ck_assert_int_eq(pushc_publish_wait(publisher, &m, &result), PUSHC_OK);
    ck_assert_str_eq(result.id, probe_message_at(probe, 0).mid);
    /* The same key for something else is an error. */
    m.length = 10;
    ck_assert_int_eq(pushc_publish_wait(publisher, &m, &result),
                     PUSHC_ERR_HTTP);
    ck_assert_int_eq(result.http_status, 422);
    pushc_publisher_destroy(publisher);
    ck_assert_uint_eq(probe_messages(probe), 1);
}
END_TEST

/* ---- processes that die ---- */

static int die(struct probe *p, pushc_message *m)
{
    (void)p;
    (void)m;
    _exit(9);
}

static int die_when_done(struct probe *p, pushc_message *m)
{
    (void)m;
    return p->messages == 2 ? die(p, m) : PUSHC_DONE;
}

static int (*const deaths[])(struct probe *p,
                             pushc_message *m) = {die, die_when_done};

/* Receive in a process of its own until the handler ends it. */
static void receive_and_die(int port,
                            int (*handler)(struct probe *p, pushc_message *m))
{
    int status;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        aim(port);
        probe->handler = handler;
        probe->options.ack_ms = 60000;
        probe_start(probe);
        for (;;) {
            pause_briefly();
        }
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WEXITSTATUS(status), 9);
}

START_TEST(what_a_dead_process_did_not_acknowledge_comes_to_the_next)
{
    struct server *s = server_start(NULL);

    publish(s, "user=ann", "", "one");
    publish(s, "user=ann", "", "two");
    receive_and_die(s->port, deaths[_i]);
    aim(s->port);
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 2);
    ck_assert_str_eq(probe_message_at(probe, 0).data, "one");
    ck_assert_str_eq(probe_message_at(probe, 1).data, "two");
}
END_TEST

START_TEST(a_user_whom_the_server_does_not_know_is_refused)
{
    struct server_options so = {.receive = "Require all granted\n"};
    struct server *s = server_start(&so);

    server_allow(s, "PUSH");
    aim(s->port);
    probe_start(probe);
    ck_assert_int_eq(probe_stopped(probe), PUSHC_ERR_AUTH);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sdk-c with httpd");
    TCase *tc = case_add(suite, "client", 60);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_most_urgent_comes_first_and_all_is_acknowledged);
    tcase_add_test(tc, what_is_not_done_is_not_acknowledged_at_the_server);
    tcase_add_test(tc, a_stream_that_freezes_is_noticed_in_7_5_s_and_resumed);
    tcase_add_test(tc, redelivery_begins_within_3_s_of_the_server_being_back);
    tcase_add_test(tc, a_restarted_server_that_knows_no_cursor_begins_anew);
    tcase_add_test(tc, a_graceful_restart_is_not_noticed);
    tcase_add_test(tc, the_newer_of_two_clients_of_a_device_wins);
    tcase_add_test(tc, channels_and_broadcasts_arrive);
    tcase_add_loop_test(tc, any_bytes_survive, 0, 2);
    tcase_add_loop_test(
        tc, what_a_dead_process_did_not_acknowledge_comes_to_the_next, 0, 2);
    tcase_add_test(tc, a_user_whom_the_server_does_not_know_is_refused);
    return case_run(suite);
}
