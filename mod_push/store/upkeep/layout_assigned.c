#include "store/upkeep/layout_assigned.h"

#include "core/assigned.h"
#include "store/shard/assigned.h"
#include "core/subscription.h"
#include "store/shm/fingerprint.h"

#define SIZE(type)       PUSH_FACT_SIZE(type)
#define AT(type, member) PUSH_FACT_AT(type, member)

static const uint64_t facts[] = {
    PUSH_ASSIGNED_MAX,
    PUSH_ASSIGNED_ID,
    PUSH_LEFT,
    SIZE(push_assigned_t),
    AT(push_assigned_t, node),
    AT(push_assigned_t, list),
    AT(push_assigned_t, version),
    AT(push_assigned_t, settled),
    AT(push_assigned_t, id),
    SIZE(push_assigned_list_t),
    AT(push_assigned_list_t, size),
    AT(push_assigned_list_t, count),
    AT(push_assigned_list_t, name_len),
    AT(push_assigned_list_t, bytes),
    SIZE(push_assigned_tail_t),
    AT(push_assigned_tail_t, tick),
    AT(push_assigned_tail_t, since),
};

uint64_t push_layout_assigned(uint64_t sum)
{
    return push_fingerprint_add(sum, facts, sizeof(facts) / sizeof(*facts));
}
