#include "redis/courier.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "redis/client_internal.h"
#include "redis/thread.h"

/* What has no master yet counts together. */
#define BUCKETS (PUSH_MASTERS + 1)

/* What is under way to one master, as senders see it. */
typedef struct {
    unsigned commands;
    size_t bytes;
    bool away;
} bucket_t;

struct push_courier_t {
    pthread_t thread;
    int wake;

    /* ---- the thread's own ---- */
    push_client_t *client;

    /* ---- guarded by lock ---- */
    pthread_mutex_t lock;
    pthread_cond_t room; /* there is some again, or things are otherwise */
    unsigned senders;    /* that wait for it */
    push_request_list_t queue;
    push_request_list_t refused; /* whose done() the thread has to call */
    bool awake; /* the thread has been woken, or has not slept yet */
    bool stop;
    bool ended; /* the thread calls nobody any more */
    bucket_t buckets[BUCKETS];
    uint8_t master_of[PUSH_PARTITIONS];
    unsigned masters; /* indexes below may have one */
    bool used[PUSH_MASTERS];
    push_client_figures_t figures;
    uint64_t failed[PUSH_FAILURES]; /* before the thread saw them */
};

/* ---- of the thread ---- */

static void let_go(void *data, const push_request_t *request)
{
    push_courier_t *courier = data;
    bucket_t *bucket = &courier->buckets[request->bucket];

    pthread_mutex_lock(&courier->lock);
    bucket->commands--;
    bucket->bytes -= request->bytes;
    if (courier->senders) {
        pthread_cond_broadcast(&courier->room);
    }
    pthread_mutex_unlock(&courier->lock);
}

static void moved(void *data, const push_slots_t *slots)
{
    push_courier_t *courier = data;

    pthread_mutex_lock(&courier->lock);
    memcpy(courier->master_of, slots->master_of, sizeof(slots->master_of));
    courier->masters = slots->end;
    for (unsigned i = 0; i < slots->end; i++) {
        courier->used[i] = slots->masters[i].partitions != 0;
    }
    pthread_cond_broadcast(&courier->room);
    pthread_mutex_unlock(&courier->lock);
}

/* With the lock: what senders have to know, and figures. */
static void show(push_courier_t *courier)
{
    const push_client_t *client = courier->client;
    const char *why;

    for (unsigned i = 0; i < client->slots->end; i++) {
        courier->buckets[i].away = push_client_away(client, i);
    }
    courier->buckets[PUSH_MASTERS].away =
        !client->slots->known
        && push_topology_failure(client->topology, &why) != PUSH_FAILURE_NONE;
    push_client_figures(client, &courier->figures);
}

/* With the lock. */
static void take_queue(push_courier_t *courier)
{
    while (courier->queue.first) {
        push_client_send(courier->client,
                         push_request_list_take(&courier->queue));
    }
    while (courier->refused.first) {
        push_request_list_append(&courier->client->over,
                                 push_request_list_take(&courier->refused));
    }
}

static int may_sleep(const push_courier_t *courier)
{
    int64_t left = push_client_until(courier->client) - push_redis_now();

    return left < 0                  ? 0
           : left > PUSH_TOPOLOGY_MS ? PUSH_TOPOLOGY_MS
                                     : (int)left;
}

static void turn(push_courier_t *courier)
{
    struct pollfd fds[PUSH_CLIENT_FDS + 1];
    unsigned count = push_client_pollfds(courier->client, fds);
    eventfd_t rings;
    int ready;

    fds[count] = (struct pollfd){.fd = courier->wake, .events = POLLIN};
    ready = poll(fds, count + 1, may_sleep(courier));
    if (ready > 0 && fds[count].revents) {
        eventfd_read(courier->wake, &rings);
    }
    pthread_mutex_lock(&courier->lock);
    take_queue(courier);
    courier->awake = false;
    pthread_mutex_unlock(&courier->lock);
    push_client_serve(courier->client, fds, ready >= 0 ? count : 0);
    pthread_mutex_lock(&courier->lock);
    show(courier);
    pthread_mutex_unlock(&courier->lock);
}

/* What a done() sent while all that was under way came to its end. */
static void refuse_last(push_courier_t *courier)
{
    push_request_t *request;

    pthread_mutex_lock(&courier->lock);
    while (courier->refused.first) {
        request = push_request_list_take(&courier->refused);
        pthread_mutex_unlock(&courier->lock);
        request->done(request);
        pthread_mutex_lock(&courier->lock);
    }
    courier->ended = true;
    pthread_mutex_unlock(&courier->lock);
}

static void *run(void *data)
{
    push_courier_t *courier = data;
    bool stop = false;

    while (!stop) {
        turn(courier);
        pthread_mutex_lock(&courier->lock);
        stop = courier->stop;
        pthread_mutex_unlock(&courier->lock);
    }
    pthread_mutex_lock(&courier->lock);
    take_queue(courier);
    pthread_mutex_unlock(&courier->lock);
    push_client_destroy(courier->client);
    refuse_last(courier);
    return NULL;
}

/* ---- start and stop ---- */

static bool init(push_courier_t *courier,
                 const push_redis_settings_t *settings,
                 const push_client_hooks_t *hooks)
{
    pthread_condattr_t monotonic;

    pthread_mutex_init(&courier->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&courier->room, &monotonic);
    pthread_condattr_destroy(&monotonic);
    memset(courier->master_of, PUSH_NO_MASTER, sizeof(courier->master_of));
    courier->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (courier->wake < 0) {
        return false;
    }
    courier->client = push_client_create(settings, hooks);
    if (!courier->client) {
        errno = ENOMEM;
        return false;
    }
    courier->client->owner = courier;
    courier->client->leaving = let_go;
    courier->client->moved = moved;
    return true;
}

static void destroy(push_courier_t *courier)
{
    if (courier->wake >= 0) {
        close(courier->wake);
    }
    pthread_cond_destroy(&courier->room);
    pthread_mutex_destroy(&courier->lock);
    free(courier);
}

push_courier_t *push_courier_start(const push_redis_settings_t *settings,
                                   const push_client_hooks_t *hooks)
{
    push_courier_t *courier = calloc(1, sizeof(*courier));
    int error;

    if (!courier) {
        return NULL;
    }
    if (!init(courier, settings, hooks)
        || !push_redis_thread(&courier->thread, run, courier)) {
        error = errno;
        push_client_destroy(courier->client);
        destroy(courier);
        errno = error;
        return NULL;
    }
    return courier;
}

void push_courier_stop(push_courier_t *courier)
{
    if (!courier) {
        return;
    }
    pthread_mutex_lock(&courier->lock);
    courier->stop = true;
    pthread_cond_broadcast(&courier->room);
    while (courier->senders) {
        pthread_cond_wait(&courier->room, &courier->lock);
    }
    pthread_mutex_unlock(&courier->lock);
    eventfd_write(courier->wake, 1);
    pthread_join(courier->thread, NULL);
    destroy(courier);
}

/* ---- of any thread ---- */

static void count(push_courier_t *courier, push_request_t *request)
{
    unsigned master =
        request->master >= 0
            ? (unsigned)request->master
            : courier->master_of[request->command.partition % PUSH_PARTITIONS];

    request->bucket = master < courier->masters ? master : PUSH_MASTERS;
    request->bytes = request->command.len;
}

static bool is_full(const push_courier_t *courier,
                    const push_request_t *request)
{
    const bucket_t *bucket = &courier->buckets[request->bucket];

    return bucket->commands >= PUSH_COURIER_COMMANDS
           || bucket->bytes >= PUSH_COURIER_BYTES;
}

/* With the lock: waits for room; NONE if the request may go. */
static push_failure_t admit(push_courier_t *courier, push_request_t *request)
{
    const struct timespec at = {request->deadline / 1000,
                                request->deadline % 1000 * 1000000};
    bool waits = !pthread_equal(pthread_self(), courier->thread);
    int status = 0;

    courier->senders++;
    for (;;) {
        count(courier, request);
        if (courier->stop || courier->buckets[request->bucket].away || status
            || !waits || !is_full(courier, request)) {
            break;
        }
        status = pthread_cond_timedwait(&courier->room, &courier->lock, &at);
    }
    courier->senders--;
    if (courier->stop) {
        pthread_cond_broadcast(&courier->room);
        return PUSH_FAILURE_STOPPED;
    }
    return courier->buckets[request->bucket].away || status
               ? PUSH_FAILURE_AWAY
               : PUSH_FAILURE_NONE;
}

/* With the lock. */
static void queue(push_courier_t *courier, push_request_t *request,
                  push_request_list_t *list)
{
    courier->buckets[request->bucket].commands++;
    courier->buckets[request->bucket].bytes += request->bytes;
    push_request_list_append(list, request);
}

/* With the lock; true: the thread sees to it. */
static bool hand_over(push_courier_t *courier, push_request_t *request)
{
    push_failure_t failure = admit(courier, request);

    request->failure = failure;
    if (failure == PUSH_FAILURE_NONE) {
        queue(courier, request, &courier->queue);
        return true;
    }
    if (request->done && !courier->ended) {
        queue(courier, request, &courier->refused);
        return true;
    }
    courier->failed[failure]++;
    return false;
}

void push_courier_send(push_courier_t *courier, push_request_t *request)
{
    bool handed, wake;

    pthread_mutex_lock(&courier->lock);
    handed = hand_over(courier, request);
    wake = handed && !courier->awake;
    courier->awake |= handed;
    pthread_mutex_unlock(&courier->lock);
    if (wake) {
        eventfd_write(courier->wake, 1);
    }
    if (!handed && request->done) {
        request->done(request);
    }
    else if (!handed) {
        sem_post(&request->over);
    }
}

void push_courier_wait(push_courier_t *courier, push_request_t *request)
{
    (void)courier;
    while (sem_wait(&request->over) && errno == EINTR) {
    }
}

push_failure_t push_courier_call(push_courier_t *courier,
                                 push_request_t *request)
{
    push_courier_send(courier, request);
    push_courier_wait(courier, request);
    return request->failure;
}

static unsigned masters_in_use(push_courier_t *courier,
                               unsigned indexes[PUSH_MASTERS])
{
    unsigned count = 0;

    pthread_mutex_lock(&courier->lock);
    for (unsigned i = 0; i < courier->masters; i++) {
        if (courier->used[i]) {
            indexes[count++] = i;
        }
    }
    pthread_mutex_unlock(&courier->lock);
    return count;
}

push_failure_t push_courier_every(push_courier_t *courier,
                                  const push_courier_every_t *every)
{
    push_failure_t failure = PUSH_FAILURE_NONE;
    unsigned indexes[PUSH_MASTERS];
    unsigned masters = masters_in_use(courier, indexes);
    push_request_t *requests = calloc(PUSH_MASTERS, sizeof(*requests));

    if (!requests || !masters) {
        free(requests);
        return masters ? PUSH_FAILURE_MEMORY : PUSH_FAILURE_AWAY;
    }
    for (unsigned i = 0; i < masters; i++) {
        push_request_init(&requests[i], 0);
        requests[i].master = (int)indexes[i];
        requests[i].deadline = every->deadline ? every->deadline
                                               : requests[i].deadline;
        every->fill(every->data, &requests[i].command);
        push_courier_send(courier, &requests[i]);
    }
    for (unsigned i = 0; i < masters; i++) {
        push_courier_wait(courier, &requests[i]);
        if (failure == PUSH_FAILURE_NONE) {
            failure = requests[i].failure;
        }
        if (every->seen) {
            every->seen(every->data, &requests[i]);
        }
        push_request_cleanup(&requests[i]);
    }
    free(requests);
    return failure;
}

unsigned push_courier_master(push_courier_t *courier, unsigned partition)
{
    unsigned master;

    pthread_mutex_lock(&courier->lock);
    master = courier->master_of[partition % PUSH_PARTITIONS];
    pthread_mutex_unlock(&courier->lock);
    return master;
}

void push_courier_figures(push_courier_t *courier,
                          push_client_figures_t *figures)
{
    pthread_mutex_lock(&courier->lock);
    *figures = courier->figures;
    for (unsigned i = 0; i < PUSH_FAILURES; i++) {
        figures->commands += courier->failed[i];
        figures->failures[i] += courier->failed[i];
    }
    pthread_mutex_unlock(&courier->lock);
}
