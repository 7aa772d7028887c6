/* probe.c - a client whose hooks note all that happens. */
#include "probe.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static int on_message(void *ctx, pushc_message *m)
{
    struct probe *p = ctx;

    pthread_mutex_lock(&p->lock);
    if (p->messages < PROBE_MAX) {
        struct probe_message *n = &p->message[p->messages++];

        n->seq = m->seq;
        n->attempt = m->attempt;
        snprintf(n->mid, sizeof(n->mid), "%s", m->mid);
        snprintf(n->event, sizeof(n->event), "%s", m->event);
        snprintf(n->data, sizeof(n->data), "%s", m->data);
    }
    pthread_mutex_unlock(&p->lock);
    return p->handler ? p->handler(p, m) : PUSHC_DONE;
}

static void on_event(void *ctx, const pushc_event *e)
{
    struct probe *p = ctx;

    pthread_mutex_lock(&p->lock);
    if (p->events < 256) {
        p->event[p->events] = *e;
        p->event_at[p->events] = now_ms();
        snprintf(p->detail[p->events], 64, "%s", e->detail);
        snprintf(p->event_id[p->events], 64, "%s", e->id);
        p->event[p->events].id = p->event_id[p->events];
        p->events++;
    }
    pthread_mutex_unlock(&p->lock);
}

void probe_init(struct probe *p, const char *base)
{
    pushc_options o = PUSHC_OPTIONS_INIT;

    memset(p, 0, sizeof(*p));
    pthread_mutex_init(&p->lock, NULL);
    snprintf(p->url, sizeof(p->url), "%s/ramen", base);
    o.url = p->url;
    o.ctx = p;
    o.on_message = on_message;
    o.on_event = on_event;
    o.device = "dev1";
    o.base_ms = 500;
    o.ack_ms = 100;
    o.retry_ms = 20;
    p->options = o;
}

void probe_start(struct probe *p)
{
    ck_assert_int_eq(pushc_client_create(&p->options, &p->client), PUSHC_OK);
    ck_assert_int_eq(pushc_client_start(p->client), PUSHC_OK);
}

void probe_cleanup(struct probe *p)
{
    pushc_client_destroy(p->client);
    p->client = NULL;
    pthread_mutex_destroy(&p->lock);
}

unsigned probe_messages(struct probe *p)
{
    unsigned n;

    pthread_mutex_lock(&p->lock);
    n = p->messages;
    pthread_mutex_unlock(&p->lock);
    return n;
}

struct probe_message probe_message_at(struct probe *p, unsigned i)
{
    struct probe_message m;

    pthread_mutex_lock(&p->lock);
    m = p->message[i];
    pthread_mutex_unlock(&p->lock);
    return m;
}

unsigned probe_events(struct probe *p, int kind)
{
    unsigned n = 0, i;

    pthread_mutex_lock(&p->lock);
    for (i = 0; i < p->events; i++) {
        n += (int)p->event[i].kind == kind;
    }
    pthread_mutex_unlock(&p->lock);
    return n;
}

static int last(struct probe *p, int kind)
{
    int i = (int)p->events - 1;

    while (i >= 0 && (int)p->event[i].kind != kind) {
        i--;
    }
    ck_assert_msg(i >= 0, "no event of kind %d came", kind);
    return i;
}

pushc_event probe_last(struct probe *p, int kind, uint64_t *at)
{
    pushc_event e;
    int i;

    pthread_mutex_lock(&p->lock);
    i = last(p, kind);
    e = p->event[i];
    if (at) {
        *at = p->event_at[i];
    }
    pthread_mutex_unlock(&p->lock);
    e.detail = "";
    e.urgency = "";
    return e;
}

pushc_event probe_nth(struct probe *p, int kind, unsigned n, uint64_t *at)
{
    pushc_event e = {0};
    unsigned i, seen = 0;

    pthread_mutex_lock(&p->lock);
    for (i = 0; i < p->events && seen < n; i++) {
        seen += (int)p->event[i].kind == kind;
    }
    ck_assert_msg(seen == n, "%u events of kind %d, not %u", seen, kind, n);
    e = p->event[i - 1];
    if (at) {
        *at = p->event_at[i - 1];
    }
    pthread_mutex_unlock(&p->lock);
    e.detail = "";
    e.urgency = "";
    return e;
}

void probe_last_detail(struct probe *p, int kind, char *out, size_t size)
{
    pthread_mutex_lock(&p->lock);
    snprintf(out, size, "%s", p->detail[last(p, kind)]);
    pthread_mutex_unlock(&p->lock);
}

int probe_stopped(struct probe *p)
{
    WAIT_FOR(probe_events(p, PUSHC_STOPPED) == 1);
    return probe_last(p, PUSHC_STOPPED, NULL).status;
}

int probe_keep(struct probe *p, pushc_message *m)
{
    pthread_mutex_lock(&p->lock);
    p->kept = m;
    pthread_mutex_unlock(&p->lock);
    return PUSHC_LATER;
}

pushc_message *probe_kept(struct probe *p)
{
    pushc_message *m;

    pthread_mutex_lock(&p->lock);
    m = p->kept;
    pthread_mutex_unlock(&p->lock);
    return m;
}
