#ifndef PUSH_TRIGGER_EVENT_H
#define PUSH_TRIGGER_EVENT_H

#include <apr_pools.h>
#include <jansson.h>

#include "core/types.h"

/*
 * An event as triggers see it: a CloudEvent 1.0, however it came.  It is one
 * JSON object, its structured form, with `data` as JSON where that is JSON or
 * text, else `data_base64`; so a path names each part of it: `type`,
 * `data.rider`, `data.stops.0`.  In no string of it is a NUL.
 */

#define PUSH_EVENT_DEPTH_MAX                                                  \
    4u                           /* triggers that an event may have come
                                   through */
#define PUSH_EVENT_NAME_MAX 255u /* bytes of type, source, id and subject */

/* The event of a message that nobody has acknowledged so long after (PushWhen
   unacked=); it is queued when the message is published. */
#define PUSH_UNACKED_TYPE "push.message.unacked"

/* All but depth is borrowed from json, which the event owns. */
typedef struct push_trigger_event_t {
    json_t *json; /* the whole of it */
    push_text_t type, source, id;
    push_text_t subject, time; /* empty if not given; RFC 3339 */
    push_text_t traceparent;   /* its text; empty if not given */
    unsigned depth;            /* attribute `pushdepth` */
} push_trigger_event_t;

/*
 * Takes the object, whether it is good or not: checks it and fills in the
 * event; what has no `time` gets this one (wall ms), a malformed `traceparent`
 * is left out.  NULL; or what is wrong, in the pool: a sentence that names the
 * member and the legal range, and then nothing is owned.
 */
const char *push_trigger_event_init(apr_pool_t *pool, json_t *object,
                                    int64_t now, push_trigger_event_t *event);

/* Gives back what it owns.  It may be done twice. */
void push_trigger_event_cleanup(push_trigger_event_t *event);

/*
 * The value at the path: a string as it is, a number, true and false as JSON
 * has them; an object or an array as compact JSON.  NULL: there is none, or it
 * is null.  In the pool.
 */
const char *push_trigger_event_at(const push_trigger_event_t *event,
                                  apr_pool_t *pool, const char *path);

#endif
