#include "broker/node/acks.h"

#include <string.h>

#include "broker/library/peer_calls.h"
#include "broker/library/publish_calls.h"
#include "broker/node/claim.h"
#include "broker/node/load.h"
#include "broker/node/loading.h"
#include "broker/node/post.h"
#include "redis/courier.h"
#include "store/disk/record.h"
#include "store/ops/ack.h"
#include "store/shard/context.h"

#define ANSWER_MS 500 /* for the owner that is asked */
#define ROUNDS    3   /* of owners, where a device moves meanwhile */

/* ---- what is said between nodes ---- */

/* seq, mid and session, each in 8 bytes, big-endian, and which of them are. */
#define BODY_BYTES  25u
#define HAS_MID     1u
#define HAS_SESSION 2u

typedef struct {
    unsigned char bytes[BODY_BYTES];
} body_t;

static void write_number(unsigned char *at, uint64_t number)
{
    for (unsigned i = 0; i < 8; i++) {
        at[i] = (unsigned char)(number >> (56 - 8 * i));
    }
}

static uint64_t read_number(const unsigned char *at)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < 8; i++) {
        number = number << 8 | at[i];
    }
    return number;
}

static body_t body_of(const push_cursor_t *cursor)
{
    body_t body;

    write_number(body.bytes, cursor->seq);
    write_number(body.bytes + 8, cursor->mid);
    write_number(body.bytes + 16, cursor->session);
    body.bytes[24] = (unsigned char)((cursor->has_mid ? HAS_MID : 0)
                                     | (cursor->has_session ? HAS_SESSION
                                                            : 0));
    return body;
}

/* False: a version that is not ours has written it. */
static bool read_body(push_text_t text, push_cursor_t *cursor)
{
    const unsigned char *at = (const unsigned char *)text.at;

    if (text.len < BODY_BYTES) {
        return false;
    }
    *cursor = (push_cursor_t){.seq = read_number(at),
                              .mid = read_number(at + 8),
                              .session = read_number(at + 16),
                              .has_mid = (at[24] & HAS_MID) != 0,
                              .has_session = (at[24] & HAS_SESSION) != 0};
    return true;
}

/* An answer is one byte. */
typedef enum { SAID_DONE = 1, SAID_STALE, SAID_NOT_HERE, SAID_BUSY } said_t;

static said_t said_of(push_status_t status)
{
    switch (status) {
    case PUSH_OK:
        return SAID_DONE;
    case PUSH_STALE:
        return SAID_STALE;
    case PUSH_NOT_FOUND:
        return SAID_NOT_HERE;
    default:
        return SAID_BUSY;
    }
}

/* PUSH_NOT_FOUND: its owner has nothing of it. */
static push_status_t status_of(uint32_t said)
{
    switch (said) {
    case SAID_DONE:
        return PUSH_OK;
    case SAID_STALE:
        return PUSH_STALE;
    case SAID_NOT_HERE:
        return PUSH_NOT_FOUND;
    default:
        return PUSH_BUSY;
    }
}

/* ---- what is here ---- */

typedef struct {
    push_cluster_t *cluster;
    push_text_t user;
    const unsigned char *id;
    const push_cursor_t *cursor;
} acked_t;

/* What waits in Redis for longer than here: it has no more of it. */
#define DONE_MS 30000

/* What is done of a queue makes room in it. */
static void take_out(const acked_t *acked, const push_in_flight_t *done)
{
    const push_log_name_t name = push_log_name('u', acked->user);
    push_text_t log = push_log_text(&name);
    unsigned partition = push_log_partition(acked->cluster->store, log);
    push_post_t *post = push_post_begin(acked->cluster, partition);

    if (post) {
        push_library_done(&post->request.command,
                          &(push_done_call_t){.home = push_cluster_home(
                                                  acked->cluster, partition),
                                              .log = log,
                                              .mids = done->mids,
                                              .lanes = done->lanes,
                                              .count = done->count});
        post->request.deadline += DONE_MS - PUSH_REQUEST_MS;
        push_post_send(post);
    }
}

static push_status_t acknowledge(const acked_t *acked, const push_time_t *now)
{
    push_store_t *store = acked->cluster->store;
    push_in_flight_t done = {.count = 0};
    push_status_t status;

    if (push_is_queue(acked->user)) {
        push_store_in_flight(store, acked->user, acked->id, acked->cursor->seq,
                             &done);
    }
    status = push_store_ack(store, acked->user, acked->id, acked->cursor, now);
    if (status == PUSH_OK && done.count) {
        take_out(acked, &done);
    }
    return status;
}

/* ---- who asks ---- */

typedef struct {
    push_cluster_t *cluster;
    const push_checkin_t *checkin;
    const push_time_t *now;
    unsigned char id[PUSH_CONTEXT_BYTES];
    push_log_name_t log;
    uint64_t request;
    push_wait_ref_t wait;
    push_send_reply_t sent;
} question_t;

static void key_of(uint64_t request, unsigned char *key)
{
    memset(key, 0, PUSH_AWAITED_KEY);
    memcpy(key, "ack", 3);
    write_number(key + 8, request);
}

static push_status_t take_here(const question_t *question)
{
    const acked_t acked = {question->cluster, question->checkin->user,
                           question->id, question->checkin->cursor};

    return acknowledge(&acked, question->now);
}

static push_status_t begin(question_t *question)
{
    push_store_t *store = question->cluster->store;
    push_awaited_t *awaited = &question->cluster->words->awaited;
    unsigned char key[PUSH_AWAITED_KEY];
    push_wait_begin_t how = {.key = key,
                             .seats = &store->seats,
                             .tag = store->tag,
                             .ms = PUSH_REQUEST_MS + 2 * ANSWER_MS};

    question->request = push_awaited_number(awaited);
    key_of(question->request, key);
    return push_awaited_begin(awaited, &how, &question->wait);
}

/* The question goes to the owner's inbox, if there is one. */
static push_status_t send(question_t *question)
{
    push_cluster_t *cluster = question->cluster;
    push_text_t log = push_log_text(&question->log);
    unsigned partition = push_log_partition(cluster->store, log);
    body_t body = body_of(question->checkin->cursor);
    const push_send_call_t call = {
        .home = push_cluster_home(cluster, partition),
        .log = log,
        .context = question->id,
        .kind = PUSH_ENTRY_ACK,
        .to = PUSH_OWNER_NOBODY,
        .request = question->request,
        .from = push_cluster_owner(cluster),
        .body = {(const char *)body.bytes, BODY_BYTES}};
    push_request_t request;
    push_status_t status;

    push_request_init(&request, partition);
    push_library_send(&request.command, &call);
    status = push_status_of_failure(
        push_courier_call(cluster->courier, &request));
    if (status == PUSH_OK
        && !push_send_reply(request.reply, &question->sent)) {
        status = PUSH_NO_STATE;
    }
    push_request_cleanup(&request);
    return status;
}

/*
 * Nobody has it, or its owner is gone: it comes here.  Never from an owner who
 * is only slow, nor from one who was quicker than us (*moved), most likely with
 * its client: that would end the stream which the device has there.
 */
static push_status_t take_over(question_t *question, bool *moved)
{
    const push_checkin_t *checkin = question->checkin;
    const push_claimant_t claimant = {
        .user = checkin->user,
        .device = checkin->labels[PUSH_LABEL_DEVICE],
        .id = question->id,
        .max_devices = PUSH_DEVICES_MAX,
        .known = true,
        .quiet = true,
        .from = question->sent.owner};
    push_status_t status = push_claim_context(question->cluster, &claimant);

    *moved = status == PUSH_STALE;
    return status == PUSH_OK ? take_here(question) : status;
}

/*
 * One round.  absent: an owner who said that it has nothing of it.  With *free
 * PUSH_NOT_FOUND says that the device can come here: it is nobody's, its owner
 * is gone, or it is still the one who said that.
 */
static push_status_t ask(question_t *question, unsigned absent, bool *free)
{
    const push_send_reply_t *sent = &question->sent;
    push_wait_result_t result;
    push_status_t status = begin(question);

    if (status != PUSH_OK) {
        return status;
    }
    status = send(question);
    if (status != PUSH_OK || !sent->found || sent->owner == PUSH_OWNER_NOBODY
        || sent->owner == push_cluster_owner(question->cluster)
        || sent->owner == absent || !sent->alive) {
        push_awaited_end(&question->wait);
        *free = status == PUSH_OK && sent->found;
        return status == PUSH_OK ? PUSH_NOT_FOUND : status;
    }
    result = push_awaited_wait(&question->wait, PUSH_AWAITED_ANSWERED,
                               ANSWER_MS);
    push_awaited_end(&question->wait);
    return result.happened & PUSH_AWAITED_ANSWERED ? status_of(result.value)
                                                   : PUSH_NO_STATE;
}

/*
 * An owner who has nothing of it may have just given it to another one, where
 * its client is by now: so Redis is asked again whose it is.
 */
static push_status_t ask_owners(question_t *question)
{
    push_status_t status = PUSH_NOT_FOUND;
    unsigned absent = PUSH_OWNER_NOBODY;

    for (int i = 0; i < ROUNDS; i++) {
        bool free = false, moved = false;

        status = ask(question, absent, &free);
        if (status == PUSH_NOT_FOUND && free) {
            status = take_over(question, &moved);
            if (!moved) {
                return status;
            }
            absent = PUSH_OWNER_NOBODY;
            continue;
        }
        if (status != PUSH_NOT_FOUND || !question->sent.found) {
            return status;
        }
        absent = question->sent.owner;
    }
    return PUSH_NO_STATE;
}

push_status_t push_acks_take(push_cluster_t *cluster,
                             const push_checkin_t *checkin,
                             const push_time_t *now)
{
    question_t question = {.cluster = cluster,
                           .checkin = checkin,
                           .now = now,
                           .log = push_log_name('u', checkin->user)};
    push_status_t status;

    push_store_context_id(checkin->user, checkin->labels[PUSH_LABEL_DEVICE],
                          checkin->labels[PUSH_LABEL_APP], question.id);
    status = take_here(&question);
    if (status != PUSH_NOT_FOUND) {
        return status;
    }
    if (push_cluster_owner(cluster) == PUSH_OWNER_NOBODY) {
        return PUSH_NO_STATE;
    }
    return ask_owners(&question);
}

/* ---- the link ---- */

static push_status_t do_asked(push_cluster_t *cluster,
                              const push_inbox_entry_t *entry)
{
    push_time_t now = push_clock_now();
    push_text_t user = {entry->log.at + 1, entry->log.len - 1};
    push_cursor_t cursor;
    push_status_t status;

    if (!read_body(entry->body, &cursor)) {
        return PUSH_BUSY;
    }
    status = acknowledge(&(acked_t){cluster, user, entry->context, &cursor},
                         &now);
    return status == PUSH_NOT_FOUND
                   && push_awaited_has(&cluster->words->awaited,
                                       entry->context)
               ? PUSH_BUSY /* it is on its way to us */
               : status;
}

void push_acks_asked(push_cluster_t *cluster, const push_inbox_entry_t *entry)
{
    push_post_t *post = push_post_begin(cluster, entry->partition);
    char said;

    if (!post || entry->log.len < 1 || entry->log.at[0] != 'u') {
        push_post_drop(post);
        return;
    }
    said = (char)said_of(do_asked(cluster, entry));
    push_library_answer(
        &post->request.command,
        &(push_answer_call_t){.home = push_cluster_home(cluster,
                                                        entry->partition),
                              .to = entry->from,
                              .request = entry->request,
                              .from = push_cluster_owner(cluster),
                              .body = {&said, 1}});
    push_post_send(post);
}

bool push_acks_answered(push_cluster_t *cluster,
                        const push_inbox_entry_t *entry)
{
    const push_wait_result_t answered = {
        .happened = PUSH_AWAITED_ANSWERED,
        .value = entry->body.len ? (unsigned char)entry->body.at[0] : 0};
    unsigned char key[PUSH_AWAITED_KEY];

    key_of(entry->request, key);
    return push_awaited_tell(&cluster->words->awaited, key, &answered);
}

/* ---- whose they are where no device is named ---- */

static bool same(push_text_t a, push_text_t b)
{
    return a.len == b.len && (!a.len || !memcmp(a.at, b.at, a.len));
}

static unsigned count_made_up(const push_reply_t *reply, push_text_t app,
                              char *device)
{
    push_viewed_t viewed;
    unsigned at = 0, count = 0;

    while (push_view_next(reply, &at, &viewed)) {
        char key[1 + PUSH_CONTEXT_BYTES] = {PUSH_RECORD_DEVICE};
        push_device_record_t record;
        push_text_t id;

        memcpy(key + 1, viewed.context, PUSH_CONTEXT_BYTES);
        if (!push_device_read((push_text_t){key, sizeof(key)}, viewed.record,
                              &record)
            || !(record.traits & PUSH_DEVICE_MADE_UP)
            || !same(record.labels[PUSH_LABEL_APP], app)) {
            continue;
        }
        id = record.labels[PUSH_LABEL_DEVICE];
        if (id.len && id.len <= PUSH_DEVICE_MAX) {
            memcpy(device, id.at, id.len);
            device[id.len] = '\0';
            count++;
        }
    }
    return count;
}

bool push_acks_only_made_up(push_cluster_t *cluster, push_text_t user,
                            push_text_t app, char *device)
{
    push_log_name_t log = push_log_name('u', user);
    unsigned partition = push_log_partition(cluster->store,
                                            push_log_text(&log));
    push_home_t home = push_cluster_home(cluster, partition);
    push_request_t request;
    bool only;

    push_request_init(&request, partition);
    push_library_view(&request.command, &home, push_log_text(&log));
    only = push_courier_call(cluster->courier, &request) == PUSH_FAILURE_NONE
           && count_made_up(request.reply, app, device) == 1;
    push_request_cleanup(&request);
    return only;
}
