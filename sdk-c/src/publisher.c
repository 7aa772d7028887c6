/* publisher.c - the public functions of a publisher, and its turn. */
#include "publisher.h"

#include <stdio.h>
#include <string.h>

#include "backoff.h"

/* ---- results ---- */

void pushc_publisher_finish(pushc_publisher *p, struct pushc_publication *pub)
{
    pushc_publications_add(&p->finished, pub);
}

static int is_temporary(long http)
{
    return http == 408 || http == 409 || http == 425 || http == 429
           || http >= 500;
}

/* Whether trying again can help, and what to call the failure. */
static int may_retry(pushc_publisher *p, struct pushc_publication *pub)
{
    pushc_result *r = &pub->result;

    if (r->status != PUSHC_ERR_HTTP) {
        return 1;
    }
    if (r->http_status == 401 && p->set.o.on_token && pub->refused++ == 0) {
        p->token_rejected = 1;
        r->status = PUSHC_ERR_AUTH;
        return 1;
    }
    if (r->http_status == 401 || r->http_status == 403) {
        r->status = PUSHC_ERR_AUTH;
    }
    else if (is_temporary(r->http_status)) {
        r->status = PUSHC_ERR_OVERLOAD;
        return 1;
    }
    else if (r->http_status / 100 == 3) {
        r->status = PUSHC_ERR_REDIRECT;
    }
    return 0;
}

void pushc_publisher_again(pushc_publisher *p, struct pushc_publication *pub,
                           uint64_t retry_after)
{
    struct pushc_backoff b = {.kind = PUSHC_BACKOFF_JITTER};
    uint64_t now = pushc_now(&p->set);

    b.base = p->set.o.base_ms;
    b.failed = pub->result.attempts - 1;
    if (retry_after > 0) {
        b.kind = PUSHC_BACKOFF_RETRY_AFTER;
        b.hint = retry_after;
    }
    pub->not_before = now + pushc_backoff_delay(&b, pushc_uniform(&p->set));
    if (!may_retry(p, pub) || now >= pub->deadline) {
        pushc_publisher_finish(p, pub);
        return;
    }
    pushc_publications_add(&p->later, pub);
}

static void tell(struct pushc_publication *pub)
{
    if (pub->result.status == PUSHC_OK) {
        pub->result.detail[0] = '\0';
    }
    if (pub->on_result) {
        pub->on_result(pub->ctx, &pub->result);
    }
    pub->told = 1;
}

/* So many results were told. Those who wait for room are woken when there is
 * a good deal of it, not for each message. */
static void settle(pushc_publisher *p, unsigned told)
{
    if (told == 0) {
        return;
    }
    pthread_mutex_lock(&p->source.lock);
    p->in_flight -= told;
    if (p->in_flight <= p->set.o.max_in_flight / 2 || p->result_waiters > 0) {
        pthread_cond_broadcast(&p->source.changed);
    }
    pthread_mutex_unlock(&p->source.lock);
}

static void tell_finished(pushc_publisher *p)
{
    unsigned told = 0;

    while (p->finished.first) {
        struct pushc_publication *pub = p->finished.first;

        pushc_publications_remove(&p->finished, pub);
        tell(pub);
        pushc_publication_destroy(pub);
        told++;
    }
    settle(p, told);
}

int pushc_publisher_token(pushc_publisher *p, const char **token)
{
    const pushc_options *o = &p->set.o;

    *token = o->token;
    if (!o->on_token) {
        return PUSHC_OK;
    }
    p->token[0] = '\0';
    if (o->on_token(o->ctx, p->token_rejected, p->token, sizeof(p->token))
            != PUSHC_OK
        || memchr(p->token, '\n', strnlen(p->token, sizeof(p->token)))) {
        return PUSHC_ERR_TOKEN;
    }
    p->token[sizeof(p->token) - 1] = '\0';
    p->token_rejected = 0;
    *token = p->token[0] ? p->token : NULL;
    return PUSHC_OK;
}

/* ---- the turn ---- */

static void take_inbox(pushc_publisher *p)
{
    pthread_mutex_lock(&p->source.lock);
    while (p->inbox.first) {
        struct pushc_publication *pub = p->inbox.first;

        pushc_publications_remove(&p->inbox, pub);
        pushc_publications_add(&p->queue, pub);
        if (pub->deadline < p->deadline_at) {
            p->deadline_at = pub->deadline;
        }
    }
    if (p->stop_wanted && !p->stop_at) {
        p->stop_at = pushc_now(&p->set) + p->set.o.stop_ms;
    }
    pthread_mutex_unlock(&p->source.lock);
}

static void finish_late(struct pushc_publication *pub, int status)
{
    if (pub->result.status == PUSHC_OK || status == PUSHC_ERR_CLOSED) {
        pub->result.status = status;
        snprintf(pub->result.detail, sizeof(pub->result.detail), "%s",
                 pushc_strerror(status));
    }
}

/* Give up those of a list that are late, or all. Those under way elsewhere
 * are told now and stay, since their answer has to find somebody. */
static void give_up(pushc_publisher *p, struct pushc_publications *list,
                    uint64_t now, int status)
{
    struct pushc_publication *pub = list->first;

    while (pub) {
        struct pushc_publication *next = pub->next;
        int late = now >= pub->deadline || status == PUSHC_ERR_CLOSED;

        if (late && !pub->told) {
            finish_late(pub, status);
            if (list == &p->sent) {
                tell(pub);
                settle(p, 1);
            }
            else {
                pushc_publications_remove(list, pub);
                pushc_publisher_finish(p, pub);
            }
        }
        else if (!pub->told && pub->deadline < p->deadline_at) {
            p->deadline_at = pub->deadline;
        }
        pub = next;
    }
}

static void check_deadlines(pushc_publisher *p, uint64_t now)
{
    if (now < p->deadline_at) {
        return;
    }
    p->deadline_at = PUSHC_NEVER;
    give_up(p, &p->queue, now, PUSHC_ERR_TIMEOUT);
    give_up(p, &p->later, now, PUSHC_ERR_TIMEOUT);
    if (p->set.o.streaming) {
        give_up(p, &p->sent, now, PUSHC_ERR_TIMEOUT);
    }
}

/* Queue again what paused long enough. */
static void take_later(pushc_publisher *p, uint64_t now)
{
    struct pushc_publication *pub = p->later.first;

    while (pub) {
        struct pushc_publication *next = pub->next;

        if (pub->not_before <= now) {
            pushc_publications_remove(&p->later, pub);
            pushc_publications_add(&p->queue, pub);
        }
        pub = next;
    }
}

static uint64_t later_due(const pushc_publisher *p)
{
    const struct pushc_publication *pub;
    uint64_t due = PUSHC_NEVER;

    for (pub = p->later.first; pub; pub = pub->next) {
        due = pub->not_before < due ? pub->not_before : due;
    }
    return due;
}

static void give_up_all(pushc_publisher *p)
{
    take_inbox(p);
    give_up(p, &p->queue, 0, PUSHC_ERR_CLOSED);
    give_up(p, &p->later, 0, PUSHC_ERR_CLOSED);
    give_up(p, &p->sent, 0, PUSHC_ERR_CLOSED);
    tell_finished(p);
}

static void check_stop(pushc_publisher *p, uint64_t now)
{
    int done;

    pthread_mutex_lock(&p->source.lock);
    done = p->in_flight == 0 && !p->upload;
    pthread_mutex_unlock(&p->source.lock);
    if (p->stop_at && (done || now >= p->stop_at)) {
        give_up_all(p);
        pthread_mutex_lock(&p->source.lock);
        p->over = 1;
        p->source.over = 1;
        pthread_cond_broadcast(&p->source.changed);
        pthread_mutex_unlock(&p->source.lock);
    }
}

static uint64_t soonest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t turn(void *owner)
{
    pushc_publisher *p = owner;
    uint64_t now = pushc_now(&p->set);
    uint64_t due;

    take_inbox(p);
    take_later(p, now);
    check_deadlines(p, now);
    due = p->set.o.streaming ? pushc_upload_turn(p, now)
                             : pushc_post_turn(p, now);
    tell_finished(p);
    check_stop(p, now);
    due = soonest(soonest(due, later_due(p)), p->deadline_at);
    return p->stop_at ? soonest(due, p->stop_at) : due;
}

/* ---- life ---- */

static void free_list(struct pushc_publications *list)
{
    while (list->first) {
        struct pushc_publication *pub = list->first;

        pushc_publications_remove(list, pub);
        pushc_publication_destroy(pub);
    }
}

static void free_parts(pushc_publisher *p)
{
    struct pushc_mem mem = p->set.mem;

    free_list(&p->sent);
    pushc_buf_cleanup(&p->answers);
    explicit_bzero(p->token, sizeof(p->token));
    pushc_settings_cleanup(&p->set);
    pushc_mem_free(&mem, p);
}

int pushc_publisher_create(const pushc_options *options,
                           pushc_publisher **publisher)
{
    struct pushc_settings set;
    pushc_publisher *p;
    int status = publisher ? pushc_settings_init(&set, options)
                           : PUSHC_ERR_ARGUMENT;

    if (status != PUSHC_OK) {
        return status;
    }
    p = pushc_mem_zalloc(&set.mem, sizeof(*p));
    if (!p) {
        pushc_settings_cleanup(&set);
        return PUSHC_ERR_MEMORY;
    }
    p->set = set;
    p->set.o.loop = p->set.has_loop ? &p->set.loop : NULL;
    p->deadline_at = PUSHC_NEVER;
    pushc_buf_init(&p->answers, &p->set.mem);
    status = pushc_source_init(&p->source, &p->set, turn, p);
    if (status != PUSHC_OK) {
        free_parts(p);
        return status;
    }
    status = pushc_source_start(&p->source);
    if (status != PUSHC_OK) {
        p->source.loop.closed = p->source.runner ? p->source.loop.closed
                                                 : NULL;
        pushc_source_cleanup(&p->source);
        free_parts(p);
        return status;
    }
    *publisher = p;
    return PUSHC_OK;
}

void pushc_publisher_destroy(pushc_publisher *publisher)
{
    if (!publisher) {
        return;
    }
    pthread_mutex_lock(&publisher->source.lock);
    publisher->stop_wanted = 1;
    pushc_source_wake(&publisher->source);
    pthread_mutex_unlock(&publisher->source.lock);
    pushc_source_join(&publisher->source);
    give_up_all(publisher);
    while (publisher->sent.first) {
        struct pushc_publication *pub = publisher->sent.first;

        pushc_publications_remove(&publisher->sent, pub);
        pushc_publication_destroy(pub);
    }
    pushc_source_cleanup(&publisher->source);
    free_parts(publisher);
}

/* ---- any thread ---- */

/* Wait for room, with the lock held. */
static int wait_for_room(pushc_publisher *p, int timeout_ms)
{
    struct timespec until;
    const struct timespec *end = pushc_source_deadline(timeout_ms, &until);
    int status = PUSHC_OK;

    while (!p->stop_wanted && p->in_flight >= p->set.o.max_in_flight) {
        if (timeout_ms == 0 || status == PUSHC_AGAIN) {
            return PUSHC_AGAIN;
        }
        status = pushc_source_wait(&p->source, end);
    }
    return p->stop_wanted ? PUSHC_ERR_CLOSED : PUSHC_OK;
}

int pushc_publish(pushc_publisher *publisher, const pushc_outgoing *message,
                  int timeout_ms, pushc_result_fn on_result, void *ctx)
{
    struct pushc_publication *pub;
    int status = pushc_publication_create(publisher, message, &pub);

    if (status != PUSHC_OK) {
        return status;
    }
    pub->on_result = on_result;
    pub->ctx = ctx;
    pthread_mutex_lock(&publisher->source.lock);
    status = wait_for_room(publisher, timeout_ms);
    if (status == PUSHC_OK) {
        pub->deadline = pushc_now(&publisher->set)
                        + publisher->set.o.publish_ms;
        pushc_publications_add(&publisher->inbox, pub);
        publisher->in_flight++;
        pushc_source_wake(&publisher->source);
    }
    pthread_mutex_unlock(&publisher->source.lock);
    if (status != PUSHC_OK) {
        pushc_publication_destroy(pub);
    }
    return status;
}

struct waiter {
    pushc_publisher *publisher;
    pushc_result result;
    int done; /* under the lock */
};

static void on_waited(void *ctx, const pushc_result *result)
{
    struct waiter *w = ctx;

    pthread_mutex_lock(&w->publisher->source.lock);
    w->result = *result;
    w->done = 1;
    pthread_mutex_unlock(&w->publisher->source.lock);
}

int pushc_publish_wait(pushc_publisher *publisher,
                       const pushc_outgoing *message, pushc_result *result)
{
    struct waiter w = {.publisher = publisher};
    int status;

    if (!result || result->size < 2 * sizeof(size_t) || result->size > 4096) {
        return PUSHC_ERR_ARGUMENT;
    }
    pthread_mutex_lock(&publisher->source.lock);
    publisher->result_waiters++;
    pthread_mutex_unlock(&publisher->source.lock);
    status = pushc_publish(publisher, message, -1, on_waited, &w);
    pthread_mutex_lock(&publisher->source.lock);
    while (status == PUSHC_OK && !w.done) {
        pushc_source_wait(&publisher->source, NULL);
    }
    publisher->result_waiters--;
    pthread_mutex_unlock(&publisher->source.lock);
    if (status != PUSHC_OK) {
        return status;
    }
    w.result.size = result->size < sizeof(w.result) ? result->size
                                                    : sizeof(w.result);
    memcpy(result, &w.result, w.result.size);
    return w.result.status;
}

int pushc_publisher_flush(pushc_publisher *publisher, int timeout_ms)
{
    struct timespec until;
    const struct timespec *end = pushc_source_deadline(timeout_ms, &until);
    int status = PUSHC_OK;

    pthread_mutex_lock(&publisher->source.lock);
    while (publisher->in_flight > 0 && status == PUSHC_OK) {
        status = timeout_ms == 0 ? PUSHC_AGAIN
                                 : pushc_source_wait(&publisher->source, end);
    }
    status = publisher->in_flight > 0 ? PUSHC_AGAIN : PUSHC_OK;
    pthread_mutex_unlock(&publisher->source.lock);
    return status;
}
