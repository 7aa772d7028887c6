/* publisher.c - the public functions of a publisher, and its turn. */
#include "pushc.h"

#include <string.h>

#include "post.h"
#include "publisher_state.h"
#include "upload.h"

/* ---- results ---- */

static void report(struct pushc_publication *pub)
{
    if (pub->result.status == PUSHC_OK) {
        pub->result.detail[0] = '\0';
    }
    if (pub->on_result) {
        pub->on_result(pub->ctx, &pub->result);
    }
    pub->reported = 1;
}

/* So many results were reported. Threads that wait for room are woken when
 * there is a good deal of it, not for each message. */
static void make_room(pushc_publisher *p, unsigned reported)
{
    if (reported == 0) {
        return;
    }
    pthread_mutex_lock(&p->source.lock);
    p->in_flight -= reported;
    if (p->in_flight <= p->set.o.max_in_flight / 2 || p->result_waiters > 0) {
        pthread_cond_broadcast(&p->source.changed);
    }
    pthread_mutex_unlock(&p->source.lock);
}

static void report_finished(pushc_publisher *p)
{
    unsigned reported = 0;

    while (p->finished.first) {
        struct pushc_publication *pub = pushc_publication_take(&p->finished);

        report(pub);
        pushc_publication_destroy(pub);
        reported++;
    }
    make_room(p, reported);
}

/* ---- the turn ---- */

static void take_inbox(pushc_publisher *p)
{
    pthread_mutex_lock(&p->source.lock);
    while (p->inbox.first) {
        struct pushc_publication *pub = pushc_publication_take(&p->inbox);

        pushc_list_append(&p->queue, &pub->link);
        p->deadline_at = pushc_soonest(p->deadline_at, pub->deadline);
    }
    if (p->stop_wanted && !p->stop_at) {
        p->stop_at = pushc_now(&p->set) + p->set.o.stop_ms;
    }
    pthread_mutex_unlock(&p->source.lock);
}

/* The time of a publication in a list is up: its result is the last failure,
 * if there was one. A publication on its way is reported now and stays, since
 * its answer has to find somebody. */
static void give_up(pushc_publisher *p, struct pushc_list *list,
                    struct pushc_publication *pub)
{
    if (pub->result.status == PUSHC_OK) {
        pushc_publication_fail(pub, PUSHC_ERR_TIMEOUT, 0, "");
    }
    if (list == &p->sent) {
        report(pub);
        make_room(p, 1);
    }
    else {
        pushc_list_remove(list, &pub->link);
        pushc_publisher_finish(p, pub);
    }
}

static void give_up_late(pushc_publisher *p, struct pushc_list *list,
                         uint64_t now)
{
    struct pushc_publication *pub = pushc_publication_of(list->first);

    while (pub) {
        struct pushc_publication *next = pushc_publication_of(pub->link.next);

        if (!pub->reported && now >= pub->deadline) {
            give_up(p, list, pub);
        }
        else if (!pub->reported) {
            p->deadline_at = pushc_soonest(p->deadline_at, pub->deadline);
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
    give_up_late(p, &p->queue, now);
    give_up_late(p, &p->later, now);
    if (p->set.o.streaming) {
        give_up_late(p, &p->sent, now);
    }
}

/* Queue again the publications that paused long enough. */
static void take_later(pushc_publisher *p, uint64_t now)
{
    struct pushc_publication *pub = pushc_publication_of(p->later.first);

    while (pub) {
        struct pushc_publication *next = pushc_publication_of(pub->link.next);

        if (pub->not_before <= now) {
            pushc_list_remove(&p->later, &pub->link);
            pushc_list_append(&p->queue, &pub->link);
        }
        pub = next;
    }
}

static uint64_t later_due(const pushc_publisher *p)
{
    uint64_t due = PUSHC_NEVER;
    struct pushc_link *at;

    for (at = p->later.first; at; at = at->next) {
        due = pushc_soonest(due, pushc_publication_of(at)->not_before);
    }
    return due;
}

/* End all that has no result yet, on its way or not, with a status. */
static void end_all(pushc_publisher *p, int status)
{
    struct pushc_list *lists[] = {&p->sent, &p->queue, &p->later};
    size_t i;

    take_inbox(p);
    pushc_exchange_cancel(p->upload);
    p->upload = NULL;
    p->upload_over = 0;
    p->busy = 0;
    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        while (lists[i]->first) {
            struct pushc_publication *pub = pushc_publication_take(lists[i]);

            if (pub->reported) {
                pushc_publication_destroy(pub);
                continue;
            }
            pushc_publication_fail(pub, status, pub->result.http_status, "");
            pushc_publisher_finish(p, pub);
        }
    }
    report_finished(p);
}

static void check_stop(pushc_publisher *p, uint64_t now)
{
    int done;

    pthread_mutex_lock(&p->source.lock);
    done = p->in_flight == 0 && !p->upload;
    pthread_mutex_unlock(&p->source.lock);
    if (p->stop_at && (done || now >= p->stop_at)) {
        end_all(p, PUSHC_ERR_CLOSED);
        pushc_source_end(&p->source);
    }
}

static uint64_t turn(void *owner)
{
    pushc_publisher *p = owner;
    uint64_t now = pushc_now(&p->set);
    uint64_t due;

    if (pushc_source_broken(&p->source)) {
        end_all(p, PUSHC_ERR_SYSTEM);
    }
    take_inbox(p);
    take_later(p, now);
    check_deadlines(p, now);
    due = p->set.o.streaming ? pushc_upload_turn(p, now)
                             : pushc_post_turn(p, now);
    report_finished(p);
    check_stop(p, now);
    due = pushc_soonest(pushc_soonest(due, later_due(p)), p->deadline_at);
    return p->stop_at ? pushc_soonest(due, p->stop_at) : due;
}

/* ---- life ---- */

static void destroy(pushc_publisher *p)
{
    pushc_buf_cleanup(&p->answers);
    pushc_settings_destroy(&p->set, sizeof(*p));
}

int pushc_publisher_create(const pushc_options *options,
                           pushc_publisher **publisher)
{
    struct pushc_settings *set;
    pushc_publisher *p;
    int status = publisher ? pushc_settings_create(options, sizeof(*p), &set)
                           : PUSHC_ERR_ARGUMENT;

    if (status != PUSHC_OK) {
        return status;
    }
    p = (pushc_publisher *)set;
    p->deadline_at = PUSHC_NEVER;
    pushc_buf_init(&p->answers, &p->set.mem);
    status = pushc_source_init(&p->source, &p->set, turn, p);
    if (status == PUSHC_OK) {
        status = pushc_source_start(&p->source);
        if (status != PUSHC_OK) {
            pushc_source_abandon(&p->source);
        }
    }
    if (status != PUSHC_OK) {
        destroy(p);
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
    pushc_source_raise(&publisher->source, &publisher->stop_wanted);
    pushc_source_join(&publisher->source);
    end_all(publisher, PUSHC_ERR_CLOSED);
    pushc_source_cleanup(&publisher->source);
    destroy(publisher);
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
    int status = pushc_publication_create(&publisher->set, message, &pub);

    if (status != PUSHC_OK) {
        return status;
    }
    pub->publisher = publisher;
    pub->on_result = on_result;
    pub->ctx = ctx;
    pthread_mutex_lock(&publisher->source.lock);
    status = wait_for_room(publisher, timeout_ms);
    if (status == PUSHC_OK) {
        pub->deadline = pushc_now(&publisher->set)
                        + publisher->set.o.publish_ms;
        pushc_list_append(&publisher->inbox, &pub->link);
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
