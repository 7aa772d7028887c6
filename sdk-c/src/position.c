/* position.c - where the device is: one report at a time, the newest. */
#include "position.h"

#include <stdio.h>
#include <string.h>

#include "backoff.h"

#define EVERY_MS     1000      /* a server takes no more */
#define ACCURACY_MAX 100000    /* metres */
#define UNIT         10000000u /* of a degree, as the server counts */

/* ---- any thread ---- */

static void leave_word(pushc_client *c, const struct pushc_position *position)
{
    pthread_mutex_lock(&c->source.lock);
    c->position = *position;
    c->position_wanted = 1;
    pushc_source_wake(&c->source);
    pthread_mutex_unlock(&c->source.lock);
}

/* False for what is no number, too. */
static int is_within(double degrees, double most)
{
    return degrees >= -most && degrees <= most;
}

int pushc_report_position(pushc_client *client, double lat, double lon,
                          unsigned accuracy)
{
    const struct pushc_position position = {1, lat, lon, accuracy};

    if (!is_within(lat, 90) || !is_within(lon, 180)
        || accuracy > ACCURACY_MAX) {
        return PUSHC_ERR_ARGUMENT;
    }
    leave_word(client, &position);
    return PUSHC_OK;
}

void pushc_forget_position(pushc_client *client)
{
    static const struct pushc_position nowhere;

    leave_word(client, &nowhere);
}

/* ---- the request ---- */

#define DEGREES_SIZE 24

/* The same in every locale. */
static void write_degrees(char *text, double degrees)
{
    unsigned units = (unsigned)((degrees < 0 ? -degrees : degrees) * UNIT
                                + 0.5);

    snprintf(text, DEGREES_SIZE, "%s%u.%07u", degrees < 0 ? "-" : "",
             units / UNIT, units % UNIT);
}

static void write_body(char *text, size_t size, const struct pushc_position *p)
{
    char lat[DEGREES_SIZE], lon[DEGREES_SIZE];

    if (!p->known) {
        snprintf(text, size, "null");
        return;
    }
    write_degrees(lat, p->lat);
    write_degrees(lon, p->lon);
    snprintf(text, size, "{\"lat\":%s,\"lon\":%s,\"accuracy\":%u}", lat, lon,
             p->accuracy);
}

/* Under the lock: what there is to say, in c->report_body; 0: nothing. */
static int take_word(pushc_client *c)
{
    int wanted;

    pthread_mutex_lock(&c->source.lock);
    wanted = c->position_wanted;
    c->position_wanted = 0;
    if (wanted) {
        write_body(c->report_body, sizeof(c->report_body), &c->position);
    }
    pthread_mutex_unlock(&c->source.lock);
    return wanted;
}

/* It is to be sent again, or a newer one, not before Retry-After (ms). */
static void fail(pushc_client *c, uint64_t retry_after)
{
    struct pushc_backoff b = {retry_after ? PUSHC_BACKOFF_RETRY_AFTER
                                          : PUSHC_BACKOFF_JITTER,
                              EVERY_MS, retry_after, c->report_failed++};
    uint64_t delay = pushc_backoff_delay(&b, pushc_uniform(&c->set));

    c->report_at = pushc_now(&c->set) + (delay > EVERY_MS ? delay : EVERY_MS);
    pthread_mutex_lock(&c->source.lock);
    c->position_wanted = 1;
    pthread_mutex_unlock(&c->source.lock);
}

/* What will be the same the next time is not tried again. */
static int is_final(long http)
{
    return http / 100 == 4 && http != 401 && http != 408 && http != 425
           && http != 429;
}

static void on_done(void *ctx, int status, struct pushc_answer *answer)
{
    pushc_client *c = ctx;
    long http = answer->http_status;

    c->report = NULL;
    if (status == PUSHC_OK && http / 100 == 2) {
        c->report_failed = 0;
        return;
    }
    pushc_log(&c->set, PUSHC_LOG_WARNING, "position not taken: HTTP %ld%s%s",
              http, status == PUSHC_OK ? "" : ", ",
              status == PUSHC_OK ? "" : pushc_strerror(status));
    if (http == 401) {
        pushc_token_reject(&c->token);
    }
    if (is_final(http)) {
        c->report_failed = 0;
    }
    else {
        fail(c, answer->head.retry_after);
    }
}

static const struct pushc_exchange_ops report_ops = {NULL, NULL, NULL,
                                                     on_done};

static int make_url(pushc_client *c, struct pushc_buf *url)
{
    const pushc_options *o = &c->set.o;

    pushc_buf_str(url, o->url);
    pushc_buf_str(url, "/position");
    pushc_buf_query(url, "device", c->device);
    pushc_buf_query(url, "app", o->app);
    return pushc_buf_query_text(url, o->query);
}

static int start(pushc_client *c)
{
    struct pushc_request request = {.post = 1, .trusted = 1};
    struct pushc_buf url;
    int status;

    if (c->token.text[0] == '\0'
        && pushc_token_ask(&c->token, &c->set) != PUSHC_OK) {
        return PUSHC_ERR_TOKEN;
    }
    pushc_buf_init(&url, &c->set.mem);
    status = make_url(c, &url);
    request.url = url.bytes;
    request.fresh = c->report_failed > 0;
    request.token = pushc_token_text(&c->token, &c->set);
    request.headers[request.header_count++] = "Content-Type: application/json";
    request.body = c->report_body;
    request.body_length = strlen(c->report_body);
    if (status == PUSHC_OK) {
        status = pushc_exchange_start(c->source.transport, &request,
                                      &report_ops, c, &c->report);
    }
    pushc_buf_cleanup(&url);
    return status;
}

/* ---- when ---- */

void pushc_position_cancel(pushc_client *c)
{
    pushc_exchange_cancel(c->report);
    c->report = NULL;
}

/* A device that has no stream yet is nobody to the server. */
static int may_send(const pushc_client *c)
{
    return c->state == PUSHC_OPEN && !c->stopping && !c->report;
}

void pushc_position_check(pushc_client *c, uint64_t now)
{
    if (c->report && now >= c->report_started + c->set.o.attempt_ms) {
        pushc_log(&c->set, PUSHC_LOG_WARNING, "position without an answer");
        pushc_position_cancel(c);
        fail(c, 0);
    }
    if (!may_send(c) || now < c->report_at || !take_word(c)) {
        return;
    }
    c->report_started = now;
    c->report_at = now + EVERY_MS;
    if (start(c) != PUSHC_OK) {
        fail(c, 0);
    }
}

uint64_t pushc_position_due(const pushc_client *c)
{
    if (c->report) {
        return c->report_started + c->set.o.attempt_ms;
    }
    return may_send(c) && c->report_at > pushc_now(&c->set) ? c->report_at
                                                            : PUSHC_NEVER;
}
