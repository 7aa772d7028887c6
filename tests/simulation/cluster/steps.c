#include "simulation/cluster/steps.h"

#include "simulation/cluster/engine.h"
#include "simulation/cluster/judge.h"
#include "simulation/cluster/nodes.h"
#include "simulation/cluster/people.h"
#include "simulation/cluster/wire.h"

static int node_of(uint32_t choice)
{
    return (int)(choice % CS_NODES);
}

static int client_of(uint32_t choice)
{
    return (int)(choice / CS_NODES % CS_CLIENTS);
}

static void publish(uint32_t choice)
{
    dice_t d = dice(choice + 1);

    cs_publisher_publish(&d, node_of(choice));
}

static void publish_again(uint32_t choice)
{
    cs_publishers_again(node_of(choice));
}

static void recall(uint32_t choice)
{
    cs_publisher_recall(choice / CS_NODES, node_of(choice));
}

static void connect_client(uint32_t choice)
{
    cs_client_connect(client_of(choice), node_of(choice));
}

/* Stale sessions are seldom seen, unless devices go on at once. */
static void cut_client(uint32_t choice)
{
    cs_client_cut(client_of(choice));
    if (cs_world_fault() == CS_BARE_SEQ || cs_world_fault() == CS_EXACT_KEPT) {
        cs_client_connect(client_of(choice), node_of(choice));
        cs_world_run(20);
    }
}

static void turn(uint32_t choice)
{
    cs_client_turn(client_of(choice));
    cs_client_read(client_of(choice), 1 + choice / 12 % 9);
}

static void acknowledge(uint32_t choice)
{
    cs_client_acknowledge(client_of(choice), node_of(choice));
}

static void notice(uint32_t choice)
{
    (void)choice;
    cs_clients_notice();
}

static void sweep(uint32_t choice)
{
    int node = node_of(choice);

    if (cs_node_is_up(node) && !cs_is_paused(node)) {
        cs_node_sweep(node);
    }
}

static void pass(uint32_t choice)
{
    static const int64_t spans[] = {20, 100, 300, 1000, 1500, 3000, 25000};

    cs_world_run(1 + choice / 7 % spans[choice % 7]);
}

/* ---- faults ---- */

static void kill_node(uint32_t choice)
{
    int node = node_of(choice);

    if (cs_node_is_up(node)) {
        cs_say("node %d is killed", node);
        cs_judge_dies(node);
        cs_node_kill(node);
        cs_judge_not_written(cs_world_commits());
    }
}

static void start_node(uint32_t choice)
{
    for (int i = 0; i < CS_NODES; i++) {
        int node = node_of(choice + (uint32_t)i);

        if (!cs_node_is_up(node)) {
            cs_say("node %d starts", node);
            cs_node_start(node);
            return;
        }
    }
}

static void pause_node(uint32_t choice)
{
    static const int64_t spans[] = {700, 2000, 5000, 30000};
    int node = node_of(choice);
    int64_t until = cs_now() + spans[choice / CS_NODES % 4];

    if (cs_node_is_up(node)) {
        cs_say("node %d stands still for %ld ms", node,
               (long)(until - cs_now()));
        cs_pause(node, until);
        cs_trouble_until(until);
    }
}

static void cut_node(uint32_t choice)
{
    static const int64_t spans[] = {50, 500, 3000, 20000};
    int node = node_of(choice);
    int64_t until = cs_now() + spans[choice / CS_NODES % 4];

    cs_say("node %d is cut off for %ld ms", node, (long)(until - cs_now()));
    cs_wire_cut(node, until);
    cs_trouble_until(until);
}

static void lossy(uint32_t choice)
{
    static const uint32_t one_in[] = {0, 30, 8};

    cs_wire_lossy(one_in[choice % 3], one_in[choice / 3 % 3]);
    cs_trouble_until(cs_now() + 10000);
}

static void fail_over(uint32_t choice)
{
    unsigned master = choice % CS_MASTERS;

    cs_say("the replica of master %u takes over", master);
    cs_master(master)->away = cs_now() + choice / 2 % 3000;
    cs_trouble_until(cs_master(master)->away);
    cs_engine_fail_over(master);
    cs_judge_tail_lost(master, cs_world_commits());
}

static void replicate(uint32_t choice)
{
    cs_engine_replicate(choice % CS_MASTERS);
}

static void move(uint32_t choice)
{
    cs_say("the partition of master %u moves", choice % CS_MASTERS);
    cs_engine_move(choice % CS_MASTERS);
}

static void load(uint32_t choice)
{
    cs_say("the library of master %u begins anew", choice % CS_MASTERS);
    cs_engine_load(choice % CS_MASTERS);
}

static void flush(uint32_t choice)
{
    if (choice % 4 == 0) {
        cs_say("the keys of master %u are lost", choice / 4 % CS_MASTERS);
        cs_engine_flush(choice / 4 % CS_MASTERS);
        cs_judge_flushed(choice / 4 % CS_MASTERS);
    }
}

static void set_clock(uint32_t choice)
{
    static const int64_t wall[] = {-60000, 0, 60000, 3600000};

    cs_clock_set(node_of(choice), wall[choice / CS_NODES % 4]);
}

static const struct {
    const char *name;
    uint32_t weight;
    void (*run)(uint32_t choice);
} table[] = {
    {"publish", 40, publish},
    {"a publisher asks again", 4, publish_again},
    {"recall", 3, recall},
    {"connect", 24, connect_client},
    {"a client leaves", 8, cut_client},
    {"a stream has a turn", 50, turn},
    {"acknowledge", 24, acknowledge},
    {"nodes notice who left", 6, notice},
    {"sweep", 8, sweep},
    {"time passes", 24, pass},
    {"a node is killed", 2, kill_node},
    {"a node starts", 4, start_node},
    {"a node stands still", 3, pause_node},
    {"a node is cut off", 3, cut_node},
    {"replies and wakes are lost", 2, lossy},
    {"a replica takes over", 2, fail_over},
    {"a replica catches up", 3, replicate},
    {"a slot moves", 2, move},
    {"the library begins anew", 2, load},
    {"all keys are lost", 1, flush},
    {"a clock is set", 2, set_clock},
};

#define KINDS (sizeof(table) / sizeof(table[0]))

cs_step_t cs_step_draw(dice_t *d)
{
    uint32_t total = 0, at;
    uint8_t kind = 0;

    for (size_t i = 0; i < KINDS; i++) {
        total += table[i].weight;
    }
    at = dice_below(d, total);
    while (at >= table[kind].weight) {
        at -= table[kind++].weight;
    }
    return (cs_step_t){kind, dice_below(d, 1u << 30)};
}

void cs_step_do(const cs_step_t *step)
{
    table[step->kind].run(step->choice);
}

const char *cs_step_name(const cs_step_t *step)
{
    return table[step->kind].name;
}
