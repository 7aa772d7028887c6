#include "core/sub.h"

void push_sub_init(const push_heap_t *heap, push_sub_t *sub, push_ref_t ref,
                   uint64_t joined)
{
    const push_log_t *log = push_at(heap, ref);

    sub->joined = joined;
    sub->log = ref;
    for (int i = 0; i < PUSH_LANES; i++) {
        sub->cursor[i] = joined ? push_lane_head(&log->lanes[i])
                                : push_lane_tail(&log->lanes[i]);
        sub->told[i] = sub->cursor[i];
    }
}
