#include "pushbench_poll.h"

#include <stdlib.h>
#include <string.h>

bool pb_poll_feed(struct pb_poll *poll, const struct reply_slice *slice)
{
    if (poll->len + slice->len > poll->cap) {
        size_t cap = (poll->len + slice->len) * 2;
        char *body = realloc(poll->body, cap);

        if (!body) {
            return false;
        }
        poll->body = body;
        poll->cap = cap;
    }
    if (slice->len > 0) {
        memcpy(poll->body + poll->len, slice->at, slice->len);
        poll->len += slice->len;
    }
    return true;
}

int pb_poll_end(struct pb_poll *poll, const struct pb_options *options,
                const struct reply_head *head, pb_message_fn *on_message,
                void *baton)
{
    const struct pb_answer answer = {
        .head = head,
        .body = {poll->body ? poll->body : "", poll->len},
        .on_message = on_message,
        .baton = baton,
    };

    poll->len = 0;
    return pb_wire_answer(options, &answer, &poll->cursor);
}

void pb_poll_cleanup(struct pb_poll *poll)
{
    free(poll->body);
    memset(poll, 0, sizeof *poll);
}
