#include "simulation/upkeep.h"

#include "simulation/server.h"
#include "simulation/story.h"
#include "store/ops/pressure.h"
#include "store/upkeep/sweep.h"

void sim_server_sweep(sim_t *s)
{
    push_store_sweep_soon(s->store->segment);
    push_store_sweep_due(s->store, &s->now);
    sim_server_look(s);
}

void sim_server_retire(sim_t *s, int user)
{
    push_name_t name = push_store_name(s->store, sim_user_name(user));
    int64_t retention = s->store->limits.retention;

    s->store->limits.retention = 0;
    if (push_lock_try(&s->store->segment->sweep_lock) == PUSH_LOCKED) {
        push_store_sweep(s->store, name.shard, &s->now);
        push_lock_release(&s->store->segment->sweep_lock);
    }
    s->store->limits.retention = retention;
    sim_server_look(s);
}

/*
 * As if others had all of the memory but a little less than is used: relief
 * goes on until so much has gone.
 */
void sim_server_pressure(sim_t *s, uint32_t choice)
{
    _Atomic uint64_t *used = &s->store->segment->slab.used;
    uint64_t size = push_slab_size(&s->store->slab);
    uint64_t others = size / 100 * PUSH_RELIEF_PERCENT - *used;

    others -= size / 100 * 3 - choice / 4 % 4096;
    atomic_fetch_add(used, others);
    push_pressure_relieve(s->store, (push_urgency_t)(choice % PUSH_LANES),
                          &s->now);
    atomic_fetch_sub(used, others);
    sim_server_look(s);
}

void sim_server_dismiss(sim_t *s, int user)
{
    push_broker_t *broker = &s->children[0].broker;
    uint32_t streams;

    broker->dismiss(broker, sim_user_name(user), 0, &streams);
}

void sim_server_validate(sim_t *s)
{
    push_broker_t *broker = &s->children[0].broker;
    push_check_t found = {0};

    broker->check(broker, &found);
    if (found.wrong || found.leaked || found.skipped) {
        sim_violation(s, "store: %lu objects wrong, %lu lost: %s",
                      (unsigned long)found.wrong, (unsigned long)found.leaked,
                      found.texts[0]);
    }
}
