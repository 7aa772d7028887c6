#include <stdlib.h>
#include <string.h>

#include "broker/library/peer_calls.h"
#include "import/transfer_internal.h"

/*
 * Devices: claimed as by a node, and yielded to nobody at once.  One that has
 * a record is in use, or was written by an earlier run; one without has been
 * claimed by a run that broke off, and is forced.
 */

#define KEEP_MS  86400000 /* to come back, and be kept as the nodes say */
#define NO_LIMIT 1000000000u

typedef struct {
    push_transfer_t *transfer;
    push_device_record_t record;
    push_record_t *made; /* with the mids of the cluster */
    push_transfer_log_t log;
    uint32_t fence;
} arrival_t;

/* ---- its record, in mids of the cluster ---- */

/* What names a message that is there; returns the bytes that are left. */
static uint32_t move_settled(const push_moves_t *moves,
                             const push_device_record_t *record, char *bytes)
{
    uint32_t len = 0;

    for (unsigned i = 0; i < push_device_settled_count(record); i++) {
        const push_moved_t *moved;
        push_settled_t at;

        memcpy(&at, record->settled.at + i * sizeof(at), sizeof(at));
        moved = push_moves_find(moves, at.mid);
        if (moved && moved->mid) {
            at.mid = moved->mid;
            memcpy(bytes + len, &at, sizeof(at));
            len += (uint32_t)sizeof(at);
        }
    }
    return len;
}

static void move_subscription(const push_moves_t *moves,
                              push_subscription_record_t *subscription)
{
    push_moved_lane_t lane = {
        .kind = subscription->name.len ? PUSH_LOG_CHANNEL : PUSH_LOG_BROADCAST,
        .name = subscription->name,
        .lane = PUSH_LANES};

    subscription->joined = push_moves_cursor(moves, &lane,
                                             subscription->joined);
    for (lane.lane = 0; lane.lane < PUSH_LANES; lane.lane++) {
        uint64_t *next = &subscription->next[lane.lane];

        *next = push_moves_cursor(moves, &lane, *next);
    }
}

static bool make_record(arrival_t *arrival)
{
    const push_moves_t *moves = &arrival->transfer->moves;
    push_device_record_t record = arrival->record;
    char *bytes = malloc(record.settled.len + 1);

    if (!bytes) {
        return false;
    }
    record.settled = (push_text_t){bytes, move_settled(moves, &arrival->record,
                                                       bytes)};
    for (unsigned i = 0; i < record.subscriptions_count; i++) {
        move_subscription(moves, &record.subscriptions[i]);
    }
    arrival->made = push_device_make(&record);
    free(bytes);
    return arrival->made != NULL;
}

/* ---- calls ---- */

static push_device_call_t device_call(const arrival_t *arrival)
{
    return (push_device_call_t){.home = arrival->log.home,
                                .log = arrival->log.text,
                                .context = arrival->record.id,
                                .owner = arrival->transfer->target->owner,
                                .fence = arrival->fence,
                                .keep = KEEP_MS};
}

static bool call(const arrival_t *arrival, push_request_t *request)
{
    return push_target_call(arrival->transfer->target, request);
}

/* *there: it has a record. */
static bool see_device(const arrival_t *arrival, bool *there)
{
    push_request_t request;
    push_viewed_t viewed;
    unsigned at = 0;

    push_request_init(&request, arrival->log.home.partition);
    push_library_view(&request.command, &arrival->log.home, arrival->log.text);
    if (!call(arrival, &request)) {
        return false;
    }
    *there = false;
    while (push_view_next(request.reply, &at, &viewed)) {
        *there |= viewed.record.len
                  && !memcmp(viewed.context, arrival->record.id,
                             PUSH_CONTEXT_BYTES);
    }
    push_request_cleanup(&request);
    return true;
}

static bool claim(arrival_t *arrival)
{
    push_claim_call_t order = {.device = device_call(arrival),
                               .following = {.log = arrival->log.text},
                               .counts_only = true,
                               .force = true,
                               .id = arrival->record.labels[PUSH_LABEL_DEVICE],
                               .max_devices = NO_LIMIT};
    push_claim_reply_t reply;
    push_request_t request;
    bool well;

    push_request_init(&request, arrival->log.home.partition);
    push_library_claim(&request.command, &order);
    if (!call(arrival, &request)) {
        return false;
    }
    well = push_claim_reply(request.reply, &reply)
           && reply.outcome <= PUSH_CLAIMED_NEW;
    arrival->fence = well ? reply.fence : 0;
    push_request_cleanup(&request);
    return well || push_target_strange(arrival->transfer->target);
}

static bool yield(const arrival_t *arrival)
{
    push_yield_call_t order = {.device = device_call(arrival),
                               .to = PUSH_OWNER_NOBODY,
                               .record = push_transfer_value(arrival->made)};
    push_save_reply_t reply;
    push_request_t request;
    bool well;

    push_request_init(&request, arrival->log.home.partition);
    push_library_yield(&request.command, &order);
    if (!call(arrival, &request)) {
        return false;
    }
    well = push_save_reply(request.reply, &reply)
           && reply.outcome == PUSH_SAVED;
    push_request_cleanup(&request);
    return well || push_target_strange(arrival->transfer->target);
}

/* A claim follows the user's log. */
static bool unfollow(const arrival_t *arrival)
{
    const push_unfollow_call_t order = {
        .home = arrival->log.home,
        .owner = arrival->transfer->target->owner,
        .log = arrival->log.text};
    push_request_t request;

    push_request_init(&request, arrival->log.home.partition);
    push_library_unfollow(&request.command, &order);
    if (!call(arrival, &request)) {
        return false;
    }
    push_request_cleanup(&request);
    return true;
}

/* ---- all of them ---- */

static bool transfer_device(arrival_t *arrival)
{
    push_transfer_t *transfer = arrival->transfer;
    bool there, well;

    push_transfer_log(transfer, PUSH_LOG_USER, arrival->record.user,
                      &arrival->log);
    if (!see_device(arrival, &there)) {
        return false;
    }
    if (there) {
        transfer->devices.there++;
        return true;
    }
    if (!make_record(arrival)) {
        strcpy(transfer->target->why, "no memory");
        return false;
    }
    well = claim(arrival) && yield(arrival) && unfollow(arrival);
    free(arrival->made);
    transfer->devices.written += well;
    return well;
}

bool push_transfer_devices(push_transfer_t *transfer)
{
    const push_record_list_t *list = &transfer->source->devices;

    for (size_t i = 0; i < list->count; i++) {
        const push_record_t *record = list->at[i];
        arrival_t arrival = {.transfer = transfer};

        if (!push_device_read(push_transfer_key(record),
                              push_transfer_value(record), &arrival.record)) {
            transfer->devices.lost++;
        }
        else if (!transfer_device(&arrival)) {
            return false;
        }
    }
    return true;
}
