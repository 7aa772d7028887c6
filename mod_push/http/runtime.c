#include "http/runtime.h"

#include <ap_mpm.h>
#include <http_config.h>
#include <http_log.h>
#include <scoreboard.h>
#include <apr_signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "http/state.h"
#include "store/deaths.h"
#include "store/sweep.h"
#include "stream/migration.h"

APLOG_USE_MODULE(push);

#define SEATS_MIN 32
#define SEATS_MAX 512

/* Descriptors that stay free in a child, beside one a worker thread. */
#define DESCRIPTORS_RESERVED 128

/* Reconnects a second that the server wants after an orderly end. */
#define ACCEPT_RATE 1000

/* ms for streams to find a new home, where they may find none */
#define LEAVE_MS_UNSURE 1500u

/*
 * What outlives a graceful restart: kept by the process, to its end.  The
 * module itself does not outlive it, so no cleanup of it may be left behind.
 */
typedef struct {
    push_ground_t ground;
    push_state_kept_t state;
    int events[SEATS_MAX];
    int receive[SEATS_MAX];
    int send[SEATS_MAX];
} kept_t;

/* Set by the parent before it forks; read by the children. */
static kept_t *kept;
static push_limits_t limits;
static int64_t reactors_wanted;
static int64_t max_streams_wanted;
static int64_t max_blocking;
static int64_t drain_time;
static int64_t jwt_lifetime;
static push_durability_t durability;

/* A child's own. */
static push_runtime_t runtime;
static push_end_t end_reason = PUSH_END_SHUTDOWN;
static bool all_end = true;         /* the streams of all processes */
static _Atomic int64_t leave_until; /* mono ms; streams may move */

push_runtime_t *push_runtime(void)
{
    return runtime.reactors_count ? &runtime : NULL;
}

/* ---- the parent ---- */

/* What a reactor is woken by, and where it gets streams from others. */
static bool make_sockets(kept_t *new, uint32_t seats)
{
    while (new->ground.seats < seats) {
        uint32_t i = new->ground.seats;
        int pair[2];

        new->events[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (new->events[i] < 0 || !push_migration_open(pair)) {
            return false;
        }
        new->receive[i] = pair[0];
        new->send[i] = pair[1];
        new->ground.seats++;
    }
    return true;
}

/* Old and new generations of children may run at once. */
static uint32_t seats_for_mpm(const push_global_t *global)
{
    int children = 0;
    int64_t seats;

    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &children);
    seats = 2 * (int64_t)children * global->reactors;
    return (uint32_t)(seats < SEATS_MIN   ? SEATS_MIN
                      : seats > SEATS_MAX ? SEATS_MAX
                                          : seats);
}

/* Small, and touched only where it is used: its size is nobody's concern. */
static push_guard_t *make_guard(server_rec *s)
{
    push_guard_t *guard = mmap(NULL, sizeof(*guard), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (guard == MAP_FAILED || !push_guard_create(guard)) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, errno, s,
                     "PUSH0008: cannot make the shared memory of limits");
        return NULL;
    }
    return guard;
}

static int make_segment(server_rec *s, const push_global_t *global)
{
    uint64_t size = (uint64_t)global->shm_size;
    uint32_t seats = seats_for_mpm(global);
    push_store_t store;
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (base == MAP_FAILED) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, errno, s,
                     "PUSH0001: PushShmSize: cannot map %" APR_UINT64_T_FMT
                     " bytes of shared memory",
                     size);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    kept = ap_retained_data_create("push", sizeof(*kept));
    kept->ground.guard = make_guard(s);
    if (!kept->ground.guard) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    kept->ground.base = base;
    kept->ground.size = size;
    kept->ground.events = kept->events;
    kept->ground.receive = kept->receive;
    kept->ground.send = kept->send;
    if (!make_sockets(kept, seats)
        || !push_store_create(&store, &kept->ground, &limits)) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     "PUSH0002: cannot lay out the shared memory for %u "
                     "reactors (PushShmSize, descriptors)",
                     seats);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return push_state_recover(s, global, &store, &kept->state);
}

/*
 * Each HTTP/2 connection with a stream on it holds one of the MPM's threads,
 * beside those of mod_http2 that its streams hold.
 */
static void warn_of_threads(server_rec *s)
{
    int threads = 0;

    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    if (max_blocking >= threads && max_blocking) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "PUSH0052: PushMaxBlockingStreams: %" APR_INT64_T_FMT
                     " streams on as many connections hold all %d threads of "
                     "a child (ThreadsPerChild): nothing else is served then",
                     max_blocking, threads);
    }
}

int push_runtime_prepare(server_rec *s, const push_global_t *global)
{
    limits = (push_limits_t){.max_pending = (uint32_t)global->max_pending,
                             .history = (uint32_t)global->history,
                             .retention = global->retention,
                             .idempotency = global->idempotency};
    reactors_wanted = global->reactors;
    max_streams_wanted = global->max_streams;
    max_blocking = global->max_blocking;
    warn_of_threads(s);
    drain_time = global->drain_time;
    jwt_lifetime = global->jwt_lifetime;
    durability = global->durability;
    kept = ap_retained_data_get("push");
    if (!kept) {
        return make_segment(s, global);
    }
    if (kept->ground.size != (uint64_t)global->shm_size) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "PUSH0003: PushShmSize: a new size takes effect at a "
                     "full restart; %" APR_UINT64_T_FMT " bytes are in use",
                     kept->ground.size);
    }
    push_state_compare(s, global, &kept->state);
    return OK;
}

void push_runtime_child_ended(pid_t pid)
{
    if (kept && kept->ground.base) {
        push_deaths_note(kept->ground.base, (uint32_t)pid,
                         push_clock_now().mono);
        push_store_sweep_soon(kept->ground.base);
    }
}

/* ---- a child ---- */

static void log_end(void *data, const push_ended_t *ended)
{
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, (server_rec *)data,
                 "PUSH0010: stream ended: device %u, %s, %" APR_UINT64_T_FMT
                 " ms, %u messages, %" APR_UINT64_T_FMT " bytes",
                 ended->ticket.device, push_end_name(ended->why),
                 ended->duration, ended->messages, ended->bytes);
}

/* The whole server ends meanwhile. */
static void hurry(int signal)
{
    (void)signal;
    atomic_store(&leave_until, 0);
}

static apr_status_t stop_threads(void *data)
{
    (void)data;
    apr_signal(SIGTERM, hurry);
    if (runtime.sweeper) {
        push_sweeper_stop(runtime.sweeper);
        runtime.sweeper = NULL;
    }
    while (runtime.reactors_count) {
        push_reactor_stop(runtime.reactors[--runtime.reactors_count],
                          end_reason, all_end, &leave_until);
    }
    push_state_stop(&runtime.store);
    return APR_SUCCESS;
}

/*
 * The event MPM ends a child that runs out of descriptors while it accepts,
 * so streams never take the last ones.
 */
static uint32_t streams_for_child(server_rec *s)
{
    struct rlimit descriptors = {0};
    int threads = 0;
    int64_t room;

    getrlimit(RLIMIT_NOFILE, &descriptors);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    room = (int64_t)descriptors.rlim_cur - DESCRIPTORS_RESERVED
           - 2 * (int64_t)threads - 3 * (int64_t)kept->ground.seats
           - max_blocking;
    room = room < 1 ? 1 : room;
    if (max_streams_wanted > room) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "PUSH0004: PushMaxStreams: %" APR_INT64_T_FMT
                     " is more than descriptors allow; %" APR_INT64_T_FMT
                     " it is",
                     max_streams_wanted, room);
    }
    return (uint32_t)(max_streams_wanted && max_streams_wanted < room
                          ? max_streams_wanted
                          : room);
}

/* What one of the reactors may take of the streams of this child. */
static uint32_t share_of(uint32_t max_streams, unsigned which)
{
    uint32_t reactors = (uint32_t)reactors_wanted;

    return max_streams / reactors + (which < max_streams % reactors);
}

void push_runtime_start(apr_pool_t *child, server_rec *s)
{
    push_reactor_options_t options = {.store = &runtime.store,
                                      .pid = (uint32_t)getpid(),
                                      .retry_ms = 1000,
                                      .accept_rate = ACCEPT_RATE,
                                      .ended = log_end,
                                      .data = s};
    uint32_t max_streams;

    if (!kept || !push_store_open(&runtime.store, &kept->ground, &limits)) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                     "PUSH0005: the shared memory is of another version: "
                     "restart httpd fully");
        return;
    }
    max_streams = streams_for_child(s);
    runtime.max_blocking = (uint32_t)max_blocking;
    runtime.jwt_lifetime = jwt_lifetime;
    push_state_start(s, &kept->state, durability, &runtime.store);
    while (runtime.reactors_count < (unsigned)reactors_wanted) {
        push_reactor_t *reactor;

        options.max_streams = share_of(max_streams, runtime.reactors_count);
        reactor = push_reactor_start(&options);
        if (!reactor) {
            ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                         "PUSH0006: cannot start a reactor: this child "
                         "refuses streams");
            break;
        }
        if (!runtime.reactors_count) {
            push_store_sit(&runtime.store, push_reactor_seat(reactor));
        }
        runtime.reactors[runtime.reactors_count++] = reactor;
    }
    runtime.sweeper = push_sweeper_start(&runtime.store);
    if (!runtime.sweeper) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     "PUSH0007: cannot start a thread that sweeps: what this "
                     "child leaves, others have to clear");
    }
    apr_pool_cleanup_register(child, NULL, stop_threads,
                              apr_pool_cleanup_null);
}

/* A restart begins a new generation of children, a stop does not. */
static bool newer_generation(void)
{
    int mine = 0;

    ap_mpm_query(AP_MPMQ_GENERATION, &mine);
    return ap_exists_scoreboard_image()
           && ap_get_scoreboard_global()->running_generation != mine;
}

/*
 * In a graceful end other children are there, or will be in a moment.  The
 * prefork MPM does not say whether an end is graceful, so there only a moment
 * is given.
 */
void push_runtime_stopping(int graceful)
{
    all_end = !graceful; /* else most streams stay open */
    if (graceful) {
        end_reason = PUSH_END_RESTART;
        atomic_store(&leave_until, push_clock_now().mono + drain_time);
    }
    else if (newer_generation()) {
        end_reason = PUSH_END_RESTART;
        atomic_store(&leave_until, push_clock_now().mono + LEAVE_MS_UNSURE);
    }
    for (unsigned i = 0; i < runtime.reactors_count; i++) {
        push_reactor_end_pumped(runtime.reactors[i], end_reason);
    }
}

/* The reactor with the most room, or NULL: this child is full. */
static push_reactor_t *roomiest(void)
{
    push_reactor_t *found = NULL;
    uint32_t most = 0;

    for (unsigned i = 0; i < runtime.reactors_count; i++) {
        uint32_t room = push_reactor_room(runtime.reactors[i]);

        if (room > most) {
            most = room;
            found = runtime.reactors[i];
        }
    }
    return found;
}

/* Whoever is not the first to reserve looks again: one more is taken then. */
bool push_runtime_berth(bool can_move, push_berth_t *berth)
{
    push_reactor_t *reactor = roomiest();

    while (reactor) {
        if (push_berth_reserve(berth, &runtime.store, reactor)) {
            return true;
        }
        reactor = roomiest();
    }
    return can_move && push_berth_promise(berth, &runtime.store);
}
