#include "causes.h"

#include <check.h>
#include <string.h>

#include "http.h"
#include "keep.h"
#include "stream.h"
#include "verbs.h"

struct stream *phone(const struct server *s, const char *user,
                     const char *more)
{
    return stream_open(
        s, keep_printf("user=%s&device=phone&seq=0%s", user, more), NULL);
}

void phone_left(const struct server *s, const char *user, const char *more)
{
    leave(s, phone(s, user, more));
}

const char *message_to(const struct server *s, const char *user,
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
    const char *mid = message_to(s, user, NULL);

    expect_message(st, 1, "hello");
    acknowledge(s, keep_printf("user=%s&device=phone&seq=1", user));
    return mid;
}

static const char *assumed(const struct server *s, const char *user)
{
    const char *query = keep_printf("user=%s&device=phone", user);
    struct stream *st = stream_open(s, query, NULL);
    const char *mid = message_to(s, user, NULL);
    const char *id = stream_next(st)->id;

    stream_close(st);
    stream_open(s, query, keep_printf("Last-Event-ID: %s\r\n", id));
    return mid;
}

static const char *in_flight(const struct server *s, const char *user)
{
    struct stream *st = phone(s, user, "");
    const char *mid = message_to(s, user, NULL);

    expect_message(st, 1, "hello");
    return mid;
}

static const char *in_flight_unsaid(const struct server *s, const char *user)
{
    struct stream *st = stream_open(
        s, keep_printf("user=%s&device=phone", user), NULL);
    const char *mid = message_to(s, user, NULL);

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
    return message_to(s, user, NULL);
}

static const char *filtered(const struct server *s, const char *user)
{
    phone(s, user, "&urgency=high");
    return message_to(s, user, "Urgency: low\r\n");
}

static const char *not_held(const struct server *s, const char *user)
{
    phone(s, user, "&os=android&app_version=4.1");
    return message_to(s, user,
                      "Push-Where: os=android, app_version=>=4.2\r\n");
}

static const char *away(const struct server *s, const char *user)
{
    phone_left(s, user, "");
    return message_to(s, user, NULL);
}

static const char *away_in_flight(const struct server *s, const char *user)
{
    struct stream *st = phone(s, user, "");
    const char *mid = message_to(s, user, NULL);

    expect_message(st, 1, "hello");
    leave(s, st);
    return mid;
}

static const char *disconnected(const struct server *s, const char *user)
{
    struct stream *st = phone(s, user, "");

    change(s, "DELETE", keep_printf("/push/users/%s/streams", user));
    stream_expect_bye(st, "disconnected");
    return message_to(s, user, NULL);
}

static const char *revoked(const struct server *s, const char *user)
{
    struct stream *st = phone(s, user, "");

    change(s, "POST", keep_printf("/push/users/%s/revoke", user));
    stream_expect_bye(st, "expired-token");
    return message_to(s, user, NULL);
}

static const char *another_user(const struct server *s, const char *user)
{
    phone_left(s, user, "");
    return message_to(s, "somebody", NULL);
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
    return message_to(s, user, "TTL: 0\r\n");
}

static const char *no_stream_of_it(const struct server *s, const char *user)
{
    phone_left(s, user, "");
    stream_open(s, keep_printf("user=%s&device=tablet", user), NULL);
    return message_to(s, user, "TTL: 0\r\n");
}

static const char *expired_away(const struct server *s, const char *user)
{
    phone_left(s, user, "");
    return message_to(s, user, "TTL: 1\r\n");
}

static const char *expired_in_flight(const struct server *s, const char *user)
{
    struct stream *st = phone(s, user, "");
    const char *mid = message_to(s, user, "TTL: 1\r\n");

    expect_message(st, 1, "hello");
    return mid;
}

static const char *expired_waiting(const struct server *s, const char *user)
{
    window_full(s, user);
    return message_to(s, user, "TTL: 1\r\n");
}

static const char *replaced(const struct server *s, const char *user)
{
    const char *mid;

    phone_left(s, user, "");
    mid = message_to(s, user, "Topic: eta\r\n");
    message_to(s, user, "Topic: eta\r\n");
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
    return message_to(s, user, NULL);
}

static const char *waits_for_the_first(const struct server *s,
                                       const char *user)
{
    return message_to(s, user, NULL);
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
    message_to(s, user, NULL); /* so that its moment is over */
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

const struct cause causes[] = {
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
    {not_held, "phone", "filtered",
     "It was not for phone: only for devices where os=android, "
     "app_version=>=4.2."},
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

const size_t causes_count = sizeof(causes) / sizeof(causes[0]);
