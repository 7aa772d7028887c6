/* test_publish.c - publishing by single requests, and over one stream. */
#include <check.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "pushc.h"
#include "scripted.h"

static struct scripted *server;
static pushc_publisher *publisher;
static pushc_options options;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pushc_result results[4096]; /* in the order they came */
static unsigned result_count;

static void begin(scripted_fn script, void *ctx)
{
    static char url[128];
    pushc_options o = PUSHC_OPTIONS_INIT;

    server = scripted_start(script, ctx);
    snprintf(url, sizeof(url), "%s/push", scripted_url(server));
    o.url = url;
    o.base_ms = 500;
    options = o;
}

static void start(void)
{
    ck_assert_int_eq(pushc_publisher_create(&options, &publisher), PUSHC_OK);
}

/* End both, so that what their threads noted can be read. */
static void finish(void)
{
    pushc_publisher_destroy(publisher);
    publisher = NULL;
    if (server) {
        scripted_stop(server);
        server = NULL;
    }
}

static void on_result(void *ctx, const pushc_result *r)
{
    (void)ctx;
    pthread_mutex_lock(&lock);
    results[result_count++] = *r;
    pthread_mutex_unlock(&lock);
}

static unsigned result_total(void)
{
    unsigned n;

    pthread_mutex_lock(&lock);
    n = result_count;
    pthread_mutex_unlock(&lock);
    return n;
}

static pushc_outgoing to_ann(const char *text)
{
    pushc_outgoing m = PUSHC_OUTGOING_INIT;

    m.user = "ann";
    m.data = text;
    m.length = strlen(text);
    return m;
}

static int publish(const char *text)
{
    pushc_outgoing m = to_ann(text);

    return pushc_publish(publisher, &m, 0, on_result, NULL);
}

#define CREATED "{\"id\":\"0hZk3x9Qa2B\",\"recipients\":3,\"connected\":2}"

/* ---- single requests ---- */

struct script {
    int status;
    const char *headers;
    const char *body;
    unsigned until; /* the number of requests that get this answer */
    char seen[8][512];
};

static int answer(void *ctx, struct scripted_request *r)
{
    struct script *s = ctx;
    char value[128];

    if (r->number <= 8) {
        scripted_header(r, "Idempotency-Key", value, sizeof(value));
        snprintf(s->seen[r->number - 1], 512, "%s %.300s %s", r->method,
                 r->target, value);
    }
    if (r->number <= s->until && s->status == 0) {
        return 0;
    }
    if (r->number <= s->until) {
        return scripted_answer(r, s->status, s->headers, s->body);
    }
    return scripted_answer(r, 201, "TTL: 60\r\n", CREATED);
}

static int check_request(void *ctx, struct scripted_request *r)
{
    static const char *const names[] = {"Content-Type",    "TTL",
                                        "Urgency",         "Topic",
                                        "Push-Event",      "Prefer",
                                        "Idempotency-Key", "Authorization"};
    char *out = ctx;
    size_t i;

    snprintf(out, 600, "%s %.500s", r->method, r->target);
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char value[64];

        scripted_header(r, names[i], value, sizeof(value));
        snprintf(out + strlen(out), 100, "|%s", value);
    }
    snprintf(out + strlen(out), 100, "|%.90s", r->body);
    return scripted_answer(r, 202, "", CREATED);
}

START_TEST(a_message_is_one_request_with_the_headers_of_web_push)
{
    pushc_result result = {.size = sizeof(result)};
    pushc_outgoing m = to_ann("{\"trip\":9}");
    char seen[2000];

    begin(check_request, seen);
    options.token = "secret";
    options.query = "k=v";
    start();
    m.user = "ann b";
    m.device = "d.1";
    m.content_type = "application/json";
    m.event = "trip.accepted";
    m.urgency = "high";
    m.topic = "trip9";
    m.key = "key-1";
    m.ttl = 60;
    m.receipt = 1;
    ck_assert_int_eq(pushc_publish_wait(publisher, &m, &result), PUSHC_OK);
    ck_assert_str_eq(seen, "POST /push/messages?user=ann%20b&device=d.1&k=v|"
                           "application/json|60|high|trip9|trip.accepted|"
                           "respond-async|key-1|Bearer secret|{\"trip\":9}");
    ck_assert_str_eq(result.id, "0hZk3x9Qa2B");
    ck_assert_int_eq(result.recipients, 3);
    ck_assert_int_eq(result.connected, 2);
    ck_assert_int_eq(result.http_status, 202);
    ck_assert_str_eq(result.key, "key-1");
    ck_assert_uint_eq(result.attempts, 1);
}
END_TEST

static const struct {
    int status;
    const char *headers;
    const char *body;
} troubles[] = {
    {0, "", ""}, /* the connection is cut */
    {503, "Retry-After: 1\r\n", "{}"},
    {500, "", "oops"},
    {429, "", "{}"},
    {409, "", "{\"title\":\"first still running\"}"},
};

START_TEST(after_trouble_the_same_key_is_sent_again)
{
    pushc_result result = {.size = sizeof(result)};
    pushc_outgoing m = to_ann("a");
    struct script s = {
        troubles[_i].status, troubles[_i].headers, troubles[_i].body, 1, {""}};

    begin(answer, &s);
    start();
    ck_assert_int_eq(pushc_publish_wait(publisher, &m, &result), PUSHC_OK);
    ck_assert_uint_eq(result.attempts, 2);
    finish();
    ck_assert_str_eq(s.seen[0], s.seen[1]);
    ck_assert_uint_eq(strlen(result.key), 22);
    ck_assert_ptr_nonnull(strstr(s.seen[0], result.key));
}
END_TEST

static const struct {
    int http;
    int status;
} refusals[] = {{400, PUSHC_ERR_HTTP},     {401, PUSHC_ERR_AUTH},
                {403, PUSHC_ERR_AUTH},     {413, PUSHC_ERR_HTTP},
                {422, PUSHC_ERR_HTTP},     {404, PUSHC_ERR_HTTP},
                {307, PUSHC_ERR_REDIRECT}, {302, PUSHC_ERR_REDIRECT}};

START_TEST(a_refusal_is_told_with_the_words_of_the_server)
{
    pushc_result result = {.size = sizeof(result)};
    pushc_outgoing m = to_ann("a");
    struct script s = {refusals[_i].http,
                       "Location: http://127.0.0.2/\r\n",
                       "{\"title\":\"t\",\"detail\":\"too bad\"}",
                       9,
                       {""}};

    begin(answer, &s);
    start();
    ck_assert_int_eq(pushc_publish_wait(publisher, &m, &result),
                     refusals[_i].status);
    ck_assert_int_eq(result.http_status, refusals[_i].http);
    ck_assert_str_eq(result.detail, "too bad");
    ck_assert_uint_eq(result.attempts, 1);
}
END_TEST

START_TEST(what_finds_no_server_is_given_up_in_time)
{
    pushc_result result = {.size = sizeof(result)};
    pushc_outgoing m = to_ann("a");
    struct script s = {0, "", "", 0, {""}};
    uint64_t began;

    begin(answer, &s);
    scripted_refuse(server);
    options.publish_ms = 300;
    options.streaming = _i;
    start();
    began = now_ms();
    ck_assert_int_eq(pushc_publish_wait(publisher, &m, &result),
                     PUSHC_ERR_NETWORK);
    ck_assert_uint_ge(now_ms() - began, 295);
    ck_assert_uint_le(now_ms() - began, 2000);
}
END_TEST

static int never(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    scripted_hold(r, -1);
    return 0;
}

START_TEST(no_more_than_max_in_flight_are_accepted)
{
    int i;

    begin(never, NULL);
    options.max_in_flight = 3;
    options.parallel = 2;
    options.stop_ms = 50;
    options.streaming = _i;
    start();
    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(publish("a"), PUSHC_OK);
    }
    ck_assert_int_eq(publish("a"), PUSHC_AGAIN);
    ck_assert_int_eq(pushc_publisher_flush(publisher, 20), PUSHC_AGAIN);
    if (!_i) {
        scripted_wait(server, "/messages", 2);
        ck_assert_uint_eq(scripted_count(server, "/messages"), 2);
    }
    ck_assert_uint_eq(result_total(), 0);
    pushc_publisher_destroy(publisher);
    publisher = NULL;
    ck_assert_uint_eq(result_total(), 3);
    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(results[i].status, PUSHC_ERR_CLOSED);
    }
}
END_TEST

static const struct {
    pushc_outgoing m;
} illegal[] = {
    {{.ttl = -1}},
    {{.user = "a", .channel = "b", .ttl = -1}},
    {{.device = "d", .channel = "b", .ttl = -1}},
    {{.user = "", .ttl = -1}},
    {{.user = "a", .ttl = -2}},
    {{.user = "a", .event = "a\r\nX: y", .ttl = -1}},
    {{.user = "a", .content_type = "a\nb", .ttl = -1}},
    {{.user = "a", .key = "\t", .ttl = -1}},
    {{.user = "a", .length = 3, .ttl = -1}},
};

START_TEST(an_illegal_message_is_refused_before_it_is_sent)
{
    pushc_outgoing m = illegal[_i].m;

    begin(never, NULL);
    options.streaming = 0;
    start();
    m.size = sizeof(m);
    ck_assert_int_eq(pushc_publish(publisher, &m, 0, NULL, NULL),
                     PUSHC_ERR_ARGUMENT);
}
END_TEST

/* ---- streaming ---- */

/* A server that reads lines from chunks, notes their keys, and answers each;
 * it cuts the connection after some of them, without the last answer. */
struct lines {
    pthread_mutex_t lock;
    unsigned cut_every; /* 0: never */
    unsigned taken;     /* distinct keys */
    unsigned repeats;
    char keys[4096][24];
    int texts[4096];
    char first[512];
    unsigned uploads;
};

static int note_key(struct lines *l, const json_t *line)
{
    const char *key = json_string_value(json_object_get(line, "key"));
    const char *text = json_string_value(json_object_get(line, "text"));
    unsigned i;

    for (i = 0; i < l->taken; i++) {
        if (strcmp(l->keys[i], key) == 0) {
            l->repeats++;
            return (int)i;
        }
    }
    snprintf(l->keys[l->taken], 24, "%s", key);
    l->texts[l->taken] = text ? atoi(text) : -1;
    return (int)l->taken++;
}

static int answer_line(struct lines *l, struct scripted_request *r,
                       const char *text, unsigned count)
{
    json_t *line = json_loads(text, 0, NULL);
    char answer_text[128];
    int number;

    pthread_mutex_lock(&l->lock);
    if (l->taken == 0) {
        snprintf(l->first, sizeof(l->first), "%.500s", text);
    }
    number = line ? note_key(l, line) : -1;
    pthread_mutex_unlock(&l->lock);
    if (l->cut_every && count % l->cut_every == 0) {
        json_decref(line);
        return -1;
    }
    if (json_object_get(line, "topic")) {
        snprintf(answer_text, sizeof(answer_text),
                 "{\"error\":{\"status\":422,\"detail\":\"bad topic\"}}\n");
    }
    else {
        snprintf(answer_text, sizeof(answer_text),
                 "{\"id\":\"m%d\",\"recipients\":1}\n", number);
    }
    json_decref(line);
    return scripted_say(r, "%zx\r\n%s\r\n", strlen(answer_text), answer_text);
}

static int read_all(struct scripted_request *r, char *out, size_t n)
{
    while (n > 0) {
        long got = scripted_read(r, out, n);

        if (got <= 0) {
            return -1;
        }
        out += got;
        n -= (size_t)got;
    }
    return 0;
}

/* The next chunk into out; its length, 0 at the end, -1 when it is cut. */
static long read_chunk(struct scripted_request *r, char *out, size_t size)
{
    char head[16];
    size_t n = 0;
    long length;

    do {
        if (n == sizeof(head) - 1 || read_all(r, head + n, 1)) {
            return -1;
        }
    } while (head[n++] != '\n');
    head[n] = '\0';
    length = strtol(head, NULL, 16);
    if (length < 0 || (size_t)length > size || read_all(r, out, length)
        || read_all(r, head, 2)) {
        return -1;
    }
    return length;
}

static int take_lines(void *ctx, struct scripted_request *r)
{
    static __thread char chunk[200000], line[200000];
    struct lines *l = ctx;
    size_t n = 0;
    unsigned count = 0;
    long length, i;

    pthread_mutex_lock(&l->lock);
    l->uploads++;
    pthread_mutex_unlock(&l->lock);
    scripted_say(r, "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n");
    while ((length = read_chunk(r, chunk, sizeof(chunk))) > 0) {
        for (i = 0; i < length; i++) {
            if (chunk[i] != '\n') {
                line[n++] = chunk[i];
                continue;
            }
            line[n] = '\0';
            n = 0;
            if (answer_line(l, r, line, ++count) != 0) {
                shutdown(r->fd, SHUT_WR);
                scripted_hold(r, 2000);
                return 0;
            }
        }
    }
    if (length == 0) {
        scripted_say(r, "0\r\n\r\n");
    }
    return 0;
}

static struct lines *make_lines(unsigned cut_every)
{
    struct lines *l = calloc(1, sizeof(*l));

    ck_assert_ptr_nonnull(l);
    pthread_mutex_init(&l->lock, NULL);
    l->cut_every = cut_every;
    return l;
}

START_TEST(many_messages_go_over_one_request_in_order)
{
    struct lines *l = make_lines(0);
    char text[16];
    int i;

    begin(take_lines, l);
    options.streaming = 1;
    start();
    for (i = 0; i < 3000; i++) {
        pushc_outgoing m = to_ann(text);

        snprintf(text, sizeof(text), "%d", i);
        m.length = strlen(text);
        ck_assert_int_eq(pushc_publish(publisher, &m, 20000, on_result, NULL),
                         PUSHC_OK);
    }
    ck_assert_int_eq(pushc_publisher_flush(publisher, 20000), PUSHC_OK);
    finish();
    ck_assert_uint_eq(result_total(), 3000);
    ck_assert_uint_eq(l->uploads, 1);
    ck_assert_uint_eq(l->taken, 3000);
    for (i = 0; i < 3000; i++) {
        ck_assert_int_eq(results[i].status, PUSHC_OK);
        ck_assert_str_eq(results[i].key, l->keys[i]);
        ck_assert_int_eq(l->texts[i], i);
        ck_assert_int_eq(atoi(results[i].id + 1), i);
    }
    free(l);
}
END_TEST

START_TEST(over_cut_connections_nothing_is_lost_and_the_keys_stay)
{
    struct lines *l = make_lines(100);
    char text[16];
    int i;

    begin(take_lines, l);
    options.streaming = 1;
    options.max_in_flight = 600;
    start();
    for (i = 0; i < 600; i++) {
        pushc_outgoing m = to_ann(text);

        snprintf(text, sizeof(text), "%d", i);
        m.length = strlen(text);
        ck_assert_int_eq(pushc_publish(publisher, &m, 20000, on_result, NULL),
                         PUSHC_OK);
    }
    ck_assert_int_eq(pushc_publisher_flush(publisher, 30000), PUSHC_OK);
    finish();
    ck_assert_uint_eq(l->taken, 600);
    ck_assert_uint_ge(l->uploads, 6);
    ck_assert_uint_ge(l->repeats, 5);
    for (i = 0; i < 600; i++) {
        ck_assert_int_eq(results[i].status, PUSHC_OK);
        ck_assert_str_eq(results[i].key, l->keys[i]);
        ck_assert_int_eq(l->texts[i], i);
    }
    free(l);
}
END_TEST

START_TEST(one_bad_line_harms_no_other_and_binary_goes_as_base64)
{
    struct lines *l = make_lines(0);
    pushc_outgoing m = PUSHC_OUTGOING_INIT;

    begin(take_lines, l);
    options.streaming = 1;
    start();
    m.channel = "c";
    m.data = "\xff\0\"";
    m.length = 3;
    m.urgency = "low";
    m.ttl = 5;
    m.key = "k1";
    m.event = "e";
    m.receipt = 1;
    ck_assert_int_eq(pushc_publish(publisher, &m, 0, on_result, NULL), 0);
    m.topic = "t";
    m.key = "k2";
    ck_assert_int_eq(pushc_publish(publisher, &m, 0, on_result, NULL), 0);
    m.topic = NULL;
    m.key = "k3";
    ck_assert_int_eq(pushc_publish(publisher, &m, 0, on_result, NULL), 0);
    ck_assert_int_eq(pushc_publisher_flush(publisher, 20000), PUSHC_OK);
    finish();
    ck_assert_str_eq(l->first,
                     "{\"channel\":\"c\",\"event\":\"e\",\"urgency\":\"low\","
                     "\"key\":\"k1\",\"receipt\":true,\"ttl\":5,"
                     "\"base64\":\"/wAi\"}");
    ck_assert_int_eq(results[0].status, PUSHC_OK);
    ck_assert_int_eq(results[1].status, PUSHC_ERR_HTTP);
    ck_assert_int_eq(results[1].http_status, 422);
    ck_assert_str_eq(results[1].detail, "bad topic");
    ck_assert_int_eq(results[2].status, PUSHC_OK);
    free(l);
}
END_TEST

START_TEST(a_request_that_rests_is_ended_and_the_next_message_begins_another)
{
    struct lines *l = make_lines(0);
    pushc_result result = {.size = sizeof(result)};
    pushc_outgoing m = to_ann("1");

    begin(take_lines, l);
    options.streaming = 1;
    options.idle_ms = 50;
    start();
    ck_assert_int_eq(pushc_publish_wait(publisher, &m, &result), PUSHC_OK);
    while (scripted_count(server, "/messages") < 3) {
        uint64_t until = now_ms() + 120;

        while (now_ms() < until) {
            pause_briefly();
        }
        ck_assert_int_eq(pushc_publish_wait(publisher, &m, &result), PUSHC_OK);
    }
    finish();
    ck_assert_uint_eq(l->repeats, 0);
    free(l);
}
END_TEST

static int refuse_upload(void *ctx, struct scripted_request *r)
{
    const int *status = ctx;

    scripted_answer(r, *status, "Connection: close\r\n",
                    "{\"detail\":\"go away\"}");
    scripted_hold(r, 200);
    return 0;
}

START_TEST(an_upload_that_is_refused_is_refused_for_all)
{
    int status = 403;
    unsigned i;

    begin(refuse_upload, &status);
    options.streaming = 1;
    start();
    for (i = 0; i < 5; i++) {
        ck_assert_int_eq(publish("a"), PUSHC_OK);
    }
    ck_assert_int_eq(pushc_publisher_flush(publisher, 20000), PUSHC_OK);
    for (i = 0; i < 5; i++) {
        ck_assert_int_eq(results[i].status, PUSHC_ERR_AUTH);
        ck_assert_int_eq(results[i].http_status, 403);
        ck_assert_str_eq(results[i].detail, "go away");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sdk-c publish");
    TCase *tc = tcase_create("publish");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, NULL, finish);
    tcase_add_test(tc, a_message_is_one_request_with_the_headers_of_web_push);
    tcase_add_loop_test(tc, after_trouble_the_same_key_is_sent_again, 0,
                        sizeof(troubles) / sizeof(troubles[0]));
    tcase_add_loop_test(tc, a_refusal_is_told_with_the_words_of_the_server, 0,
                        sizeof(refusals) / sizeof(refusals[0]));
    tcase_add_loop_test(tc, what_finds_no_server_is_given_up_in_time, 0, 2);
    tcase_add_loop_test(tc, no_more_than_max_in_flight_are_accepted, 0, 2);
    tcase_add_loop_test(tc, an_illegal_message_is_refused_before_it_is_sent, 0,
                        sizeof(illegal) / sizeof(illegal[0]));
    tcase_add_test(tc, many_messages_go_over_one_request_in_order);
    tcase_add_test(tc, over_cut_connections_nothing_is_lost_and_the_keys_stay);
    tcase_add_test(tc, one_bad_line_harms_no_other_and_binary_goes_as_base64);
    tcase_add_test(
        tc, a_request_that_rests_is_ended_and_the_next_message_begins_another);
    tcase_add_test(tc, an_upload_that_is_refused_is_refused_for_all);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
