#include "simulation/cluster/world.h"

#include <string.h>

#include "harness/keep.h"
#include "simulation/cluster/engine.h"
#include "simulation/cluster/judge.h"
#include "simulation/cluster/nodes.h"
#include "simulation/cluster/people.h"
#include "simulation/cluster/steps.h"
#include "simulation/cluster/wire.h"

#define ROUNDS     120
#define AT_ONCE    20 /* ms that pass between two steps, at most */
#define SWEEP_MS   1000
#define RECENTLY   10000 /* ms; trouble is not over at once */
#define TURNS_MOST 20000 /* in one ms: it goes round and round */

static struct {
    dice_t dice;
    cs_fault_t fault;
    bool commits;
    int64_t trouble_since, trouble_until, swept;
} world;

bool cs_world_commits(void)
{
    return world.commits;
}

cs_fault_t cs_world_fault(void)
{
    return world.fault;
}

void cs_trouble_until(int64_t until)
{
    if (cs_now() > world.trouble_until + RECENTLY) {
        world.trouble_since = cs_now();
    }
    world.trouble_until = until > world.trouble_until ? until
                                                      : world.trouble_until;
}

int64_t cs_trouble_for(void)
{
    return cs_now() <= world.trouble_until + RECENTLY
               ? cs_now() - world.trouble_since
               : 0;
}

/* ---- time ---- */

/* All that may happen at this moment, in any order. */
static void run_moment(void)
{
    unsigned turns = 0, ready;

    do {
        ready = cs_threads_ready();
        if (ready && dice_below(&world.dice, 3)) {
            cs_thread_run(dice_below(&world.dice, ready));
        }
        else if (!cs_wire_turn() && ready) {
            cs_thread_run(dice_below(&world.dice, ready));
        }
        NEEDS(turns++ < TURNS_MOST, "time does not pass");
    } while (cs_threads_ready() || cs_wire_next() <= cs_now());
}

/* In a true life the threads of nodes do so. */
static void sweep_all(void)
{
    for (int i = 0; i < CS_NODES; i++) {
        if (cs_node_is_up(i) && !cs_is_paused(i)) {
            cs_node_sweep(i);
        }
    }
    for (unsigned i = 0; i < CS_MASTERS; i++) {
        cs_engine_replicate(i); /* a replica is some time behind, no more */
    }
    world.swept = cs_now();
}

void cs_world_run(int64_t ms)
{
    int64_t until = cs_now() + ms;

    while (cs_now() < until) {
        int64_t next = cs_threads_next();
        int64_t wire = cs_wire_next();

        run_moment();
        next = cs_threads_next();
        wire = cs_wire_next();
        next = wire < next ? wire : next;
        next = world.swept + SWEEP_MS < next ? world.swept + SWEEP_MS : next;
        next = next < until ? next : until;
        cs_pass(next > cs_now() ? next - cs_now() : 0);
        if (cs_now() >= world.swept + SWEEP_MS) {
            sweep_all();
        }
    }
    run_moment();
}

/* ---- a schedule ---- */

void cs_schedule_draw(cs_schedule_t *schedule, uint64_t seed, cs_fault_t fault)
{
    dice_t d = dice(seed);

    *schedule = (cs_schedule_t){.seed = seed, .fault = fault};
    schedule->count = 60 + (int)dice_below(&d, CS_STEPS - 60);
    for (int i = 0; i < schedule->count; i++) {
        schedule->steps[i] = cs_step_draw(&d);
    }
}

static void start(const cs_schedule_t *schedule, FILE *out)
{
    memset(&world, 0, sizeof(world));
    world.dice = dice(schedule->seed * 2654435761u + 1);
    world.fault = schedule->fault;
    world.commits = !dice_one_in(&world.dice, 3);
    cs_names_choose();
    cs_threads_reset();
    cs_judge_reset(out, schedule->shown);
    cs_engine_reset(schedule->fault);
    cs_wire_reset(&world.dice, schedule->fault);
    cs_nodes_reset(world.commits);
    cs_people_reset();
    cs_say("publishes %swait for the replica", world.commits ? "" : "do not ");
    for (int i = 0; i < CS_NODES; i++) {
        cs_node_start(i);
    }
    cs_world_run(1500);
}

/* ---- the end ---- */

static void end_faults(void)
{
    cs_wire_lossy(0, 0);
    for (unsigned i = 0; i < CS_MASTERS; i++) {
        cs_master(i)->away = 0;
    }
    for (int i = 0; i < CS_NODES; i++) {
        cs_pause(i, 0);
        if (cs_wire_is_cut(i)) {
            cs_wire_cut(i, 0);
        }
        if (!cs_node_is_up(i)) {
            cs_node_start(i);
        }
    }
    cs_say("all faults are over");
}

static bool at_rest(void)
{
    for (int i = 0; i < CS_CLIENTS; i++) {
        if (!cs_client_at_rest(i)) {
            return false;
        }
    }
    for (int i = 0; i < CS_NODES; i++) {
        if (!cs_node_is_well(i)) {
            return false;
        }
    }
    return !cs_publishers_wait();
}

static void settle_round(void)
{
    cs_publishers_again((int)dice_below(&world.dice, CS_NODES));
    for (int i = 0; i < CS_CLIENTS; i++) {
        cs_client_connect(i, (int)dice_below(&world.dice, CS_NODES));
        cs_client_turn(i);
        cs_client_read(i, 1000);
        cs_client_acknowledge(i, (int)dice_below(&world.dice, CS_NODES));
    }
    cs_clients_notice();
    cs_world_run(250);
}

static void settle(void)
{
    unsigned rounds = 0;
    bool rests = false;

    end_faults();
    cs_world_run(4000);
    while (!rests && rounds++ < ROUNDS) {
        if (rounds == 6) {
            for (unsigned log = 0; log < CS_LOGS; log++) {
                cs_publisher_end(log, (int)log % CS_NODES);
            }
        }
        settle_round();
        rests = rounds > 8 && at_rest();
    }
    if (!rests) {
        cs_violation("stuck: something waits for ever");
    }
    cs_judge_end();
}

static void finish(void)
{
    for (int i = 0; i < CS_NODES; i++) {
        if (cs_node_is_up(i)) {
            cs_node_kill(i);
        }
    }
    keep_end();
}

unsigned cs_schedule_run(const cs_schedule_t *schedule, FILE *out)
{
    start(schedule, out);
    for (int i = 0; i < schedule->count; i++) {
        cs_step_do(&schedule->steps[i]);
        cs_world_run(dice_below(&world.dice, AT_ONCE));
    }
    settle();
    finish();
    return cs_judge_violations();
}
