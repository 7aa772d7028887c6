#include "broker/node/load.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "redis/courier.h"

/* How long a worker waits for a log that another thread is bringing. */
#define LOAD_MS 3000

/* How often it looks; the other one may be in another process, and may die. */
#define LOOK_FIRST_US 500
#define LOOK_LAST_US  16000

push_log_name_t push_log_name(char kind, push_text_t name)
{
    push_log_name_t made = {.text = {kind}, .len = 1};
    unsigned len = name.len < PUSH_NAME_MAX ? name.len : PUSH_NAME_MAX;

    if (len) {
        memcpy(made.text + 1, name.at, len);
    }
    made.len += len;
    return made;
}

push_home_t push_cluster_home(const push_cluster_t *cluster,
                              unsigned partition)
{
    return (push_home_t){.prefix = {cluster->options.prefix,
                                    (uint32_t)strlen(cluster->options.prefix)},
                         .partition = partition};
}

/* ---- from an answer to the segment ---- */

typedef struct {
    push_applied_t *at;
    unsigned count, room;
} applied_t;

/* Room for one more of size bytes each; false: no memory. */
static bool grow(void **at, unsigned count, unsigned *room, size_t size)
{
    unsigned more = *room ? *room * 2 : 32;
    void *grown;

    if (count < *room) {
        return true;
    }
    grown = realloc(*at, more * size);
    if (grown) {
        *at = grown;
        *room = more;
    }
    return grown != NULL;
}

static bool add_mark(push_load_t *load, const push_inbox_entry_t *entry,
                     int64_t until)
{
    void *at = load->marks;
    bool well = grow(&at, load->marks_count, &load->marks_room,
                     sizeof(*load->marks));

    load->marks = at;
    if (well) {
        load->marks[load->marks_count++] = (push_dropped_t){
            .tick = entry->tick,
            .lane = entry->lane,
            .count = entry->mark.dropped,
            .until = until};
    }
    return well;
}

static bool add_applied(applied_t *list, const push_applied_t *applied)
{
    void *at = list->at;
    bool well = grow(&at, list->count, &list->room, sizeof(*list->at));

    list->at = at;
    if (well) {
        list->at[list->count++] = *applied;
    }
    return well;
}

static bool add_entry(push_cluster_t *cluster, push_load_t *load,
                      const push_inbox_entry_t *entry, applied_t *list)
{
    push_time_t now = push_clock_now();
    int64_t expires = entry->is_mark ? entry->mark.until : entry->expires;
    int64_t until = push_cluster_until(cluster, entry->partition, expires,
                                       &now);

    if (entry->kind == PUSH_ENTRY_MESSAGE && entry->is_mark) {
        return add_mark(load, entry, until);
    }
    if (entry->kind != PUSH_ENTRY_MESSAGE
        && entry->kind != PUSH_ENTRY_RECALL) {
        return true;
    }
    return add_applied(
        list, &(push_applied_t){
                  .log = load->log,
                  .tick = entry->tick,
                  .recall = entry->kind == PUSH_ENTRY_RECALL ? entry->mid : 0,
                  .record = entry->record,
                  .until = expires ? until : 0});
}

static bool read_entries(push_cluster_t *cluster, push_load_t *load,
                         push_text_t bytes, applied_t *list)
{
    push_entries_t entries;
    push_inbox_entry_t entry;

    push_entries_begin(&entries, bytes);
    while (push_entries_next(&entries, &entry)) {
        if (entry.known && !add_entry(cluster, load, &entry, list)) {
            return false;
        }
    }
    return true;
}

/* Puts one piece into the log; the next one is asked for from its end. */
static push_status_t put(push_cluster_t *cluster, push_load_t *load,
                         const push_followed_t *followed)
{
    push_time_t now = push_clock_now();
    unsigned marks_before = load->marks_count;
    applied_t list = {0};
    push_status_t status = PUSH_NO_MEMORY;
    bool again = false;

    if (read_entries(cluster, load, followed->entries, &list)) {
        const push_loaded_t loaded = {
            .log = load->log,
            .errand = load->follow.errand,
            .since = load->follow.since,
            .tick = followed->version,
            .whole = followed->whole,
            .more = followed->more,
            .entries = list.at,
            .count = list.count,
            .marks = load->marks ? load->marks + marks_before : NULL,
            .marks_count = load->marks_count - marks_before};

        status = push_follow_load(cluster->store, &loaded, &now, &again);
    }
    free(list.at);
    if (status == PUSH_OK) {
        load->taken = true;
        load->follow.since = followed->version;
        load->follow.mine = followed->more;
        load->follow.state = followed->more || again ? PUSH_FOLLOW_LOADING
                                                     : PUSH_FOLLOW_LIVE;
    }
    return status;
}

push_status_t push_load_take(push_cluster_t *cluster, push_load_t *load,
                             const push_followed_t *followed)
{
    return load->follow.mine ? put(cluster, load, followed) : PUSH_OK;
}

/* ---- asking ---- */

push_following_t push_load_following(push_cluster_t *cluster,
                                     const push_load_t *load)
{
    push_follow_view_t view = {.log_len = 0};

    if (push_follow_look(cluster->store, load->log, &view) != PUSH_OK) {
        view = (push_follow_view_t){.log_len = 0};
    }
    return (push_following_t){.log = load->log,
                              .connected = view.connected + 1,
                              .subscribers = view.subscribers + 1,
                              .since = load->follow.since};
}

/* rest: behind a piece that was not all of it. */
static void ask_for(push_cluster_t *cluster, push_load_t *load, bool rest)
{
    unsigned partition = push_log_partition(cluster->store, load->log);
    push_follow_call_t call = {.home = push_cluster_home(cluster, partition),
                               .owner = push_cluster_owner(cluster),
                               .following = push_load_following(cluster,
                                                                load)};

    call.following.rest = rest;
    if (load->asked) {
        push_request_cleanup(&load->request);
    }
    push_request_init(&load->request, partition);
    push_library_follow(&load->request.command, &call);
    push_courier_send(cluster->courier, &load->request);
    load->asked = true;
    load->waited = false;
}

push_status_t push_load_begin(push_cluster_t *cluster, push_load_t *load,
                              push_text_t log, bool ask)
{
    push_status_t status;

    *load = (push_load_t){.log = log};
    status = push_follow_begin(cluster->store, log, &load->follow);
    if (status == PUSH_OK && load->follow.mine && ask) {
        ask_for(cluster, load, false);
    }
    return status;
}

/* What we asked for ourselves: each answer, until there is no more. */
static push_status_t fetch(push_cluster_t *cluster, push_load_t *load)
{
    push_follow_reply_t reply;
    push_status_t status = PUSH_OK;

    if (!load->asked) {
        ask_for(cluster, load, load->taken);
    }
    while (status == PUSH_OK && load->follow.mine) {
        push_courier_wait(cluster->courier, &load->request);
        load->waited = true;
        if (load->request.failure != PUSH_FAILURE_NONE
            || !push_follow_reply(load->request.reply, &reply)) {
            return PUSH_NO_STATE;
        }
        status = put(cluster, load, &reply.followed);
        if (status == PUSH_OK && load->follow.mine) {
            ask_for(cluster, load, true);
        }
    }
    return status;
}

static void pause_us(long us)
{
    const struct timespec span = {.tv_nsec = us * 1000};

    nanosleep(&span, NULL);
}

/* Another thread of this node brings it, or we do if that one gives up. */
static push_status_t await_live(push_cluster_t *cluster, push_load_t *load,
                                int64_t until)
{
    long us = LOOK_FIRST_US;
    push_status_t status = PUSH_OK;

    while (status == PUSH_OK && !load->follow.mine
           && load->follow.state != PUSH_FOLLOW_LIVE) {
        if (push_clock_now().mono >= until) {
            return PUSH_BUSY;
        }
        pause_us(us);
        us = us * 2 < LOOK_LAST_US ? us * 2 : LOOK_LAST_US;
        status = push_follow_begin(cluster->store, load->log, &load->follow);
    }
    return status;
}

push_status_t push_load_wait(push_cluster_t *cluster, push_load_t *load)
{
    int64_t until = push_clock_now().mono + LOAD_MS;
    push_status_t status = PUSH_OK;

    while (status == PUSH_OK
           && (load->follow.mine || load->follow.state != PUSH_FOLLOW_LIVE)) {
        if (push_clock_now().mono >= until) {
            return PUSH_BUSY;
        }
        status = load->follow.mine ? fetch(cluster, load)
                                   : await_live(cluster, load, until);
        if (status == PUSH_STALE || status == PUSH_NOT_FOUND) {
            load->follow.mine = false; /* another errand is at it */
            load->follow.state = PUSH_FOLLOW_LOADING;
            status = PUSH_OK;
        }
    }
    return status;
}

void push_load_end(push_cluster_t *cluster, push_load_t *load)
{
    if (load->asked && !load->waited) {
        push_courier_wait(cluster->courier, &load->request);
    }
    if (load->asked) {
        push_request_cleanup(&load->request);
    }
    if (load->follow.mine) {
        push_follow_fail(cluster->store, load->log, load->follow.errand);
    }
    free(load->marks);
    *load = (push_load_t){.log = load->log};
}
