#include "simulation/cluster/nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/cluster/cluster.h"
#include "broker/node/masters.h"
#include "core/hash.h"
#include "harness/needs.h"
#include "simulation/cluster/wire.h"
#include "store/shm/reports.h"
#include "store/upkeep/sweep.h"

#define SEATS 2u
#define MEMORY                                                                \
    (((size_t)2 << 20)                                                        \
     + PUSH_SHARDS                                                            \
           * (sizeof(push_counts_t) + sizeof(push_gone_ring_t)                \
              + sizeof(push_tally_t))                                         \
     + sizeof(push_reports_t) + SEATS * sizeof(push_seat_t))

#define LINGER    20000
#define RETENTION 1800000
#define CAP       36

typedef struct {
    bool up;
    unsigned life;
    push_store_t store;
    push_broker_t broker;
    push_cluster_t cluster;
    push_cluster_words_t words;
    _Alignas(64) unsigned char memory[MEMORY];
} node_t;

static node_t nodes[CS_NODES];
static bool commits;
static const unsigned char hash_key[17] = "the key of all 1";
static const int no_events[SEATS] = {-1, -1};
static const push_limits_t limits = {.max_pending = CAP,
                                     .history = CAP,
                                     .retention = RETENTION,
                                     .idempotency = 300000};

/* ---- names ---- */

static char names[CS_LOGS][16];

static unsigned partition_of(const char *name)
{
    uint64_t key[2], hash;

    memcpy(key, hash_key, sizeof(key));
    hash = push_hash(key, name, strlen(name));
    return (unsigned)((hash >> 32) % PUSH_SHARDS) << 4
           | (unsigned)(hash >> 38 & 15);
}

static void choose(char *name, char kind, unsigned partition)
{
    unsigned i = 0;

    do {
        snprintf(name, sizeof(names[0]), "%c%c%u", kind, kind, i++);
    } while (partition_of(name + 1) != partition);
}

void cs_names_choose(void)
{
    choose(names[0], 'u', 0);
    choose(names[1], 'u', CS_OTHER_PARTITION);
    choose(names[2], 'c', CS_OTHER_PARTITION);
    snprintf(names[3], sizeof(names[3]), "b");
}

push_text_t cs_log_name(unsigned log)
{
    return (push_text_t){names[log], (uint32_t)strlen(names[log])};
}

push_text_t cs_user_name(unsigned user)
{
    push_text_t log = cs_log_name(user);

    return (push_text_t){log.at + 1, log.len - 1};
}

push_text_t cs_channel_name(void)
{
    return cs_user_name(2);
}

unsigned cs_log_master(unsigned log)
{
    return log == 1 || log == 2;
}

/* ---- nodes ---- */

static void report(void *data, push_cluster_event_t what, const char *detail)
{
    (void)data;
    (void)what;
    (void)detail;
}

static void part(void)
{
}

void cs_nodes_reset(bool commit)
{
    commits = commit;
    for (int i = 0; i < CS_NODES; i++) {
        nodes[i].up = false;
        nodes[i].life = 0;
    }
}

static void make_segment(node_t *node)
{
    const push_mapping_t ground = {.base = node->memory,
                                   .size = MEMORY,
                                   .seats = SEATS,
                                   .events = no_events,
                                   .hash_key = hash_key};
    push_segment_t *segment = (push_segment_t *)(void *)node->memory;
    int seat;

    memset(node->memory, 0, sizeof(node->memory));
    memset(&node->words, 0, sizeof(node->words));
    memset(&node->store, 0, sizeof(node->store));
    NEEDS(push_store_create(&node->store, &ground, &limits)
              && push_cluster_words_create(&node->words),
          "the segment is too small");
    segment->session_key[0] = (uint64_t)(node - nodes) << 32 | node->life;
    segment->session_key[1] = 7;
    seat = push_seat_claim(&node->store.seats, (uint32_t)getpid());
    NEEDS(seat == 0, "there is no seat");
    push_store_sit(&node->store, 0);
}

void cs_node_start(int which)
{
    node_t *node = &nodes[which];
    push_cluster_options_t options = {
        .prefix = "push:",
        .url = "",
        .version = "1",
        .replicas = commits ? 1 : 0,
        .linger = LINGER,
        .durability = commits ? PUSH_DURABILITY_COMMIT
                              : PUSH_DURABILITY_INTERVAL,
        .report = report,
        .part = part};
    int before = cs_enter(which);

    node->life++;
    make_segment(node);
    push_cluster_init(&node->cluster, &node->store, &node->words, &options,
                      &node->broker);
    NEEDS(push_cluster_start(&node->cluster), "a node does not start");
    node->up = true;
    cs_enter(before);
}

void cs_node_kill(int which)
{
    node_t *node = &nodes[which];

    node->up = false;
    cs_threads_end(which);
    cs_pause(which, 0);
    cs_wire_drop(which);
    /* Its owner is gone; who is told so is nobody any more. */
    if (atomic_load(&node->cluster.linked)) {
        const push_lead_ref_t lead = push_cluster_lead(&node->cluster);

        push_lead_leave(&lead);
    }
}

bool cs_node_is_up(int node)
{
    return nodes[node].up;
}

void cs_node_sweep(int which)
{
    int before = cs_enter(which);
    push_time_t now = push_clock_now();

    push_store_sweep_soon(nodes[which].store.segment);
    push_store_sweep_due(&nodes[which].store, &now);
    cs_enter(before);
}

push_broker_t *cs_node_broker(int node)
{
    return &nodes[node].broker;
}

push_store_t *cs_node_store(int node)
{
    return &nodes[node].store;
}

unsigned cs_node_life(int node)
{
    return nodes[node].life;
}

int cs_node_of(unsigned owner)
{
    for (int i = 0; i < CS_NODES; i++) {
        if (nodes[i].up && owner
            && push_cluster_owner(&nodes[i].cluster) == owner) {
            return i;
        }
    }
    return CS_NOBODY;
}

unsigned cs_node_listens(unsigned owner)
{
    return cs_node_of(owner) != CS_NOBODY;
}

bool cs_node_is_well(int which)
{
    const node_t *node = &nodes[which];

    for (unsigned i = 0; i < PUSH_CLUSTER_PARTITIONS; i++) {
        if (push_partition_suspect(&node->words, i)) {
            return false;
        }
    }
    return push_cluster_owner(&node->cluster) != PUSH_OWNER_NOBODY;
}
