#include "broker/node/ends.h"

#include <stdlib.h>
#include <string.h>

#include "broker/library/cluster_calls.h"
#include "broker/library/peer_calls.h"
#include "broker/node/lease.h"
#include "broker/node/loading.h"
#include "broker/node/names.h"
#include "redis/courier.h"
#include "store/ops/apply.h"
#include "store/ops/dismiss.h"

/*
 * The body of E is one byte, 1 where the user's tokens are refused too, and
 * then the mark (id, issued, until); that of S is how many streams ended, u32.
 */

#define ANSWER_MS 1000

/* A node whose lease is older has an inbox that was dropped, or is about to
 * be: it finds marks when it is back, and its clients are elsewhere. */
#define ALIVE_MS 15000
#define BODY     (1 + sizeof(push_revocation_t))

/* ---- bodies ---- */

static push_text_t write_body(const push_revocation_t *mark, char body[BODY])
{
    body[0] = mark != NULL;
    if (!mark) {
        return (push_text_t){body, 1};
    }
    memcpy(body + 1, mark, sizeof(*mark));
    return (push_text_t){body, BODY};
}

/* False: it is none of this version. */
static bool read_body(push_text_t body, push_revocation_t *mark, bool *revoked)
{
    *revoked = body.len && body.at[0] == 1;
    if (*revoked && body.len == BODY) {
        memcpy(mark, body.at + 1, sizeof(*mark));
        return true;
    }
    return body.len == 1 && body.at[0] == 0;
}

/* ---- here ---- */

/* Into this node's guard: its tokens are refused from now on. */
static push_status_t note(push_cluster_t *cluster,
                          const push_revocation_t *revocation)
{
    push_time_t now = push_clock_now();
    push_mark_t mark = {.value = revocation->issued,
                        .until = now.mono + revocation->until - now.wall};

    if (mark.until <= now.mono) {
        return PUSH_OK;
    }
    memcpy(mark.id, revocation->id, sizeof(mark.id));
    return push_guard_restore(cluster->store->guard, &mark);
}

static push_revocation_t mark_of(const push_cluster_t *cluster,
                                 push_text_t user, int64_t refuse)
{
    push_time_t now = push_clock_now();
    push_revocation_t mark = {.issued = now.wall,
                              .until = now.wall + refuse - now.mono};
    uint64_t id[2];

    push_guard_id(cluster->store->guard, user, id);
    memcpy(mark.id, id, sizeof(mark.id));
    return mark;
}

static void sent(push_request_t *request)
{
    push_request_cleanup(request);
    free(request);
}

static void answer(push_cluster_t *cluster, const push_inbox_entry_t *entry,
                   uint32_t streams)
{
    push_request_t *request = malloc(sizeof(*request));
    const unsigned char body[4] = {(unsigned char)(streams >> 24),
                                   (unsigned char)(streams >> 16),
                                   (unsigned char)(streams >> 8),
                                   (unsigned char)streams};

    if (!request) {
        return;
    }
    push_request_init(request, entry->partition);
    request->done = sent;
    push_library_answer(
        &request->command,
        &(push_answer_call_t){push_cluster_home(cluster, entry->partition),
                              entry->from,
                              entry->request,
                              push_cluster_owner(cluster),
                              {(const char *)body, sizeof(body)}});
    push_courier_send(cluster->courier, request);
}

void push_ends_asked(push_cluster_t *cluster, const push_inbox_entry_t *entry)
{
    push_revocation_t mark;
    push_log_kind_t kind;
    push_text_t user;
    bool revoked;
    uint32_t streams = 0;

    if (!read_body(entry->body, &mark, &revoked)
        || !push_log_name_parse(entry->log, &kind, &user)
        || kind != PUSH_LOG_USER) {
        return;
    }
    /* Who asked waits for all; what could not be done is not answered. */
    if ((!revoked || note(cluster, &mark) == PUSH_OK)
        && push_store_dismiss(cluster->store, user, revoked, &streams)
               == PUSH_OK) {
        answer(cluster, entry, streams);
    }
}

/* ---- the answers of others ---- */

static void key_of(uint64_t request, unsigned from,
                   unsigned char key[PUSH_AWAITED_KEY])
{
    memset(key, 0, PUSH_AWAITED_KEY);
    key[0] = PUSH_ENTRY_END;
    memcpy(key + 2, &request, sizeof(request));
    memcpy(key + 10, &from, sizeof(from));
}

void push_ends_answered(push_cluster_t *cluster,
                        const push_inbox_entry_t *entry)
{
    const unsigned char *body = (const unsigned char *)entry->body.at;
    push_wait_result_t result = {.happened = PUSH_AWAITED_ANSWERED};
    unsigned char key[PUSH_AWAITED_KEY];

    if (entry->body.len != 4) {
        return;
    }
    result.value = (uint32_t)body[0] << 24 | (uint32_t)body[1] << 16
                   | (uint32_t)body[2] << 8 | body[3];
    key_of(entry->request, entry->from, key);
    push_awaited_tell(&cluster->words->awaited, key, &result);
}

/* ---- all nodes ---- */

typedef struct {
    push_cluster_t *cluster;
    push_named_log_ref_t log;
    uint64_t request;
    unsigned owners[PUSH_CLUSTER_NODES];
    unsigned count;
    push_wait_ref_t waits[PUSH_CLUSTER_NODES];
    unsigned waiting;
    uint32_t reached; /* of them: those whose inbox has it */
} round_t;

/* The other nodes that are alive. */
static push_status_t find_peers(round_t *round)
{
    push_cluster_t *cluster = round->cluster;
    push_lease_reply_t *lease = malloc(sizeof(*lease));
    push_request_t request;
    push_status_t status = PUSH_NO_STATE;

    if (push_cluster_owner(cluster) == PUSH_OWNER_NOBODY || !lease) {
        free(lease);
        return PUSH_NO_STATE;
    }
    push_request_init(&request, 0);
    push_lease_fill(cluster, &request.command);
    if (push_courier_call(cluster->courier, &request) == PUSH_FAILURE_NONE
        && push_lease_reply(request.reply, lease)) {
        status = PUSH_OK;
        for (unsigned i = 0; i < lease->count; i++) {
            if (lease->peers[i].owner != push_cluster_owner(cluster)
                && lease->peers[i].age < ALIVE_MS) {
                round->owners[round->count++] = lease->peers[i].owner;
            }
        }
    }
    push_request_cleanup(&request);
    free(lease);
    return status;
}

/* Before it is asked, so that no answer is missed. */
static void begin_waits(round_t *round)
{
    push_store_t *store = round->cluster->store;

    for (unsigned i = 0; i < round->count; i++) {
        unsigned char key[PUSH_AWAITED_KEY];
        push_wait_begin_t begin = {.key = key,
                                   .seats = &store->seats,
                                   .tag = store->tag,
                                   .ms = 2 * ANSWER_MS};

        key_of(round->request, round->owners[i], key);
        if (push_awaited_begin(&round->cluster->words->awaited, &begin,
                               &round->waits[round->waiting])
            == PUSH_OK) {
            round->waiting++;
        }
    }
}

static push_status_t tell(round_t *round, const push_revocation_t *mark)
{
    push_cluster_t *cluster = round->cluster;
    unsigned partition = mark ? 0 : round->log.partition;
    char body[BODY];
    push_tell_call_t call = {.home = push_cluster_home(cluster, partition),
                             .log = {round->log.text, round->log.len},
                             .request = round->request,
                             .from = push_cluster_owner(cluster),
                             .body = write_body(mark, body),
                             .count = round->count,
                             .owners = round->owners};
    push_request_t request;
    push_status_t status;

    push_request_init(&request, partition);
    if (mark) {
        push_library_revoke(&request.command, &call, mark);
    }
    else {
        push_library_tell_all(&request.command, &call);
    }
    status = push_status_of_failure(
        push_courier_call(cluster->courier, &request));
    if (status == PUSH_OK
        && !push_tell_reply(request.reply, &round->reached)) {
        status = PUSH_NO_STATE;
    }
    push_request_cleanup(&request);
    return status;
}

/* Those who do not answer in time are dead, or find the mark when they are
 * back. */
static uint32_t gather(round_t *round)
{
    int64_t until = push_redis_now() + ANSWER_MS;
    uint32_t streams = 0, answered = 0;

    for (unsigned i = 0; i < round->waiting; i++) {
        int64_t left = answered < round->reached ? until - push_redis_now()
                                                 : 0;
        push_wait_result_t result = push_awaited_wait(
            &round->waits[i], PUSH_AWAITED_ANSWERED, left > 0 ? left : 0);

        if (result.happened & PUSH_AWAITED_ANSWERED) {
            streams += result.value;
            answered++;
        }
        push_awaited_end(&round->waits[i]);
    }
    return streams;
}

static push_status_t tell_others(round_t *round, const push_revocation_t *mark,
                                 uint32_t *streams)
{
    push_status_t status = find_peers(round);

    if (status != PUSH_OK || (!round->count && !mark)) {
        return status;
    }
    begin_waits(round);
    status = tell(round, mark);
    if (status != PUSH_OK) {
        for (unsigned i = 0; i < round->waiting; i++) {
            push_awaited_end(&round->waits[i]);
        }
        return status;
    }
    *streams += gather(round);
    return PUSH_OK;
}

push_status_t push_ends_dismiss(push_cluster_t *cluster, push_text_t user,
                                int64_t refuse, uint32_t *streams)
{
    push_revocation_t mark = mark_of(cluster, user, refuse);
    round_t round = {.cluster = cluster,
                     .request = push_awaited_number(&cluster->words->awaited)};
    push_status_t status = PUSH_OK;

    *streams = 0;
    push_names_log(cluster, PUSH_LOG_USER, user, &round.log);
    /* First the mark: who checks in after it is found, before it is ended. */
    if (refuse) {
        status = note(cluster, &mark);
    }
    if (status == PUSH_OK) {
        status = push_store_dismiss(cluster->store, user, refuse != 0,
                                    streams);
    }
    return status == PUSH_OK
               ? tell_others(&round, refuse ? &mark : NULL, streams)
               : status;
}

push_status_t push_ends_recover(push_cluster_t *cluster)
{
    push_home_t home = push_cluster_home(cluster, 0);
    push_revocation_t mark;
    push_request_t request;
    push_status_t status;
    unsigned at = 0;

    push_request_init(&request, 0);
    push_library_marks(&request.command, &home);
    status = push_status_of_failure(
        push_courier_call(cluster->courier, &request));
    while (status == PUSH_OK && push_marks_next(request.reply, &at, &mark)) {
        status = note(cluster, &mark);
    }
    push_request_cleanup(&request);
    return status;
}
