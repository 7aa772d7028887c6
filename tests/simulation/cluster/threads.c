#include "simulation/cluster/threads.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "harness/needs.h"
#include "simulation/cluster/wire.h"
#include "store/shm/thread.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#define LEAVES(save, stack, size)                                             \
    __sanitizer_start_switch_fiber(save, stack, size)
#define ARRIVES(save, bottom, size)                                           \
    __sanitizer_finish_switch_fiber(save, bottom, size)
#else
#define LEAVES(save, stack, size) ((void)(save))
#define ARRIVES(save, bottom, size)                                           \
    ((void)(save), (void)(bottom), (void)(size))
#endif

#define THREADS 48
#define STACK   ((size_t)512 << 10)
#define WALL    1700000000000

typedef struct {
    bool used, rung;
    int node;
    const void *on;
    int64_t until;
    void *(*run)(void *);
    void *data;
    ucontext_t context;
    void *stack; /* kept for the next one */
} thread_t;

static thread_t threads[THREADS];
static thread_t *running;
static ucontext_t base; /* of the simulation itself */
static const void *base_stack;
static size_t base_size;
static int64_t now;
static int at_work = CS_NOBODY;
static struct {
    int64_t wall, mono, paused;
} nodes[CS_NODES];

/* ---- time ---- */

int64_t cs_now(void)
{
    return now;
}

void cs_pass(int64_t ms)
{
    now += ms;
}

int64_t cs_wall(void)
{
    return WALL + now;
}

void cs_clock_set(int node, int64_t ahead)
{
    nodes[node].wall = ahead;
}

int cs_node(void)
{
    return at_work;
}

int cs_enter(int node)
{
    int before = at_work;

    at_work = node;
    return before;
}

/* From the clock of who runs to the true time. */
static int64_t true_time(int64_t mono)
{
    return at_work == CS_NOBODY ? mono : mono - nodes[at_work].mono;
}

/* ---- threads ---- */

void cs_threads_reset(void)
{
    for (int i = 0; i < THREADS; i++) {
        threads[i].used = false;
    }
    memset(nodes, 0, sizeof(nodes));
    for (int i = 0; i < CS_NODES; i++) {
        nodes[i].mono = i * 5000;
    }
    now = CS_START;
    at_work = CS_NOBODY;
    running = NULL;
}

static void begin(void)
{
    thread_t *thread = running;

    ARRIVES(NULL, &base_stack, &base_size);
    thread->run(thread->data);
    thread->used = false;
    LEAVES(NULL, base_stack, base_size); /* it does not come back */
    setcontext(&base);
}

void cs_thread_start(int node, void *(*run)(void *), void *data)
{
    thread_t *thread = threads;

    while (thread < threads + THREADS && thread->used) {
        thread++;
    }
    NEEDS(thread < threads + THREADS, "there are too many threads");
    thread->stack = thread->stack ? thread->stack : malloc(STACK);
    NEEDS(thread->stack != NULL, "no memory for a stack");
    *thread = (thread_t){.used = true,
                         .rung = true,
                         .node = node,
                         .run = run,
                         .data = data,
                         .stack = thread->stack};
    getcontext(&thread->context);
    thread->context.uc_stack.ss_sp = thread->stack;
    thread->context.uc_stack.ss_size = STACK;
    makecontext(&thread->context, begin, 0);
}

void cs_threads_end(int node)
{
    for (int i = 0; i < THREADS; i++) {
        if (threads[i].used && threads[i].node == node) {
            threads[i].used = false;
        }
    }
}

void cs_pause(int node, int64_t until)
{
    nodes[node].paused = until;
}

bool cs_is_paused(int node)
{
    return nodes[node].paused > now;
}

bool cs_wait(const void *on, int64_t until)
{
    thread_t *thread = running;
    void *save = NULL;

    NEEDS(thread != NULL, "the simulation itself cannot wait");
    thread->on = on;
    thread->until = until;
    thread->rung = false;
    LEAVES(&save, base_stack, base_size);
    swapcontext(&thread->context, &base);
    ARRIVES(save, &base_stack, &base_size);
    return thread->rung;
}

void cs_ring(const void *on)
{
    for (int i = 0; i < THREADS; i++) {
        if (threads[i].used && threads[i].on == on) {
            threads[i].rung = true;
        }
    }
}

static bool is_ready(const thread_t *thread)
{
    return thread->used && !cs_is_paused(thread->node)
           && (thread->rung || thread->until <= now);
}

unsigned cs_threads_ready(void)
{
    unsigned count = 0;

    for (int i = 0; i < THREADS; i++) {
        count += is_ready(&threads[i]);
    }
    return count;
}

void cs_thread_run(unsigned which)
{
    thread_t *thread = threads;
    void *save = NULL;

    while (!is_ready(thread) || which--) {
        thread++;
    }
    running = thread;
    at_work = thread->node;
    LEAVES(&save, thread->stack, STACK);
    swapcontext(&base, &thread->context);
    ARRIVES(save, NULL, NULL);
    running = NULL;
    at_work = CS_NOBODY;
}

int64_t cs_threads_next(void)
{
    int64_t next = CS_FOREVER;

    for (int i = 0; i < THREADS; i++) {
        if (threads[i].used) {
            int64_t paused = nodes[threads[i].node].paused;
            int64_t due = threads[i].rung ? now : threads[i].until;

            due = due < paused ? paused : due;
            next = due < next ? due : next;
        }
    }
    return next;
}

/* ---- in the place of the C library ---- */

/* The linker gives __wrap_name() to whoever calls name(). */
#define PROBE(name)  __wrap_##name
#define REAL(name)   __real_##name
#define PROBED(name) __typeof__(name) PROBE(name), REAL(name)

PROBED(clock_gettime);

int PROBE(clock_gettime)(clockid_t clock, struct timespec *at)
{
    int64_t ms = clock == CLOCK_REALTIME ? WALL + now : now;

    if (at_work != CS_NOBODY) {
        ms += clock == CLOCK_REALTIME ? nodes[at_work].wall
                                      : nodes[at_work].mono;
    }
    *at = (struct timespec){.tv_sec = ms / 1000,
                            .tv_nsec = ms % 1000 * 1000000};
    return 0;
}

/* All threads of nodes are started by it. */
bool push_thread_start(pthread_t *thread, void *(*run)(void *), void *data)
{
    *thread = pthread_self();
    cs_thread_start(at_work, run, data);
    return true;
}

PROBED(pthread_cond_clockwait);

int PROBE(pthread_cond_clockwait)(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  clockid_t clock, const struct timespec *at)
{
    int64_t until = (int64_t)at->tv_sec * 1000 + at->tv_nsec / 1000000;
    bool rung;

    NEEDS(clock == CLOCK_MONOTONIC, "a thread waits by the wall clock");
    pthread_mutex_unlock(mutex);
    rung = cs_wait(cond, true_time(until));
    pthread_mutex_lock(mutex);
    return rung ? 0 : ETIMEDOUT;
}

PROBED(pthread_cond_signal);

int PROBE(pthread_cond_signal)(pthread_cond_t *cond)
{
    cs_ring(cond);
    return 0;
}

PROBED(nanosleep);

int PROBE(nanosleep)(const struct timespec *span, struct timespec *left)
{
    int64_t ms = (int64_t)span->tv_sec * 1000 + span->tv_nsec / 1000000;

    (void)left;
    cs_wait(NULL, now + (ms ? ms : 1));
    return 0;
}

/* The link alone calls it: what it waits for is the wire's. */
PROBED(poll);

int PROBE(poll)(struct pollfd *fds, nfds_t count, int ms)
{
    for (nfds_t i = 0; i < count; i++) {
        fds[i].revents = 0;
    }
    if (!cs_wire_has_news(at_work)) {
        cs_wait(cs_wire_bell(at_work), now + (ms > 0 ? ms : 0));
    }
    return 0;
}

/* Of all calls of the system by number only futexes are ours. */
extern long PROBE(syscall)(long number, ...);
extern long REAL(syscall)(long number, ...);

static void futex_wait(const _Atomic uint32_t *word, uint32_t seen,
                       const struct timespec *most)
{
    int64_t ms = (int64_t)most->tv_sec * 1000 + most->tv_nsec / 1000000;

    if (__atomic_load_n((const uint32_t *)word, __ATOMIC_SEQ_CST) == seen) {
        cs_wait(word, now + ms);
    }
}

long PROBE(syscall)(long number, ...)
{
    long words[4];
    va_list args;

    va_start(args, number);
    for (int i = 0; i < 4; i++) {
        words[i] = va_arg(args, long);
    }
    va_end(args);
    if (number != SYS_futex) {
        return REAL(syscall)(number, words[0], words[1], words[2], words[3]);
    }
    if (words[1] == FUTEX_WAKE) {
        cs_ring((const void *)words[0]);
    }
    else {
        futex_wait((const _Atomic uint32_t *)words[0], (uint32_t)words[2],
                   (const struct timespec *)words[3]);
    }
    return 0;
}
