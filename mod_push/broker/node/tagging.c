#include "broker/node/tagging.h"

#include <stdlib.h>
#include <string.h>

#include "broker/library/tag_calls.h"
#include "broker/node/loading.h"
#include "broker/node/names.h"
#include "redis/courier.h"

/*
 * The idea: who asks first asks the master of the channel for a tick, and has
 * it kept with the channel's name.  What is published after the answer is above
 * that, at whichever node and whenever a device learns of it: so it begins
 * there, and nobody has to be waited for.
 */

/* Lines of one request that are asked for at once. */
#define LOT 64u

/* ---- workers: a lot of changes ---- */

typedef struct {
    push_cluster_t *cluster;
    push_assignment_t *list;
    unsigned count;
    uint64_t since[LOT];
    push_request_t requests[LOT];
} lot_t;

static bool same(push_text_t a, push_text_t b)
{
    return a.len == b.len && !memcmp(a.at, b.at, a.len);
}

/* As many as are of different users and channels: what is asked for at once
 * may be done in any order. */
static unsigned lot_of(const push_assignment_t *list, unsigned count)
{
    unsigned n = 1;

    while (n < count && n < LOT) {
        for (unsigned i = 0; i < n; i++) {
            if (same(list[i].user, list[n].user)
                && same(list[i].channel, list[n].channel)) {
                return n;
            }
        }
        n++;
    }
    return n;
}

static void ask_for_tick(lot_t *lot, unsigned i)
{
    push_cluster_t *cluster = lot->cluster;
    unsigned partition = push_names_partition(cluster, lot->list[i].channel);
    push_home_t home = push_cluster_home(cluster, partition);

    push_request_init(&lot->requests[i], partition);
    push_library_tick(&lot->requests[i].command, &home);
    push_courier_send(cluster->courier, &lot->requests[i]);
}

static void take_tick(lot_t *lot, unsigned i)
{
    push_request_t *request = &lot->requests[i];
    push_assignment_t *asked = &lot->list[i];

    push_courier_wait(lot->cluster->courier, request);
    asked->status = push_status_of_failure(request->failure);
    if (asked->status == PUSH_OK) {
        lot->since[i] = push_tick_reply(request->reply);
        asked->status = lot->since[i] ? PUSH_OK : PUSH_NO_STATE;
    }
    push_request_cleanup(request);
}

static void send_change(lot_t *lot, unsigned i)
{
    push_cluster_t *cluster = lot->cluster;
    const push_assignment_t *asked = &lot->list[i];
    push_request_t *request = &lot->requests[i];
    push_named_log_ref_t log;

    push_names_log(cluster, PUSH_LOG_USER, asked->user, &log);
    push_request_init(request, log.partition);
    push_library_tag(
        &request->command,
        &(push_tag_call_t){.home = push_cluster_home(cluster, log.partition),
                           .log = {log.text, log.len},
                           .channel = asked->channel,
                           .subscribe = asked->subscribe,
                           .since = lot->since[i],
                           .most = asked->most < PUSH_ASSIGNED_MAX
                                       ? asked->most
                                       : PUSH_ASSIGNED_MAX});
    if (cluster->options.durability == PUSH_DURABILITY_COMMIT) {
        request->replicas = cluster->options.replicas;
    }
    push_courier_send(cluster->courier, request);
}

static push_status_t status_of(const push_assignment_t *asked,
                               push_tagged_t tagged)
{
    switch (tagged) {
    case PUSH_TAGGED:
        return PUSH_OK;
    case PUSH_TAGGED_BEFORE:
        return asked->subscribe ? PUSH_OK : PUSH_NOT_FOUND;
    default:
        return PUSH_TOO_MANY_SUBSCRIPTIONS;
    }
}

static void take_change(lot_t *lot, unsigned i)
{
    push_request_t *request = &lot->requests[i];
    push_assignment_t *asked = &lot->list[i];
    push_failure_t failure;
    push_tagged_t tagged;

    push_courier_wait(lot->cluster->courier, request);
    failure = request->failure;
    asked->status = failure == PUSH_FAILURE_REPLICAS
                        ? PUSH_OK
                        : push_status_of_failure(failure);
    if (asked->status == PUSH_OK) {
        asked->status = push_tag_reply(request->reply, &tagged)
                            ? status_of(asked, tagged)
                            : PUSH_NO_STATE;
    }
    if (asked->status == PUSH_OK && failure == PUSH_FAILURE_REPLICAS) {
        asked->status = PUSH_NO_STATE; /* it is so, and may be lost */
    }
    push_request_cleanup(request);
}

static void run_lot(lot_t *lot)
{
    for (unsigned i = 0; i < lot->count; i++) {
        lot->since[i] = 0;
        lot->list[i].status = PUSH_OK;
        if (lot->list[i].subscribe) {
            ask_for_tick(lot, i);
        }
    }
    for (unsigned i = 0; i < lot->count; i++) {
        if (lot->list[i].subscribe) {
            take_tick(lot, i);
        }
    }
    for (unsigned i = 0; i < lot->count; i++) {
        if (lot->list[i].status == PUSH_OK) {
            send_change(lot, i);
        }
    }
    for (unsigned i = 0; i < lot->count; i++) {
        if (lot->list[i].status == PUSH_OK) {
            take_change(lot, i);
        }
    }
}

void push_tagging_assign(push_cluster_t *cluster, push_assignment_t *list,
                         unsigned count)
{
    lot_t *lot = malloc(sizeof(*lot));

    for (unsigned at = 0; at < count && lot; at += lot->count) {
        lot->cluster = cluster;
        lot->list = list + at;
        lot->count = lot_of(list + at, count - at);
        run_lot(lot);
    }
    for (unsigned i = 0; i < count && !lot; i++) {
        list[i].status = PUSH_NO_MEMORY;
    }
    free(lot);
}

/* Of a user, from Redis; false ends the walk. */
typedef bool visit_t(void *data, const push_tag_t *tag);

static push_status_t fetch(push_cluster_t *cluster, push_text_t user,
                           visit_t *visit, void *data)
{
    push_named_log_ref_t log;
    push_request_t request;
    push_status_t status;
    push_text_t tags;
    push_tag_t tag;
    push_home_t home;

    push_names_log(cluster, PUSH_LOG_USER, user, &log);
    home = push_cluster_home(cluster, log.partition);
    push_request_init(&request, log.partition);
    push_library_tags(&request.command, &home,
                      (push_text_t){log.text, log.len});
    status = push_status_of_failure(
        push_courier_call(cluster->courier, &request));
    if (status == PUSH_OK && !push_tags_reply(request.reply, &tags)) {
        status = PUSH_NO_STATE;
    }
    while (status == PUSH_OK && push_tag_next(&tags, &tag)
           && visit(data, &tag)) {
    }
    push_request_cleanup(&request);
    return status;
}

static bool show(void *data, const push_tag_t *tag)
{
    const push_visitor_t *visitor = data;
    const push_channel_view_t view = {.name = tag->channel};

    visitor->channel(visitor->data, &view);
    return true;
}

push_status_t push_tagging_view(push_cluster_t *cluster, push_text_t user,
                                const push_visitor_t *visitor)
{
    push_visitor_t own = *visitor;

    return fetch(cluster, user, show, &own);
}

typedef struct {
    push_text_t channel;
    uint64_t tick; /* 0: not found */
} sought_t;

static bool compare(void *data, const push_tag_t *tag)
{
    sought_t *sought = data;

    if (same(tag->channel, sought->channel)) {
        sought->tick = tag->since;
    }
    return !sought->tick;
}

push_status_t push_tagging_behind(push_cluster_t *cluster, push_text_t user,
                                  push_text_t channel, uint64_t *mid)
{
    sought_t sought = {.channel = channel};
    push_status_t status = fetch(cluster, user, compare, &sought);

    *mid = PUSH_MID_LAST(sought.tick);
    return status == PUSH_OK && !sought.tick ? PUSH_NOT_FOUND : status;
}
