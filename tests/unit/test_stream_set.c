#include "core_suite.h"
#include "store_shared.h"
#include "core/device_away.h"
#include "stream/loop/stream_counts.h"
#include "stream/loop/stream_set.h"
#include "stream/loop/wakeups.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a reactor does for its streams, on a real store and real sockets. */

#define INTERVAL 4000u

static fixture_t g;
static push_stream_set_t set;
static push_stream_ref_t stream_ref;
static int client; /* the other end of the stream */
static char got[1 << 20];

static push_end_t
    expected; /* how the stream ends; PUSH_END_PEER: it does not */

static void on_end(void *data, const push_ended_t *ended)
{
    (void)data;
    ck_assert_msg(expected == ended->why && expected, "the stream ended: %s",
                  push_end_name(ended->why));
    expected = PUSH_END_PEER;
}

/* Checks a stream of anna's device in; returns the client's end. */
static int check_in(const char *device, push_migrant_t *migrant)
{
    static const int buffer = 106496;
    int sockets[2];

    ck_assert_int_eq(socketpair(AF_UNIX,
                                SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                                sockets),
                     0);
    ck_assert_int_eq(setsockopt(sockets[1], SOL_SOCKET, SO_SNDBUF, &buffer,
                                sizeof(buffer)),
                     0);
    ck_assert_int_eq(fixture_checkin(&g, "anna", device, "news", &stream_ref),
                     PUSH_OK);
    *migrant = (push_migrant_t){.adoption = {.fd = sockets[1],
                                             .stream_ref = stream_ref,
                                             .heartbeat = INTERVAL}};
    atomic_fetch_add(&set.seat->streams, 1);
    return sockets[0];
}

/* One stream of anna's phone, first flush and all. */
static void set_up(void)
{
    push_migrant_t migrant;

    fixture_init(&g, (size_t)8 << 20);
    set = (push_stream_set_t){.store = &g.store,
                              .seat = &g.store.seats.seats[0],
                              .epoll = epoll_create1(EPOLL_CLOEXEC),
                              .ended = on_end};
    ck_assert(push_stream_set_init(&set));
    push_stream_set_read_clock(&set);
    client = check_in("phone", &migrant);
    push_stream_set_adopt(&set, &migrant);
    push_stream_set_flush(&set);
}

static void tear_down(void)
{
    push_stream_set_cleanup(&set);
    close(set.epoll);
    close(client);
    fixture_cleanup(&g);
}

static push_lock_t *mailbox_lock(void)
{
    const push_device_t *device = push_store_device_at(&g.store,
                                                       stream_ref.device);

    return &g.store.shards[device->shard].lock;
}

/* The interval is over: what is due is written. */
static void beat_is_due(void)
{
    set.ms += INTERVAL;
    push_stream_set_beat(&set, INTERVAL);
}

/* Appends what the client has received to what it got before. */
static size_t receive(size_t length)
{
    ssize_t n = read(client, got + length, sizeof(got) - 1 - length);

    length += n > 0 ? (size_t)n : 0;
    got[length] = '\0';
    return length;
}

static void publish_to(push_log_kind_t kind, const char *name,
                       const char *text)
{
    ck_assert_int_eq(fixture_publish(&g, kind, name, text, PUSH_NORMAL),
                     PUSH_OK);
    push_stream_set_take_wakeups(&set);
}

static void publish(const char *text)
{
    publish_to(PUSH_LOG_USER, "anna", text);
}

START_TEST(a_heart_beats_while_the_mailbox_is_locked)
{
    ck_assert_int_eq(push_lock_acquire(mailbox_lock()), PUSH_LOCKED);
    beat_is_due();
    receive(0);
    ck_assert_str_eq(got, "\n");
    beat_is_due();
    receive(0);
    ck_assert_str_eq(got, "\n");
    push_lock_release(mailbox_lock());
    ck_assert_uint_eq(push_stream_set_wait(&set, 1000), 5);
    publish("hello");
    push_stream_set_flush(&set);
    receive(0);
    ck_assert_ptr_nonnull(strstr(got, "data: hello\n\n"));
}
END_TEST

/* A beat would stand in the middle of the message; and nothing may count as
 * blocked that no event of the socket ends. */
START_TEST(no_heart_beats_within_a_message_while_the_mailbox_is_locked)
{
    static char text[300000]; /* more than the socket takes, less than twice */
    size_t length;

    memset(text, 'x', sizeof(text) - 1);
    publish(text);
    push_stream_set_flush(&set);
    length = receive(0);
    ck_assert_uint_gt(length, sizeof(text) / 2);
    ck_assert_uint_lt(length, sizeof(text));
    push_stream_set_on_event(&set, 0, EPOLLOUT);
    ck_assert_int_eq(push_lock_acquire(mailbox_lock()), PUSH_LOCKED);
    beat_is_due();
    push_lock_release(mailbox_lock());
    push_stream_set_flush(&set);
    receive(length);
    ck_assert_ptr_nonnull(strstr(got, "\ndata: "));
    ck_assert_str_eq(strstr(got, "\ndata: ") + 7 + strlen(text), "\n\n");
    beat_is_due();
    receive(0);
    ck_assert_str_eq(got, "\n");
}
END_TEST

/* No event of the socket would come: it has taken all that it was given. */
START_TEST(what_is_too_large_for_one_write_goes_on_with_the_next_turn)
{
    static char bytes[60001]; /* 80,000 in base64, which the socket takes */
    size_t length;

    memset(bytes, 0xff, sizeof(bytes) - 1);
    publish(bytes);
    publish("behind");
    push_stream_set_flush(&set);
    length = receive(0);
    ck_assert_uint_gt(length, 60000);
    ck_assert_ptr_null(strstr(got, "\n\n"));
    ck_assert_uint_eq(push_stream_set_wait(&set, 1000), 0);
    push_stream_set_flush(&set);
    length = receive(length);
    ck_assert_ptr_nonnull(strstr(got, "data: behind\n\n"));
    ck_assert_uint_eq(
        (size_t)(strstr(got, "\n\n") - (strstr(got, "\ndata: ") + 7)), 80000);
    ck_assert_uint_eq(set.queue.count, 0);
}
END_TEST

/* It would hear of its channels with the next beat only. */
START_TEST(
    a_stream_that_comes_while_its_mailbox_is_locked_follows_its_channels)
{
    push_migrant_t migrant;
    int phone = client;

    client = check_in("tablet", &migrant);
    ck_assert_int_eq(push_lock_acquire(mailbox_lock()), PUSH_LOCKED);
    push_stream_set_adopt(&set, &migrant);
    push_stream_set_flush(&set);
    push_lock_release(mailbox_lock());
    ck_assert_uint_eq(push_stream_set_wait(&set, 1000), 5);
    push_stream_set_flush(&set);
    ck_assert_uint_eq(push_stream_set_wait(&set, 1000), 1000);
    publish_to(PUSH_LOG_CHANNEL, "news", "to all");
    push_stream_set_flush(&set);
    receive(0);
    ck_assert_ptr_nonnull(strstr(got, "data: to all\n\n"));
    close(phone);
}
END_TEST

/* As it is while a reactor has not yet taken note of the takeover before. */
START_TEST(
    a_stream_that_is_taken_over_while_its_device_stands_in_another_list_is_told)
{
    push_device_t *device = push_store_device_at(&g.store, stream_ref.device);

    atomic_store(&device->wake, 1);
    ck_assert_int_eq(fixture_checkin(&g, "anna", "phone", "news", &stream_ref),
                     PUSH_OK);
    push_stream_set_take_wakeups(&set);
    push_stream_set_flush(&set);
    expected = PUSH_END_SUPERSEDED;
    push_stream_set_end_overtaken(&set);
    ck_assert_int_eq(expected, PUSH_END_PEER);
    receive(0);
    ck_assert_ptr_nonnull(strstr(got, "superseded"));
}
END_TEST

/* The clock goes on, and all that is due has its turns. */
static void flush_after(uint32_t ms)
{
    set.ms += ms;
    do {
        push_stream_set_flush(&set);
    } while (set.queue.count);
}

/* Of a stream that does not acknowledge, four messages may be in flight. */
static void slide_after_four(void)
{
    push_device_t *device = push_store_device_at(&g.store, stream_ref.device);

    device->traits &= (uint8_t)~PUSH_DEVICE_EXPLICIT;
    device->max_in_flight = 2;
    set.ms = 1 << 20;
    for (int i = 1; i <= 9; i++) {
        char text[] = {'m', (char)('0' + i), '\0'};

        publish(text);
    }
}

START_TEST(a_full_window_goes_on_when_its_reader_has_taken_something)
{
    size_t length;

    slide_after_four();
    flush_after(0);
    length = receive(0);
    ck_assert_ptr_nonnull(strstr(got, "data: m4\n\n"));
    ck_assert_ptr_null(strstr(got, "data: m5\n\n"));
    flush_after(4);
    length = receive(length);
    ck_assert_ptr_nonnull(strstr(got, "data: m8\n\n"));
    ck_assert_ptr_null(strstr(got, "data: m9\n\n"));
    flush_after(4);
    receive(length);
    ck_assert_ptr_nonnull(strstr(got, "data: m9\n\n"));
    flush_after(4);
    ck_assert_uint_eq(set.waits.count, 0);
    ck_assert_uint_eq(push_stream_set_wait(&set, 1000), 1000);
}
END_TEST

START_TEST(the_longer_a_window_is_full_the_less_often_it_is_looked_at)
{
    uint32_t flushes;

    slide_after_four();
    flush_after(0);
    ck_assert_uint_eq(push_stream_set_wait(&set, 1000), 4);
    flushes = set.flushes;
    for (int ms = 0; ms < 1000; ms++) {
        flush_after(1);
    }
    /* Eight in the first 32 ms, seven until 256 ms, then four a second. */
    ck_assert_uint_le(set.flushes - flushes, 20);
    ck_assert_uint_gt(push_stream_set_wait(&set, 1000), 4);
    ck_assert_uint_eq(set.waits.count, 1);
    receive(0);
    flush_after(256);
    receive(0);
    ck_assert_ptr_nonnull(strstr(got, "data: m8\n\n"));
}
END_TEST

START_TEST(a_heart_beats_while_the_window_is_full)
{
    size_t length;

    slide_after_four();
    flush_after(0);
    beat_is_due();
    length = receive(0);
    ck_assert_str_eq(got + length - 2, "\n\n");
    ck_assert_ptr_nonnull(strstr(got, "data: m4\n\n\n"));
    flush_after(4);
    receive(0);
    ck_assert_ptr_nonnull(strstr(got, "data: m8\n\n"));
}
END_TEST

START_TEST(a_stream_that_ends_while_its_window_is_full_waits_no_more)
{
    push_migrant_t migrant;
    int phone = client;

    slide_after_four();
    flush_after(0);
    ck_assert_uint_eq(set.waits.count, 1);
    expected = PUSH_END_ERROR;
    push_stream_set_on_event(&set, 0, EPOLLERR);
    client = check_in("tablet", &migrant);
    push_stream_set_adopt(&set, &migrant);
    flush_after(4);
    ck_assert_uint_eq(set.waits.count, 0);
    publish("hello");
    flush_after(0);
    receive(0);
    ck_assert_ptr_nonnull(strstr(got, "data: hello\n\n"));
    close(phone);
}
END_TEST

/* ---- polls ---- */

#define WAIT 1000 /* ms */

/* A poll of anna's tablet, beside the stream of her phone. */
static void poll_comes(void)
{
    push_migrant_t migrant;

    client = check_in("tablet", &migrant);
    migrant.adoption.poll = true;
    migrant.adoption.codec = PUSH_CODEC_JSON;
    migrant.adoption.expires = set.now.mono + WAIT;
    push_stream_set_adopt(&set, &migrant);
    push_stream_set_flush(&set);
    ck_assert_uint_eq(receive(0), 0);
    expected = PUSH_END_ANSWERED;
}

static void wait_is_over(void)
{
    set.now.mono += WAIT;
    push_stream_set_expire(&set);
    push_stream_set_flush(&set);
}

/* Until all is out: a moment later the socket is as full as before. */
START_TEST(a_device_knows_since_when_its_socket_is_full)
{
    static char text[300000]; /* more than the socket takes, less than twice */
    const push_device_t *device = push_store_device_at(&g.store,
                                                       stream_ref.device);
    int64_t since = set.now.mono;

    memset(text, 'x', sizeof(text) - 1);
    ck_assert_int_eq(push_device_blocked_since(device), 0);
    publish(text);
    push_stream_set_flush(&set);
    ck_assert_int_eq(push_device_blocked_since(device), since);
    set.now.mono += 5;
    push_stream_set_on_event(&set, 0, EPOLLOUT);
    push_stream_set_flush(&set);
    ck_assert_int_eq(push_device_blocked_since(device), since);
    receive(0);
    push_stream_set_on_event(&set, 0, EPOLLOUT);
    push_stream_set_flush(&set);
    ck_assert_int_eq(push_device_blocked_since(device), 0);
}
END_TEST

START_TEST(a_poll_ends_with_its_first_answer)
{
    uint32_t streams = set.streams.count;

    poll_comes();
    publish_to(PUSH_LOG_CHANNEL, "news", "{}");
    push_stream_set_flush(&set);
    ck_assert_int_eq(expected, PUSH_END_PEER);
    ck_assert_uint_eq(set.streams.count, streams);
    receive(0);
    ck_assert_ptr_nonnull(strstr(got, "\"data\":{}}],\"cursor\":\"1."));
}
END_TEST

START_TEST(a_poll_ends_with_its_wait_when_its_mailbox_is_free)
{
    poll_comes();
    ck_assert_int_eq(push_lock_acquire(mailbox_lock()), PUSH_LOCKED);
    wait_is_over();
    push_lock_release(mailbox_lock());
    ck_assert_int_eq(expected, PUSH_END_ANSWERED);
    ck_assert_uint_eq(push_stream_set_wait(&set, 1000), 5);
    push_stream_set_flush(&set);
    ck_assert_int_eq(expected, PUSH_END_PEER);
    receive(0);
    ck_assert_str_eq(got, "{\"gaps\":[],\"messages\":[],\"more\":false}\n");
}
END_TEST

/* What is published meanwhile is for the next poll. */
START_TEST(a_poll_ends_when_its_socket_has_taken_all_of_the_answer)
{
    static char text[300000]; /* more than the socket takes, less than twice */
    size_t length;

    memset(text, 'x', sizeof(text) - 1);
    poll_comes();
    publish_to(PUSH_LOG_CHANNEL, "news", text);
    push_stream_set_flush(&set);
    ck_assert_int_eq(expected, PUSH_END_ANSWERED);
    publish_to(PUSH_LOG_CHANNEL, "news", "later");
    wait_is_over();
    beat_is_due();
    length = receive(0);
    push_stream_set_on_event(&set, 1, EPOLLOUT);
    push_stream_set_flush(&set);
    ck_assert_int_eq(expected, PUSH_END_PEER);
    receive(length);
    ck_assert_ptr_nonnull(strstr(got, "xxx\"}],\"cursor\":\"1."));
    ck_assert_ptr_null(strstr(got, "later"));
    ck_assert_ptr_null(strchr(strchr(got, '\n') + 1, '\n'));
}
END_TEST

/* ---- WebSocket ---- */

/* Of anna's tablet, with the subprotocol, beside the stream of her phone. */
static void websocket_comes(void)
{
    push_migrant_t migrant;

    client = check_in("tablet", &migrant);
    migrant.adoption.codec = PUSH_CODEC_RAMEN;
    push_stream_set_adopt(&set, &migrant);
    push_stream_set_flush(&set);
    ck_assert_int_eq(push_stream_table_at(&set.streams, 1)->codec,
                     PUSH_CODEC_RAMEN);
}

/* The client's frame, of a mask of zeros. */
static void client_says(unsigned first, const char *text)
{
    char frame[200] = {(char)first, (char)(0x80 | strlen(text))};

    memcpy(frame + 6, text, strlen(text));
    ck_assert_int_gt(write(client, frame, 6 + strlen(text)), 0);
    push_stream_set_on_event(&set, 1, EPOLLIN);
}

static uint64_t acked(void)
{
    return push_store_device_at(&g.store, stream_ref.device)->acked;
}

START_TEST(an_acknowledgement_waits_while_the_mailbox_is_locked)
{
    websocket_comes();
    publish("1");
    publish("2");
    push_stream_set_flush(&set);
    ck_assert_int_eq(push_lock_acquire(mailbox_lock()), PUSH_LOCKED);
    client_says(0x81, "{\"ack\":\"1\"}");
    client_says(0x81, "{\"ack\":\"2\"}");
    push_stream_set_flush(&set);
    ck_assert_uint_eq(acked(), 0);
    ck_assert_uint_eq(push_stream_set_wait(&set, 1000), 5);
    push_lock_release(mailbox_lock());
    push_stream_set_flush(&set);
    ck_assert_uint_eq(acked(), 2);
    ck_assert_ptr_null(push_upstreams_get(&set.upstreams, 1));
}
END_TEST

/* A pong would stand in the middle of the message. */
START_TEST(a_pong_waits_for_the_end_of_a_message)
{
    static char text[300000];
    size_t length;

    memset(text, 'x', sizeof(text) - 1);
    websocket_comes();
    publish(text);
    push_stream_set_flush(&set);
    client_says(0x89, "one");
    client_says(0x89, "two");
    push_stream_set_flush(&set);
    length = receive(0);
    ck_assert_uint_lt(length, sizeof(text));
    while (got[length - 1] != 'o') {
        push_stream_set_on_event(&set, 1, EPOLLOUT);
        push_stream_set_flush(&set);
        length = receive(length);
    }
    ck_assert_mem_eq(got + length - 8, "x\"}\x8a\x03two", 8);
    ck_assert_ptr_null(push_upstreams_get(&set.upstreams, 1));
}
END_TEST

/* Half a frame stays here: elsewhere its other half would mean nothing. */
START_TEST(a_stream_that_has_said_half_does_not_move)
{
    int sockets[2];

    websocket_comes();
    ck_assert(push_migration_open(sockets));
    ck_assert_int_eq(write(client, "\x81\x8b", 2), 2);
    push_stream_set_on_event(&set, 1, EPOLLIN);
    ck_assert_uint_eq(push_stream_set_send_away(&set, 1, sockets[1], 9), 1);
    ck_assert_int_eq(write(client, "\0\0\0\0{\"ack\":\"0\"}", 15), 15);
    push_stream_set_on_event(&set, 1, EPOLLIN);
    ck_assert_uint_eq(push_stream_set_send_away(&set, 1, sockets[1], 9), 1);
    close(sockets[0]);
    close(sockets[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream set");
    TCase *tc = unit_case(suite, "stream set", 60);

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_heart_beats_while_the_mailbox_is_locked);
    tcase_add_test(
        tc, no_heart_beats_within_a_message_while_the_mailbox_is_locked);
    tcase_add_test(tc,
                   what_is_too_large_for_one_write_goes_on_with_the_next_turn);
    tcase_add_test(
        tc,
        a_stream_that_comes_while_its_mailbox_is_locked_follows_its_channels);
    tcase_add_test(
        tc,
        a_stream_that_is_taken_over_while_its_device_stands_in_another_list_is_told);
    tcase_add_test(tc,
                   a_full_window_goes_on_when_its_reader_has_taken_something);
    tcase_add_test(tc,
                   the_longer_a_window_is_full_the_less_often_it_is_looked_at);
    tcase_add_test(tc, a_heart_beats_while_the_window_is_full);
    tcase_add_test(tc,
                   a_stream_that_ends_while_its_window_is_full_waits_no_more);
    tcase_add_test(tc, a_device_knows_since_when_its_socket_is_full);
    tcase_add_test(tc, a_poll_ends_with_its_first_answer);
    tcase_add_test(tc, a_poll_ends_with_its_wait_when_its_mailbox_is_free);
    tcase_add_test(tc,
                   a_poll_ends_when_its_socket_has_taken_all_of_the_answer);
    tcase_add_test(tc, an_acknowledgement_waits_while_the_mailbox_is_locked);
    tcase_add_test(tc, a_pong_waits_for_the_end_of_a_message);
    tcase_add_test(tc, a_stream_that_has_said_half_does_not_move);
    return unit_run(suite);
}
