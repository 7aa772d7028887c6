#include "broker/cluster/cluster.h"

#include <stdio.h>
#include <string.h>

#include "broker/library/library.h"
#include "broker/local.h"
#include "broker/node/acks.h"
#include "broker/places.h"
#include "broker/views/answers.h"
#include "broker/node/claim.h"
#include "broker/node/depart.h"
#include "broker/node/ends.h"
#include "broker/node/herald.h"
#include "broker/node/kept.h"
#include "broker/views/inquiry.h"
#include "broker/node/link.h"
#include "broker/node/patience.h"
#include "broker/node/peers.h"
#include "broker/node/publish.h"
#include "broker/node/rates.h"
#include "broker/views/recall.h"
#include "broker/node/saver.h"
#include "broker/views/seen_later.h"
#include "broker/views/seen_lists.h"
#include "broker/views/seen_present.h"
#include "broker/views/seen_report.h"
#include "broker/views/seen_whole.h"
#include "broker/node/steward.h"
#include "broker/node/tagging.h"
#include "broker/views/views.h"
#include "broker/relay/relay.h"
#include "core/hash.h"
#include "redis/courier.h"

/*
 * What is not said here is of this machine alone: metrics, reactors and health
 * are those of broker/local.c, of what this node has.
 */

/* False: its threads could not be started, or have ended. */
static bool runs(push_broker_t *broker)
{
    return atomic_load(&((push_cluster_t *)broker->data)->runs);
}

/* ---- messages ---- */

static push_status_t publish(push_broker_t *broker,
                             push_publication_t *publication,
                             push_commit_t *commit, push_answer_t *answer)
{
    push_cluster_t *cluster = broker->data;

    (void)commit; /* the answer has what is under way */
    if (!runs(broker) || push_segment_superseded(cluster->store->segment)) {
        return PUSH_BUSY;
    }
    if (push_publication_asks_place(publication)) {
        return PUSH_UNPLACED;
    }
    return push_node_publish(cluster, publication, answer);
}

static push_status_t settle(push_broker_t *broker, push_commit_t *commit,
                            push_answer_t *answer)
{
    (void)commit;
    return push_node_settle(broker->data, answer);
}

static push_status_t recall(push_broker_t *broker,
                            const push_sought_t *message,
                            const push_time_t *now, uint32_t *recalled)
{
    *recalled = 0;
    if (!runs(broker)) {
        return PUSH_BUSY;
    }
    return message->later
               ? push_kept_recall(broker->data, message)
               : push_views_recall(broker->data, message, now, recalled);
}

/* ---- devices ---- */

static push_status_t claim(push_broker_t *broker,
                           const push_checkin_t *checkin,
                           const push_time_t *now,
                           push_stream_ref_t *stream_ref, uint64_t *session)
{
    return !runs(broker)
               ? PUSH_BUSY
               : push_claim(broker->data, checkin, now, stream_ref, session);
}

static push_broker_t *local_of(push_broker_t *broker)
{
    return &((push_cluster_t *)broker->data)->local;
}

static void release(push_broker_t *broker, const push_stream_ref_t *stream_ref,
                    const push_time_t *now)
{
    local_of(broker)->release(local_of(broker), stream_ref, now);
}

static push_status_t ack(push_broker_t *broker, const push_checkin_t *checkin,
                         const push_time_t *now)
{
    return !runs(broker) ? PUSH_BUSY
                         : push_acks_take(broker->data, checkin, now);
}

/* Its channels' logs would have to be brought here first. */
static push_status_t follow(push_broker_t *broker,
                            const push_checkin_t *checkin,
                            const push_time_t *now)
{
    (void)broker;
    (void)checkin;
    (void)now;
    return PUSH_ALONE;
}

static bool only_made_up(push_broker_t *broker, push_text_t user,
                         push_text_t app, char *device)
{
    return runs(broker)
           && push_acks_only_made_up(broker->data, user, app, device);
}

/* ---- users, limits ---- */

static push_status_t dismiss(push_broker_t *broker, push_text_t user,
                             int64_t refuse, uint32_t *streams)
{
    return !runs(broker)
               ? PUSH_BUSY
               : push_ends_dismiss(broker->data, user, refuse, streams);
}

static bool revoked(push_broker_t *broker, push_text_t user, int64_t issued)
{
    return local_of(broker)->revoked(local_of(broker), user, issued);
}

static bool take(push_broker_t *broker, push_rate_kind_t kind,
                 push_text_t name, uint32_t limit, push_rate_t *rate)
{
    push_cluster_t *cluster = broker->data;

    return runs(broker)
               ? push_rates_take(cluster, kind, name, limit, rate)
               : cluster->local.take(&cluster->local, kind, name, limit, rate);
}

static push_status_t use(push_broker_t *broker, push_text_t ticket,
                         int64_t until)
{
    return !runs(broker) ? PUSH_BUSY
                         : push_rates_use(broker->data, ticket, until);
}

static bool differs(push_broker_t *broker, push_text_t name, int64_t value,
                    int64_t until)
{
    return !runs(broker)
           || push_rates_differs(broker->data, name, value, until);
}

static void assign(push_broker_t *broker, push_assignment_t *list,
                   unsigned count)
{
    if (runs(broker)) {
        push_tagging_assign(broker->data, list, count);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        list[i].status = PUSH_BUSY;
    }
}

/* ---- for administrators ---- */

static push_status_t view(push_broker_t *broker, const push_view_t *what,
                          const push_visitor_t *visitor)
{
    push_cluster_t *cluster = broker->data;

    if (!runs(broker)) {
        return local_of(broker)->view(local_of(broker), what, visitor);
    }
    switch (what->kind) {
    case PUSH_VIEW_ASSIGNED:
        return push_tagging_view(cluster, what->user, visitor);
    case PUSH_VIEW_MESSAGE:
        return push_views_message(cluster, &what->message, &what->now,
                                  visitor);
    case PUSH_VIEW_DEVICE:
        return push_views_device(cluster, what, visitor);
    case PUSH_VIEW_DEVICES:
        return push_views_devices(cluster, what->user, &what->now, visitor);
    case PUSH_VIEW_STREAMS:
        return push_seen_streams(cluster, what, visitor);
    case PUSH_VIEW_CHANNELS:
        return push_seen_channels(cluster, what, visitor);
    case PUSH_VIEW_LATER:
        return push_kept_fetch(cluster, &what->message, visitor);
    case PUSH_VIEW_LATERS:
        return push_seen_laters(cluster, what, visitor);
    case PUSH_VIEW_PRESENT:
        return push_seen_present(cluster, what, visitor);
    default:
        return local_of(broker)->view(local_of(broker), what, visitor);
    }
}

static push_status_t whole(push_broker_t *broker, unsigned of,
                           push_whole_t *found)
{
    return push_seen_whole(broker->data, runs(broker) ? of : PUSH_OF_SELF,
                           found);
}

static bool reading(push_broker_t *broker, push_reading_t *found)
{
    return runs(broker) && push_seen_reading(broker->data, found);
}

static void figures(push_broker_t *broker, push_stats_view_t *found)
{
    local_of(broker)->figures(local_of(broker), found);
}

static push_status_t report(push_broker_t *broker,
                            const push_report_query_t *query,
                            push_report_visit_t *visit, void *data)
{
    return !runs(broker) ? PUSH_BUSY
                         : push_seen_report(broker->data, query, visit, data);
}

static void health(push_broker_t *broker, push_health_t *found)
{
    push_cluster_t *cluster = broker->data;

    local_of(broker)->health(local_of(broker), found);
    found->durability = cluster->options.durability;
    found->kept = true;
    found->failing = !push_patience_is_well(cluster);
    found->refusing = found->failing;
}

static unsigned stuck(push_broker_t *broker)
{
    return local_of(broker)->stuck(local_of(broker));
}

static void metrics(push_broker_t *broker, push_metrics_t *found)
{
    local_of(broker)->metrics(local_of(broker), found);
}

static push_status_t explain(push_broker_t *broker,
                             const push_question_t *question,
                             push_facts_t *facts, unsigned *count)
{
    return runs(broker) ? push_inquiry(broker->data, question, facts, count)
                        : local_of(broker)->explain(local_of(broker), question,
                                                    facts, count);
}

static void check(push_broker_t *broker, push_check_t *found)
{
    local_of(broker)->check(local_of(broker), found);
}

static bool nodes(push_broker_t *broker, push_cluster_view_t *found)
{
    push_cluster_t *cluster = broker->data;

    push_peers_view(cluster, found);
    push_relay_view(cluster->relay, found);
    return true;
}

/* ---- start and stop ---- */

static void fill_library(void *data, push_command_t *command)
{
    (void)data;
    push_library_load(command, command->partition, false);
}

void push_cluster_init(push_cluster_t *cluster, push_store_t *store,
                       push_cluster_words_t *words,
                       const push_cluster_options_t *options,
                       push_broker_t *broker)
{
    *cluster = (push_cluster_t){.store = store,
                                .words = words,
                                .options = *options,
                                .answer = push_answers_take,
                                .prefix = {options->prefix,
                                           (uint32_t)strlen(options->prefix)}};
    push_local_init(&cluster->local, store);
    *broker = (push_broker_t){.data = cluster,
                              .secret = cluster->local.secret,
                              .counts = store->counts,
                              .paces = true,
                              .publish = publish,
                              .settle = settle,
                              .recall = recall,
                              .claim = claim,
                              .release = release,
                              .ack = ack,
                              .follow = follow,
                              .only_made_up = only_made_up,
                              .dismiss = dismiss,
                              .assign = assign,
                              .revoked = revoked,
                              .take = take,
                              .use = use,
                              .differs = differs,
                              .view = view,
                              .whole = whole,
                              .reading = reading,
                              .figures = figures,
                              .report = report,
                              .health = health,
                              .stuck = stuck,
                              .metrics = metrics,
                              .explain = explain,
                              .check = check,
                              .cluster = nodes};
}

/* A word that no other cluster has, and that does not tell the key. */
static void name_cluster(const push_cluster_t *cluster, char *word,
                         size_t size)
{
    static const char what[] = "relay";
    uint64_t hash = push_hash(cluster->store->segment->hash_key, what,
                              sizeof(what) - 1);

    snprintf(word, size, "%016llx", (unsigned long long)hash);
}

/* True also where there is nothing to relay to. */
static bool start_relay(push_cluster_t *cluster)
{
    push_relay_options_t options;

    if (!cluster->options.relay) {
        return true;
    }
    options = *cluster->options.relay;
    options.prefix = cluster->options.prefix;
    options.courier = cluster->courier;
    options.counts = cluster->store->counts;
    options.words = &cluster->words->relay;
    options.leads = &cluster->linked;
    name_cluster(cluster, options.cluster, sizeof(options.cluster));
    cluster->relay = push_relay_start(&options);
    return cluster->relay != NULL;
}

/* What the link calls is reported by it; what only a publish or a device needs
 * is seen here: rights, and that Redis writes. */
static void see_refusal(void *data, const push_redis_trouble_t *trouble)
{
    const push_cluster_options_t *options = data;
    char address[PUSH_REDIS_ADDRESS_TEXT];
    char text[512];
    bool takes_none = trouble->failure == PUSH_FAILURE_REFUSED;

    if ((takes_none || trouble->failure == PUSH_FAILURE_SETUP)
        && trouble->address) {
        snprintf(text, sizeof(text), "%s: %s",
                 push_address_format(trouble->address, address),
                 trouble->text);
        options->report(
            options->data,
            takes_none ? PUSH_CLUSTER_NO_WRITES : PUSH_CLUSTER_REFUSED, text);
    }
}

bool push_cluster_start(push_cluster_t *cluster)
{
    push_client_hooks_t hooks = {.data = &cluster->options,
                                 .library = fill_library,
                                 .trouble = see_refusal};

    cluster->courier = push_courier_start(cluster->options.redis, &hooks);
    if (cluster->courier) {
        cluster->steward = push_steward_start(cluster);
    }
    if (cluster->steward) {
        cluster->saver = push_saver_start(cluster);
    }
    if (cluster->saver && start_relay(cluster)) {
        cluster->herald = push_herald_start(cluster);
    }
    if (cluster->herald) {
        cluster->link = push_link_start(cluster);
    }
    if (!cluster->link) {
        push_cluster_stop(cluster, false);
    }
    atomic_store(&cluster->runs, cluster->link != NULL);
    return cluster->link != NULL;
}

/*
 * First who gives the others something to do.  What the courier still has under
 * way is told to the saver and the steward until it has stopped.
 */
void push_cluster_stop(push_cluster_t *cluster, bool last)
{
    if (cluster->herald) {
        push_herald_stop(cluster->herald);
        cluster->herald = NULL;
    }
    if (cluster->link) {
        last = last && push_depart(cluster);
        push_link_stop(cluster->link);
        cluster->link = NULL;
        if (last) {
            push_depart_resign(cluster);
        }
    }
    push_relay_stop(cluster->relay);
    cluster->relay = NULL;
    if (cluster->saver) {
        push_saver_stop(cluster->saver);
    }
    if (cluster->steward) {
        push_steward_stop(cluster->steward);
    }
    if (cluster->courier) {
        push_courier_stop(cluster->courier);
        cluster->courier = NULL;
    }
    if (cluster->saver) {
        push_saver_free(cluster->saver);
        cluster->saver = NULL;
    }
    if (cluster->steward) {
        push_steward_free(cluster->steward);
        cluster->steward = NULL;
    }
}
