#ifndef PUSH_LIBRARY_PEER_CALLS_H
#define PUSH_LIBRARY_PEER_CALLS_H

#include "broker/library/device_calls.h"

/* What one node asks others, through their inboxes. */

/* ---- push_send: A or Q to the owner of a device, or to an owner ---- */

typedef struct push_send_call_t {
    push_home_t home;
    push_text_t log;
    const unsigned char *context; /* NULL: of no device; then `to` is given */
    char kind;                    /* PUSH_ENTRY_ACK or _QUESTION */
    unsigned to;      /* PUSH_OWNER_NOBODY: whoever owns the device */
    uint64_t request; /* comes back with the answer */
    unsigned from;
    push_text_t body;
} push_send_call_t;

typedef struct push_send_reply_t {
    bool found;     /* the device has a record */
    unsigned owner; /* to whom it went; nobody: it went nowhere */
    uint32_t heard; /* who was woken; 0: it finds it by its next drain */
    bool alive;     /* it drains its inbox; else nothing was sent */
} push_send_reply_t;

void push_library_send(push_command_t *command, const push_send_call_t *call);
bool push_send_reply(const push_reply_t *reply, push_send_reply_t *sent);

/* ---- push_answer: S to who asked ---- */

typedef struct push_answer_call_t {
    push_home_t home;
    unsigned to;
    uint64_t request;
    unsigned from;
    push_text_t body;
} push_answer_call_t;

void push_library_answer(push_command_t *command,
                         const push_answer_call_t *call);

/* ---- push_tell_all: E to these owners ---- */

typedef struct push_tell_call_t {
    push_home_t home;
    push_text_t log;
    uint64_t request;
    unsigned from;
    push_text_t body;
    unsigned count;
    const unsigned *owners;
} push_tell_call_t;

void push_library_tell_all(push_command_t *command,
                           const push_tell_call_t *call);
/* To how many it went who are alive; each answers S. */
bool push_tell_reply(const push_reply_t *reply, uint32_t *reached);

/* ---- push_ask: Q to these owners, of no device ---- */

/* Of the call all but the log. */
void push_library_ask(push_command_t *command, const push_tell_call_t *call);
/* Sets whether each of them hears it, which are as many as were asked. */
bool push_ask_reply(const push_reply_t *reply, unsigned count, bool *heard);

/* ---- push_leave, push_collect: an answer too long for an inbox ---- */

/* S with its length (u32) says that it is there, for 5 s. */
void push_library_leave(push_command_t *command,
                        const push_answer_call_t *call);
/* `body` is not looked at.  What was left is given once. */
void push_library_collect(push_command_t *command,
                          const push_answer_call_t *call);
/* False: it is not there, or that is no answer.  Borrowed from the reply. */
bool push_collect_reply(const push_reply_t *reply, push_text_t *body);

/* ---- push_revoke: a mark for all nodes, and E; partition 0 ---- */

#define PUSH_MARK_BYTES 16

/* Since when a user's tokens are refused, see store/limits/guard.h. */
typedef struct push_revocation_t {
    unsigned char id[PUSH_MARK_BYTES];
    int64_t issued; /* wall ms; tokens up to then are refused */
    int64_t until;  /* wall ms; then all of them have expired */
} push_revocation_t;

void push_library_revoke(push_command_t *command, const push_tell_call_t *call,
                         const push_revocation_t *mark);

/* All marks there are; partition 0. */
void push_library_marks(push_command_t *command, const push_home_t *home);
/* False at the end, and where it is no answer. */
bool push_marks_next(const push_reply_t *reply, unsigned *at,
                     push_revocation_t *mark);

/* ---- push_view: the records of a user's devices, for administrators ---- */

void push_library_view(push_command_t *command, const push_home_t *home,
                       push_text_t log);

typedef struct push_viewed_t {
    unsigned char context[PUSH_CONTEXT_BYTES];
    unsigned owner;
    uint32_t fence;
    bool online;
    bool exact;
    int64_t left; /* Redis ms; 0: it is online */
    push_text_t record;
} push_viewed_t;

bool push_view_next(const push_reply_t *reply, unsigned *at,
                    push_viewed_t *viewed);

/* ---- push_read: one message of a log, likewise ---- */

void push_library_read(push_command_t *command, const push_home_t *home,
                       push_text_t log, uint64_t mid);

typedef struct push_read_reply_t {
    bool found;
    unsigned lane;      /* push_urgency_t */
    int64_t expires;    /* Redis ms */
    push_text_t record; /* value of push_message_make() */
} push_read_reply_t;

bool push_read_reply(const push_reply_t *reply, push_read_reply_t *read);

#endif
