#include "store/ops/import_record.h"

#include <string.h>

#include "store/ops/rebuild.h"
#include "store/ops/session_block.h"
#include "store/shard/copied.h"

bool push_import_read(push_text_t record, const unsigned char *id,
                      push_device_record_t *device)
{
    char key[1 + PUSH_CONTEXT_BYTES] = {PUSH_RECORD_DEVICE};

    memcpy(key + 1, id, PUSH_CONTEXT_BYTES);
    return push_device_read((push_text_t){key, sizeof(key)}, record, device)
           && push_rebuild_is_genuine(device);
}

bool push_import_channels(push_text_t record, const unsigned char *id,
                          push_text_t *channels, unsigned *count)
{
    push_device_record_t device;

    *count = 0;
    if (!push_import_read(record, id, &device)) {
        return false;
    }
    for (unsigned i = 1; i < device.subscriptions_count; i++) {
        channels[(*count)++] = device.subscriptions[i].name;
    }
    return true;
}

static void raise_tick(uint64_t *tick, uint64_t other)
{
    *tick = other > *tick ? other : *tick;
}

/* All below `next` was known. */
static uint64_t tick_before(const push_subscription_record_t *saved)
{
    uint64_t tick = 0;

    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        uint64_t next = PUSH_TICK_OF(saved->next[lane]);

        raise_tick(&tick, next ? next - 1 : 0);
    }
    return tick;
}

static uint64_t last_settled(const push_device_record_t *device)
{
    uint64_t tick = 0;

    for (unsigned i = 0; i < push_device_settled_count(device); i++) {
        push_settled_t settled;

        memcpy(&settled, device->settled.at + i * sizeof(settled),
               sizeof(settled));
        raise_tick(&tick, PUSH_TICK_OF(settled.mid));
    }
    return tick;
}

unsigned push_import_ticks(push_text_t record, const unsigned char *id,
                           push_text_t session,
                           uint64_t ticks[PUSH_IMPORT_LOGS])
{
    push_device_record_t device;
    push_session_block_t block;
    unsigned count;

    if (!push_import_read(record, id, &device)) {
        return 0;
    }
    count = PUSH_SUBSCRIPTION_BROADCAST + device.subscriptions_count;
    ticks[PUSH_SUBSCRIPTION_USER] = last_settled(&device);
    for (unsigned i = 0; i < device.subscriptions_count; i++) {
        ticks[PUSH_SUBSCRIPTION_BROADCAST + i] = tick_before(
            &device.subscriptions[i]);
    }
    if (!session.len || !push_session_block_read(session, &block)) {
        return count;
    }
    for (unsigned i = 0; i < block.count; i++) {
        push_flying_t flying = push_session_block_flying(session, i);

        if (flying.subscription < count) {
            raise_tick(&ticks[flying.subscription], PUSH_TICK_OF(flying.mid));
        }
    }
    return count;
}
