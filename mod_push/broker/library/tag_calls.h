#ifndef PUSH_LIBRARY_TAG_CALLS_H
#define PUSH_LIBRARY_TAG_CALLS_H

#include "broker/library/call.h"

/*
 * What the server subscribes a user to, whatever devices ask for.  Who follows
 * the user's log hears of each change (PUSH_ENTRY_TAGS), and what is answered
 * of that log ends with all of it.
 */

/* ---- push_tick: what is published to a log of the partition from now on is
 * above it ---- */

void push_library_tick(push_command_t *command, const push_home_t *home);
/* 0: it is no answer. */
uint64_t push_tick_reply(const push_reply_t *reply);

/* ---- push_tag, push_untag ---- */

typedef struct push_tag_call_t {
    push_home_t home;
    push_text_t log; /* 'u' + user */
    push_text_t channel;
    bool subscribe;
    uint64_t since; /* of push_tick, of the channel's partition */
    uint32_t most;
} push_tag_call_t;

typedef enum push_tagged_t {
    PUSH_TAGGED,
    PUSH_TAGGED_BEFORE, /* or was not, of one that is to end */
    PUSH_TAGGED_MANY    /* the user has as many as may be */
} push_tagged_t;

void push_library_tag(push_command_t *command, const push_tag_call_t *call);
bool push_tag_reply(const push_reply_t *reply, push_tagged_t *tagged);

/* ---- push_tags: all of a user ---- */

void push_library_tags(push_command_t *command, const push_home_t *home,
                       push_text_t log);
/* For push_tag_next(); false: it is no answer. */
bool push_tags_reply(const push_reply_t *reply, push_text_t *tags);

typedef struct push_tag_t {
    push_text_t channel;
    uint64_t since; /* as in push_tag_call_t */
} push_tag_t;

/* Takes one off.  False: there is none any more, or the bytes are none. */
bool push_tag_next(push_text_t *tags, push_tag_t *tag);

#endif
