#ifndef PUSH_ASSIGNED_RECORD_H
#define PUSH_ASSIGNED_RECORD_H

#include "core/assigned.h"
#include "store/shard/records.h"

/* The record of the channels that the server subscribes a user to. */

#define PUSH_RECORD_ASSIGNED 'U'

/* NULL: no memory. */
push_record_t *push_assigned_record_make(const unsigned char *id,
                                         const push_assigned_list_t *list);

/* The record that says: write this list as it is when its turn comes. */
push_record_t *push_assigned_refresh(const unsigned char *id, unsigned shard);

/*
 * A copy of the list, from malloc(), aligned; NULL: it is not one that was
 * made here, or there is no memory.
 */
push_assigned_list_t *push_assigned_record_read(push_text_t key,
                                                push_text_t value);

#endif
