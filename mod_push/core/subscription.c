#include "core/subscription.h"

void push_subscription_init(const push_heap_t *heap,
                            push_subscription_t *subscription, push_ref_t ref,
                            uint64_t joined)
{
    const push_log_t *log = push_at(heap, ref);

    subscription->joined = joined;
    subscription->log = ref;
    subscription->since = 0;
    for (int i = 0; i < PUSH_LANES; i++) {
        subscription->cursor[i] = joined ? push_lane_head(&log->lanes[i])
                                         : push_lane_tail(&log->lanes[i]);
        subscription->reported[i] = subscription->cursor[i];
    }
}
