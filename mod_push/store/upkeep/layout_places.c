#include "store/upkeep/layout_places.h"

#include "store/limits/positions.h"
#include "store/shm/fingerprint.h"

#define SIZE(type)       PUSH_FACT_SIZE(type)
#define AT(type, member) PUSH_FACT_AT(type, member)

static const uint64_t facts[] = {
    PUSH_DEGREE,
    PUSH_METRES_MAX,
    PUSH_PLACE_SETS,
    PUSH_PLACE_WAYS,
    PUSH_PLACE_INSIDE,
    PUSH_FENCES_MAX,
    PUSH_FENCE_NAME_MAX,
    PUSH_FENCE_USER_MAX,
    PUSH_FENCE_SLOT_BITS,
    PUSH_POSITION_LOCKS,
    SIZE(push_point_t),
    AT(push_point_t, lat),
    AT(push_point_t, lon),
    SIZE(push_circle_t),
    AT(push_circle_t, centre),
    AT(push_circle_t, metres),
    SIZE(push_reach_t),
    AT(push_reach_t, lat),
    AT(push_reach_t, lon),
    SIZE(push_place_t),
    AT(push_place_t, version),
    AT(push_place_t, accuracy),
    AT(push_place_t, id),
    AT(push_place_t, point),
    AT(push_place_t, at),
    AT(push_place_t, until),
    AT(push_place_t, inside),
    SIZE(push_places_t),
    AT(push_places_t, now),
    AT(push_places_t, sets),
    SIZE(push_fence_t),
    AT(push_fence_t, circle),
    AT(push_fence_t, reach),
    AT(push_fence_t, uses),
    AT(push_fence_t, until),
    SIZE(push_fence_label_t),
    AT(push_fence_label_t, name_len),
    AT(push_fence_label_t, user_len),
    AT(push_fence_label_t, name),
    AT(push_fence_label_t, user),
    SIZE(push_fences_t),
    AT(push_fences_t, high),
    AT(push_fences_t, list),
    AT(push_fences_t, labels),
    SIZE(push_positions_t),
    AT(push_positions_t, locks),
    AT(push_positions_t, fence_lock),
    AT(push_positions_t, places),
    AT(push_positions_t, fences),
};

uint64_t push_layout_places(uint64_t sum)
{
    return push_fingerprint_add(sum, facts, sizeof(facts) / sizeof(*facts));
}
