#include "broker/node/loading.h"

#include <stdlib.h>
#include <string.h>

#include "broker/node/tags.h"
#include "redis/courier.h"

/* ---- one answer ---- */

typedef struct {
    push_applied_t *entries;
    push_dropped_t *marks;
    unsigned entries_count, marks_count;
    unsigned room;
    bool failed;
    push_text_t tags; /* of its user; empty: there are none */
} pieces_t;

/* One more of both may be added. */
static bool make_room(pieces_t *pieces)
{
    unsigned room = pieces->room ? pieces->room * 2 : 64;
    push_applied_t *entries;
    push_dropped_t *marks;

    if (pieces->entries_count < pieces->room
        && pieces->marks_count < pieces->room) {
        return true;
    }
    entries = realloc(pieces->entries, room * sizeof(*entries));
    if (entries) {
        pieces->entries = entries;
    }
    marks = realloc(pieces->marks, room * sizeof(*marks));
    if (marks) {
        pieces->marks = marks;
    }
    if (!entries || !marks) {
        pieces->failed = true;
        return false;
    }
    pieces->room = room;
    return true;
}

static bool is_same(push_text_t a, push_text_t b)
{
    return a.len == b.len && !memcmp(a.at, b.at, a.len);
}

/*
 * The moment (mono ms) that the master's clock will say expires.  By its own
 * answer: what a drain said may be of the master that had the log before.
 */
static int64_t until_of(const push_loading_t *loading, int64_t expires,
                        const push_time_t *now)
{
    return expires - (loading->followed->now - now->mono);
}

static push_dropped_t dropped_of(const push_loading_t *loading,
                                 const push_inbox_entry_t *entry,
                                 const push_time_t *now)
{
    return (
        push_dropped_t){.tick = entry->tick,
                        .lane = entry->lane,
                        .count = entry->mark.dropped,
                        .until = until_of(loading, entry->mark.until, now)};
}

static void add(const push_loading_t *loading, pieces_t *pieces,
                const push_inbox_entry_t *entry, const push_time_t *now)
{
    if (!make_room(pieces)) {
        return;
    }
    if (entry->is_mark) {
        pieces->marks[pieces->marks_count++] = dropped_of(loading, entry, now);
        return;
    }
    pieces->entries[pieces->entries_count++] = (push_applied_t){
        .log = entry->log,
        .tick = entry->tick,
        .recall = entry->kind == PUSH_ENTRY_RECALL ? entry->mid : 0,
        .record = entry->record,
        .until = entry->expires ? until_of(loading, entry->expires, now) : 0};
}

static bool is_of(const push_inbox_entry_t *entry, push_text_t log)
{
    return entry->known && is_same(entry->log, log)
           && (entry->kind == PUSH_ENTRY_MESSAGE
               || entry->kind == PUSH_ENTRY_RECALL);
}

static void take_apart(const push_loading_t *loading, const push_time_t *now,
                       pieces_t *pieces)
{
    push_entries_t entries;
    push_inbox_entry_t entry;

    push_entries_begin(&entries, loading->followed->entries);
    while (push_entries_next(&entries, &entry)) {
        if (is_of(&entry, loading->log)) {
            add(loading, pieces, &entry, now);
        }
        else if (entry.kind == PUSH_ENTRY_TAGS
                 && is_same(entry.log, loading->log)) {
            pieces->tags = entry.body;
        }
    }
}

push_status_t push_loading_put(push_cluster_t *cluster,
                               const push_loading_t *loading,
                               const push_time_t *now, bool *again)
{
    const push_followed_t *followed = loading->followed;
    pieces_t pieces = {0};
    push_status_t status = PUSH_NO_MEMORY;

    *again = false;
    take_apart(loading, now, &pieces);
    if (!pieces.failed) {
        status = followed->more
                     ? PUSH_OK
                     : push_tags_loaded(cluster, loading->log,
                                        followed->version, pieces.tags);
    }
    if (status == PUSH_OK) {
        push_loaded_t loaded = {
            .log = loading->log,
            .errand = loading->errand,
            .since = loading->since,
            .tick = followed->version,
            .whole = followed->whole || loading->rest_of_whole,
            .from = loading->rest_of_whole ? loading->since : 0,
            .more = followed->more,
            .entries = pieces.entries,
            .count = pieces.entries_count,
            .marks = pieces.marks,
            .marks_count = pieces.marks_count};

        status = push_follow_load(cluster->store, &loaded, now, again);
    }
    free(pieces.entries);
    free(pieces.marks);
    return status;
}

unsigned push_loading_marks(const push_loading_t *loading,
                            const push_time_t *now, push_dropped_t *marks,
                            unsigned room)
{
    push_entries_t entries;
    push_inbox_entry_t entry;
    unsigned count = 0;

    push_entries_begin(&entries, loading->followed->entries);
    while (count < room && push_entries_next(&entries, &entry)) {
        if (is_of(&entry, loading->log) && entry.is_mark) {
            marks[count++] = dropped_of(loading, &entry, now);
        }
    }
    return count;
}

push_status_t push_status_of_failure(unsigned failure)
{
    switch (failure) {
    case PUSH_FAILURE_NONE:
        return PUSH_OK;
    case PUSH_FAILURE_FULL:
    case PUSH_FAILURE_MEMORY:
        return PUSH_NO_MEMORY;
    default:
        return PUSH_NO_STATE;
    }
}
