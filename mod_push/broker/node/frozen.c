#include "broker/node/frozen.h"

#include "store/shm/clock.h"

#define MISSED_MAX 3u
#define FROZEN_MS  10000

/* owner << 16 | time-outs; another life of a node begins with none. */
static _Atomic uint32_t *missed_of(push_cluster_words_t *words, uint16_t owner)
{
    return &words->frozen[owner >> 10].missed;
}

bool push_frozen(const push_cluster_words_t *words, uint16_t owner)
{
    const push_frozen_words_t *node = &words->frozen[owner >> 10];

    return atomic_load(&node->missed) >> 16 == owner
           && atomic_load(&node->until) > push_clock_now().mono;
}

void push_frozen_answered(push_cluster_words_t *words, uint16_t owner)
{
    atomic_store(missed_of(words, owner), (uint32_t)owner << 16);
    atomic_store(&words->frozen[owner >> 10].until, 0);
}

void push_frozen_missed(push_cluster_words_t *words, uint16_t owner)
{
    _Atomic uint32_t *missed = missed_of(words, owner);
    uint32_t before = atomic_load(missed);
    uint32_t after;

    do {
        after = before >> 16 == owner ? before : (uint32_t)owner << 16;
        after += (after & 0xffffu) < 0xffffu;
    } while (!atomic_compare_exchange_weak(missed, &before, after));
    if ((after & 0xffffu) >= MISSED_MAX) {
        atomic_store(&words->frozen[owner >> 10].until,
                     push_clock_now().mono + FROZEN_MS);
    }
}
