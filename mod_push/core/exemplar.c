#include "core/exemplar.h"

#include <string.h>

/*
 * A process that dies while it writes leaves the version odd: that example is
 * not read until the seat's next owner has written one.
 */
void push_exemplar_note(push_exemplars_t *exemplars, unsigned bucket,
                        const push_sample_t *sample)
{
    push_exemplar_t *to = &exemplars->of[bucket];
    uint32_t version = atomic_load(&to->version) | 1u;
    uint64_t trace[2];

    memcpy(trace, sample->trace, sizeof(trace));
    atomic_store(&to->version, version);
    atomic_store(&to->urgency, sample->urgency);
    atomic_store(&to->us, sample->us);
    atomic_store(&to->wall, sample->wall);
    atomic_store(&to->trace[0], trace[0]);
    atomic_store(&to->trace[1], trace[1]);
    atomic_store(&to->version, version + 1);
}

bool push_exemplar_read(const push_exemplars_t *exemplars, unsigned bucket,
                        push_sample_t *sample)
{
    const push_exemplar_t *from = &exemplars->of[bucket];
    uint32_t version = atomic_load(&from->version);
    uint64_t trace[2];

    sample->urgency = atomic_load(&from->urgency) % PUSH_BY_URGENCY_VALUES;
    sample->us = atomic_load(&from->us);
    sample->wall = atomic_load(&from->wall);
    trace[0] = atomic_load(&from->trace[0]);
    trace[1] = atomic_load(&from->trace[1]);
    memcpy(sample->trace, trace, sizeof(trace));
    return version && version % 2 == 0
           && atomic_load(&from->version) == version;
}
