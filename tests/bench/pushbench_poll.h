/* The answers that one poller gets, each gathered whole before it is read. */
#ifndef PUSHBENCH_POLL_H
#define PUSHBENCH_POLL_H

#include "pushbench_wire.h"

/* Zeroed, it is a poller at the beginning. Owns `body`. */
struct pb_poll {
    char *body;      /* what came of the answer, or NULL */
    size_t len, cap; /* its length and room */
    struct pb_cursor cursor;
};

/* Gather a part (borrowed) of the answer. False when memory ran out. */
bool pb_poll_feed(struct pb_poll *poll, const struct reply_slice *slice);

/* The answer is whole: read it, as pb_wire_answer() does, and forget it. */
int pb_poll_end(struct pb_poll *poll, const struct pb_options *options,
                const struct reply_head *head, pb_message_fn *on_message,
                void *baton);

void pb_poll_cleanup(struct pb_poll *poll);

#endif
