/*
 * The wire of the servers that can be measured. All that differs between them
 * stands here; the payloads are the same.
 */
#ifndef PUSHBENCH_WIRE_H
#define PUSHBENCH_WIRE_H

#include "reply.h"
#include "pushbench_options.h"
#include "pushbench_sse.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room that a request needs beside its payload. */
#define PB_REQUEST_ROOM 512

/* Where a poller stands: what its next request shows. "" = at the beginning */
struct pb_cursor {
    char id[REPLY_VALIDATOR]; /* mod_push: of a message; nchan: the ETag */
    char modified[REPLY_VALIDATOR]; /* nchan: the Last-Modified with it */
};

/* One message of the run. */
struct pb_message {
    uint64_t time; /* when it was due, ns of the monotonic clock */
    unsigned to;   /* unicast: the index of the receiving stream */
};

/*
 * Each writes to `out` (PB_REQUEST_ROOM bytes, and the payload's size where a
 * message is in it) and returns the length.
 */

/* The request that opens the stream with this index. */
size_t pb_wire_subscribe(const struct pb_options *options, unsigned index,
                         char *out);

/* The request of a poll that waits, behind the cursor. */
size_t pb_wire_poll(const struct pb_options *options, unsigned index,
                    const struct pb_cursor *cursor, char *out);

/* A POST with one message. */
size_t pb_wire_post(const struct pb_options *options,
                    const struct pb_message *message, char *out);

/* The head of the POST whose body is the endless NDJSON (mod_push only). */
size_t pb_wire_ndjson_head(const struct pb_options *options, char *out);

/* One NDJSON line, its new line included. */
size_t pb_wire_ndjson_line(const struct pb_options *options,
                           const struct pb_message *message, char *out);

/* The payload: a JSON object of exactly options->size bytes. */
size_t pb_wire_payload(const struct pb_options *options,
                       const struct pb_message *message, char *out);

/* Read a payload (borrowed) back. False where it is none of this program. */
bool pb_wire_parse(const char *at, size_t len, struct pb_message *message);

/* The whole answer to a poll (borrowed), and who gets its payloads. */
struct pb_answer {
    const struct reply_head *head;
    struct reply_slice body;
    pb_message_fn *on_message;
    void *baton;
};

/*
 * Hand over the payloads of an answer, move the cursor, and return how many
 * gaps are told of; -1 where it is no such answer.
 */
int pb_wire_answer(const struct pb_options *options,
                   const struct pb_answer *answer, struct pb_cursor *cursor);

#endif
