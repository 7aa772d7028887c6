#ifndef PUSH_FIELDS_H
#define PUSH_FIELDS_H

#include "core/publication.h"
#include "http/params.h"
#include "http/settings.h"

/*
 * A publication as it comes over HTTP, checked field by field.  Both ways of
 * publishing fill it in: a request with headers, and a line of JSON.
 */

/* A field as text; problems name it as the publisher does. */
typedef struct push_field_t {
    const char *name;
    const char *kind; /* "bad-parameter", "bad-header" or "bad-member" */
    push_text_t text;
    bool given;
} push_field_t;

/* The fields that say for whom a message is. */
typedef struct push_address_t {
    push_field_t user, channel, broadcast, device;
} push_address_t;

/* Each checks one field and takes it into the publication, if it is given. */
const push_problem_t *push_fields_audience(apr_pool_t *pool,
                                           push_publication_t *asked,
                                           const push_address_t *address);
const push_problem_t *push_fields_urgency(apr_pool_t *pool,
                                          push_publication_t *asked,
                                          const push_field_t *field);
const push_problem_t *push_fields_topic(apr_pool_t *pool,
                                        push_publication_t *asked,
                                        const push_field_t *field);
const push_problem_t *push_fields_event(apr_pool_t *pool,
                                        push_publication_t *asked,
                                        const push_field_t *field);
const push_problem_t *push_fields_type(apr_pool_t *pool,
                                       push_publication_t *asked,
                                       const push_field_t *field);
/* A malformed one is for the caller to report, or to ignore. */
const push_problem_t *push_fields_trace(apr_pool_t *pool,
                                        push_publication_t *asked,
                                        const push_field_t *field);
const push_problem_t *push_fields_key(apr_pool_t *pool,
                                      push_publication_t *asked,
                                      const push_field_t *field);
/* A moment that has passed is now. */
const push_problem_t *push_fields_at(apr_pool_t *pool,
                                     push_publication_t *asked,
                                     const push_field_t *field);

/* TTL as a header: seconds (RFC 8030, section 5.2). */
const push_problem_t *push_fields_seconds(apr_pool_t *pool,
                                          const push_settings_t *settings,
                                          push_publication_t *asked,
                                          const push_field_t *field);

/* seconds were given, or -1; grants at most PushMaxTTL. */
void push_fields_ttl(const push_settings_t *settings,
                     push_publication_t *asked, int64_t seconds);

#endif
