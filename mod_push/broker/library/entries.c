#include "broker/library/entries.h"

#include <string.h>

#include "broker/library/call.h"


/* What is left of one entry; what it lacks sets wrong. */
typedef struct push_body_t {
    const unsigned char *at, *end;
    bool wrong;
} push_body_t;

static push_text_t take(push_body_t *body, size_t len)
{
    push_text_t taken = {(const char *)body->at, (uint32_t)len};

    if (body->wrong || (size_t)(body->end - body->at) < len) {
        body->wrong = true;
        return (push_text_t){NULL, 0};
    }
    body->at += len;
    return taken;
}

static push_text_t take_rest(push_body_t *body)
{
    return take(body, (size_t)(body->end - body->at));
}

static uint64_t take_number(push_body_t *body, unsigned bytes)
{
    push_text_t taken = take(body, bytes);

    return body->wrong ? 0 : push_big(taken.at, bytes);
}

static void read_log(push_body_t *body, push_inbox_entry_t *entry)
{
    entry->log = take(body, (size_t)take_number(body, 2));
    body->wrong = body->wrong || !entry->log.len
                  || !memchr("ucb", entry->log.at[0], 3);
}

static void read_context(push_body_t *body, push_inbox_entry_t *entry)
{
    push_text_t id = take(body, PUSH_CONTEXT_BYTES);

    if (!body->wrong) {
        memcpy(entry->context, id.at, PUSH_CONTEXT_BYTES);
    }
}

static void read_tick(push_body_t *body, push_inbox_entry_t *entry)
{
    entry->tick = take_number(body, 7);
    body->wrong = body->wrong || entry->tick > PUSH_TICK_MAX;
    entry->mid = push_mid_of_tick(entry->tick, entry->partition);
}

static void read_message(push_body_t *body, push_inbox_entry_t *entry)
{
    read_log(body, entry);
    entry->lane = (unsigned)take_number(body, 1);
    read_tick(body, entry);
    entry->expires = (int64_t)take_number(body, 6);
    body->wrong = body->wrong || entry->lane >= PUSH_LANES;
    entry->is_mark = !entry->expires;
    if (entry->is_mark) {
        entry->mark.dropped = (uint32_t)take_number(body, 4);
        entry->mark.until = (int64_t)take_number(body, 6);
    }
    else {
        entry->record = take_rest(body);
    }
}

static void read_recall(push_body_t *body, push_inbox_entry_t *entry)
{
    read_log(body, entry);
    read_tick(body, entry);
    entry->mid = take_number(body, 8);
}

static void read_claimed(push_body_t *body, push_inbox_entry_t *entry)
{
    read_log(body, entry);
    read_context(body, entry);
    entry->fence = (uint32_t)take_number(body, 4);
    entry->owner = (unsigned)take_number(body, 2);
}

static void read_grant(push_body_t *body, push_inbox_entry_t *entry)
{
    uint64_t exact;

    read_log(body, entry);
    read_context(body, entry);
    entry->fence = (uint32_t)take_number(body, 4);
    exact = take_number(body, 1);
    entry->record = take(body, (size_t)take_number(body, 4));
    entry->session = take_rest(body);
    entry->exact = exact == 1;
    body->wrong = body->wrong || exact > 1
                  || (!entry->exact && entry->session.len);
}

static void read_request(push_body_t *body, push_inbox_entry_t *entry)
{
    entry->request = take_number(body, 8);
    entry->from = (unsigned)take_number(body, 2);
    entry->body = take_rest(body);
}

/* False if the kind is another one. */
static bool read_kind(push_body_t *body, push_inbox_entry_t *entry)
{
    switch (entry->kind) {
    case PUSH_ENTRY_MESSAGE:
        read_message(body, entry);
        return true;
    case PUSH_ENTRY_RECALL:
        read_recall(body, entry);
        return true;
    case PUSH_ENTRY_YIELD:
    case PUSH_ENTRY_FORCED:
        read_claimed(body, entry);
        return true;
    case PUSH_ENTRY_GRANT:
    case PUSH_ENTRY_ABSENT:
        read_grant(body, entry);
        return true;
    case PUSH_ENTRY_ACK:
    case PUSH_ENTRY_QUESTION:
        read_log(body, entry);
        read_context(body, entry);
        read_request(body, entry);
        return true;
    case PUSH_ENTRY_END:
        read_log(body, entry);
        read_request(body, entry);
        return true;
    case PUSH_ENTRY_ANSWER:
        read_request(body, entry);
        return true;
    default:
        return false;
    }
}

void push_entries_begin(push_entries_t *entries, push_text_t bytes)
{
    static const unsigned char nothing[1];
    const unsigned char *at = bytes.len ? (const unsigned char *)bytes.at
                                        : nothing;

    *entries = (push_entries_t){at, at + bytes.len, false};
}

bool push_entries_next(push_entries_t *entries, push_inbox_entry_t *entry)
{
    push_body_t body = {entries->at, entries->end, false};
    size_t len;

    *entry = (push_inbox_entry_t){.kind = '\0'};
    if (entries->broken || entries->at == entries->end) {
        return false;
    }
    entry->partition = (unsigned)take_number(&body, 2);
    entry->kind = (char)take_number(&body, 1);
    len = (size_t)take_number(&body, 4);
    if (body.wrong || (size_t)(body.end - body.at) < len
        || entry->partition >= PUSH_PARTITIONS) {
        entries->broken = true;
        return false;
    }
    body.end = body.at + len;
    entries->at = body.end;
    entry->known = read_kind(&body, entry) && !body.wrong;
    if (!entry->known) {
        *entry = (push_inbox_entry_t){.partition = entry->partition,
                                      .kind = entry->kind};
    }
    return true;
}
