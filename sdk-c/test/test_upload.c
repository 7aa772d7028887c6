/* test_upload.c - publishing over one streaming request. */
#include <check.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "publishing.h"
#include "suite.h"

/* ---- streaming ---- */

/* A pt_server that reads lines from chunks, notes their keys, and answers each;
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
    int says_end; /* before it cuts, it says why */
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
        static const char end[] =
            "{\"error\":{\"type\":\"urn:mod_push:problem:"
            "expired-token\",\"status\":401},"
            "\"end\":true}\n";

        if (l->says_end) {
            scripted_say(r, "%zx\r\n%s\r\n", strlen(end), end);
        }
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
    for (length = read_chunk(r, chunk, sizeof(chunk)); length > 0;
         length = read_chunk(r, chunk, sizeof(chunk))) {
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
    char text[16] = "";
    int i;

    pt_begin(take_lines, l);
    pt_options.streaming = 1;
    pt_start();
    for (i = 0; i < 3000; i++) {
        pushc_outgoing m = pt_to_ann(text);

        snprintf(text, sizeof(text), "%d", i);
        m.length = strlen(text);
        ck_assert_int_eq(pushc_publish(pt_publisher, &m, 20000, pt_on_result,
                                       NULL),
                         PUSHC_OK);
    }
    ck_assert_int_eq(pushc_publisher_flush(pt_publisher, 20000), PUSHC_OK);
    pt_finish();
    ck_assert_uint_eq(pt_result_total(), 3000);
    ck_assert_uint_eq(l->uploads, 1);
    ck_assert_uint_eq(l->taken, 3000);
    for (i = 0; i < 3000; i++) {
        ck_assert_int_eq(pt_results[i].status, PUSHC_OK);
        ck_assert_str_eq(pt_results[i].key, l->keys[i]);
        ck_assert_int_eq(l->texts[i], i);
        ck_assert_int_eq(atoi(pt_results[i].id + 1), i);
    }
    free(l);
}
END_TEST

START_TEST(over_cut_connections_nothing_is_lost_and_the_keys_stay)
{
    struct lines *l = make_lines(100);
    char text[16] = "";
    int i;

    pt_begin(take_lines, l);
    pt_options.streaming = 1;
    pt_options.max_in_flight = 600;
    pt_start();
    for (i = 0; i < 600; i++) {
        pushc_outgoing m = pt_to_ann(text);

        snprintf(text, sizeof(text), "%d", i);
        m.length = strlen(text);
        ck_assert_int_eq(pushc_publish(pt_publisher, &m, 20000, pt_on_result,
                                       NULL),
                         PUSHC_OK);
    }
    ck_assert_int_eq(pushc_publisher_flush(pt_publisher, 30000), PUSHC_OK);
    pt_finish();
    ck_assert_uint_eq(l->taken, 600);
    ck_assert_uint_ge(l->uploads, 6);
    ck_assert_uint_ge(l->repeats, 5);
    for (i = 0; i < 600; i++) {
        ck_assert_int_eq(pt_results[i].status, PUSHC_OK);
        ck_assert_str_eq(pt_results[i].key, l->keys[i]);
        ck_assert_int_eq(l->texts[i], i);
    }
    free(l);
}
END_TEST

START_TEST(a_line_that_ends_the_request_answers_no_message)
{
    struct lines *l = make_lines(4);
    int i;

    l->says_end = 1;
    pt_begin(take_lines, l);
    pt_options.streaming = 1;
    pt_start();
    for (i = 0; i < 20; i++) {
        pushc_outgoing m = pt_to_ann("x");

        m.length = 1;
        ck_assert_int_eq(pushc_publish(pt_publisher, &m, 20000, pt_on_result,
                                       NULL),
                         PUSHC_OK);
    }
    ck_assert_int_eq(pushc_publisher_flush(pt_publisher, 60000), PUSHC_OK);
    pt_finish();
    ck_assert_uint_eq(pt_result_total(), 20);
    ck_assert_uint_gt(l->uploads, 1);
    for (i = 0; i < 20; i++) {
        ck_assert_int_eq(pt_results[i].status, PUSHC_OK);
    }
    free(l);
}
END_TEST

START_TEST(one_bad_line_harms_no_other_and_binary_goes_as_base64)
{
    struct lines *l = make_lines(0);
    pushc_outgoing m = PUSHC_OUTGOING_INIT;

    pt_begin(take_lines, l);
    pt_options.streaming = 1;
    pt_start();
    m.channel = "c";
    m.data = "\xff\0\"";
    m.length = 3;
    m.urgency = "low";
    m.ttl = 5;
    m.key = "k1";
    m.event = "e";
    m.receipt = 1;
    ck_assert_int_eq(pushc_publish(pt_publisher, &m, 0, pt_on_result, NULL),
                     0);
    m.topic = "t";
    m.key = "k2";
    ck_assert_int_eq(pushc_publish(pt_publisher, &m, 0, pt_on_result, NULL),
                     0);
    m.topic = NULL;
    m.key = "k3";
    ck_assert_int_eq(pushc_publish(pt_publisher, &m, 0, pt_on_result, NULL),
                     0);
    ck_assert_int_eq(pushc_publisher_flush(pt_publisher, 20000), PUSHC_OK);
    pt_finish();
    ck_assert_str_eq(l->first,
                     "{\"channel\":\"c\",\"event\":\"e\",\"urgency\":\"low\","
                     "\"key\":\"k1\",\"receipt\":true,\"ttl\":5,"
                     "\"base64\":\"/wAi\"}");
    ck_assert_int_eq(pt_results[0].status, PUSHC_OK);
    ck_assert_int_eq(pt_results[1].status, PUSHC_ERR_HTTP);
    ck_assert_int_eq(pt_results[1].http_status, 422);
    ck_assert_str_eq(pt_results[1].detail, "bad topic");
    ck_assert_int_eq(pt_results[2].status, PUSHC_OK);
    free(l);
}
END_TEST

START_TEST(a_request_that_rests_is_ended_and_the_next_message_begins_another)
{
    struct lines *l = make_lines(0);
    pushc_result result = {.size = sizeof(result)};
    pushc_outgoing m = pt_to_ann("1");

    pt_begin(take_lines, l);
    pt_options.streaming = 1;
    pt_options.idle_ms = 50;
    pt_start();
    ck_assert_int_eq(pushc_publish_wait(pt_publisher, &m, &result), PUSHC_OK);
    while (scripted_count(pt_server, "/messages") < 3) {
        uint64_t until = now_ms() + 120;

        while (now_ms() < until) {
            pause_briefly();
        }
        ck_assert_int_eq(pushc_publish_wait(pt_publisher, &m, &result),
                         PUSHC_OK);
    }
    pt_finish();
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

    pt_begin(refuse_upload, &status);
    pt_options.streaming = 1;
    pt_start();
    for (i = 0; i < 5; i++) {
        ck_assert_int_eq(pt_publish("a"), PUSHC_OK);
    }
    ck_assert_int_eq(pushc_publisher_flush(pt_publisher, 20000), PUSHC_OK);
    for (i = 0; i < 5; i++) {
        ck_assert_int_eq(pt_results[i].status, PUSHC_ERR_AUTH);
        ck_assert_int_eq(pt_results[i].http_status, 403);
        ck_assert_str_eq(pt_results[i].detail, "go away");
    }
}
END_TEST

int main(void)
{
    TCase *tc = suite_begin("upload", 60);

    tcase_add_checked_fixture(tc, NULL, pt_finish);
    tcase_add_test(tc, many_messages_go_over_one_request_in_order);
    tcase_add_test(tc, over_cut_connections_nothing_is_lost_and_the_keys_stay);
    tcase_add_test(tc, one_bad_line_harms_no_other_and_binary_goes_as_base64);
    tcase_add_test(tc, a_line_that_ends_the_request_answers_no_message);
    tcase_add_test(
        tc, a_request_that_rests_is_ended_and_the_next_message_begins_another);
    tcase_add_test(tc, an_upload_that_is_refused_is_refused_for_all);
    return suite_run();
}
