#include "broker/node/claim.h"

#include <stdlib.h>
#include <string.h>

#include "broker/library/device_calls.h"
#include "broker/node/addresses.h"
#include "broker/node/doubt.h"
#include "broker/node/frozen.h"
#include "broker/node/load.h"
#include "broker/node/loading.h"
#include "broker/node/masters.h"
#include "broker/node/reach.h"
#include "broker/node/saver.h"
#include "broker/node/yield.h"
#include "redis/courier.h"
#include "store/ops/checkin.h"
#include "store/ops/disown.h"
#include "store/ops/import.h"
#include "store/ops/tags.h"
#include "store/shard/context.h"
#include "store/shard/subscriptions.h"

/*
 * The idea: whoever brings a device holds its wait (store/shm/awaited.h) until
 * it is here, so claims of one device run one at a time in this node; who comes
 * second finds it here.  Logs are brought while Redis is asked for the device,
 * and the user's log comes with that answer.
 *
 * An owner that is asked leaves what it knows in the record, for us and once,
 * and G says so; then the claim is made again.  So what a process that dies in
 * between was to get waits for the next claim.  A device that was granted and
 * cannot be imported is given back, session and all.
 */

#define OWNER_MS   1000 /* for the owner that is asked */
#define CLAIM_MS   8000 /* for one claim, with all of its calls */
#define LATE_MS    5000 /* then its client is about to go elsewhere */
#define SECOND_MS  4000 /* for the claim of another thread */
#define ROUNDS     3    /* a context may go again before its check-in */
#define LOGS_MAX   (2 + 2 * PUSH_CHANNELS_MAX)
#define USER_S_LOG 0

typedef struct {
    push_cluster_t *cluster;
    const push_claimant_t *claimant;
    int64_t begun; /* mono ms; by its client */
    push_wait_ref_t wait;
    push_log_name_t names[LOGS_MAX];
    push_load_t logs[LOGS_MAX];
    unsigned logs_count;
    push_request_t request; /* the last one */
    bool asked;             /* request is in use */
    push_claim_reply_t reply;
    bool granted;
    bool is_new; /* its check-in is to make it */
    bool moved;  /* another node had it until now */
} claim_t;

/* ---- the logs ---- */

static bool has_log(const claim_t *claim, const push_log_name_t *name)
{
    for (unsigned i = 0; i < claim->logs_count; i++) {
        if (claim->names[i].len == name->len
            && !memcmp(claim->names[i].text, name->text, name->len)) {
            return true;
        }
    }
    return false;
}

static push_status_t add_log(claim_t *claim, char kind, push_text_t text,
                             bool ask)
{
    push_log_name_t *name = &claim->names[claim->logs_count];
    push_log_name_t wanted = push_log_name(kind, text);

    if (claim->logs_count == LOGS_MAX || has_log(claim, &wanted)) {
        return PUSH_OK;
    }
    *name = wanted;
    claim->logs_count++;
    return push_load_begin(claim->cluster, &claim->logs[claim->logs_count - 1],
                           push_log_text(name), ask);
}

static push_status_t add_channels(claim_t *claim, const push_text_t *channels,
                                  unsigned count)
{
    push_status_t status = PUSH_OK;

    for (unsigned i = 0; i < count && status == PUSH_OK; i++) {
        status = add_log(claim, 'c', channels[i], true);
    }
    return status;
}

static push_status_t begin_logs(claim_t *claim, bool ask)
{
    static const push_text_t nothing = {"", 0};
    const push_claimant_t *claimant = claim->claimant;
    push_status_t status = add_log(claim, 'u', claimant->user, ask);

    if (status == PUSH_OK) {
        status = add_log(claim, 'b', nothing, true);
    }
    return status == PUSH_OK ? add_channels(claim, claimant->channels,
                                            claimant->channels_count)
                             : status;
}

static push_status_t await_logs(claim_t *claim)
{
    push_status_t status = PUSH_OK;

    for (unsigned i = 0; i < claim->logs_count && status == PUSH_OK; i++) {
        status = push_load_wait(claim->cluster, &claim->logs[i]);
    }
    return status;
}

static void end_logs(claim_t *claim)
{
    while (claim->logs_count) {
        push_load_end(claim->cluster, &claim->logs[--claim->logs_count]);
    }
}

/* With its user's log it is known what the server subscribes it to. */
static push_status_t bring_tags(claim_t *claim)
{
    push_assigned_copy_t copy;
    push_text_t channel = {NULL, 0};
    push_status_t status = push_tags_copy(claim->cluster->store,
                                          claim->claimant->user, &copy);

    while (status == PUSH_OK && copy.list
           && push_assigned_next(copy.list, &channel)) {
        status = add_log(claim, 'c', channel, true);
    }
    free(copy.list);
    return status == PUSH_OK ? await_logs(claim) : status;
}

/* ---- asking Redis ---- */

static unsigned partition_of(const claim_t *claim)
{
    return push_log_partition(claim->cluster->store,
                              push_log_text(&claim->names[USER_S_LOG]));
}

static push_device_call_t device_call(const claim_t *claim)
{
    return (push_device_call_t){
        .home = push_cluster_home(claim->cluster, partition_of(claim)),
        .log = push_log_text(&claim->names[USER_S_LOG]),
        .context = claim->claimant->id,
        .owner = push_cluster_owner(claim->cluster),
        .fence = claim->reply.fence,
        .keep = push_device_keep(claim->cluster, claim->claimant->user)};
}

static void let_go_of_reply(claim_t *claim)
{
    if (claim->asked) {
        push_request_cleanup(&claim->request);
        claim->asked = false;
    }
}

/*
 * One that stood still meanwhile, with its process, would take the device from
 * the node where its client is by now.
 */
static bool is_late(const claim_t *claim)
{
    return push_clock_now().mono - claim->begun > LATE_MS;
}

/* One call; the user's log comes with it, unless it is here. */
static push_status_t ask(claim_t *claim, bool force)
{
    const push_claimant_t *claimant = claim->claimant;
    push_load_t *log = &claim->logs[USER_S_LOG];
    push_claim_call_t call = {.device = device_call(claim),
                              .counts_only = !log->follow.mine || log->taken,
                              .force = force || claimant->force,
                              .quiet = claimant->quiet,
                              .known = claimant->known,
                              .id = claimant->device,
                              .max_devices = claimant->max_devices,
                              .max_streams = claimant->max_streams};
    push_status_t status;

    if (is_late(claim)) {
        return PUSH_BUSY;
    }
    if (call.device.owner == PUSH_OWNER_NOBODY) {
        return PUSH_NO_STATE; /* our number went while it waited */
    }
    call.following = push_load_following(claim->cluster, log);
    let_go_of_reply(claim);
    push_request_init(&claim->request, call.device.home.partition);
    claim->asked = true;
    push_library_claim(&claim->request.command, &call);
    status = push_status_of_failure(
        push_courier_call(claim->cluster->courier, &claim->request));
    if (status != PUSH_OK) {
        return status;
    }
    if (!push_claim_reply(claim->request.reply, &claim->reply)) {
        return PUSH_NO_STATE;
    }
    push_partition_answered(claim->cluster->words, call.device.home.partition,
                            claim->reply.origin.epoch);
    if (call.counts_only && log->follow.state == PUSH_FOLLOW_LIVE) {
        push_partition_counted(claim->cluster->words,
                               call.device.home.partition,
                               &claim->reply.followed);
    }
    return claim->reply.outcome <= PUSH_CLAIMED_WAIT && !call.counts_only
               ? push_load_take(claim->cluster, log, &claim->reply.followed)
               : PUSH_OK;
}

/* The owner gives it up; false: it does not answer. */
static bool await_owner(claim_t *claim)
{
    uint16_t owner = (uint16_t)claim->reply.owner;
    push_wait_result_t result;

    if ((!claim->reply.heard && !claim->reply.young)
        || push_frozen(claim->cluster->words, owner)) {
        return false;
    }
    result = push_awaited_wait(&claim->wait, PUSH_AWAITED_ANSWERED, OWNER_MS);
    if (result.happened & PUSH_AWAITED_ANSWERED) {
        push_frozen_answered(claim->cluster->words, owner);
        return true;
    }
    push_frozen_missed(claim->cluster->words, owner);
    return false;
}

static push_status_t outcome_of(claim_t *claim)
{
    switch (claim->reply.outcome) {
    case PUSH_CLAIMED:
    case PUSH_CLAIMED_NEW:
        claim->granted = true;
        return PUSH_OK;
    case PUSH_CLAIMED_GONE:
        return PUSH_NOT_FOUND;
    case PUSH_CLAIMED_DEVICES:
        return PUSH_TOO_MANY_DEVICES;
    case PUSH_CLAIMED_STREAMS:
        return PUSH_TOO_MANY;
    default:
        return PUSH_NO_STATE;
    }
}

/* Another node was quicker, and may have its client. */
static bool is_elsewhere(const claim_t *claim)
{
    return claim->claimant->quiet && claim->reply.outcome == PUSH_CLAIMED_WAIT
           && claim->reply.owner != claim->claimant->from;
}

/* Until it is ours, or may not be. */
static push_status_t ask_until_decided(claim_t *claim)
{
    push_status_t status;

    push_awaited_again(&claim->wait, CLAIM_MS);
    status = ask(claim, false);
    if (status == PUSH_OK && is_elsewhere(claim)) {
        return PUSH_STALE;
    }
    if (status == PUSH_OK && claim->reply.outcome == PUSH_CLAIMED_WAIT) {
        claim->moved = true;
        status = ask(claim, !await_owner(claim));
    }
    if (status == PUSH_OK && claim->reply.outcome == PUSH_CLAIMED_WAIT) {
        status = ask(claim, true); /* a third node was quicker */
    }
    return status == PUSH_OK ? outcome_of(claim) : status;
}

/* ---- from the answer to the segment ---- */

static push_status_t add_channels_of_record(claim_t *claim)
{
    push_text_t channels[PUSH_CHANNELS_MAX];
    unsigned count = 0;

    if (!push_import_channels(claim->reply.record, claim->claimant->id,
                              channels, &count)) {
        return PUSH_OK; /* the import says so */
    }
    return add_channels(claim, channels, count);
}

static push_import_t import_of(const claim_t *claim)
{
    const push_claimant_t *claimant = claim->claimant;
    const push_load_t *log = &claim->logs[USER_S_LOG];

    return (push_import_t){.user = claimant->user,
                           .id = claimant->id,
                           .record = claim->reply.record,
                           .session = claim->reply.exact
                                          ? claim->reply.session
                                          : (push_text_t){NULL, 0},
                           .fence = claim->reply.fence,
                           .marks = log->marks,
                           .marks_count = log->marks_count};
}

static push_status_t import(claim_t *claim)
{
    push_time_t now = push_clock_now();
    const push_import_t what = import_of(claim);
    push_status_t status = push_store_import(claim->cluster->store, &what,
                                             &now);

    /* What this version cannot read it begins anew. */
    claim->is_new = status == PUSH_STALE;
    return claim->is_new ? PUSH_OK : status;
}

/*
 * A channel that nobody here follows yet may be left again before the device
 * does; it would lose its place there.  So they are held as by a check-in.
 */
static push_status_t import_with_channels(claim_t *claim)
{
    push_store_t *store = claim->cluster->store;
    push_subscription_list_t *held = calloc(1, sizeof(*held));
    push_text_t channels[PUSH_CHANNELS_MAX];
    unsigned count = 0;
    push_status_t status;

    if (!held) {
        return PUSH_NO_MEMORY;
    }
    push_import_channels(claim->reply.record, claim->claimant->id, channels,
                         &count);
    status = push_subscriptions_take(store, held, channels, count, false);
    if (status == PUSH_OK) {
        status = import(claim);
    }
    push_subscriptions_arrived(store, held);
    free(held);
    return status;
}

static push_status_t take_granted(claim_t *claim)
{
    push_status_t status;

    claim->is_new = !claim->reply.record.len;
    status = claim->is_new ? PUSH_OK : add_channels_of_record(claim);
    if (status == PUSH_OK) {
        status = await_logs(claim);
    }
    if (status == PUSH_OK && !claim->is_new) {
        const push_import_t what = import_of(claim);

        status = push_reach(claim->cluster, &what);
    }
    return status == PUSH_OK && !claim->is_new ? import_with_channels(claim)
                                               : status;
}

/* Ours, but not to be had here: to whoever has asked meanwhile, or to nobody,
 * as it was. */
static void give_back(claim_t *claim)
{
    push_wait_result_t so_far = push_awaited_wait(&claim->wait, 0, 0);
    push_yield_call_t call = {.device = device_call(claim),
                              .to = so_far.happened & PUSH_AWAITED_WANTED
                                        ? so_far.by
                                        : PUSH_OWNER_NOBODY,
                              .exact = claim->reply.exact,
                              .record = claim->reply.record,
                              .session = claim->reply.session};
    push_request_t request;

    push_request_init(&request, call.device.home.partition);
    push_library_yield(&request.command, &call);
    push_courier_call(claim->cluster->courier, &request);
    push_request_cleanup(&request);
    claim->granted = false;
}

static bool is_here(const claim_t *claim)
{
    push_owned_view_t view;

    return push_store_owned(claim->cluster->store, claim->claimant->user,
                            claim->claimant->id, &view)
               == PUSH_OK
           && view.state == PUSH_OWNED;
}

/*
 * With its wait: the context is here and ours with all its logs, or new: then
 * a check-in makes it, by the fence of the reply.
 */
static push_status_t bring(claim_t *claim)
{
    bool here = is_here(claim);
    push_status_t status;

    claim->is_new = false;
    claim->granted = false;
    if (push_cluster_owner(claim->cluster) == PUSH_OWNER_NOBODY) {
        return PUSH_NO_STATE;
    }
    status = begin_logs(claim, here);
    if (status == PUSH_OK && here) {
        status = await_logs(claim);
    }
    else if (status == PUSH_OK) {
        status = ask_until_decided(claim);
        if (status == PUSH_OK) {
            status = take_granted(claim);
        }
    }
    if (status == PUSH_OK) {
        status = bring_tags(claim);
    }
    if (status != PUSH_OK && claim->granted) {
        give_back(claim);
    }
    end_logs(claim);
    return status;
}

/* ---- the wait ---- */

static push_status_t begin(claim_t *claim)
{
    push_store_t *store = claim->cluster->store;
    push_wait_begin_t how = {.key = claim->claimant->id,
                             .seats = &store->seats,
                             .tag = store->tag,
                             .ms = CLAIM_MS,
                             .patience = SECOND_MS};

    claim->begun = push_clock_now().mono - claim->claimant->waited;
    return push_awaited_begin(&claim->cluster->words->awaited, &how,
                              &claim->wait);
}

/* Another node has asked for it meanwhile: now it can have it, or hears that
 * it is not here. */
static void end(claim_t *claim)
{
    push_wait_result_t result = push_awaited_end(&claim->wait);

    let_go_of_reply(claim);
    if (result.happened & PUSH_AWAITED_WANTED) {
        push_yield_answer(claim->cluster,
                          &(push_yield_to_t){.user = claim->claimant->user,
                                             .id = claim->claimant->id,
                                             .owner = result.by,
                                             .fence = result.fence});
    }
}

push_status_t push_claim_context(push_cluster_t *cluster,
                                 const push_claimant_t *claimant)
{
    claim_t *claim = calloc(1, sizeof(*claim));
    push_status_t status = PUSH_NO_MEMORY;

    if (!claim) {
        return status;
    }
    claim->cluster = cluster;
    claim->claimant = claimant;
    status = begin(claim);
    if (status == PUSH_OK) {
        status = bring(claim);
        if (status == PUSH_NOT_FOUND
            && claim->reply.outcome != PUSH_CLAIMED_GONE) {
            status = PUSH_BUSY; /* a log went again, or the context did */
        }
        if (status == PUSH_OK && claim->is_new) {
            /* Nothing is known of it, and no client is here to begin it. */
            give_back(claim);
            status = PUSH_NOT_FOUND;
        }
        end(claim);
    }
    free(claim);
    return status;
}

/* ---- a stream ---- */

static push_status_t bring_and_check_in(claim_t *claim,
                                        push_checkin_t *checkin,
                                        const push_time_t *now,
                                        push_stream_ref_t *stream_ref)
{
    push_store_t *store = claim->cluster->store;
    push_status_t status = PUSH_NOT_FOUND;

    for (int i = 0; i < ROUNDS && status == PUSH_NOT_FOUND; i++) {
        status = bring(claim);
        if (status == PUSH_OK) {
            checkin->fence = claim->is_new ? claim->reply.fence : 0;
            /* Its stream there has ended, which is not told yet. */
            checkin->elsewhere -= claim->moved && checkin->elsewhere;
            claim->moved = false;
            status = push_store_checkin(store, checkin, now, stream_ref);
        }
        if (status != PUSH_OK && status != PUSH_NOT_FOUND && claim->is_new) {
            give_back(claim);
        }
    }
    return status == PUSH_NOT_FOUND ? PUSH_BUSY : status;
}

static push_status_t check_in_by_claim(push_cluster_t *cluster,
                                       push_checkin_t *checkin,
                                       const push_time_t *now,
                                       push_stream_ref_t *stream_ref)
{
    const push_claimant_t claimant = {
        .user = checkin->user,
        .device = checkin->labels[PUSH_LABEL_DEVICE],
        .id = stream_ref->id,
        .channels = checkin->channels,
        .channels_count = checkin->channels_count,
        .max_devices = checkin->max_devices,
        .max_streams = checkin->max_streams,
        .waited = checkin->waited};
    claim_t *claim = calloc(1, sizeof(*claim));
    push_status_t status = PUSH_NO_MEMORY;
    bool is_new = false;

    if (!claim) {
        return status;
    }
    claim->cluster = cluster;
    claim->claimant = &claimant;
    status = begin(claim);
    if (status == PUSH_OK) {
        status = bring_and_check_in(claim, checkin, now, stream_ref);
        is_new = claim->is_new;
        end(claim);
    }
    free(claim);
    if (status == PUSH_OK && is_new
        && cluster->options.durability == PUSH_DURABILITY_COMMIT) {
        /* A Redis that fails must not keep devices away. */
        push_saver_write(cluster, checkin->user, stream_ref->id);
    }
    return status;
}

push_status_t push_claim(push_cluster_t *cluster,
                         const push_checkin_t *checkin, const push_time_t *now,
                         push_stream_ref_t *stream_ref, uint64_t *session)
{
    uint32_t address = push_guard_address(cluster->store->guard,
                                          checkin->labels[PUSH_LABEL_ADDRESS]);
    push_checkin_t own = *checkin;
    push_status_t status;

    own.fence = 0;
    own.elsewhere = push_addresses_elsewhere(cluster, address);
    push_store_context_id(checkin->user, checkin->labels[PUSH_LABEL_DEVICE],
                          checkin->labels[PUSH_LABEL_APP], stream_ref->id);
    own.unsure = push_doubt_see(cluster, checkin->user, stream_ref->id, now);
    status = push_store_checkin(cluster->store, &own, now, stream_ref);
    if (status == PUSH_OK) {
        push_saver_came_back(cluster, checkin->user);
    }
    else if (status == PUSH_NOT_FOUND) {
        push_store_context_id(checkin->user,
                              checkin->labels[PUSH_LABEL_DEVICE],
                              checkin->labels[PUSH_LABEL_APP], stream_ref->id);
        own.unsure = false;
        status = check_in_by_claim(cluster, &own, now, stream_ref);
    }
    *session = 0;
    if (status == PUSH_OK) {
        *session = push_store_session(cluster->store, stream_ref->gen);
        push_addresses_note(cluster, address, own.max_streams_address);
    }
    return status;
}
