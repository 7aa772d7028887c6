#include "store/upkeep/layout_later.h"

#include "store/shard/later.h"
#include "store/shm/fingerprint.h"
#include "store/shm/later_words.h"

#define SIZE(type)       PUSH_FACT_SIZE(type)
#define AT(type, member) PUSH_FACT_AT(type, member)

static const uint64_t facts[] = {
    PUSH_LATER_TEXTS,
    PUSH_LATER_STATES,
    PUSH_LATER_RECEIPT,
    PUSH_LATER_RELAYED,
    SIZE(push_later_part_t),
    AT(push_later_part_t, nodes),
    AT(push_later_part_t, turns),
    AT(push_later_part_t, count),
    AT(push_later_part_t, room),
    AT(push_later_part_t, bytes),
    AT(push_later_part_t, first),
    SIZE(push_later_words_t),
    AT(push_later_words_t, bell),
    AT(push_later_words_t, at),
    SIZE(push_later_turn_t),
    AT(push_later_turn_t, next),
    AT(push_later_turn_t, ref),
    AT(push_later_turn_t, unused),
    SIZE(push_later_t),
    AT(push_later_t, node),
    AT(push_later_t, body),
    AT(push_later_t, position),
    AT(push_later_t, state),
    AT(push_later_t, id),
    AT(push_later_t, message),
    AT(push_later_t, at),
    AT(push_later_t, next),
    SIZE(push_later_body_t),
    AT(push_later_body_t, size),
    AT(push_later_body_t, kind),
    AT(push_later_body_t, urgency),
    AT(push_later_body_t, traits),
    AT(push_later_body_t, unused),
    AT(push_later_body_t, ttl),
    AT(push_later_body_t, lens),
};

uint64_t push_layout_later(uint64_t sum)
{
    return push_fingerprint_add(sum, facts, sizeof(facts) / sizeof(*facts));
}
