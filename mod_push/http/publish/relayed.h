#ifndef PUSH_RELAYED_H
#define PUSH_RELAYED_H

#include "core/publication.h"
#include "http/problem.h"

/*
 * A request of another region's relay, which says so by the header
 * `Push-Relayed: 1`: its messages go to no further region.  What is refused for
 * now the relay sends again, so the later messages of the same audience are
 * refused as well: they must not overtake it.
 */

#define PUSH_RELAYED_AUDIENCES 256u

/* One request.  A zeroed one is a publisher's own. */
typedef struct push_relayed_t {
    bool is;
    unsigned count;
    /* hashes of the audiences whose messages are refused until it ends */
    uint64_t refused[PUSH_RELAYED_AUDIENCES];
} push_relayed_t;

const push_problem_t *push_relayed_read(const request_rec *r, bool *is);

/* That a message has to come later, since an earlier one does. */
const push_problem_t *push_relayed_check(const push_relayed_t *relayed,
                                         apr_pool_t *pool,
                                         const push_publication_t *asked);

/* A message was refused. */
void push_relayed_refused(push_relayed_t *relayed,
                          const push_publication_t *asked,
                          const push_problem_t *problem);

#endif
