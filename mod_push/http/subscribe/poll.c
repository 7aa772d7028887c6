#include "http/subscribe/poll.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <stdlib.h>

#include "codec/sse.h"
#include "http/runtime.h"
#include "http/subscribe/head.h"
#include "stream/loop/reply.h"

/*
 * Where the session stands before this answer: where the client said, or at its
 * beginning.  A device id that was made up for it stands there, too: else the
 * next poll, if this one has no message, would be that of another device.
 */
static void set_cursor(request_rec *r, const push_subscriber_t *subscriber,
                       uint64_t before)
{
    const push_cursor_t *shown = subscriber->checkin.cursor;
    bool made_up = subscriber->checkin.made_up;
    char mid[PUSH_MID_CHARS + 1] = {0};

    before = shown ? before : 0;
    if (before && !shown->has_mid) {
        apr_table_setn(r->headers_out, "Push-Cursor",
                       apr_psprintf(r->pool, "%" APR_UINT64_T_FMT, before));
        return;
    }
    push_mid_write(before ? shown->mid : 0, mid);
    apr_table_setn(r->headers_out, "Push-Cursor",
                   apr_psprintf(r->pool, "%" APR_UINT64_T_FMT ".%s%s%s",
                                before, mid, made_up ? "." : "",
                                made_up ? subscriber->device : ""));
}

static void send_body(request_rec *r, const push_codec_t *codec,
                      const push_poll_t *poll)
{
    const char *first = codec == &push_codec_sse ? push_head_retry(r) : "";

    ap_set_content_length(r, (apr_off_t)(strlen(first) + poll->len));
    ap_rputs(first, r);
    ap_rwrite(poll->bytes, (int)poll->len, r);
}

int push_poll_serve(request_rec *r, const push_subscriber_t *subscriber,
                    const push_stream_ref_t *stream_ref, push_status_t *status)
{
    const push_wait_t *wait = &subscriber->wait;
    push_time_t now = push_clock_now();
    push_poll_t poll = {.stream_ref = *stream_ref,
                        .codec = wait->codec,
                        .meta = subscriber->meta,
                        .waits = wait->ms != 0};

    *status = push_poll_answer(push_runtime()->store, &poll, &now);
    if (*status != PUSH_OK) {
        return OK;
    }
    set_cursor(r, subscriber, poll.sent - poll.messages);
    if (!poll.bytes && wait->ms) {
        return DECLINED;
    }
    if (!poll.messages && !poll.gaps) {
        r->status = HTTP_NO_CONTENT;
    }
    else {
        ap_set_content_type(r, wait->codec->type);
        send_body(r, wait->codec, &poll);
    }
    free(poll.bytes);
    return OK;
}
