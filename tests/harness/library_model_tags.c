#include "library_model_part.h"

#include <string.h>

#include "broker/library/entries.h"

struct model_entry model_tags_entry(const struct model *m, unsigned log,
                                    uint64_t tick)
{
    struct model_entry entry = {
        .kind = PUSH_ENTRY_TAGS, .log = log, .tick = tick};

    memcpy(entry.tags, m->logs[log].tags, sizeof(entry.tags));
    entry.tags_count = m->logs[log].tags_count;
    return entry;
}

unsigned model_tag(struct model *m, const struct model_tagging *call)
{
    struct model_log *log = &m->logs[call->log];
    struct model_entry entry;
    uint32_t subscribers;
    unsigned at = 0;

    while (at < log->tags_count && log->tags[at].channel != call->channel) {
        at++;
    }
    if (call->subscribe == (at < log->tags_count)) {
        return 1;
    }
    if (call->subscribe && log->tags_count >= call->most) {
        return 2;
    }
    if (call->subscribe) {
        log->tags[log->tags_count++] = (struct model_tag){call->channel,
                                                          call->since};
    }
    else {
        log->tags_count--;
        memmove(&log->tags[at], &log->tags[at + 1],
                (log->tags_count - at) * sizeof(log->tags[0]));
    }
    entry = model_tags_entry(m, call->log, model_tick(m));
    model_tell(m, &entry, &subscribers);
    return 0;
}
