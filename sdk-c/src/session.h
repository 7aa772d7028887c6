/*
 * session.h - what was received, what is done, what may be acknowledged.
 *
 * Pure: no socket, no clock, no lock. The client calls it under its lock.
 *
 *   block -> pushc_session_receive -> queue -> pushc_session_next -> held
 *         -> pushc_session_done -> cursor -> pushc_session_take_ack
 *
 * Each id of the current stream has an entry, in order of arrival; the
 * cursor is the id of the last entry before the first whose message is not
 * done. Each message id has a record, which outlives streams: a repeat is
 * not handed over again, and its new entry is done when the message is.
 */
#ifndef PUSHC_SESSION_H
#define PUSHC_SESSION_H

#include "list.h"
#include "message.h"
#include "parser.h"
#include "records.h"

#define PUSHC_ID_MAX 64 /* of an id, with its NUL; longer ones count as none */

/* An id of the current stream that the cursor has not passed. */
struct pushc_entry {
    char id[PUSHC_ID_MAX];
    uint64_t seq;                /* 0: a foreign id, not acknowledged */
    struct pushc_record *record; /* NULL: nothing to wait for */
    int ack_now;
};

struct pushc_session {
    const struct pushc_mem *mem; /* borrowed */
    unsigned window;             /* of unacknowledged messages */
    unsigned max_messages;
    size_t max_bytes;
    unsigned dedup; /* passed records that are kept */
    unsigned pause; /* ms before the first repetition */

    struct pushc_records records;

    struct pushc_entry *ring;
    size_t ring_size; /* a power of two, or 0 */
    size_t ring_first, ring_count;

    struct pushc_list queue, held; /* of pushc_item */
    size_t bytes;                  /* of both */

    char cursor[PUSHC_ID_MAX];
    uint64_t cursor_seq; /* 0: nothing that could be acknowledged */
    unsigned unsent;     /* entries passed since the last acknowledgement */
    unsigned sending;    /* entries that the one under way covers */
    int urgent;          /* one of the unsent asked for it */

    uint64_t received, repeated, done;
};

enum pushc_receipt {
    PUSHC_RECEIVED_NEW,
    PUSHC_RECEIVED_REPEAT,
    PUSHC_RECEIVED_ID,        /* an id without a message */
    PUSHC_RECEIVED_TOO_LARGE, /* likewise, of one that was too large */
    PUSHC_RECEIVED_NO_MEMORY
};

/* s is the caller's, zeroed but for the limits; PUSHC_ERR_MEMORY or OK. */
int pushc_session_init(struct pushc_session *s, const struct pushc_mem *mem);
void pushc_session_cleanup(struct pushc_session *s);

/* Begin with a cursor of an earlier run; PUSHC_ERR_ARGUMENT if it is none. */
int pushc_session_restore(struct pushc_session *s, const char *cursor);

/* An attempt begins, which shows s->cursor to the server. Answered or not, the
 * server may number anew behind that cursor: messages of the streams before
 * move the cursor no more. */
void pushc_session_attempt(struct pushc_session *s);

/* A new stream is open: its ids get entries of their own. */
void pushc_session_connected(struct pushc_session *s);

/* Take a block that is a message, or only an id. Copies what it keeps. */
enum pushc_receipt pushc_session_receive(struct pushc_session *s,
                                         const struct pushc_block *block);

/* Whether no more should be read for now. */
int pushc_session_full(const struct pushc_session *s);

/* Hand over the next message, or NULL: none, or none before now. */
struct pushc_item *pushc_session_next(struct pushc_session *s, uint64_t now);

/* The time when the next message may be handed over; 0: there is none. */
uint64_t pushc_session_next_at(const struct pushc_session *s);

/* The item behind a message that the application holds, or NULL. */
struct pushc_item *pushc_session_held(struct pushc_session *s,
                                      pushc_message *message);

/* Note that the message is done, and free it. */
void pushc_session_done(struct pushc_session *s, struct pushc_item *item);

/* Queue the message again, before all others, after a pause. */
void pushc_session_retry(struct pushc_session *s, struct pushc_item *item,
                         uint64_t now);

/* Whether something is done and not acknowledged. */
int pushc_session_unacked(const struct pushc_session *s);

/* Whether the acknowledgement should not wait for the next batch. */
int pushc_session_ack_urgent(const struct pushc_session *s);

/* Forget what is due: the server knows nothing that could be acknowledged. */
void pushc_session_ack_forget(struct pushc_session *s);

/* Begin an acknowledgement of s->cursor; only one at a time. */
void pushc_session_ack_begin(struct pushc_session *s);
void pushc_session_ack_end(struct pushc_session *s, int taken);

/* Split "SEQ.MID" (or "SEQ.MID.DEVICE"). The mid is "" where there is none,
 * or where it is too long. 1, or 0 where the id does not begin with a
 * positive number. */
int pushc_id_split(const char *id, uint64_t *seq, char mid[PUSHC_MID_MAX]);

#endif
