#include "broker/node/survey.h"

#include <stdlib.h>
#include <string.h>

#include "broker/library/peer_calls.h"
#include "broker/node/post.h"
#include "broker/node/steward.h"
#include "redis/courier.h"

#define ANSWER_MS 500   /* for all that are asked */
#define WAIT_MS   5000  /* of a wait, should its thread end */
#define ALIVE_MS  15000 /* then the inbox of a node was dropped */
#define TRIES     2u

/* The body of Q is the kind in a byte, and the question; that of S the length
 * of the answer, u32. */
#define SAID_BYTES 4u

/* ---- who asks ---- */

typedef struct {
    unsigned owner;
    bool waits; /* there is a wait; ended by gather() */
    push_wait_ref_t wait;
} peer_t;

typedef struct {
    push_cluster_t *cluster;
    push_survey_t *survey;
    uint64_t request;
    unsigned partition; /* by whose master they are asked */
    int64_t until;      /* push_redis_now() */
    peer_t peers[PUSH_NODES_MAX];
    unsigned count;
    bool heard[PUSH_NODES_MAX];
} round_t;

static void note(push_survey_t *survey, unsigned owner, bool answered)
{
    push_nodes_asked_t *nodes = &survey->nodes;
    uint8_t node = (uint8_t)push_owner_node(owner);

    if (answered) {
        nodes->answered[nodes->answered_count++] = node;
    }
    else {
        nodes->silent[nodes->silent_count++] = node;
    }
}

static void find_peers(round_t *round)
{
    push_cluster_t *cluster = round->cluster;
    push_cluster_view_t *view = calloc(1, sizeof(*view));
    int64_t now = push_clock_now().mono;

    if (!view) {
        return;
    }
    push_roster_read(&cluster->words->roster, view);
    for (unsigned i = 0; i < view->nodes_count; i++) {
        const push_node_view_t *node = &view->nodes[i];

        if (node->owner != push_cluster_owner(cluster)
            && now - node->renewed < ALIVE_MS
            && round->count < PUSH_NODES_MAX - 1) {
            round->peers[round->count++].owner = node->owner;
        }
    }
    free(view);
}

static void key_of(uint64_t request, unsigned owner, unsigned char *key)
{
    memset(key, 0, PUSH_AWAITED_KEY);
    memcpy(key, "all", 3);
    memcpy(key + 4, &owner, sizeof(owner));
    memcpy(key + 8, &request, sizeof(request));
}

/* Before it is asked, so that no answer is missed. */
static void begin_waits(round_t *round)
{
    push_store_t *store = round->cluster->store;

    for (unsigned i = 0; i < round->count; i++) {
        peer_t *peer = &round->peers[i];
        unsigned char key[PUSH_AWAITED_KEY];
        push_wait_begin_t begin = {.key = key,
                                   .seats = &store->seats,
                                   .tag = store->tag,
                                   .ms = WAIT_MS};

        key_of(round->request, peer->owner, key);
        peer->waits = push_awaited_begin(&round->cluster->words->awaited,
                                         &begin, &peer->wait)
                      == PUSH_OK;
    }
}

static bool ask(round_t *round, push_text_t body)
{
    push_cluster_t *cluster = round->cluster;
    unsigned owners[PUSH_NODES_MAX];
    const push_tell_call_t call = {.home = push_cluster_home(cluster,
                                                             round->partition),
                                   .request = round->request,
                                   .from = push_cluster_owner(cluster),
                                   .body = body,
                                   .count = round->count,
                                   .owners = owners};
    push_request_t request;
    bool asked;

    for (unsigned i = 0; i < round->count; i++) {
        owners[i] = round->peers[i].owner;
    }
    push_request_init(&request, round->partition);
    request.deadline = round->until;
    push_library_ask(&request.command, &call);
    asked = push_courier_call(cluster->courier, &request) == PUSH_FAILURE_NONE
            && push_ask_reply(request.reply, round->count, round->heard);
    push_request_cleanup(&request);
    return asked;
}

/* By any master that answers. */
static bool ask_somewhere(round_t *round)
{
    push_text_t question = round->survey->question;
    uint32_t len = question.len + 1;
    char *body = malloc(len);
    bool asked = false;

    if (!body) {
        return false;
    }
    body[0] = (char)round->survey->kind;
    if (question.len) {
        memcpy(body + 1, question.at, question.len);
    }
    for (unsigned i = 0; i < TRIES && !asked; i++) {
        round->partition = (unsigned)(round->request * 37
                                      + i * PUSH_PARTITIONS / TRIES)
                           % PUSH_PARTITIONS;
        asked = ask(round, (push_text_t){body, len});
    }
    free(body);
    return asked;
}

/* What a node has left. */
static bool collect(round_t *round, unsigned owner)
{
    push_cluster_t *cluster = round->cluster;
    const push_answer_call_t call = {
        .home = push_cluster_home(cluster, round->partition),
        .to = push_cluster_owner(cluster),
        .request = round->request,
        .from = owner};
    push_request_t request;
    push_text_t answer;
    bool there;

    push_request_init(&request, round->partition);
    push_library_collect(&request.command, &call);
    there = push_courier_call(cluster->courier, &request) == PUSH_FAILURE_NONE
            && push_collect_reply(request.reply, &answer);
    if (there) {
        round->survey->take(round->survey->data, owner, answer);
    }
    push_request_cleanup(&request);
    return there;
}

/* One that nobody hears is not waited for: it has ended, or just begins. */
static void gather(round_t *round)
{
    for (unsigned i = 0; i < round->count; i++) {
        peer_t *peer = &round->peers[i];
        int64_t left = round->heard[i] ? round->until - push_redis_now() : 0;
        push_wait_result_t result = {0};

        if (peer->waits) {
            push_awaited_wait(&peer->wait, PUSH_AWAITED_ANSWERED,
                              left > 0 ? left : 0);
            result = push_awaited_end(&peer->wait);
        }
        note(round->survey, peer->owner,
             result.happened & PUSH_AWAITED_ANSWERED
                 && collect(round, peer->owner));
    }
}

static void take_own(round_t *round)
{
    push_survey_t *survey = round->survey;
    unsigned owner = push_cluster_owner(round->cluster);
    push_rows_t rows;
    bool known = true;

    push_rows_init(&rows, PUSH_ROWS_MAX);
    if (!survey->others) {
        known = round->cluster->answer(round->cluster, survey->kind,
                                       survey->question, &rows);
    }
    if (known && !survey->others) {
        survey->take(survey->data, owner, push_rows_bytes(&rows));
    }
    push_rows_cleanup(&rows);
    if (owner != PUSH_OWNER_NOBODY) {
        note(survey, owner, known);
    }
}

void push_survey(push_cluster_t *cluster, push_survey_t *survey)
{
    round_t round = {.cluster = cluster,
                     .survey = survey,
                     .request = push_awaited_number(&cluster->words->awaited),
                     .until = push_redis_now() + ANSWER_MS};

    survey->nodes = (push_nodes_asked_t){.answered_count = 0};
    find_peers(&round);
    begin_waits(&round);
    if (round.count && push_cluster_owner(cluster) != PUSH_OWNER_NOBODY) {
        ask_somewhere(&round);
    }
    take_own(&round);
    gather(&round);
}

bool push_survey_answered(push_cluster_t *cluster,
                          const push_inbox_entry_t *entry)
{
    const push_wait_result_t answered = {.happened = PUSH_AWAITED_ANSWERED};
    unsigned char key[PUSH_AWAITED_KEY];

    if (entry->body.len != SAID_BYTES) {
        return false;
    }
    key_of(entry->request, entry->from, key);
    return push_awaited_tell(&cluster->words->awaited, key, &answered);
}

/* ---- who is asked ---- */

typedef struct {
    push_errand_t errand; /* the first */
    unsigned partition;
    unsigned from;
    uint64_t request;
    int64_t until; /* push_redis_now(); then nobody waits any more */
    unsigned kind;
    uint32_t len; /* of the question */
    char question[];
} asked_t;

static void leave(push_cluster_t *cluster, const asked_t *asked,
                  push_text_t answer)
{
    push_post_t *post = push_post_begin(cluster, asked->partition);
    const push_answer_call_t call = {
        .home = push_cluster_home(cluster, asked->partition),
        .to = asked->from,
        .request = asked->request,
        .from = push_cluster_owner(cluster),
        .body = answer};

    if (post) {
        push_library_leave(&post->request.command, &call);
        push_post_send(post);
    }
}

static void run(push_cluster_t *cluster, push_errand_t *errand)
{
    asked_t *asked = (asked_t *)errand;
    push_rows_t rows;

    push_rows_init(&rows, PUSH_ROWS_MAX);
    if (push_redis_now() < asked->until
        && cluster->answer(cluster, asked->kind,
                           (push_text_t){asked->question, asked->len},
                           &rows)) {
        leave(cluster, asked, push_rows_bytes(&rows));
    }
    push_rows_cleanup(&rows);
    free(asked);
}

void push_survey_asked(push_cluster_t *cluster,
                       const push_inbox_entry_t *entry)
{
    push_text_t body = entry->body;
    asked_t *asked = body.len ? malloc(sizeof(*asked) + body.len) : NULL;

    if (!asked) {
        return;
    }
    *asked = (asked_t){.errand = {.run = run},
                       .partition = entry->partition,
                       .from = entry->from,
                       .request = entry->request,
                       .until = push_redis_now() + ANSWER_MS,
                       .kind = (unsigned char)body.at[0],
                       .len = body.len - 1};
    memcpy(asked->question, body.at + 1, asked->len);
    push_steward_add(cluster->steward, &asked->errand);
}
