#include <string.h>

#include "broker/library/publish_calls.h"
#include "import/transfer_internal.h"

/*
 * Messages, in the order of their old mids.  The key by which a second run
 * finds its message is good as long as the message, and a little longer.
 */

#define NO_LIMIT  1000000000u
#define KEY_SLACK 60000 /* ms */

void push_transfer_log(const push_transfer_t *transfer, uint32_t kind,
                       push_text_t name, push_transfer_log_t *log)
{
    unsigned partition = 0;

    if (kind != PUSH_LOG_BROADCAST) {
        partition = push_partition_of(
            push_store_name(&transfer->source->store, name).hash);
    }
    log->bytes[0] = kind == PUSH_LOG_USER      ? 'u'
                    : kind == PUSH_LOG_CHANNEL ? 'c'
                                               : 'b';
    if (name.len) {
        memcpy(log->bytes + 1, name.at, name.len);
    }
    log->text = (push_text_t){log->bytes, 1 + name.len};
    log->home = push_target_home(transfer->target, partition);
}

static void name_key(uint64_t old, unsigned char *id)
{
    const push_text_t parts[] = {{"push-import", 11},
                                 {(const char *)&old, sizeof(old)}};

    push_store_digest(parts, 2, id);
}

static bool receive(push_transfer_t *transfer, push_moved_t *moved,
                    const push_reply_t *reply, unsigned partition)
{
    push_publish_reply_t published;

    if (!push_publish_reply(reply, &published)
        || published.outcome > PUSH_PUBLISHED_AGAIN) {
        return push_target_strange(transfer->target);
    }
    moved->mid = push_mid_of_tick(published.tick, partition);
    if (published.outcome == PUSH_PUBLISHED_AGAIN) {
        transfer->messages.there++;
    }
    else {
        transfer->messages.written++;
    }
    return true;
}

static bool publish(push_transfer_t *transfer, push_moved_t *moved,
                    int64_t ttl)
{
    const push_stored_t *stored = &moved->message.stored;
    unsigned char id[PUSH_KEY_BYTES];
    char topic[PUSH_LIBRARY_TOPIC_ROOM];
    push_publish_call_t call = {
        .lane = stored->urgency,
        .ttl = ttl,
        .topic = push_library_topic(stored->topic, stored->where, topic),
        .device = stored->device,
        .record = push_transfer_value(moved->record),
        .cap = NO_LIMIT,
        .key = id,
        .request = stored->mid,
        .window = ttl + KEY_SLACK};
    push_transfer_log_t log;
    push_request_t request;
    bool well;

    push_transfer_log(transfer, moved->message.kind, moved->message.name,
                      &log);
    name_key(stored->mid, id);
    call.home = log.home;
    call.log = log.text;
    push_request_init(&request, log.home.partition);
    push_library_publish(&request.command, &call);
    if (!push_target_call(transfer->target, &request)) {
        return false;
    }
    well = receive(transfer, moved, request.reply, log.home.partition);
    push_request_cleanup(&request);
    return well;
}

bool push_transfer_messages(push_transfer_t *transfer)
{
    for (size_t i = 0; i < transfer->moves.count; i++) {
        push_moved_t *moved = transfer->moves.by_mid[i];
        int64_t left = moved->record->expires - push_clock_now().wall;

        if (left <= 0) {
            transfer->messages.expired++;
        }
        else if (!publish(transfer, moved, left)) {
            return false;
        }
    }
    return true;
}
