/* test_polls.c - polls: their answers (tests/vectors), and when they are
 * followed by the next one. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "probing.h"
#include "suite.h"
#include "vectors.h"

static const char nothing[] = "Content-Type: text/event-stream\r\n";

/* ---- one row of the vectors ---- */

static json_t *rows;
static const json_t *row;
static int by_bytes;     /* the body comes byte by byte */
static json_t *received; /* messages; under the probe's lock, as those below */
static json_t *gaps;
static char bye[64];
static unsigned long long bye_spread;
static char shown[80];

static void say_body(struct scripted_request *r)
{
    size_t length, i;
    char *body = vectors_text(json_object_get(row, "sse"), &length);

    scripted_say(r, "%s %zu\r\n\r\n",
                 by_bytes ? "Connection: close\r\nX-Length:"
                          : "Content-Length:",
                 length);
    for (i = 0; by_bytes && i < length; i++) {
        scripted_write(r, body + i, 1);
    }
    scripted_write(r, body, by_bytes ? 0 : length);
    free(body);
}

static int answer_row(void *ctx, struct scripted_request *r)
{
    const json_t *headers = json_object_get(row, "headers");
    const char *name;
    json_t *value;

    (void)ctx;
    if (strstr(r->target, "/ack?")) {
        return scripted_answer(r, 204, "", "");
    }
    if (r->receives > 1) {
        pthread_mutex_lock(&probe->lock);
        scripted_header(r, "Last-Event-ID", shown, sizeof(shown));
        pthread_mutex_unlock(&probe->lock);
        scripted_hold(r, -1);
        return 0;
    }
    scripted_say(r, "HTTP/1.1 %d X\r\n", (int)vectors_number(row, "status"));
    if (vectors_number(row, "status") == 200
        && !json_object_get(headers, "Content-Type")) {
        scripted_say(r, "Content-Type: text/event-stream\r\n");
    }
    json_object_foreach((json_t *)headers, name, value)
    {
        scripted_say(r, "%s: %s\r\n", name, json_string_value(value));
    }
    say_body(r);
    return !by_bytes;
}

static void add(json_t *o, const char *name, const char *value)
{
    if (value[0] != '\0') {
        json_object_set_new(o, name, json_string(value));
    }
}

/* The payload as a text of the vectors, where it is UTF-8. */
static json_t *payload_of(const pushc_message *m)
{
    json_t *text = json_stringn(m->data, m->length);

    ck_assert_uint_lt(m->length, 4096);
    return text ? text : json_pack("{s:s}", "base64", "//4A");
}

static int note_message(struct probe *p, pushc_message *m)
{
    json_t *o = json_pack("{s:s,s:s,s:o}", "id", m->id, "event", m->event,
                          "data", payload_of(m));

    if (m->ack_now) {
        add(o, "ack", "now");
    }
    add(o, "type", m->type);
    add(o, "channel", m->channel);
    add(o, "urgency", m->urgency);
    add(o, "trace", m->trace);
    if (m->time > 0) {
        json_object_set_new(o, "time", json_integer((json_int_t)m->time));
    }
    pthread_mutex_lock(&p->lock);
    json_array_append_new(received, o);
    pthread_mutex_unlock(&p->lock);
    return PUSHC_DONE;
}

static void (*note_in_probe)(void *ctx, const pushc_event *e);

static void note_event(void *ctx, const pushc_event *e)
{
    struct probe *p = ctx;

    pthread_mutex_lock(&p->lock);
    if (e->kind == PUSHC_GAP) {
        json_array_append_new(
            gaps, json_pack("{s:I,s:s,s:s}", "dropped", (json_int_t)e->dropped,
                            "reason", e->detail, "urgency", e->urgency));
    }
    if (e->kind == PUSHC_BYE) {
        snprintf(bye, sizeof(bye), "%s", e->detail);
        bye_spread = e->delay_ms;
    }
    pthread_mutex_unlock(&p->lock);
    note_in_probe(ctx, e);
}

static void begin_row(int i)
{
    row = json_array_get(rows, (size_t)i);
    received = json_array();
    gaps = json_array();
    bye[0] = '\0';
    probing_begin(answer_row, NULL);
    note_in_probe = probe->options.on_event;
    probe->options.on_event = note_event;
    probe->options.base_ms = 0;
    probe->options.transport = PUSHC_TRANSPORT_POLL;
    probe->options.cursor = vectors_string(row, "shown");
    if (probe->options.cursor[0] == '\0') {
        probe->options.cursor = NULL;
    }
    probe->handler = note_message;
    probe_start(probe);
}

/* A time of 0 is as one that was not told, to this SDK. */
static json_t *wanted_messages(void)
{
    json_t *wanted = json_deep_copy(json_object_get(row, "messages"));
    size_t i;
    json_t *m;

    json_array_foreach(wanted, i, m)
    {
        if (json_integer_value(json_object_get(m, "time")) == 0) {
            json_object_del(m, "time");
        }
    }
    return wanted;
}

static void check_told(const char *about)
{
    const json_t *end = json_object_get(row, "bye");
    json_t *wanted = wanted_messages();
    char *got = json_dumps(received, JSON_SORT_KEYS);

    ck_assert_msg(json_equal(wanted, received), "%s: %s", about, got);
    ck_assert_msg(json_equal(json_object_get(row, "gaps"), gaps), "%s: gaps",
                  about);
    ck_assert_msg(strcmp(bye, end ? vectors_string(end, "reason") : "") == 0,
                  "%s: bye %s", about, bye);
    ck_assert_msg(
        !end || (double)bye_spread == vectors_number(end, "spread_ms"),
        "%s: spread", about);
    free(got);
    json_decref(wanted);
}

/* Whether the last poll that is noted showed this cursor. */
static int has_shown(const char *cursor)
{
    int same;

    pthread_mutex_lock(&probe->lock);
    same = strcmp(shown, cursor) == 0;
    pthread_mutex_unlock(&probe->lock);
    return same;
}

static void check_row(const char *about)
{
    const char *outcome = vectors_string(row, "outcome");
    const json_t *wait = json_object_get(row, "wait");
    pushc_event e;

    if (strcmp(outcome, "stop") == 0) {
        WAIT_FOR(probe_events(probe, PUSHC_STOPPED) == 1);
        ck_assert_uint_eq(scripted_count(server, "/receive"), 1);
        return;
    }
    if (strcmp(outcome, "retry") == 0) {
        WAIT_FOR(probe_events(probe, PUSHC_WAITING) > 0);
        e = probe_nth(probe, PUSHC_WAITING, 1, NULL);
        ck_assert_msg(
            e.delay_ms >= (uint64_t)json_integer_value(json_array_get(wait, 0))
                && e.delay_ms <= (uint64_t)json_integer_value(
                       json_array_get(wait, 1)),
            "%s: waits for %llu ms", about, (unsigned long long)e.delay_ms);
    }
    scripted_wait(server, "/receive", 2);
    WAIT_FOR(has_shown(vectors_string(row, "next")));
    ck_assert_msg((probe_events(probe, PUSHC_WAITING) == 0)
                      == (strcmp(outcome, "again") == 0),
                  "%s: not %s", about, outcome);
}

static void end_row(void)
{
    probing_end();
    json_decref(received);
    json_decref(gaps);
}

START_TEST(the_answer_to_a_poll_leads_to_what_the_vectors_say)
{
    int i;

    by_bytes = _i;
    rows = vectors_load("poll.json");
    for (i = 0; i < (int)json_array_size(rows); i++) {
        const char *about = vectors_string(json_array_get(rows, (size_t)i),
                                           "description");

        if (json_object_get(json_array_get(rows, (size_t)i), "sse")) {
            begin_row(i);
            check_row(about);
            check_told(about);
            end_row();
        }
    }
    json_decref(rows);
}
END_TEST

/* ---- what follows a poll ---- */

static char first_shown[80];

/* Polls that are answered at once with a message, up to the fourth. */
static int one_each(void *ctx, struct scripted_request *r)
{
    char body[64];

    (void)ctx;
    if (strstr(r->target, "/ack?")) {
        return scripted_answer(r, 204, "", ""); /* of the stop */
    }
    scripted_header(r, "Prefer", body, sizeof(body));
    ck_assert_str_eq(body, r->receives == 1 ? "wait=0" : "wait=25");
    if (r->receives == 1) {
        scripted_query(r, "seq", first_shown, sizeof(first_shown));
    }
    if (r->receives > 3) {
        pthread_mutex_lock(&probe->lock);
        scripted_header(r, "Last-Event-ID", shown, sizeof(shown));
        ck_assert_int_eq(r->connection, 1);
        pthread_mutex_unlock(&probe->lock);
        scripted_hold(r, -1);
        return 0;
    }
    snprintf(body, sizeof(body), "id: %u.m%u\nack: now\ndata: x\n\n",
             r->receives, r->receives);
    return scripted_answer(r, 200, nothing, body);
}

static void begin_polls(scripted_fn script)
{
    probing_begin(script, NULL);
    probe->options.transport = PUSHC_TRANSPORT_POLL;
}

START_TEST(polls_follow_each_other_as_one_open_stream)
{
    pushc_stats stats = {.size = sizeof(stats)};

    begin_polls(one_each);
    probe_start(probe);
    scripted_wait(server, "/receive", 4);
    WAIT_FOR(has_shown("3.m3"));
    ck_assert_str_eq(first_shown, "0");
    ck_assert_uint_eq(probe_messages(probe), 3);
    ck_assert_uint_eq(probe_events(probe, PUSHC_CONNECTING), 1);
    ck_assert_uint_eq(probe_events(probe, PUSHC_OPEN), 1);
    ck_assert_uint_eq(probe_events(probe, PUSHC_WAITING), 0);
    ck_assert_int_eq(probe_last(probe, PUSHC_OPEN, NULL).transport,
                     PUSHC_TRANSPORT_POLL);
    ck_assert_int_eq(pushc_client_stats(probe->client, &stats), PUSHC_OK);
    ck_assert_int_eq(stats.transport, PUSHC_TRANSPORT_POLL);
    ck_assert_int_eq(stats.state, PUSHC_OPEN);
    ck_assert_uint_eq(stats.opened, 3);
    /* The cursor of the next one acknowledged. */
    ck_assert_uint_eq(scripted_count(server, "/ack"), 0);
    probing_end();
}
END_TEST

/* Two messages; then, to a cursor behind none of them, the same and a third;
 * behind the third nothing. */
static int two_then_three(void *ctx, struct scripted_request *r)
{
    char cursor[80];

    (void)ctx;
    if (strstr(r->target, "/ack?")) {
        return scripted_answer(r, 204, "", "");
    }
    scripted_header(r, "Last-Event-ID", cursor, sizeof(cursor));
    pthread_mutex_lock(&probe->lock);
    strcpy(shown, cursor);
    pthread_mutex_unlock(&probe->lock);
    if (r->receives == 1) {
        return scripted_answer(r, 200, nothing,
                               "id: 1.m1\ndata: a\n\nid: 2.m2\ndata: b\n\n");
    }
    if (cursor[0] == '\0') {
        return scripted_answer(r, 200, nothing,
                               "id: 1.m3\ndata: c\n\nid: 2.m1\ndata: a\n\n"
                               "id: 3.m2\ndata: b\n\n");
    }
    scripted_hold(r, -1);
    return 0;
}

static int keep_a(struct probe *p, pushc_message *m)
{
    return m->data[0] == 'a' ? probe_keep(p, m) : PUSHC_DONE;
}

START_TEST(a_message_that_is_kept_does_not_hold_up_the_others)
{
    begin_polls(two_then_three);
    probe->handler = keep_a;
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 3);
    ck_assert_str_eq(probe_message_at(probe, 2).data, "c");
    ck_assert_int_eq(pushc_ack(probe->client, probe_kept(probe)), PUSHC_OK);
    WAIT_FOR(has_shown("3.m2"));
    ck_assert_uint_eq(probe_messages(probe), 3);
    ck_assert_uint_eq(probe_events(probe, PUSHC_WAITING), 0);
    probing_end();
}
END_TEST

/* Polls that break behind their first message. */
static int broken_behind_one(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    if (strstr(r->target, "/ack?")) {
        return scripted_answer(r, 204, "", "");
    }
    scripted_say(r,
                 "HTTP/1.1 200 OK\r\n%sContent-Length: 1000\r\n\r\n"
                 "id: %u.m%u\ndata: x\n\n",
                 nothing, r->receives, r->receives);
    return 0;
}

START_TEST(polls_that_break_but_get_on_are_not_put_off_more_and_more)
{
    begin_polls(broken_behind_one);
    probe_start(probe);
    WAIT_FOR(probe_events(probe, PUSHC_WAITING) >= 5);
    ck_assert_uint_ge(probe_messages(probe), 5);
    ck_assert_uint_eq(probe_nth(probe, PUSHC_WAITING, 5, NULL).attempt, 1);
    probing_end();
}
END_TEST

static int draw_most(void *ctx, void *bytes, size_t n)
{
    (void)ctx;
    memset(bytes, 0xff, n);
    return 0;
}

START_TEST(the_next_poll_comes_when_the_application_is_done)
{
    begin_polls(two_then_three);
    probe->options.base_ms = 30000;
    probe->options.on_random = draw_most; /* it would wait for 30 s */
    probe->handler = keep_a;
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 2);
    ck_assert_uint_eq(scripted_count(server, "/receive"), 1);
    ck_assert_int_eq(pushc_ack(probe->client, probe_kept(probe)), PUSHC_OK);
    WAIT_FOR(has_shown("2.m2"));
    probing_end();
}
END_TEST

/* A gap that each poll tells, and one that grows from poll to poll. */
static int gaps_again(void *ctx, struct scripted_request *r)
{
    char body[256];

    (void)ctx;
    if (r->receives > 4) {
        scripted_hold(r, -1);
        return 0;
    }
    snprintf(body, sizeof(body),
             "event: push.gap\n"
             "data: {\"dropped\":3,\"reason\":\"mailbox\",\"urgency\":"
             "\"low\"}\n\nevent: push.gap\n"
             "data: {\"dropped\":%u,\"reason\":\"memory\",\"urgency\":"
             "\"low\"}\n\n%s",
             r->receives, r->receives == 3 ? "id: 1.m1\ndata: x\n\n" : "");
    return scripted_answer(r, 200, nothing, body);
}

START_TEST(a_gap_that_polls_repeat_is_told_once)
{
    static const unsigned dropped[] = {3, 1, 1, 1, 3, 4};
    unsigned i;

    begin_polls(gaps_again);
    probe_start(probe);
    scripted_wait(server, "/receive", 5);
    ck_assert_uint_eq(probe_events(probe, PUSHC_GAP), 6);
    for (i = 0; i < 6; i++) {
        ck_assert_uint_eq(probe_nth(probe, PUSHC_GAP, i + 1, NULL).dropped,
                          dropped[i]);
    }
    probing_end();
}
END_TEST

/* ---- tokens ---- */

static int tokens, rejections;

static int on_token(void *ctx, int rejected, char *token, size_t size)
{
    (void)ctx;
    rejections += rejected;
    snprintf(token, size, "t%d", ++tokens);
    return PUSHC_OK;
}

static int expire(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    if (r->receives == 1) {
        return scripted_answer(r, 200, nothing,
                               "event: push.bye\ndata: {\"reason\":"
                               "\"expired-token\",\"spread_ms\":0}\n\n");
    }
    if (r->receives == 2) {
        return scripted_answer(r, 401, "", "");
    }
    if (r->receives == 3) {
        return scripted_answer(r, 200, nothing, "id: 1.m1\ndata: x\n\n");
    }
    scripted_hold(r, -1);
    return 0;
}

START_TEST(a_poll_whose_token_expired_comes_again_with_a_fresh_one)
{
    tokens = 0;
    rejections = 0;
    begin_polls(expire);
    probe->options.on_token = on_token;
    probe_start(probe);
    scripted_wait(server, "/receive", 4);
    ck_assert_uint_eq(probe_messages(probe), 1);
    ck_assert_int_eq(rejections, 2);
    ck_assert_int_eq(tokens, 4);
    probing_end();
}
END_TEST

START_TEST(a_transport_that_does_not_exist_is_refused)
{
    pushc_options o = PUSHC_OPTIONS_INIT;
    pushc_client *client;

    o.url = "http://h/ramen";
    o.transport = _i;
    ck_assert_int_eq(pushc_client_create(&o, &client),
                     _i < 0 || _i > 2 ? PUSHC_ERR_ARGUMENT : PUSHC_OK);
    if (_i >= 0 && _i <= 2) {
        pushc_client_destroy(client);
    }
}
END_TEST

int main(void)
{
    TCase *tc = suite_begin("polls", 60);

    tcase_add_loop_test(tc, the_answer_to_a_poll_leads_to_what_the_vectors_say,
                        0, 2);
    tcase_add_test(tc, polls_follow_each_other_as_one_open_stream);
    tcase_add_test(tc, a_message_that_is_kept_does_not_hold_up_the_others);
    tcase_add_test(tc,
                   polls_that_break_but_get_on_are_not_put_off_more_and_more);
    tcase_add_test(tc, the_next_poll_comes_when_the_application_is_done);
    tcase_add_test(tc, a_gap_that_polls_repeat_is_told_once);
    tcase_add_test(tc,
                   a_poll_whose_token_expired_comes_again_with_a_fresh_one);
    tcase_add_loop_test(tc, a_transport_that_does_not_exist_is_refused, -1, 4);
    return suite_run();
}
