/*
 * Why a message did not arrive, or a device hears nothing: each cause is made
 * to happen, and explained, also by who comes after a graceful restart.
 */
#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define PENDING "4"
#define HISTORY "3"
#define WINDOW  "2"

static struct server_options options = {
    .global = "PushMaxPending " PENDING "\nPushChannelHistory " HISTORY
              "\nPushMaxInFlight " WINDOW "\nPushMaxMessageSize 4M\n"
              "PushTrace traced*\n"};

/* ---- what the causes are made of ---- */

/* An open stream of the user's phone that acknowledges. */
static struct stream *phone(const struct server *s, const char *user,
                            const char *more)
{
    return stream_open(
        s, keep_printf("user=%s&device=phone&seq=0%s", user, more), NULL);
}

/* The phone is known, and has left. */
static void phone_left(const struct server *s, const char *user,
                       const char *more)
{
    leave(s, phone(s, user, more));
}

static const char *to(const struct server *s, const char *user,
                      const char *headers)
{
    return publish(s, keep_printf("user=%s", user), headers, "hello");
}

/* So many messages; the last of them. */
static const char *several(const struct server *s, const char *query,
                           const char *headers, int count)
{
    const char *mid = NULL;

    while (count-- > 0) {
        mid = publish(s, query, headers, "hello");
    }
    return mid;
}

static void change(const struct server *s, const char *method,
                   const char *target)
{
    http_expect(http_do(s, method, target, NULL, ""), 200, NULL);
}

/* ---- each cause; what is returned is the message that is asked about ---- */

static const char *acknowledged(const struct server *s, const char *user)
{
    struct stream *st = phone(s, user, "");
    const char *mid = to(s, user, NULL);

    expect_message(st, 1, "hello");
    acknowledge(s, keep_printf("user=%s&device=phone&seq=1", user));
    return mid;
}

static const char *assumed(const struct server *s, const char *user)
{
    const char *query = keep_printf("user=%s&device=phone", user);
    struct stream *st = stream_open(s, query, NULL);
    const char *mid = to(s, user, NULL);
    const char *id = stream_next(st)->id;

    stream_close(st);
    stream_open(s, query, keep_printf("Last-Event-ID: %s\r\n", id));
    return mid;
}

static const char *in_flight(const struct server *s, const char *user)
{
    struct stream *st = phone(s, user, "");
    const char *mid = to(s, user, NULL);

    expect_message(st, 1, "hello");
    return mid;
}

static const char *in_flight_unsaid(const struct server *s, const char *user)
{
    struct stream *st = stream_open(
        s, keep_printf("user=%s&device=phone", user), NULL);
    const char *mid = to(s, user, NULL);

    expect_message(st, 1, "hello");
    return mid;
}

static const char *window_full(const struct server *s, const char *user)
{
    struct stream *st = phone(s, user, "");
    const char *mid = several(s, keep_printf("user=%s", user), NULL, 3);

    expect_message(st, 1, "hello");
    expect_message(st, 2, "hello");
    return mid;
}

/* More than the sockets of both ends take. */
static const char *socket_full(const struct server *s, const char *user)
{
    static char text[3900000];
    const char *query = keep_printf("user=%s", user);

    memset(text, 'x', sizeof(text) - 1);
    stream_open_narrow(s, keep_printf("user=%s&device=phone&seq=0", user));
    for (int i = 0; i < 3; i++) {
        publish(s, query, NULL, text);
    }
    return to(s, user, NULL);
}

static const char *filtered(const struct server *s, const char *user)
{
    phone(s, user, "&urgency=high");
    return to(s, user, "Urgency: low\r\n");
}

static const char *away(const struct server *s, const char *user)
{
    phone_left(s, user, "");
    return to(s, user, NULL);
}

static const char *away_in_flight(const struct server *s, const char *user)
{
    struct stream *st = phone(s, user, "");
    const char *mid = to(s, user, NULL);

    expect_message(st, 1, "hello");
    leave(s, st);
    return mid;
}

static const char *disconnected(const struct server *s, const char *user)
{
    struct stream *st = phone(s, user, "");

    change(s, "DELETE", keep_printf("/push/users/%s/streams", user));
    stream_expect_bye(st, "disconnected");
    return to(s, user, NULL);
}

static const char *revoked(const struct server *s, const char *user)
{
    struct stream *st = phone(s, user, "");

    change(s, "POST", keep_printf("/push/users/%s/revoke", user));
    stream_expect_bye(st, "expired-token");
    return to(s, user, NULL);
}

static const char *another_user(const struct server *s, const char *user)
{
    phone_left(s, user, "");
    return to(s, "somebody", NULL);
}

static const char *another_device(const struct server *s, const char *user)
{
    phone_left(s, user, "");
    return publish(s, keep_printf("user=%s&device=tablet", user), NULL, "x");
}

static const char *not_followed(const struct server *s, const char *user)
{
    phone_left(s, user, "&channel=cats");
    return publish(s, "channel=dogs", NULL, "x");
}

static const char *followed_later(const struct server *s, const char *user)
{
    const char *mid = publish(s, "channel=birds", NULL, "x");

    phone_left(s, user, "&channel=birds");
    return mid;
}

static const char *came_later(const struct server *s, const char *user)
{
    const char *mid = publish(s, "broadcast=1", NULL, "x");

    phone_left(s, user, "");
    return mid;
}

static const char *no_stream(const struct server *s, const char *user)
{
    phone_left(s, user, "");
    return to(s, user, "TTL: 0\r\n");
}

static const char *no_stream_of_it(const struct server *s, const char *user)
{
    phone_left(s, user, "");
    stream_open(s, keep_printf("user=%s&device=tablet", user), NULL);
    return to(s, user, "TTL: 0\r\n");
}

static const char *expired_away(const struct server *s, const char *user)
{
    phone_left(s, user, "");
    return to(s, user, "TTL: 1\r\n");
}

static const char *expired_in_flight(const struct server *s, const char *user)
{
    struct stream *st = phone(s, user, "");
    const char *mid = to(s, user, "TTL: 1\r\n");

    expect_message(st, 1, "hello");
    return mid;
}

static const char *expired_waiting(const struct server *s, const char *user)
{
    window_full(s, user);
    return to(s, user, "TTL: 1\r\n");
}

static const char *replaced(const struct server *s, const char *user)
{
    const char *mid;

    phone_left(s, user, "");
    mid = to(s, user, "Topic: eta\r\n");
    to(s, user, "Topic: eta\r\n");
    return mid;
}

static const char *replaced_in_channel(const struct server *s,
                                       const char *user)
{
    const char *mid;

    phone_left(s, user, "&channel=boards");
    mid = publish(s, "channel=boards", "Topic: eta\r\n", "1");
    publish(s, "channel=boards", "Topic: eta\r\n", "2");
    return mid;
}

static const char *recalled(const struct server *s, const char *user)
{
    const char *mid = away(s, user);

    change(s, "DELETE", keep_printf("/push/messages/%s", mid));
    return mid;
}

static const char *evicted_mailbox(const struct server *s, const char *user)
{
    const char *mid = away(s, user);

    several(s, keep_printf("user=%s", user), NULL, 4);
    return mid;
}

static const char *evicted_history(const struct server *s, const char *user)
{
    const char *mid;

    phone_left(s, user, "&channel=busy");
    mid = publish(s, "channel=busy", NULL, "x");
    several(s, "channel=busy", NULL, 3);
    return mid;
}

/* Somebody must take it, or it is not accepted. */
static const char *refused(const struct server *s, const char *user)
{
    struct stream *st = stream_open(
        s, keep_printf("user=%s&device=tablet", user), NULL);

    phone_left(s, user, "");
    several(s, keep_printf("user=%s", user), "Urgency: high\r\n", 4);
    for (int i = 1; i <= 4; i++) {
        expect_message(st, i, "hello");
    }
    return to(s, user, NULL);
}

static const char *waits_for_the_first(const struct server *s,
                                       const char *user)
{
    return to(s, user, NULL);
}

static const char *yet_to_come(const struct server *s, const char *user)
{
    char *mid = keep_printf("%s", away(s, user));

    mid[0] = 'A';
    return mid;
}

static const char *long_ago(const struct server *s, const char *user)
{
    char *mid = keep_printf("%s", away(s, user));

    mid[0] = '7';
    return mid;
}

/* A mid of the same millisecond: nobody can tell that it was none. */
static const char *forgotten(const struct server *s, const char *user)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz";
    char *mid = keep_printf("%s", away(s, user));
    int more = 500 * 4096;

    for (int i = 10; i >= 0; i--) {
        more += (int)(strchr(digits, mid[i]) - digits);
        mid[i] = digits[more % 62];
        more /= 62;
    }
    to(s, user, NULL); /* so that its moment is over */
    return mid;
}

/* ---- and of devices; no message is asked about ---- */

static const char *silent(const struct server *s, const char *user)
{
    phone(s, user, "");
    (void)user;
    return NULL;
}

static const char *silent_after(const struct server *s, const char *user)
{
    in_flight_unsaid(s, user);
    return NULL;
}

static const char *silent_acked(const struct server *s, const char *user)
{
    acknowledged(s, user);
    return NULL;
}

static const char *silent_unacked(const struct server *s, const char *user)
{
    in_flight(s, user);
    return NULL;
}

static const char *silent_window(const struct server *s, const char *user)
{
    window_full(s, user);
    return NULL;
}

static const char *silent_socket(const struct server *s, const char *user)
{
    socket_full(s, user);
    return NULL;
}

static const char *silent_filter(const struct server *s, const char *user)
{
    filtered(s, user);
    return NULL;
}

static const char *silent_away(const struct server *s, const char *user)
{
    phone_left(s, user, "");
    return NULL;
}

static const char *silent_sent_away(const struct server *s, const char *user)
{
    disconnected(s, user);
    return NULL;
}

static const char *never_came(const struct server *s, const char *user)
{
    (void)s;
    (void)user;
    return NULL;
}

/*
 * In a sentence # stands for a number, and @ for the id of a message.  Each
 * row has a user of its own, u and its number.
 */
static const struct {
    const char *(*prepare)(const struct server *s, const char *user);
    const char *device; /* that is asked about, or "" */
    const char *cause;
    const char *sentence; /* how it begins */
} rows[] = {
    {acknowledged, "phone", "acknowledged",
     "It arrived: phone acknowledged it # s ago."},
    {assumed, "phone", "counts-as-acknowledged", "It was written to phone"},
    {in_flight, "phone", "in-flight",
     "It was written to phone as seq 1, which has not acknowledged it: it has "
     "acknowledged nothing for # s."},
    {in_flight_unsaid, "phone", "in-flight",
     "It was written to phone as seq 1; such a client does not"},
    {window_full, "phone", "window-full",
     "It waits: phone has 2 messages in flight and has acknowledged none for "
     "# s."},
    {socket_full, "phone", "socket-full",
     "It waits: the socket of phone is full for # s: its client"},
    {filtered, "phone", "urgency-filter",
     "It waits: its urgency is low, and the stream of phone takes nothing "
     "below high."},
    {away, "phone", "away", "It waits: phone is away for # s."},
    {away_in_flight, "phone", "away",
     "It was written, but not acknowledged, and will be again when it is "
     "back: phone is away for # s."},
    {disconnected, "phone", "disconnected",
     "It waits: phone has no stream for # s: an administrator disconnected"},
    {revoked, "phone", "token-revoked",
     "It waits: phone has no stream for # s: its tokens were revoked"},
    {another_user, "", "another-user",
     "It was for another user, somebody, not for u#."},
    {another_device, "phone", "another-device",
     "It was for another device of user u#, tablet, not for phone."},
    {not_followed, "phone", "channel-not-followed",
     "phone does not follow channel dogs, to which it was published."},
    {followed_later, "phone", "followed-later",
     "phone began to follow channel birds after it was published"},
    {came_later, "phone", "came-later",
     "It was for all devices of its time, and phone came only after"},
    {no_stream, "phone", "no-stream-then", "Its TTL was 0, so it was only"},
    {no_stream_of_it, "phone", "no-stream-then",
     "Its TTL was 0, so it was only for streams that were open when it was "
     "published, and phone had none."},
    {expired_away, "phone", "expired-away",
     "Its TTL of 1 s ended while phone was away."},
    {expired_in_flight, "phone", "expired-unacknowledged",
     "It was written to phone, which did not acknowledge it before its TTL "
     "of 1 s ended."},
    {expired_waiting, "phone", "expired-waiting",
     "Its TTL of 1 s ended while it waited for phone"},
    {replaced, "phone", "replaced",
     "Message @, of the same topic, replaced it."},
    {replaced_in_channel, "phone", "replaced",
     "Message @, of the same topic, replaced it."},
    {recalled, "phone", "recalled", "Its publisher or an administrator"},
    {evicted_mailbox, "phone", "evicted-mailbox",
     "It was dropped from the mailbox of phone for newer ones: that holds "
     "4 messages (PushMaxPending)."},
    {evicted_history, "phone", "evicted-history",
     "It was dropped # s ago: channel busy keeps its newest 3 messages only "
     "(PushChannelHistory)."},
    {refused, "phone", "refused",
     "The mailbox of phone refused it: it was full of 4 messages"},
    {waits_for_the_first, "", "no-device",
     "It waits for the first device of user u#, none of which is known here, "
     "for # "},
    {away, "watch", "unknown-device", "User u# has no device watch here"},
    {yet_to_come, "phone", "never-given", "This server never gave that id"},
    {long_ago, "phone", "before-start",
     "It was published # days ago by another server, or before"},
    {forgotten, "phone", "forgotten",
     "It was published # s ago, and is forgotten: messages are remembered "
     "for 60 s after their end."},
    {silent, "phone", "nothing-published",
     "phone has an open stream, and nothing was published lately"},
    {silent_after, "phone", "nothing-waits",
     "phone has an open stream, and nothing waits for it."},
    {silent_acked, "phone", "all-acknowledged",
     "phone has acknowledged all that was for it, the last # s ago."},
    {silent_unacked, "phone", "in-flight",
     "phone has 1 message in flight, from seq 1 on, and has acknowledged none "
     "for # s; nothing else waits for it."},
    {silent_window, "phone", "window-full",
     "phone has 2 messages in flight and has acknowledged none for # s."},
    {silent_socket, "phone", "socket-full", "the socket of phone is full"},
    {silent_filter, "phone", "urgency-filter",
     "What waits for phone, 1 message, is of an urgency that its stream does"},
    {silent_away, "phone", "away", "phone is away for # s."},
    {silent_sent_away, "phone", "disconnected", "phone has no stream for # s"},
    {never_came, "", "no-device", "No device of user u# is known here"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool begins(const char *text, const char *pattern)
{
    for (; *pattern != '\0'; pattern++) {
        size_t length = *pattern == '#'   ? strspn(text, "0123456789")
                        : *pattern == '@' ? strspn(text, "0123456789"
                                                         "ABCDEFGHIJKLM"
                                                         "NOPQRSTUVWXYZ"
                                                         "abcdefghijklm"
                                                         "nopqrstuvwxyz")
                                          : *pattern == *text;

        if (length == 0 || (*pattern == '@' && length != 11)) {
            return false;
        }
        text += length;
    }
    return true;
}

static const json_t *explain(const struct server *s, const char *query)
{
    struct answer *a = http_get(s, keep_printf("/push/explain?%s", query));

    http_expect(a, 200, NULL);
    return a->json;
}

static const json_t *explain_row(const struct server *s, size_t i,
                                 const char *mid)
{
    const char *device = rows[i].device;

    return explain(s, keep_printf("user=u%zu%s%s%s%s", i,
                                  *device ? "&device=" : "", device,
                                  mid != NULL ? "&message=" : "",
                                  mid != NULL ? mid : ""));
}

/* Some causes take a moment to come true, like the end of a TTL. */
static void check_row(const struct server *s, size_t i, const char *mid)
{
    int64_t end = wait_now() + WAIT_MS;
    const json_t *found;

    do {
        found = explain_row(s, i, mid);
        if (!strcmp(json_text_at(found, "cause"), rows[i].cause)) {
            break;
        }
        wait_a_little();
    } while (wait_now() < end);
    ck_assert_msg(!strcmp(json_text_at(found, "cause"), rows[i].cause)
                      && begins(json_text_at(found, "verdict"),
                                rows[i].sentence),
                  "row %zu, not %s: %s", i, rows[i].cause,
                  json_dumps(found, JSON_INDENT(1)));
}

START_TEST(each_cause_is_found_and_said_also_after_a_graceful_restart)
{
    struct server *s = server_start(&options);
    const char *mids[ROWS];

    for (size_t i = 0; i < ROWS; i++) {
        mids[i] = rows[i].prepare(s, keep_printf("u%zu", i));
    }
    for (size_t i = 0; i < ROWS; i++) {
        check_row(s, i, mids[i]);
    }
    server_graceful(s);
    for (size_t i = 0; i < ROWS; i++) {
        check_row(s, i, mids[i]);
    }
}
END_TEST

/* ---- several devices ---- */

START_TEST(of_several_devices_each_has_its_chain_and_the_user_a_verdict)
{
    struct server *s = server_start(&options);
    struct stream *st = phone(s, "ada", "");
    const json_t *found;
    const char *mid;

    leave(s, stream_open(s, "user=ada&device=tablet", NULL));
    mid = to(s, "ada", NULL);
    expect_message(st, 1, "hello");
    acknowledge(s, "user=ada&device=phone&seq=1");
    found = explain(s, keep_printf("user=ada&message=%s", mid));
    ck_assert_uint_eq(json_array_size(json_at(found, "devices")), 2);
    ck_assert_str_eq(json_text_at(found, "cause"), "away");
    ck_assert(begins(json_text_at(found, "verdict"),
                     "1 of 2 devices of user ada have it. It waits: tablet is "
                     "away for # s."));
    for (int i = 0; i < 2; i++) {
        const char *path = keep_printf("devices.%d.device", i);
        bool is_phone = !strcmp(json_text_at(found, path), "phone");
        const char *id = json_text_at(found, keep_printf("devices.%d.id", i));
        const json_t *one = explain(
            s, keep_printf("user=ada&device=%s&message=%s", id, mid));

        ck_assert_str_eq(json_text_at(one, "cause"),
                         is_phone ? "acknowledged" : "away");
        ck_assert_ptr_null(json_at(one, "devices"));
    }
}
END_TEST

/* ---- what is not well asked ---- */

static const struct {
    const char *query;
    const char *mention;
} unclear[] = {{"", "user: "},
               {"?user=", "user: "},
               {"?user=a%01", "user: "},
               {"?user=a&user=b", "user: "},
               {"?user=a&message=", "message: "},
               {"?user=a&message=00000000000", "message: "},
               {"?user=a&message=8yIJLk1DzU", "message: "},
               {"?user=a&message=8yIJLk1DzU-", "message: "},
               {"?user=a&device=", "device: "},
               {"?user=a&device=b%20c", "device: "}};

START_TEST(a_question_that_is_unclear_is_answered_by_the_field)
{
    struct server *s = server_start(&options);

    for (size_t i = 0; i < sizeof(unclear) / sizeof(unclear[0]); i++) {
        http_expect(http_get(s,
                             keep_printf("/push/explain%s", unclear[i].query)),
                    400, unclear[i].mention);
    }
    http_expect(http_do(s, "POST", "/push/explain?user=a", NULL, ""), 405,
                "method");
}
END_TEST

/* ---- traces ---- */

/* The events of a trace, one behind the other. */
static const char *trace_of(const json_t *found)
{
    const json_t *trace = json_at(found, "trace");
    const char *text = "";

    for (size_t i = 0; i < json_array_size(trace); i++) {
        const json_t *event = json_array_get(trace, i);
        const json_t *seq = json_at(event, "seq");

        text = keep_printf("%s%s%s", text, i ? " " : "",
                           json_text_at(event, "what"));
        if (seq != NULL) {
            text = keep_printf("%s=%d", text, (int)json_integer_value(seq));
        }
    }
    return text;
}

static bool has_step(const json_t *found, const char *what, const char *text)
{
    const json_t *steps = json_at(found, "steps");

    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);

        if (!strcmp(json_text_at(step, "what"), what)
            && !strcmp(json_text_at(step, "text"), text)) {
            return true;
        }
    }
    return false;
}

START_TEST(a_trace_tells_what_was_written_again_also_after_a_restart)
{
    struct server *s = server_start(&options);
    const char *mid = away(s, "traced.ada");
    struct stream *st = phone(s, "traced.ada", "");
    const json_t *found;

    expect_message(st, 1, "hello");
    leave(s, st);
    server_graceful(s);
    st = phone(s, "traced.ada", "");
    expect_message(st, 1, "hello");
    acknowledge(s, "user=traced.ada&device=phone&seq=1");
    found = explain(s, keep_printf("user=traced.ada&device=phone&message=%s",
                                   mid));
    ck_assert_str_eq(trace_of(found),
                     "came settings went came settings written=1 went came "
                     "settings written-again=1 acked=1");
    ck_assert(has_step(found, "written", "It was written as seq 1."));
    ck_assert(
        has_step(found, "written-again", "It was written again as seq 1."));
    ck_assert_str_eq(json_text_at(found, "cause"), "acknowledged");
    to(s, "untraced", NULL);
    leave(s, phone(s, "untraced", ""));
    found = explain(s, "user=untraced&device=phone");
    ck_assert(json_is_null(json_at(found, "trace")));
}
END_TEST

/* A shard's part of the part of the memory that traces may take. */
START_TEST(a_device_for_whose_trace_there_is_no_room_says_so)
{
    struct server_options small = {.global = "PushTrace *\nPushShmSize 8M\n"};
    struct server *s = server_start(&small);
    int without = 0;

    for (int i = 0; i < 60; i++) {
        leave(s, stream_open(s, keep_printf("user=ada&device=d%d", i), NULL));
    }
    for (int i = 0; i < 60; i++) {
        const json_t *found = explain(s,
                                      keep_printf("user=ada&device=d%d", i));
        const json_t *trace = json_at(found, "trace");

        without += json_is_string(trace);
        ck_assert(json_is_string(trace) || json_array_size(trace) == 3);
    }
    ck_assert_int_gt(without, 40);
    ck_assert_int_lt(without, 60);
    ck_assert(
        json_is_true(json_at(http_get(s, "/push/check")->json, "sound")));
}
END_TEST

/* ---- a full memory ---- */

START_TEST(what_went_for_want_of_memory_is_said_to_have)
{
    struct server_options small = {
        .global = "PushShmSize 8M\nPushMaxPending 10000\n"};
    struct server *s = server_start(&small);
    static char text[60000];
    const char *mid;
    const json_t *found;

    memset(text, 'x', sizeof(text) - 1);
    phone_left(s, "ada", "");
    mid = publish(s, "user=ada", "Urgency: low\r\n", "hello");
    for (int i = 0; i < 400; i++) {
        if (stat_of(s, "evicted")) {
            break;
        }
        publish_try(s, "user=ada", "Urgency: normal\r\n", text);
    }
    found = explain(s, keep_printf("user=ada&message=%s", mid));
    ck_assert_str_eq(json_text_at(found, "cause"), "evicted-memory");
    ck_assert(begins(json_text_at(found, "verdict"),
                     "It was dropped # s ago: the memory was full"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("explain");
    TCase *tc = case_add(suite, "causes", 120);

    tcase_add_test(tc,
                   each_cause_is_found_and_said_also_after_a_graceful_restart);
    tcase_add_test(
        tc, of_several_devices_each_has_its_chain_and_the_user_a_verdict);
    tcase_add_test(tc, a_question_that_is_unclear_is_answered_by_the_field);
    tcase_add_test(tc, what_went_for_want_of_memory_is_said_to_have);
    tc = case_add(suite, "traces", 60);
    tcase_add_test(tc,
                   a_trace_tells_what_was_written_again_also_after_a_restart);
    tcase_add_test(tc, a_device_for_whose_trace_there_is_no_room_says_so);
    return case_run(suite);
}
