#include "broker/library/later_calls.h"

#include "broker/library/call.h"

/* As lua/later.lua has them. */
#define OVER  20u
#define KEPT  34u
#define FIXED 38u /* with a key */
#define TERM  ((INT64_C(1) << 48) - 1)

/* ---- what is stored ---- */

static push_text_t cut(push_text_t *text, uint64_t len)
{
    push_text_t piece = {text->at, len <= text->len ? (uint32_t)len : 0};

    text->at += piece.len;
    text->len -= piece.len;
    return piece;
}

static bool read_texts(push_text_t value, push_kept_t *kept)
{
    uint64_t log = push_big(value.at + 26, 2);
    uint64_t field = push_big(value.at + 28, 2);
    uint64_t shown = push_big(value.at + 30, 4);
    push_text_t rest = {value.at + KEPT, value.len - KEPT};

    kept->ttl = (int64_t)push_big(value.at + 20, 6);
    if (log + field + shown > rest.len || !log) {
        return false;
    }
    kept->log = cut(&rest, log);
    cut(&rest, field);
    kept->shown = cut(&rest, shown);
    kept->record = rest;
    return true;
}

bool push_kept_read(uint64_t id, push_text_t value, push_kept_t *kept)
{
    *kept = (push_kept_t){.id = id};
    if (value.len < OVER) {
        return false;
    }
    kept->state = (unsigned)push_big(value.at, 1);
    kept->at = (int64_t)push_big(value.at + 1, 6);
    kept->message = push_big(value.at + 7, 7);
    if (kept->message > PUSH_TICK_MAX) {
        return false;
    }
    return kept->state || (value.len >= KEPT && read_texts(value, kept));
}

/* Id and value, as the parts of an answer from index on. */
static bool read_at(const push_reply_t *reply, unsigned index,
                    push_kept_t *kept)
{
    push_parts_t parts = push_parts(reply, index + 2);
    push_text_t id = push_part_text(&parts, index);
    push_text_t value = push_part_text(&parts, index + 1);

    return !parts.wrong && id.len == PUSH_LATER_ID
           && push_kept_read(push_big(id.at, PUSH_LATER_ID), value, kept)
           && kept->id <= PUSH_TICK_MAX;
}

static void add_id(push_command_t *command, uint64_t id)
{
    unsigned char bytes[PUSH_LATER_ID];

    push_call_big(bytes, id, sizeof(bytes));
    push_call_bytes(command, bytes, sizeof(bytes));
}

static void add_keys(push_command_t *command, const push_home_t *home)
{
    push_call_key(command, home, PUSH_KEY_HEADER);
    push_call_key(command, home, PUSH_KEY_LATER);
    push_call_key(command, home, PUSH_KEY_LATER_OF);
}

/* ---- push_schedule ---- */

static uint64_t term(int64_t ms)
{
    return ms < 0 ? 0 : (uint64_t)(ms < TERM ? ms : TERM);
}

static void add_fixed(push_command_t *command,
                      const push_schedule_call_t *call)
{
    unsigned char bytes[FIXED];
    unsigned char *at = push_call_big(bytes, call->home.partition, 2);

    at = push_call_big(at, term(call->ttl), 6);
    at = push_call_big(at, term(call->after), 6);
    at = push_call_big(at, term(call->window), 6);
    at = push_call_big(at, call->most, 6);
    at = push_call_big(at, call->rate, 4);
    if (call->key) {
        at = push_call_big(at, call->request, 8);
    }
    push_call_bytes(command, bytes, (size_t)(at - bytes));
}

void push_library_schedule(push_command_t *command,
                           const push_schedule_call_t *call)
{
    const push_home_t *home = &call->home;

    push_call_begin(command, home, "push_schedule",
                    3 + (call->rate != 0) + (call->key != NULL));
    add_keys(command, home);
    if (call->rate) {
        push_library_key(command, home, PUSH_KEY_RATE, call->log);
    }
    if (call->key) {
        push_library_key(command, home, PUSH_KEY_ANSWER,
                         (push_text_t){(const char *)call->key,
                                       PUSH_KEY_BYTES});
    }
    add_fixed(command, call);
    push_command_text(command, call->log);
    push_command_text(command, call->topic);
    push_command_text(command, call->device);
    push_command_text(command, call->shown);
    push_command_text(command, call->record);
}

/* ---- push_due ---- */

void push_library_due(push_command_t *command, const push_due_call_t *call)
{
    push_call_begin(command, &call->home, "push_due", 3);
    add_keys(command, &call->home);
    push_command_unsigned(command, call->home.partition);
    push_command_unsigned(command, call->owner);
    push_command_unsigned(command, call->count);
    push_command_unsigned(command, call->bytes);
}

bool push_due_reply(const push_reply_t *reply, push_due_reply_t *due)
{
    push_parts_t parts = push_parts(reply, 3);

    due->now = (int64_t)push_part_number(&parts, 0, PUSH_MS_MAX);
    due->looked = (uint32_t)push_part_number(&parts, 1, UINT32_MAX);
    due->first = (int64_t)push_part_number(&parts, 2, PUSH_MS_MAX);
    due->count = parts.wrong ? 0 : (push_reply_count(reply) - 3) / 2;
    return !parts.wrong;
}

bool push_due_at(const push_reply_t *reply, unsigned index, push_kept_t *kept)
{
    return read_at(reply, 3 + 2 * index, kept);
}

/* ---- push_unschedule ---- */

void push_library_unschedule(push_command_t *command,
                             const push_unschedule_call_t *call)
{
    push_call_begin(command, &call->home, "push_unschedule", 3);
    add_keys(command, &call->home);
    push_command_unsigned(command, call->home.partition);
    add_id(command, call->id);
    push_command_text(command, call->log);
}

bool push_unschedule_reply(const push_reply_t *reply,
                           push_unscheduled_t *outcome)
{
    int64_t number = push_reply_integer(reply);

    *outcome = PUSH_UNSCHEDULED_NONE;
    if (push_reply_kind(reply) != PUSH_REPLY_INTEGER || number < 0
        || number > PUSH_UNSCHEDULED_OVER) {
        return false;
    }
    *outcome = (push_unscheduled_t)number;
    return true;
}

/* ---- views ---- */

void push_library_later(push_command_t *command, const push_home_t *home,
                        uint64_t id)
{
    push_call_begin(command, home, "push_later", 1);
    push_call_key(command, home, PUSH_KEY_LATER_OF);
    add_id(command, id);
}

bool push_later_reply(const push_reply_t *reply, uint64_t id, bool *known,
                      push_kept_t *kept)
{
    push_parts_t parts = push_parts(reply, 0);

    *kept = (push_kept_t){0};
    *known = !parts.wrong && push_reply_count(reply);
    return !parts.wrong
           && (!*known
               || (push_kept_read(id, push_part_text(&parts, 0), kept)
                   && !parts.wrong));
}

void push_library_laters(push_command_t *command,
                         const push_laters_call_t *call)
{
    push_call_begin(command, &call->home, "push_laters", 2);
    push_call_key(command, &call->home, PUSH_KEY_LATER);
    push_call_key(command, &call->home, PUSH_KEY_LATER_OF);
    push_command_text(command, call->prefix);
    push_command_unsigned(command, call->count);
}

bool push_laters_reply(const push_reply_t *reply, unsigned *count, bool *more)
{
    push_parts_t parts = push_parts(reply, 1);

    *more = push_part_flag(&parts, 0);
    *count = parts.wrong ? 0 : (push_reply_count(reply) - 1) / 2;
    return !parts.wrong;
}

bool push_laters_at(const push_reply_t *reply, unsigned index,
                    push_kept_t *kept)
{
    return read_at(reply, 1 + 2 * index, kept);
}

/* ---- push_later_next ---- */

void push_library_later_next(push_command_t *command, const push_home_t *home,
                             int64_t within)
{
    push_call_begin(command, home, "push_later_next", 1);
    push_call_key(command, home, PUSH_KEY_HEADER);
    push_command_unsigned(command, home->partition);
    push_command_number(command, within);
}

bool push_later_next_reply(const push_reply_t *reply, push_later_next_t *next)
{
    push_parts_t parts = push_parts(reply, 4);
    push_text_t vm = push_part_text(&parts, 0);

    next->now = (int64_t)push_part_number(&parts, 1, PUSH_MS_MAX);
    next->first = (int64_t)push_part_number(&parts, 2, PUSH_MS_MAX);
    next->due = push_part_text(&parts, 3);
    return !parts.wrong && push_vm_read(vm, &next->vm);
}

bool push_later_next_at(const push_later_next_t *next, unsigned index,
                        unsigned *partition)
{
    if (index >= next->due.len / 2) {
        return false;
    }
    *partition = (unsigned)push_big(next->due.at + 2 * (size_t)index, 2)
                 % PUSH_PARTITIONS;
    return true;
}
