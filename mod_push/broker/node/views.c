#include "broker/node/views.h"

#include <stdlib.h>
#include <string.h>

#include "broker/library/peer_calls.h"
#include "broker/node/ask.h"
#include "broker/node/loading.h"
#include "broker/node/names.h"
#include "broker/node/recorded.h"
#include "broker/node/seen_device.h"
#include "broker/node/seen_message.h"
#include "broker/node/seen_by.h"
#include "broker/node/survey.h"
#include "redis/courier.h"
#include "store/disk/record.h"
#include "store/ops/life.h"
#include "store/ops/view.h"

/* What is asked of each device that is elsewhere. */
#define NUMBERS 4u

/* The devices of a user that this node does not have, as Redis has them. */
typedef struct {
    push_viewed_t viewed;
    push_ask_t *asks; /* NULL: nobody can be asked */
} other_t;

typedef struct {
    push_cluster_t *cluster;
    const push_time_t *now;
    const push_visitor_t *visitor;
    push_named_log_ref_t log; /* of the user */
    /* those that are here */
    unsigned char here[PUSH_DEVICES_MAX][PUSH_CONTEXT_BYTES];
    unsigned here_count;
    other_t others[PUSH_DEVICES_MAX];
    unsigned others_count;
    push_ask_t asks[PUSH_DEVICES_MAX * NUMBERS];
    unsigned asks_count;
    /* the message */
    push_message_view_t message; /* name and device alone of its texts */
    char name[PUSH_NAME_MAX];
    char device[PUSH_DEVICE_MAX];
} view_t;

/* NULL: no memory. */
static view_t *view_create(push_cluster_t *cluster, const push_time_t *now,
                           const push_visitor_t *visitor)
{
    view_t *view = calloc(1, sizeof(*view));

    if (view) {
        view->cluster = cluster;
        view->now = now;
        view->visitor = visitor;
    }
    return view;
}

static void note_here(view_t *view, const unsigned char *id)
{
    if (view->here_count < PUSH_DEVICES_MAX) {
        memcpy(view->here[view->here_count++], id, PUSH_CONTEXT_BYTES);
    }
}

static bool is_here(const view_t *view, const unsigned char *id)
{
    for (unsigned i = 0; i < view->here_count; i++) {
        if (!memcmp(view->here[i], id, PUSH_CONTEXT_BYTES)) {
            return true;
        }
    }
    return false;
}

/* ---- devices that are elsewhere ---- */

static void plan_asks(view_t *view, other_t *other, bool of_message)
{
    static const push_asked_t numbers[NUMBERS] = {PUSH_ASKED_PENDING,
                                                  PUSH_ASKED_IN_FLIGHT,
                                                  PUSH_ASKED_ACKED,
                                                  PUSH_ASKED_SENT};
    unsigned count = of_message ? 1 : NUMBERS;
    unsigned own = push_cluster_owner(view->cluster);

    if (other->viewed.owner == PUSH_OWNER_NOBODY || other->viewed.owner == own
        || own == PUSH_OWNER_NOBODY) {
        return;
    }
    other->asks = &view->asks[view->asks_count];
    for (unsigned i = 0; i < count; i++) {
        push_ask_t *ask = &view->asks[view->asks_count++];

        ask->what = of_message ? PUSH_ASKED_FATE : numbers[i];
        ask->mid = view->message.mid;
        memcpy(ask->context, other->viewed.context, PUSH_CONTEXT_BYTES);
    }
}

typedef void tell_t(view_t *view, const other_t *other);

/* All of them, each told with what its owner says. */
static push_status_t each_other(view_t *view, bool of_message, tell_t *tell)
{
    push_cluster_t *cluster = view->cluster;
    push_home_t home = push_cluster_home(cluster, view->log.partition);
    push_request_t request;
    push_viewed_t viewed;
    push_status_t status;
    unsigned at = 0;

    push_request_init(&request, view->log.partition);
    push_library_view(&request.command, &home,
                      (push_text_t){view->log.text, view->log.len});
    status = push_status_of_failure(
        push_courier_call(cluster->courier, &request));
    while (status == PUSH_OK && view->others_count < PUSH_DEVICES_MAX
           && push_view_next(request.reply, &at, &viewed)) {
        if (!is_here(view, viewed.context)) {
            other_t *other = &view->others[view->others_count++];

            other->viewed = viewed;
            plan_asks(view, other, of_message);
        }
    }
    push_ask(cluster, &view->log, view->asks, view->asks_count);
    for (unsigned i = 0; i < view->others_count; i++) {
        tell(view, &view->others[i]);
    }
    push_request_cleanup(&request);
    return status;
}

static bool has_said(const other_t *other, unsigned which)
{
    return other->asks && other->asks[which].answered
           && other->asks[which].value != PUSH_ASK_NOTHING;
}

/* ---- a message ---- */

static void tell_life(view_t *view, const other_t *other)
{
    push_life_view_t life = {
        .id = other->viewed.context, .count = 1, .stale = other->asks != NULL};
    push_device_record_t record = {.settled = {NULL, 0}};
    bool readable = push_recorded_read(&other->viewed, &record);
    int64_t after;

    if (readable ? !push_recorded_wants(&record, view->message.device)
                 : view->message.device.len != 0) {
        return;
    }
    if (has_said(other, 0)) {
        life.fate = push_fate_said(other->asks[0].value, &after);
        life.at = after < 0 ? 0 : view->message.created + after;
        life.stale = false;
    }
    else {
        if (!readable) {
            record.settled = (push_text_t){NULL, 0};
        }
        life.fate = push_recorded_fate(&record, &view->message, &life.at);
    }
    view->visitor->life(view->visitor->data, &life);
}

static push_text_t keep(char *room, push_text_t text)
{
    if (text.len) {
        memcpy(room, text.at, text.len);
    }
    return (push_text_t){room, text.len};
}

static void take_message(void *data, const push_message_view_t *message)
{
    view_t *view = data;

    view->message = *message;
    view->message.name = keep(view->name, message->name);
    view->message.device = keep(view->device, message->device);
    view->visitor->message(view->visitor->data, message);
}

static void take_life(void *data, const push_life_view_t *life)
{
    view_t *view = data;

    if (view->message.kind == PUSH_LOG_USER && life->id) {
        note_here(view, life->id);
    }
    view->visitor->life(view->visitor->data, life);
}

/* As Redis has it.  False: it is for another device, or it is unreadable. */
static bool show(view_t *view, const push_sought_t *sought,
                 const push_read_reply_t *read)
{
    char key[9] = {PUSH_RECORD_MESSAGE};
    push_message_record_t record;
    const push_stored_t *stored = &record.stored;
    int64_t until = push_cluster_until(view->cluster, view->log.partition,
                                       read->expires, view->now);
    push_message_view_t message = {.mid = sought->mid,
                                   .kind = sought->audience.kind,
                                   .name = sought->audience.name};

    for (int i = 0; i < 8; i++) {
        key[1 + i] = (char)(sought->mid >> (56 - 8 * i));
    }
    if (!push_message_read((push_text_t){key, sizeof(key)}, read->record,
                           &record)
        || record.fate != PUSH_LIVE
        || (sought->device.len
            && (sought->device.len != stored->device.len
                || memcmp(sought->device.at, stored->device.at,
                          stored->device.len)))) {
        return false;
    }
    message.device = stored->device;
    message.topic = stored->topic;
    message.event = stored->content.event;
    message.trace = stored->content.trace;
    message.urgency = stored->urgency;
    message.size = stored->content.data.len;
    message.fate = until > view->now->mono ? PUSH_LIVE : PUSH_EXPIRED;
    message.created = push_mid_ms(sought->mid);
    message.ends = view->now->wall + until - view->now->mono;
    take_message(view, &message);
    return true;
}

static push_status_t find_in_redis(view_t *view, const push_sought_t *sought)
{
    push_home_t home = push_cluster_home(view->cluster, view->log.partition);
    push_read_reply_t read;
    push_request_t request;
    push_status_t status;

    push_request_init(&request, view->log.partition);
    push_library_read(&request.command, &home,
                      (push_text_t){view->log.text, view->log.len},
                      sought->mid);
    status = push_status_of_failure(
        push_courier_call(view->cluster->courier, &request));
    if (status == PUSH_OK && !push_read_reply(request.reply, &read)) {
        status = PUSH_NO_STATE;
    }
    if (status == PUSH_OK && (!read.found || !show(view, sought, &read))) {
        status = PUSH_NOT_FOUND;
    }
    push_request_cleanup(&request);
    return status;
}

push_status_t push_views_stored(push_cluster_t *cluster,
                                const push_sought_t *sought,
                                const push_time_t *now,
                                const push_visitor_t *visitor)
{
    view_t *view = view_create(cluster, now, visitor);
    push_status_t status = PUSH_NO_MEMORY;

    if (view) {
        push_names_log(cluster, sought->audience.kind, sought->audience.name,
                       &view->log);
        status = find_in_redis(view, sought);
    }
    free(view);
    return status;
}

static push_status_t find(view_t *view, const push_sought_t *sought)
{
    const push_visitor_t visitor = {
        .message = take_message, .life = take_life, .data = view};
    push_status_t status = push_view_message(view->cluster->store, sought,
                                             view->now, &visitor);

    if (status != PUSH_NOT_FOUND || !sought->addressed) {
        return status;
    }
    push_names_log(view->cluster, sought->audience.kind, sought->audience.name,
                   &view->log);
    return find_in_redis(view, sought);
}

/* The first that has the message says how it is. */
static void take_seen(void *data, unsigned owner, push_text_t answer)
{
    const push_visitor_t visitor = {.life = take_life, .data = data};
    push_message_view_t message;
    view_t *view = data;

    (void)owner;
    if (!push_seen_message_read(answer, &message)) {
        return;
    }
    if (!view->message.mid) {
        take_message(view, &message);
    }
    push_seen_message_lives(answer, &visitor);
}

static push_status_t ask_all(view_t *view, const push_sought_t *sought)
{
    push_survey_t survey = {.kind = PUSH_SURVEY_MESSAGE,
                            .take = take_seen,
                            .data = view,
                            .others = true};
    push_rows_t question;

    push_rows_init(&question, PUSH_ROWS_MAX);
    push_seen_message_ask(&question, sought);
    survey.question = push_rows_bytes(&question);
    push_survey(view->cluster, &survey);
    push_rows_cleanup(&question);
    if (view->visitor->nodes) {
        view->visitor->nodes(view->visitor->data, &survey.nodes);
    }
    return view->message.mid ? PUSH_OK : PUSH_NOT_FOUND;
}

/* A mid says its partition. */
static bool may_be(const push_cluster_t *cluster, const push_sought_t *sought)
{
    push_named_log_ref_t log;

    if (!sought->addressed) {
        return true;
    }
    push_names_log(cluster, sought->audience.kind, sought->audience.name,
                   &log);
    return log.partition == push_partition_of_mid(sought->mid);
}

/*
 * Of a user's message Redis knows the devices; of any other, or one that is
 * over, each node knows what it has.
 */
static push_status_t look_for(view_t *view, const push_sought_t *sought)
{
    push_status_t status = find(view, sought);

    if (status == PUSH_NOT_FOUND
        || (status == PUSH_OK && view->message.kind != PUSH_LOG_USER)) {
        status = ask_all(view, sought);
    }
    if (status == PUSH_OK && view->message.kind == PUSH_LOG_USER) {
        push_names_log(view->cluster, PUSH_LOG_USER, view->message.name,
                       &view->log);
        status = each_other(view, true, tell_life);
    }
    return status;
}

push_status_t push_views_message(push_cluster_t *cluster,
                                 const push_sought_t *sought,
                                 const push_time_t *now,
                                 const push_visitor_t *visitor)
{
    view_t *view = view_create(cluster, now, visitor);
    push_status_t status = PUSH_NO_MEMORY;

    if (view) {
        status = may_be(cluster, sought) ? look_for(view, sought)
                                         : PUSH_NOT_FOUND;
    }
    free(view);
    return status;
}

/* ---- devices ---- */

static void fill_device(const push_device_record_t *record,
                        push_device_view_t *device)
{
    device->user = record->user;
    memcpy(device->labels, record->labels, sizeof(device->labels));
    device->explicit_acks = record->traits & PUSH_DEVICE_EXPLICIT;
    device->first_seen = record->first_seen;
    device->last_seen = record->last_seen;
    device->last_ack = record->last_ack;
    for (unsigned i = 1; i < record->subscriptions_count; i++) {
        device->channels[device->channels_count++] =
            record->subscriptions[i].name;
    }
}

static void tell_device(view_t *view, const other_t *other)
{
    push_device_view_t device = {.id = other->viewed.context,
                                 .user = {view->log.text + 1,
                                          view->log.len - 1},
                                 .online = other->viewed.online,
                                 .stale = other->asks != NULL};
    push_device_record_t record;
    bool known = true;

    if (push_recorded_read(&other->viewed, &record)) {
        fill_device(&record, &device);
    }
    for (unsigned i = 0; i < NUMBERS; i++) {
        known = known && has_said(other, i);
    }
    if (known) {
        device.pending = other->asks[0].value;
        device.in_flight = other->asks[1].value;
        device.acked = other->asks[2].value;
        device.sent = other->asks[3].value;
        device.stale = false;
    }
    device.unheld = !known && !other->asks;
    if (device.online) {
        device.last_seen = view->now->wall;
    }
    view->visitor->device(view->visitor->data, &device);
}

static void take_device(void *data, const push_device_view_t *device)
{
    view_t *view = data;

    note_here(view, device->id);
    view->visitor->device(view->visitor->data, device);
}

push_status_t push_views_devices(push_cluster_t *cluster, push_text_t user,
                                 const push_time_t *now,
                                 const push_visitor_t *visitor)
{
    view_t *view = view_create(cluster, now, visitor);
    push_status_t here, status;

    if (!view) {
        return PUSH_NO_MEMORY;
    }
    here = push_view_devices(cluster->store, user, now, take_device, view);
    status = here;
    if (here == PUSH_OK || here == PUSH_NOT_FOUND) {
        push_names_log(cluster, PUSH_LOG_USER, user, &view->log);
        status = each_other(view, false, tell_device);
        if (status == PUSH_OK && !view->others_count) {
            status = here;
        }
    }
    free(view);
    return status;
}

/* ---- one device ---- */

typedef struct {
    const unsigned char *id;
    const push_visitor_t *visitor;
    bool found;
} sought_device_t;

static void take_one(void *data, const push_device_view_t *device)
{
    sought_device_t *sought = data;

    if (!sought->found
        && !memcmp(device->id, sought->id, PUSH_CONTEXT_BYTES)) {
        sought->found = true;
        sought->visitor->device(sought->visitor->data, device);
    }
}

static void take_answer(void *data, unsigned owner, push_text_t answer)
{
    push_device_view_t device;

    (void)owner;
    if (push_seen_device_read(answer, &device)) {
        take_one(data, &device);
    }
}

push_status_t push_views_device(push_cluster_t *cluster,
                                const push_view_t *what,
                                const push_visitor_t *visitor)
{
    sought_device_t sought = {.id = what->id, .visitor = visitor};
    const push_visitor_t one = {.device = take_one, .data = &sought};
    push_survey_t survey = {.kind = PUSH_SURVEY_DEVICE,
                            .question = push_seen_device_question(what->id),
                            .take = take_answer,
                            .data = &sought,
                            .others = what->of == PUSH_OF_ALL};
    push_status_t status;

    if (what->of == PUSH_OF_ALL) {
        status = push_view_device(cluster->store, what->id, &what->now,
                                  take_one, &sought);
        if (status != PUSH_NOT_FOUND) {
            return status;
        }
    }
    status = push_seen_ask(cluster, what->of, &survey);
    if (status != PUSH_OK) {
        return status;
    }
    if (!sought.found && what->user.len && what->of == PUSH_OF_ALL) {
        status = push_views_devices(cluster, what->user, &what->now, &one);
    }
    if (visitor->nodes) {
        visitor->nodes(visitor->data, &survey.nodes);
    }
    return sought.found        ? PUSH_OK
           : status == PUSH_OK ? PUSH_NOT_FOUND
                               : status;
}
