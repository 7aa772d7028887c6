#include "broker/local.h"
#include "broker/local_places.h"

#include <stdlib.h>
#include <string.h>

#include "store/ops/assign.h"
#include "store/ops/channels.h"
#include "store/ops/checkin.h"
#include "store/ops/move.h"
#include "store/shard/context.h"
#include "store/shard/report.h"
#include "store/ops/dismiss.h"
#include "store/ops/explain.h"
#include "store/disk/journal.h"
#include "store/ops/present.h"
#include "store/ops/publish.h"
#include "store/ops/streams.h"
#include "store/disk/revocation.h"
#include "store/upkeep/validate.h"
#include "store/ops/view.h"
#include "store/ops/view_copy.h"
#include "store/ops/ack.h"
#include "store/ops/choose.h"
#include "store/ops/keys.h"
#include "store/ops/later.h"
#include "store/ops/later_list.h"
#include "store/ops/life.h"
#include "store/shm/clock.h"

/* ---- messages ---- */

static push_status_t claim_key(push_store_t *store,
                               push_publication_t *publication,
                               push_answer_t *answer)
{
    push_status_t status;

    push_store_key_name(store, publication, &answer->claim);
    status = push_store_key_of_old(store, publication, &answer->claim,
                                   &answer->receipt);
    return status != PUSH_OK
               ? status
               : push_store_key_claim(store, &answer->claim,
                                      &publication->audience,
                                      &publication->now, &answer->receipt);
}

/* The claim of the key, the message, and at last the answer to the key. */
static push_status_t publish(push_broker_t *broker,
                             push_publication_t *publication,
                             push_commit_t *commit, push_answer_t *answer)
{
    push_store_t *store = broker->data;
    push_status_t status = push_journal_ready(store);

    answer->keyed = publication->key.len != 0;
    answer->again = false;
    answer->scheduled = false;
    if (push_segment_superseded(store->segment)) {
        return PUSH_BUSY;
    }
    if (!store->positions && push_publication_asks_place(publication)) {
        return PUSH_UNPLACED;
    }
    if (status == PUSH_OK && answer->keyed) {
        status = claim_key(store, publication, answer);
    }
    if (status == PUSH_OVER) {
        answer->again = true;
        answer->scheduled = publication->at
                            && push_store_is_later(store, answer->receipt.mid);
        return PUSH_OK;
    }
    if (status != PUSH_OK) {
        return status;
    }
    status = push_is_later(publication)
                 ? push_store_schedule(store, publication, commit, answer)
                 : push_store_publish(store, publication, commit, answer);
    if (status != PUSH_OK && answer->keyed) {
        push_store_key_done(store, &answer->claim, NULL);
    }
    return status;
}

static void take_back(push_store_t *store, const push_answer_t *answer)
{
    const push_sought_t sought = {.mid = answer->receipt.mid};
    push_time_t now = push_clock_now();
    uint32_t recalled;

    if (answer->scheduled) {
        push_store_unschedule(store, &sought, &now);
    }
    else {
        push_store_recall(store, &sought, &now, &recalled);
    }
}

/* A message with a key stays: a repeated request is answered with it. */
static push_status_t settle(push_broker_t *broker, push_commit_t *commit,
                            push_answer_t *answer)
{
    push_store_t *store = broker->data;
    push_status_t status;

    if (answer->again) {
        return PUSH_OK;
    }
    status = push_journal_wait(store, commit);
    if (answer->keyed) {
        push_store_key_done(store, &answer->claim, &answer->receipt);
    }
    else if (status != PUSH_OK) {
        take_back(store, answer);
    }
    return status;
}

static push_status_t recall(push_broker_t *broker,
                            const push_sought_t *message,
                            const push_time_t *now, uint32_t *recalled)
{
    if (message->later) {
        *recalled = 0;
        return push_store_unschedule(broker->data, message, now);
    }
    return push_store_recall(broker->data, message, now, recalled);
}

/* ---- devices ---- */

static push_status_t claim(push_broker_t *broker,
                           const push_checkin_t *checkin,
                           const push_time_t *now,
                           push_stream_ref_t *stream_ref, uint64_t *session)
{
    push_status_t status = push_store_checkin(broker->data, checkin, now,
                                              stream_ref);

    *session = status == PUSH_OK
                   ? push_store_session(broker->data, stream_ref->gen)
                   : 0;
    return status;
}

static void release(push_broker_t *broker, const push_stream_ref_t *stream_ref,
                    const push_time_t *now)
{
    push_store_end(broker->data, stream_ref, PUSH_WENT_ANSWERED, now);
}

static push_status_t ack(push_broker_t *broker, const push_checkin_t *checkin,
                         const push_time_t *now)
{
    unsigned char id[PUSH_CONTEXT_BYTES];

    push_store_context_id(checkin->user, checkin->labels[PUSH_LABEL_DEVICE],
                          checkin->labels[PUSH_LABEL_APP], id);
    return push_store_ack(broker->data, checkin->user, id, checkin->cursor,
                          now);
}

static push_status_t follow(push_broker_t *broker,
                            const push_checkin_t *checkin,
                            const push_time_t *now)
{
    return push_store_choose(broker->data, checkin, now);
}

static bool only_made_up(push_broker_t *broker, push_text_t user,
                         push_text_t app, char *device)
{
    return push_store_only_made_up(broker->data, user, app, device);
}

/* ---- users ---- */

/* First the mark: who checks in after it is found, before it is ended. */
static push_status_t dismiss(push_broker_t *broker, push_text_t user,
                             int64_t refuse, uint32_t *streams)
{
    push_store_t *store = broker->data;
    push_time_t now = push_clock_now();
    push_commit_t commit = {0};
    push_status_t status = PUSH_OK;

    if (refuse) {
        status = push_revocation_add(store, user, &now, refuse, &commit);
    }
    if (status == PUSH_OK) {
        status = push_store_dismiss(store, user, refuse != 0, streams);
    }
    return status == PUSH_OK ? push_revocation_wait(store, &commit) : status;
}

static void assign(push_broker_t *broker, push_assignment_t *list,
                   unsigned count)
{
    push_time_t now = push_clock_now();
    push_commit_t commit = {0};
    push_status_t kept;

    for (unsigned i = 0; i < count; i++) {
        push_store_assign(broker->data, &list[i], &now, &commit);
    }
    kept = push_journal_wait_state(broker->data, &commit);
    for (unsigned i = 0; i < count; i++) {
        if (list[i].status == PUSH_OK) {
            list[i].status = kept;
        }
    }
}

static push_guard_t *guard_of(push_broker_t *broker)
{
    return ((push_store_t *)broker->data)->guard;
}

static bool revoked(push_broker_t *broker, push_text_t user, int64_t issued)
{
    return push_guard_revoked(guard_of(broker), user, issued);
}

/* ---- limits ---- */

static bool take(push_broker_t *broker, push_rate_kind_t kind,
                 push_text_t name, uint32_t limit, push_rate_t *rate)
{
    return push_guard_take(guard_of(broker), kind, name, limit, rate);
}

static push_status_t use(push_broker_t *broker, push_text_t ticket,
                         int64_t until)
{
    return push_guard_use(guard_of(broker), ticket, until);
}

static bool differs(push_broker_t *broker, push_text_t name, int64_t value,
                    int64_t until)
{
    return push_guard_differs(guard_of(broker), name, value, until);
}

/* ---- for administrators ---- */

static push_status_t read_view(push_broker_t *broker, const push_view_t *what,
                               const push_visitor_t *visitor)
{
    if (what->of > PUSH_OF_SELF) {
        return PUSH_NOT_FOUND;
    }
    switch (what->kind) {
    case PUSH_VIEW_MESSAGE:
        return push_view_message(broker->data, &what->message, &what->now,
                                 visitor);
    case PUSH_VIEW_DEVICE:
        return push_view_device(broker->data, what->id, &what->now,
                                visitor->device, visitor->data);
    case PUSH_VIEW_DEVICES:
        return push_view_devices(broker->data, what->user, &what->now,
                                 visitor->device, visitor->data);
    case PUSH_VIEW_LATER:
        return push_view_later(broker->data, &what->message, visitor);
    case PUSH_VIEW_LATERS:
        return push_later_list(broker->data, what, visitor);
    case PUSH_VIEW_CHANNELS:
        return push_channels_list(broker->data, what, visitor);
    case PUSH_VIEW_ASSIGNED:
        return push_view_assigned(broker->data, what->user, visitor);
    case PUSH_VIEW_STREAMS:
        return push_streams_list(broker->data, what, visitor);
    case PUSH_VIEW_PRESENT:
        return push_view_present(broker->data, what->channel, visitor->user,
                                 visitor->data);
    case PUSH_VIEW_COPY:
        return push_view_copy(broker->data, &what->message.audience,
                              &what->now, visitor->copy, visitor->data);
    default:
        push_view_reactors(broker->data, visitor->reactor, visitor->data);
        return PUSH_OK;
    }
}

static push_status_t whole(push_broker_t *broker, unsigned of,
                           push_whole_t *found)
{
    if (of > PUSH_OF_SELF) {
        return PUSH_NOT_FOUND;
    }
    found->alone = true;
    push_view_stats(broker->data, &found->stats);
    push_view_health(broker->data, &found->health);
    return PUSH_OK;
}

static void take_child(void *data, const push_reactor_view_t *view)
{
    push_reading_t *found = data;

    if (found->children_count < PUSH_READING_CHILDREN) {
        found->children[found->children_count++] = *view;
    }
}

/* No lock is taken for it: messages are as of the last sweep, a second ago. */
static bool reading(push_broker_t *broker, push_reading_t *found)
{
    push_metrics_t *metrics = malloc(sizeof(*metrics));

    if (!metrics) {
        return false;
    }
    memset(found, 0, sizeof(*found));
    found->whole.alone = true;
    push_view_metrics(broker->data, metrics);
    push_view_figures(broker->data, &found->whole.stats);
    push_view_health(broker->data, &found->whole.health);
    push_view_reactors(broker->data, take_child, found);
    found->whole.stats.messages = metrics->messages;
    memcpy(found->sums, metrics->sums, sizeof(found->sums));
    free(metrics);
    return true;
}

static void figures(push_broker_t *broker, push_stats_view_t *view)
{
    push_view_figures(broker->data, view);
}

static push_status_t report(push_broker_t *broker,
                            const push_report_query_t *query,
                            push_report_visit_t *visit, void *data)
{
    return query->of > PUSH_OF_SELF
               ? PUSH_NOT_FOUND
               : push_report_read(broker->data, query, visit, data);
}

static void health(push_broker_t *broker, push_health_t *view)
{
    push_view_health(broker->data, view);
}

static void metrics(push_broker_t *broker, push_metrics_t *view)
{
    push_view_metrics(broker->data, view);
}

static push_status_t explain(push_broker_t *broker,
                             const push_question_t *question,
                             push_facts_t *facts, unsigned *count)
{
    return push_store_explain(broker->data, question, facts, PUSH_DEVICES_MAX,
                              count);
}

static unsigned stuck(push_broker_t *broker)
{
    return push_view_stuck(broker->data);
}

static void check(push_broker_t *broker, push_check_t *found)
{
    push_validate(broker->data, found);
}

static bool cluster(push_broker_t *broker, push_cluster_view_t *view)
{
    (void)broker;
    (void)view;
    return false;
}

void push_local_init(push_broker_t *broker, push_store_t *store)
{
    *broker = (push_broker_t){
        .data = store,
        .secret = store->guard ? store->guard->secret : NULL,
        .counts = store->counts,
        .publish = publish,
        .settle = settle,
        .recall = recall,
        .claim = claim,
        .release = release,
        .ack = ack,
        .follow = follow,
        .places = store->positions ? &push_local_places : NULL,
        .only_made_up = only_made_up,
        .dismiss = dismiss,
        .assign = assign,
        .revoked = revoked,
        .take = take,
        .use = use,
        .differs = differs,
        .view = read_view,
        .whole = whole,
        .reading = reading,
        .figures = figures,
        .report = report,
        .health = health,
        .stuck = stuck,
        .metrics = metrics,
        .explain = explain,
        .check = check,
        .cluster = cluster};
}
