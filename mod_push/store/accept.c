#include <inttypes.h>
#include <stdio.h>

#include "core/hash.h"
#include "store/journal.h"
#include "store/publish.h"
#include "store/view.h"

uint64_t push_store_request_hash(const push_store_t *store,
                                 const push_text_t *parts, unsigned count)
{
    uint64_t chain[2] = {store->segment->hash_key[0],
                         store->segment->hash_key[1]};

    for (unsigned i = 0; i < count; i++) {
        chain[0] = push_hash(chain, parts[i].at, parts[i].len);
        chain[1] += parts[i].len;
    }
    return chain[0];
}

/* It is kept on disk: another order of the parts makes other requests. */
static uint64_t request_hash(const push_store_t *store,
                             const push_publication_t *publication)
{
    const push_draft_t *draft = &publication->draft;
    const push_audience_t *audience = &publication->audience;
    char numbers[64];
    int len = snprintf(numbers, sizeof(numbers), "%d %d %" PRId64 " %d",
                       audience->kind, draft->urgency, draft->ttl,
                       draft->content.ack_now);
    const push_text_t parts[] = {{numbers, (uint32_t)len},
                                 audience->name,
                                 draft->device,
                                 draft->topic,
                                 draft->content.event,
                                 draft->content.data};

    return push_store_request_hash(store, parts,
                                   sizeof(parts) / sizeof(parts[0]));
}

static push_status_t claim(push_store_t *store,
                           push_publication_t *publication,
                           push_answer_t *answer)
{
    push_store_key_name(publication->key, request_hash(store, publication),
                        &answer->claim);
    return push_store_key_claim(store, &answer->claim, &publication->audience,
                                &publication->now, &answer->receipt);
}

push_status_t push_accept_publish(push_store_t *store,
                                  push_publication_t *publication,
                                  push_commit_t *commit, push_answer_t *answer)
{
    push_status_t status = push_journal_ready(store);

    answer->keyed = publication->key.len != 0;
    answer->again = false;
    if (push_segment_superseded(store->segment)) {
        return PUSH_BUSY;
    }
    if (status == PUSH_OK && answer->keyed) {
        status = claim(store, publication, answer);
    }
    if (status == PUSH_OVER) {
        answer->again = true;
        return PUSH_OK;
    }
    if (status != PUSH_OK) {
        return status;
    }
    status = push_store_publish_for(store, publication, commit, answer);
    if (status != PUSH_OK && answer->keyed) {
        push_store_key_done(store, &answer->claim, NULL);
    }
    return status;
}

push_status_t push_accept_settle(push_store_t *store, push_commit_t *commit,
                                 const push_answer_t *answer)
{
    push_status_t status;

    if (answer->again) {
        return PUSH_OK;
    }
    status = push_journal_wait(store, commit);
    if (answer->keyed) {
        push_store_key_done(store, &answer->claim, &answer->receipt);
    }
    else if (status != PUSH_OK) {
        push_time_t now = push_clock_now();
        uint32_t recalled;

        push_store_recall(store, answer->receipt.mid, &now, &recalled);
    }
    return status;
}
