#include "broker/library/entries.h"

#include <string.h>

#include "broker/library/call.h"


/* What is left of one entry; what it lacks sets wrong. */
typedef struct push_body_t {
    const unsigned char *at, *end;
    bool wrong;
    push_text_t rest; /* in another piece */
} push_body_t;

static const unsigned char nothing[1];

static const unsigned char *bytes_of(push_text_t text)
{
    return text.len ? (const unsigned char *)text.at : nothing;
}

/* Goes on in the other piece where the first is over. */
static void see_rest(push_body_t *body)
{
    if (body->at == body->end && body->rest.len) {
        body->at = bytes_of(body->rest);
        body->end = body->at + body->rest.len;
        body->rest.len = 0;
    }
}

static push_text_t take(push_body_t *body, size_t len)
{
    push_text_t taken;

    see_rest(body);
    taken = (push_text_t){(const char *)body->at, (uint32_t)len};
    if (body->wrong || (size_t)(body->end - body->at) < len) {
        body->wrong = true;
        return (push_text_t){NULL, 0};
    }
    body->at += len;
    return taken;
}

static push_text_t take_rest(push_body_t *body)
{
    see_rest(body);
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

static void read_tags(push_body_t *body, push_inbox_entry_t *entry)
{
    read_log(body, entry);
    read_tick(body, entry);
    entry->body = take_rest(body);
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
    case PUSH_ENTRY_TAGS:
        read_tags(body, entry);
        return true;
    default:
        return false;
    }
}

/* True if there is a piece that was not seen yet: it is the next. */
static bool open_piece(push_entries_t *entries)
{
    push_text_t text;

    if (entries->piece >= push_reply_count(entries->run.pieces)) {
        return false;
    }
    text = push_reply_text(
        push_reply_at(entries->run.pieces, entries->piece++));
    entries->at = bytes_of(text);
    entries->end = entries->at + text.len;
    return true;
}

void push_entries_begin(push_entries_t *entries, push_pieces_t run)
{
    const unsigned char *at = bytes_of(run.text);

    *entries = (push_entries_t){run, 0, at, at + run.text.len, false};
}

/* So many bytes are the entry's.  False: they are not there. */
static bool take_body(push_entries_t *entries, push_body_t *body, size_t len)
{
    size_t here = (size_t)(body->end - body->at);

    if (len <= here) {
        body->end = body->at + len;
        entries->at = body->end;
        return true;
    }
    if (!open_piece(entries)
        || (size_t)(entries->end - entries->at) != len - here) {
        return false;
    }
    body->rest = (push_text_t){(const char *)entries->at,
                               (uint32_t)(len - here)};
    entries->at = entries->end;
    return true;
}

bool push_entries_next(push_entries_t *entries, push_inbox_entry_t *entry)
{
    push_body_t body = {.wrong = false};
    size_t len;

    *entry = (push_inbox_entry_t){.kind = '\0'};
    while (!entries->broken && entries->at == entries->end) {
        if (!open_piece(entries)) {
            return false;
        }
    }
    if (entries->broken) {
        return false;
    }
    body.at = entries->at;
    body.end = entries->end;
    entry->partition = (unsigned)take_number(&body, 2);
    entry->kind = (char)take_number(&body, 1);
    len = (size_t)take_number(&body, 4);
    if (body.wrong || entry->partition >= PUSH_PARTITIONS
        || !take_body(entries, &body, len)) {
        entries->broken = true;
        return false;
    }
    entry->known = read_kind(&body, entry) && !body.wrong;
    if (!entry->known) {
        *entry = (push_inbox_entry_t){.partition = entry->partition,
                                      .kind = entry->kind};
    }
    return true;
}
