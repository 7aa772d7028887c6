/* publishing.c - a publisher against a scripted server. */
#include "publishing.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct scripted *pt_server;
pushc_publisher *pt_publisher;
pushc_options pt_options;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
pushc_result pt_results[4096]; /* in the order they came */
unsigned pt_result_count;

void pt_begin(scripted_fn script, void *ctx)
{
    static char url[128];
    pushc_options o = PUSHC_OPTIONS_INIT;

    pt_server = scripted_start(script, ctx);
    snprintf(url, sizeof(url), "%s/push", scripted_url(pt_server));
    o.url = url;
    o.base_ms = 500;
    pt_options = o;
}

void pt_start(void)
{
    ck_assert_int_eq(pushc_publisher_create(&pt_options, &pt_publisher),
                     PUSHC_OK);
}

/* End both, so that what their threads noted can be read. */
void pt_finish(void)
{
    pushc_publisher_destroy(pt_publisher);
    pt_publisher = NULL;
    if (pt_server) {
        scripted_stop(pt_server);
        pt_server = NULL;
    }
}

void pt_on_result(void *ctx, const pushc_result *r)
{
    (void)ctx;
    pthread_mutex_lock(&lock);
    pt_results[pt_result_count++] = *r;
    pthread_mutex_unlock(&lock);
}

unsigned pt_result_total(void)
{
    unsigned n;

    pthread_mutex_lock(&lock);
    n = pt_result_count;
    pthread_mutex_unlock(&lock);
    return n;
}

pushc_outgoing pt_to_ann(const char *text)
{
    pushc_outgoing m = PUSHC_OUTGOING_INIT;

    m.user = "ann";
    m.data = text;
    m.length = strlen(text);
    return m;
}

int pt_publish(const char *text)
{
    pushc_outgoing m = pt_to_ann(text);

    return pushc_publish(pt_publisher, &m, 0, pt_on_result, NULL);
}
