#ifndef PUSH_PLACE_MEMBERS_H
#define PUSH_PLACE_MEMBERS_H

#include <jansson.h>

#include "core/geo.h"
#include "http/problem.h"

/* The members of the JSON objects that say where something is. */

/*
 * One object with no other members than these, of which NULL is the last; the
 * caller gives it back.
 */
const push_problem_t *push_members_read(apr_pool_t *pool, push_text_t text,
                                        const char *const *known,
                                        json_t **body);

/* "lat" and "lon" */
const push_problem_t *push_members_point(apr_pool_t *pool, const json_t *body,
                                         push_point_t *point);

typedef struct push_whole_member_t {
    const char *name;
    uint32_t least, most;
    bool optional;
    uint32_t fallback;
} push_whole_member_t;

/* A number; what it has behind the point is cut off. */
const push_problem_t *push_members_whole(apr_pool_t *pool, const json_t *body,
                                         const push_whole_member_t *member,
                                         uint32_t *value);

#endif
