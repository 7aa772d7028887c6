#include "broker/node/rates.h"

#include <pthread.h>
#include <string.h>

#include "broker/library/publish_calls.h"
#include "broker/node/names.h"
#include "core/hash.h"
#include "redis/courier.h"

#define LOTS       1024u /* a power of two */
#define LOT_MS     100
#define LOT_PARTS  10 /* of a second */
#define BUCKET_MAX 300

/* Tokens that one publisher's requests in this process may still use. */
typedef struct {
    uint64_t name; /* hash of it */
    int64_t until; /* mono ms */
    uint32_t left;
    uint32_t limit;
    push_rate_t rate; /* as Redis said it */
} lot_t;

static pthread_mutex_t lots_lock = PTHREAD_MUTEX_INITIALIZER;
static lot_t lots[LOTS];

/* ---- a lot; with its lock ---- */

static bool take_from(lot_t *lot, uint64_t name, uint32_t limit,
                      push_rate_t *rate)
{
    if (lot->name != name || lot->limit != limit || !lot->left
        || push_clock_now().mono >= lot->until) {
        return false;
    }
    lot->left--;
    *rate = lot->rate;
    rate->remaining += lot->left;
    return true;
}

/* ---- Redis ---- */

/* False: it does not say. */
static bool ask(push_cluster_t *cluster, push_text_t bucket, uint32_t limit,
                uint32_t want, push_take_reply_t *reply)
{
    unsigned partition = push_names_partition(cluster, bucket);
    push_request_t request;
    bool well;

    push_request_init(&request, partition);
    push_library_take(
        &request.command,
        &(push_take_call_t){.home = push_cluster_home(cluster, partition),
                            .name = bucket,
                            .limit = limit,
                            .want = want});
    well = push_courier_call(cluster->courier, &request) == PUSH_FAILURE_NONE
           && push_take_reply(request.reply, reply);
    push_request_cleanup(&request);
    return well;
}

static push_text_t bucket_of(push_rate_kind_t kind, push_text_t name,
                             char room[BUCKET_MAX])
{
    uint32_t len = name.len < BUCKET_MAX - 1 ? name.len : BUCKET_MAX - 1;

    room[0] = kind == PUSH_RATE_USER ? 'u' : 'p';
    memcpy(room + 1, name.at, len);
    return (push_text_t){room, 1 + len};
}

static uint32_t lot_size(push_rate_kind_t kind, uint32_t limit)
{
    return kind == PUSH_RATE_USER || limit < LOT_PARTS ? 1 : limit / LOT_PARTS;
}

bool push_rates_take(push_cluster_t *cluster, push_rate_kind_t kind,
                     push_text_t name, uint32_t limit, push_rate_t *rate)
{
    char room[BUCKET_MAX];
    push_text_t bucket = bucket_of(kind, name, room);
    uint64_t hash = push_hash(cluster->store->segment->hash_key, bucket.at,
                              bucket.len);
    lot_t *lot = &lots[hash % LOTS];
    push_take_reply_t reply;
    bool taken;

    pthread_mutex_lock(&lots_lock);
    taken = take_from(lot, hash, limit, rate);
    pthread_mutex_unlock(&lots_lock);
    if (taken) {
        return true;
    }
    if (!ask(cluster, bucket, limit, lot_size(kind, limit), &reply)) {
        *rate = (push_rate_t){.limit = limit};
        return true;
    }
    *rate = reply.rate;
    if (reply.taken > 1) {
        pthread_mutex_lock(&lots_lock);
        *lot = (lot_t){.name = hash,
                       .until = push_clock_now().mono + LOT_MS,
                       .left = reply.taken - 1,
                       .limit = limit,
                       .rate = reply.rate};
        pthread_mutex_unlock(&lots_lock);
    }
    return reply.taken > 0;
}

/* push_once, of a ticket or of a value; false: it does not say. */
static bool ask_once(push_cluster_t *cluster, push_once_call_t call,
                     int64_t until, bool *first)
{
    unsigned partition = push_names_partition(cluster, call.nonce);
    push_request_t request;
    bool well;

    call.home = push_cluster_home(cluster, partition);
    call.ms = until - push_clock_now().mono;
    if (call.ms < 1) {
        call.ms = 1;
    }
    push_request_init(&request, partition);
    push_library_once(&request.command, &call);
    well = push_courier_call(cluster->courier, &request) == PUSH_FAILURE_NONE
           && push_once_reply(request.reply, first);
    push_request_cleanup(&request);
    return well;
}

push_status_t push_rates_use(push_cluster_t *cluster, push_text_t ticket,
                             int64_t until)
{
    bool first = false;

    return !ask_once(cluster, (push_once_call_t){.nonce = ticket}, until,
                     &first)
               ? PUSH_BUSY
           : first ? PUSH_OK
                   : PUSH_OVER;
}

bool push_rates_differs(push_cluster_t *cluster, push_text_t name,
                        int64_t value, int64_t until)
{
    bool first = false;

    return !ask_once(cluster,
                     (push_once_call_t){
                         .nonce = name, .valued = true, .value = value},
                     until, &first)
           || first;
}
