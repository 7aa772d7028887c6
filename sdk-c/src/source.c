/* source.c - what drives a handle. */
#include "source.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static int init_locks(pushc_source *s)
{
    pthread_condattr_t attr;
    int failed;

    if (pthread_mutex_init(&s->lock, NULL) != 0) {
        return PUSHC_ERR_SYSTEM;
    }
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    failed = pthread_cond_init(&s->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (failed) {
        pthread_mutex_destroy(&s->lock);
        return PUSHC_ERR_SYSTEM;
    }
    return PUSHC_OK;
}

/* For the transport: have the loop watch fd. */
static int watch(void *source, int fd, int what)
{
    pushc_source *s = source;

    if (s->loop.watch(s->loop.ctx, s, fd, what) != 0) {
        s->broken = 1;
        return -1;
    }
    return 0;
}

static int init_loop(pushc_source *s)
{
    const struct pushc_driven driven = {s, pushc_source_ready,
                                        pushc_source_timeout};

    if (s->set->has_loop) {
        s->loop = s->set->loop;
        return PUSHC_OK;
    }
    return pushc_runner_create(&s->set->mem, &driven, &s->loop, &s->runner);
}

int pushc_source_init(pushc_source *s, const struct pushc_settings *set,
                      uint64_t (*turn)(void *), void *owner)
{
    int status;

    memset(s, 0, sizeof(*s));
    s->set = set;
    s->turn = turn;
    s->owner = owner;
    s->armed = PUSHC_NEVER;
    status = init_locks(s);
    if (status != PUSHC_OK) {
        return status;
    }
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    status = s->wake_fd < 0 ? PUSHC_ERR_SYSTEM : PUSHC_OK;
    if (status == PUSHC_OK) {
        status = pushc_transport_create(set, watch, s, &s->transport);
    }
    if (status == PUSHC_OK) {
        status = init_loop(s);
    }
    if (status != PUSHC_OK) {
        pushc_source_abandon(s);
    }
    return status;
}

static void arm(pushc_source *s, uint64_t due)
{
    uint64_t now = pushc_now(s->set);
    uint64_t ms = due <= now ? 0 : due - now;

    /* A timer that is due before is left alone: deadlines mostly move on,
     * and a turn too many is cheaper than setting the timer in each. */
    if (s->armed <= due && s->armed > now) {
        return;
    }
    s->armed = due;
    if (s->loop.timer(s->loop.ctx, s,
                      due == PUSHC_NEVER ? -1
                      : ms > INT_MAX     ? INT_MAX
                                         : (long)ms)
        != 0) {
        s->broken = 1;
    }
}

static void take_turn(pushc_source *s)
{
    uint64_t due = s->turn(s->owner);

    arm(s, pushc_soonest(due, pushc_transport_due(s->transport)));
}

int pushc_source_start(pushc_source *s)
{
    if (watch(s, s->wake_fd, PUSHC_READ) != 0) {
        return PUSHC_ERR_SYSTEM;
    }
    s->started = 1;
    arm(s, pushc_now(s->set));
    if (s->broken) {
        return PUSHC_ERR_SYSTEM;
    }
    return s->runner ? pushc_runner_start(s->runner) : PUSHC_OK;
}

void pushc_source_ready(pushc_source *s, int fd, int what)
{
    uint64_t count;

    if (fd != s->wake_fd) {
        pushc_transport_ready(s->transport, fd, what);
    }
    else {
        /* First the descriptor, then the flag: a wake-up in between is not
         * written, but the turn below sees the word that was left. */
        while (read(s->wake_fd, &count, sizeof(count)) < 0 && errno == EINTR) {
        }
        pthread_mutex_lock(&s->lock);
        s->awake = 0;
        pthread_mutex_unlock(&s->lock);
    }
    take_turn(s);
}

void pushc_source_timeout(pushc_source *s)
{
    s->armed = PUSHC_NEVER;
    pushc_transport_timeout(s->transport);
    take_turn(s);
}

void pushc_source_wake(pushc_source *s)
{
    uint64_t one = 1;

    if (s->awake) {
        return;
    }
    s->awake = 1;
    while (write(s->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

void pushc_source_raise(pushc_source *s, int *flag)
{
    pthread_mutex_lock(&s->lock);
    *flag = 1;
    pushc_source_wake(s);
    pthread_mutex_unlock(&s->lock);
}

const struct timespec *pushc_source_deadline(int timeout_ms,
                                             struct timespec *until)
{
    if (timeout_ms < 0) {
        return NULL;
    }
    clock_gettime(CLOCK_MONOTONIC, until);
    until->tv_sec += timeout_ms / 1000;
    until->tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until->tv_nsec >= 1000000000) {
        until->tv_sec++;
        until->tv_nsec -= 1000000000;
    }
    return until;
}

int pushc_source_wait(pushc_source *s, const struct timespec *until)
{
    if (!until) {
        pthread_cond_wait(&s->changed, &s->lock);
        return 0;
    }
    return pthread_cond_timedwait(&s->changed, &s->lock, until) == ETIMEDOUT
               ? PUSHC_AGAIN
               : 0;
}

void pushc_source_end(pushc_source *s)
{
    pthread_mutex_lock(&s->lock);
    s->over = 1;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (s->runner) {
        pushc_runner_end(s->runner);
    }
}

int pushc_source_broken(const pushc_source *s)
{
    return s->broken || pushc_transport_broken(s->transport);
}

void pushc_source_join(pushc_source *s)
{
    if (s->runner) {
        pushc_runner_join(s->runner);
    }
}

void pushc_source_cleanup(pushc_source *s)
{
    pushc_transport_destroy(s->transport);
    if (s->started) {
        s->loop.timer(s->loop.ctx, s, -1);
        s->loop.watch(s->loop.ctx, s, s->wake_fd, 0);
    }
    if (s->loop.closed) {
        s->loop.closed(s->loop.ctx);
    }
    if (s->wake_fd >= 0) {
        close(s->wake_fd);
    }
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
}

void pushc_source_abandon(pushc_source *s)
{
    if (!s->runner) {
        s->loop.closed = NULL;
    }
    pushc_source_cleanup(s);
}
