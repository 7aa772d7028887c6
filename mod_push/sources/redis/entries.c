#include "sources/redis/entries.h"

#include <apr_strings.h>
#include <string.h>

static push_text_t line_of(const push_reply_t *fields)
{
    static const char name[] = "line";

    for (unsigned i = 0; i + 1 < push_reply_count(fields); i += 2) {
        push_text_t field = push_reply_text(push_reply_at(fields, i));

        if (field.len == sizeof(name) - 1
            && !memcmp(field.at, name, field.len)) {
            return push_reply_text(push_reply_at(fields, i + 1));
        }
    }
    return (push_text_t){0};
}

static void add(apr_pool_t *pool, push_entries_t *to,
                const push_reply_t *reply, const char *stream)
{
    const push_reply_t *fields = push_reply_at(reply, 1);
    push_entry_t *entry = &to->entries[to->count++];

    entry->id = push_reply_text(push_reply_at(reply, 0));
    entry->line = line_of(fields);
    entry->gone = push_reply_kind(fields) != PUSH_REPLY_ARRAY;
    if (!entry->gone) {
        to->items[to->items_count++] = (push_source_item_t){
            .text = entry->line.at,
            .len = entry->line.len,
            .key = apr_psprintf(pool, "redis:%s:%.*s", stream,
                                (int)entry->id.len, entry->id.at)};
    }
}

push_entries_t push_entries_read(apr_pool_t *pool, const push_reply_t *reply,
                                 const char *stream)
{
    const push_reply_t *list = push_reply_at(push_reply_at(reply, 0), 1);
    unsigned count = push_reply_count(list);
    push_entries_t read = {
        .entries = apr_pcalloc(pool, count * sizeof(*read.entries) + 1),
        .items = apr_pcalloc(pool, count * sizeof(*read.items) + 1)};

    for (unsigned i = 0; i < count; i++) {
        add(pool, &read, push_reply_at(list, i), stream);
    }
    return read;
}

bool push_entries_forget(const push_entries_t *entries, const char *stream,
                         const char *group, push_command_t *command)
{
    const push_source_item_t *item = entries->items;
    unsigned count = 0;

    push_command_string(command, "XACK");
    push_command_string(command, stream);
    push_command_string(command, group);
    for (unsigned i = 0; i < entries->count; i++) {
        const push_entry_t *entry = &entries->entries[i];

        if (entry->gone || item++->outcome != PUSH_SOURCE_LATER) {
            push_command_text(command, entry->id);
            count++;
        }
    }
    return count > 0;
}
