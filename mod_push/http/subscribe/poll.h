#ifndef PUSH_SUBSCRIBE_POLL_H
#define PUSH_SUBSCRIBE_POLL_H

#include "http/subscribe/subscriber.h"

/*
 * Answers a poll that has claimed its device, in this thread; DECLINED: it
 * found nothing, and may wait.  PUSH_STALE, PUSH_BUSY, PUSH_NO_MEMORY in
 * *status: nothing was answered.
 */
int push_poll_serve(request_rec *r, const push_subscriber_t *subscriber,
                    const push_stream_ref_t *stream_ref,
                    push_status_t *status);

#endif
