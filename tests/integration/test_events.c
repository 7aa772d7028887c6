/*
 * Events for triggers: sections that are wrong stop the start; what comes to
 * <admin>/events finds its rules, once, and stays.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "scrape.h"
#include "server.h"
#include "stream.h"
#include "token.h"
#include "verbs.h"
#include "wait.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

/* ---- sections ---- */

#define WHEN "PushWhen \"event('type') == 'a'\"\n"
#define POST "PushPost http://127.0.0.1:9/x\n"
#define B1   "PushTo broadcast\n"
#define B4   B1 B1 B1 B1
#define B16  B4 B4 B4 B4
#define PULL "PushPull http://127.0.0.1:9/x\n"

/* What stands within a section, and what the refusal must name. */
static const char *const wrong_sections[][2] = {
    {"", "<PushTrigger x> must have PushWhen, PushEvery or PushAt"},
    {WHEN, "must have either PushPull or PushPost"},
    {WHEN POST PULL "PushTo broadcast", "either PushPull or PushPost"},
    {WHEN PULL, "must have a PushTo"},
    {WHEN WHEN POST, "PushWhen must be there once"},
    {WHEN POST POST, "PushPost must be there once"},
    {WHEN POST "PushHeartbeat 5", "not PushHeartbeat"},
    {WHEN POST "Require local", "not Require"},
    {POST "PushWhen \"event('type') ==\"", "PushWhen must be an expression"},
    {POST "PushWhen \"%{REQUEST_URI} == '/'\"", "'REQUEST_URI' is of a"},
    {POST "PushWhen \"req('Host') == 'x'\"", "'req' is of a request"},
    {POST "PushWhen \"file('/etc/passwd') == 'x'\"", "'file' is of a"},
    {POST "PushWhen \"-U event('type')\"", "'U' is of a request"},
    {POST "PushWhen \"-f event('type')\"", "'f' is of a request"},
    {WHEN POST "PushTo", "PushTo must be user NAME, channel NAME or "},
    {WHEN POST "PushTo group x", "PushTo must be user NAME"},
    {WHEN POST "PushTo user", "PushTo must be user NAME"},
    {WHEN POST "PushTo user $x", "does not begin with $"},
    {WHEN POST "PushTo user %{x}", "%{event:PATH}"},
    {WHEN POST "PushTo user \"\"", "PushTo must be user NAME"},
    {WHEN POST "PushTo user a device=%{x}", "%{event:PATH}"},
    {WHEN POST B16 B1, "PushTo must be there at most 16 times"},
    {WHEN POST "PushTo channel c device=d", "PushTo takes if=connected"},
    {WHEN POST "PushTo broadcast if=connected", "PushTo takes if=connected"},
    {WHEN "PushPost", "PushPost must be a URL"},
    {WHEN "PushPull\nPushTo broadcast", "PushPull must be a URL"},
    {WHEN "PushPull file:///etc/passwd\nPushTo broadcast",
     "PushPull: a URL begins with http://"},
    {WHEN "PushPull http://h/ timeout=61s\nPushTo broadcast",
     "PushPull: timeout= must be from 100ms to 60s"},
    {WHEN "PushPull http://h/ color=red\nPushTo broadcast",
     "PushPull: behind the URL there may be timeout=, secret=, per= and "
     "only=, not"},
    {WHEN "PushPull http://h/ secret=\nPushTo broadcast",
     "PushPull: secret= must be the path"},
    {WHEN "PushPost ftp://h/", "PushPost: a URL begins with http://"},
    {WHEN "PushPost http://%{event:host}/", "PushPost: a URL begins with"},
    {WHEN "PushPost http://u:secret@h/", "PushPost: a URL begins with"},
    {WHEN "PushPost http://h/ timeout=0",
     "timeout= must be from 100ms to 60s"},
    {WHEN "PushPost http://h/ timeout=61s", "from 100ms to 60s"},
    {WHEN "PushPost http://h/ per=user",
     "there may be timeout= and secret=, not"},
    {WHEN "PushPost http://h/ secret=", "secret= must be the path"},
    {WHEN PULL "PushTo broadcast\nPushPull http://h/", "once"},
    {WHEN "PushPull http://h/ per=all\nPushTo broadcast",
     "per= must be user, context or once"},
    {WHEN "PushPull http://h/ only=new\nPushTo broadcast",
     "only= must be changed"},
    {WHEN POST "PushMessage urgency=urgent", "urgency= must be high"},
    {WHEN POST "PushMessage ttl=x", "ttl= must be from 0s to 31536000s"},
    {WHEN POST "PushMessage event=push.x", "event= must be 1 to 64"},
    {WHEN POST "PushMessage event=a/b", "event= must be 1 to 64"},
    {WHEN POST "PushMessage ttl=31536001", "ttl= must be from 0s to 31536000"},
    {WHEN POST "PushMessage topic=%{x}", "PushMessage: parts of the event"},
    {WHEN POST "PushMessage color=red", "PushMessage must be urgency="},
    {WHEN POST "PushRetry 1s", "PushRetry must be attempts="},
    {WHEN POST "PushRetry attempts=0", "attempts= must be from 1 to 100"},
    {WHEN POST "PushRetry attempts=101", "attempts= must be from 1 to 100"},
    {WHEN POST "PushRetry age=0", "age= must be from 1s to 86400s"},
    {WHEN POST "PushRetry age=86401", "age= must be from 1s to 86400s"},
    {WHEN POST "PushRetry attempts=1 color=red", "PushRetry must be attempts"},
    {"PushWhen \"event('type') == 'push.message.unacked'\"\n" POST,
     "PushWhen must have unacked=TIME with"},
    {"PushWhen \"event('type') == 'a'\" unacked=5s\n" POST,
     "and only with that"},
    {"PushWhen \"event('type') == 'push.message.unacked'\" unacked=0\n" POST,
     "unacked= from 1s to 86400s"},
    {"PushWhen \"event('type') == 'push.message.unacked'\" "
     "unacked=86401\n" POST,
     "unacked= from 1s to 86400s"},
    {WHEN POST "PushRate x", "PushRate must be from 1 to 1000000"},
    {WHEN POST "PushCoalesce %{x}", "PushCoalesce: parts of the event are"},
    {POST "PushEvery 86401", "PushEvery must be from 100ms to 86400s"},
    {POST "PushAt \"* * * *\"", "PushAt \"* * * *\": "},
    {POST "PushAt \"* 24 * * *\"", "hour: *, numbers from 0 to 23"},
    {POST "PushAt \"* * 0 * *\"", "day of the month: *, numbers from 1 to 31"},
    {POST "PushAt \"* * * 13 *\"", "month: *, numbers from 1 to 12"},
    {POST "PushAt \"* * * * 8\"", "day of the week: *, numbers from 0 to 7"},
    {WHEN POST "PushRate 0", "PushRate must be from 1 to 1000000"},
    {WHEN POST "PushRate 1000001", "PushRate must be from 1 to 1000000"},
    {WHEN POST "PushCoalesce x delay=86401", "delay= from 0s to 86400s"},
    {WHEN POST "PushCoalesce x later=1", "delay= from 0s to 86400s"},
    {WHEN POST "PushEvery 99ms", "PushEvery must be from 100ms to 86400s"},
    {POST "PushEvery 1s while=awake", "PushEvery takes while=subscribed"},
    {POST "PushEvery 1s while=subscribed", "a PushTo channel"},
    {POST "PushEvery 1s\nPushAt \"0 8 * * *\"", "either PushEvery or PushAt"},
    {POST "PushAt \"0 8 * * *\"\n" WHEN "PushEvery 1s",
     "either PushEvery or PushAt"},
    {POST "PushEvery 1s\nPushRetry attempts=8", "no attempts= of PushRetry"},
    {WHEN POST "PushMessage ttl=60", "no ttl=, topic= and event= of PushM"},
    {WHEN "PushMessage topic=t\n" POST, "no ttl=, topic= and event= of"},
    {WHEN POST "PushMessage urgency=low event=e", "which publishes nothing"},
    {POST "PushAt \"60 * * * *\"", "minute: *, numbers from 0 to 59"},
    {POST "PushAt \"0 0 31 2 *\"", "no month has such a day"},
};

/* Lines of a whole configuration. */
static const char *const wrong_lines[][2] = {
    {"PushWhen \"true\"", "PushWhen must stand within <PushTrigger NAME>"},
    {"PushTo broadcast", "PushTo must stand within"},
    {"PushPull http://h/", "PushPull must stand within"},
    {"PushPost http://h/", "PushPost must stand within"},
    {"PushMessage ttl=1", "PushMessage must stand within"},
    {"PushCoalesce x", "PushCoalesce must stand within"},
    {"PushRate 1", "PushRate must stand within"},
    {"PushEvery 1s", "PushEvery must stand within"},
    {"PushAt \"* * * * *\"", "PushAt must stand within"},
    {"PushRetry attempts=5 age=5s", "PushRetry must be one time"},
    {"<PushTrigger>\n" WHEN POST "</PushTrigger>", "name of 1 to 64"},
    {"<PushTrigger a/b>\n" WHEN POST "</PushTrigger>", "name of 1 to 64"},
    {"<PushTrigger a b>\n" WHEN POST "</PushTrigger>", "must have one name"},
    {"<PushTrigger a>\n" WHEN POST
     "</PushTrigger>\n<PushTrigger a>\n" WHEN POST "</PushTrigger>",
     "<PushTrigger a> must be there once"},
    {"<VirtualHost *>\n<PushTrigger a>\n" WHEN POST
     "</PushTrigger>\n</VirtualHost>",
     "PushTrigger"},
};

static void expect_refusal(const char *lines, const char *names)
{
    struct server_options o = {.global = lines};
    const char *said = server_refusal(&o);

    ck_assert_msg(strstr(said, names) != NULL, "%s: %s", lines, said);
}

START_TEST(a_wrong_section_stops_the_start_with_what_is_legal)
{
    expect_refusal(keep_printf("<PushTrigger x>\n%s\n</PushTrigger>",
                               wrong_sections[_i][0]),
                   wrong_sections[_i][1]);
}
END_TEST

START_TEST(a_line_in_the_wrong_place_stops_the_start)
{
    expect_refusal(wrong_lines[_i][0], wrong_lines[_i][1]);
}
END_TEST

/* ---- rules ---- */

/* One of each urgency, by which their queues are told apart. */
static const char rules[] =
    "<PushTrigger typed>\n"
    "PushWhen \"event('type') == 'trip.accepted' && event('data.city') in "
    "{ 'lisbon', 'porto' }\"\n"
    "PushTo user \"%{event:data.rider}\"\n"
    "PushTo user \"%{event:data.driver}\" if=connected\n"
    "PushPull \"http://127.0.0.1:9/trips/%{escape:%{event:data.trip}}\" "
    "per=context timeout=1s\n"
    "PushMessage urgency=high ttl=60 topic=trip event=trip.state\n"
    "PushRetry attempts=1 age=1h\n"
    "PushRate 200\n"
    "</PushTrigger>\n"
    "<PushTrigger pattern>\n"
    "PushWhen \"event('type') -strmatch 'order.*' && event('data.n') -gt 5 "
    "&& tolower(event('subject')) =~ /^a/ && -n '%{TIME}' && "
    "event('data.nothing') == ''\"\n"
    "PushPost http://127.0.0.1:9/orders timeout=1s\n"
    "PushMessage urgency=low\n"
    "PushRetry attempts=1 age=1h\n"
    "PushCoalesce \"%{event:data.n}\" delay=0s\n"
    "</PushTrigger>\n"
    "<PushTrigger binary>\n"
    "PushWhen \"event('ext') == 'ü 1' && event('datacontenttype') == "
    "'text/plain' && event('data') == 'hello'\"\n"
    "PushPost http://127.0.0.1:9/ timeout=1s\n"
    "PushMessage urgency=very-low\n"
    "PushRetry attempts=1 age=1h\n"
    "</PushTrigger>\n"
    "<PushTrigger timer>\n"
    "PushAt \"0 0 29 2 *\"\n"
    "PushPost http://127.0.0.1:9/\n"
    "PushRetry attempts=8 age=1h\n"
    "</PushTrigger>\n";

#define CE(id, more)                                                          \
    "{\"specversion\":\"1.0\",\"type\":\"trip.accepted\",\"source\":\"/t\","  \
    "\"id\":\"" id "\"" more "}"

#define TRIP(id)                                                              \
    CE(id, ",\"data\":{\"city\":\"porto\",\"rider\":\"ada\",\"trip\":7}")

#define STRUCTURED "Content-Type: application/cloudevents+json\r\n"
#define BATCH      "Content-Type: application/cloudevents-batch+json\r\n"
#define BINARY                                                                \
    "ce-specversion: 1.0\r\nce-type: x\r\nce-source: /b\r\nce-id: 1\r\n"

/* What is posted; the rules that match, or a problem that says so. */
static const struct {
    const char *query, *headers, *body;
    int status;
    int matched;
    const char *mention;
} posts[] = {
    {"", STRUCTURED, TRIP("1"), 202, 1, NULL},
    {"", STRUCTURED, CE("2", ",\"data\":{\"city\":\"faro\"}"), 202, 0, NULL},
    /* Of the targets none has a name. */
    {"", STRUCTURED, CE("3", ",\"data\":{\"city\":\"porto\"}"), 202, 0, NULL},
    {"", STRUCTURED, CE("4", ""), 202, 0, NULL},
    {"", BATCH, "[" TRIP("5") "," CE("6", "") "," TRIP("7") "]", 202, 2, NULL},
    {"", BATCH, "[]", 202, 0, NULL},
    {"", BINARY "ce-ext: %C3%BC%201\r\nContent-Type: text/plain\r\n", "hello",
     202, 1, NULL},
    {"", BINARY "ce-ext: x\r\nContent-Type: image/png\r\n", "\x89PNG", 202, 0,
     NULL},
    {"", BINARY "Content-Type: application/json\r\n", "{\"a\":1}", 202, 0,
     NULL},
    {"?type=order.new&subject=Ada", NULL, "{\"n\":6}", 202, 1, NULL},
    {"?type=order.new&subject=ada&source=/o&id=1",
     "Content-Type: application/json\r\n", "{\"n\":7}", 202, 1, NULL},
    {"?type=order.new&subject=ada", NULL, "{\"n\":5}", 202, 0, NULL},
    {"?type=order.new&subject=bob", NULL, "{\"n\":6}", 202, 0, NULL},
    {"?type=order.new&subject=ada", NULL, "", 202, 0, NULL},
    {"", NULL, "{}", 400, 0, "Content-Type application/cloudevents+json"},
    {"", STRUCTURED, "{", 400, 0, "event: JSON"},
    {"", STRUCTURED, "[]", 400, 0, "event: one JSON object"},
    {"", STRUCTURED, "{\"specversion\":\"1.0\"}", 400, 0, "type: 1 to 255"},
    {"", STRUCTURED, CE("1", ",\"id\":\"2\""), 400, 0, "duplicate"},
    {"", STRUCTURED, CE("1", ",\"data\":12345678901234567890"), 400, 0,
     "integers of 64 bits"},
    {"", STRUCTURED, CE("1", ",\"data\":\"a\\u0000\""), 400, 0, "event: JSON"},
    {"", STRUCTURED, CE("1", ",\"pushdepth\":5"), 400, 0, "pushdepth: 0 to 4"},
    {"", STRUCTURED, CE("1", ",\"push\":1"), 400, 0, "push: is reserved"},
    {"?type=push.message.acked", NULL, "1", 400, 0,
     "type: names that begin with push. are reserved"},
    {"", BATCH, "{}", 400, 0, "batch: an array of at most 1000"},
    {"", BATCH, "[" TRIP("8") ",{}]", 400, 0, "event 2 of the batch: spec"},
    {"", BINARY "ce-bad_name: x\r\n", "", 400, 0, "bad_name: names of"},
    {"", BINARY "ce-ext: %FF\r\n", "", 400, 0, "ce-ext: UTF-8"},
    {"", BINARY "ce-data: x\r\n", "", 400, 0, "ce-data: the data is the body"},
    {"", BINARY "Content-Type: application/json\r\n", "{", 400, 0,
     "data: JSON"},
    {"?type=a&type=b", NULL, "1", 400, 0, "type"},
};

static struct answer *post(const struct server *s, const char *query,
                           const char *headers, const char *body)
{
    return http_do(s, "POST", keep_printf("/push/events%s", query), headers,
                   body);
}

/* Messages of the queues so far: those of users of this urgency. */
static int queued(const struct server *s, const char *urgency)
{
    return (int)scrape_value(
        scrape_take(s, false),
        keep_printf("push_published_messages_total{audience=\"user\","
                    "urgency=\"%s\"}",
                    urgency));
}

/* Of the rule no event was queued, and so none was tried. */
static void expect_untouched(const struct server *s, int trigger)
{
    ck_assert_int_eq(trigger_figure(s, trigger, "waiting"), 0);
    ck_assert_int_eq(trigger_figure(s, trigger, "requests.connect"), 0);
    ck_assert_int_eq(trigger_figure(s, trigger, "dead"), 0);
}

/* Nobody listens where the rules ask: what they want becomes dead letters. */
static struct server *start(const struct server_options *o)
{
    struct server *s = server_start(o);

    server_allow(s, "PUSH0241");
    return s;
}

START_TEST(what_comes_in_finds_the_rules_that_match)
{
    struct server_options o = {.global = rules};
    struct server *s = start(&o);
    size_t i;

    for (i = 0; i < COUNT(posts); i++) {
        struct answer *a = post(s, posts[i].query, posts[i].headers,
                                posts[i].body);

        ck_assert_msg(a->status == posts[i].status, "%zu: %d %s", i, a->status,
                      a->body);
        http_expect(a, posts[i].status, posts[i].mention);
        ck_assert_msg(a->status != 202
                          || json_int_at(a->json, "matched")
                                 == posts[i].matched,
                      "%zu: %s", i, a->body);
    }
    /* The batch whose second event is wrong has brought nothing. */
    ck_assert_int_eq(queued(s, "high"), 3);
    ck_assert_int_eq(queued(s, "low"), 2);
    ck_assert_int_eq(queued(s, "very-low"), 1);
    expect_untouched(s, 3);
}
END_TEST

/* ---- once ---- */

START_TEST(the_same_event_twice_leads_to_nothing_new)
{
    struct server_options o = {.global = rules};
    struct server *s = start(&o);
    int i;

    for (i = 0; i < 5; i++) {
        http_expect(post(s, "", STRUCTURED, TRIP("1")), 202, NULL);
    }
    /* In other words, in one batch, and by headers: the same still. */
    http_expect(post(s, "", STRUCTURED,
                     CE("1", ",\"data\":{\"city\":\"lisbon\",\"rider\":"
                             "\"bob\"}")),
                202, NULL);
    http_expect(post(s, "", BATCH, "[" TRIP("1") "," TRIP("1") "]"), 202,
                NULL);
    http_expect(post(s, "",
                     "ce-specversion: 1.0\r\nce-type: trip.accepted\r\n"
                     "ce-source: /t\r\nce-id: 1\r\n",
                     "{\"city\":\"porto\",\"rider\":\"ada\"}"),
                202, NULL);
    ck_assert_int_eq(queued(s, "high"), 1);
    http_expect(post(s, "", BATCH, "[" TRIP("2") "," TRIP("2") "]"), 202,
                NULL);
    ck_assert_int_eq(queued(s, "high"), 2);
    /* A key names what the query alone describes. */
    for (i = 0; i < 3; i++) {
        http_expect(post(s, "?type=order.new&subject=ada",
                         "Idempotency-Key: k\r\n", "{\"n\":6}"),
                    202, NULL);
    }
    ck_assert_int_eq(queued(s, "low"), 1);
}
END_TEST

/* ---- the server's own ---- */

static const char own_rules[] =
    "PushPresence on\n"
    "<PushTrigger unread>\n"
    "PushWhen \"event('type') == 'push.message.expired' && "
    "event('data.event') == 'trip.accepted'\"\n"
    "PushPost http://127.0.0.1:9/sms timeout=1s\n"
    "PushMessage urgency=high\n"
    "PushRetry attempts=1 age=1s\n"
    "</PushTrigger>\n"
    "<PushTrigger read>\n"
    "PushWhen \"event('type') == 'push.message.acked' && "
    "event('data.user') == 'ada'\"\n"
    "PushTo user \"%{event:data.user}\"\n"
    "PushPull http://127.0.0.1:9/ timeout=1s\n"
    "PushMessage urgency=low\n"
    "PushRetry attempts=1\n"
    "</PushTrigger>\n"
    "<PushTrigger here>\n"
    "PushWhen \"event('type') in { 'push.device.connected', "
    "'push.channel.occupied' }\"\n"
    "PushPost http://127.0.0.1:9/ timeout=1s\n"
    "PushMessage urgency=very-low\n"
    "PushRetry attempts=1\n"
    "</PushTrigger>\n"
    /* It does not name their types, so it hears of none of them. */
    "<PushTrigger any>\n"
    "PushWhen true\n"
    "PushPost http://127.0.0.1:9/ timeout=1s\n"
    "PushRetry attempts=1\n"
    "</PushTrigger>\n";

/* Nobody follows a channel of the server: the rules are reason enough. */
START_TEST(what_happens_here_is_an_event_for_rules_that_name_it)
{
    struct server_options o = {.global = own_rules};
    struct server *s = start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0&channel=c",
                                    NULL);

    http_expect(publish_try(s, "user=ada", "Prefer: respond-async\r\n", "x"),
                202, NULL);
    expect_message(st, 1, "x");
    acknowledge(s, "user=ada&device=d&seq=1");
    wait_until(queued(s, "low") == 1);
    /* The device, and the channel that it follows. */
    wait_until(queued(s, "very-low") == 2);
    http_expect(publish_try(s, "user=bob",
                            "TTL: 1\r\nPush-Event: trip.accepted\r\n", "x"),
                201, NULL);
    http_expect(publish_try(s, "user=bob",
                            "TTL: 1\r\nPush-Event: trip.ended\r\n", "x"),
                201, NULL);
    wait_until(queued(s, "high") == 1);
    expect_untouched(s, 3);
    stream_close(st);
}
END_TEST

/* ---- safe ---- */

START_TEST(what_is_answered_is_on_disk)
{
    struct server_options o = {0};
    struct server *s;
    int i;

    o.global = keep_printf("PushStateDir state\nPushDurability commit\n%s",
                           rules);
    s = start(&o);
    for (i = 0; i < 20; i++) {
        http_expect(post(s, "?type=order.new&subject=ada&source=/o",
                         keep_printf("Idempotency-Key: %d\r\n", i),
                         keep_printf("{\"n\":%d}", 100 + i)),
                    202, NULL);
    }
    server_kill(s);
    server_again(s);
    ck_assert_int_ge(stat_of(s, "messages"), 20);
    /* And so are the keys. */
    http_expect(post(s, "?type=order.new&subject=ada&source=/o",
                     "Idempotency-Key: 7\r\n", "{\"n\":107}"),
                202, NULL);
    ck_assert_int_eq(queued(s, "low"), 0);
}
END_TEST

/* ---- who may ---- */

START_TEST(events_are_for_who_may_administer_and_have_their_limits)
{
    struct server_options o = {.global = rules};
    struct server *s;

    o.admin = keep_printf("Require local\nPushUser jwt\nPushJWTKey %s\n"
                          "PushMaxMessageSize 200\n",
                          token_file(TOKEN_SECRET, 0640));
    s = start(&o);
    http_expect(post(s, "?type=a", NULL, "1"), 401, NULL);
    http_expect(post(s, "?type=a", token_bearer("ada", ""), "1"), 403,
                "admin");
    http_expect(post(s, "?type=a", token_bearer("ada", ",\"push_admin\":true"),
                     "1"),
                202, NULL);
    http_expect(post(s, "?type=a", token_bearer("ada", ",\"push_admin\":true"),
                     keep_printf("\"%0250d\"", 1)),
                413, "PushMaxMessageSize");
    http_expect(post(s, "",
                     keep_printf("%s%s", BATCH,
                                 token_bearer("ada", ",\"push_admin\":true")),
                     keep_printf("[%s,{\"specversion\":\"1.0\",\"type\":"
                                 "\"x\",\"source\":\"s\",\"id\":\"%0190d\"}]",
                                 TRIP("1"), 1)),
                413, "PushMaxMessageSize");
    http_expect(http_do(s, "GET", "/push/events",
                        token_bearer("ada", ",\"push_admin\":true"), NULL),
                405, "POST");
}
END_TEST

START_TEST(without_a_rule_nothing_matches)
{
    struct server *s = server_start(NULL);
    struct answer *a = post(s, "?type=a", NULL, "1");

    http_expect(a, 202, NULL);
    ck_assert_int_eq(json_int_at(a->json, "matched"), 0);
    ck_assert_int_eq(json_int_at(a->json, "events"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("events");
    TCase *tc = case_add(suite, "sections", 60);

    tcase_add_row_test(tc, a_wrong_section_stops_the_start_with_what_is_legal,
                       wrong_sections);
    tcase_add_row_test(tc, a_line_in_the_wrong_place_stops_the_start,
                       wrong_lines);
    tc = case_add(suite, "events", 60);
    tcase_add_test(tc, what_comes_in_finds_the_rules_that_match);
    tcase_add_test(tc, the_same_event_twice_leads_to_nothing_new);
    tcase_add_test(tc, what_happens_here_is_an_event_for_rules_that_name_it);
    tcase_add_test(tc, what_is_answered_is_on_disk);
    tcase_add_test(tc,
                   events_are_for_who_may_administer_and_have_their_limits);
    tcase_add_test(tc, without_a_rule_nothing_matches);
    return case_run(suite);
}
