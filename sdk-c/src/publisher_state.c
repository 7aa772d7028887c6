/* publisher_state.c - what becomes of an attempt to publish. */
#include "publisher_state.h"

#include "backoff.h"

void pushc_publisher_finish(pushc_publisher *p, struct pushc_publication *pub)
{
    pushc_list_append(&p->finished, &pub->link);
}

/* Whether trying again can help; the status is made to say what failed. */
static int may_retry(pushc_publisher *p, struct pushc_publication *pub)
{
    pushc_result *r = &pub->result;

    if (r->status != PUSHC_ERR_HTTP) {
        return 1;
    }
    if (r->http_status == 401 && p->set.o.on_token && pub->refused++ == 0) {
        pushc_token_reject(&p->token);
        r->status = PUSHC_ERR_AUTH;
        return 1;
    }
    if (r->http_status == 401 || r->http_status == 403) {
        r->status = PUSHC_ERR_AUTH;
    }
    else if (r->http_status == 409
             || pushc_head_is_temporary(r->http_status)) {
        r->status = PUSHC_ERR_OVERLOAD;
        return 1;
    }
    else if (r->http_status / 100 == 3) {
        r->status = PUSHC_ERR_REDIRECT;
    }
    return 0;
}

uint64_t pushc_publisher_retry_at(pushc_publisher *p, unsigned failed,
                                  uint64_t retry_after)
{
    struct pushc_backoff b = {retry_after > 0 ? PUSHC_BACKOFF_RETRY_AFTER
                                              : PUSHC_BACKOFF_JITTER,
                              p->set.o.base_ms, retry_after, failed};

    return pushc_now(&p->set)
           + pushc_backoff_delay(&b, pushc_uniform(&p->set));
}

void pushc_publisher_again(pushc_publisher *p, struct pushc_publication *pub,
                           uint64_t retry_after)
{
    pub->not_before = pushc_publisher_retry_at(p, pub->result.attempts - 1,
                                               retry_after);
    if (!may_retry(p, pub) || pushc_now(&p->set) >= pub->deadline) {
        pushc_publisher_finish(p, pub);
        return;
    }
    pushc_list_append(&p->later, &pub->link);
}
