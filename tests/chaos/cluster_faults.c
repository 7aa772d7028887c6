#include "cluster_faults.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "dial.h"
#include "faults.h"
#include "http.h"
#include "keep.h"
#include "serverlog.h"

#define SERVES_MS 60000
#define DOWN_MS   2000

/* What a device's record may lack when its node, or a master that had its
 * newest state alone, is gone: a sweep, a save, and the look of the test. */
#define FORGOTTEN_MS 10000

#define SLOTS_MOVED 4

/* ---- who it happens to ---- */

static struct server *some_node(const struct scene *scene)
{
    uint64_t count = (uint64_t)scene->cluster->count;

    return scene->cluster->nodes[dice_roll(scene->dice, count)];
}

/* A slot that a partition is in. */
static int some_slot(const struct scene *scene)
{
    return 16 * (int)dice_roll(scene->dice, 1024) + 8;
}

static struct redis *some_master(const struct scene *scene)
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

bool scene_is_well(const struct scene *scene)
{
    int i;

    if (!redis_cluster_is_well(scene->cluster->engine)) {
        return false;
    }
    for (i = 0; i < scene->cluster->count; i++) {
        if (!cluster_node_is_well(scene->cluster->nodes[i])) {
            return false;
        }
    }
    return true;
}

/* ---- nodes ---- */

static void kill_child(struct scene *scene)
{
    fault_kill(some_node(scene), scene->dice);
}

static void kill_node(struct scene *scene)
{
    struct server *node = some_node(scene);
    int resumed = serverlog_count(node, "resuming normal operations");

    cluster_kill(node);
    may_forget(scene);
    loop_run(scene->loop, DOWN_MS);
    server_begin(node);
    loop_until(scene->loop, SERVES_MS, serves(node, resumed));
}

static void pause_node(struct scene *scene)
{
    struct server *node = some_node(scene);

    cluster_pause(node);
    may_forget(scene);
    loop_run(scene->loop, scene->pause);
    cluster_continue(node);
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

    ck_assert_ptr_nonnull(old);
    redis_kill(old);
    may_forget(scene);
    loop_until(scene->loop, SERVES_MS, has_another_master(scene, slot, old));
    redis_again(old);
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
    int i, slot = some_slot(scene);
    struct redis *from = redis_cluster_master_of(engine, slot);
    struct redis *to = some_master(scene);

    for (i = 0; i < 2 * SLOTS_MOVED; i++) {
        int one = (slot + 16 * (i % SLOTS_MOVED)) % 16384;

        if (redis_cluster_master_of(engine, one)
            == (i < SLOTS_MOVED ? from : to)) {
            redis_cluster_move(engine, one, one, i < SLOTS_MOVED ? to : from);
        }
        loop_run(scene->loop, 100);
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
    redisReply *dump = redis_call(master, "FUNCTION DUMP");

    redis_call(master, "FUNCTION RESTORE %b REPLACE", dump->str, dump->len);
}

static void flush_library(struct scene *scene)
{
    redis_call(some_master(scene), "FUNCTION FLUSH");
}

const struct cluster_fault cluster_faults[] = {
    {"a child is killed", kill_child},
    {"wakes are cut", cut_wakes},
    {"a master is killed", kill_master},
    {"a node is killed", kill_node},
    {"the library is replaced", replace_library},
    {"a node stands still", pause_node},
    {"slots move", move_slots},
    {"commands are cut", cut_commands},
    {"a master stands still", pause_master},
    {"a replica takes over in order", fail_over},
    {"the library is flushed", flush_library},
    {"a node restarts gracefully", restart_node},
};

const int cluster_fault_count = sizeof(cluster_faults)
                                / sizeof(*cluster_faults);
