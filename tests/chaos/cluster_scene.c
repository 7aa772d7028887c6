#include "cluster_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balancer.h"
#include "http.h"
#include "keep.h"
#include "namespace.h"

#define OPEN_MS     120000
#define ACCEPTED_MS 1000 /* that a message waits where all is well */
#define FAR         (SCENE_NODES - 1)
#define CHANNEL     "all"
#define RATE        20 /* messages a second to users of a kind */

static const char *const users[SCENE_KINDS] = {"u", "c", "j"};

static struct cluster_options options(void)
{
    return (struct cluster_options){
        .nodes = SCENE_NODES,
        .masters = 3,
        .replicas = 1,
        .redis = {.append = true,
                  .lines = "protected-mode no\n", /* to NAMESPACE_CLIENT */
                  .preload = wallclock_library()},
        .node = {.global = "PushDurability commit\nPushClusterReplicas 1\n"
                           "PushShmSize 128M\nPushMaxPending 100000\n"
                           "PushChannelHistory 100000\nPushDrainTime 5\n",
                 .receive = "PushUser query:user\nPushChannels *\n"
                            "PushHeartbeat 2\nPushWriteTimeout 5\n",
                 .admin = "Require local\nRequire ip 10.77.0.0/24\n",
                 .preload = wallclock_library()}};
}

/* ---- nodes ---- */

/* What is started next, is at this node's place. */
static void enter(const struct scene *scene, int i)
{
    ck_assert_int_eq(setenv("PUSH_WALLCLOCK", scene->clocks[i]->name, 1), 0);
    if (i == FAR && scene->far != 0) {
        namespace_enter(scene->far);
    }
}

static void leave(const struct scene *scene, int i)
{
    if (i == FAR && scene->far != 0) {
        namespace_leave();
    }
}

/* What nodes say of faults that are done to them. */
static void expect_faults(struct server *node)
{
    server_allow(node, "exit signal");
    server_allow(node, "[push:warn]");
    server_allow(node, "[push:error]");
    server_allow(node, "AH00046");
}

static void add_node(struct scene *scene, int i)
{
    struct cluster *c = scene->cluster;

    scene->clocks[i] = wallclock_at(NULL);
    if (i == FAR && scene->far != 0) {
        c->options.node.port = server_free_port();
        namespace_share(scene->far, c->options.node.port);
    }
    enter(scene, i);
    expect_faults(cluster_add(c));
    leave(scene, i);
}

void scene_begin_node(const struct scene *scene, int i)
{
    enter(scene, i);
    server_begin(scene->cluster->nodes[i]);
    leave(scene, i);
}

struct wallclock *scene_clock_of(const struct redis *r)
{
    return wallclock_at(keep_printf("%s/ahead", r->root));
}

/* ---- clients and publishers ---- */

static void start_clients(struct scene *scene)
{
    const char *build = getenv("PUSH_BUILD");
    struct crowd_options co = {.server = scene->front,
                               .count = scene->clients,
                               .user = users[0],
                               .ack_ms = 500,
                               .channel = CHANNEL,
                               .journal = scene->journal};
    struct outsiders_options oo = {.server = scene->front,
                                   .channel = CHANNEL,
                                   .count = scene->clients,
                                   .journal = scene->journal};

    scene->crowd = crowd_start(scene->loop, &co);
    oo.program = keep_printf("%s/tests/chaos/riders",
                             build != NULL ? build : "build");
    oo.user = users[1];
    scene->outsiders[0] = outsiders_start(scene->loop, &oo);
    oo.program = "tests/chaos/clients/riders.js";
    oo.user = users[2];
    scene->outsiders[1] = outsiders_start(scene->loop, &oo);
    loop_until(scene->loop, OPEN_MS,
               scene_open(scene) == SCENE_KINDS * scene->clients);
}

static void start_feeds(struct scene *scene)
{
    struct feed_options fo = {.server = scene->front,
                              .users = scene->clients,
                              .rate = RATE,
                              .connections = 32,
                              .persists = true,
                              .impatient = true,
                              .journal = scene->journal};
    int i;

    for (i = 0; i < SCENE_KINDS; i++) {
        fo.user = users[i];
        fo.name = keep_printf("to-%s", users[i]);
        scene->feeds[i] = feed_start(scene->loop, &fo);
    }
    fo.name = "to-all";
    fo.channel = CHANNEL;
    fo.rate = 1;
    scene->feeds[SCENE_KINDS] = feed_start(scene->loop, &fo);
}

struct scene *scene_start(int clients)
{
    struct scene *scene = keep(calloc(1, sizeof(*scene)), free);
    struct cluster_options o = options();
    int i;

    scene->clients = clients;
    scene->dice = dice_make("cluster");
    if (namespace_is_permitted()) {
        scene->far = namespace_make();
    }
    scene->loop = loop_create();
    scene->journal = journal_open();
    scene->cluster = cluster_prepare(&o);
    for (i = 0; i < SCENE_NODES; i++) {
        add_node(scene, i);
    }
    cluster_await_well(scene->cluster);
    scene->front = balancer_haproxy(scene->cluster->nodes, SCENE_NODES);
    start_clients(scene);
    start_feeds(scene);
    return scene;
}

/* ---- how it is ---- */

int scene_open(const struct scene *scene)
{
    return crowd_open(scene->crowd) + scene->outsiders[0]->open
           + scene->outsiders[1]->open;
}

const char *scene_ill(const struct scene *scene)
{
    int i;

    for (i = 0; i < SCENE_FEEDS; i++) {
        if (feed_waits(scene->feeds[i]) > ACCEPTED_MS) {
            return keep_printf("publisher %d waits for %lld ms", i,
                               (long long)feed_waits(scene->feeds[i]));
        }
    }
    if (!redis_cluster_is_well(scene->cluster->engine)) {
        return "Redis Cluster";
    }
    for (i = 0; i < SCENE_NODES; i++) {
        struct answer *a = http_get(scene->cluster->nodes[i], "/push/health");

        if (a->status != 200
            || strcmp(json_text_at(a->json, "status"), "ok") != 0) {
            return keep_printf("node %d: %s", i, a->body);
        }
    }
    return NULL;
}

int64_t scene_longest_wait(const struct scene *scene)
{
    int64_t longest = 0, waits;
    int i;

    for (i = 0; i < SCENE_FEEDS; i++) {
        waits = feed_waits(scene->feeds[i]);
        if (scene->feeds[i]->counts.longest > longest) {
            longest = scene->feeds[i]->counts.longest;
        }
        longest = waits > longest ? waits : longest;
    }
    return longest;
}

void scene_forget_waits(struct scene *scene)
{
    int i;

    for (i = 0; i < SCENE_FEEDS; i++) {
        scene->feeds[i]->counts.longest = 0;
    }
}

/* ---- whether nodes agree ---- */

/* A log as a node has it: its digest; "" if it does not follow it, NULL if it
 * lacks something. */
static const char *digest_at(const struct scene *scene, int i, const char *log)
{
    struct answer *a = http_get(scene->cluster->nodes[i],
                                keep_printf("/push/check?%s", log));

    if (a->status == 404) {
        return "";
    }
    ck_assert_int_eq(a->status, 200);
    if (!json_is_true(json_object_get(a->json, "live"))
        || json_is_true(json_object_get(a->json, "behind"))) {
        return NULL;
    }
    return json_text_at(a->json, "digest");
}

static bool log_agrees(const struct scene *scene, const char *log,
                       const char **why)
{
    const char *first = "";
    int i;

    for (i = 0; i < SCENE_NODES; i++) {
        const char *digest = digest_at(scene, i, log);

        if (digest == NULL
            || (*digest != '\0' && *first != '\0'
                && strcmp(digest, first) != 0)) {
            *why = keep_printf("%s at node %d: %s", log, i,
                               digest != NULL ? digest : "behind");
            return false;
        }
        first = *digest != '\0' ? digest : first;
    }
    return true;
}

bool scene_agrees(const struct scene *scene, const char **why)
{
    int kind, i;

    for (kind = 0; kind < SCENE_KINDS; kind++) {
        for (i = 0; i < scene->clients; i++) {
            if (!log_agrees(scene, keep_printf("user=%s%d", users[kind], i),
                            why)) {
                return false;
            }
        }
    }
    return log_agrees(scene, "channel=" CHANNEL, why)
           && log_agrees(scene, "broadcast=1", why);
}
