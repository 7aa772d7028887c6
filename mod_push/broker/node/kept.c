#include "broker/node/kept.h"

#include <string.h>

#include "broker/node/loading.h"
#include "redis/courier.h"
#include "store/ops/later.h"

/* What is over is remembered for so long at least, ms. */
#define REMEMBER_MS 10000

#define SHOWN_HEAD offsetof(push_kept_shown_t, body)

/* ---- to keep ---- */

/* As a single machine has it: of the memory of this node. */
static uint64_t room_of(const push_cluster_t *cluster)
{
    return push_slab_size(&cluster->store->slab) / PUSH_LATER_PART;
}

static bool show(const push_publication_t *publication,
                 push_kept_shown_t *shown, push_text_t *text)
{
    push_publication_t without = *publication;

    without.spec.content.data.len = 0;
    if (push_later_size(&without)
        > sizeof(shown->body) + sizeof(shown->texts)) {
        return false;
    }
    memset(shown, 0, SHOWN_HEAD);
    shown->size = publication->spec.content.data.len;
    push_later_write(&without, &shown->body);
    *text = (push_text_t){(const char *)shown,
                          (uint32_t)SHOWN_HEAD + shown->body.size};
    return true;
}

bool push_kept_schedule(const push_cluster_t *cluster, push_command_t *command,
                        const push_publication_t *publication,
                        push_schedule_call_t *call)
{
    const push_message_spec_t *spec = &publication->spec;
    int64_t window = cluster->store->limits.idempotency;
    char topic[PUSH_LIBRARY_TOPIC_ROOM];
    push_kept_shown_t shown;

    if (!show(publication, &shown, &call->shown)) {
        return false;
    }
    call->topic = push_library_topic(spec->topic, spec->where, topic);
    call->device = spec->device;
    call->ttl = spec->ttl;
    call->after = publication->at - publication->now.wall;
    call->window = window > REMEMBER_MS ? window : REMEMBER_MS;
    call->most = room_of(cluster);
    push_library_schedule(command, call);
    return true;
}

void push_kept_tell(const push_cluster_t *cluster, int64_t at)
{
    push_later_words_t *words = &cluster->store->segment->later;

    if (at < atomic_load(&words->at)) {
        push_bell_ring(&words->bell);
    }
}

/* ---- to read ---- */

bool push_kept_read_shown(const push_kept_t *kept, push_kept_shown_t *room,
                          push_publication_t *publication)
{
    push_text_t shown = kept->shown;

    if (kept->state != PUSH_LATER_KEPT
        || shown.len < SHOWN_HEAD + sizeof(room->body)
        || shown.len > sizeof(*room)) {
        return false;
    }
    memcpy(room, shown.at, shown.len);
    return push_later_read(&room->body, shown.len - SHOWN_HEAD, publication);
}

bool push_kept_view(const push_kept_t *kept, unsigned partition,
                    push_kept_shown_t *room, push_later_view_t *view)
{
    *view = (push_later_view_t){
        .id = push_mid_of_tick(kept->id, partition),
        .state = (push_later_state_t)kept->state,
        .at = kept->at,
        .message = kept->message ? push_mid_of_tick(kept->message, partition)
                                 : 0};
    if (kept->state != PUSH_LATER_KEPT) {
        return kept->state < PUSH_LATER_STATES;
    }
    if (!push_kept_read_shown(kept, room, &view->publication)) {
        return false;
    }
    view->size = room->size;
    return true;
}

static bool is_same(push_text_t one, push_text_t other)
{
    return one.len == other.len
           && (!one.len || !memcmp(one.at, other.at, one.len));
}

static bool is_for(const push_publication_t *publication,
                   const push_sought_t *sought)
{
    return !sought->addressed
           || (publication->audience.kind == sought->audience.kind
               && is_same(publication->audience.name, sought->audience.name)
               && (!sought->device.len
                   || is_same(publication->spec.device, sought->device)));
}

static push_status_t read_look(const push_reply_t *reply,
                               const push_sought_t *sought,
                               const push_visitor_t *visitor)
{
    push_kept_shown_t room;
    push_later_view_t view;
    push_kept_t kept;
    bool known;

    if (!push_later_reply(reply, push_tick_of_mid(sought->mid), &known,
                          &kept)) {
        return PUSH_NO_STATE;
    }
    if (!known
        || !push_kept_view(&kept, push_partition_of_mid(sought->mid), &room,
                           &view)
        || (view.state == PUSH_LATER_KEPT
            && !is_for(&view.publication, sought))) {
        return PUSH_NOT_FOUND;
    }
    if (visitor) {
        visitor->later(visitor->data, &view);
    }
    return PUSH_OK;
}

push_status_t push_kept_fetch(push_cluster_t *cluster,
                              const push_sought_t *sought,
                              const push_visitor_t *visitor)
{
    unsigned partition = push_partition_of_mid(sought->mid);
    push_home_t home = push_cluster_home(cluster, partition);
    push_request_t request;
    push_status_t status;

    push_request_init(&request, partition);
    push_library_later(&request.command, &home, push_tick_of_mid(sought->mid));
    status = push_status_of_failure(
        push_courier_call(cluster->courier, &request));
    if (status == PUSH_OK) {
        status = read_look(request.reply, sought, visitor);
    }
    push_request_cleanup(&request);
    return status;
}

/* ---- to take back ---- */

static push_status_t status_of(push_unscheduled_t outcome)
{
    switch (outcome) {
    case PUSH_UNSCHEDULED:
        return PUSH_OK;
    case PUSH_UNSCHEDULED_OVER:
        return PUSH_OVER;
    default:
        return PUSH_NOT_FOUND;
    }
}

static push_status_t unschedule(push_cluster_t *cluster, uint64_t mid)
{
    unsigned partition = push_partition_of_mid(mid);
    push_unscheduled_t outcome = PUSH_UNSCHEDULED_NONE;
    push_failure_t failure;
    push_request_t request;
    push_status_t status;

    push_request_init(&request, partition);
    if (cluster->options.durability == PUSH_DURABILITY_COMMIT) {
        request.replicas = cluster->options.replicas;
    }
    push_library_unschedule(&request.command,
                            &(push_unschedule_call_t){
                                .home = push_cluster_home(cluster, partition),
                                .id = push_tick_of_mid(mid)});
    failure = push_courier_call(cluster->courier, &request);
    status = failure == PUSH_FAILURE_REPLICAS
                 ? PUSH_OK
                 : push_status_of_failure(failure);
    if (status == PUSH_OK) {
        status = push_unschedule_reply(request.reply, &outcome)
                     ? status_of(outcome)
                     : PUSH_NO_STATE;
    }
    if (status == PUSH_OK && failure == PUSH_FAILURE_REPLICAS) {
        status = PUSH_NO_STATE;
    }
    push_request_cleanup(&request);
    return status;
}

/* Its audience never changes, so it is the same that was looked at. */
push_status_t push_kept_recall(push_cluster_t *cluster,
                               const push_sought_t *sought)
{
    push_status_t status = sought->addressed
                               ? push_kept_fetch(cluster, sought, NULL)
                               : PUSH_OK;

    return status == PUSH_OK ? unschedule(cluster, sought->mid) : status;
}
