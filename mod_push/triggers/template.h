#ifndef PUSH_TEMPLATE_H
#define PUSH_TEMPLATE_H

#include "triggers/event.h"

/*
 * A text with parts of an event in it:
 *   %{event:PATH}            the value at the path
 *   %{escape:%{event:PATH}}  the same, percent-encoded (RFC 3986, section 2.1)
 * In a URL each value is encoded, however it is written.
 */
typedef struct push_template_t push_template_t;

/*
 * In the pool.  NULL: *error says, in the pool, what is wrong with the text;
 * url: it must be http:// or https:// with host and port as plain text.
 */
push_template_t *push_template_make(apr_pool_t *pool, const char *text,
                                    bool url, const char **error);

/*
 * In the pool.  NULL: a value is missing or empty; in a URL also one that is
 * "." or "..", which would name another folder.
 */
const char *push_template_fill(const push_template_t *made, apr_pool_t *pool,
                               const push_trigger_event_t *event);

/* As it was written. */
const char *push_template_text(const push_template_t *made);

#endif
