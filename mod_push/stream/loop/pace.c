#include "stream/loop/pace.h"

uint32_t push_pace_after(push_pace_t *pace, int64_t now, uint32_t flushes,
                         uint32_t messages)
{
    if (!pace->since) {
        *pace = (push_pace_t){.since = now};
    }
    pace->flushes += flushes;
    pace->messages += messages;
    if (now - pace->since < PUSH_PACE_BUSY_MS) {
        return 0;
    }
    if (!pace->flushes || pace->messages / pace->flushes >= PUSH_PACE_ENOUGH) {
        *pace = (push_pace_t){.since = now};
        return 0;
    }
    pace->flushes = 0;
    pace->messages = 0;
    return PUSH_PACE_PAUSE_MS;
}
