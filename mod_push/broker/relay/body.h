#ifndef PUSH_RELAY_BODY_H
#define PUSH_RELAY_BODY_H

#include "core/publication.h"

/*
 * A message as the line of NDJSON that another region gets
 * (docs/protocol.md), from its second member on: `"user":"anna",…}`.  What
 * stands before that is known only when it is sent.
 */

/* From malloc(), terminated, *len bytes; NULL: no memory. */
char *push_relay_body(const push_publication_t *publication, size_t *len);

#endif
