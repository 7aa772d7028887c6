#include "server/process.h"

#include <ap_mpm.h>
#include <http_config.h>
#include <http_log.h>
#include <apr_signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "http/runtime.h"
#include "server/cluster.h"
#include "server/generation.h"
#include "server/kept.h"
#include "server/process_feeds.h"
#include "server/process_places.h"
#include "server/process_runner.h"
#include "server/process_triggers.h"
#include "server/state.h"
#include "server/names.h"
#include "server/version.h"
#include "server/undelivered.h"
#include "store/upkeep/layout.h"
#include "store/upkeep/sweep.h"
#include "store/upkeep/sweeper.h"
#include "stream/loop/reactor.h"
#include "stream/loop/stream_counts.h"
#include "stream/transport/migration.h"

APLOG_USE_MODULE(push);

#define SEATS_MIN 32
#define SEATS_MAX PUSH_KEPT_SEATS

/* Descriptors that stay free in a child, beside one a worker thread. */
#define DESCRIPTORS_RESERVED 128
#define STREAMS_FEW          512 /* of a child: nobody can have meant it */

#define ACCEPT_RATE 1000 /* reconnects a second after an orderly end */

/* ms for streams to find a new home, where they may find none */
#define LEAVE_MS_UNSURE 1500u

/* ms in which httpd replaces the last child that ended, if it does */
#define LEAVE_MS_ALONE 2500u

/* Set by the parent before it forks; read by the children. */
static push_kept_t *kept;
static push_mapping_t mapping;
static push_limits_t limits;
static int64_t reactors_wanted;
static int64_t max_streams_wanted;
static int64_t max_blocking;
static int64_t max_publishers_wanted;
static int64_t drain_time;
static int64_t jwt_lifetime;
static int64_t largest;
static bool presence;
static const apr_array_header_t *traced; /* const char *: patterns */
static const apr_array_header_t *events; /* push_class_name_t */
static push_durability_t durability;

/* A child's own. */
static push_store_t own_store;
static push_sweeper_t *sweeper;
static push_end_t end_reason = PUSH_END_SHUTDOWN;
static bool all_end = true; /* the streams of all processes */
static push_leave_t leave;  /* how long streams may look for another child */

/* ---- the parent ---- */

static push_mapping_t mapping_of(const push_kept_t *what)
{
    return (push_mapping_t){.base = what->base,
                            .size = what->size,
                            .seats = what->seats,
                            .events = what->events,
                            .receive = what->receive,
                            .send = what->send,
                            .guard = what->guard,
                            .hash_key = push_server_cluster_key(),
                            .layout = push_layout(push_migration_layout())};
}

static bool make_seats(push_kept_t *new, uint32_t seats)
{
    while (new->seats < seats) {
        if (!push_kept_add_seat(new)) {
            return false;
        }
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

/* The memory, and what its reactors are woken by; false, and says why. */
static bool make_mapping(server_rec *s, const push_global_t *global,
                         const push_limits_t *within, push_kept_t *new,
                         push_store_t *store)
{
    uint64_t size = (uint64_t)global->shm_size;
    uint32_t seats = seats_for_mpm(global);
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (base == MAP_FAILED) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, errno, s,
                     "PUSH0001: PushShmSize: cannot map %" APR_UINT64_T_FMT
                     " bytes of shared memory",
                     size);
        return false;
    }
    new->base = base;
    new->size = size;
    new->guard = make_guard(s);
    if (!new->guard) {
        return false;
    }
    new->guard_size = sizeof(push_guard_t);
    if (!push_server_cluster_make(s, new->guard, &new->cluster,
                                  &new->cluster_size)) {
        return false;
    }
    if (make_seats(new, seats)) {
        mapping = mapping_of(new);
        if (push_store_create(store, &mapping, within)) {
            return true;
        }
    }
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                 "PUSH0002: cannot lay out the shared memory for %u "
                 "reactors (PushShmSize, descriptors)",
                 seats);
    return false;
}

/* Gives back what make_mapping() has made. */
static void give_back_mapping(const push_kept_t *made)
{
    for (uint32_t i = 0; i < made->seats; i++) {
        close(made->events[i]);
        close(made->receive[i]);
        close(made->send[i]);
    }
    if (made->guard) {
        munmap(made->guard, made->guard_size);
    }
    if (made->cluster) {
        munmap(made->cluster, made->cluster_size);
    }
    if (made->base) {
        munmap(made->base, made->size);
    }
}

static push_limits_t limits_of(const push_global_t *global)
{
    return (push_limits_t){.max_pending = (uint32_t)global->max_pending,
                           .channels = (uint32_t)global->max_channels,
                           .history = (uint32_t)global->history,
                           .retention = global->retention,
                           .idempotency = global->idempotency};
}

bool push_process_check(server_rec *s, const push_global_t *global)
{
    push_limits_t within = limits_of(global);
    push_kept_t trial = {0};
    push_store_t store;
    bool well = make_mapping(s, global, &within, &trial, &store);

    give_back_mapping(&trial);
    return push_state_check(s, global) && push_server_cluster_check(s, global)
           && well;
}

/* False, after a sentence in the log: httpd cannot serve. */
static bool make_segment(server_rec *s, const push_global_t *global,
                         push_store_t *store)
{
    if (!push_server_cluster_meet(s)) {
        return false;
    }
    kept = push_kept_create();
    return make_mapping(s, global, &limits, kept, store);
}

static int begin(server_rec *s, const push_global_t *global)
{
    push_store_t store;

    return make_segment(s, global, &store)
               ? push_state_recover(s, global, &store, &kept->state)
               : HTTP_INTERNAL_SERVER_ERROR;
}

/*
 * The segment that was kept is of another layout, and children still use it:
 * they let go, and another segment succeeds it.  Their state on disk comes
 * along; all else is lost, and reported to the devices that come back.
 */
static int succeed(server_rec *s, const push_global_t *global)
{
    push_state_kept_t before = kept->state;
    int64_t lost_until = push_segment_forgotten(kept->base);
    bool knows = push_segment_has_prefix(kept->base);
    push_store_t store;

    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                 "PUSH0141: this version of the module has another layout of "
                 "the shared memory, or PushCluster was set or removed: a new "
                 "one is made, and streams are told to come again");
    push_kept_supersede(kept);
    if (!make_segment(s, global, &store)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    push_state_inherit(s, global, &store, &kept->state, knows);
    if (!kept->state.dir[0] || strcmp(kept->state.dir, before.dir)) {
        lost_until = push_clock_now().mono + limits.retention;
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "PUSH0143: what the shared memory held is lost with it: "
                     "devices that come back are told so (state-lost)");
    }
    push_segment_forget(kept->base, lost_until);
    return OK;
}

/* The layout of the segment that was kept is ours, and it is of a cluster if
 * this server is a node of one. */
static bool fits(const push_kept_t *what)
{
    mapping = mapping_of(what);
    return what->format == PUSH_KEPT_FORMAT
           && push_segment_check(what->base, what->size, mapping.layout)
           && (what->cluster != NULL) == push_server_cluster_wanted();
}

/*
 * The event MPM ends a child that runs out of descriptors while it accepts,
 * so streams never take the last ones.
 */
static int64_t room_for_streams(const struct rlimit *descriptors)
{
    int threads = 0;
    int64_t room;

    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    room = (int64_t)descriptors->rlim_cur - DESCRIPTORS_RESERVED
           - 2 * (int64_t)threads - 3 * (int64_t)kept->seats - max_blocking;
    return room < 1 ? 1 : room;
}

/* Where nothing is set, nobody knows how few streams it will be. */
static void warn_of_descriptors(server_rec *s)
{
    struct rlimit descriptors = {0};
    int64_t room;

    getrlimit(RLIMIT_NOFILE, &descriptors);
    room = room_for_streams(&descriptors);
    if (!max_streams_wanted && room < STREAMS_FEW) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, s,
            "PUSH0121: a child has %" APR_INT64_T_FMT " descriptors (ulimit "
            "-n), and holds %" APR_INT64_T_FMT " streams at most: the rest is "
            "kept for connections, files and the other children. Raise the "
            "limit, or set PushMaxStreams if that is enough",
            (int64_t)descriptors.rlim_cur, room);
    }
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
    if (max_publishers_wanted >= threads && threads > 1) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "PUSH0122: PushMaxPublishers: %" APR_INT64_T_FMT
                     " NDJSON requests hold all %d threads of a child "
                     "(ThreadsPerChild): nothing else is served then",
                     max_publishers_wanted, threads);
    }
}

/* At a graceful restart: what will not take effect. */
static void compare(server_rec *s, const push_global_t *global)
{
    if (kept->size != (uint64_t)global->shm_size) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "PUSH0003: PushShmSize: a new size takes effect at a "
                     "full restart; %" APR_UINT64_T_FMT " bytes are in use",
                     kept->size);
    }
    push_state_compare(s, global, &kept->state);
}

int push_process_prepare(server_rec *s, const push_global_t *global)
{
    int status = OK;

    limits = limits_of(global);
    reactors_wanted = global->reactors;
    max_streams_wanted = global->max_streams;
    max_blocking = global->max_blocking;
    max_publishers_wanted = global->max_publishers;
    warn_of_threads(s);
    drain_time = global->drain_time;
    jwt_lifetime = global->jwt_lifetime;
    largest = global->largest;
    presence = global->presence != 0;
    push_process_feeds_prepare(global);
    push_process_triggers_prepare(global);
    traced = global->traced;
    events = global->events;
    durability = global->durability;
    if (!push_server_cluster_read(s, global)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    kept = push_kept_find();
    if (!kept) {
        status = begin(s, global);
    }
    else if (fits(kept)) {
        compare(s, global);
    }
    else {
        status = succeed(s, global);
    }
    if (status == OK && !push_process_places_prepare(s, global, kept)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    mapping.positions = push_process_places();
    if (status == OK) {
        warn_of_descriptors(s);
    }
    return status;
}

void push_process_child_ended(pid_t pid)
{
    if (kept && kept->base) {
        push_segment_child_ended(kept->base, (uint32_t)pid,
                                 push_clock_now().mono);
        push_store_sweep_soon(kept->base);
    }
}

/* ---- a child ---- */

static void log_end(void *data, const push_ended_t *ended)
{
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, (server_rec *)data,
                 "PUSH0010: stream ended: device %u, %s, %" APR_UINT64_T_FMT
                 " ms, %u messages, %" APR_UINT64_T_FMT " bytes",
                 ended->stream_ref.device, push_end_name(ended->why),
                 ended->duration, ended->messages, ended->bytes);
}

/* Another segment succeeds ours. */
static void let_go(push_store_t *store)
{
    push_state_retire(store, &kept->state);
}

/* The whole server ends meanwhile. */
static void hurry(int signal)
{
    (void)signal;
    push_process_runner_leave(0);
    atomic_store(&leave.until, 0);
}

static apr_status_t stop_threads(void *data)
{
    push_runtime_t *runtime = data;

    apr_signal(SIGTERM, hurry);
    if (sweeper) {
        push_sweeper_stop(sweeper);
        sweeper = NULL;
    }
    push_process_runner_part();
    while (runtime->reactors_count) {
        push_reactor_stop(runtime->reactors[--runtime->reactors_count],
                          end_reason, all_end, &leave);
    }
    push_process_runner_stop();
    push_process_feeds_stop();
    push_undelivered_stop();
    push_server_cluster_stop(push_generation_newer() ? NULL : &leave);
    push_state_stop(&own_store);
    return APR_SUCCESS;
}

static uint32_t streams_for_child(server_rec *s)
{
    struct rlimit descriptors = {0};
    int64_t room;

    getrlimit(RLIMIT_NOFILE, &descriptors);
    room = room_for_streams(&descriptors);
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

/* Three quarters of the threads are left for all that is over soon. */
static uint32_t publishers_for_child(void)
{
    int threads = 0;

    if (max_publishers_wanted) {
        return (uint32_t)max_publishers_wanted;
    }
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    return threads < 4 ? 1 : (uint32_t)threads / 4;
}

/* The share of one reactor in the streams of this child. */
static uint32_t share_of(uint32_t max_streams, unsigned which)
{
    uint32_t count = (uint32_t)reactors_wanted;

    return max_streams / count + (which < max_streams % count);
}

static bool is_superseded(const push_store_t *store)
{
    return push_segment_superseded(store->segment);
}

/* Fills in what the handlers of this child use. */
static push_runtime_t *make_runtime(server_rec *s)
{
    push_runtime_t *runtime = push_runtime_own();

    push_server_cluster_init(s, &own_store, kept->cluster, &runtime->broker);
    runtime->version = PUSH_VERSION;
    runtime->store = &own_store;
    runtime->reactors_wanted = (unsigned)reactors_wanted;
    runtime->superseded = is_superseded;
    runtime->max_blocking = (uint32_t)max_blocking;
    runtime->max_publishers = publishers_for_child();
    runtime->jwt_lifetime = jwt_lifetime;
    runtime->presence = presence;
    push_process_places_fill(runtime);
    runtime->largest = largest;
    runtime->traced = traced;
    return runtime;
}

/* False if one of them could not be started. */
static bool start_reactors(push_runtime_t *runtime, server_rec *s)
{
    push_reactor_options_t options = {.store = &own_store,
                                      .pid = (uint32_t)getpid(),
                                      .generation = push_generation_own(),
                                      .retry_ms = 1000,
                                      .accept_rate = ACCEPT_RATE,
                                      .ended = log_end,
                                      .data = s};
    uint32_t max_streams = streams_for_child(s);

    while (runtime->reactors_count < (unsigned)reactors_wanted) {
        push_reactor_t *reactor;

        options.max_streams = share_of(max_streams, runtime->reactors_count);
        reactor = push_reactor_start(&options);
        if (!reactor) {
            return false;
        }
        if (!runtime->reactors_count) {
            push_store_sit(&own_store, push_reactor_seat(reactor));
            runtime->broker.counts = own_store.counts;
        }
        runtime->reactors[runtime->reactors_count++] = reactor;
    }
    return true;
}

void push_process_start(apr_pool_t *child, server_rec *s)
{
    push_runtime_t *runtime;

    if (!kept || !push_store_open(&own_store, &mapping, &limits)) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                     "PUSH0005: the shared memory is of another version: "
                     "restart httpd fully");
        return;
    }
    push_names_give(&own_store, events, s);
    runtime = make_runtime(s);
    push_process_triggers_make(child, runtime, s);
    push_state_start(s, &kept->state, durability, &own_store);
    push_process_feeds_make(&own_store, &runtime->broker, s);
    push_undelivered_start(s, &own_store);
    if (!start_reactors(runtime, s)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     "PUSH0006: cannot start a reactor: this child refuses "
                     "streams");
    }
    push_server_cluster_start(s);
    push_process_feeds_start(s);
    sweeper = push_sweeper_start(&own_store, let_go);
    if (!sweeper) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     "PUSH0007: cannot start a thread that sweeps: what this "
                     "child leaves, others have to clear");
    }
    apr_pool_cleanup_register(child, runtime, stop_threads,
                              apr_pool_cleanup_null);
}

static void let_streams_leave(int64_t longest, int64_t alone)
{
    int64_t now = push_clock_now().mono;

    end_reason = PUSH_END_RESTART;
    atomic_store(&leave.alone_until, now + alone);
    atomic_store(&leave.until, now + longest);
}

/*
 * In a graceful end other children are there, or will be in a moment; but if
 * the whole server ends (graceful-stop), which nobody tells a child, there are
 * none, and the generation stays.  The prefork MPM does not say whether an end
 * is graceful, so there only a moment is given.
 */
void push_process_stopping(int graceful)
{
    const push_runtime_t *runtime = push_runtime_own();
    bool restarts = push_generation_newer();

    all_end = !graceful; /* else most streams stay open */
    push_process_runner_leave(graceful ? drain_time : 0);
    if (graceful) {
        let_streams_leave(drain_time, restarts ? drain_time : LEAVE_MS_ALONE);
    }
    else if (restarts) {
        let_streams_leave(LEAVE_MS_UNSURE, LEAVE_MS_UNSURE);
    }
    for (unsigned i = 0; i < runtime->reactors_count; i++) {
        push_reactor_end_bridged(runtime->reactors[i], end_reason);
    }
}
