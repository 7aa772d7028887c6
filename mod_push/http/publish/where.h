#ifndef PUSH_PUBLISH_WHERE_H
#define PUSH_PUBLISH_WHERE_H

#include "http/publish/fields.h"
#include "http/publish/members.h"

/* For which devices of its audience a message is (docs/audience.md). */

/* Takes the text of a field into the publication, if it is given. */
const push_problem_t *push_where_field(apr_pool_t *pool,
                                       push_publication_t *asked,
                                       const push_field_t *field);

/* The same for the members where, share, of and variant of a line. */
const push_problem_t *push_where_members(apr_pool_t *pool,
                                         push_publication_t *asked,
                                         const push_member_t *members);

#endif
