#include "core/gone.h"

static void add(push_heap_t *heap, const push_gone_t *gone)
{
    push_gone_ring_t *ring = heap->gone;

    if (ring) {
        ring->kept[ring->count % PUSH_GONE_KEPT] = *gone;
        PUSH_FAILPOINT("gone-noted");
        ring->count++;
    }
}

void push_gone_note(push_heap_t *heap, const push_message_t *message,
                    push_gone_why_t why, const push_time_t *now)
{
    const push_node_t *log = push_at(heap, message->log);
    int64_t after = push_message_fate(message) == PUSH_LIVE
                        ? now->wall - push_mid_ms(message->mid)
                        : (int64_t)message->ended_after;
    const push_gone_t gone = {.mid = message->mid,
                              .after = after > 0 ? (uint32_t)after : 0,
                              .name = (uint16_t)log->hash,
                              .kind = (uint8_t)push_node_kind(log),
                              .why = (uint8_t)why};

    add(heap, &gone);
}

void push_gone_note_nobody(push_heap_t *heap, push_node_kind_t kind,
                           uint32_t name, uint64_t mid)
{
    const push_gone_t gone = {.mid = mid,
                              .name = (uint16_t)name,
                              .kind = (uint8_t)kind,
                              .why = PUSH_GONE_NOBODY};

    add(heap, &gone);
}

push_gone_why_t push_gone_why(const push_message_t *message,
                              push_gone_why_t alive, const push_time_t *now)
{
    switch (push_message_fate(message)) {
    case PUSH_EXPIRED:
        return PUSH_GONE_EXPIRED;
    case PUSH_REPLACED:
        return PUSH_GONE_REPLACED;
    case PUSH_RECALLED:
        return PUSH_GONE_RECALLED;
    case PUSH_EVICTED:
        return PUSH_GONE_MAILBOX;
    default:
        return push_message_alive(message, now->mono) ? alive
                                                      : PUSH_GONE_EXPIRED;
    }
}

const push_gone_t *push_gone_find(const push_gone_ring_t *ring, uint64_t mid)
{
    uint64_t kept = ring->count < PUSH_GONE_KEPT ? ring->count
                                                 : PUSH_GONE_KEPT;

    for (uint64_t i = 1; i <= kept; i++) {
        const push_gone_t *gone =
            &ring->kept[(ring->count - i) % PUSH_GONE_KEPT];

        if (gone->mid == mid) {
            return gone;
        }
    }
    return NULL;
}
