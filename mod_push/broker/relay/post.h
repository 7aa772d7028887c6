#ifndef PUSH_RELAY_POST_H
#define PUSH_RELAY_POST_H

#include "broker/relay/state.h"

/* A shipment's request to its region. */

/* How a request ended. */
typedef enum push_post_end_t {
    PUSH_POST_TAKEN,  /* the lot has been told what became of each line */
    PUSH_POST_AWAY,   /* no answer, or one that says: later */
    PUSH_POST_DENIED, /* 401, 403 */
    PUSH_POST_WRONG   /* anything else */
} push_post_end_t;

/* Makes what stays the same for all its requests; false: no memory. */
bool push_post_init(push_shipment_t *shipment);
void push_post_cleanup(push_shipment_t *shipment);

/* Starts it; false: it could not be. */
bool push_post_start(push_shipment_t *shipment);

/* After it has ended; why: a sentence, of PUSH_POST_WHY bytes; *later: ms that
 * the region asks for, or 0. */
#define PUSH_POST_WHY 320u
push_post_end_t push_post_over(push_shipment_t *shipment, CURLcode result,
                               char *why, int64_t *later);

#endif
