#include "broker/views/seen_present.h"

#include <stdlib.h>

#include "broker/views/seen_by.h"
#include "core/hash.h"
#include "store/ops/present.h"

/* The question is the name of the channel; a field of the answer is a user. */
enum { SAID_USER = 1 };

static void write_user(void *data, push_text_t user)
{
    push_rows_text(data, SAID_USER, user);
}

bool push_seen_present_answer(push_cluster_t *cluster, push_text_t question,
                              push_rows_t *rows)
{
    return push_view_present(cluster->store, question, write_user, rows)
           == PUSH_OK;
}

/* Users that were visited, by a hash of their names: an open table. */
typedef struct {
    const push_cluster_t *cluster;
    const push_visitor_t *visitor;
    uint64_t *at; /* 0: free */
    uint32_t count, mask;
    bool more;
    bool failed; /* no memory */
} present_t;

static bool put(uint64_t *at, uint32_t mask, uint64_t hash)
{
    uint32_t i = (uint32_t)hash & mask;

    while (at[i] && at[i] != hash) {
        i = (i + 1) & mask;
    }
    if (at[i]) {
        return false;
    }
    at[i] = hash;
    return true;
}

/* At most half of the table is in use. */
static bool make_room(present_t *present)
{
    uint32_t mask = present->mask ? present->mask * 2 + 1 : 255;
    uint64_t *at;

    if (present->at && present->count * 2 <= present->mask) {
        return true;
    }
    at = calloc(mask + (size_t)1, sizeof(*at));
    if (!at) {
        return false;
    }
    for (uint32_t i = 0; present->at && i <= present->mask; i++) {
        if (present->at[i]) {
            put(at, mask, present->at[i]);
        }
    }
    free(present->at);
    present->at = at;
    present->mask = mask;
    return true;
}

static void take_user(present_t *present, push_text_t user)
{
    uint64_t hash = push_hash(present->cluster->store->segment->hash_key,
                              user.at, user.len);

    if (!make_room(present)) {
        present->failed = true;
    }
    else if (put(present->at, present->mask, hash ? hash : 1)) {
        present->count++;
        present->visitor->user(present->visitor->data, user);
    }
}

static void take(void *data, unsigned owner, push_text_t answer)
{
    present_t *present = data;
    push_field_t field;

    (void)owner;
    while (push_field_next(&answer, &field)) {
        if (field.name == PUSH_ROWS_MORE) {
            present->more = true;
        }
        else if (field.name == SAID_USER) {
            take_user(present, field.bytes);
        }
    }
}

push_status_t push_seen_present(push_cluster_t *cluster,
                                const push_view_t *what,
                                const push_visitor_t *visitor)
{
    present_t present = {.cluster = cluster, .visitor = visitor};
    push_survey_t survey = {.kind = PUSH_SURVEY_PRESENT,
                            .question = what->channel,
                            .take = take,
                            .data = &present};
    push_status_t status = push_seen_ask(cluster, what->of, &survey);

    free(present.at);
    if (status == PUSH_OK && present.failed) {
        status = PUSH_NO_MEMORY;
    }
    if (status == PUSH_OK) {
        push_seen_nodes(visitor, &survey.nodes);
    }
    if (what->list.more) {
        *what->list.more = present.more;
    }
    return status;
}
