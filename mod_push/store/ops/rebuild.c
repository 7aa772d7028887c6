#include "store/ops/rebuild.h"

#include <string.h>

#include "core/device_away.h"
#include "core/fits.h"
#include "store/disk/save_device.h"
#include "store/shard/context.h"

bool push_rebuild_is_genuine(const push_device_record_t *record)
{
    unsigned char id[PUSH_CONTEXT_BYTES];

    push_store_context_id(record->user, record->labels[PUSH_LABEL_DEVICE],
                          record->labels[PUSH_LABEL_APP], id);
    return !memcmp(id, record->id, sizeof(id));
}

void push_rebuild_subscription(const push_heap_t *heap, const push_log_t *log,
                               const push_subscription_record_t *saved,
                               push_subscription_t *subscription)
{
    push_subscription_init(heap, subscription, push_ref_of(heap, log),
                           saved->joined);
    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        subscription->cursor[lane] = push_log_seek(heap, log, lane,
                                                   saved->next[lane]);
        subscription->reported[lane] = subscription->cursor[lane];
    }
}

void push_rebuild_fields(push_device_t *device, unsigned shard,
                         const push_device_record_t *record,
                         const push_time_t *now)
{
    int64_t away = record->left && record->left < now->wall
                       ? now->wall - record->left
                       : 0;

    memcpy(device->id, record->id, PUSH_CONTEXT_BYTES);
    memcpy(&device->node.hash, record->id, sizeof(device->node.hash));
    device->shard = (uint8_t)shard;
    device->traits = record->traits | PUSH_DEVICE_CHANGED;
    device->lowest = record->lowest;
    device->max_in_flight = record->max_in_flight;
    device->first_seen = record->first_seen;
    device->last_seen = record->last_seen;
    device->last_ack = record->last_ack;
    device->left = now->mono - away;
    push_device_set_went(device, PUSH_WENT_SHUTDOWN);
}

/* One device, and the log of its user. */
typedef struct {
    push_heap_t *heap;
    const push_device_t *device;
    const push_log_t *log;
    const push_time_t *now;
} settling_t;

static push_message_t *message_at(const settling_t *s, unsigned lane,
                                  uint32_t at)
{
    push_ref_t ref = PUSH_NONE;

    return push_log_read(s->heap, s->log, lane, at, &ref) == PUSH_SLOT_MESSAGE
               ? push_at(s->heap, ref)
               : NULL;
}

static void settle(const settling_t *s, const push_settled_t *settled)
{
    unsigned lane = settled->lane % PUSH_LANES;
    push_message_t *message = message_at(
        s, lane, push_log_seek(s->heap, s->log, lane, settled->mid));

    if (message && message->mid == settled->mid
        && settled->fate < PUSH_FATES) {
        push_message_settle(s->heap, message, push_ref_of(s->heap, s->device),
                            (push_fate_t)settled->fate, s->now);
    }
}

static void settle_up_to(const settling_t *s, const push_settled_t *settled)
{
    unsigned lane = settled->lane % PUSH_LANES;
    const push_lane_t *l = &s->log->lanes[lane];
    push_ref_t self = push_ref_of(s->heap, s->device);

    for (uint32_t at = l->tail; at != l->head; at++) {
        push_message_t *message = message_at(s, lane, at);

        if (message && message->mid > settled->mid) {
            return;
        }
        if (message && push_device_wants(s->heap, s->device, message)) {
            push_message_settle(s->heap, message, self, PUSH_ACKED, s->now);
        }
    }
}

static push_settled_t settled_at(const push_device_record_t *record,
                                 unsigned index)
{
    push_settled_t at;

    memcpy(&at, record->settled.at + index * sizeof(at), sizeof(at));
    return at;
}

/* The first note stands: what is listed comes before what is summed up. */
void push_rebuild_settled(push_heap_t *heap, const push_device_t *device,
                          const push_device_record_t *record,
                          const push_time_t *now)
{
    const push_user_t *user = push_at(heap, device->user);
    const settling_t s = {heap, device, &user->log, now};
    unsigned count = push_device_settled_count(record);

    for (unsigned i = 0; i < count; i++) {
        const push_settled_t at = settled_at(record, i);

        if (at.fate != PUSH_SETTLED_UP_TO) {
            settle(&s, &at);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        const push_settled_t at = settled_at(record, i);

        if (at.fate == PUSH_SETTLED_UP_TO) {
            settle_up_to(&s, &at);
        }
    }
}

uint64_t push_rebuild_settled_up_to(const push_device_record_t *record,
                                    unsigned lane)
{
    for (unsigned i = 0; i < push_device_settled_count(record); i++) {
        const push_settled_t at = settled_at(record, i);

        if (at.fate == PUSH_SETTLED_UP_TO && at.lane == lane) {
            return at.mid;
        }
    }
    return 0;
}
