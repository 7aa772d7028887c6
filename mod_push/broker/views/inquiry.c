#include "broker/views/inquiry.h"

#include <stdlib.h>
#include <string.h>

#include "broker/node/loading.h"
#include "broker/node/names.h"
#include "broker/views/recorded.h"
#include "broker/views/seen_facts.h"
#include "broker/node/survey.h"
#include "broker/node/tagging.h"
#include "broker/views/views.h"
#include "redis/courier.h"

/*
 * First all nodes are asked, then Redis: for a message that none of them has,
 * and for the devices that are at none of them.  What no device says otherwise
 * is in the pattern.
 */

typedef struct {
    push_cluster_t *cluster;
    const push_question_t *question;
    push_facts_t pattern; /* with the message as who knows most has it */
    push_facts_t *facts;
    unsigned count;
    push_nodes_asked_t nodes;
    bool tagged;     /* the server subscribes the user to its channel: */
    uint64_t behind; /* what is above this mid is for its devices */
} inquiry_t;

#define COPY_TEXT(to, text) push_text_copy(to, sizeof(to), text)

static void begin(inquiry_t *q)
{
    const push_store_t *store = q->cluster->store;
    push_facts_t *pattern = &q->pattern;

    pattern->now = q->question->now.wall;
    pattern->max_pending = store->limits.max_pending;
    pattern->history = store->limits.history;
    COPY_TEXT(pattern->user, q->question->user);
    COPY_TEXT(pattern->asked, q->question->device);
    pattern->message.mid = q->question->mid;
    pattern->message.known = PUSH_KNOWN_NEVER;
}

/* ---- what nodes say ---- */

/* One of the user's devices at a node, or none. */
static void take_facts(void *data, const push_facts_t *said)
{
    inquiry_t *q = data;

    /* They stand in the order of how much is known. */
    if (said->message.mid == q->question->mid
        && said->message.known < q->pattern.message.known) {
        q->pattern.message = said->message;
    }
    if (said->device.known && q->count < PUSH_DEVICES_MAX) {
        push_facts_t *facts = &q->facts[q->count++];

        *facts = q->pattern;
        facts->message = said->message;
        facts->device = said->device;
        facts->trace = said->trace;
    }
}

typedef struct {
    inquiry_t *inquiry;
    bool other; /* a node knows that it is of another audience */
} answers_t;

static void take_answer(void *data, unsigned owner, push_text_t answer)
{
    answers_t *answers = data;

    (void)owner;
    if (!push_seen_facts_read(answer, take_facts, answers->inquiry)) {
        answers->other = true;
    }
}

static push_status_t ask_nodes(inquiry_t *q)
{
    answers_t answers = {.inquiry = q};
    push_survey_t survey = {
        .kind = PUSH_SURVEY_FACTS, .take = take_answer, .data = &answers};
    push_rows_t question;

    push_rows_init(&question, PUSH_ROWS_MAX);
    push_seen_facts_ask(&question, q->question);
    survey.question = push_rows_bytes(&question);
    push_survey(q->cluster, &survey);
    push_rows_cleanup(&question);
    q->nodes = survey.nodes;
    if (q->question->nodes) {
        *q->question->nodes = survey.nodes;
    }
    return answers.other ? PUSH_NOT_FOUND : PUSH_OK;
}

/* ---- the message, as Redis has it ---- */

static void take_stored(void *data, const push_message_view_t *view)
{
    push_message_facts_t *m = data;

    *m = (push_message_facts_t){.mid = view->mid,
                                .known = PUSH_KNOWN_HERE,
                                .kind = view->kind,
                                .urgency = view->urgency,
                                .fate = view->fate,
                                .ends = view->ends};
    COPY_TEXT(m->name, view->name);
    COPY_TEXT(m->device, view->device);
}

static void look_in_redis(inquiry_t *q)
{
    const push_question_t *question = q->question;
    const push_visitor_t visitor = {.message = take_stored,
                                    .data = &q->pattern.message};
    push_sought_t sought = {.mid = question->mid,
                            .addressed = true,
                            .audience = {.kind = PUSH_LOG_USER,
                                         .name = question->user}};
    push_named_log_ref_t log;

    if (question->audience) {
        sought.audience = *question->audience;
    }
    push_names_log(q->cluster, sought.audience.kind, sought.audience.name,
                   &log);
    if (log.partition == push_partition_of_mid(question->mid)) {
        push_views_stored(q->cluster, &sought, &question->now, &visitor);
    }
}

/* ---- devices, as Redis has them ---- */

static bool has(const inquiry_t *q, const unsigned char *id)
{
    for (unsigned i = 0; i < q->count; i++) {
        if (!memcmp(q->facts[i].device.id, id, PUSH_CONTEXT_BYTES)) {
            return true;
        }
    }
    return false;
}

static bool is_asked_for(const inquiry_t *q,
                         const push_device_record_t *record)
{
    push_text_t asked = q->question->device;
    unsigned char id[PUSH_CONTEXT_BYTES];

    return push_recorded_wants(record, asked)
           || (push_context_parse(asked.at, asked.len, id)
               && !memcmp(id, record->id, sizeof(id)));
}

static uint32_t count_losses(const push_losses_t *losses)
{
    uint32_t count = 0;

    for (int i = 0; i < PUSH_GAPS; i++) {
        for (int j = 0; j < PUSH_LANES; j++) {
            count += losses->count[i][j];
        }
    }
    return count;
}

/* Its node did not answer; one that did may have given it away just now. */
static bool is_stale(const inquiry_t *q, unsigned owner)
{
    for (unsigned i = 0; i < q->nodes.answered_count; i++) {
        if (q->nodes.answered[i] == push_owner_node(owner)) {
            return false;
        }
    }
    return owner != PUSH_OWNER_NOBODY;
}

static void take_record(const push_viewed_t *viewed,
                        const push_device_record_t *record,
                        push_device_facts_t *d)
{
    *d = (push_device_facts_t){
        .known = true,
        .traits = (uint16_t)(record->traits
                             | (viewed->online ? PUSH_DEVICE_ONLINE : 0)),
        .lowest = (push_urgency_t)(record->lowest % PUSH_LANES),
        .first_seen = record->first_seen,
        .last_seen = record->last_seen,
        .last_ack = record->last_ack,
        .max_in_flight = record->max_in_flight,
        .lost = count_losses(&record->losses),
        .published = true};
    memcpy(d->id, viewed->context, PUSH_CONTEXT_BYTES);
    COPY_TEXT(d->label, record->labels[PUSH_LABEL_DEVICE]);
    COPY_TEXT(d->app, record->labels[PUSH_LABEL_APP]);
}

/* Which of the record's subscriptions is the message's; NULL: none. */
static const push_subscription_record_t *subscription_of(
    const push_device_record_t *record, const push_message_facts_t *m)
{
    for (unsigned i = 0; i < record->subscriptions_count; i++) {
        const push_subscription_record_t *s = &record->subscriptions[i];

        if (s->name.len == strlen(m->name)
            && !memcmp(s->name.at ? s->name.at : "", m->name, s->name.len)) {
            return s;
        }
    }
    return NULL;
}

/* A record may be older than what the server subscribes its user to. */
static void see_in_channel(const inquiry_t *q,
                           const push_device_record_t *record,
                           const push_message_facts_t *m,
                           push_device_facts_t *d)
{
    const push_subscription_record_t *s = subscription_of(record, m);

    d->wants = true;
    d->follows = s || q->tagged;
    if (s) {
        d->joined_late = m->mid < s->joined;
        d->fate = m->mid < s->next[m->urgency] ? PUSH_ACKED
                  : m->fate == PUSH_LIVE       ? PUSH_PENDING
                                               : m->fate;
    }
    else if (q->tagged) {
        d->joined_late = m->mid <= q->behind;
        d->fate = m->fate == PUSH_LIVE ? PUSH_PENDING : m->fate;
    }
}

static void see_own(const push_device_record_t *record,
                    const push_message_facts_t *m, push_device_facts_t *d)
{
    const push_message_view_t message = {.mid = m->mid,
                                         .urgency = m->urgency,
                                         .fate = m->fate,
                                         .created = push_mid_ms(m->mid),
                                         .ends = m->ends};

    d->wants = push_recorded_wants(
        record, (push_text_t){m->device, (uint32_t)strlen(m->device)});
    d->follows = true;
    d->fate = push_recorded_fate(record, &message, &d->fate_at);
}

static void take_viewed(inquiry_t *q, const push_viewed_t *viewed)
{
    push_facts_t *facts = &q->facts[q->count];
    push_device_record_t record;

    if (!push_recorded_read(viewed, &record) || !is_asked_for(q, &record)) {
        return;
    }
    *facts = q->pattern;
    take_record(viewed, &record, &facts->device);
    facts->device.stale = is_stale(q, viewed->owner);
    if (facts->message.known == PUSH_KNOWN_HERE
        && facts->message.kind == PUSH_LOG_USER) {
        see_own(&record, &facts->message, &facts->device);
    }
    else if (facts->message.known == PUSH_KNOWN_HERE) {
        see_in_channel(q, &record, &facts->message, &facts->device);
    }
    q->count++;
}

static void look_for_tag(inquiry_t *q)
{
    const push_message_facts_t *m = &q->pattern.message;

    if (m->known == PUSH_KNOWN_HERE && m->kind == PUSH_LOG_CHANNEL) {
        q->tagged = push_tagging_behind(
                        q->cluster, q->question->user,
                        (push_text_t){m->name, (uint32_t)strlen(m->name)},
                        &q->behind)
                    == PUSH_OK;
    }
}

static push_status_t look_for_devices(inquiry_t *q)
{
    push_named_log_ref_t log;
    push_request_t request;
    push_viewed_t viewed;
    push_status_t status;
    push_home_t home;
    unsigned at = 0;

    push_names_log(q->cluster, PUSH_LOG_USER, q->question->user, &log);
    home = push_cluster_home(q->cluster, log.partition);
    push_request_init(&request, log.partition);
    push_library_view(&request.command, &home,
                      (push_text_t){log.text, log.len});
    status = push_status_of_failure(
        push_courier_call(q->cluster->courier, &request));
    while (status == PUSH_OK && push_view_next(request.reply, &at, &viewed)) {
        q->pattern.devices++;
        if (q->count < PUSH_DEVICES_MAX && !has(q, viewed.context)) {
            take_viewed(q, &viewed);
        }
    }
    push_request_cleanup(&request);
    return status;
}

/* ---- together ---- */

/*
 * A node that does not have the message's log has no device that follows it;
 * and who has the user's log, but not the message yet, is about to.
 */
static void complete(const inquiry_t *q, push_facts_t *facts)
{
    const push_message_facts_t *m = &q->pattern.message;
    bool own = m->kind == PUSH_LOG_USER && !strcmp(m->name, facts->user);

    facts->devices = q->pattern.devices;
    if (!m->mid || facts->message.known <= m->known
        || facts->message.known == PUSH_KNOWN_GONE) {
        return;
    }
    if (m->known != PUSH_KNOWN_HERE) {
        facts->message = *m;
    }
    else if (!own || m->fate == PUSH_LIVE) {
        facts->message = *m;
        facts->device.wants = true;
        facts->device.follows = own;
        facts->device.fate = PUSH_PENDING;
    }
}

static push_status_t inquire(inquiry_t *q)
{
    push_status_t status = ask_nodes(q);

    if (status != PUSH_OK) {
        return status;
    }
    if (q->question->mid && q->pattern.message.known != PUSH_KNOWN_HERE) {
        look_in_redis(q);
    }
    look_for_tag(q);
    status = look_for_devices(q);
    for (unsigned i = 0; i < q->count; i++) {
        complete(q, &q->facts[i]);
    }
    /* What this node knows, it tells also while Redis is away. */
    return q->count ? PUSH_OK : status;
}

push_status_t push_inquiry(push_cluster_t *cluster,
                           const push_question_t *question,
                           push_facts_t *facts, unsigned *count)
{
    inquiry_t *q = calloc(1, sizeof(*q));
    push_status_t status = PUSH_NO_MEMORY;

    if (q) {
        q->cluster = cluster;
        q->question = question;
        q->facts = facts;
        begin(q);
        status = inquire(q);
        if (status == PUSH_OK && !q->count) {
            facts[q->count++] = q->pattern;
        }
        *count = q->count;
    }
    free(q);
    return status;
}
