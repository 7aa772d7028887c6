#include "broker/views/recorded.h"

#include <string.h>

#include "store/disk/save_device.h"
#include "store/ops/rebuild.h"

bool push_recorded_read(const push_viewed_t *viewed,
                        push_device_record_t *record)
{
    char key[1 + PUSH_CONTEXT_BYTES] = {PUSH_RECORD_DEVICE};

    memcpy(key + 1, viewed->context, PUSH_CONTEXT_BYTES);
    return push_device_read((push_text_t){key, sizeof(key)}, viewed->record,
                            record)
           && push_rebuild_is_genuine(record);
}

bool push_recorded_wants(const push_device_record_t *record,
                         push_text_t device)
{
    push_text_t own = record->labels[PUSH_LABEL_DEVICE];

    return !device.len
           || (own.len == device.len && !memcmp(own.at, device.at, own.len));
}

/* Of one message, or of all up to one. */
push_fate_t push_recorded_fate(const push_device_record_t *record,
                               const push_message_view_t *message, int64_t *at)
{
    bool passed = false;

    for (unsigned i = 0; i < push_device_settled_count(record); i++) {
        push_settled_t settled;

        memcpy(&settled, record->settled.at + i * sizeof(settled),
               sizeof(settled));
        if (settled.fate == PUSH_SETTLED_UP_TO) {
            passed |= settled.lane == message->urgency
                      && settled.mid >= message->mid;
        }
        else if (settled.mid == message->mid && settled.fate < PUSH_FATES) {
            *at = message->created + settled.after;
            return (push_fate_t)settled.fate;
        }
    }
    if (passed) {
        *at = 0;
        return PUSH_ACKED;
    }
    *at = message->fate == PUSH_LIVE ? message->created : message->ends;
    return message->fate == PUSH_LIVE ? PUSH_PENDING : message->fate;
}
