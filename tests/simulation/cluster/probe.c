#include "core/session.h"
#include "simulation/cluster/world.h"
#include "store/ops/apply.h"
#include "store/shard/copy.h"

/* The linker puts these between parts of the module (build.mk, --wrap). */
#define REAL(name)   __real_##name
#define PROBE(name)  __wrap_##name
#define PROBED(name) __typeof__(name) REAL(name), PROBE(name)

int64_t push_redis_now(void);

PROBED(push_redis_now);

int64_t PROBE(push_redis_now)(void)
{
    return push_clock_now().mono;
}

PROBED(push_store_apply);

unsigned PROBE(push_store_apply)(push_store_t *store,
                                 const push_lead_ref_t *lead,
                                 push_applied_t *entries, unsigned count,
                                 const push_time_t *now)
{
    for (unsigned i = 0; i < count; i++) {
        if (cs_world_fault() == CS_OVER_A_HOLE) {
            entries[i].suspect = false;
        }
    }
    return REAL(push_store_apply)(store, lead, entries, count, now);
}

PROBED(push_session_resume);

bool PROBE(push_session_resume)(push_heap_t *heap, push_device_t *device,
                                const push_cursor_t *cursor,
                                const push_time_t *now)
{
    push_cursor_t at = cursor ? *cursor : (push_cursor_t){.seq = 0};

    if (cs_world_fault() == CS_BARE_SEQ) {
        at.has_mid = false;
    }
    return REAL(push_session_resume)(heap, device, cursor ? &at : NULL, now);
}

PROBED(push_copy_now);

uint64_t PROBE(push_copy_now)(push_store_t *store, const push_log_t *log)
{
    return cs_world_fault() == CS_LOCAL_CLOCK
               ? (uint64_t)push_clock_now().wall * 1024 << 12
               : REAL(push_copy_now)(store, log);
}
