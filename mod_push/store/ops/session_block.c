#include "store/ops/session_block.h"

#include <stdlib.h>
#include <string.h>

#include "core/session.h"
#include "store/shard/owned.h"

static push_flying_t flying_at(const push_heap_t *heap,
                               const push_device_t *device,
                               push_position_t position)
{
    const push_log_t *log = push_subscription_log(
        heap, &push_device_subscriptions(heap, device)[position.subscription]);
    push_flying_t flying = {.subscription = position.subscription,
                            .lane = (uint8_t)position.lane};
    push_ref_t ref = PUSH_NONE;
    push_slot_t slot = push_log_read(heap, log, position.lane, position.at,
                                     &ref);

    if (slot == PUSH_SLOT_MESSAGE) {
        flying.mid = ((const push_message_t *)push_at(heap, ref))->mid;
    }
    flying.lost = slot == PUSH_SLOT_EVICTED
                  || (slot == PUSH_SLOT_PASSED
                      && push_before(position.at,
                                     log->lanes[position.lane].evicted));
    return flying;
}

static void put_window(const push_heap_t *heap, const push_device_t *device,
                       unsigned char *at)
{
    uint32_t runs = push_window_runs(heap, &device->window);

    for (uint32_t i = 0; i < runs; i++) {
        const push_run_t *run = push_window_run(heap, &device->window, i);
        push_position_t position = run->first;

        for (uint32_t n = 0; n < run->count; n++, position.at++) {
            push_flying_t flying = flying_at(heap, device, position);

            memcpy(at, &flying, sizeof(flying));
            at += sizeof(flying);
        }
    }
}

unsigned char *push_session_block_make(const push_store_t *store,
                                       const push_device_t *device,
                                       bool present, uint32_t *len)
{
    const push_heap_t *heap = &store->heaps[device->shard];
    const push_slide_t *slide = push_window_slide(heap, &device->window);
    push_session_block_t block;
    unsigned char *bytes;

    memset(&block, 0, sizeof(block));
    block.version = PUSH_SESSION_BLOCK;
    block.count = (uint32_t)push_session_in_flight(device);
    block.acked = device->acked;
    block.sent = device->sent;
    block.stale = device->stale;
    block.session = push_owned_session(store, device);
    block.gap_seq = device->gap_seq;
    block.gaps = device->gaps;
    block.assumed = slide ? slide->assumed : 0;
    block.assumed_gaps = slide ? slide->gaps : 0;
    block.present = present && device->traits & PUSH_DEVICE_PRESENT;
    *len = (uint32_t)(sizeof(block) + block.count * sizeof(push_flying_t));
    bytes = malloc(*len);
    if (bytes) {
        memcpy(bytes, &block, sizeof(block));
        put_window(heap, device, bytes + sizeof(block));
    }
    return bytes;
}

bool push_session_block_read(push_text_t bytes, push_session_block_t *block)
{
    if (bytes.len < sizeof(*block)) {
        return false;
    }
    memcpy(block, bytes.at, sizeof(*block));
    if (block->version != PUSH_SESSION_BLOCK || block->sent < block->acked
        || block->sent - block->acked != block->count
        || bytes.len
               != sizeof(*block)
                      + (uint64_t)block->count * sizeof(push_flying_t)) {
        return false;
    }
    for (unsigned i = 0; i < block->count; i++) {
        push_flying_t flying = push_session_block_flying(bytes, i);

        if (flying.lane >= PUSH_LANES
            || flying.subscription
                   >= PUSH_SUBSCRIPTION_CHANNELS + PUSH_CHANNELS_MAX) {
            return false;
        }
    }
    return true;
}

push_flying_t push_session_block_flying(push_text_t bytes, unsigned index)
{
    push_flying_t flying;

    memcpy(&flying,
           bytes.at + sizeof(push_session_block_t) + index * sizeof(flying),
           sizeof(flying));
    return flying;
}
