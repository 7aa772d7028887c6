#include "cluster_faults.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dial.h"
#include "faults.h"
#include "keep.h"
#include "namespace.h"
#include "serverlog.h"

#define SERVES_MS 60000
#define DOWN_MS   2000
#define BRIEF_MS  4000 /* what takes effect at once */

/* What a device's record may lack when its node, or a master that had its
 * newest state alone, is gone: a sweep, a save, and the look of the test. */
#define FORGOTTEN_MS 10000

/* Until streams of what stood still, or was cut off, are heard of again. */
#define THAW_MS 5000

#define ELSEWHERE_MS 3000 /* for the clients of a killed node */
#define CLOCK_S      60

/* ---- who it happens to ---- */

static int some_place(struct scene *scene)
{
    return (int)dice_roll(&scene->dice, SCENE_NODES);
}

static struct server *some_node(struct scene *scene)
{
    return scene->cluster->nodes[some_place(scene)];
}

/* A slot that a partition is in. */
static int some_slot(struct scene *scene)
{
    return 16 * (int)dice_roll(&scene->dice, 1024) + 8;
}

static struct redis *some_master(struct scene *scene)
{
    struct redis *master = redis_cluster_master_of(scene->cluster->engine,
                                                   some_slot(scene));

    ck_assert_ptr_nonnull(master);
    return master;
}

static void may_forget(const struct scene *scene)
{
    journal_line(scene->journal, "\"what\":\"crash\",\"within\":%d",
                 FORGOTTEN_MS);
}

/* Streams may have been silent since then. */
static void may_be_silent(const struct scene *scene, int64_t since)
{
    journal_line(scene->journal, "\"what\":\"stall\",\"within\":%lld",
                 (long long)(wait_now() + THAW_MS - since));
}

/* ---- how it is ---- */

static bool listens(const struct server *node)
{
    int fd = dial(node->port, 0);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

/* The look at a server that may be about to end takes another way than
 * http_get(), which fails the test then. */
static bool serves(const struct server *node, int resumed)
{
    return serverlog_count(node, "resuming normal operations") > resumed
           && listens(node) && cluster_node_is_well(node);
}

/* ---- nodes ---- */

static void kill_child(struct scene *scene)
{
    fault_kill(some_node(scene), &scene->dice);
}

/* Its clients are served by others, before it is there again. The last of them
 * may have been unlucky with their waiting times. */
static void await_elsewhere(struct scene *scene)
{
    int64_t start = wait_now(), most;
    int all = SCENE_KINDS * scene->clients;
    int few = (all - scene_open(scene)) / 10;

    loop_forget_lateness(scene->loop);
    loop_until(scene->loop, SERVES_MS, scene_open(scene) >= all - few);
    most = wait_now() - start;
    if (chaos_is_long()) {
        ck_assert_int_le(most, ELSEWHERE_MS + 10 * loop_lateness(scene->loop));
    }
    loop_until(scene->loop, SERVES_MS, scene_open(scene) == all);
    printf("clients of the killed node elsewhere: most after %lld ms, all "
           "after %lld ms\n",
           (long long)most, (long long)(wait_now() - start));
}

static void kill_node(struct scene *scene)
{
    int i = some_place(scene);
    struct server *node = scene->cluster->nodes[i];
    int resumed = serverlog_count(node, "resuming normal operations");

    cluster_kill(node);
    may_forget(scene);
    loop_run(scene->loop, LOOP_TICK_MS);
    await_elsewhere(scene);
    loop_run(scene->loop, DOWN_MS);
    scene_begin_node(scene, i);
    loop_until(scene->loop, SERVES_MS, serves(node, resumed));
}

static void pause_node(struct scene *scene)
{
    struct server *node = some_node(scene);
    int64_t start = wait_now();

    cluster_pause(node);
    may_forget(scene);
    loop_run(scene->loop, scene->pause);
    cluster_continue(node);
    may_be_silent(scene, start);
}

static void cut_node_off_for(struct scene *scene, int64_t ms)
{
    int64_t start = wait_now();

    if (scene->far == 0) {
        return;
    }
    namespace_link(false);
    may_forget(scene);
    loop_run(scene->loop, ms);
    namespace_link(true);
    may_be_silent(scene, start);
}

/* Shorter than anybody's patience. */
static void cut_node_off(struct scene *scene)
{
    cut_node_off_for(scene, 5000);
}

/* Longer than the time for which Redis keeps an inbox, and than
 * PushClusterPatience. */
static void cut_node_off_long(struct scene *scene)
{
    cut_node_off_for(scene, 40000);
}

static void set_clock(struct scene *scene, const struct wallclock *clock)
{
    atomic_store(clock->ahead,
                 dice_roll(&scene->dice, 2) ? CLOCK_S : -CLOCK_S);
    loop_run(scene->loop, BRIEF_MS);
    atomic_store(clock->ahead, 0);
}

static void set_clock_of_node(struct scene *scene)
{
    set_clock(scene, scene->clocks[some_place(scene)]);
}

static void restart_node(struct scene *scene)
{
    fault_graceful(scene->loop, some_node(scene));
}

/* ---- Redis ---- */

static bool has_another_master(const struct scene *scene, int slot,
                               const struct redis *old)
{
    struct redis *now = redis_cluster_master_of(scene->cluster->engine, slot);

    return now != NULL && now != old;
}

static void kill_master(struct scene *scene)
{
    int slot = some_slot(scene);
    struct redis *old = redis_cluster_master_of(scene->cluster->engine, slot);
    int64_t start;

    ck_assert_ptr_nonnull(old);
    redis_kill(old);
    may_forget(scene);
    loop_until(scene->loop, SERVES_MS, has_another_master(scene, slot, old));
    start = wait_now();
    redis_again(old);
    loop_until(scene->loop, SERVES_MS,
               redis_cluster_is_well(scene->cluster->engine));
    scene->bare = wait_now() - start;
}

static void kill_replica(struct scene *scene)
{
    struct redis *replica = redis_cluster_replica_of(scene->cluster->engine,
                                                     some_master(scene));

    if (replica != NULL) {
        redis_kill(replica);
        loop_run(scene->loop, DOWN_MS);
        redis_again(replica);
    }
}

/* It believes itself to be a master when it goes on. */
static void pause_master(struct scene *scene)
{
    struct redis *old = some_master(scene);

    redis_pause(old);
    may_forget(scene);
    loop_run(scene->loop, scene->pause);
    redis_continue(old);
}

static void fail_over(struct scene *scene)
{
    struct redis *replica = redis_cluster_replica_of(scene->cluster->engine,
                                                     some_master(scene));

    if (replica != NULL) {
        redis_call(replica, "CLUSTER FAILOVER");
        may_forget(scene);
    }
}

/* To another master, and back. */
static void move_slots(struct scene *scene)
{
    struct redis_cluster *engine = scene->cluster->engine;
    int i, slot = some_slot(scene), count = chaos_pick(8, 64);
    struct redis *from = redis_cluster_master_of(engine, slot);
    struct redis *to = some_master(scene);

    for (i = 0; i < 2 * count; i++) {
        int one = (slot + 16 * (i % count)) % 16384;

        if (redis_cluster_master_of(engine, one) == (i < count ? from : to)) {
            redis_cluster_move(engine, one, one, i < count ? to : from);
        }
        loop_run(scene->loop, 5 * LOOP_TICK_MS);
    }
}

static void cut_wakes(struct scene *scene)
{
    redis_call(some_master(scene), "CLIENT KILL TYPE pubsub");
}

static void cut_commands(struct scene *scene)
{
    redis_call(some_master(scene), "CLIENT KILL TYPE normal SKIPME yes");
}

/* The same library, in another VM. */
static void replace_library(struct scene *scene)
{
    struct redis *master = some_master(scene);
    redisReply *library =
        redis_call(master, "FUNCTION LIST WITHCODE")->element[0];
    size_t i = 0;

    while (strcmp(library->element[i]->str, "library_code") != 0) {
        i += 2;
        ck_assert_uint_lt(i, library->elements);
    }
    redis_call(master, "FUNCTION LOAD REPLACE %b",
               library->element[i + 1]->str, library->element[i + 1]->len);
}

/* It has more than that. */
static void fill_memory(struct scene *scene)
{
    struct redis *master = some_master(scene);

    redis_call(master, "CONFIG SET maxmemory 1mb");
    loop_run(scene->loop, BRIEF_MS);
    redis_call(master, "CONFIG SET maxmemory 0");
}

static void set_clock_of_master(struct scene *scene)
{
    may_forget(scene); /* others may take over meanwhile */
    set_clock(scene, scene_clock_of(some_master(scene)));
    may_forget(scene);
}

static void flush_library(struct scene *scene)
{
    redis_call(some_master(scene), "FUNCTION FLUSH");
}

const struct cluster_fault cluster_faults[] = {
    {"a child is killed", kill_child, 0, false},
    {"wakes are cut", cut_wakes, 0, false},
    {"a master is killed", kill_master, 5000, false},
    {"a node is killed", kill_node, 0, false},
    {"the library is replaced", replace_library, 0, false},
    {"a node stands still", pause_node, 0, false},
    {"slots move", move_slots, 0, false},
    {"memory is full", fill_memory, 0, false},
    {"commands are cut", cut_commands, 0, false},
    {"a node is cut off", cut_node_off, 0, false},
    {"a master stands still", pause_master, 0, false},
    {"the clock of a node is set", set_clock_of_node, 0, false},
    {"a replica is killed", kill_replica, 0, false},
    {"a replica takes over in order", fail_over, 0, false},
    {"the library is flushed", flush_library, 0, false},
    {"the clock of a master is set", set_clock_of_master, 0, false},
    {"a node restarts gracefully", restart_node, 0, false},
    {"a node is cut off for long", cut_node_off_long, 0, true},
};

const int cluster_fault_count = sizeof(cluster_faults)
                                / sizeof(*cluster_faults);
