#include "broker/node/publish.h"

#include <stdlib.h>
#include <string.h>

#include "broker/node/kept.h"
#include "broker/node/loading.h"
#include "broker/node/names.h"
#include "broker/node/recall.h"
#include "broker/relay/relay.h"
#include "core/tally.h"
#include "core/user.h"
#include "redis/courier.h"
#include "store/disk/record.h"
#include "store/ops/keys.h"
#include "store/ops/later.h"
#include "store/shard/shard.h"

/* A publication on its way; from malloc(). */
typedef struct push_flight_t {
    push_request_t request;
    push_named_log_ref_t log;
    push_log_kind_t kind;
    push_urgency_t urgency;
    uint32_t rate;  /* of its user; 0: none */
    uint32_t bytes; /* of the payload */
    bool relayed;   /* it waits for other regions, too */
    int64_t at;     /* wall ms: when it is published; 0: now */
    unsigned class; /* by which it is counted */
} push_flight_t;

/* ---- it is sent ---- */

static push_record_t *record_of(const push_publication_t *publication)
{
    const push_message_spec_t *spec = &publication->spec;

    return push_message_make(
        &(push_message_record_t){.kind = publication->audience.kind,
                                 .fate = PUSH_LIVE,
                                 .name = publication->audience.name,
                                 .stored = {.topic = spec->topic,
                                            .device = spec->device,
                                            .where = spec->where,
                                            .content = spec->content,
                                            .urgency = spec->urgency}});
}

/* Redis does not know what of a queue is under way, only that it is not done. */
void push_node_limit(const push_limits_t *limits,
                     const push_audience_t *audience,
                     push_publish_call_t *call)
{
    if (audience->kind != PUSH_LOG_USER) {
        call->cap = limits->history;
        return;
    }
    call->queue = push_is_queue(audience->name);
    call->cap = limits->max_pending + (call->queue ? PUSH_QUEUE_WINDOW : 0);
}

/* False: no memory. */
static bool fill(const push_cluster_t *cluster, push_flight_t *flight,
                 const push_publication_t *publication,
                 const push_answer_t *answer, const push_record_t *record)
{
    const push_limits_t *limits = &cluster->store->limits;
    const push_message_spec_t *spec = &publication->spec;
    char topic[PUSH_LIBRARY_TOPIC_ROOM];
    push_publish_call_t call = {
        .home = push_cluster_home(cluster, flight->log.partition),
        .log = {flight->log.text, flight->log.len},
        .lane = spec->urgency,
        .ttl = spec->ttl,
        .topic = push_library_topic(spec->topic, spec->where, topic),
        .device = spec->device,
        .record = {(const char *)record->value, record->len},
        .rate = flight->rate};
    char *body;
    bool failed;

    push_node_limit(limits, &publication->audience, &call);
    if (answer->keyed) {
        call.key = answer->claim.id;
        call.request = answer->claim.request;
        call.window = limits->idempotency;
    }
    flight->relayed = push_relay_fill(cluster->relay, publication, &call,
                                      &body, &failed);
    push_library_publish(&flight->request.command, &call);
    free(body);
    return !failed;
}

static bool fill_later(const push_cluster_t *cluster, push_flight_t *flight,
                       const push_publication_t *publication,
                       const push_answer_t *answer,
                       const push_record_t *record)
{
    push_schedule_call_t call = {
        .home = push_cluster_home(cluster, flight->log.partition),
        .log = {flight->log.text, flight->log.len},
        .record = {(const char *)record->value, record->len},
        .rate = flight->rate};

    if (answer->keyed) {
        call.key = answer->claim.id;
        call.request = answer->claim.request;
    }
    flight->at = publication->at;
    return push_kept_schedule(cluster, &flight->request.command, publication,
                              &call);
}

static push_flight_t *make_flight(const push_cluster_t *cluster,
                                  const push_publication_t *publication)
{
    const push_message_spec_t *spec = &publication->spec;
    push_flight_t *flight = calloc(1, sizeof(*flight));

    if (!flight) {
        return NULL;
    }
    push_names_log(cluster, publication->audience.kind,
                   publication->audience.name, &flight->log);
    flight->kind = publication->audience.kind;
    flight->urgency = spec->urgency;
    flight->rate = flight->kind == PUSH_LOG_USER ? publication->rate : 0;
    flight->bytes = spec->content.data.len;
    flight->class = push_class_for(&cluster->store->classes,
                                   spec->content.event, spec->where);
    push_request_init(&flight->request, flight->log.partition);
    return flight;
}

static void free_flight(push_flight_t *flight)
{
    push_request_cleanup(&flight->request);
    free(flight);
}

static bool commits(const push_cluster_t *cluster)
{
    return cluster->options.durability == PUSH_DURABILITY_COMMIT;
}

push_status_t push_node_publish(push_cluster_t *cluster,
                                const push_publication_t *publication,
                                push_answer_t *answer)
{
    push_record_t *record = record_of(publication);
    push_flight_t *flight = record ? make_flight(cluster, publication) : NULL;

    *answer = (push_answer_t){.keyed = publication->key.len != 0};
    if (!flight) {
        free(record);
        return PUSH_NO_MEMORY;
    }
    if (answer->keyed) {
        push_store_key_name(cluster->store, publication, &answer->claim);
    }
    if (!(push_is_later(publication) ? fill_later : fill)(
            cluster, flight, publication, answer, record)) {
        free(record);
        free_flight(flight);
        return PUSH_NO_MEMORY;
    }
    free(record);
    /* What is in no log cannot be lost with it: nobody waits for replicas. */
    if (commits(cluster) && (publication->spec.ttl || flight->at)) {
        flight->request.replicas = cluster->options.replicas;
    }
    answer->flight = flight;
    push_courier_send(cluster->courier, &flight->request);
    return PUSH_OK;
}

/* ---- it is over ---- */

/* As store/ops/publish.c counts what it publishes. */
void push_node_count(push_cluster_t *cluster, const push_counted_t *counted)
{
    unsigned shard = counted->partition >> 4;
    push_heap_t *heap = &cluster->store->heaps[shard];
    unsigned audience = (unsigned)counted->kind - PUSH_LOG_USER;

    if (!push_shard_enter(cluster->store, shard)) {
        return;
    }
    if (heap->tally) {
        push_tally_class(heap, counted->class, PUSH_TALLY_PUBLISHED, 1);
    }
    push_count(heap->counts,
               push_cell(PUSH_COUNT_PUBLISHED, audience, counted->urgency,
                         PUSH_BY_URGENCY_VALUES),
               1);
    push_count(heap->counts,
               push_cell(PUSH_COUNT_PUBLISHED_BYTES, audience,
                         counted->urgency, PUSH_BY_URGENCY_VALUES),
               counted->bytes);
    push_shard_leave(cluster->store, shard);
}

static void count(push_cluster_t *cluster, const push_flight_t *flight)
{
    push_node_count(cluster,
                    &(push_counted_t){.partition = flight->log.partition,
                                      .kind = flight->kind,
                                      .urgency = flight->urgency,
                                      .class = flight->class,
                                      .bytes = flight->bytes});
}

static push_status_t receive(push_cluster_t *cluster, push_flight_t *flight,
                             push_answer_t *answer)
{
    push_publish_reply_t reply;

    if (!push_publish_reply(flight->request.reply, &reply)) {
        return PUSH_NO_STATE;
    }
    if (reply.outcome == PUSH_PUBLISHED_REUSED) {
        return PUSH_KEY_REUSED;
    }
    /* A repeated request takes nothing out of the bucket. */
    if (flight->rate && reply.outcome != PUSH_PUBLISHED_AGAIN) {
        answer->rate = reply.rate;
        answer->rate.limit = flight->rate;
    }
    if (reply.outcome == PUSH_PUBLISHED_RATE) {
        return PUSH_LIMITED;
    }
    if (reply.outcome == PUSH_PUBLISHED_NO_ROOM) {
        return PUSH_MAILBOX_FULL;
    }
    if (reply.outcome != PUSH_PUBLISHED_NEW
        && reply.outcome != PUSH_PUBLISHED_AGAIN) {
        return PUSH_NO_MEMORY;
    }
    answer->scheduled = reply.later;
    answer->again = reply.outcome == PUSH_PUBLISHED_AGAIN;
    answer->receipt = (push_receipt_t){
        .mid = push_mid_of_tick(reply.tick, flight->log.partition),
        .recipients = reply.recipients,
        .connected = reply.connected};
    if (answer->scheduled && !answer->again) {
        push_kept_tell(cluster, flight->at);
    }
    else if (!answer->again) {
        count(cluster, flight);
    }
    if (flight->relayed && !answer->again) {
        push_relay_published(cluster->relay, flight->log.partition,
                             flight->urgency, reply.fell);
    }
    return PUSH_OK;
}

/* A message with a key stays: a repeated request is answered with it. */
static push_status_t see_replicas(push_cluster_t *cluster,
                                  const push_flight_t *flight,
                                  const push_answer_t *answer)
{
    if (!answer->keyed && answer->scheduled) {
        push_kept_recall(cluster,
                         &(push_sought_t){.mid = answer->receipt.mid});
    }
    else if (!answer->keyed) {
        push_recall_log(cluster, &flight->log, answer->receipt.mid, NULL);
    }
    return PUSH_NO_STATE;
}

push_status_t push_node_settle(push_cluster_t *cluster, push_answer_t *answer)
{
    push_flight_t *flight = answer->flight;
    push_failure_t failure;
    push_status_t status;

    answer->flight = NULL;
    push_courier_wait(cluster->courier, &flight->request);
    failure = flight->request.failure;
    if (failure != PUSH_FAILURE_NONE && failure != PUSH_FAILURE_REPLICAS) {
        status = push_status_of_failure(failure);
    }
    else {
        status = receive(cluster, flight, answer);
    }
    if (status == PUSH_OK && failure == PUSH_FAILURE_REPLICAS) {
        status = see_replicas(cluster, flight, answer);
    }
    free_flight(flight);
    return status;
}
