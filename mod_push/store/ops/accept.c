#include "store/disk/journal.h"
#include "store/ops/publish.h"
#include "store/ops/view.h"

void push_accept_begin(const push_store_t *store)
{
    push_journal_begin(store);
}

push_status_t push_accept_wait(push_store_t *store)
{
    return push_journal_wait(store);
}

push_status_t push_accept_publish(push_store_t *store,
                                  const push_request_t *request,
                                  const push_time_t *now,
                                  push_receipt_t *receipt)
{
    const push_claim_t claim = {request->key, request->hash};
    push_audience_t audience = *request->audience;
    push_request_t claimed = *request;
    push_status_t status = push_journal_ready(store);

    if (push_segment_superseded(store->segment)) {
        return PUSH_BUSY;
    }
    if (status == PUSH_OK && request->key.len) {
        status = push_store_key_claim(store, &claim, &audience, now, receipt);
    }
    if (status != PUSH_OK) {
        return status;
    }
    claimed.audience = &audience;
    status = push_store_publish_request(store, &claimed, now, receipt);
    if (status != PUSH_OK && request->key.len) {
        push_store_key_done(store, request->key, NULL);
    }
    return status;
}

push_status_t push_accept_settle(push_store_t *store, push_text_t key,
                                 const push_receipt_t *receipt,
                                 push_status_t status)
{
    if (key.len) {
        push_store_key_done(store, key, receipt);
    }
    else if (status != PUSH_OK) {
        push_time_t now = push_clock_now();
        uint32_t recalled;

        push_store_recall(store, receipt->mid, &now, &recalled);
    }
    return status;
}
