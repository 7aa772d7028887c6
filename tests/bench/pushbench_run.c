#include "pushbench_run.h"

#include "pushbench_bare.h"
#include "pushbench_net.h"
#include "pushbench_proc.h"
#include "pushbench_publisher.h"
#include "pushbench_shared.h"
#include "pushbench_subscriber.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND          UINT64_C(1000000000)
#define OPEN_DEADLINE   (120 * SECOND)  /* to open all streams, and more: */
#define OPEN_EACH       (SECOND / 5000) /* for each of them */
#define LOOK_AT_MEMORY  (SECOND / 10)   /* how often */
#define DRAIN_DEADLINE  (10 * SECOND)   /* for what is still on its way */
#define DRAIN_QUIET     (SECOND / 2)    /* nothing came for so long */
#define SETTLE_STEP     (SECOND / 5)    /* memory: equal over such a time */
#define SETTLE_DEADLINE (5 * SECOND)

/* What is known at one moment. */
struct sample {
    uint64_t time;
    uint64_t sent, accepted, refused;
    uint64_t messages, reserved, wrong, closed, failed, ready;
    uint64_t put_off;
    uint64_t bytes, payload;
    struct pb_usage server;
};

/* The coordinator's state. */
struct run {
    const struct pb_options *options;
    struct pb_shared *shared;
    pid_t *pids;  /* the limit's server, the workers, then the publisher;
                    0 = ended */
    pid_t server; /* root of its processes; 0 = not measured */
    unsigned started;
    int publisher;   /* its index; -1 = there is none */
    bool failed;     /* a process ended with an error, or memory is short */
    uint64_t looked; /* when memory was looked at */
};

typedef bool condition_fn(struct run *run, uint64_t wanted);

static void take_sample(const struct run *run, struct sample *sample)
{
    const struct pb_shared *shared = run->shared;

    memset(sample, 0, sizeof *sample);
    sample->time = pb_now();
    sample->sent = shared->published.sent;
    sample->accepted = shared->published.accepted;
    sample->refused = shared->published.refused;
    for (unsigned i = 0; i < shared->workers; i++) {
        const struct pb_received *received = &shared->received[i];

        sample->messages += received->messages;
        sample->reserved += received->reserved;
        sample->wrong += received->wrong;
        sample->closed += received->closed;
        sample->put_off += received->put_off;
        sample->failed += received->failed;
        sample->ready += received->ready;
        sample->bytes += received->bytes;
        sample->payload += received->payload;
    }
    if (run->server > 0) {
        pb_usage_read(run->server, &sample->server);
    }
}

/* Notice processes that ended; before the end every end is a failure. */
static void reap(struct run *run)
{
    int status;

    for (unsigned i = 0; i < run->started; i++) {
        if (run->pids[i] > 0
            && waitpid(run->pids[i], &status, WNOHANG) == run->pids[i]) {
            run->pids[i] = 0;
            run->failed = run->failed || !WIFEXITED(status)
                          || WEXITSTATUS(status) != 0;
        }
    }
}

/* Streams are the kernel's memory, which no limit of a process bounds: end
 * before the machine has none left for others. */
static void watch_memory(struct run *run)
{
    uint64_t spare = (uint64_t)run->options->spare << 20;
    uint64_t now = pb_now();
    struct pb_memory memory;

    if (spare == 0 || now < run->looked + LOOK_AT_MEMORY) {
        return;
    }
    run->looked = now;
    pb_memory_read(&memory);
    if (memory.available < spare) {
        fprintf(stderr, "pushbench: %" PRIu64 " MiB of memory available\n",
                memory.available >> 20);
        run->failed = true;
    }
}

static void pause_briefly(void)
{
    struct timespec pause = {.tv_nsec = 2000000};

    nanosleep(&pause, NULL);
}

/* Wait for the condition. False when time is up or a process failed. */
static bool wait_for(struct run *run, condition_fn *holds, uint64_t wanted,
                     uint64_t within)
{
    uint64_t end = pb_now() + within;

    while (!holds(run, wanted)) {
        reap(run);
        watch_memory(run);
        if (run->failed || pb_now() > end) {
            return false;
        }
        pause_briefly();
    }
    return true;
}

static uint64_t streams_open(const struct run *run)
{
    const struct pb_shared *shared = run->shared;
    uint64_t ready = 0;

    for (unsigned i = 0; i < shared->workers; i++) {
        ready += shared->received[i].ready;
    }
    return ready;
}

static bool streams_are_open(struct run *run, uint64_t wanted)
{
    const struct pb_shared *shared = run->shared;

    for (unsigned i = 0; i < shared->workers; i++) {
        run->failed = run->failed || shared->received[i].failed > 0;
    }
    return streams_open(run) >= wanted;
}

static bool publisher_is_connected(struct run *run, uint64_t wanted)
{
    return run->shared->published.connected >= wanted;
}

static bool limit_listens(struct run *run, uint64_t wanted)
{
    return run->shared->listening >= wanted;
}

static bool time_is(struct run *run, uint64_t wanted)
{
    (void)run;
    return pb_now() >= wanted;
}

static bool publisher_has_ended(struct run *run, uint64_t wanted)
{
    (void)wanted;
    reap(run);
    return run->pids[run->publisher] == 0;
}

/* The part that a process has in the run: a subscriber's from 0 on. */
enum { PUBLISHER = -1, LIMIT = -2 };

static int play(const struct run *run, int part)
{
    switch (part) {
    case PUBLISHER:
        return pb_publisher_run(run->options, run->shared);
    case LIMIT:
        return pb_bare_run(run->options, run->shared);
    default:
        return pb_subscriber_run(run->options, run->shared, (unsigned)part);
    }
}

static bool start_process(struct run *run, int part)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid < 0) {
        perror("pushbench: fork");
        return false;
    }
    if (pid == 0) {
        /* no process of a run outlives it, however it ends */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(2);
        }
        _exit(play(run, part));
    }
    run->pids[run->started++] = pid;
    return true;
}

/* The limit's server belongs to the run, as no other does. */
static bool start_limit(struct run *run)
{
    if (run->options->target != PB_BARE) {
        return true;
    }
    if (!start_process(run, LIMIT)) {
        return false;
    }
    run->server = run->pids[0];
    return wait_for(run, limit_listens, run->options->servers, 10 * SECOND);
}

static bool run_init(struct run *run)
{
    const struct pb_options *options = run->options;
    unsigned all = options->streams + options->warm;
    unsigned workers = (all + PB_STREAMS_PER_PROCESS - 1)
                       / PB_STREAMS_PER_PROCESS;
    size_t size;

    if (workers < options->procs) {
        workers = options->procs;
    }
    size = sizeof *run->shared + workers * sizeof *run->shared->received;
    run->shared = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    run->pids = calloc(workers + 2, sizeof *run->pids);
    if (run->shared == MAP_FAILED || !run->pids) {
        perror("pushbench");
        return false;
    }
    run->shared->workers = workers;
    run->server = options->server_pid;
    if (!start_limit(run)) {
        return false;
    }
    for (unsigned i = 0; i < workers; i++) {
        if (!start_process(run, (int)i)) {
            return false;
        }
    }
    return true;
}

static bool open_streams(struct run *run, unsigned count)
{
    run->shared->open_limit = count;
    if (!wait_for(run, streams_are_open, count,
                  OPEN_DEADLINE + count * OPEN_EACH)) {
        fprintf(stderr, "pushbench: %" PRIu64 " of %u streams opened\n",
                streams_open(run), count);
        return false;
    }
    return true;
}

static void print_head(const struct run *run)
{
    const struct pb_options *options = run->options;

    printf("target=%s mode=%s streams=%u size=%u",
           pb_target_name(options->target), pb_mode_name(options->mode),
           options->streams, options->size);
}

/* Sample when the memory stays the same, or the deadline comes. */
static void settled_sample(struct run *run, struct sample *sample)
{
    uint64_t end = pb_now() + SETTLE_DEADLINE;
    uint64_t before;

    take_sample(run, sample);
    do {
        before = sample->server.pss;
        wait_for(run, time_is, pb_now() + SETTLE_STEP, SECOND);
        take_sample(run, sample);
    } while (sample->server.pss != before && sample->time < end);
}

static bool run_idle(struct run *run)
{
    const struct pb_options *options = run->options;
    struct sample before, after;
    uint64_t start;
    double opening;

    if (!open_streams(run, options->warm)) {
        return false;
    }
    settled_sample(run, &before);
    start = pb_now();
    if (!open_streams(run, options->warm + options->streams)) {
        return false;
    }
    opening = (double)(pb_now() - start) / (double)SECOND;
    settled_sample(run, &after);
    print_head(run);
    printf(" opened_per_s=%.0f closed=%" PRIu64, options->streams / opening,
           after.closed);
    if (run->server > 0) {
        printf(" server_us_per_open=%.1f",
               (double)(after.server.cpu - before.server.cpu) / 1e3
                   / options->streams);
        printf(" processes=%u pss_before=%" PRIu64 " pss_after=%" PRIu64
               " bytes_per_stream=%.1f",
               after.server.processes, before.server.pss, after.server.pss,
               ((double)after.server.pss - (double)before.server.pss)
                   / options->streams);
    }
    printf("\n");
    return true;
}

/* What was measured while streams were held. */
struct held {
    struct sample begin, end;
    double opening;                 /* s */
    struct pb_memory before, after; /* without and with streams */
};

static void print_held(const struct run *run, const struct held *held)
{
    const struct pb_options *options = run->options;
    const struct sample *begin = &held->begin, *end = &held->end;
    double time = (double)(end->time - begin->time);
    uint64_t longest = 0;

    for (unsigned i = 0; i < run->shared->workers; i++) {
        uint64_t silence = run->shared->received[i].longest;

        longest = silence > longest ? silence : longest;
    }
    print_head(run);
    printf(" opened_per_s=%.0f put_off=%" PRIu64
           " seconds=%.3f closed=%" PRIu64 " events=%" PRIu64
           " messages=%" PRIu64 " longest_silence_ms=%.0f bytes_per_s=%.0f"
           " available_mib=%" PRIu64 " kernel_bytes_per_stream=%.0f",
           options->streams / held->opening, end->put_off, time / 1e9,
           end->closed, end->reserved, end->messages - begin->messages,
           (double)longest / 1e6,
           (double)(end->bytes - begin->bytes) / time * 1e9,
           held->after.available >> 20,
           ((double)held->after.slab - (double)held->before.slab)
               / options->streams);
    if (run->server > 0) {
        printf(" processes=%u pss=%" PRIu64 " server_cores=%.2f",
               end->server.processes, end->server.pss,
               (double)(end->server.cpu - begin->server.cpu) / time);
    }
    printf("\n");
}

/* Hold all streams open for the measured time, with nothing but heartbeats. */
static bool run_hold(struct run *run)
{
    const struct pb_options *options = run->options;
    uint64_t warmup = (uint64_t)(options->warmup * (double)SECOND);
    uint64_t measured = (uint64_t)(options->seconds * (double)SECOND);
    uint64_t start = pb_now();
    struct held held;

    pb_memory_read(&held.before);
    if (!open_streams(run, options->streams)) {
        return false;
    }
    held.opening = (double)(pb_now() - start) / (double)SECOND;
    if (!wait_for(run, time_is, pb_now() + warmup, warmup + SECOND)) {
        return false;
    }
    take_sample(run, &held.begin);
    run->shared->window_end = held.begin.time + measured;
    run->shared->window_begin = held.begin.time;
    if (!wait_for(run, time_is, held.begin.time + measured,
                  measured + SECOND)) {
        return false;
    }
    take_sample(run, &held.end);
    pb_memory_read(&held.after);
    print_held(run, &held);
    return true;
}

/* Wait until every accepted message came, or nothing comes any more. */
static void drain(struct run *run)
{
    const struct pb_options *options = run->options;
    uint64_t fan = options->mode == PB_FANOUT ? options->streams : 1;
    uint64_t end = pb_now() + DRAIN_DEADLINE;
    uint64_t last = pb_shared_messages(run->shared);
    uint64_t changed = pb_now();

    if (pb_only_publishes(options)) {
        return;
    }
    while (last < run->shared->published.accepted * fan && pb_now() < end
           && pb_now() - changed < DRAIN_QUIET) {
        uint64_t messages = pb_shared_messages(run->shared);

        if (messages != last) {
            last = messages;
            changed = pb_now();
        }
        pause_briefly();
    }
}

static void print_latency(const struct run *run)
{
    struct pb_hist *all = calloc(1, sizeof *all);

    if (!all) {
        return;
    }
    for (unsigned i = 0; i < run->shared->workers; i++) {
        pb_hist_merge(all, &run->shared->received[i].latency);
    }
    printf(" samples=%" PRIu64
           " p50_us=%.0f p90_us=%.0f p99_us=%.0f max_us=%.0f",
           all->total, (double)pb_hist_percentile(all, 50) / 1000,
           (double)pb_hist_percentile(all, 90) / 1000,
           (double)pb_hist_percentile(all, 99) / 1000,
           (double)all->max / 1000);
    free(all);
}

/* What became of the messages that were accepted. */
static void print_fate(const struct run *run)
{
    const struct pb_options *options = run->options;
    double fan = options->mode == PB_FANOUT ? options->streams : 1;
    struct sample last;

    take_sample(run, &last);
    printf(" sent=%" PRIu64 " accepted=%" PRIu64 " refused=%" PRIu64
           " delivered=%" PRIu64 " gaps=%" PRIu64 " wrong=%" PRIu64
           " closed=%" PRIu64,
           last.sent, last.accepted, last.refused, last.messages,
           last.reserved, last.wrong, last.closed);
    if (!pb_only_publishes(options) && options->target != PB_BARE) {
        printf(" missing=%.0f",
               (double)last.accepted * fan - (double)last.messages);
    }
}

static void print_result(const struct run *run, const struct sample *begin,
                         const struct sample *end)
{
    const struct pb_options *options = run->options;
    double seconds = (double)(end->time - begin->time) / (double)SECOND;
    double messages = (double)(end->messages - begin->messages);
    double accepted = (double)(end->accepted - begin->accepted);

    print_head(run);
    printf(" publisher=%s conns=%u depth=%u rate=%u seconds=%.3f",
           options->ndjson ? "ndjson" : "post", options->conns, options->depth,
           options->rate, seconds);
    printf(" published_per_s=%.0f delivered_per_s=%.0f", accepted / seconds,
           messages / seconds);
    print_fate(run);
    if (options->rate > 0 && messages > 0) {
        printf(" framing=%.2f", (double)((end->bytes - begin->bytes)
                                         - (end->payload - begin->payload))
                                    / messages);
        print_latency(run);
    }
    if (run->server > 0) {
        double cpu = (double)(end->server.cpu - begin->server.cpu);

        printf(" server_cores=%.2f server_us_per_delivery=%.3f"
               " server_us_per_post=%.3f",
               cpu / 1e9 / seconds, messages > 0 ? cpu / 1e3 / messages : 0,
               accepted > 0 ? cpu / 1e3 / accepted : 0);
    }
    printf("\n");
}

/* The limit's fan-out has none: its server writes by itself. */
static bool start_publisher(struct run *run)
{
    const struct pb_options *options = run->options;

    if (options->target == PB_BARE && options->mode == PB_FANOUT) {
        return true;
    }
    run->publisher = (int)run->started;
    return start_process(run, PUBLISHER)
           && wait_for(run, publisher_is_connected, options->conns,
                       10 * SECOND);
}

static bool run_messages(struct run *run)
{
    const struct pb_options *options = run->options;
    uint64_t warmup = (uint64_t)(options->warmup * (double)SECOND);
    uint64_t measured = (uint64_t)(options->seconds * (double)SECOND);
    struct sample begin, end;
    uint64_t start;

    if (!open_streams(run, pb_only_publishes(options) ? 0 : options->streams)
        || !start_publisher(run)) {
        return false;
    }
    start = pb_now();
    run->shared->window_begin = start + warmup;
    run->shared->window_end = start + warmup + measured;
    run->shared->phase = PB_PUBLISHING;
    if (!wait_for(run, time_is, start + warmup, warmup + SECOND)) {
        return false;
    }
    take_sample(run, &begin);
    if (!wait_for(run, time_is, start + warmup + measured,
                  measured + SECOND)) {
        return false;
    }
    take_sample(run, &end);
    run->shared->phase = PB_DRAINING;
    if (run->publisher >= 0
        && !wait_for(run, publisher_has_ended, 0, DRAIN_DEADLINE)) {
        fputs("pushbench: publishes were never answered\n", stderr);
        run->failed = true;
    }
    drain(run);
    print_result(run, &begin, &end);
    return !run->failed;
}

/* End all processes: on their own, then by force. */
static void run_end(struct run *run)
{
    uint64_t end = pb_now() + 5 * SECOND;
    bool running = true;

    run->shared->phase = PB_ENDING;
    while (running && pb_now() < end) {
        reap(run);
        running = false;
        for (unsigned i = 0; i < run->started; i++) {
            running = running || run->pids[i] > 0;
        }
        pause_briefly();
    }
    for (unsigned i = 0; i < run->started; i++) {
        if (run->pids[i] > 0) {
            kill(run->pids[i], SIGKILL);
            waitpid(run->pids[i], NULL, 0);
        }
    }
    free(run->pids);
}

int pb_run(const struct pb_options *options)
{
    struct run run = {.options = options, .publisher = -1};
    struct rlimit files;
    bool ok;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    ok = run_init(&run);
    if (ok) {
        ok = options->mode == PB_IDLE   ? run_idle(&run)
             : options->mode == PB_HOLD ? run_hold(&run)
                                        : run_messages(&run);
        run_end(&run);
    }
    fflush(stdout);
    return ok ? 0 : 2;
}
