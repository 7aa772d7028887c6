#ifndef PUSH_MEMBERS_H
#define PUSH_MEMBERS_H

#include "http/problem.h"

/* The members of a line of a stream of messages, as JSON has them. */

typedef enum push_member_id_t {
    PUSH_MEMBER_USER,
    PUSH_MEMBER_CHANNEL,
    PUSH_MEMBER_BROADCAST,
    PUSH_MEMBER_DEVICE,
    PUSH_MEMBER_WHERE,
    PUSH_MEMBER_SHARE,
    PUSH_MEMBER_OF,
    PUSH_MEMBER_VARIANT,
    PUSH_MEMBER_TTL,
    PUSH_MEMBER_URGENCY,
    PUSH_MEMBER_TOPIC,
    PUSH_MEMBER_EVENT,
    PUSH_MEMBER_TYPE,
    PUSH_MEMBER_KEY,
    PUSH_MEMBER_RECEIPT,
    PUSH_MEMBER_TRACEPARENT,
    PUSH_MEMBER_AT,
    PUSH_MEMBER_DATA,
    PUSH_MEMBER_TEXT,
    PUSH_MEMBER_BASE64,
    PUSH_MEMBERS
} push_member_id_t;

typedef enum push_member_kind_t {
    PUSH_MEMBER_ABSENT,
    PUSH_MEMBER_STRING,
    PUSH_MEMBER_TRUE,
    PUSH_MEMBER_FALSE,
    PUSH_MEMBER_OTHER /* a number, null, an array or an object */
} push_member_kind_t;

/* One member.  A zeroed one is absent. */
typedef struct push_member_t {
    push_member_kind_t kind;
    push_text_t text; /* of a string, but for data: its characters, without
                         escapes; a C string too */
    push_text_t raw;  /* of data, ttl and where: the value as the line has it;
                         empty if the name is written with escapes */
} push_member_t;

/* The name, as a C string. */
const char *push_member_name(push_member_id_t id);

/* PUSH_MEMBERS if no member has this name. */
push_member_id_t push_member_find(push_text_t name);

/*
 * Reads a line, which must be one JSON object, into members[PUSH_MEMBERS].
 * The texts are borrowed from the line and the pool.  Or the problem: what is
 * no JSON, or the name of a member that no message has.
 * By jansson alone: any line, at any price.
 */
const push_problem_t *push_members_load(apr_pool_t *pool, push_text_t line,
                                        push_member_t *members);

#endif
